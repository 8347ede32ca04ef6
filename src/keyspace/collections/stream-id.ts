/**
 * The ID of a stream's entry: milliseconds and a sequence number, both unsigned integers of 64 bits, `1526919030474-55`. A
 * double holds 53, so an ID is four 32-bit words here, the highest first; in the order of these words IDs are compared,
 * and so they stand, big endian, in RDB files. Objects of this class are made once and filled again and again: no entry has one.
 */

import { writeInteger } from '../../bytes/ascii.js'
import { addInt64, type Int64, normalInt64 } from '../../bytes/int64.js'

const WORD = 2 ** 32
const WORD_MAX = 0xffffffff
/** Digits are made of so many at once. */
const PART_DIGITS = 8
const PART = 10 ** PART_DIGITS
/** The digits of 00 to 99. */
const PAIRS = Uint8Array.from(
  { length: 200 },
  (_, i) => 0x30 + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10),
)
/** High words below this make, with the low word, an integer that a double holds. */
const SAFE_HIGH = 0x200000
/** The longest ID in ASCII: twice twenty digits and a dash. */
export const STREAM_ID_DIGITS_MAX = 41
export const STREAM_ID_BYTES = 16

export { addInt64, type Int64, normalInt64 }

export class StreamId {
  msHigh = 0
  msLow = 0
  seqHigh = 0
  seqLow = 0

  /** Becomes the same as another. */
  set(other: StreamId): this {
    this.msHigh = other.msHigh
    this.msLow = other.msLow
    this.seqHigh = other.seqHigh
    this.seqLow = other.seqLow
    return this
  }

  /** Becomes what four words say. */
  words(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh
    this.msLow = msLow
    this.seqHigh = seqHigh
    this.seqLow = seqLow
    return this
  }

  /** Becomes `ms`, a safe integer, with sequence number 0. */
  setTime(ms: number): this {
    return this.words(Math.floor(ms / WORD), ms >>> 0, 0, 0)
  }

  setZero(): this {
    return this.words(0, 0, 0, 0)
  }

  setMax(): this {
    return this.words(WORD_MAX, WORD_MAX, WORD_MAX, WORD_MAX)
  }

  get isZero(): boolean {
    return this.msLow === 0 && this.seqLow === 0 && this.msHigh === 0 && this.seqHigh === 0
  }

  get isMax(): boolean {
    return this.seqLow === WORD_MAX && this.seqHigh === WORD_MAX && this.hasMaxTime
  }

  private get hasMaxTime(): boolean {
    return this.msLow === WORD_MAX && this.msHigh === WORD_MAX
  }

  sameTime(other: StreamId): boolean {
    return this.msLow === other.msLow && this.msHigh === other.msHigh
  }

  get hasMaxSequence(): boolean {
    return this.seqLow === WORD_MAX && this.seqHigh === WORD_MAX
  }

  /** Less than, equal to or greater than zero. */
  compare(other: StreamId): number {
    return (
      this.msHigh - other.msHigh ||
      this.msLow - other.msLow ||
      this.seqHigh - other.seqHigh ||
      this.seqLow - other.seqLow
    )
  }

  equals(other: StreamId): boolean {
    return this.seqLow === other.seqLow && this.compare(other) === 0
  }

  /** Becomes the next ID; false where there is none, and it is 0-0 then. */
  increment(): boolean {
    if (this.seqLow !== WORD_MAX) {
      this.seqLow++
      return true
    }
    this.seqLow = 0
    if (this.seqHigh !== WORD_MAX) {
      this.seqHigh++
      return true
    }
    this.seqHigh = 0
    if (this.msLow !== WORD_MAX) {
      this.msLow++
      return true
    }
    this.msLow = 0
    if (this.msHigh !== WORD_MAX) {
      this.msHigh++
      return true
    }
    this.msHigh = 0
    return false
  }

  /** Becomes the ID before; false where there is none, and it is the highest then. */
  decrement(): boolean {
    if (this.seqLow !== 0) {
      this.seqLow--
      return true
    }
    this.seqLow = WORD_MAX
    if (this.seqHigh !== 0) {
      this.seqHigh--
      return true
    }
    this.seqHigh = WORD_MAX
    if (this.msLow !== 0) {
      this.msLow--
      return true
    }
    this.msLow = WORD_MAX
    if (this.msHigh !== 0) {
      this.msHigh--
      return true
    }
    this.msHigh = WORD_MAX
    return false
  }

  /** How far the milliseconds are ahead of those of `base`: a signed integer of 64 bits. */
  msFrom(base: StreamId): Int64 {
    return difference(this.msHigh, this.msLow, base.msHigh, base.msLow)
  }

  /** The same of the sequence numbers. */
  seqFrom(base: StreamId): Int64 {
    return difference(this.seqHigh, this.seqLow, base.seqHigh, base.seqLow)
  }

