/**
 * Bytes that begin at a multiple of four are compared four at a time: what stands in the heap is read as words, what a client sent,
 * which stands anywhere, is put together. Words are little endian, as those of all machines that Shoal is made for.
 */

/**
 * Whether the bytes from `u32[word]` on are `buf[start, end)`. From the end: keys that differ at all have their beginning in common,
 * as a rule.
 */
export function wordsAre(
  u32: Uint32Array,
  word: number,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean {
  const length = end - start
  const whole = end - (length & 3)
  let at = word + (length >>> 2)
  if (whole < end) {
    let last = u32[at]! | 0
    for (let i = whole; i < end; i++, last >>>= 8) if ((last & 0xff) !== buf[i]) return false
  }
  for (let i = whole - 4; i >= start; i -= 4) {
    const four = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24)
    if (four !== (u32[--at]! | 0)) return false
  }
  return true
}
