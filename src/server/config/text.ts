/**
 * Text that may hold any bytes.
 *
 * Redis reads its configuration as bytes; people write it as text. Here a value is an ordinary string
 * (UTF-8 decoded, so that `dir /数据` is a path like any other), and a byte that is not part of valid
 * UTF-8 stands as one lone surrogate U+DC80..U+DCFF, the trick of Python's "surrogateescape". Every byte
 * sequence becomes a string and comes back unchanged. NUL ends a line or a value, as it does in C.
 */

import { isAscii } from 'node:buffer'

const ESCAPED_LOW = 0xdc80
const ESCAPED_HIGH = 0xdcff

/** Length in bytes of the UTF-8 sequence at `at`, and its code point; length 0 when it is not valid. */
function codePointAt(bytes: Uint8Array, at: number): { length: number; point: number } {
  const lead = bytes[at]!
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
  if (length <= 1) return { length, point: lead }
  let point = lead & (0x7f >> length)
  for (let i = 1; i < length; i++) {
    const next = at + i < bytes.length ? bytes[at + i]! : 0
    if ((next & 0xc0) !== 0x80) return { length: 0, point: 0 }
    point = (point << 6) | (next & 0x3f)
  }
  const tooShort = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000)
  const outside = point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)
  return tooShort || outside ? { length: 0, point: 0 } : { length, point }
}

/**
 * Bytes that the node itself holds (a file, an own key) to text; bytes that are not UTF-8 become lone surrogates. Never fails.
 * What a client sent goes through `textOf` or `wholeTextOf`, with a cap.
 */
export function uncappedTextOf(bytes: Uint8Array): string {
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  let out = ''
  for (let at = 0; at < bytes.length; ) {
    const { length, point } = codePointAt(bytes, at)
    out += length === 0 ? String.fromCharCode(0xdc00 + bytes[at]!) : String.fromCodePoint(point)
    at += length === 0 ? 1 : length
  }
  return out
}

/** At most the first `bytesMax` bytes as text: for what is shown. bytes/text-limits.ts has the caps. */
export function textOf(bytes: Uint8Array, bytesMax: number): string {
  return uncappedTextOf(bytes.length > bytesMax ? bytes.subarray(0, bytesMax) : bytes)
}

/** The bytes as text, or null where there are more than `bytesMax`: for what is kept, or compared with what is kept. */
export function wholeTextOf(bytes: Uint8Array, bytesMax: number): string | null {
  return bytes.length > bytesMax ? null : uncappedTextOf(bytes)
}

/** Text to bytes, the inverse of {@link textOf}. */
export function bytesOf(text: string): Uint8Array {
  const out: number[] = []
  for (const char of text) {
    const point = char.codePointAt(0)!
    if (point < 0x80) out.push(point)
    else if (point >= ESCAPED_LOW && point <= ESCAPED_HIGH) out.push(point - 0xdc00)
    else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f))
    else if (point < 0x10000)
      out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f))
    else {
      out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f))
      out.push(0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f))
    }
  }
  return Uint8Array.from(out)
}

/** What C sees of a string: everything before the first NUL. */
export function beforeNul(text: string): string {
  const nul = text.indexOf('\0')
  return nul < 0 ? text : text.slice(0, nul)
}

/** Takes the given characters off both ends. */
export function trimOf(text: string, set: string): string {
  let from = 0
  let to = text.length
  while (from < to && set.includes(text[from]!)) from++
  while (to > from && set.includes(text[to - 1]!)) to--
  return text.slice(from, to)
}

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13)

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

const ESCAPES: ReadonlyMap<number, number> = new Map([
  [110, 10],
  [114, 13],
  [116, 9],
  [98, 8],
  [97, 7],
])

/** One word and where it ended; undefined when its quotes do not balance. */
type Word = { bytes: number[]; end: number } | undefined

function readDoubleQuoted(line: Uint8Array, from: number, bytes: number[]): Word {
  for (let p = from; ; p++) {
    const byte = p < line.length ? line[p]! : 0
    const next = p + 1 < line.length ? line[p + 1]! : 0
    if (byte === 0) return undefined
    if (byte === 92 && next === 120 && p + 3 < line.length) {
      const high = hexDigit(line[p + 2]!)
      const low = hexDigit(line[p + 3]!)
      if (high >= 0 && low >= 0) {
        bytes.push(high * 16 + low)
        p += 3
        continue
      }
    }
    if (byte === 92 && next !== 0) {
      bytes.push(ESCAPES.get(next) ?? next)
      p++
    } else if (byte === 34) {
      return next !== 0 && !isSpace(next) ? undefined : { bytes, end: p + 1 }
    } else bytes.push(byte)
  }
}

function readSingleQuoted(line: Uint8Array, from: number, bytes: number[]): Word {
  for (let p = from; ; p++) {
    const byte = p < line.length ? line[p]! : 0
    const next = p + 1 < line.length ? line[p + 1]! : 0
    if (byte === 0) return undefined
    if (byte === 92 && next === 39) {
      bytes.push(39)
      p++
    } else if (byte === 39) {
      return next !== 0 && !isSpace(next) ? undefined : { bytes, end: p + 1 }
    } else bytes.push(byte)
  }
}

function readWord(line: Uint8Array, from: number): Word {
  const bytes: number[] = []
  for (let p = from; ; p++) {
    const byte = p < line.length ? line[p]! : 0
    // Vertical tab and form feed separate words but do not end one: so it is in Redis.
    if (byte === 0 || byte === 32 || byte === 10 || byte === 13 || byte === 9) return { bytes, end: p }
    if (byte === 34) return readDoubleQuoted(line, p + 1, bytes)
    if (byte === 39) return readSingleQuoted(line, p + 1, bytes)
    bytes.push(byte)
  }
}

/**
 * Splits one line into words as Redis does: blanks separate, `"…"` takes the escapes \n \r \t \b \a \xHH,
 * `'…'` takes only \', and a closing quote must be followed by a blank. Returns undefined when quotes do
 * not balance, an empty list for a blank line.
 */
export function splitWords(text: string): string[] | undefined {
  const line = bytesOf(text)
  const words: string[] = []
  let p = 0
  for (;;) {
    while (p < line.length && isSpace(line[p]!)) p++
    if (p >= line.length || line[p] === 0) return words
    const word = readWord(line, p)
    if (word === undefined) return undefined
    words.push(uncappedTextOf(Uint8Array.from(word.bytes)))
    p = word.end
  }
}

const NAMED_ESCAPES: ReadonlyMap<number, string> = new Map([
  [10, '\\n'],
  [13, '\\r'],
  [9, '\\t'],
  [7, '\\a'],
  [8, '\\b'],
  [34, '\\"'],
  [92, '\\\\'],
])

/** The text in double quotes, such that {@link splitWords} reads it back: the form CONFIG REWRITE writes. */
export function quoted(text: string): string {
  let out = '"'
  for (const byte of bytesOf(text)) {
    const named = NAMED_ESCAPES.get(byte)
    if (named !== undefined) out += named
    else if (byte >= 32 && byte < 127) out += String.fromCharCode(byte)
    else out += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `${out}"`
}

/** ASCII lower case, leaving every other character alone (as C's tolower in the C locale). */
export function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** The order of two texts' bytes, which is not that of JavaScript's characters. */
export function compareTexts(a: string, b: string): number {
  return Buffer.compare(bytesOf(a), bytesOf(b))
}
