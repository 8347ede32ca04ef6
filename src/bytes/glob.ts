/**
 * Glob-style patterns over bytes, as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET take them: `*`, `?`, `[abc]`, `[^a]`,
 * `[a-z]`, and a backslash before a byte that stands for itself. A pattern with many stars could take exponential
 * time when matched naively; only the last star is ever tried again, which is enough and keeps it quadratic.
 */

const STAR = 0x2a
const QUESTION = 0x3f
const OPEN = 0x5b
const CLOSE = 0x5d
const BACKSLASH = 0x5c
const CARET = 0x5e
const DASH = 0x2d

/** Whether `s[sStart, sEnd)` matches the pattern `p[pStart, pEnd)`; with `nocase`, ASCII letters match either case. */
export function globMatch(
  p: Uint8Array,
  pStart: number,
  pEnd: number,
  s: Uint8Array,
  sStart: number,
  sEnd: number,
  nocase = false,
): boolean {
  // As in Redis nothing but an empty pattern matches an empty name, not even a star.
  if (sStart === sEnd) return pStart === pEnd
  let pi = pStart
  let si = sStart
  let starAt = -1
  let starSi = 0
  while (si < sEnd) {
    if (pi < pEnd && p[pi] === STAR) {
      starAt = ++pi
      starSi = si
      if (pi === pEnd) return true
      continue
    }
    const next = pi < pEnd ? matchOne(p, pi, pEnd, s[si]!, nocase) : -1
    if (next >= 0) {
      pi = next
      si++
    } else if (starAt >= 0) {
      pi = starAt
      si = ++starSi
    } else {
      return false
    }
  }
  while (pi < pEnd && p[pi] === STAR) pi++
  return pi === pEnd
}

/** Where the pattern goes on behind the element at `pi` if that element matches `byte`, else -1. */
function matchOne(p: Uint8Array, pi: number, pEnd: number, byte: number, nocase: boolean): number {
  const element = p[pi]!
  if (element === QUESTION) return pi + 1
  if (element === OPEN) return matchClass(p, pi + 1, pEnd, byte, nocase)
  const at = element === BACKSLASH && pi + 1 < pEnd ? pi + 1 : pi
  return fold(p[at]!, nocase) === fold(byte, nocase) ? at + 1 : -1
}

function matchClass(p: Uint8Array, from: number, pEnd: number, rawByte: number, nocase: boolean): number {
  let pi = from
  const not = p[pi] === CARET
  if (not) pi++
  const byte = fold(rawByte, nocase)
  let matched = false
  for (;;) {
    if (pi >= pEnd) break // an unclosed class ends with the pattern
    if (p[pi] === BACKSLASH && pi + 1 < pEnd) {
      pi++
      if (fold(p[pi]!, nocase) === byte) matched = true
    } else if (p[pi] === CLOSE) {
      break
    } else if (pi + 2 < pEnd && p[pi + 1] === DASH) {
      const a = fold(p[pi]!, nocase)
      const b = fold(p[pi + 2]!, nocase)
      if (byte >= Math.min(a, b) && byte <= Math.max(a, b)) matched = true
      pi += 2
    } else if (fold(p[pi]!, nocase) === byte) {
      matched = true
    }
    pi++
  }
  if (matched === not) return -1
  return Math.min(pi + 1, pEnd)
}

function fold(byte: number, nocase: boolean): number {
  return nocase && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}
