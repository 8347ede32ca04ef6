/**
 * Hashes with fields that expire, in files as Redis 7.4 writes them. Both forms begin with the time of the field that expires
 * first, in ms since 1970 (eight bytes; 0: none does):
 *
 *     TYPE_HASH_LISTPACK_EX   the listpack of triples (keyspace/collections/timed-listpack.ts)
 *     TYPE_HASH_METADATA      how many fields, then for each: its time, field, value. A time is a length: 0 for none, else one
 *                             more than the ms that it lies behind the first
 *
 * What release candidates wrote lacks the first time, and times are not relative. Nothing older than version 12 knows any of it.
 */

import { ByteMap } from '../../bytes/byte-map.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import {
  lpBytes,
  lpFirst,
  lpInteger,
  lpNext,
  lpRead,
  lpValidate,
} from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { TRIPLE } from '../../keyspace/collections/timed-listpack.js'
import { refOf } from '../../keyspace/collections/value.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { writeArgument, writeCommandStart, writeTextArgument } from '../aof/record.js'
import { DecodedString } from '../rdb/cursor.js'
import * as format from '../rdb/format.js'
import type { RdbWriter } from '../rdb/writer.js'
import type { ByteSink } from '../sink.js'
import { BAD_VALUE, EMPTY_VALUE, ValueReader } from './codec.js'

/** The latest time that Redis takes from a file. */
const TIME_MAX = 2 ** 48 - 2
/** The file's way of saying that a field does not expire. */
const NEVER = 0

/** The type of a hash with fields that expire, null for another. */
export function timedType(keyspace: Keyspace, handle: number): number | null {
  if (keyspace.hashes.firstExpiry(handle) === NO_FIELD_EXPIRY) return null
  return keyspace.hashes.isSmall(handle) ? format.TYPE_HASH_LISTPACK_EX : format.TYPE_HASH_METADATA
}

export function writeTimed(writer: RdbWriter, keyspace: Keyspace, handle: number): void {
  const { hashes } = keyspace
  const first = hashes.firstExpiry(handle)
  writer.time(first)
  if (hashes.isSmall(handle)) {
    const pack = keyspace.fieldTimes.pack(refOf(keyspace.entries, handle))
    const u8 = keyspace.heap.u8[chunkOf(pack)]!
    const base = byteOf(pack)
    writer.string(u8, base, base + lpBytes(u8, base))
    return
  }
  const { field, value } = hashes
  writer.length(hashes.size(handle))
  hashes.forEach(handle, () => {
    writer.length(fileTime(hashes.expiry, first))
    writer.string(field.buf, field.start, field.end)
    writer.string(value.buf, value.start, value.end)
  })
}

/** The number that says in TYPE_HASH_METADATA when a field expires. */
export function fileTime(time_ms: number, first_ms: number): number {
  return time_ms === NO_FIELD_EXPIRY ? NEVER : time_ms - first_ms + 1
}

/** The command that gives a field of the hash under a key its time. */
export function writeFieldTime(
  sink: ByteSink,
  key: Uint8Array,
  keyStart: number,
  keyEnd: number,
  time_ms: number,
  field: Uint8Array,
  start: number,
  end: number,
): void {
  writeCommandStart(sink, 6)
  writeTextArgument(sink, 'HPEXPIREAT')
  writeArgument(sink, key, keyStart, keyEnd)
  writeTextArgument(sink, String(time_ms))
  writeTextArgument(sink, 'FIELDS')
  writeTextArgument(sink, '1')
  writeArgument(sink, field, start, end)
}

/** The fields' times as commands. */
export function rewriteTimes(sink: ByteSink, keyspace: Keyspace, handle: number): void {
  const { hashes, entries } = keyspace
  const { field } = hashes
  const key = entries.keyStart(handle)
  hashes.forEach(handle, () => {
    if (hashes.expiry === NO_FIELD_EXPIRY) return
    const buf = entries.bytes(handle)
    const end = key + entries.keyLength(handle)
    writeFieldTime(sink, buf, key, end, hashes.expiry, field.buf, field.start, field.end)
  })
}

/** Reads fields with their times, those relative to the first where `relative`. */
export function readTimedPairs(
  keyspace: Keyspace,
  buf: Uint8Array,
  start: number,
  end: number,
  relative: boolean,
): number {
  const { hashes } = keyspace
  const reader = new ValueReader(buf, start, end)
  const first = relative ? reader.time() : 1
  const count = reader.length()
  if (count === 0) return reader.ok ? EMPTY_VALUE : BAD_VALUE
  if (!(first >= 0 && first <= TIME_MAX)) return BAD_VALUE
  const field = new DecodedString()
  const value = new DecodedString()
  const bare = hashes.create()
  // A count that the data merely claims makes no room that its bytes could not fill.
  hashes.makeRoom(bare, Math.min(count, end - start), 0, 0)
  hashes.makeTimed(null, bare)
  for (let i = 0; i < count && reader.ok; i++) {
    const time = reader.length()
    if (!reader.string(field) || !reader.string(value)) break
    const at_ms = time === NEVER ? NEVER : time + first - 1
    reader.ok =
      at_ms <= TIME_MAX &&
      hashes.set(bare, field.buf, field.start, field.end, value.buf, value.start, value.end)
    if (reader.ok && at_ms !== NEVER) hashes.setExpiry(bare, field.buf, field.start, field.end, at_ms)
  }
  if (reader.ok && hashes.size(bare) === count) return bare
  keyspace.release(bare)
  return BAD_VALUE
}

/** Reads a listpack of triples; `timed`: the first time stands in front. */
export function readTriples(
  keyspace: Keyspace,
  buf: Uint8Array,
  start: number,
  end: number,
  timed: boolean,
): number {
  const { hashes, listpacks } = keyspace
  const reader = new ValueReader(buf, start, end)
  if (timed) reader.time()
  const whole = new DecodedString()
  if (!reader.string(whole)) return BAD_VALUE
  const count = lpValidate(whole.buf, whole.start, whole.end)
  if (count === 0) return EMPTY_VALUE
  if (count < 0 || count % TRIPLE !== 0 || !isSound(keyspace, whole.buf, whole.start)) return BAD_VALUE
  const bare = hashes.create()
  hashes.makeTimed(null, bare)
  hashes.adoptTriples(bare, listpacks.adopt(whole.buf, whole.start, whole.end))
  hashes.makeRoom(bare, count / TRIPLE, 0, 0)
  if (hashes.size(bare) === count / TRIPLE) return bare
  keyspace.release(bare)
  return BAD_VALUE
}

/** Whether times are times and in order, and no field is there twice. */
function isSound(keyspace: Keyspace, u8: Uint8Array, base: number): boolean {
  const piece = new Piece()
  const seen = new ByteMap<true>(keyspace.random32(), keyspace.random32())
  let before = 0
  for (let at = lpFirst(u8, base); at !== 0; ) {
    lpRead(u8, base, at, piece)
    at = lpNext(u8, base, lpNext(u8, base, at))
    const time = lpInteger(u8, base, at)
    if (!(time >= 0 && time <= TIME_MAX) || seen.has(piece.buf, piece.start, piece.end)) return false
    const order = time === NEVER ? Number.POSITIVE_INFINITY : time
    if (order < before) return false
    before = order
    seen.set(piece.buf.subarray(piece.start, piece.end), true)
    at = lpNext(u8, base, at)
  }
  return true
}
