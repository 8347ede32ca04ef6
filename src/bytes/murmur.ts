/**
 * MurmurHash2 in its 64-bit variant (Austin Appleby's MurmurHash64A), in halves of 32 bits: the hash under HyperLogLog, whose
 * registers are only the same everywhere if it is. A 64-bit product is made of 16-bit ones, so that nothing is a BigInt.
 */

const MULTIPLIER_HIGH = 0xc6a4a793
const MULTIPLIER_LOW = 0x5bd1e995

/** The upper 32 bits of the product of an unsigned 32-bit number and MULTIPLIER_LOW. */
function upperProduct(low: number): number {
  const a = low >>> 16
  const b = low & 0xffff
  const ab = Math.imul(b, 0xe995)
  const cross = (Math.imul(a, 0xe995) + (ab >>> 16)) | 0
  const other = (Math.imul(b, 0x5bd1) + (cross & 0xffff)) | 0
  return (Math.imul(a, 0x5bd1) + (cross >>> 16) + (other >>> 16)) | 0
}

function word(buf: Uint8Array, at: number): number {
  return buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)
}

/** Shows both halves of the hash of `buf[start, end)` to `use`, as signed 32-bit integers, and returns what that returns. */
export function murmur64(
  buf: Uint8Array,
  start: number,
  end: number,
  seed: number,
  use: (low: number, high: number) => number,
): number {
  const length = end - start
  let high = (upperProduct(length) + Math.imul(length, MULTIPLIER_HIGH)) | 0
  let low = Math.imul(length, MULTIPLIER_LOW) ^ seed
  let at = start
  for (const whole = end - (length & 7); at < whole; at += 8) {
    let k = word(buf, at)
    let kHigh = word(buf, at + 4)
    kHigh = (upperProduct(k) + Math.imul(kHigh, MULTIPLIER_LOW) + Math.imul(k, MULTIPLIER_HIGH)) | 0
    k = Math.imul(k, MULTIPLIER_LOW) ^ (kHigh >>> 15)
    high ^= upperProduct(k) + Math.imul(kHigh, MULTIPLIER_LOW) + Math.imul(k, MULTIPLIER_HIGH)
    low ^= Math.imul(k, MULTIPLIER_LOW)
    high = (upperProduct(low) + Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)) | 0
    low = Math.imul(low, MULTIPLIER_LOW)
  }
  if (at < end) {
    for (let i = 0; at + i < end; i++) {
      if (i < 4) low ^= buf[at + i]! << (i << 3)
      else high ^= buf[at + i]! << ((i - 4) << 3)
    }
    high = (upperProduct(low) + Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)) | 0
    low = Math.imul(low, MULTIPLIER_LOW)
  }
  low ^= high >>> 15
  high = (upperProduct(low) + Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)) | 0
  low = Math.imul(low, MULTIPLIER_LOW)
  return use(low ^ (high >>> 15), high)
}
