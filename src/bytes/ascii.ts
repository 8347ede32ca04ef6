/**
 * Numbers and short texts as ASCII bytes. Redis's integers are 64 bits wide and a double holds 53, so whatever
 * counts bytes or elements is a double here, and only arithmetic on values that a client stores goes through BigInt,
 * and only where a double would not be exact.
 */

/** The bytes of a text of ASCII (or Latin-1) characters. Not for keys and values, which are never text. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** A few characters are put together one by one faster than handed over as arguments. */
const TEXT_LOOP_MAX = 32

/**
 * At most the first `bytesMax` bytes as a text with one character a byte (Latin-1): for names, options and messages, which
 * are compared or shown. text-limits.ts has the caps.
 */
export function text(buf: Uint8Array, start: number, end: number, bytesMax: number): string {
  const last = end - start > bytesMax ? start + bytesMax : end
  let out = ''
  if (last - start <= TEXT_LOOP_MAX) {
    for (let i = start; i < last; i++) out += String.fromCharCode(buf[i]!)
    return out
  }
  for (let i = start; i < last; i += 4096) {
    out += String.fromCharCode(...buf.subarray(i, Math.min(last, i + 4096)))
  }
  return out
}

/** All bytes as text: for what the node holds itself, and tests. tests/tidy.test.ts lists the callers. */
export function uncappedText(buf: Uint8Array, start = 0, end = buf.length): string {
  return text(buf, start, end, end - start)
}

/** As `text`, but null where there are more than `bytesMax` bytes: for what is kept, or read as a number. */
export function wholeText(buf: Uint8Array, start: number, end: number, bytesMax: number): string | null {
  return end - start > bytesMax ? null : text(buf, start, end, bytesMax)
}

/** As `wholeText`, of what C sees: the bytes before the first zero. */
export function wholeTextToZero(
  buf: Uint8Array,
  start: number,
  end: number,
  bytesMax: number,
): string | null {
  const last = Math.min(end, start + bytesMax + 1)
  for (let i = start; i < last; i++) if (buf[i] === 0) return text(buf, start, i, bytesMax)
  return wholeText(buf, start, end, bytesMax)
}

/** The UTF-8 bytes of a text: for what people wrote (configuration, error texts), which may hold any character. */
export function utf8(source: string): Uint8Array {
  const out: number[] = []
  for (const char of source) {
    const code = char.codePointAt(0)!
    if (code < 0x80) out.push(code)
    else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 63))
    else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    else {
      out.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    }
  }
  return Uint8Array.from(out)
}

/**
 * Writes a text of ASCII characters at `at`, where there is room for it; returns the position behind it, or -1 where there
 * are other characters, and `utf8` must be asked.
 */
export function writeAscii(buf: Uint8Array, at: number, source: string): number {
  const length = source.length
  for (let i = 0; i < length; i++) {
    const code = source.charCodeAt(i)
    if (code > 0x7f) return -1
    buf[at + i] = code
  }
  return at + length
}

/** Whether `buf[start, end)` is `word`, which is given in lower case, in any case of letters. */
export function isWord(buf: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i++) {
    let byte = buf[start + i]!
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20
    if (byte !== word.charCodeAt(i)) return false
  }
  return true
}

/** Whether two ranges hold the same bytes. */
export function sameBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): boolean {
  const length = aEnd - aStart
  if (length !== bEnd - bStart) return false
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

/** Less than, equal to or greater than zero, as memcmp orders the ranges; a prefix comes first. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const shorter = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < shorter; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}

/** What `parseInteger` returns for bytes that are no integer that a double holds exactly. */
export const NOT_EXACT = Number.NaN

/**
 * The integer in canonical form (no plus, no leading zero, no space) that `buf[start, end)` spells, if its absolute
 * value is at most 2^53 - 1; otherwise NaN, and `parseInt64` can tell whether it is a larger 64-bit integer.
 */
export function parseInteger(buf: Uint8Array, start: number, end: number): number {
  let i = start
  const negative = i < end && buf[i] === 0x2d
  if (negative) i++
  const digits = end - i
  if (digits <= 0 || digits > 16) return NOT_EXACT
  const first = buf[i]! - 0x30
  if (first === 0) return digits === 1 && !negative ? 0 : NOT_EXACT
  let value = 0
  for (; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit < 0 || digit > 9) return NOT_EXACT
    value = value * 10 + digit
  }
  if (value > Number.MAX_SAFE_INTEGER) return NOT_EXACT
  return negative ? -value : value
}

/** A 64-bit integer with its sign has no more characters. */
const INT64_BYTES_MAX = 20
export const INT64_MAX = 9223372036854775807n
export const INT64_MIN = -9223372036854775808n

