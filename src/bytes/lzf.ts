/**
 * LZF, the small fast compression of strings in RDB files. The format (liblzf) is a row of two kinds of runs:
 *
 *   000LLLLL  and L+1 bytes                      the bytes as they are
 *   LLLOOOOO oooooooo                            L+2 bytes (L is 1 to 6) that stood O*256+o+1 bytes back
 *   111OOOOO LLLLLLLL oooooooo                   the same with L = 7 + the second byte
 *
 * The compressor finds earlier places through a table from a hash of three bytes to a position. Positions are
 * counted over the compressor's whole life, and each call starts beyond the reach of the last, so that the
 * table never needs clearing: what an earlier call left lies too far back to be taken.
 */

const HASH_BITS = 14
/** The farthest back a run can point. */
const REACH = 1 << 13
const LITERALS_MAX = 32
const MATCH_MAX = 264
/** No LZF run of r bytes gives more than this many bytes for each of them. */
const GROWTH_MAX = 88
/** When positions come near 2^31 the table is cleared and they start again. */
const POSITION_MAX = 0x3fffffff

/** The memory of a compressor: one for each writer, 64 KB. */
export interface LzfTable {
  heads: Int32Array
  base: number
}

export function newLzfTable(): LzfTable {
  return { heads: new Int32Array(1 << HASH_BITS), base: REACH + 1 }
}

/**
 * Compresses `src[start, end)` to `dst[at, limit)`. The position after the last byte written, or -1 when the
 * result does not fit, which is also how a caller asks that it be worth it.
 */
export function lzfCompress(
  table: LzfTable,
  src: Uint8Array,
  start: number,
  end: number,
  dst: Uint8Array,
  at: number,
  limit: number,
): number {
  const room = Math.min(limit, dst.length)
  if (table.base + (end - start) > POSITION_MAX) {
    table.heads.fill(0)
    table.base = REACH + 1
  }
  const heads = table.heads
  const shift = table.base - start
  table.base += end - start + REACH + 1
  let out = at
  let literals = start
  let i = start
  const last = end - 2
  while (i < last) {
    const three = (src[i]! << 16) | (src[i + 1]! << 8) | src[i + 2]!
    const slot = Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS)
    const ref = heads[slot]! - shift
    heads[slot] = i + shift
    if (
      i - ref > REACH ||
      ref < start ||
      src[ref] !== src[i] ||
      src[ref + 1] !== src[i + 1] ||
      src[ref + 2] !== src[i + 2]
    ) {
      i++
      continue
    }
    out = copyLiterals(src, literals, i, dst, out, room)
    if (out < 0 || out + 3 > room) return -1
    const longest = Math.min(end - i, MATCH_MAX)
    let length = 3
    while (length < longest && src[ref + length] === src[i + length]) length++
    const back = i - ref - 1
    if (length < 9) dst[out++] = ((length - 2) << 5) | (back >> 8)
    else {
      dst[out++] = 0xe0 | (back >> 8)
      dst[out++] = length - 9
    }
    dst[out++] = back & 0xff
    i += length
    literals = i
  }
  return copyLiterals(src, literals, end, dst, out, room)
}

function copyLiterals(
  src: Uint8Array,
  start: number,
  end: number,
  dst: Uint8Array,
  at: number,
  room: number,
): number {
  let out = at
  for (let i = start; i < end; ) {
    const count = Math.min(LITERALS_MAX, end - i)
    if (out + 1 + count > room) return -1
    dst[out++] = count - 1
    for (let k = 0; k < count; k++) dst[out++] = src[i++]!
  }
  return out
}

/**
 * Decompresses `src[start, end)` to `dst[at, limit)`. The position after the last byte written, or -1 when the
 * input is not LZF or does not fit. Reads and writes nothing outside of the two ranges.
 */
export function lzfDecompress(
  src: Uint8Array,
  start: number,
  end: number,
  dst: Uint8Array,
  at: number,
  limit: number,
): number {
  const room = Math.min(limit, dst.length)
  let out = at
  let i = start
  while (i < end) {
    const control = src[i++]!
    if (control < LITERALS_MAX) {
      const count = control + 1
      if (i + count > end || out + count > room) return -1
      for (let k = 0; k < count; k++) dst[out++] = src[i++]!
      continue
    }
    let length = control >> 5
    if (length === 7) {
      if (i >= end) return -1
      length += src[i++]!
    }
    if (i >= end) return -1
    let ref = out - ((control & 0x1f) << 8) - src[i++]! - 1
    length += 2
    if (ref < at || out + length > room) return -1
    for (let k = 0; k < length; k++) dst[out++] = dst[ref++]!
  }
  return out
}

/**
 * Whether `compressed` bytes of LZF can hold `original` bytes at all: to be asked before room is made for a
 * length that a file claims.
 */
export function lzfPlausible(compressed: number, original: number): boolean {
  return compressed > 0 && original > 0 && original <= compressed * GROWTH_MAX
}
