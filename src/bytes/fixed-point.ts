/**
 * Sums of decimals as the 80-bit numbers of long-double.ts give them, without a BigInt: what INCRBYFLOAT is asked for nearly
 * always. A number is kept in fixed point, 88 bits behind the point, which holds every 80-bit number that is not less than 2^-24
 * exactly. Decimals of up to 17 digits behind the point, as Redis writes them, become such bits by long division; they and
 * sums are rounded to 64 bits from the first one on, to nearest, ties to even; and digits come out again by multiplication. No step
 * loses anything: all intermediate results are integers below 2^53.
 */

import { writeInteger } from './ascii.js'

const WHOLE_DIGITS_MAX = 15
const MANTISSA_BITS = 64
/** The bits behind the point lie in so many limbs of so many. */
const LIMBS = 4
const LIMB_BITS = 22
const LIMB = 1 << LIMB_BITS
const LAST = LIMBS - 1
/** Numbers with as many zeros behind the point have no more than a mantissa's bits behind those. */
const ZERO_BITS_MAX = LIMBS * LIMB_BITS - MANTISSA_BITS
const WORD = 0x100000000

/** The digits behind the point: the first eight, and nine more. */
const HEAD_DIGITS = 8
const TAIL_DIGITS = 9
const HEAD = 1e8
const TAIL = 1e9
const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const TEXT_BYTES_MAX = 40

/** How many bits a safe integer of 0 or more has. */
function bitLength(value: number): number {
  return value < WORD ? 32 - Math.clz32(value) : 64 - Math.clz32(value / WORD)
}

export class FixedPoint {
  /** What `format` wrote is `text[0, length)`. */
  readonly text = new Uint8Array(TEXT_BYTES_MAX)
  length = 0
  private negative = false
  private whole = 0
  private readonly limbs = new Int32Array(LIMBS)
  // Digits behind the point.
  private head = 0
  private tail = 0

  /** Becomes 0. */
  clear(): void {
    this.negative = false
    this.whole = 0
    this.clearFraction()
  }

  private clearFraction(): void {
    const { limbs } = this
    for (let i = 0; i < LIMBS; i++) limbs[i] = 0
  }

  private get isWhole(): boolean {
    const { limbs } = this
    return (limbs[0]! | limbs[1]! | limbs[2]! | limbs[3]!) === 0
  }

  /** Becomes what `buf[start, end)` spells, rounded; false where that is no plain decimal, has too many digits or is too near to 0. */
  read(buf: Uint8Array, start: number, end: number): boolean {
    this.negative = buf[start] === MINUS
    const from = this.negative ? start + 1 : start
    let at = from
    let whole = 0
    for (; at < end; at++) {
      const digit = buf[at]! - ZERO
      if (digit < 0 || digit > 9) break
      if (at - from === WHOLE_DIGITS_MAX) return false
      whole = whole * 10 + digit
    }
    this.whole = whole
    this.clearFraction()
    if (at === end) return at > from
    if (buf[at] !== POINT || end - from < 2 || !this.readFraction(buf, at + 1, end)) return false
    return this.divide()
  }

  /** Becomes a double, exactly; false where it is too large or too near to 0 for that. */
  set(value: number): boolean {
    const magnitude = Math.abs(value)
    if (!(magnitude <= Number.MAX_SAFE_INTEGER)) return false
    const { limbs } = this
    this.negative = value < 0
    this.whole = Math.floor(magnitude)
    let rest = magnitude - this.whole
    for (let i = 0; i < LIMBS; i++) {
      rest *= LIMB
      const limb = Math.floor(rest)
      limbs[i] = limb
      rest -= limb
    }
    return rest === 0
  }

  /** Reads the digits behind the point. */
  private readFraction(buf: Uint8Array, start: number, end: number): boolean {
    if (end - start > HEAD_DIGITS + TAIL_DIGITS) return false
    const middle = Math.min(end, start + HEAD_DIGITS)
    let head = 0
    for (let i = start; i < middle; i++) {
      const digit = buf[i]! - ZERO
      if (digit < 0 || digit > 9) return false
      head = head * 10 + digit
    }
    let tail = 0
    for (let i = middle; i < end; i++) {
      const digit = buf[i]! - ZERO
      if (digit < 0 || digit > 9) return false
      tail = tail * 10 + digit
    }
    this.head = head * POWERS_OF_TEN[HEAD_DIGITS - (middle - start)]!
    this.tail = tail * POWERS_OF_TEN[TAIL_DIGITS - (end - middle)]!
    return true
  }

  /** Makes bits of the digits behind the point, and rounds; false where there are not enough bits for that. */
  private divide(): boolean {
    const { limbs } = this
    let { head, tail } = this
    for (let i = 0; i < LIMBS && (head > 0 || tail > 0); i++) {
      const below = tail * LIMB
      const carry = Math.floor(below / TAIL)
      tail = below - carry * TAIL
      const above = head * LIMB + carry
      const limb = Math.floor(above / HEAD)
      head = above - limb * HEAD
      limbs[i] = limb
    }
    const isExact = head === 0 && tail === 0
    const kept = this.bitsBehindPoint()
    if (kept >= LIMBS * LIMB_BITS) return isExact
    this.round(kept, isExact)
    return true
  }

