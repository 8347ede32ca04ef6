/** Sets in files: an intset, a listpack where the version knows it, else members one by one. */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { intsetBytes, intsetValidate } from '../../keyspace/collections/intset.js'
import { lpBytes, lpFirst, lpNext, lpRead, lpValidate } from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { bareEntry, refOf } from '../../keyspace/collections/value.js'
import { INTSET, LISTPACK, SET } from '../../keyspace/entries.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { writeArgument, writeCommandStart, writeTextArgument } from '../aof/record.js'
import { DecodedString } from '../rdb/cursor.js'
import * as format from '../rdb/format.js'
import {
  BAD_VALUE,
  EMPTY_VALUE,
  onlyString,
  REWRITE_ITEMS_MAX,
  UNKNOWN_VALUE,
  type ValueCodec,
  ValueReader,
} from './codec.js'

/** Version 11, Redis 7.2, came with sets as listpacks. */
const LISTPACK_SINCE = 11

export const SET_CODEC: ValueCodec = {
  rdbType(keyspace, handle, version) {
    const encoding = keyspace.entries.encoding(handle)
    if (encoding === INTSET) return format.TYPE_SET_INTSET
    return encoding === LISTPACK && version >= LISTPACK_SINCE ? format.TYPE_SET_LISTPACK : format.TYPE_SET
  },

  write(writer, keyspace, handle) {
    const { sets, entries } = keyspace
    const encoding = entries.encoding(handle)
    if (encoding === INTSET || (encoding === LISTPACK && writer.version >= LISTPACK_SINCE)) {
      const ref = refOf(entries, handle)
      const u8 = keyspace.heap.u8[chunkOf(ref)]!
      const base = byteOf(ref)
      writer.string(u8, base, base + (encoding === INTSET ? intsetBytes(u8, base) : lpBytes(u8, base)))
      return
    }
    const { member } = sets
    writer.length(sets.size(handle))
    sets.forEach(handle, () => writer.string(member.buf, member.start, member.end))
  },

  rewrite(sink, keyspace, handle) {
    const { sets, entries } = keyspace
    const { member } = sets
    const key = entries.keyStart(handle)
    let left = sets.size(handle)
    let inCommand = 0
    sets.forEach(handle, () => {
      if (inCommand === 0) {
        inCommand = Math.min(left, REWRITE_ITEMS_MAX)
        writeCommandStart(sink, 2 + inCommand)
        writeTextArgument(sink, 'SADD')
        writeArgument(sink, entries.bytes(handle), key, key + entries.keyLength(handle))
      }
      writeArgument(sink, member.buf, member.start, member.end)
      inCommand--
      left--
    })
  },

  read(keyspace, rdbType, buf, start, end) {
    if (rdbType === format.TYPE_SET) return readMembers(keyspace, buf, start, end)
    const whole = onlyString(buf, start, end)
    if (whole === null) return BAD_VALUE
    if (rdbType === format.TYPE_SET_INTSET) return readIntset(keyspace, whole)
    return rdbType === format.TYPE_SET_LISTPACK ? readListpack(keyspace, whole) : UNKNOWN_VALUE
  },
}

function readMembers(keyspace: Keyspace, buf: Uint8Array, start: number, end: number): number {
  const { sets } = keyspace
  const reader = new ValueReader(buf, start, end)
  const count = reader.length()
  if (count === 0) return reader.ok ? EMPTY_VALUE : BAD_VALUE
  const member = new DecodedString()
  let bare = 0
  for (let i = 0; i < count && reader.string(member); i++) {
    // A count that the data merely claims makes no room that its bytes could not fill.
    if (bare === 0) bare = sets.create(member.buf, member.start, member.end, Math.min(count, end - start))
    if (sets.add(bare, member.buf, member.start, member.end)) continue
    reader.ok = false
  }
  if (reader.ok && bare !== 0) return bare
  if (bare !== 0) keyspace.release(bare)
  return BAD_VALUE
}

function readIntset(keyspace: Keyspace, whole: DecodedString): number {
  const count = intsetValidate(whole.buf, whole.start, whole.end)
  if (count <= 0) return count === 0 ? EMPTY_VALUE : BAD_VALUE
  const ref = keyspace.intsets.adopt(whole.buf, whole.start, whole.end)
  const bare = bareEntry(keyspace.entries, SET, INTSET, ref)
  keyspace.sets.makeRoom(bare, count)
  return bare
}

function readListpack(keyspace: Keyspace, whole: DecodedString): number {
  const { sets } = keyspace
  const { buf, start, end } = whole
  const count = lpValidate(buf, start, end)
  if (count <= 0) return count === 0 ? EMPTY_VALUE : BAD_VALUE
  // Member by member, so that none is there twice, and integers alone become what they would be here.
  const piece = new Piece()
  let bare = 0
  for (let at = lpFirst(buf, start); at !== 0; at = lpNext(buf, start, at)) {
    lpRead(buf, start, at, piece)
    if (bare === 0)
      bare =
        count > keyspace.limit('set-max-listpack-entries')
          ? sets.create(piece.buf, piece.start, piece.end, count)
          : sets.createListpack()
    if (sets.add(bare, piece.buf, piece.start, piece.end)) continue
    keyspace.release(bare)
    return BAD_VALUE
  }
  return bare
}
