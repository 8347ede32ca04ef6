/** Scores and bounds in arguments, and the ranks that bounds amount to. */

import { isWord, wholeTextToZero } from '../../bytes/ascii.js'
import { parseDouble, plainDouble } from '../../bytes/double.js'
import { wideDouble } from '../../bytes/double-double.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { NOT_A_FLOAT, NOT_AN_INTEGER } from '../errors.js'
import { nearInteger } from '../int64.js'

const MINUS = 0x2d
const PLUS = 0x2b
const ROUND = 0x28
const SQUARE = 0x5b

/** Ranks [from, to), from the lowest score on. */
export interface Ranks {
  from: number
  to: number
}

/** How a set's ranks follow from bounds that have been read. `handle` names an existing set. */
export type Bounds = (call: Call, handle: number) => Ranks

/**
 * The double that an argument spells, NaN after an error was replied. Numbers too large for a double, or so small that
 * nothing of them would be left, are no numbers here.
 */
export function readScore(args: Args, index: number, reply: Reply, error = NOT_A_FLOAT): number {
  const plain = plainDouble(args.buf, args.start(index), args.end(index))
  if (!Number.isNaN(plain)) return plain
  const wide = wideDouble(args.buf, args.start(index), args.end(index))
  if (!Number.isNaN(wide)) return wide
  const source = args.numeral(index)
  const value = parseDouble(source)
  const mantissa = source.replace(/^[+-]?0x/i, '').replace(/[ep].*$/i, '')
  const lost =
    value === null ||
    (!Number.isFinite(value) && !/^[+-]?inf/i.test(source)) ||
    (value === 0 && /[1-9a-f]/i.test(mantissa))
  if (!lost) return value
  reply.error(error)
  return Number.NaN
}

interface ScoreBound {
  readonly score: number
  readonly exclusive: boolean
}

/** As strtod reads it: blanks in front, nothing at all is zero, too large is infinite. */
function scoreBound(args: Args, index: number): ScoreBound | null {
  const { buf } = args
  const end = args.end(index)
  const isOpen = args.length(index) > 0 && buf[args.start(index)] === ROUND
  const start = args.start(index) + (isOpen ? 1 : 0)
  const plain = plainDouble(buf, start, end)
  if (!Number.isNaN(plain)) return { score: plain, exclusive: isOpen }
  // The ends are asked for as often as numbers.
  if (isWord(buf, start, end, '+inf') || isWord(buf, start, end, 'inf')) {
    return { score: Number.POSITIVE_INFINITY, exclusive: isOpen }
  }
  if (isWord(buf, start, end, '-inf')) return { score: Number.NEGATIVE_INFINITY, exclusive: isOpen }
  const whole = wholeTextToZero(buf, args.start(index), end, NUMBER_BYTES_MAX)
  if (whole === null) return null
  const exclusive = whole.startsWith('(')
  const source = exclusive ? whole.slice(1) : whole
  const score = source === '' ? 0 : parseDouble(source.replace(/^[ \t\n\v\f\r]+/, ''))
  return score === null ? null : { score, exclusive }
}

/** Bounds of score in two arguments, null after an error was replied. */
export function scoreBounds(args: Args, low: number, high: number, reply: Reply): Bounds | null {
  const min = scoreBound(args, low)
  const max = scoreBound(args, high)
  if (min === null || max === null) {
    reply.error('ERR min or max is not a float')
    return null
  }
  return ({ keyspace: { zsets } }, handle) => ({
    from: zsets.countBelow(handle, min.score, min.exclusive),
    to: zsets.countBelow(handle, max.score, !max.exclusive),
  })
}

interface LexBound {
  /** -1 in front of everything, 1 behind everything, 0 at the bytes. */
  readonly side: number
  readonly exclusive: boolean
  readonly start: number
  readonly end: number
}

function lexBound(args: Args, index: number): LexBound | null {
  const start = args.start(index)
  const end = args.end(index)
  const first = start < end ? args.buf[start]! : 0
  if (first === PLUS || first === MINUS) {
    if (end > start + 1 && args.buf[start + 1] !== 0) return null
    return { side: first === PLUS ? 1 : -1, exclusive: false, start, end }
  }
  if (first !== ROUND && first !== SQUARE) return null
  return { side: 0, exclusive: first === ROUND, start: start + 1, end }
}

/** Bounds of members' bytes in two arguments, null after an error was replied. */
export function lexBounds(args: Args, low: number, high: number, reply: Reply): Bounds | null {
  const min = lexBound(args, low)
  const max = lexBound(args, high)
  if (min === null || max === null) {
    reply.error('ERR min or max not valid string range item')
    return null
  }
  const { buf } = args
  const rank = (call: Call, handle: number, bound: LexBound, orEqual: boolean): number => {
    const { zsets } = call.keyspace
    if (bound.side !== 0) return bound.side < 0 ? 0 : zsets.size(handle)
    return zsets.countBefore(handle, buf, bound.start, bound.end, orEqual)
  }
  return (call, handle) => ({
    from: rank(call, handle, min, min.exclusive),
    to: rank(call, handle, max, !max.exclusive),
  })
}

/** Ranks in two arguments, negative ones from the end, counted from the highest score down where `reverse`. */
export function rankBounds(
  args: Args,
  low: number,
  high: number,
  reverse: boolean,
  reply: Reply,
): Bounds | null {
  const first = nearInteger(args, low)
  const last = nearInteger(args, high)
  if (Number.isNaN(first) || Number.isNaN(last)) {
    reply.error(NOT_AN_INTEGER)
    return null
  }
  return (call, handle) => {
    const size = call.keyspace.zsets.size(handle)
    const from = Math.max(0, first < 0 ? first + size : first)
    const to = Math.min(size, (last < 0 ? last + size : last) + 1)
    return reverse ? { from: size - to, to: size - from } : { from, to }
  }
}

/** Cuts ranks to what LIMIT leaves: `count` of them, all where that is negative, behind the first `offset`. */
export function limitRanks(ranks: Ranks, offset: number, count: number, reverse: boolean): void {
  if (offset < 0) ranks.to = ranks.from
  else if (reverse) {
    ranks.to -= offset
    if (count >= 0) ranks.from = Math.max(ranks.from, ranks.to - count)
  } else {
    ranks.from += offset
    if (count >= 0) ranks.to = Math.min(ranks.to, ranks.from + count)
  }
}

/** Replies with the member that `zsets` shows, with its score if asked: in RESP3 as a pair. */
export function replyMember(call: Call, reply: Reply, withScores: boolean): void {
  const { member, score } = call.keyspace.zsets
  if (withScores && reply.protocol > 2) reply.array(2)
  reply.bulkRange(member.buf, member.start, member.end)
  if (withScores) reply.double(score)
}

/** The head of an array of `count` members as `replyMember` writes them. */
export function replyMemberCount(reply: Reply, count: number, withScores: boolean): void {
  reply.array(withScores && reply.protocol === 2 ? count * 2 : count)
}
