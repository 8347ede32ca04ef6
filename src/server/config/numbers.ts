/**
 * The numbers of a configuration: sizes with units, octal permissions, percentages, plain integers.
 *
 * Redis keeps them in 64-bit integers, signed or unsigned, and lets sizes wrap around silently; bigint
 * follows it to the last bit. What a number means (its range, its unit) is in table.ts.
 */

import { lower } from './text.js'

export const LONG_MAX = 9223372036854775807n
export const LONG_MIN = -9223372036854775808n
export const ULONG_MAX = 18446744073709551615n
export const INT_MAX = 2147483647n
export const INT_MIN = -2147483648n
export const UINT_MAX = 4294967295n

/** A plain integer is at most this long, sign included. */
const INTEGER_CHARS_MAX = 20
/** Digits of a size; longer ones are refused. */
const SIZE_DIGITS_MAX = 127

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['b', 1n],
  ['k', 1000n],
  ['kb', 1024n],
  ['m', 1_000_000n],
  ['mb', 1048576n],
  ['g', 1_000_000_000n],
  ['gb', 1073741824n],
])

const clamp = (value: bigint, min: bigint, max: bigint): bigint =>
  value < min ? min : value > max ? max : value

/** A plain integer in its only spelling: no sign but '-', no leading zero, within 64 bits; else undefined. */
export function integerOf(text: string): bigint | undefined {
  if (text.length > INTEGER_CHARS_MAX || !/^(0|-?[1-9][0-9]*)$/.test(text)) return undefined
  const value = BigInt(text)
  return value < LONG_MIN || value > LONG_MAX ? undefined : value
}

/**
 * A size in bytes, as an unsigned 64-bit number: digits, then b, k (1000), kb (1024), m, mb, g, gb in any
 * case. No digits at all count as 0, and a product beyond 64 bits wraps; both are Redis's ways.
 */
export function sizeOf(text: string): bigint | undefined {
  const digits = /^[0-9]*/.exec(text)![0]
  const unit = UNITS.get(lower(text.slice(digits.length)))
  if (unit === undefined || digits.length > SIZE_DIGITS_MAX) return undefined
  return BigInt.asUintN(64, clamp(BigInt(digits === '' ? '0' : digits), 0n, ULONG_MAX) * unit)
}

/** C's strtoll over the whole text: blanks in front, a sign, digits; an empty text is 0; saturates. */
export function looseIntegerOf(text: string): bigint | undefined {
  if (text === '') return 0n
  const match = /^[ \t-\r]*([+-]?)([0-9]{1,4096})$/.exec(text)
  if (match === null) return undefined
  const size = BigInt(match[2]!)
  return clamp(match[1] === '-' ? -size : size, LONG_MIN, LONG_MAX)
}

/** C's strtoll with base 8 over the whole text; undefined when a digit is not octal or it overflows. */
export function octalOf(text: string): bigint | undefined {
  if (text === '') return 0n
  const match = /^[ \t-\r]*([+-]?)([0-7]{1,4096})$/.exec(text)
  if (match === null) return undefined
  const size = BigInt(`0o${match[2]!}`)
  const value = match[1] === '-' ? -size : size
  return value < LONG_MIN || value > LONG_MAX ? undefined : value
}

/** C's strtod over the whole text (decimal, hexadecimal, inf); undefined for anything else, and for nan. */
export function floatOf(text: string): number | undefined {
  const match = /^([+-]?)(?:(inf|infinity)|0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?|(.+))$/i.exec(
    text,
  )
  if (match === null) return undefined
  const [, sign, infinite, whole, fraction, exponent, decimal] = match
  const factor = sign === '-' ? -1 : 1
  if (infinite !== undefined) return factor * Number.POSITIVE_INFINITY
  if (decimal !== undefined) {
    if (!/^([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(decimal)) return undefined
    const value = Number(decimal)
    const underflow = value === 0 && /[1-9]/.test(decimal.split(/e/i)[0]!)
    return Number.isFinite(value) && !underflow ? factor * value : undefined
  }
  const digits = (whole ?? '') + (fraction ?? '')
  if (digits === '') return undefined
  let value = 0
  for (const digit of digits) value = value * 16 + Number.parseInt(digit, 16)
  value *= 2 ** (Number(exponent ?? 0) - 4 * (fraction ?? '').length)
  return Number.isFinite(value) ? factor * value : undefined
}

/** A size with the largest of gb, mb, kb that divides it: the form CONFIG REWRITE writes. */
export function sizeText(bytes: bigint): string {
  if (bytes !== 0n) {
    for (const unit of ['gb', 'mb', 'kb']) {
      const factor = UNITS.get(unit)!
      if (bytes % factor === 0n) return `${bytes / factor}${unit}`
    }
  }
  return `${bytes}`
}

/** C's "%f" without the zeros at its end. */
export function floatText(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '')
}
