/**
 * IDs of streams in arguments and replies. An ID is `ms-seq`, or `ms` alone where the command knows what the rest is to be;
 * `-` and `+` are the lowest and the highest, `(` in front leaves the ID itself out. Each half is read as C's strtoull reads
 * it, so leading zeros and blanks, and even a minus behind a blank, are taken; Redis takes them.
 */

import { integerLength, wholeText } from '../../bytes/ascii.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import type { Stream } from '../../keyspace/collections/stream.js'
import type { IdDigits, StreamId } from '../../keyspace/collections/stream-id.js'
import { STREAM_ID_DIGITS_MAX } from '../../keyspace/collections/stream-id.js'
import type { StreamWalk } from '../../keyspace/collections/stream-walk.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'

export const INVALID_ID = 'ERR Invalid stream ID specified as stream command argument'

/** What `readId` says of an ID that is none … */
export const BAD_ID = 0
/** … of one with both halves, or with the sequence number that was told to be meant … */
export const WHOLE_ID = 1
/** … and of `ms-*`, whose sequence number is to be found. */
export const OPEN_ID = 2

/** Longer arguments are no IDs. */
const ID_BYTES_MAX = 127
/** So many digits are always a safe integer. */
const SAFE_DIGITS = 15
const DASH = 0x2d
const PLUS = 0x2b
const STAR = 0x2a
const OPEN_BRACKET = 0x28
const ZERO = 0x30
const UINT64_MAX = 0xffffffffffffffffn
const WORD = 2 ** 32
const WORD_MAX = 0xffffffff

/** What an ID may be beyond two numbers. */
export interface IdRules {
  /** The sequence number where only milliseconds are given: the highest, else 0. */
  readonly highest?: boolean
  /** `-` and `+` are taken. */
  readonly ends?: boolean
  /** `ms-*` is taken. */
  readonly open?: boolean
}

const STRICT: IdRules = {}

/** Reads `buf[start, end)` into `id`; one of the three above. Bytes from a zero byte on do not count. */
export function parseId(buf: Uint8Array, start: number, end: number, rules: IdRules, id: StreamId): number {
  if (end - start > ID_BYTES_MAX) return BAD_ID
  let stop = start
  let dash = -1
  for (; stop < end && buf[stop] !== 0; stop++) if (buf[stop] === DASH && dash < 0) dash = stop
  if (stop - start === 1 && (buf[start] === DASH || buf[start] === PLUS)) {
    if (!rules.ends) return BAD_ID
    if (buf[start] === DASH) id.setZero()
    else id.setMax()
    return WHOLE_ID
  }
  if (!parseHalf(buf, start, dash < 0 ? stop : dash, id, true)) return BAD_ID
  if (dash < 0) {
    id.seqHigh = rules.highest ? WORD_MAX : 0
    id.seqLow = id.seqHigh
    return WHOLE_ID
  }
  if (rules.open && stop - dash === 2 && buf[dash + 1] === STAR) {
    id.seqHigh = 0
    id.seqLow = 0
    return OPEN_ID
  }
  return parseHalf(buf, dash + 1, stop, id, false) ? WHOLE_ID : BAD_ID
}

