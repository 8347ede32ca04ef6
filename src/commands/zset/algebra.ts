/** ZUNION, ZINTER, ZDIFF, ZINTERCARD, and their kin that store what they find: several sorted sets, or sets, at once. */

import type { SeveralSets } from '../../keyspace/collections/several-sets.js'
import { SET, ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  type KeySpec,
  MOVABLE_KEYS,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX, WRONGTYPE } from '../errors.js'
import { nearInteger } from '../int64.js'
import { readKey } from '../lookup.js'
import { replyRow } from '../word-reply.js'
import { readScore, replyMemberCount } from './bounds.js'
import { replyScore } from './member-reply.js'
import { storeSorted } from './store.js'

type Operation = 'union' | 'inter' | 'diff' | 'intercard'

/** How the scores of one member in several sets become one. */
const AGGREGATES = ['sum', 'min', 'max']
const SUM = 0
const MIN = 1

/** What was asked for; the sets themselves are in `keyspace.several`. */
interface Request {
  aggregate: number
  withScores: boolean
  /** Of ZINTERCARD; 0 for none. */
  limit: number
}

/** Infinity times nothing, or less itself, counts as 0. */
function orZero(score: number): number {
  return Number.isNaN(score) ? 0 : score
}

function aggregated(aggregate: number, a: number, b: number): number {
  if (aggregate === SUM) return orZero(a + b)
  if (aggregate === MIN) return b < a ? b : a
  return b > a ? b : a
}

/** Reads the sets whose number stands in argument `at`; how many, 0 after an error was replied. A set's members have the score 1. */
function readSources(call: Call, args: Args, at: number, name: string, reply: Reply): number {
  const count = nearInteger(args, at)
  if (Number.isNaN(count)) reply.error(NOT_AN_INTEGER)
  else if (count < 1) reply.error(`ERR at least 1 input key is needed for '${name}' command`)
  else if (count > args.count - at - 1) reply.error(SYNTAX)
  else {
    const { several } = call.keyspace
    several.begin(count)
    for (let i = at + 1; i <= at + count; i++) {
      const handle = readKey(call, args, i)
      const type = handle === 0 ? ZSET : call.db.entries.type(handle)
      if (type !== ZSET && type !== SET) {
        reply.error(WRONGTYPE)
        return 0
      }
      several.add(handle)
    }
    return count
  }
  return 0
}

/** Reads the option in argument `i`; where the next one stands, or 0 after an error was replied. */
function readOption(
  several: SeveralSets,
  args: Args,
  i: number,
  request: Request,
  operation: Operation,
  store: boolean,
  reply: Reply,
): number {
  const left = args.count - i
  const combines = operation === 'union' || operation === 'inter'
  if (combines && left > several.count && args.is(i, 'weights')) {
    for (let j = 0; j < several.count; j++) {
      const weight = readScore(args, i + 1 + j, reply, 'ERR weight value is not a float')
      if (Number.isNaN(weight)) return 0
      several.weights[j] = weight
    }
    return i + 1 + several.count
  }
  if (combines && left >= 2 && args.is(i, 'aggregate')) {
    const aggregate = AGGREGATES.findIndex((word) => args.is(i + 1, word))
    if (aggregate >= 0) {
      request.aggregate = aggregate
      return i + 2
    }
  } else if (!store && operation !== 'intercard' && args.is(i, 'withscores')) {
    request.withScores = true
    return i + 1
  } else if (operation === 'intercard' && left >= 2 && args.is(i, 'limit')) {
    request.limit = nearInteger(args, i + 1)
    if (request.limit >= 0) return i + 2
    reply.error("ERR LIMIT can't be negative")
    return 0
  }
  reply.error(SYNTAX)
  return 0
}

