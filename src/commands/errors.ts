/** Error replies that many commands share, in Redis's words. */

import { ascii } from '../bytes/ascii.js'
import type { Reply } from '../resp/reply.js'

export const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
export const SYNTAX = 'ERR syntax error'
export const NOT_AN_INTEGER = 'ERR value is not an integer or out of range'
export const NOT_A_FLOAT = 'ERR value is not a valid float'
export const NO_SUCH_KEY = 'ERR no such key'
export const OUT_OF_RANGE = 'ERR index out of range'
export const OVERFLOW = 'ERR increment or decrement would overflow'
export const STRING_TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)'

/**
 * An error that quotes what a client sent: one byte a character (Latin-1), so that the bytes come back as they are, and cut
 * at the first zero byte, as Redis does.
 */
export function replyError(reply: Reply, message: string): void {
  const cut = message.indexOf('\0')
  const text = cut < 0 ? message : message.slice(0, cut)
  // Line ends become blanks, those at its end nothing.
  const shown = text.replace(/[\r\n]+$/, '').replace(/[\r\n]/g, ' ')
  reply.errors++
  reply.lastError = shown
  reply.raw(ascii(`-${shown}\r\n`))
}