/** The signed 64-bit integer in canonical form that `buf[start, end)` spells, or null. */
export function parseInt64(buf: Uint8Array, start: number, end: number): bigint | null {
  const small = parseInteger(buf, start, end)
  if (!Number.isNaN(small)) return BigInt(small)
  let i = start
  if (buf[i] === 0x2d && i < end) i++
  if (end - i < 16 || end - i > 19 || buf[i] === 0x30) return null
  for (let j = i; j < end; j++) if (buf[j]! < 0x30 || buf[j]! > 0x39) return null
  const value = BigInt(text(buf, start, end, INT64_BYTES_MAX))
  return value > INT64_MAX || value < INT64_MIN ? null : value
}

/** The most characters of a 64-bit integer, its sign among them. */
export const INTEGER_BYTES_MAX = 20
const WORD = 0x1_0000_0000
const BILLION = 1_000_000_000
/** From here on an integer is written in two parts, both of which V8 divides as small integers. */
const TEN_DIGITS_MIN = 1_000_000_000
const EIGHT_DIGITS = 100_000_000

/**
 * How many characters `writeInteger` writes for `value`: any integer that a double holds, of less than 2^64 in magnitude.
 */
export function integerLength(value: number): number {
  if (value >= 0 && value < 1e8) {
    if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
    return value < 1e6 ? (value < 1e5 ? 5 : 6) : value < 1e7 ? 7 : 8
  }
  const sign = value < 0 ? 1 : 0
  let rest = value < 0 ? -value : value
  if (rest > Number.MAX_SAFE_INTEGER) {
    const high = Math.floor(rest / WORD)
    return sign + 9 + integerLength(billions(high, rest - high * WORD))
  }
  let length = sign + 1
  if (rest >= TEN_DIGITS_MIN) {
    rest = Math.floor(rest / EIGHT_DIGITS)
    length += 8
  }
  while (rest >= 10) {
    rest = (rest / 10) | 0
    length++
  }
  return length
}

/**
 * Writes the integer `value` at `at`, all its digits; returns the position behind it. It is what a double holds, and of less
 * than 2^64 in magnitude. At most INTEGER_BYTES_MAX bytes, or one more for less than -2^63.
 */
export function writeInteger(buf: Uint8Array, at: number, value: number): number {
  if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) return writeLarge(buf, at, value)
  const end = at + integerLength(value)
  let rest = value
  if (rest < 0) {
    buf[at] = 0x2d
    rest = -rest
  }
  let i = end - 1
  if (rest >= TEN_DIGITS_MIN) {
    const front = Math.floor(rest / EIGHT_DIGITS)
    let eight = (rest - front * EIGHT_DIGITS) | 0
    for (const before = i - 8; i > before; i--) {
      const quotient = (eight / 10) | 0
      buf[i] = 0x30 + (eight - quotient * 10)
      eight = quotient
    }
    rest = front | 0
  }
  do {
    const quotient = (rest / 10) | 0
    buf[i--] = 0x30 + (rest - quotient * 10)
    rest = quotient
  } while (rest > 0)
  return end
}

/** As `writeInteger`, beyond what `Number.isSafeInteger` says is exact: a double's digits there would lose their last places. */
function writeLarge(buf: Uint8Array, at: number, value: number): number {
  let start = at
  let magnitude = value
  if (value < 0) {
    buf[start++] = 0x2d
    magnitude = -value
  }
  const high = Math.floor(magnitude / WORD)
  return writeWords(buf, start, high, magnitude - high * WORD)
}

/** Writes the unsigned 64-bit integer of two words at `at`; returns the position behind it. At most 20 bytes. */
export function writeWords(buf: Uint8Array, at: number, high: number, low: number): number {
  const front = billions(high, low)
  if (front === 0) return writeInteger(buf, at, high * WORD + low)
  const end = writeInteger(buf, at, front) + 9
  // front * 10^9 may be more than a double holds exactly, but the remainder fits a word.
  let rest = (low - Math.imul(front % WORD, BILLION)) >>> 0
  for (let i = end - 1; i >= end - 9; i--) {
    const quotient = Math.floor(rest / 10)
    buf[i] = 0x30 + (rest - quotient * 10)
    rest = quotient
  }
  return end
}

/** The unsigned 64-bit integer of two words, divided by 10^9. */
function billions(high: number, low: number): number {
  const first = Math.floor(high / BILLION)
  const second = (high - first * BILLION) * 0x1_0000 + (low >>> 16)
  const middle = Math.floor(second / BILLION)
  const third = (second - middle * BILLION) * 0x1_0000 + (low & 0xffff)
  return first * WORD + middle * 0x1_0000 + Math.floor(third / BILLION)
}
