/**
 * Hashes in files: a listpack where the version knows it, else fields and values one by one; reading, zipmaps and ziplists too.
 * Hashes with fields that expire are in hash-times.ts, and ask for a version that older readers do not know.
 */

import { ByteMap } from '../../bytes/byte-map.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import {
  LP_BYTES_MAX,
  lpBytes,
  lpFirst,
  lpNext,
  lpRead,
  lpValidate,
} from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { bareEntry, refOf, setRef } from '../../keyspace/collections/value.js'
import { HASH, LISTPACK } from '../../keyspace/entries.js'
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
import { readTimedPairs, readTriples, rewriteTimes, timedType, writeTimed } from './hash-times.js'
import { readZiplist, readZipmap } from './ziplist.js'

/** Version 10 came with listpacks in the place of ziplists. */
const LISTPACK_SINCE = 10

export const HASH_CODEC: ValueCodec = {
  rdbType(keyspace, handle, version) {
    const timed = timedType(keyspace, handle)
    if (timed !== null) return timed
    return isPairs(keyspace, handle) && version >= LISTPACK_SINCE
      ? format.TYPE_HASH_LISTPACK
      : format.TYPE_HASH
  },

  write(writer, keyspace, handle) {
    const { hashes } = keyspace
    if (timedType(keyspace, handle) !== null) {
      writeTimed(writer, keyspace, handle)
      return
    }
    if (isPairs(keyspace, handle) && writer.version >= LISTPACK_SINCE) {
      const ref = refOf(keyspace.entries, handle)
      const u8 = keyspace.heap.u8[chunkOf(ref)]!
      const base = byteOf(ref)
      writer.string(u8, base, base + lpBytes(u8, base))
      return
    }
    const { field, value } = hashes
    writer.length(hashes.size(handle))
    hashes.forEach(handle, () => {
      writer.string(field.buf, field.start, field.end)
      writer.string(value.buf, value.start, value.end)
    })
  },

  rewrite(sink, keyspace, handle) {
    const { hashes, entries } = keyspace
    const { field, value } = hashes
    const key = entries.keyStart(handle)
    let left = hashes.size(handle)
    let inCommand = 0
    hashes.forEach(handle, () => {
      if (inCommand === 0) {
        inCommand = Math.min(left, REWRITE_ITEMS_MAX)
        writeCommandStart(sink, 2 + inCommand * 2)
        writeTextArgument(sink, 'HMSET')
        writeArgument(sink, entries.bytes(handle), key, key + entries.keyLength(handle))
      }
      writeArgument(sink, field.buf, field.start, field.end)
      writeArgument(sink, value.buf, value.start, value.end)
      inCommand--
      left--
    })
    if (timedType(keyspace, handle) !== null) rewriteTimes(sink, keyspace, handle)
  },

  read(keyspace, rdbType, buf, start, end, deep) {
    if (rdbType === format.TYPE_HASH) return readPairs(keyspace, buf, start, end, deep)
    if (rdbType === format.TYPE_HASH_METADATA || rdbType === format.TYPE_HASH_METADATA_PRE_GA) {
      return readTimedPairs(keyspace, buf, start, end, rdbType === format.TYPE_HASH_METADATA)
    }
    if (rdbType === format.TYPE_HASH_LISTPACK_EX || rdbType === format.TYPE_HASH_LISTPACK_EX_PRE_GA) {
      return readTriples(keyspace, buf, start, end, rdbType === format.TYPE_HASH_LISTPACK_EX)
    }
    const whole = onlyString(buf, start, end)
    if (whole === null) return BAD_VALUE
    if (rdbType === format.TYPE_HASH_LISTPACK) return readListpack(keyspace, whole, deep)
    const read = rdbType === format.TYPE_HASH_ZIPMAP ? readZipmap : readZiplist
    if (rdbType !== format.TYPE_HASH_ZIPMAP && rdbType !== format.TYPE_HASH_ZIPLIST) return UNKNOWN_VALUE
    const { listpacks } = keyspace
    let ref = listpacks.create(whole.end - whole.start)
    let longest = 0
    const count = read(whole.buf, whole.start, whole.end, (piece) => {
      ref = listpacks.append(ref, piece.buf, piece.start, piece.end)
      // Only of zipmaps, which knew no limit, does Redis look at this.
      if (rdbType === format.TYPE_HASH_ZIPMAP) longest = Math.max(longest, piece.length)
    })
    return finish(keyspace, ref, count < 0 ? -1 : listpacks.count(ref), longest, deep)
  },
}

