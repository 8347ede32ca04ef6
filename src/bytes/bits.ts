/**
 * Bits of byte ranges: searching, and fields. A bitmap's bit 0 is the highest bit of its first byte. Whole words are looked at
 * through a Uint32Array over the same buffer, which begins where the bytes begin; what is not aligned, at the ends of a
 * range, goes byte by byte.
 */

/** How much is skipped at once of a long row of equal bits: blocks of this size are compared as a whole. */
const SKIP_BYTES = 16 * 1024
const ZEROS = new Uint8Array(SKIP_BYTES)
const ONES = new Uint8Array(SKIP_BYTES).fill(0xff)

/** Whether two ranges of the same length hold the same bytes. */
export type SameBytes = (a: Uint8Array, b: Uint8Array) => boolean

/**
 * The first of the bits [from, to) of the bitmap that begins at byte `start` that is `bit`; -1 if none is. Who has a way to compare
 * ranges that is faster than a loop hands it in.
 */
export function findBit(
  u8: Uint8Array,
  u32: Uint32Array,
  start: number,
  from: number,
  to: number,
  bit: number,
  same: SameBytes | null = null,
): number {
  if (from >= to) return -1
  // Looked for is a one, in the bytes as they are or turned round.
  const turn = bit === 1 ? 0 : 0xff
  let at = start + Math.floor(from / 8)
  const last = start + Math.floor((to - 1) / 8)
  let byte = (u8[at]! ^ turn) & (0xff >> (from % 8))
  if (byte === 0 && at < last) {
    at++
    if (same !== null) at = skipBlocks(u8, at, last, turn === 0 ? ZEROS : ONES, same)
    at = skipBytes(u8, u32, at, last, turn)
    byte = u8[at]! ^ turn
  }
  if (byte === 0) return -1
  const position = (at - start) * 8 + Math.clz32(byte) - 24
  return position < to ? position : -1
}

/** From `from` on, behind all whole blocks in front of `last` that are like this one. */
function skipBlocks(u8: Uint8Array, from: number, last: number, block: Uint8Array, same: SameBytes): number {
  let at = from
  while (at + SKIP_BYTES <= last && same(u8.subarray(at, at + SKIP_BYTES), block)) at += SKIP_BYTES
  return at
}

/** Where the first byte in [at, last] that is not `same` stands; `last` at the latest. */
function skipBytes(u8: Uint8Array, u32: Uint32Array, from: number, last: number, same: number): number {
  let at = from
  while (at < last && (at & 3) !== 0) {
    if (u8[at] !== same) return at
    at++
  }
  const word = same === 0 ? skipZeros(u32, at >>> 2, last >>> 2) : skipOnes(u32, at >>> 2, last >>> 2)
  at = Math.max(at, word * 4)
  while (at < last && u8[at] === same) at++
  return at
}

/** From `from` on, the first of eight words at a time of which one is not zero, or what is left of less than eight. */
function skipZeros(u32: Uint32Array, from: number, to: number): number {
  let i = from
  while (
    i + 8 <= to &&
    (u32[i]! | u32[i + 1]! | u32[i + 2]! | u32[i + 3]!) === 0 &&
    (u32[i + 4]! | u32[i + 5]! | u32[i + 6]! | u32[i + 7]!) === 0
  ) {
    i += 8
  }
  return i
}

/** As `skipZeros`, past words of ones. */
function skipOnes(u32: Uint32Array, from: number, to: number): number {
  let i = from
  while (
    i + 8 <= to &&
    (u32[i]! & u32[i + 1]! & u32[i + 2]! & u32[i + 3]!) === -1 &&
    (u32[i + 4]! & u32[i + 5]! & u32[i + 6]! & u32[i + 7]!) === -1
  ) {
    i += 8
  }
  return i
}

/**
 * The unsigned number of up to 52 bits whose highest bit is bit `offset` of the bitmap that begins at byte `start`. Bytes at
 * `end` and behind count as zero.
 */
export function readField(u8: Uint8Array, start: number, end: number, offset: number, bits: number): number {
  let at = start + Math.floor(offset / 8)
  const skip = offset % 8
  let value = at < end ? u8[at]! & (0xff >> skip) : 0
  let left = bits - (8 - skip)
  while (left >= 8) {
    at++
    value = value * 256 + (at < end ? u8[at]! : 0)
    left -= 8
  }
  if (left < 0) return value >> -left
  if (left === 0) return value
  at++
  return value * (1 << left) + (at < end ? u8[at]! >> (8 - left) : 0)
}

/** Writes an unsigned number of up to 52 bits where `readField` reads it. All its bytes must be there. */
export function writeField(u8: Uint8Array, start: number, offset: number, bits: number, value: number): void {
  let at = start + Math.floor((offset + bits - 1) / 8)
  // How many bits of the last byte stand behind the field.
  let behind = 7 - ((offset + bits - 1) % 8)
  let left = bits
  let rest = value
  while (left > 0) {
    const here = Math.min(8 - behind, left)
    const mask = ((1 << here) - 1) << behind
    const upper = Math.floor(rest / (1 << here))
    u8[at] = (u8[at]! & ~mask) | (((rest - upper * (1 << here)) << behind) & mask)
    rest = upper
    left -= here
    behind = 0
    at--
  }
}
