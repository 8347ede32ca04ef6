/**
 * The small parts that every RDB item is made of, read from a range that may end too early: lengths and strings.
 * Each step says DONE and moves, or MORE (the bytes end before it does: nothing moved, try again when more has
 * come), or BAD with a reason. Nothing here allocates by a length that the file merely claims.
 */

import { type Int64, int64OfWords } from '../../bytes/int64.js'
import { lzfDecompress, lzfPlausible } from '../../bytes/lzf.js'
import { ENCODING_INT8, ENCODING_INT16, ENCODING_INT32, ENCODING_LZF } from './format.js'

export const DONE = 0
export const MORE = 1
export const BAD = 2
export type Step = typeof DONE | typeof MORE | typeof BAD

/** The longest string that is accepted; Redis itself stops at 512 MB unless told otherwise. */
export const STRING_BYTES_MAX = 2 ** 31 - 1
/** A decoded string's room beyond this is given up after use. */
const KEPT_ROOM_BYTES_MAX = 1024 * 1024
const INT32_DIGITS_MAX = 11
const ROOM_BYTES_MIN = 64
const NOTHING = new Uint8Array(0)

export class Cursor {
  buf: Uint8Array = new Uint8Array(0)
  pos = 0
  end = 0
  /** The last length: exact up to 2^53, beyond that near; `high` and `low` are its exact halves. */
  length = 0
  high = 0
  low = 0
  /** The last length was no length but named an encoding. */
  special = false
  reason = ''

  bad(reason: string): Step {
    this.reason = reason
    return BAD
  }

  skip(count: number): Step {
    if (this.end - this.pos < count) return MORE
    this.pos += count
    return DONE
  }

  readLength(): Step {
    const { buf, pos } = this
    const room = this.end - pos
    if (room < 1) return MORE
    const first = buf[pos]!
    this.high = 0
    this.special = first >= 0xc0
    if (first < 0x40 || first >= 0xc0) {
      this.low = first & 0x3f
      this.pos = pos + 1
    } else if (first < 0x80) {
      if (room < 2) return MORE
      this.low = ((first & 0x3f) << 8) | buf[pos + 1]!
      this.pos = pos + 2
    } else if (first === 0x80) {
      if (room < 5) return MORE
      this.low = bigEndian32(buf, pos + 1)
      this.pos = pos + 5
    } else if (first === 0x81) {
      if (room < 9) return MORE
      this.high = bigEndian32(buf, pos + 1)
      this.low = bigEndian32(buf, pos + 5)
      this.pos = pos + 9
    } else {
      return this.bad(`Unknown length encoding ${first >> 6} in rdbLoadLen()`)
    }
    this.length = this.high * 2 ** 32 + this.low
    return DONE
  }

  /** Passes over one string in whatever encoding. Whether LZF data is sound shows when it is decoded. */
  skipString(): Step {
    const start = this.pos
    const step = this.readLength()
    if (step !== DONE) return step
    if (!this.special) return this.skipFrom(start, this.length)
    if (this.low === ENCODING_INT8) return this.skipFrom(start, 1)
    if (this.low === ENCODING_INT16) return this.skipFrom(start, 2)
    if (this.low === ENCODING_INT32) return this.skipFrom(start, 4)
    if (this.low !== ENCODING_LZF) return this.bad(`Unknown RDB string encoding type ${this.low}`)
    const first = this.readLength()
    const compressed = this.length
    const second = first === DONE ? this.readLength() : first
    if (second !== DONE) {
      this.pos = start
      return second
    }
    if (this.length > STRING_BYTES_MAX || !lzfPlausible(compressed, this.length)) {
      return this.bad('Invalid LZF compressed string')
    }
    return this.skipFrom(start, compressed)
  }

  private skipFrom(start: number, count: number): Step {
    if (this.end - this.pos >= count) {
      this.pos += count
      return DONE
    }
    this.pos = start
    return MORE
  }
}

/** A string as bytes: a range of the input, or of room of its own when it was stored encoded. */
export class DecodedString {
  buf: Uint8Array = NOTHING
  start = 0
  end = 0
  /** For strings that do not stand as they are in the file; made when the first one comes: most values have none. */
  private room: Uint8Array = NOTHING

  /**
   * Decodes the string that begins at `cursor.pos` and that `skipString` has found whole. BAD when its LZF data
   * does not give what it claims.
   */
  decode(cursor: Cursor): Step {
    cursor.readLength()
    const { buf } = cursor
    if (!cursor.special) {
      this.buf = buf
      this.start = cursor.pos
      this.end = cursor.pos + cursor.length
      cursor.pos = this.end
      return DONE
    }
    if (cursor.low === ENCODING_LZF) return this.decompress(cursor)
    const at = cursor.pos
    let value = 0
    if (cursor.low === ENCODING_INT8) {
      value = (buf[at]! << 24) >> 24
      cursor.pos = at + 1
    } else if (cursor.low === ENCODING_INT16) {
      value = ((buf[at]! | (buf[at + 1]! << 8)) << 16) >> 16
      cursor.pos = at + 2
    } else {
      value = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)
      cursor.pos = at + 4
    }
    if (this.room.length < INT32_DIGITS_MAX) this.room = new Uint8Array(ROOM_BYTES_MIN)
    this.buf = this.room
    this.end = INT32_DIGITS_MAX
    this.start = writeInt32Backwards(value, this.room, INT32_DIGITS_MAX)
    return DONE
  }

  private decompress(cursor: Cursor): Step {
    cursor.readLength()
    const compressed = cursor.length
    cursor.readLength()
    const size = cursor.length
    if (size > this.room.length) {
      const kept = new Uint8Array(Math.max(size, ROOM_BYTES_MIN))
      if (size <= KEPT_ROOM_BYTES_MAX) this.room = kept
      this.buf = kept
    } else {
      this.buf = this.room
    }
    const to = cursor.pos + compressed
    if (lzfDecompress(cursor.buf, cursor.pos, to, this.buf, 0, size) !== size) {
      return cursor.bad('Invalid LZF compressed string')
    }
    cursor.pos = to
    this.start = 0
    this.end = size
    return DONE
  }
}

/** Writes `value` in ASCII so that it ends before `buf[end]`; where it starts. */
function writeInt32Backwards(value: number, buf: Uint8Array, end: number): number {
  let at = end
  let rest = Math.abs(value)
  do {
    buf[--at] = 0x30 + (rest % 10)
    rest = Math.floor(rest / 10)
  } while (rest > 0)
  if (value < 0) buf[--at] = 0x2d
  return at
}

function bigEndian32(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0
}

/** The signed 64-bit little endian number at `buf[at]`. */
export function littleEndianInt64(buf: Uint8Array, at: number): Int64 {
  return int64OfWords(littleEndian32(buf, at + 4), littleEndian32(buf, at))
}

/** The signed 32-bit little endian number at `buf[at]`. */
export function littleEndian32(buf: Uint8Array, at: number): number {
  return buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)
}
