/** ZRANGE and its forerunners, ZRANGESTORE: members of a range of ranks, scores or bytes. */

import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import {
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  keyAt,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { nearInteger } from '../int64.js'
import { type Bounds, lexBounds, limitRanks, rankBounds, replyMemberCount, scoreBounds } from './bounds.js'
import { replyRange } from './member-reply.js'
import { storeSorted } from './store.js'

/** The command, a key and two bounds. */
const PLAIN_ARGUMENTS = 4

type By = 'rank' | 'score' | 'lex'

/** What a command's name says already; null where its options may say it. */
interface Kind {
  readonly by: By | null
  readonly reverse: boolean | null
  readonly store: boolean
}

interface Range {
  by: By
  reverse: boolean
  withScores: boolean
  offset: number
  /** As LIMIT says it; -1 for all. */
  count: number
}

/** The options from argument `from` on, null after an error was replied. */
function readOptions(args: Args, from: number, kind: Kind, reply: Reply): Range | null {
  const range: Range = { by: 'rank', reverse: false, withScores: false, offset: 0, count: -1 }
  let { by, reverse } = kind
  for (let i = from; i < args.count; i++) {
    if (!kind.store && args.is(i, 'withscores')) range.withScores = true
    else if (args.is(i, 'limit') && i + 2 < args.count) {
      range.offset = nearInteger(args, i + 1)
      range.count = nearInteger(args, i + 2)
      if (Number.isNaN(range.offset) || Number.isNaN(range.count)) {
        reply.error(NOT_AN_INTEGER)
        return null
      }
      i += 2
    } else if (reverse === null && args.is(i, 'rev')) reverse = true
    else if (by === null && args.is(i, 'bylex')) by = 'lex'
    else if (by === null && args.is(i, 'byscore')) by = 'score'
    else {
      reply.error(SYNTAX)
      return null
    }
  }
  range.by = by ?? 'rank'
  range.reverse = reverse ?? false
  if (range.count !== -1 && range.by === 'rank') {
    reply.error('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX')
    return null
  }
  if (range.withScores && range.by === 'lex') {
    reply.error('ERR syntax error, WITHSCORES not supported in combination with BYLEX')
    return null
  }
  return range
}

function readBounds(args: Args, first: number, range: Range, reply: Reply): Bounds | null {
  if (range.by === 'rank') return rankBounds(args, first, first + 1, range.reverse, reply)
  // From the highest down, the upper bound stands first.
  const low = range.reverse ? first + 1 : first
  const high = range.reverse ? first : first + 1
  return range.by === 'score' ? scoreBounds(args, low, high, reply) : lexBounds(args, low, high, reply)
}

/** The command without options, which is most of its use, by ranks: nothing is made but the reply. */
function plainRange(call: Call, args: Args, reverse: boolean, reply: Reply): void {
  const first = nearInteger(args, 2)
  const last = nearInteger(args, 3)
  if (Number.isNaN(first) || Number.isNaN(last)) {
    reply.error(NOT_AN_INTEGER)
    return
  }
  const handle = collectionToRead(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  const size = handle === 0 ? 0 : call.keyspace.zsets.size(handle)
  const from = Math.max(0, first < 0 ? first + size : first)
  const to = Math.min(size, (last < 0 ? last + size : last) + 1)
  reply.array(Math.max(0, to - from))
  if (from >= to) return
  if (reverse) replyRange(call, handle, size - to, size - from, true, false, false, reply)
  else replyRange(call, handle, from, to, false, false, false, reply)
}

/** The command with the key in argument `key` and the bounds behind it. */
function rangeOf(call: Call, args: Args, key: number, kind: Kind, reply: Reply): void {
  if (args.count === PLAIN_ARGUMENTS && !kind.store && (kind.by ?? 'rank') === 'rank') {
    plainRange(call, args, kind.reverse === true, reply)
    return
  }
  const range = readOptions(args, key + 3, kind, reply)
  if (range === null) return
  const bounds = readBounds(args, key + 1, range, reply)
  if (bounds === null) return
  const handle = collectionToRead(call, args, key, ZSET, reply)
  if (handle === WRONG) return
  const ranks = handle === 0 ? { from: 0, to: 0 } : bounds(call, handle)
  if (range.by !== 'rank') limitRanks(ranks, range.offset, range.count, range.reverse)
  const many = Math.max(0, ranks.to - ranks.from)
  if (!kind.store) {
    const { reverse, withScores } = range
    replyMemberCount(reply, many, withScores)
    const nested = withScores && reply.protocol > 2
    replyRange(call, handle, ranks.from, ranks.to, reverse, withScores, nested, reply)
    return
  }
  const { several } = call.keyspace
  several.begin(0)
  if (many > 0) several.gatherRange(handle, ranks.from, ranks.to)
  several.order.asTheyAre()
  const made = several.makeSorted()
  several.end()
  storeSorted(call, args, made, 'zrangestore', reply)
}

const COMMON = {
  arity: -4,
  flags: READONLY,
  group: 'sorted-set',
  complexity: 'O(log(N)+M) with N members of the set and M returned',
  keys: firstKey(KEY_RO | KEY_ACCESS),
} as const
const old = (replacedBy: string) => ({ since: '6.2.0', replacedBy })

export const zrange = command(
  {
    ...COMMON,
    name: 'ZRANGE',
    since: '1.2.0',
    summary: 'Returns the members of a range of ranks, scores or bytes.',
    syntax: 'key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]',
    history: [['6.2.0', 'Knows `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.']],
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: null, reverse: null, store: false }, reply),
)

export const zrangestore = command(
  {
    ...COMMON,
    name: 'ZRANGESTORE',
    arity: -5,
    flags: WRITE | DENYOOM,
    since: '6.2.0',
    summary: 'Stores the members of a range as a sorted set, and counts them.',
    complexity: 'O(log(N)+M) with N members of the set and M stored',
    syntax: 'dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]',
    keys: [...firstKey(KEY_OW | KEY_UPDATE), ...keyAt(2, KEY_RO | KEY_ACCESS)],
  },
  (call, args, reply) => rangeOf(call, args, 2, { by: null, reverse: null, store: true }, reply),
)

export const zrevrange = command(
  {
    ...COMMON,
    name: 'ZREVRANGE',
    since: '1.2.0',
    summary: 'Returns the members of a range of ranks, from the highest score down.',
    syntax: 'key start stop [WITHSCORES]',
    deprecated: old('`ZRANGE` with the `REV` argument'),
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: 'rank', reverse: true, store: false }, reply),
)

