/**
 * The line that MONITOR shows of a command: time, database, address, and each argument in quotes with what cannot be printed
 * escaped, as bytes: an argument may be half a gigabyte, and as a JavaScript string each escaped byte would be four characters.
 */

import { ascii } from '../../bytes/ascii.js'
import { MONITORED_BYTES_MAX } from '../../bytes/text-limits.js'
import type { Args } from '../../resp/args.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const REDACTED = ascii('"(redacted)"')
const HEX_DIGITS = ascii('0123456789abcdef')
/** A byte becomes at most `\xHH`. */
const ESCAPED_BYTES_MAX = 4

/** The letter of a byte's short escape (`\n`), or 0. */
function escapeLetter(byte: number): number {
  switch (byte) {
    case 0x07:
      return 0x61
    case 0x08:
      return 0x62
    case 0x09:
      return 0x74
    case 0x0a:
      return 0x6e
    case 0x0d:
      return 0x72
    case QUOTE:
    case BACKSLASH:
      return byte
    default:
      return 0
  }
}

/** Writes `buf[start, end)` in quotes at `at`; returns the position behind it. */
function writeQuoted(out: Uint8Array, at: number, buf: Uint8Array, start: number, end: number): number {
  let pos = at
  out[pos++] = QUOTE
  for (let i = start; i < end; i++) {
    const byte = buf[i]!
    const letter = escapeLetter(byte)
    if (letter !== 0) {
      out[pos++] = BACKSLASH
      out[pos++] = letter
    } else if (byte >= 0x20 && byte < 0x7f) out[pos++] = byte
    else {
      out[pos++] = BACKSLASH
      out[pos++] = 0x78
      out[pos++] = HEX_DIGITS[byte >> 4]!
      out[pos++] = HEX_DIGITS[byte & 15]!
    }
  }
  out[pos++] = QUOTE
  return pos
}

/**
 * The line as a simple string of RESP: `front`, then the arguments. Of one that is longer than MONITORED_BYTES_MAX the
 * rest is told as a number of bytes, as the slow log does. `hidden` says which must not be shown.
 */
export function monitorLine(front: string, args: Args, hidden: (index: number) => boolean): Uint8Array {
  const parts: Uint8Array[] = [ascii(`+${front}`)]
  let size = parts[0]!.length
  const add = (part: Uint8Array): void => {
    parts.push(part)
    size += part.length
  }
  for (let i = 0; i < args.count; i++) {
    add(ascii(' '))
    if (hidden(i)) {
      add(REDACTED)
      continue
    }
    const start = args.start(i)
    const end = Math.min(args.end(i), start + MONITORED_BYTES_MAX)
    const room = new Uint8Array((end - start) * ESCAPED_BYTES_MAX + 2)
    add(room.subarray(0, writeQuoted(room, 0, args.buf, start, end)))
    if (end < args.end(i)) add(ascii(`... (${args.end(i) - end} more bytes)`))
  }
  add(ascii('\r\n'))
  const line = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    line.set(part, at)
    at += part.length
  }
  return line
}
