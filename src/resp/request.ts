/**
 * Reads requests: arrays of bulk strings, or inline commands as a person types them into a terminal. The format is
 * RESP, https://redis.io/docs/reference/protocol-spec; limits and error texts are those of Redis.
 *
 * A parser is fed with ranges of a buffer and leaves a command's arguments in `args` without copying. When the range ends
 * within a command, the parser keeps what it knows, so that a command of a million arguments that arrives byte by
 * byte is read once, not a million times. A node owns one parser for all its connections; a connection whose command
 * is not complete takes that parser along until it is.
 */

import { Args } from './args.js'

export const COMMAND = 1
export const MORE = 0
export const PROTOCOL_ERROR = -1

export const INLINE_BYTES_MAX = 64 * 1024
export const MULTIBULK_MAX = 0x7fffffff
/** What a client may send before it has authenticated. */
export const UNAUTHENTICATED_MULTIBULK_MAX = 10
export const UNAUTHENTICATED_BULK_BYTES_MAX = 16384
export const DEFAULT_BULK_BYTES_MAX = 512 * 1024 * 1024

const CR = 0x0d
const LF = 0x0a
const STAR = 0x2a
const DOLLAR = 0x24
const NO_LINE = -1
const BAD_NUMBER = -2
/** More digits than any 64-bit integer has. */
const NUMBER_DIGITS_MAX = 19

export class RequestParser {
  /** The command's arguments. Between commands others may be put here, and these kept. */
  args = new Args()
  /** Where the next command begins, after COMMAND. */
  next = 0
  /** Redis's words, after PROTOCOL_ERROR: without the `-ERR `. */
  error = ''
  /** proto-max-bulk-len, in bytes. */
  bulkBytesMax = DEFAULT_BULK_BYTES_MAX
  /** Whether the client has authenticated, or need not. */
  trusted = true
  /** How many bytes from `start` on a call needs to get further, at least: a hint for buffers. */
  bytesNeeded = 0

  private at = 0
  private argumentsLeft = 0
  private bulkLength = -1
  private inCommand = false
  private lineNumber = 0

  /** Whether a command was begun and its end has not arrived. */
  get suspended(): boolean {
    return this.inCommand
  }

  /** Forgets a command that was begun. */
  reset(): void {
    this.inCommand = false
    this.argumentsLeft = 0
    this.bulkLength = -1
  }

  /** The bytes of the command that was begun have been copied, from `start` on, to the front of `buf`. */
  rebase(buf: Uint8Array, start: number): void {
    this.args.rebase(buf, start)
    this.at -= start
  }

  /**
   * Reads one command from `buf[start, end)`. COMMAND: it stands in `args`, the next one begins at `next` (a command
   * without arguments has `args.count` 0 and is to be ignored). MORE: call again with the same `start` (or after
   * `rebase`) when more bytes have arrived. PROTOCOL_ERROR: reply `error` and close.
   */
  parse(buf: Uint8Array, start: number, end: number): number {
    if (!this.inCommand) {
      if (start >= end) return MORE
      if (buf[start] !== STAR) return this.parseInline(buf, start, end)
      this.args.buf = buf
      this.args.count = 0
      this.args.rawStart = start
      // The common case, fewer than ten arguments, without a call.
      if (start + 3 < end && buf[start + 2] === CR && buf[start + 1]! > 0x30 && buf[start + 1]! <= 0x39) {
        this.at = start + 4
        this.argumentsLeft = buf[start + 1]! - 0x30
        this.inCommand = true
        return this.parseArguments(buf, start, end)
      }
      this.at = start
      const count = this.readLine(buf, start + 1, end)
      if (count === NO_LINE) return this.needLine(start, end, 'too big mbulk count string')
      if (count === BAD_NUMBER || this.lineNumber > MULTIBULK_MAX)
        return this.fail('invalid multibulk length')
      if (this.lineNumber > UNAUTHENTICATED_MULTIBULK_MAX && !this.trusted) {
        return this.fail('unauthenticated multibulk length')
      }
      this.at = count
      if (this.lineNumber <= 0) {
        this.args.rawEnd = count
        this.next = count
        return COMMAND
      }
      this.argumentsLeft = this.lineNumber
      this.inCommand = true
    }
    return this.parseArguments(buf, start, end)
  }

