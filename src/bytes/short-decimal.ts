/**
 * Decimals of a few digits, added without rounding: what INCRBYFLOAT is asked for nearly always. Redis adds 80-bit numbers and writes
 * 17 digits behind the point (long-double.ts). Below 32 such numbers are at most 2^-59 apart, so that
 * rounding two of them and their sum, each by half of that at most, moves the sum by less than 2.7e-18, and half of the 17th digit is
 * 5e-18: what is written is the exact sum. Integers, halves, quarters and so on are exact anyway. Everything else is for long-double.ts to tell.
 */

import { integerLength, writeInteger } from './ascii.js'

const DIGITS_MAX = 15
/** Below this 80-bit numbers are closer together than the digits that are written can tell. */
const CLOSE_MAX = 32
const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]
const POWERS_OF_FIVE = POWERS_OF_TEN.map((power, i) => power / 2 ** i)

export class ShortDecimal {
  /** The number is `digits / 10 ** places`; the last digit behind the point is not 0. */
  private digits = 0
  private places = 0

  /** Becomes what `buf[start, end)` spells; false where that is not such a number. */
  read(buf: Uint8Array, start: number, end: number): boolean {
    const negative = buf[start] === 0x2d
    const from = negative ? start + 1 : start
    // Digits, one point among them at most: not a byte more.
    if (end - from > DIGITS_MAX + 1 || end <= from) return false
    let digits = 0
    let point = -1
    for (let i = from; i < end; i++) {
      const digit = buf[i]! - 0x30
      if (digit >= 0 && digit <= 9) digits = digits * 10 + digit
      else if (digit === -2 && point < 0) point = i
      else return false
    }
    const count = end - from - (point < 0 ? 0 : 1)
    if (count === 0 || count > DIGITS_MAX) return false
    this.digits = negative ? -digits : digits
    this.places = point < 0 ? 0 : end - point - 1
    this.trim()
    return true
  }

  /** Becomes 0. */
  clear(): void {
    this.digits = 0
    this.places = 0
  }

  /** Adds another; false where Redis might write another sum, and this number is as it was. */
  add(other: ShortDecimal): boolean {
    const places = Math.max(this.places, other.places)
    const a = this.digits * POWERS_OF_TEN[places - this.places]!
    const b = other.digits * POWERS_OF_TEN[places - other.places]!
    const sum = a + b
    if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || !Number.isSafeInteger(sum)) return false
    const bound = CLOSE_MAX * POWERS_OF_TEN[places]!
    const isClose = Math.abs(a) < bound && Math.abs(b) < bound && Math.abs(sum) < bound
    if (places > 0 && !isClose && !(this.isBinary && other.isBinary)) return false
    this.digits = sum
    this.places = places
    this.trim()
    return true
  }

  /** How many bytes `write` writes. */
  get length(): number {
    const { places } = this
    const magnitude = Math.abs(this.digits)
    const sign = this.digits < 0 ? 1 : 0
    if (places === 0) return sign + integerLength(magnitude)
    return sign + integerLength(Math.floor(magnitude / POWERS_OF_TEN[places]!)) + 1 + places
  }

  /** Writes the number as people read it; returns the position behind it. */
  write(buf: Uint8Array, at: number): number {
    const { places } = this
    if (places === 0) return writeInteger(buf, at, this.digits)
    let to = at
    if (this.digits < 0) buf[to++] = 0x2d
    const magnitude = Math.abs(this.digits)
    const power = POWERS_OF_TEN[places]!
    const whole = Math.floor(magnitude / power)
    to = writeInteger(buf, to, whole)
    buf[to] = 0x2e
    let rest = magnitude - whole * power
    for (let i = to + places; i > to; i--) {
      const quotient = Math.floor(rest / 10)
      buf[i] = 0x30 + (rest - quotient * 10)
      rest = quotient
    }
    return to + places + 1
  }

  /** Whether it is so many halves, quarters and so on: exact as an 80-bit number, and sums of such are. */
  private get isBinary(): boolean {
    return this.digits % POWERS_OF_FIVE[this.places]! === 0
  }

  private trim(): void {
    while (this.places > 0 && this.digits % 10 === 0) {
      this.digits /= 10
      this.places--
    }
    // There is no minus zero among what is written.
    if (this.digits === 0) this.clear()
  }
}