  /** Becomes `base` with these differences added to its two numbers, which wrap around. */
  setFrom(base: StreamId, ms: Int64, seq: Int64): void {
    const msLow = typeof ms === 'number' && ms >= 0 ? base.msLow + ms : WORD
    if (msLow < WORD) {
      this.msHigh = base.msHigh
      this.msLow = msLow
    } else {
      const sum = sum64(base.msHigh, base.msLow, ms)
      this.msHigh = Number(sum >> 32n)
      this.msLow = Number(sum & 0xffffffffn)
    }
    const seqLow = typeof seq === 'number' && seq >= 0 ? base.seqLow + seq : WORD
    if (seqLow < WORD) {
      this.seqHigh = base.seqHigh
      this.seqLow = seqLow
    } else {
      const sum = sum64(base.seqHigh, base.seqLow, seq)
      this.seqHigh = Number(sum >> 32n)
      this.seqLow = Number(sum & 0xffffffffn)
    }
  }

  /** Writes the ID as digits; returns the position behind it. At most STREAM_ID_DIGITS_MAX bytes. */
  write(buf: Uint8Array, at: number): number {
    const dash = writeUnsigned(buf, at, this.msHigh, this.msLow)
    buf[dash] = 0x2d
    return writeUnsigned(buf, dash + 1, this.seqHigh, this.seqLow)
  }

  /** The ID as digits, in bytes of its own. */
  bytes(): Uint8Array {
    const room = new Uint8Array(STREAM_ID_DIGITS_MAX)
    return room.subarray(0, this.write(room, 0))
  }

  text(): string {
    return String.fromCharCode(...this.bytes())
  }

  /** Becomes the ID whose sixteen bytes stand, big endian, at `buf[at]`. */
  read(buf: Uint8Array, at: number): this {
    return this.words(wordAt(buf, at), wordAt(buf, at + 4), wordAt(buf, at + 8), wordAt(buf, at + 12))
  }

  /** Writes the sixteen bytes. */
  writeBytes(buf: Uint8Array, at: number): void {
    putWord(buf, at, this.msHigh)
    putWord(buf, at + 4, this.msLow)
    putWord(buf, at + 8, this.seqHigh)
    putWord(buf, at + 12, this.seqLow)
  }

  /** What `ms` or `seq` is, as a bigint: for what is not done often. */
  get ms(): bigint {
    return (BigInt(this.msHigh) << 32n) | BigInt(this.msLow)
  }

  get seq(): bigint {
    return (BigInt(this.seqHigh) << 32n) | BigInt(this.seqLow)
  }
}

/**
 * The digits of IDs that are made one after the other: those of the milliseconds are kept, since the next ID has the same as a rule,
 * and mostly small sequence numbers follow.
 */
export class IdDigits {
  private readonly front = new Uint8Array(STREAM_ID_DIGITS_MAX)
  private frontBytes = 0
  private msHigh = -1
  private msLow = -1

  /** As `id.write(buf, at)`. */
  write(id: StreamId, buf: Uint8Array, at: number): number {
    const { front } = this
    if (id.msLow !== this.msLow || id.msHigh !== this.msHigh) {
      this.msLow = id.msLow
      this.msHigh = id.msHigh
      const dash = writeUnsigned(front, 0, id.msHigh, id.msLow)
      front[dash] = 0x2d
      this.frontBytes = dash + 1
    }
    const { frontBytes } = this
    for (let i = 0; i < frontBytes; i++) buf[at + i] = front[i]!
    return writeUnsigned(buf, at + frontBytes, id.seqHigh, id.seqLow)
  }
}

function difference(high: number, low: number, baseHigh: number, baseLow: number): Int64 {
  const highs = high - baseHigh
  if (highs === 0) return low - baseLow
  if (highs > -SAFE_HIGH && highs < SAFE_HIGH) {
    const all = highs * WORD + (low - baseLow)
    if (Number.isSafeInteger(all)) return all
  }
  return normalInt64(BigInt.asIntN(64, (BigInt(highs) << 32n) + BigInt(low - baseLow)))
}

function sum64(high: number, low: number, more: Int64): bigint {
  return BigInt.asUintN(64, (BigInt(high) << 32n) + BigInt(low) + BigInt(more))
}

function writeUnsigned(buf: Uint8Array, at: number, high: number, low: number): number {
  if (high === 0 && low < PART) return low < 10 ? writeDigit(buf, at, low) : writeInteger(buf, at, low)
  if (high < SAFE_HIGH) {
    // In two parts, so that the digits come from small integers.
    const value = high * WORD + low
    const front = Math.floor(value / PART)
    const to = writeInteger(buf, at, front) + PART_DIGITS
    let rest = value - front * PART
    for (let i = to - 2; i >= to - PART_DIGITS; i -= 2) {
      const quotient = (rest / 100) | 0
      const pair = (rest - quotient * 100) << 1
      buf[i] = PAIRS[pair]!
      buf[i + 1] = PAIRS[pair + 1]!
      rest = quotient
    }
    return to
  }
  const digits = ((BigInt(high) << 32n) | BigInt(low)).toString()
  for (let i = 0; i < digits.length; i++) buf[at + i] = digits.charCodeAt(i)
  return at + digits.length
}

function writeDigit(buf: Uint8Array, at: number, digit: number): number {
  buf[at] = 0x30 + digit
  return at + 1
}

function wordAt(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0
}

function putWord(buf: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) buf[at + i] = word >>> (24 - (i << 3))
}
