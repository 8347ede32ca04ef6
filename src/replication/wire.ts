/**
 * Small change between text and bytes for what replication says on the wire: commands as arrays of bulk strings,
 * status lines, numbers in ASCII.
 */

import { ascii, text } from '../bytes/ascii.js'
import { NAME_BYTES_MAX } from '../bytes/text-limits.js'

export { ascii, text as latin1 }

/** A word of a command that a replica sent, as text; of what is longer than any such word only the beginning. */
export function wordOf(bytes: Uint8Array): string {
  return text(bytes, 0, bytes.length, NAME_BYTES_MAX)
}

/** A command in the form that goes over the wire. */
export function encodeCommand(...args: (string | Uint8Array)[]): Uint8Array {
  const parts: Uint8Array[] = [ascii(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? ascii(arg) : arg
    parts.push(ascii(`$${bytes.length}\r\n`), bytes, CRLF)
  }
  return concat(parts)
}

const CRLF = ascii('\r\n')

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A whole number in ASCII that a double holds exactly, or null. */
export function readInteger(text: string): number | null {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return null
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : null
}

/** Whether two texts of ASCII are the same, capitals aside. */
export function sameWord(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase()
}