  private parseArguments(buf: Uint8Array, start: number, end: number): number {
    const args = this.args
    args.buf = buf
    let at = this.at
    let left = this.argumentsLeft
    let length = this.bulkLength
    while (left > 0) {
      if (length < 0) {
        // The common case, a length of one or two digits, without a call.
        if (at + 5 < end && buf[at] === DOLLAR && buf[at + 2] === CR) {
          length = buf[at + 1]! - 0x30
          if (length >= 0 && length <= 9) at += 4
          else length = -1
        } else if (at + 5 < end && buf[at] === DOLLAR && buf[at + 3] === CR) {
          const tens = buf[at + 1]! - 0x30
          const ones = buf[at + 2]! - 0x30
          length = -1
          if (tens >= 1 && tens <= 9 && ones >= 0 && ones <= 9) {
            length = tens * 10 + ones
            at += 5
          }
        }
        if (length < 0) {
          this.keep(at, left, -1)
          const line = this.readLength(buf, start, at, end)
          if (line < 0) return line === NO_LINE ? MORE : PROTOCOL_ERROR
          at = line
          length = this.lineNumber
        }
      }
      if (end - at < length + 2) {
        this.keep(at, left, length)
        this.bytesNeeded = at - start + length + 2
        return MORE
      }
      args.push(at, at + length)
      at += length + 2
      length = -1
      left--
    }
    this.inCommand = false
    this.bulkLength = -1
    args.rawEnd = at
    this.next = at
    return COMMAND
  }

  private keep(at: number, left: number, length: number): void {
    this.at = at
    this.argumentsLeft = left
    this.bulkLength = length
  }

  /** Reads `$<length>\r\n` at `at`. Where the bytes begin, or NO_LINE, or BAD_NUMBER with `error` set. */
  private readLength(buf: Uint8Array, start: number, at: number, end: number): number {
    if (at >= end) {
      this.bytesNeeded = at - start + 1
      return NO_LINE
    }
    // The whole line is waited for before its first byte is looked at, as in Redis: a wrong one shows no earlier.
    const isLength = buf[at] === DOLLAR
    const line = this.readLine(buf, isLength ? at + 1 : at, end)
    if (line === NO_LINE) {
      if (this.needLine(at, end, 'too big bulk count string') !== MORE) return BAD_NUMBER
      this.bytesNeeded += at - start
      return NO_LINE
    }
    if (!isLength) {
      this.fail(`expected '$', got '${String.fromCharCode(buf[at]!)}'`)
      return BAD_NUMBER
    }
    if (line === BAD_NUMBER || this.lineNumber < 0 || this.lineNumber > this.bulkBytesMax) {
      this.fail('invalid bulk length')
      return BAD_NUMBER
    }
    if (this.lineNumber > UNAUTHENTICATED_BULK_BYTES_MAX && !this.trusted) {
      this.fail('unauthenticated bulk length')
      return BAD_NUMBER
    }
    return line
  }

  /** Reads `<integer>\r\n` into `lineNumber`; returns the position behind it, NO_LINE or BAD_NUMBER. */
  private readLine(buf: Uint8Array, from: number, end: number): number {
    let i = from
    const limit = Math.min(end, from + INLINE_BYTES_MAX + 1)
    // A zero byte hides what follows: Redis looks for the line's end as C looks for characters.
    while (i < limit && buf[i] !== CR && buf[i] !== 0) i++
    if (i + 1 >= end || i >= limit || buf[i] === 0) return NO_LINE
    const negative = buf[from] === 0x2d
    const first = negative ? from + 1 : from
    const digits = i - first
    if (digits < 1 || digits > NUMBER_DIGITS_MAX) return BAD_NUMBER
    // No other spelling of a number is one: no zeros in front, no minus zero, no plus.
    if (buf[first] === 0x30 && (digits > 1 || negative)) return BAD_NUMBER
    let value = 0
    for (let digit = first; digit < i; digit++) {
      const d = buf[digit]! - 0x30
      if (d < 0 || d > 9) return BAD_NUMBER
      value = value * 10 + d
    }
    this.lineNumber = negative ? -value : value
    return i + 2
  }

