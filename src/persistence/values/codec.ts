/**
 * What files know of a type of collection: how its values become RDB data or commands, and how they come back from every
 * form that Redis ever gave them. Snapshot, loading, DUMP and RESTORE ask `codecOf` (index.ts) and know no type by name.
 */

import { text } from '../../bytes/ascii.js'
import { parseDouble } from '../../bytes/double.js'
import { readInt64 } from '../../keyspace/collections/piece.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { Cursor, DecodedString, DONE } from '../rdb/cursor.js'
import type { RdbWriter } from '../rdb/writer.js'
import type { ByteSink } from '../sink.js'

/** What `read` returns for data that is damaged … */
export const BAD_VALUE = -1
/** … and for what is known but cannot be held yet. */
export const UNKNOWN_VALUE = -2
/** … and for a collection without elements, which should not exist. */
export const EMPTY_VALUE = 0

export interface ValueCodec {
  /** The RDB type that `write` gives the entry's value in a file of `version`: the nearest to how it is kept. */
  rdbType(keyspace: Keyspace, handle: number, version: number): number
  /** The value without type and key. */
  write(writer: RdbWriter, keyspace: Keyspace, handle: number): void
  /** The value as commands that make it, `key` being the arguments' first. */
  rewrite(sink: ByteSink, keyspace: Keyspace, handle: number): void
  /**
   * A bare entry (keyspace/collections/value.ts) with the value whose serialized form, found whole by the framer, is
   * `buf[start, end)`; or one of the numbers above. `deep`: nothing is believed, not even that elements differ.
   */
  read(
    keyspace: Keyspace,
    rdbType: number,
    buf: Uint8Array,
    start: number,
    end: number,
    deep: boolean,
  ): number
}

/** Elements that one command of a rewritten append-only file carries, as in Redis. */
export const REWRITE_ITEMS_MAX = 64

/** A length that stands in one byte is no larger. */
const LENGTH_BYTE_MAX = 255

/** Reads lengths and strings of a serialized value, one by one. Where one is bad, so is all that follows. */
export class ValueReader {
  ok = true
  private readonly cursor = new Cursor()

  constructor(buf: Uint8Array, start: number, end: number) {
    this.cursor.buf = buf
    this.cursor.pos = start
    this.cursor.end = end
  }

  length(): number {
    if (this.ok && this.cursor.readLength() === DONE && !this.cursor.special) return this.cursor.length
    this.ok = false
    return 0
  }

  /** A time of eight bytes, least significant first; NaN where a double would not hold it exactly. */
  time(): number {
    const { cursor } = this
    if (!this.ok || cursor.end - cursor.pos < 8) {
      this.ok = false
      return 0
    }
    const value = readInt64(cursor.buf, cursor.pos)
    cursor.pos += 8
    return typeof value === 'number' ? value : Number.NaN
  }

  /** A double of eight bytes, least significant first. */
  double(): number {
    const { cursor } = this
    if (!this.ok || cursor.end - cursor.pos < 8) {
      this.ok = false
      return 0
    }
    const { buf, pos } = cursor
    cursor.pos += 8
    return new DataView(buf.buffer, buf.byteOffset + pos, 8).getFloat64(0, true)
  }

  /** A double as its digits behind a byte that counts them, as before Redis 4; 253 to 255 are NaN and the infinities. */
  textDouble(): number {
    const { cursor } = this
    const length = this.ok && cursor.pos < cursor.end ? cursor.buf[cursor.pos]! : -1
    cursor.pos++
    if (length === 254) return Number.POSITIVE_INFINITY
    if (length === 255) return Number.NEGATIVE_INFINITY
    const from = cursor.pos
    if (length < 0 || length === 253 || cursor.end - from < length) {
      this.ok = false
      return 0
    }
    cursor.pos += length
    const value = parseDouble(text(cursor.buf, from, from + length, LENGTH_BYTE_MAX).trim())
    this.ok = value !== null
    return value ?? 0
  }

  /** The next string into `into`; false where there is none. */
  string(into: DecodedString): boolean {
    const { cursor } = this
    const at = cursor.pos
    if (this.ok && cursor.skipString() === DONE) {
      cursor.pos = at
      if (into.decode(cursor) === DONE) return true
    }
    this.ok = false
    return false
  }
}

/** The one string that the value consists of, or null. */
export function onlyString(buf: Uint8Array, start: number, end: number): DecodedString | null {
  const string = new DecodedString()
  return new ValueReader(buf, start, end).string(string) ? string : null
}
