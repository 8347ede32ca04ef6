/**
 * What becomes of a number that does not fit into a field of so many bits: it wraps around, stops at the limit, or is not
 * written. Numbers of up to 52 bits are doubles, which hold them exactly; `…Big` is for the rest.
 */

export const WRAP = 0
export const SATURATE = 1
export const FAIL = 2

export interface Field {
  readonly signed: boolean
  readonly bits: number
}

/** 2 to the powers of 0 to 64: V8 calls a function to find one out. */
export const POWERS = Float64Array.from({ length: 65 }, (_, i) => 2 ** i)

/** The number in the field's range that `value` is modulo the field's size. */
function wrapped(value: number, { signed, bits }: Field): number {
  const size = POWERS[bits]!
  const rest = value - Math.floor(value / size) * size
  return signed && rest >= size / 2 ? rest - size : rest
}

/** `value` as the field can hold it; NaN where it cannot and is not to be written. Both at most 2 ** 53. */
export function fitted(value: number, field: Field, overflow: number): number {
  const max = POWERS[field.signed ? field.bits - 1 : field.bits]! - 1
  const min = field.signed ? -max - 1 : 0
  if (value >= min && value <= max) return value
  if (overflow === FAIL) return Number.NaN
  if (overflow === WRAP) return wrapped(value, field)
  return value > max ? max : min
}

/**
 * As `fitted`, for the sum of what the field holds, or of what is to be set, and an increment. A signed number that is
 * set and far below the limit counts as above it, as in Redis, whose 64-bit difference has wrapped there.
 */
export function fittedBig(value: bigint, increment: bigint, field: Field, overflow: number): bigint | null {
  const size = 1n << BigInt(field.bits)
  const max = field.signed ? size / 2n - 1n : size - 1n
  const min = field.signed ? -size / 2n : 0n
  const sum = value + increment
  const isBelow = value <= max && sum < min && (!field.signed || BigInt.asIntN(64, max - value) >= increment)
  if (sum >= min && sum <= max && value >= min && value <= max) return sum
  if (overflow === FAIL) return null
  if (overflow === SATURATE) return isBelow ? min : max
  return field.signed ? BigInt.asIntN(field.bits, sum) : BigInt.asUintN(field.bits, sum)
}
