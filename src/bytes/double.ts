/**
 * Doubles as Redis writes and reads them in replies and arguments: the shortest decimal that reads back as the same
 * double, `inf`, `-inf`, `nan`; and what strtod takes.
 */

import { text, writeAscii, writeInteger } from './ascii.js'
import { SHORTEST_BYTES_MAX, writeShortest } from './shortest.js'

/** The longest text that `writeDouble` writes. */
export const DOUBLE_BYTES_MAX = SHORTEST_BYTES_MAX
/** Whole numbers up to this magnitude are written with all their digits. */
const WHOLE_MAX = 2 ** 62

/**
 * Writes a double at `at` as replies show it: whole numbers up to WHOLE_MAX with all their digits, else as few digits as read
 * back as the same double; `inf`, `-inf`, `nan`, `-0`. Returns the position behind it. Needs room for DOUBLE_BYTES_MAX bytes.
 */
export function writeDouble(buf: Uint8Array, at: number, value: number): number {
  if (value >= -WHOLE_MAX && value <= WHOLE_MAX && value === Math.trunc(value)) {
    return value === 0 && 1 / value < 0 ? writeAscii(buf, at, '-0') : writeInteger(buf, at, value)
  }
  return writeDigits(buf, at, value)
}

/**
 * As `writeDouble`, but a whole number of many digits has an exponent too: so DEBUG DIGEST and the append-only file show
 * the scores of large sorted sets.
 */
export function writeDigits(buf: Uint8Array, at: number, value: number): number {
  if (value === 0) return writeAscii(buf, at, 1 / value < 0 ? '-0' : '0')
  if (value - value === 0) return writeShortest(buf, at, value)
  return writeAscii(buf, at, value > 0 ? 'inf' : value < 0 ? '-inf' : 'nan')
}

/** The text that `writeDouble` writes. */
export function formatDouble(value: number): string {
  const bytes = new Uint8Array(DOUBLE_BYTES_MAX)
  return text(bytes, 0, writeDouble(bytes, 0, value), DOUBLE_BYTES_MAX)
}

/** The text that `writeDigits` writes. */
export function formatDigits(value: number): string {
  const bytes = new Uint8Array(DOUBLE_BYTES_MAX)
  return text(bytes, 0, writeDigits(bytes, 0, value), DOUBLE_BYTES_MAX)
}

/** The bytes that `writeDouble` writes. */
export function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(DOUBLE_BYTES_MAX)
  return bytes.subarray(0, writeDouble(bytes, 0, value))
}

/** A double that is not NaN as C's `%.17g` writes it: what ZSCAN of large sets shows. */
export function seventeenDigits(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa, exponent] = roundedToEven(value).split('e') as [string, string]
  const sign = value < 0 ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  const power = Number(exponent)
  if (power >= 17 || power < -4) {
    const shown = `${digits[0]}.${digits.slice(1)}`.replace(/\.?0*$/, '')
    return `${sign}${shown}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`.replace(/0+$/, '')
  return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`.replace(/\.?0*$/, '')
}

/**
 * Seventeen digits and an exponent. Where two of that length are equally near, JavaScript takes the greater one, and C the even
 * one. That is so if the value has exactly eighteen digits, the last of them 5.
 */
function roundedToEven(value: number): string {
  const rounded = value.toExponential(16)
  const longer = value.toExponential(60)
  const point = longer.indexOf('.')
  const last = point + 17
  if (longer[last] !== '5' || !/^0*e/.test(longer.slice(last + 1))) return rounded
  return Number(longer[last - 1]) % 2 === 1
    ? rounded
    : longer.slice(0, last) + longer.slice(longer.indexOf('e'))
}

const NUMBER = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$/
const HEX = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/

/** 10^22 is the largest power of ten that a double holds exactly. */
const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]

/**
 * The double that `buf[start, end)` spells if that is up to fifteen digits, perhaps with a sign in front and a point among
 * them; otherwise NaN, and `parseDouble` knows. Both the digits and the power of ten that divides them are exact, so the
 * quotient is the double nearest to what is spelled.
 */
export function plainDouble(buf: Uint8Array, start: number, end: number): number {
  const first = buf[start]!
  const begin = first === 0x2d || first === 0x2b ? start + 1 : start
  let digits = 0
  let point = -1
  let value = 0
  for (let i = begin; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit
      digits++
    } else if (digit === -2 && point < 0) point = i
    else return Number.NaN
  }
  if (digits === 0 || digits > 15) return Number.NaN
  if (point >= 0) value /= POWERS_OF_TEN[end - point - 1]!
  return first === 0x2d ? -value : value
}

/** The double that `source` spells for strtod, all of it and without blanks around; null where it spells none or NaN. */
export function parseDouble(source: string): number | null {
  if (NUMBER.test(source)) return Number(source)
  const lower = source.toLowerCase()
  if (lower === 'inf' || lower === '+inf' || lower === 'infinity' || lower === '+infinity') {
    return Number.POSITIVE_INFINITY
  }
  if (lower === '-inf' || lower === '-infinity') return Number.NEGATIVE_INFINITY
  const hex = HEX.exec(source)
  if (hex === null) return null
  const whole = hex[2] ?? ''
  const fraction = hex[3] ?? ''
  if (whole.length + fraction.length === 0) return null
  const digits = Number.parseInt(whole + fraction, 16)
  const value = digits * 2 ** (Number(hex[4] ?? 0) - 4 * fraction.length)
  return hex[1] === '-' ? -value : value
}