/** Everything behind argument `at`, which counts the keys; null after an error was replied. */
function readRequest(
  call: Call,
  args: Args,
  at: number,
  operation: Operation,
  store: boolean,
  reply: Reply,
): Request | null {
  const name = `z${operation}${store ? 'store' : ''}`
  const count = readSources(call, args, at, name, reply)
  if (count === 0) return null
  const { several } = call.keyspace
  const request: Request = { aggregate: SUM, withScores: false, limit: 0 }
  for (let i = at + 1 + count; i < args.count; ) {
    i = readOption(several, args, i, request, operation, store, reply)
    if (i === 0) return null
  }
  // Redis adds scores from the smallest set to the largest, and the order shows in the last digits.
  if (operation !== 'diff') several.sortBySize(0, false)
  return request
}

/**
 * Adds to the rows what all sets have, from `cursor` of the smallest on, with the scores together; returns where to go on, 0 at the
 * end.
 */
function intersectSome(several: SeveralSets, cursor: number, aggregate: number): number {
  const { rows, probe, handles, weights } = several
  if (handles[0] === 0) return 0
  const from = rows.count
  const next = several.gatherScored(0, cursor)
  for (let i = 1; i < several.count; i++) {
    const weight = weights[i]!
    probe.open(handles[i]!, rows, from)
    let kept = from
    for (let row = from; row < rows.count; row++) {
      if (!probe.has(rows, row)) continue
      rows.move(row, kept)
      rows.scores[kept] = aggregated(aggregate, rows.scores[kept]!, orZero(probe.score * weight))
      kept++
    }
    rows.cut(from, kept)
  }
  return next
}

/** Every member of the sets into the rows, once, with the scores together. */
function unite(several: SeveralSets, aggregate: number): void {
  const { rows } = several
  rows.beginIndex()
  for (let i = 0; i < several.count; i++) {
    let cursor = 0
    do {
      const from = rows.count
      cursor = several.gatherScored(i, cursor)
      rows.hash()
      rows.reserveIndex(from)
      let kept = from
      const { scores } = rows
      for (let row = from; row < rows.count; row++) {
        const known = rows.claim(row, kept)
        if (known < 0) rows.move(row, kept++)
        else scores[known] = aggregated(aggregate, scores[known]!, scores[row]!)
      }
      rows.cut(from, kept)
    } while (cursor !== 0)
  }
}

/** What the first set has and no other, into the rows. */
function subtract(several: SeveralSets): void {
  const { rows, handles } = several
  let cursor = 0
  do {
    const from = rows.count
    cursor = several.gatherScored(0, cursor)
    for (let i = 1; i < several.count; i++) if (handles[i] !== 0) several.sift(i, from, false)
  } while (cursor !== 0)
}

/** The result into the rows, and their order. */
function compute(several: SeveralSets, request: Request, operation: Operation): void {
  if (operation === 'union') unite(several, request.aggregate)
  else if (operation === 'diff') subtract(several)
  else {
    let cursor = 0
    do cursor = intersectSome(several, cursor, request.aggregate)
    while (cursor !== 0)
  }
  several.order.sort()
}

function replyResult(call: Call, args: Args, operation: Operation, reply: Reply): void {
  const request = readRequest(call, args, 1, operation, false, reply)
  if (request === null) return
  const { several, heap } = call.keyspace
  compute(several, request, operation)
  const { u32 } = heap
  const { rows } = several
  const { order } = several.order
  const { withScores } = request
  const nested = withScores && reply.protocol > 2
  replyMemberCount(reply, rows.count, withScores)
  for (let i = 0; i < rows.count; i++) {
    const row = order[i]!
    if (nested) reply.array(2)
    replyRow(rows, row, u32, reply)
    if (withScores) replyScore(rows.scores[row]!, reply)
  }
  several.end()
}

function storeResult(call: Call, args: Args, operation: Operation, reply: Reply): void {
  const request = readRequest(call, args, 2, operation, true, reply)
  if (request === null) return
  const { several } = call.keyspace
  compute(several, request, operation)
  const made = several.makeSorted()
  several.end()
  storeSorted(call, args, made, `z${operation}store`, reply)
}

