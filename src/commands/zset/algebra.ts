/** ZUNION, ZINTER, ZDIFF, ZINTERCARD, and their kin that store what they find: several sorted sets, or sets, at once. */

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
import { readScore, replyMember, replyMemberCount } from './bounds.js'
import { storeSorted } from './store.js'

type Operation = 'union' | 'inter' | 'diff' | 'intercard'
type Aggregate = 'sum' | 'min' | 'max'

/** One of the sets: a set's members have the score 1. */
interface Source {
  /** 0 for one that is not there. */
  readonly handle: number
  readonly isSet: boolean
  weight: number
}

interface Request {
  readonly sources: Source[]
  aggregate: Aggregate
  withScores: boolean
  /** Of ZINTERCARD; 0 for none. */
  limit: number
}

function sizeOf(call: Call, source: Source): number {
  const { zsets, sets } = call.keyspace
  if (source.handle === 0) return 0
  return source.isSet ? sets.size(source.handle) : zsets.size(source.handle)
}

/** Shows all members and their scores, weight not counted. `visit` must not change the set. */
function forEach(
  call: Call,
  source: Source,
  visit: (buf: Uint8Array, start: number, end: number, score: number) => void,
): void {
  const { zsets, sets } = call.keyspace
  const { handle } = source
  if (handle === 0) return
  const { member } = source.isSet ? sets : zsets
  if (source.isSet) sets.forEach(handle, () => visit(member.buf, member.start, member.end, 1))
  else zsets.forEach(handle, () => visit(member.buf, member.start, member.end, zsets.score))
}

/** The score of a member, NaN where the set does not have it. */
function scoreIn(call: Call, source: Source, buf: Uint8Array, start: number, end: number): number {
  const { zsets, sets } = call.keyspace
  const { handle } = source
  if (handle === 0) return Number.NaN
  if (source.isSet) return sets.has(handle, buf, start, end) ? 1 : Number.NaN
  return zsets.find(handle, buf, start, end) ? zsets.score : Number.NaN
}

/** Infinity times nothing, or less itself, counts as 0. */
const orZero = (score: number): number => (Number.isNaN(score) ? 0 : score)

function aggregated(aggregate: Aggregate, a: number, b: number): number {
  if (aggregate === 'sum') return orZero(a + b)
  if (aggregate === 'min') return b < a ? b : a
  return b > a ? b : a
}

/** The sets whose number stands in argument `at`, null after an error was replied. */
function readSources(call: Call, args: Args, at: number, name: string, reply: Reply): Source[] | null {
  const count = nearInteger(args, at)
  if (Number.isNaN(count)) reply.error(NOT_AN_INTEGER)
  else if (count < 1) reply.error(`ERR at least 1 input key is needed for '${name}' command`)
  else if (count > args.count - at - 1) reply.error(SYNTAX)
  else {
    const sources: Source[] = []
    for (let i = at + 1; i <= at + count; i++) {
      const handle = readKey(call, args, i)
      const type = handle === 0 ? ZSET : call.db.entries.type(handle)
      if (type !== ZSET && type !== SET) {
        reply.error(WRONGTYPE)
        return null
      }
      sources.push({ handle, isSet: type === SET, weight: 1 })
    }
    return sources
  }
  return null
}

/** Reads the option in argument `i`; where the next one stands, or 0 after an error was replied. */
function readOption(
  args: Args,
  i: number,
  request: Request,
  operation: Operation,
  store: boolean,
  reply: Reply,
): number {
  const { sources } = request
  const left = args.count - i
  const combines = operation === 'union' || operation === 'inter'
  if (combines && left > sources.length && args.is(i, 'weights')) {
    for (const [j, source] of sources.entries()) {
      source.weight = readScore(args, i + 1 + j, reply, 'ERR weight value is not a float')
      if (Number.isNaN(source.weight)) return 0
    }
    return i + 1 + sources.length
  }
  if (combines && left >= 2 && args.is(i, 'aggregate')) {
    for (const aggregate of ['sum', 'min', 'max'] as const) {
      if (!args.is(i + 1, aggregate)) continue
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
  const sources = readSources(call, args, at, name, reply)
  if (sources === null) return null
  const request: Request = { sources, aggregate: 'sum', withScores: false, limit: 0 }
  for (let i = at + 1 + sources.length; i < args.count; ) {
    i = readOption(args, i, request, operation, store, reply)
    if (i === 0) return null
  }
  // Redis adds scores from the smallest set to the largest, and the order shows in the last digits.
  if (operation !== 'diff') sources.sort((a, b) => sizeOf(call, a) - sizeOf(call, b))
  return request
}

/** Shows what all sets have, with the scores together, until `visit` says that it is enough. */
function intersect(
  call: Call,
  request: Request,
  visit: (buf: Uint8Array, start: number, end: number, score: number) => boolean,
): void {
  const [first, ...others] = request.sources as [Source, ...Source[]]
  if (first.handle === 0) return
  let enough = false
  forEach(call, first, (buf, start, end, own) => {
    if (enough) return
    let score = orZero(own * first.weight)
    for (const other of others) {
      const found = scoreIn(call, other, buf, start, end)
      if (Number.isNaN(found)) return
      score = aggregated(request.aggregate, score, orZero(found * other.weight))
    }
    enough = visit(buf, start, end, score)
  })
}

function unite(call: Call, request: Request, made: number): void {
  const { zsets } = call.keyspace
  for (const source of request.sources) {
    forEach(call, source, (buf, start, end, own) => {
      const score = orZero(own * source.weight)
      const known = zsets.find(made, buf, start, end)
      zsets.set(made, buf, start, end, known ? aggregated(request.aggregate, zsets.score, score) : score)
    })
  }
}

function subtract(call: Call, request: Request, made: number): void {
  const { zsets } = call.keyspace
  const [first, ...rest] = request.sources as [Source, ...Source[]]
  const others = rest.filter((other) => other.handle !== 0)
  if (others.some((other) => other.handle === first.handle)) return
  forEach(call, first, (buf, start, end, score) => {
    if (others.some((other) => !Number.isNaN(scoreIn(call, other, buf, start, end)))) return
    zsets.set(made, buf, start, end, score)
  })
}

/** A bare sorted set with the result, in the large form: the small one would lose the sign of a zero. */
function compute(call: Call, request: Request, operation: Operation): number {
  const { zsets } = call.keyspace
  const made = zsets.createLarge()
  if (operation === 'union') unite(call, request, made)
  else if (operation === 'diff') subtract(call, request, made)
  else {
    intersect(call, request, (buf, start, end, score) => {
      zsets.set(made, buf, start, end, score)
      return false
    })
  }
  return made
}

function replyResult(call: Call, args: Args, operation: Operation, reply: Reply): void {
  const request = readRequest(call, args, 1, operation, false, reply)
  if (request === null) return
  const { zsets } = call.keyspace
  const made = compute(call, request, operation)
  replyMemberCount(reply, zsets.size(made), request.withScores)
  zsets.forEach(made, () => replyMember(call, reply, request.withScores))
  call.keyspace.release(made)
}

function storeResult(call: Call, args: Args, operation: Operation, reply: Reply): void {
  const request = readRequest(call, args, 2, operation, true, reply)
  if (request === null) return
  const made = compute(call, request, operation)
  call.keyspace.zsets.shrink(made)
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
    let found = 0
    intersect(call, request, () => ++found === request.limit)
    reply.int(found)
  },
)

export const SORTED_ALGEBRA_FAMILY = [zunion, zunionstore, zinter, zinterstore, zdiff, zdiffstore, zintercard]