/** Whether it is kept as the listpack that TYPE_HASH_LISTPACK is. */
function isPairs(keyspace: Keyspace, handle: number): boolean {
  return keyspace.entries.encoding(handle) === LISTPACK
}

function readListpack(keyspace: Keyspace, whole: DecodedString, deep: boolean): number {
  const count = lpValidate(whole.buf, whole.start, whole.end)
  if (count < 0) return BAD_VALUE
  return finish(keyspace, keyspace.listpacks.adopt(whole.buf, whole.start, whole.end), count, 0, deep)
}

/** A bare entry of a listpack of `count` elements, -1 where it turned out to be none. */
function finish(keyspace: Keyspace, ref: number, count: number, longest: number, deep: boolean): number {
  if (count <= 0 || (count & 1) !== 0 || (deep && hasTwice(keyspace, ref))) {
    keyspace.heap.free(ref)
    return count === 0 ? EMPTY_VALUE : BAD_VALUE
  }
  const bare = bareEntry(keyspace.entries, HASH, LISTPACK, ref)
  keyspace.hashes.makeRoom(bare, count >>> 1, longest, 0)
  if (keyspace.hashes.size(bare) === count >>> 1) return bare
  keyspace.release(bare)
  return BAD_VALUE
}

function hasTwice(keyspace: Keyspace, ref: number): boolean {
  const u8 = keyspace.heap.u8[chunkOf(ref)]!
  const base = byteOf(ref)
  const piece = new Piece()
  const seen = new ByteMap<true>(keyspace.random32(), keyspace.random32())
  for (let at = lpFirst(u8, base); at !== 0; ) {
    lpRead(u8, base, at, piece)
    if (seen.has(piece.buf, piece.start, piece.end)) return true
    seen.set(piece.buf.subarray(piece.start, piece.end), true)
    at = lpNext(u8, base, lpNext(u8, base, at))
  }
  return false
}

function readPairs(keyspace: Keyspace, buf: Uint8Array, start: number, end: number, deep: boolean): number {
  const { hashes, listpacks, entries } = keyspace
  const reader = new ValueReader(buf, start, end)
  const count = reader.length()
  if (count === 0) return reader.ok ? EMPTY_VALUE : BAD_VALUE
  const field = new DecodedString()
  const value = new DecodedString()
  const bare = hashes.create()
  hashes.makeRoom(bare, Math.min(count, end - start), 0, 0)
  for (let i = 0; i < count; i++) {
    if (!reader.string(field) || !reader.string(value)) break
    const bytes = field.end - field.start + value.end - value.start
    hashes.makeRoom(bare, 0, Math.max(field.end - field.start, value.end - value.start), bytes)
    if (deep || !hashes.isSmall(bare)) {
      reader.ok = hashes.set(bare, field.buf, field.start, field.end, value.buf, value.start, value.end)
      if (!reader.ok) break
      continue
    }
    // Redis would not write a field twice, and to look for it each time costs more than all the rest.
    let ref = refOf(entries, bare)
    if (listpacks.bytes(ref) + bytes > LP_BYTES_MAX) break
    ref = listpacks.append(ref, field.buf, field.start, field.end)
    setRef(entries, bare, listpacks.append(ref, value.buf, value.start, value.end))
  }
  if (reader.ok && hashes.size(bare) === count) return bare
  keyspace.release(bare)
  return BAD_VALUE
}
