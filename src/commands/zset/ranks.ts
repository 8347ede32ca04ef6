/** ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT, ZREMRANGEBYRANK, -BYSCORE and -BYLEX: where members stand, and how many lie in a range. */

import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, collectionToRead, removeEmpty, WRONG } from '../collection.js'
import {
  command,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RO,
  KEY_RW,
  READONLY,
  WRITE,
} from '../command.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_ZSET } from '../host.js'
import { type Bounds, lexBounds, rankBounds, scoreBounds } from './bounds.js'

const READING = {
  flags: READONLY | FAST,
  group: 'sorted-set',
  keys: firstKey(KEY_RO | KEY_ACCESS),
} as const

function replyRank(call: Call, args: Args, name: string, reverse: boolean, reply: Reply): void {
  const withScore = args.count > 3
  if (args.count > 4) {
    reply.error(`ERR wrong number of arguments for '${name}' command`)
    return
  }
  if (withScore && !args.is(3, 'withscore')) {
    reply.error(SYNTAX)
    return
  }
  const handle = collectionToRead(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  const { zsets } = call.keyspace
  const rank = handle === 0 ? -1 : zsets.rank(handle, args.buf, args.start(2), args.end(2))
  if (rank < 0) {
    if (withScore) reply.nilArray()
    else reply.nil()
    return
  }
  if (withScore) reply.array(2)
  reply.int(reverse ? zsets.size(handle) - 1 - rank : rank)
  if (withScore) reply.double(zsets.score)
}

const RANK = {
  ...READING,
  elements: [2, 0],
  arity: -3,
  since: '2.0.0',
  complexity: 'O(log(N)) with N members of the set',
  syntax: 'key member [WITHSCORE]',
  history: [['7.2.0', 'Knows `WITHSCORE`.']],
} as const

export const zrank = command(
  { ...RANK, name: 'ZRANK', summary: 'Returns how many members have a lower score than one.' },
  (call, args, reply) => replyRank(call, args, 'zrank', false, reply),
)

export const zrevrank = command(
  { ...RANK, name: 'ZREVRANK', summary: 'Returns how many members have a higher score than one.' },
  (call, args, reply) => replyRank(call, args, 'zrevrank', true, reply),
)

function replyCount(call: Call, args: Args, bounds: Bounds | null, reply: Reply): void {
  if (bounds === null) return
  const handle = collectionToRead(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    reply.int(0)
    return
  }
  const { from, to } = bounds(call, handle)
  reply.int(Math.max(0, to - from))
}

const COUNT = {
  ...READING,
  arity: 4,
  complexity: 'O(log(N)) with N members of the set',
  syntax: 'key min max',
} as const

export const zcount = command(
  { ...COUNT, name: 'ZCOUNT', since: '2.0.0', summary: 'Counts the members whose scores lie in a range.' },
  (call, args, reply) => replyCount(call, args, scoreBounds(args, 2, 3, reply), reply),
)

export const zlexcount = command(
  {
    ...COUNT,
    name: 'ZLEXCOUNT',
    since: '2.8.9',
    summary: 'Counts the members that lie in a range by their bytes, where all scores are equal.',
  },
  (call, args, reply) => replyCount(call, args, lexBounds(args, 2, 3, reply), reply),
)

function removeRange(call: Call, args: Args, bounds: Bounds | null, event: string, reply: Reply): void {
  if (bounds === null) return
  const handle = collectionToChange(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    reply.int(0)
    return
  }
  const { zsets } = call.keyspace
  const { from, to } = bounds(call, handle)
  const removed = Math.max(0, to - from)
  zsets.removeRange(handle, from, to)
  if (removed > 0) {
    collectionChanged(call, args, 1, NOTIFY_ZSET, event, removed)
    if (zsets.size(handle) === 0) removeEmpty(call, args, 1)
  }
  reply.int(removed)
}

const REMOVING = {
  arity: 4,
  flags: WRITE,
  group: 'sorted-set',
  complexity: 'O(log(N)+M) with N members of the set and M to be removed',
  keys: firstKey(KEY_RW | KEY_DELETE),
} as const

export const zremrangebyrank = command(
  {
    ...REMOVING,
    name: 'ZREMRANGEBYRANK',
    since: '2.0.0',
    summary: 'Removes the members of a range of ranks, and the set with its last one.',
    syntax: 'key start stop',
  },
  (call, args, reply) =>
    removeRange(call, args, rankBounds(args, 2, 3, false, reply), 'zremrangebyrank', reply),
)

export const zremrangebyscore = command(
  {
    ...REMOVING,
    name: 'ZREMRANGEBYSCORE',
    since: '1.2.0',
    summary: 'Removes the members of a range of scores, and the set with its last one.',
    syntax: 'key min max',
  },
  (call, args, reply) => removeRange(call, args, scoreBounds(args, 2, 3, reply), 'zremrangebyscore', reply),
)

export const zremrangebylex = command(
  {
    ...REMOVING,
    name: 'ZREMRANGEBYLEX',
    since: '2.8.9',
    summary: 'Removes the members of a range by their bytes, where all scores are equal.',
    syntax: 'key min max',
  },
  (call, args, reply) => removeRange(call, args, lexBounds(args, 2, 3, reply), 'zremrangebylex', reply),
)

export const RANK_FAMILY = [
  zrank,
  zrevrank,
  zcount,
  zlexcount,
  zremrangebyrank,
  zremrangebyscore,
  zremrangebylex,
]
