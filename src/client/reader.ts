/**
 * Reads replies from bytes as they arrive, in any pieces. A stack holds the aggregates that are still open, so
 * that a reply of a million members which arrives in a thousand pieces is read once, not a thousand times.
 *
 * The reader trusts nobody: a length, a depth, a number that cannot be is an error, after which it reads no
 * more (the stream has no place to start again from). It never reads past what it was fed, and what it holds
 * is bounded by the limits below.
 *
 * Format: RESP2 and RESP3, https://redis.io/docs/reference/protocol-spec. Attributes (`|`) are read and dropped:
 * no part of Shoal asks for them.
 */

import type { Reply } from './reply.js'

/** As the server's proto-max-bulk-len: 512 MiB. */
export const REPLY_BULK_BYTES_MAX = 512 * 1024 * 1024
/** A line: simple string, error, number, length. */
export const REPLY_LINE_BYTES_MAX = 1024 * 1024
export const REPLY_DEPTH_MAX = 128
/** Members of one aggregate; what memory really holds is bounded by what arrives, nothing is made in advance. */
export const REPLY_ITEMS_MAX = 0xffff_ffff

export type Read =
  | { readonly state: 'reply'; readonly reply: Reply }
  /** Not there yet: feed more. */
  | { readonly state: 'more' }
  | { readonly state: 'broken'; readonly reason: string }

interface Frame {
  readonly kind: 'array' | 'set' | 'push' | 'map' | 'attribute'
  readonly items: Reply[]
  left: number
}

export interface ReplyReader {
  buffer: Uint8Array
  start: number
  end: number
  /** Where the search for the current line's end goes on, so that a long line is not searched again and again. */
  searched: number
  readonly frames: Frame[]
  broken: string | undefined
  readonly bulkMax_bytes: number
}

/** An aggregate has begun (or an empty attribute has passed): nothing is finished by it. */
const OPENED = true
const MORE: Read = { state: 'more' }
const NIL: Reply = { kind: 'nil' }
const CR = 13
const LF = 10
const BUFFER_BYTES_START = 16 * 1024
/** An idle reader gives a larger buffer than this back. */
const BUFFER_BYTES_KEEP = 1024 * 1024

export function replyReader(options: { bulkMax_bytes?: number } = {}): ReplyReader {
  return {
    buffer: new Uint8Array(BUFFER_BYTES_START),
    start: 0,
    end: 0,
    searched: 0,
    frames: [],
    broken: undefined,
    bulkMax_bytes: options.bulkMax_bytes ?? REPLY_BULK_BYTES_MAX,
  }
}

/** Takes what arrived; the bytes are copied. */
export function feed(reader: ReplyReader, chunk: Uint8Array): void {
  const held = reader.end - reader.start
  if (reader.end + chunk.length > reader.buffer.length) {
    const need = held + chunk.length
    const size =
      need <= reader.buffer.length ? reader.buffer.length : Math.max(need, reader.buffer.length * 2)
    const target = size === reader.buffer.length ? reader.buffer : new Uint8Array(size)
    if (target === reader.buffer) target.copyWithin(0, reader.start, reader.end)
    else target.set(reader.buffer.subarray(reader.start, reader.end))
    reader.searched = Math.max(0, reader.searched - reader.start)
    reader.buffer = target
    reader.start = 0
    reader.end = held
  }
  reader.buffer.set(chunk, reader.end)
  reader.end += chunk.length
}

/** The bytes that were fed and not yet read. The reader forgets them: for streams that stop being replies. */
export function takeRest(reader: ReplyReader): Uint8Array {
  const rest = reader.buffer.slice(reader.start, reader.end)
  reader.start = reader.end = reader.searched = 0
  return rest
}

/** The next whole reply, if it has arrived. A broken reader stays broken. */
export function nextReply(reader: ReplyReader): Read {
  for (;;) {
    if (reader.broken !== undefined) return { state: 'broken', reason: reader.broken }
    const element = readElement(reader)
    if (element === undefined) return MORE
    if (typeof element === 'string') {
      reader.broken = element
      continue
    }
    const whole = element === OPENED ? undefined : close(reader, element)
    if (whole === undefined) continue
    if (reader.start === reader.end) release(reader)
    return { state: 'reply', reply: whole }
  }
}