  /** How many bits behind the point belong to the 64 bits from the first one on. */
  private bitsBehindPoint(): number {
    const { whole, limbs } = this
    if (whole > 0) return MANTISSA_BITS - bitLength(whole)
    let zeros = 0
    for (let i = 0; i < LIMBS && zeros < ZERO_BITS_MAX; i++) {
      zeros += LIMB_BITS - bitLength(limbs[i]!)
      if (limbs[i] !== 0) break
    }
    return MANTISSA_BITS + zeros
  }

  /** Rounds to so many bits behind the point, fewer than there are; `isExact`: nothing stands behind these. */
  private round(kept: number, isExact: boolean): void {
    const { limbs } = this
    let i = (kept / LIMB_BITS) | 0
    const unit = 1 << ((i + 1) * LIMB_BITS - kept)
    const half = unit >>> 1
    const limb = limbs[i]!
    const dropped = limb & (unit - 1)
    let more = !isExact
    for (let j = LAST; j > i; j--) {
      more = more || limbs[j] !== 0
      limbs[j] = 0
    }
    let isOdd = (limb & unit) !== 0
    if (unit === LIMB) isOdd = i > 0 ? (limbs[i - 1]! & 1) !== 0 : this.whole % 2 === 1
    limbs[i] = limb - dropped
    if (dropped < half || (dropped === half && !more && !isOdd)) return
    limbs[i] = limb - dropped + unit
    for (; limbs[i] === LIMB; i--) {
      limbs[i] = 0
      if (i === 0) {
        this.whole++
        return
      }
      limbs[i - 1] = limbs[i - 1]! + 1
    }
  }

  /** Adds another number, and rounds. */
  add(other: FixedPoint): void {
    if (this.negative === other.negative) this.addMagnitude(other)
    else if (this.isLess(other)) {
      this.negative = other.negative
      this.subtract(other, this)
    } else this.subtract(this, other)
    if (this.isWhole) return
    const kept = this.bitsBehindPoint()
    if (kept < LIMBS * LIMB_BITS) this.round(kept, true)
  }

  private addMagnitude(other: FixedPoint): void {
    const { limbs } = this
    let carry = 0
    for (let i = LAST; i >= 0; i--) {
      const sum = limbs[i]! + other.limbs[i]! + carry
      carry = sum >>> LIMB_BITS
      limbs[i] = sum & (LIMB - 1)
    }
    this.whole += other.whole + carry
  }

  /** Becomes `a - b`, which is not negative: one of them is this number. */
  private subtract(a: FixedPoint, b: FixedPoint): void {
    const { limbs } = this
    let borrow = 0
    for (let i = LAST; i >= 0; i--) {
      const difference = a.limbs[i]! - b.limbs[i]! - borrow
      borrow = difference < 0 ? 1 : 0
      limbs[i] = difference & (LIMB - 1)
    }
    this.whole = a.whole - b.whole - borrow
  }

  /** Whether it is nearer to 0. */
  private isLess(other: FixedPoint): boolean {
    if (this.whole !== other.whole) return this.whole < other.whole
    for (let i = 0; i < LIMBS; i++) {
      if (this.limbs[i] !== other.limbs[i]) return this.limbs[i]! < other.limbs[i]!
    }
    return false
  }

  /** Writes `text`, as people read numbers: up to 17 digits behind the point, no zeros at their end. The number is used up by that. */
  format(): void {
    this.head = 0
    this.tail = 0
    if (!this.isWhole) {
      this.head = this.takeDigits(HEAD)
      this.tail = this.takeDigits(TAIL)
      this.roundDigits()
    }
    const { text, head, tail, whole } = this
    let at = 0
    if (this.negative && (whole > 0 || head > 0 || tail > 0)) text[at++] = MINUS
    at = writeInteger(text, at, whole)
    if (head > 0 || tail > 0) {
      text[at] = POINT
      writeDigits(text, at + 1, HEAD_DIGITS, head)
      writeDigits(text, at + 1 + HEAD_DIGITS, TAIL_DIGITS, tail)
      at += 1 + HEAD_DIGITS + TAIL_DIGITS
      while (text[at - 1] === ZERO) at--
    }
    this.length = at
  }

  /** The next digits behind the point: it moves to behind them. */
  private takeDigits(power: number): number {
    const { limbs } = this
    let carry = 0
    for (let i = LAST; i >= 0; i--) {
      const product = limbs[i]! * power + carry
      carry = Math.floor(product / LIMB)
      limbs[i] = product - carry * LIMB
    }
    return carry
  }

  /** Rounds the digits by what stands behind them. */
  private roundDigits(): void {
    const { limbs } = this
    const first = limbs[0]!
    if (first < LIMB / 2) return
    let more = first > LIMB / 2
    for (let i = 1; i < LIMBS; i++) more = more || limbs[i] !== 0
    if (!more && this.tail % 2 === 0) return
    if (++this.tail < TAIL) return
    this.tail = 0
    if (++this.head < HEAD) return
    this.head = 0
    this.whole++
  }
}

function writeDigits(to: Uint8Array, at: number, count: number, digits: number): void {
  let rest = digits | 0
  for (let i = at + count - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0
    to[i] = ZERO + (rest - quotient * 10)
    rest = quotient
  }
}
