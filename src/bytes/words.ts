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

/**
 * The same where what is asked for stands in words too, `length` bytes from byte `byte` of `other` on: each word is read once, and what of
 * it belongs to one word and what to the next is shifted together.
 */
export function wordsAreIn(
  u32: Uint32Array,
  word: number,
  other: Uint32Array,
  byte: number,
  length: number,
): boolean {
  const shift = (byte & 3) << 3
  let from = byte >>> 2
  if (shift === 0) return sameWords(u32, word, other, from, length)
  const back = 32 - shift
  const rest = (length & 3) << 3
  const end = word + (length >>> 2)
  let low = other[from]! >>> shift
  let at = word
  for (; at < end; at++) {
    const next = other[++from]! | 0
    if ((low | (next << back)) !== (u32[at]! | 0)) return false
    low = next >>> shift
  }
  if (rest === 0) return true
  if (rest > back) low |= other[from + 1]! << back
  return ((low ^ u32[at]!) & ((1 << rest) - 1)) === 0
}

/**
 * The same of two ranges that both begin at a word: whether the `length` bytes from `a[at]` on are those from `b[other]` on. Of the last
 * word only what belongs to them counts.
 */
export function sameWords(
  a: Uint32Array,
  at: number,
  b: Uint32Array,
  other: number,
  length: number,
): boolean {
  const whole = length >>> 2
  const rest = length & 3
  if (rest !== 0 && ((a[at + whole]! ^ b[other + whole]!) & ((1 << (rest << 3)) - 1)) !== 0) return false
  for (let i = whole - 1; i >= 0; i--) if (a[at + i] !== b[other + i]) return false
  return true
}