function release(reader: ReplyReader): void {
  reader.start = reader.end = reader.searched = 0
  if (reader.buffer.length > BUFFER_BYTES_KEEP) reader.buffer = new Uint8Array(BUFFER_BYTES_START)
}

/** Puts a finished element where it belongs; gives the outermost reply once that is complete. */
function close(reader: ReplyReader, element: Reply): Reply | undefined {
  let done: Reply = element
  for (;;) {
    const frame = reader.frames[reader.frames.length - 1]
    if (frame === undefined) return done
    frame.items.push(done)
    if (--frame.left > 0) return undefined
    reader.frames.pop()
    if (frame.kind === 'attribute') return undefined
    done = { kind: frame.kind, items: frame.items }
  }
}

/** One element: a reply, OPENED for an aggregate that awaits its members, a reason, or undefined for more. */
function readElement(reader: ReplyReader): Reply | typeof OPENED | string | undefined {
  const { buffer, start } = reader
  if (start === reader.end) return undefined
  const lineEnd = findLineEnd(reader)
  if (lineEnd === -1) {
    if (reader.end - start > REPLY_LINE_BYTES_MAX) return 'Line too long'
    return undefined
  }
  const type = buffer[start]!
  const from = start + 1
  const after = lineEnd + 2
  switch (type) {
    case 0x2b: // +
      return consume(reader, after, { kind: 'simple', bytes: buffer.slice(from, lineEnd) })
    case 0x2d: // -
      return consume(reader, after, { kind: 'error', bytes: buffer.slice(from, lineEnd) })
    case 0x3a: {
      const value = parseInteger(buffer, from, lineEnd)
      return value === undefined ? 'Bad integer value' : consume(reader, after, { kind: 'integer', value })
    }
    case 0x24: // $
    case 0x3d: // =
      return readBulk(reader, type === 0x3d, from, lineEnd)
    case 0x2a: // *
      return open(reader, 'array', 1, from, lineEnd)
    case 0x7e: // ~
      return open(reader, 'set', 1, from, lineEnd)
    case 0x3e: // >
      return open(reader, 'push', 1, from, lineEnd)
    case 0x25: // %
      return open(reader, 'map', 2, from, lineEnd)
    case 0x7c: // |
      return open(reader, 'attribute', 2, from, lineEnd)
    case 0x5f: // _
      return lineEnd === from ? consume(reader, after, NIL) : 'Bad nil value'
    case 0x23: // #
      return readBool(reader, from, lineEnd)
    case 0x2c: // ,
      return readDouble(reader, from, lineEnd)
    case 0x28: // (
      return isBigNumber(buffer, from, lineEnd)
        ? consume(reader, after, { kind: 'bignum', bytes: buffer.slice(from, lineEnd) })
        : 'Bad bignum value'
    default:
      return `Protocol error, got ${quoteByte(type)} as reply type byte`
  }
}

function consume(reader: ReplyReader, to: number, reply: Reply): Reply {
  reader.start = reader.searched = to
  return reply
}

/** The index of the CR of the first CR LF after `start`, or -1. */
function findLineEnd(reader: ReplyReader): number {
  const { buffer, end } = reader
  let at = Math.max(reader.searched, reader.start)
  for (;;) {
    at = buffer.indexOf(CR, at)
    if (at === -1 || at + 1 >= end) {
      reader.searched = at === -1 || at >= end ? end : at
      return -1
    }
    if (buffer[at + 1] === LF) return at
    at++
  }
}

function readBulk(
  reader: ReplyReader,
  verbatim: boolean,
  from: number,
  lineEnd: number,
): Reply | string | undefined {
  const length = parseInteger(reader.buffer, from, lineEnd)
  if (length === undefined) return 'Bad bulk string length'
  if (typeof length === 'bigint' || length < -1 || length > reader.bulkMax_bytes) {
    return 'Bulk string length out of range'
  }
  if (length === -1) return consume(reader, lineEnd + 2, NIL)
  const begin = lineEnd + 2
  const stop = begin + length
  // The header is found again at once when more has come: the search starts where this line ends.
  reader.searched = lineEnd
  if (reader.end < stop + 2) {
    reserve(reader, stop + 2 - reader.end)
    return undefined
  }
  const { buffer } = reader
  if (buffer[stop] !== CR || buffer[stop + 1] !== LF) return 'Bulk string without its CR LF'
  if (!verbatim) return consume(reader, stop + 2, { kind: 'bulk', bytes: buffer.slice(begin, stop) })
  if (length < 4 || buffer[begin + 3] !== 0x3a) {
    return 'Verbatim string 4 bytes of content type are missing or incorrectly encoded.'
  }
  const format = String.fromCharCode(buffer[begin]!, buffer[begin + 1]!, buffer[begin + 2]!)
  return consume(reader, stop + 2, { kind: 'verbatim', format, bytes: buffer.slice(begin + 4, stop) })
}