  private needLine(from: number, end: number, tooBig: string): number {
    this.bytesNeeded = end - from + 1
    return end - from > INLINE_BYTES_MAX ? this.fail(tooBig) : MORE
  }

  private fail(reason: string): number {
    this.reset()
    this.error = `Protocol error: ${reason}`
    return PROTOCOL_ERROR
  }

  private parseInline(buf: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + INLINE_BYTES_MAX + 1)
    let newline = start
    while (newline < limit && buf[newline] !== LF && buf[newline] !== 0) newline++
    if (newline >= limit || buf[newline] === 0) {
      this.bytesNeeded = end - start + 1
      return end - start > INLINE_BYTES_MAX ? this.fail('too big inline request') : MORE
    }
    const lineEnd = newline > start && buf[newline - 1] === CR ? newline - 1 : newline
    this.next = newline + 1
    if (splitPlain(this.args, buf, start, lineEnd)) return COMMAND
    return splitInline(this.args, buf, start, lineEnd) ? COMMAND : this.fail('unbalanced quotes in request')
  }
}

/** Splits a line without quotes, as most are, into arguments that stay where they are. False where there is a quote. */
function splitPlain(args: Args, buf: Uint8Array, start: number, end: number): boolean {
  args.buf = buf
  args.count = 0
  args.rawStart = 0
  args.rawEnd = 0
  let from = -1
  for (let i = start; i < end; i++) {
    const byte = buf[i]!
    if (isBlank(byte)) {
      if (from >= 0) args.push(from, i)
      from = -1
    } else if (byte === 0x22 || byte === 0x27) {
      return false
    } else if (from < 0) from = i
  }
  if (from >= 0) args.push(from, end)
  return true
}

/**
 * Splits a line into arguments as a shell would: blanks separate, "…" takes \n \r \t \b \a \xHH and a backslash before
 * any other byte, '…' takes only \'. False where a quote is not closed or something follows a closing quote directly.
 * The arguments stand unquoted in a buffer of their own.
 */
export function splitInline(args: Args, buf: Uint8Array, start: number, end: number): boolean {
  const out = new Uint8Array(end - start)
  args.buf = out
  args.count = 0
  args.rawStart = 0
  args.rawEnd = 0
  let at = 0
  let i = start
  for (;;) {
    while (i < end && isBlank(buf[i]!)) i++
    if (i >= end) return true
    const from = at
    for (let quote = 0; ; ) {
      if (i >= end) {
        if (quote !== 0) return false
        break
      }
      const byte = buf[i]!
      if (quote === 0) {
        if (isBlank(byte) || byte === 0) break
        if (byte === 0x22 || byte === 0x27) quote = byte
        else out[at++] = byte
        i++
      } else if (byte === quote) {
        i++
        if (i < end && !isBlank(buf[i]!)) return false
        break
      } else if (byte === 0x5c && quote === 0x22 && i + 1 < end) {
        i = unquote(buf, i + 1, end, out, at++)
      } else if (byte === 0x5c && quote === 0x27 && buf[i + 1] === 0x27 && i + 1 < end) {
        out[at++] = 0x27
        i += 2
      } else {
        out[at++] = byte
        i++
      }
    }
    args.push(from, at)
    if (i < end && buf[i] === 0) return true
  }
}

/** Writes the byte that the escape behind a backslash stands for; returns the position behind the escape. */
function unquote(buf: Uint8Array, i: number, end: number, out: Uint8Array, at: number): number {
  const byte = buf[i]!
  if (byte === 0x78 && i + 2 < end && hex(buf[i + 1]!) >= 0 && hex(buf[i + 2]!) >= 0) {
    out[at] = (hex(buf[i + 1]!) << 4) | hex(buf[i + 2]!)
    return i + 3
  }
  const named = 'nrtba'.indexOf(String.fromCharCode(byte))
  out[at] = named < 0 ? byte : [10, 13, 9, 8, 7][named]!
  return i + 1
}

function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
