/**
 * Signed integers of 64 bits. Nearly all that a node sees are exact as doubles, so those are numbers. The others are bigints,
 * which cost more, and are rare. The compiler rejects arithmetic on the union, and JavaScript compares a number with a bigint exactly.
 */

/** A number where `Number.isSafeInteger` holds, else a bigint. */
export type Int64 = number | bigint

/** The sum, which wraps around as in C. */
export function addInt64(a: Int64, b: Int64): Int64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return normalInt64(BigInt.asIntN(64, BigInt(a) + BigInt(b)))
}

/** The difference, which wraps around as in C. */
export function subtractInt64(a: Int64, b: Int64): Int64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b
    if (Number.isSafeInteger(difference)) return difference
  }
  return normalInt64(BigInt.asIntN(64, BigInt(a) - BigInt(b)))
}

/** The same integer as a number where that is exact. */
export function normalInt64(value: bigint): Int64 {
  const near = Number(value)
  return Number.isSafeInteger(near) ? near : value
}

/** The integer of two 32-bit words. The upper one has the sign. */
export function int64OfWords(high: number, low: number): Int64 {
  const near = (high | 0) * 0x1_0000_0000 + (low >>> 0)
  if (Number.isSafeInteger(near)) return near
  return (BigInt(high | 0) << 32n) + BigInt(low >>> 0)
}

/** The lower and the upper word of an integer. */
export const lowWord = (value: Int64): number =>
  typeof value === 'number' ? value >>> 0 : Number(value & 0xffffffffn)
export const highWord = (value: Int64): number =>
  typeof value === 'number' ? Math.floor(value / 0x1_0000_0000) | 0 : Number(value >> 32n)