/** A large value is coming: room for it at once, instead of doubling many times. Never more than was fed, twice over. */
function reserve(reader: ReplyReader, more: number): void {
  const held = reader.end - reader.start
  const room = Math.min(held + more, Math.max(held * 4, BUFFER_BYTES_KEEP))
  if (room <= reader.buffer.length - reader.start) return
  const target = new Uint8Array(Math.max(room, reader.buffer.length))
  target.set(reader.buffer.subarray(reader.start, reader.end))
  reader.searched -= reader.start
  reader.buffer = target
  reader.start = 0
  reader.end = held
}

function open(
  reader: ReplyReader,
  kind: Frame['kind'],
  each: number,
  from: number,
  lineEnd: number,
): Reply | typeof OPENED | string {
  const count = parseInteger(reader.buffer, from, lineEnd)
  if (count === undefined) return 'Bad multi-bulk length'
  if (typeof count === 'bigint' || count < -1 || count > REPLY_ITEMS_MAX)
    return 'Multi-bulk length out of range'
  if (count === -1) return consume(reader, lineEnd + 2, NIL)
  if (reader.frames.length >= REPLY_DEPTH_MAX) return 'Replies nested too deep'
  reader.start = reader.searched = lineEnd + 2
  if (count === 0) return kind === 'attribute' ? OPENED : { kind, items: [] }
  reader.frames.push({ kind, items: [], left: count * each })
  return OPENED
}

function readBool(reader: ReplyReader, from: number, lineEnd: number): Reply | string {
  const byte = reader.buffer[from]! | 0x20
  if (lineEnd !== from + 1 || (byte !== 0x74 && byte !== 0x66)) return 'Bad bool value'
  return consume(reader, lineEnd + 2, { kind: 'bool', value: byte === 0x74 })
}

const DOUBLE_BYTES_MAX = 325

function readDouble(reader: ReplyReader, from: number, lineEnd: number): Reply | string {
  if (lineEnd - from > DOUBLE_BYTES_MAX) return 'Double value is too large'
  const bytes = reader.buffer.slice(from, lineEnd)
  const text = String.fromCharCode(...bytes).toLowerCase()
  const value =
    text === 'inf' ? Infinity : text === '-inf' ? -Infinity : text === 'nan' ? Number.NaN : Number(text)
  const bad = text.trim() === '' || (Number.isNaN(value) && text !== 'nan')
  return bad ? 'Bad double value' : consume(reader, lineEnd + 2, { kind: 'double', bytes, value })
}

function isBigNumber(buffer: Uint8Array, from: number, to: number): boolean {
  const first = buffer[from] === 0x2d || buffer[from] === 0x2b ? from + 1 : from
  if (first === to) return false
  for (let i = first; i < to; i++) if (buffer[i]! < 0x30 || buffer[i]! > 0x39) return false
  return true
}

const INT64_MAX = 2n ** 63n - 1n

/** A signed 64 bit integer in ASCII, or undefined. */
function parseInteger(buffer: Uint8Array, from: number, to: number): number | bigint | undefined {
  const negative = buffer[from] === 0x2d
  const first = negative || buffer[from] === 0x2b ? from + 1 : from
  const digits = to - first
  if (digits < 1 || digits > 19) return undefined
  let value = 0
  for (let i = first; i < to; i++) {
    const digit = buffer[i]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  if (digits < 16) return negative && value !== 0 ? -value : value
  let text = ''
  for (let i = first; i < to; i++) text += String.fromCharCode(buffer[i]!)
  const exact = BigInt(text)
  if (exact > INT64_MAX + (negative ? 1n : 0n)) return undefined
  const signed = negative ? -exact : exact
  return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(signed) : signed
}

function quoteByte(byte: number): string {
  return byte >= 0x20 && byte < 0x7f
    ? `"${byte === 0x22 || byte === 0x5c ? '\\' : ''}${String.fromCharCode(byte)}"`
    : `"\\x${byte.toString(16).padStart(2, '0')}"`
}