export const zrangebyscore = command(
  {
    ...COMMON,
    name: 'ZRANGEBYSCORE',
    since: '1.0.5',
    summary: 'Returns the members of a range of scores.',
    syntax: 'key min max [WITHSCORES] [LIMIT offset count]',
    history: [['2.0.0', 'Knows `WITHSCORES`.']],
    deprecated: old('`ZRANGE` with the `BYSCORE` argument'),
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: 'score', reverse: false, store: false }, reply),
)

export const zrevrangebyscore = command(
  {
    ...COMMON,
    name: 'ZREVRANGEBYSCORE',
    since: '2.2.0',
    summary: 'Returns the members of a range of scores, from the highest down.',
    syntax: 'key max min [WITHSCORES] [LIMIT offset count]',
    history: [['2.1.6', 'Bounds may be exclusive.']],
    deprecated: old('`ZRANGE` with the `REV` and `BYSCORE` arguments'),
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: 'score', reverse: true, store: false }, reply),
)

export const zrangebylex = command(
  {
    ...COMMON,
    name: 'ZRANGEBYLEX',
    since: '2.8.9',
    summary: 'Returns the members of a range by their bytes, where all scores are equal.',
    syntax: 'key min max [LIMIT offset count]',
    deprecated: old('`ZRANGE` with the `BYLEX` argument'),
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: 'lex', reverse: false, store: false }, reply),
)

export const zrevrangebylex = command(
  {
    ...COMMON,
    name: 'ZREVRANGEBYLEX',
    since: '2.8.9',
    summary: 'Returns the members of a range by their bytes, from the last to the first.',
    syntax: 'key max min [LIMIT offset count]',
    deprecated: old('`ZRANGE` with the `REV` and `BYLEX` arguments'),
  },
  (call, args, reply) => rangeOf(call, args, 1, { by: 'lex', reverse: true, store: false }, reply),
)

export const SORTED_RANGE_FAMILY = [
  zrange,
  zrangestore,
  zrevrange,
  zrangebyscore,
  zrevrangebyscore,
  zrangebylex,
  zrevrangebylex,
]