const sourceKeys = (index: number): KeySpec[] => [
  { flags: KEY_RO | KEY_ACCESS, begin: { index }, find: { keyNumber: 0, firstKey: 1, step: 1 } },
]
const READING = {
  arity: -3,
  flags: READONLY | MOVABLE_KEYS,
  since: '6.2.0',
  group: 'sorted-set',
  keys: sourceKeys(1),
} as const
const STORING = {
  arity: -4,
  flags: WRITE | DENYOOM | MOVABLE_KEYS,
  since: '2.0.0',
  group: 'sorted-set',
  keys: [...firstKey(KEY_OW | KEY_UPDATE), ...sourceKeys(2)],
} as const
const OPTIONS = '[WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]'
const UNION_COST = 'O(N)+O(M*log(M)) with N members of all sets and M of the result'
const INTERSECTION_COST =
  'O(N*K)+O(M*log(M)) at worst, with N members of the smallest of K sets and M of the result'
const DIFFERENCE_COST = 'O(N*K)+O(M*log(M)) with N members of the first of K sets and M of the result'

export const zunion = command(
  {
    ...READING,
    name: 'ZUNION',
    summary: 'Returns the members that any of the sorted sets has.',
    complexity: UNION_COST,
    syntax: `numkeys key [key ...] ${OPTIONS} [WITHSCORES]`,
  },
  (call, args, reply) => replyResult(call, args, 'union', reply),
)

export const zunionstore = command(
  {
    ...STORING,
    name: 'ZUNIONSTORE',
    summary: 'Stores the members that any of the sorted sets has as a sorted set, and counts them.',
    complexity: UNION_COST,
    syntax: `destination numkeys key [key ...] ${OPTIONS}`,
  },
  (call, args, reply) => storeResult(call, args, 'union', reply),
)

export const zinter = command(
  {
    ...READING,
    name: 'ZINTER',
    summary: 'Returns the members that all of the sorted sets have.',
    complexity: INTERSECTION_COST,
    syntax: `numkeys key [key ...] ${OPTIONS} [WITHSCORES]`,
  },
  (call, args, reply) => replyResult(call, args, 'inter', reply),
)

export const zinterstore = command(
  {
    ...STORING,
    name: 'ZINTERSTORE',
    summary: 'Stores the members that all of the sorted sets have as a sorted set, and counts them.',
    complexity: INTERSECTION_COST,
    syntax: `destination numkeys key [key ...] ${OPTIONS}`,
  },
  (call, args, reply) => storeResult(call, args, 'inter', reply),
)

export const zdiff = command(
  {
    ...READING,
    name: 'ZDIFF',
    summary: 'Returns the members of the first sorted set that none of the others has.',
    complexity: DIFFERENCE_COST,
    syntax: 'numkeys key [key ...] [WITHSCORES]',
  },
  (call, args, reply) => replyResult(call, args, 'diff', reply),
)

export const zdiffstore = command(
  {
    ...STORING,
    name: 'ZDIFFSTORE',
    since: '6.2.0',
    summary:
      'Stores the members of the first sorted set that none of the others has as a sorted set, and counts them.',
    complexity: DIFFERENCE_COST,
    syntax: 'destination numkeys key [key ...]',
  },
  (call, args, reply) => storeResult(call, args, 'diff', reply),
)

export const zintercard = command(
  {
    ...READING,
    name: 'ZINTERCARD',
    since: '7.0.0',
    summary: 'Counts the members that all of the sorted sets have.',
    complexity: INTERSECTION_COST,
    syntax: 'numkeys key [key ...] [LIMIT limit]',
  },
  (call, args, reply) => {
    const request = readRequest(call, args, 1, 'intercard', false, reply)
    if (request === null) return
    const { several } = call.keyspace
    const { limit } = request
    let found = 0
    let cursor = 0
    do {
      several.rows.begin()
      cursor = intersectSome(several, cursor, SUM)
      found += several.rows.count
    } while (cursor !== 0 && (limit === 0 || found < limit))
    reply.int(limit > 0 && found > limit ? limit : found)
    several.end()
  },
)

export const SORTED_ALGEBRA_FAMILY = [zunion, zunionstore, zinter, zinterstore, zdiff, zdiffstore, zintercard]
