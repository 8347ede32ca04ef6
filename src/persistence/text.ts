/** Bytes as people read them: names in error texts, lines of the decoders. Nothing here is on a fast path. */

const ESCAPES = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x07, '\\a'],
  [0x08, '\\b'],
])

/** Bytes in double quotes, with \xNN for what is not printable ASCII, cut after `most` bytes. */
export function quoted(buf: Uint8Array, start: number, end: number, most = 64): string {
  const stop = Math.min(end, start + most)
  let text = '"'
  for (let i = start; i < stop; i++) {
    const byte = buf[i]!
    const known = ESCAPES.get(byte)
    if (known !== undefined) text += known
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte)
    else text += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return stop < end ? `${text}"... (${end - start} bytes)` : `${text}"`
}

/** The decimal number in `buf[start, end)`, or undefined when it is none or too large to be exact. */
export function decimal(buf: Uint8Array, start: number, end: number): number | undefined {
  if (end - start > 17 || start >= end) return undefined
  const negative = buf[start] === 0x2d
  let value = 0
  const first = negative ? start + 1 : start
  if (first === end) return undefined
  for (let i = first; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  if (!Number.isSafeInteger(value)) return undefined
  return negative ? -value : value
}
