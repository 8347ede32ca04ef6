/**
 * HalfSipHash-1-3 with a secret 64-bit key: the hash of the keyspace's tables. A hash that a client can predict lets
 * it send keys that all fall into one bucket; this family was made against that, and its half-width form needs
 * only 32-bit arithmetic, which is what V8 computes without allocating.
 * Source: Aumasson, Bernstein: "SipHash: a fast short-input PRF" (2012), and the authors' HalfSipHash.
 */

/** The 32-bit hash, as a signed integer, of `buf[start, end)` under the key `k0`, `k1` (any 32-bit integers). */
export function halfSipHash(buf: Uint8Array, start: number, end: number, k0: number, k1: number): number {
  let v0 = k0
  let v1 = k1
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const length = end - start
  const whole = end - (length & 3)
  let i = start
  for (; i < whole; i += 4) {
    const m = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24)
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  let last = length << 24
  for (let shift = 0; i < end; i++, shift += 8) last |= buf[i]! << shift
  return finish(v0, v1, v2, v3, last)
}

/** As `halfSipHash`, of the `length` bytes from `words[word]` on, little endian; up to three bytes behind them are read too. */
export function halfSipHashWords(
  words: Uint32Array,
  word: number,
  length: number,
  k0: number,
  k1: number,
): number {
  let v0 = k0
  let v1 = k1
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const whole = word + (length >>> 2)
  for (let i = word; i < whole; i++) {
    const m = words[i]! | 0
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  const rest = length & 3
  const last = rest === 0 ? 0 : words[whole]! & ((1 << (rest << 3)) - 1)
  return finish(v0, v1, v2, v3, (length << 24) | last)
}

/**
 * As `halfSipHash`, of the `length` bytes from byte `byte` of `words` on: each word is read once, and what of it belongs to one word of
 * the message and what to the next is shifted together. A byte at a time takes twice as long.
 */
export function halfSipHashIn(
  words: Uint32Array,
  byte: number,
  length: number,
  k0: number,
  k1: number,
): number {
  const shift = (byte & 3) << 3
  let at = byte >>> 2
  if (shift === 0) return halfSipHashWords(words, at, length, k0, k1)
  const back = 32 - shift
  let v0 = k0
  let v1 = k1
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const whole = at + (length >>> 2)
  let low = words[at]! >>> shift
  while (at < whole) {
    const next = words[++at]! | 0
    const m = low | (next << back)
    low = next >>> shift
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  const rest = (length & 3) << 3
  if (rest > back) low |= words[at + 1]! << back
  return finish(v0, v1, v2, v3, (length << 24) | (low & ((1 << rest) - 1)))
}

/** The round of the last word, which holds the length, and the three that follow. */
function finish(a: number, b: number, c: number, d: number, last: number): number {
  let v0 = a
  let v1 = b
  let v2 = c
  let v3 = d ^ last
  // Written out: to ask in every round whether it is this one costs a sixth of a short key's hash.
  v0 = (v0 + v1) | 0
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
  v0 = (v0 << 16) | (v0 >>> 16)
  v2 = (v2 + v3) | 0
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
  v0 = (v0 + v3) | 0
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
  v2 = (v2 + v1) | 0
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
  v2 = (v2 << 16) | (v2 >>> 16)
  v0 ^= last
  v2 ^= 0xff
  for (let round = 0; round < 3; round++) {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
  }
  return v1 ^ v3
}
