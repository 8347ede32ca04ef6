/**
 * Sorted sets in files: a listpack where the version knows it, else members and scores one by one; reading, ziplists and scores
 * in digits too.
 */

import { ByteMap } from '../../bytes/byte-map.js'
import { formatDigits } from '../../bytes/double.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { lpBytes, lpFirst, lpNext, lpRead, lpValidate } from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { lpScore } from '../../keyspace/collections/scored-listpack.js'
import { bareEntry, refOf } from '../../keyspace/collections/value.js'
import { LISTPACK, ZSET } from '../../keyspace/entries.js'
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
import { readZiplist } from './ziplist.js'

/** Version 10 came with listpacks in the place of ziplists. */
const LISTPACK_SINCE = 10

export const ZSET_CODEC: ValueCodec = {
  rdbType: (keyspace, handle, version) =>
    keyspace.zsets.isSmall(handle) && version >= LISTPACK_SINCE
      ? format.TYPE_ZSET_LISTPACK
      : format.TYPE_ZSET_2,

  write(writer, keyspace, handle) {
    const { zsets } = keyspace
    if (zsets.isSmall(handle) && writer.version >= LISTPACK_SINCE) {
      const ref = refOf(keyspace.entries, handle)
      const u8 = keyspace.heap.u8[chunkOf(ref)]!
      const base = byteOf(ref)
      writer.string(u8, base, base + lpBytes(u8, base))
      return
    }
    const { member } = zsets
    const size = zsets.size(handle)
    writer.length(size)
    // From the last to the first: Redis, which writes them so, then inserts each at the front.
    zsets.range(handle, 0, size, true, () => {
      writer.string(member.buf, member.start, member.end)
      writer.sink.double(zsets.score)
    })
  },

  rewrite(sink, keyspace, handle) {
    const { zsets, entries } = keyspace
    const { member } = zsets
    const key = entries.keyStart(handle)
    let left = zsets.size(handle)
    let inCommand = 0
    zsets.forEach(handle, () => {
      if (inCommand === 0) {
        inCommand = Math.min(left, REWRITE_ITEMS_MAX)
        writeCommandStart(sink, 2 + inCommand * 2)
        writeTextArgument(sink, 'ZADD')
        writeArgument(sink, entries.bytes(handle), key, key + entries.keyLength(handle))
      }
      writeTextArgument(sink, formatDigits(zsets.score))
      writeArgument(sink, member.buf, member.start, member.end)
      inCommand--
      left--
    })
  },

  read(keyspace, rdbType, buf, start, end, deep) {
    if (rdbType === format.TYPE_ZSET || rdbType === format.TYPE_ZSET_2) {
      return readPairs(keyspace, buf, start, end, rdbType === format.TYPE_ZSET_2)
    }
    const whole = onlyString(buf, start, end)
    if (whole === null) return BAD_VALUE
    const { listpacks } = keyspace
    if (rdbType === format.TYPE_ZSET_LISTPACK) {
      const count = lpValidate(whole.buf, whole.start, whole.end)
      if (count < 0) return BAD_VALUE
      return finish(keyspace, listpacks.adopt(whole.buf, whole.start, whole.end), count, deep)
    }
    if (rdbType !== format.TYPE_ZSET_ZIPLIST) return UNKNOWN_VALUE
    let ref = listpacks.create(whole.end - whole.start)
    const count = readZiplist(whole.buf, whole.start, whole.end, (piece) => {
      ref = listpacks.append(ref, piece.buf, piece.start, piece.end)
    })
    return finish(keyspace, ref, count, deep)
  },
}

/** A bare entry of a listpack of `count` elements, -1 where it turned out to be none. */
function finish(keyspace: Keyspace, ref: number, count: number, deep: boolean): number {
  if (count <= 0 || (count & 1) !== 0 || !isSound(keyspace, ref, deep)) {
    keyspace.heap.free(ref)
    return count === 0 ? EMPTY_VALUE : BAD_VALUE
  }
  const bare = bareEntry(keyspace.entries, ZSET, LISTPACK, ref)
  keyspace.zsets.makeRoom(bare, count >>> 1)
  if (keyspace.zsets.size(bare) === count >>> 1) return bare
  keyspace.release(bare)
  return BAD_VALUE
}

/** Whether every second element is a score, and with `deep` no member is there twice. */
function isSound(keyspace: Keyspace, ref: number, deep: boolean): boolean {
  const u8 = keyspace.heap.u8[chunkOf(ref)]!
  const base = byteOf(ref)
  const piece = new Piece()
  const seen = new ByteMap<true>(keyspace.random32(), keyspace.random32())
  for (let at = lpFirst(u8, base); at !== 0; ) {
    if (deep) {
      lpRead(u8, base, at, piece)
      if (seen.has(piece.buf, piece.start, piece.end)) return false
      seen.set(piece.buf.subarray(piece.start, piece.end), true)
    }
    at = lpNext(u8, base, at)
    if (Number.isNaN(lpScore(u8, base, at, piece))) return false
    at = lpNext(u8, base, at)
  }
  return true
}

function readPairs(keyspace: Keyspace, buf: Uint8Array, start: number, end: number, binary: boolean): number {
  const { zsets } = keyspace
  const reader = new ValueReader(buf, start, end)
  const count = reader.length()
  if (count === 0) return reader.ok ? EMPTY_VALUE : BAD_VALUE
  const member = new DecodedString()
  // A count that the data merely claims makes no room that its bytes could not fill.
  const bare = zsets.create(Math.min(count, end - start))
  for (let i = 0; i < count && reader.string(member); i++) {
    const score = binary ? reader.double() : reader.textDouble()
    if (!reader.ok) break
    reader.ok = !Number.isNaN(score) && zsets.set(bare, member.buf, member.start, member.end, score)
    if (!reader.ok) break
  }
  if (reader.ok && zsets.size(bare) === count) return bare
  keyspace.release(bare)
  return BAD_VALUE
}