/** Reads an unsigned integer of 64 bits into one half of `id`. */
function parseHalf(buf: Uint8Array, start: number, end: number, id: StreamId, ms: boolean): boolean {
  let value = 0
  let i = start
  if (end > start && end - start <= SAFE_DIGITS) {
    for (; i < end; i++) {
      const digit = buf[i]! - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (i === end) {
      setHalf(id, ms, Math.floor(value / WORD), value >>> 0)
      return true
    }
  }
  const big = parseUnsigned(wholeText(buf, start, end, NUMBER_BYTES_MAX) ?? '')
  if (big === null) return false
  setHalf(id, ms, Number(big >> 32n), Number(big & 0xffffffffn))
  return true
}

function setHalf(id: StreamId, ms: boolean, high: number, low: number): void {
  if (ms) {
    id.msHigh = high
    id.msLow = low
  } else {
    id.seqHigh = high
    id.seqLow = low
  }
}

/** As strtoull, but a canonical negative number is refused. */
function parseUnsigned(digits: string): bigint | null {
  if (/^-[1-9]\d*$/.test(digits) && BigInt(digits) >= -(2n ** 63n)) return null
  const parts = /^[ \t\n\v\f\r]*([+-]?)(\d+)$/.exec(digits)
  if (parts === null) return null
  const value = BigInt(parts[2]!)
  if (value > UINT64_MAX) return null
  return parts[1] === '-' ? BigInt.asUintN(64, -value) : value
}

/** Reads argument `index` into `id`; false after an error was replied. */
export function readId(args: Args, index: number, id: StreamId, reply: Reply, rules = STRICT): boolean {
  if (parseId(args.buf, args.start(index), args.end(index), rules, id) !== BAD_ID) return true
  reply.error(INVALID_ID)
  return false
}

/** Whether argument `index` is an ID as such; nothing is replied. */
export function isId(args: Args, index: number, id: StreamId): boolean {
  return parseId(args.buf, args.start(index), args.end(index), STRICT, id) !== BAD_ID
}

const RANGE_START: IdRules = { ends: true }
const RANGE_END: IdRules = { ends: true, highest: true }
const OPEN_START: IdRules = {}
const OPEN_END: IdRules = { highest: true }

/** Reads the lower bound of a range; false after an error was replied. */
export function readRangeStart(args: Args, index: number, id: StreamId, reply: Reply): boolean {
  const open = isOpen(args, index)
  if (!readBound(args, index, open, open ? OPEN_START : RANGE_START, id, reply)) return false
  if (!open || id.increment()) return true
  reply.error('ERR invalid start ID for the interval')
  return false
}

/** Reads the upper bound of a range. */
export function readRangeEnd(args: Args, index: number, id: StreamId, reply: Reply): boolean {
  const open = isOpen(args, index)
  if (!readBound(args, index, open, open ? OPEN_END : RANGE_END, id, reply)) return false
  if (!open || id.decrement()) return true
  reply.error('ERR invalid end ID for the interval')
  return false
}

function isOpen(args: Args, index: number): boolean {
  return args.length(index) > 1 && args.buf[args.start(index)] === OPEN_BRACKET
}

function readBound(
  args: Args,
  index: number,
  open: boolean,
  rules: IdRules,
  id: StreamId,
  reply: Reply,
): boolean {
  const start = args.start(index) + (open ? 1 : 0)
  if (parseId(args.buf, start, args.end(index), rules, id) !== BAD_ID) return true
  reply.error(INVALID_ID)
  return false
}

/** Whether argument `index` is this one character (and what a zero byte may hide). */
export function isCharacter(args: Args, index: number, character: number): boolean {
  const start = args.start(index)
  const length = args.length(index)
  return args.buf[start] === character && (length === 1 || (length > 1 && args.buf[start + 1] === 0))
}

/** Replies with an ID as a bulk string. */
export function replyId(reply: Reply, id: StreamId): void {
  reply.ensure(STREAM_ID_DIGITS_MAX + 8)
  finishId(reply, id.write(reply.buf, reply.pos + ID_HEAD_BYTES))
}

/** As `replyId`, for IDs that are made one after the other. */
export function replyNextId(reply: Reply, id: StreamId, digits: IdDigits): void {
  reply.ensure(STREAM_ID_DIGITS_MAX + 8)
  finishId(reply, digits.write(id, reply.buf, reply.pos + ID_HEAD_BYTES))
}

/** Nearly always the length of an ID has two digits: it is written where it will stand then, and moved if not. */
const ID_HEAD_BYTES = 5

/** Puts its length around an ID that was written behind the place for it, up to `end`. */
function finishId(reply: Reply, end: number): void {
  const { buf } = reply
  const from = reply.pos
  const digits = from + ID_HEAD_BYTES
  const length = end - digits
  let pos = end
  buf[from] = 0x24
  if (length >= 10) {
    const tens = (length / 10) | 0
    buf[from + 1] = ZERO + tens
    buf[from + 2] = ZERO + length - tens * 10
    buf[from + 3] = 0x0d
    buf[from + 4] = 0x0a
  } else {
    buf[from + 1] = ZERO + length
    buf[from + 2] = 0x0d
    buf[from + 3] = 0x0a
    buf.copyWithin(digits - 1, digits, end)
    pos--
  }
  buf[pos] = 0x0d
  buf[pos + 1] = 0x0a
  reply.pos = pos + 2
}

/** Replies with the entry that the walk stands on: its ID, and its fields and values in turns. */
export function replyEntry(reply: Reply, walk: StreamWalk): void {
  const { field, value, fields } = walk
  reply.array(2)
  replyId(reply, walk.id)
  reply.array(fields * 2)
  for (let i = 0; i < fields; i++) {
    walk.nextField()
    reply.bulkRange(field.buf, field.start, field.end)
    reply.bulkRange(value.buf, value.start, value.end)
  }
}

/**
 * The end of an array that was begun at `mark` with a guess of how many elements it would have: it gets the head of those that it
 * has. A good guess costs nothing; after another the elements may have to be moved.
 */
export function settleArray(reply: Reply, mark: number, guess: number, count: number): void {
  if (guess !== count) reply.replaceAt(mark, headLength(guess), () => reply.array(count))
}

/** As `settleArray`, for what is a map in RESP3 and an array in RESP2. */
export function settleMap(reply: Reply, mark: number, guess: number, count: number): void {
  if (reply.protocol === 2) settleArray(reply, mark, guess, count)
  else if (guess !== count) reply.replaceAt(mark, headLength(guess), () => reply.map(count))
}

function headLength(count: number): number {
  return integerLength(count) + 3
}

/** Replies with up to `count` entries, from where the walk begins on. */
export function replyEntries(reply: Reply, walk: StreamWalk, stream: Stream, count: number): void {
  const mark = reply.length
  const guess = Math.min(count, stream.length)
  let shown = 0
  reply.array(guess)
  for (; shown < count && walk.next(); shown++) replyEntry(reply, walk)
  settleArray(reply, mark, guess, shown)
}
