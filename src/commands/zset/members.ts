/** ZADD, ZINCRBY, ZREM, ZCARD, ZSCORE, ZMSCORE: members by their names. */

import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  collectionChanged,
  collectionToChange,
  collectionToRead,
  putNew,
  removeEmpty,
  WRONG,
} from '../collection.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_ZSET } from '../host.js'
import { readScore } from './bounds.js'

export const NX = 1
export const XX = 2
const GT = 4
const LT = 8
export const CH = 16
const INCR = 32
const OPTIONS: readonly (readonly [string, number])[] = [
  ['nx', NX],
  ['xx', XX],
  ['gt', GT],
  ['lt', LT],
  ['ch', CH],
  ['incr', INCR],
]

function optionOf(args: Args, index: number): number {
  const length = args.length(index)
  // Numbers are not looked at any further.
  if ((length !== 2 && length !== 4) || args.buf[args.start(index)]! < 0x41) return 0
  for (const [word, flag] of OPTIONS) if (args.is(index, word)) return flag
  return 0
}

/** What is wrong with options and the number of pairs, '' for nothing. */
function complaint(options: number, left: number): string {
  if (left === 0 || left % 2 !== 0) return SYNTAX
  if (options === 0) return ''
  const has = (flag: number) => (options & flag) !== 0
  if (has(NX) && has(XX)) return 'ERR XX and NX options at the same time are not compatible'
  if ((has(NX) && has(GT | LT)) || (has(GT) && has(LT))) {
    return 'ERR GT, LT, and/or NX options at the same time are not compatible'
  }
  return has(INCR) && left > 2 ? 'ERR INCR option supports a single increment-element pair' : ''
}

/** What became of one pair. */
const NOTHING = 0
const SAME = 1
const ADDED = 2
const UPDATED = 3
const NOT_A_NUMBER = 4

/** Carries out one pair; the member's score is afterwards in `zsets.score`. `hint` is where it may be looked for first. */
function addOne(
  call: Call,
  args: Args,
  handle: number,
  member: number,
  score: number,
  options: number,
  hint: number | undefined,
): number {
  const { zsets } = call.keyspace
  const { buf } = args
  const start = args.start(member)
  const end = args.end(member)
  if (!zsets.find(handle, buf, start, end, hint)) {
    if ((options & XX) !== 0) return NOTHING
    zsets.setFound(handle, buf, start, end, score)
    zsets.score = score
    return ADDED
  }
  if ((options & NX) !== 0) return NOTHING
  const old = zsets.score
  const wanted = (options & INCR) === 0 ? score : old + score
  if (Number.isNaN(wanted)) return NOT_A_NUMBER
  if (((options & LT) !== 0 && wanted >= old) || ((options & GT) !== 0 && wanted <= old)) return NOTHING
  zsets.score = wanted
  if (wanted === old) return SAME
  zsets.setFound(handle, buf, start, end, wanted)
  zsets.score = wanted
  return UPDATED
}

/** ZADD and ZINCRBY, scores and members standing from argument `first` on. */
function addAll(call: Call, args: Args, first: number, options: number, reply: Reply): void {
  const problem = complaint(options, args.count - first)
  if (problem !== '') {
    reply.error(problem)
    return
  }
  const count = (args.count - first) >>> 1
  const scores = call.keyspace.zsets.scoresFor(count)
  for (let i = 0; i < count; i++) {
    const score = readScore(args, first + i * 2, reply)
    if (Number.isNaN(score)) return
    scores[i] = score
  }
  addScored(call, args, options, scores, count, first + 1, 2, reply)
}

/**
 * Gives `count` members their scores and replies, as ZADD: the members stand from argument `member` on, every `step` arguments. No score
 * is NaN; `options` do not contradict each other.
 */
export function addScored(
  call: Call,
  args: Args,
  options: number,
  scores: ArrayLike<number>,
  count: number,
  member: number,
  step: number,
  reply: Reply,
): void {
  let handle = collectionToChange(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  const increments = (options & INCR) !== 0
  const { zsets } = call.keyspace
  if (handle === 0) {
    if ((options & XX) !== 0) {
      if (increments) reply.nil()
      else reply.int(0)
      return
    }
    handle = putNew(call, args, 1, zsets.create(count, args.length(member)))
  } else zsets.makeRoom(handle, count)
  let added = 0
  let updated = 0
  let outcome = NOTHING
  let hint: number | undefined
  for (let i = 0; i < count; i++) {
    outcome = addOne(call, args, handle, member + i * step, scores[i]!, options, hint)
    hint = zsets.after
    if (outcome === ADDED) added++
    else if (outcome === UPDATED) updated++
  }
  if (outcome === NOT_A_NUMBER) {
    reply.error('ERR resulting score is not a number (NaN)')
    return
  }
  if (!increments) reply.int((options & CH) !== 0 ? added + updated : added)
  else if (outcome === NOTHING) reply.nil()
  else reply.double(zsets.score)
  if (added + updated > 0) {
    collectionChanged(call, args, 1, NOTIFY_ZSET, increments ? 'zincr' : 'zadd', added + updated)
  }
}

export const zadd = command(
  {
    name: 'ZADD',
    arity: -4,
    flags: WRITE | DENYOOM | FAST,
    since: '1.2.0',
    group: 'sorted-set',
    summary: 'Adds members with their scores to a sorted set, or gives those that are there other scores.',
    complexity: 'O(log(N)) for each member, with N members of the set',
    syntax: 'key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    elements: [-1, 2],
    history: [
      ['2.4.0', 'Takes several members.'],
      ['3.0.2', 'Knows `XX`, `NX`, `CH` and `INCR`.'],
      ['6.2.0', 'Knows `GT` and `LT`.'],
    ],
  },
  (call, args, reply) => {
    let first = 2
    let options = 0
    for (; first < args.count; first++) {
      const option = optionOf(args, first)
      if (option === 0) break
      options |= option
    }
    addAll(call, args, first, options, reply)
  },
)

export const zincrby = command(
  {
    name: 'ZINCRBY',
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: '1.2.0',
    group: 'sorted-set',
    summary: 'Adds a number to the score of a member; one that is not there counts as having 0.',
    complexity: 'O(log(N)) with N members of the set',
    syntax: 'key increment member',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
    elements: [3, 0],
  },
  (call, args, reply) => addAll(call, args, 2, INCR, reply),
)

export const zrem = command(
  {
    name: 'ZREM',
    arity: -3,
    flags: WRITE | FAST,
    since: '1.2.0',
    group: 'sorted-set',
    summary: 'Removes members of a sorted set, and the set with its last one; counts those that were there.',
    complexity: 'O(M*log(N)) with N members of the set and M to be removed',
    syntax: 'key member [member ...]',
    keys: firstKey(KEY_RW | KEY_DELETE),
    elements: [2, 1],
    history: [['2.4.0', 'Takes several members.']],
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    const { zsets } = call.keyspace
    let removed = 0
    let left = handle === 0 ? 0 : zsets.size(handle)
    for (let i = 2; i < args.count && left > 0; i++) {
      if (!zsets.remove(handle, args.buf, args.start(i), args.end(i))) continue
      removed++
      left--
    }
    if (removed > 0) {
      collectionChanged(call, args, 1, NOTIFY_ZSET, 'zrem', removed)
      if (left === 0) removeEmpty(call, args, 1)
    }
    reply.int(removed)
  },
)

export const zcard = command(
  {
    name: 'ZCARD',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.2.0',
    group: 'sorted-set',
    summary: 'Counts the members of a sorted set.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle !== WRONG) reply.int(handle === 0 ? 0 : call.keyspace.zsets.size(handle))
  },
)

/** Replies with the score of the member in argument `index`, or nil. `handle` may be 0. */
function replyScore(call: Call, args: Args, handle: number, index: number, reply: Reply): void {
  const { zsets } = call.keyspace
  const found = handle !== 0 && zsets.find(handle, args.buf, args.start(index), args.end(index))
  if (found) reply.double(zsets.score)
  else reply.nil()
}

export const zscore = command(
  {
    name: 'ZSCORE',
    arity: 3,
    flags: READONLY | FAST,
    since: '1.2.0',
    group: 'sorted-set',
    summary: 'Returns the score of a member of a sorted set.',
    complexity: 'O(1)',
    syntax: 'key member',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle !== WRONG) replyScore(call, args, handle, 2, reply)
  },
)

export const zmscore = command(
  {
    name: 'ZMSCORE',
    arity: -3,
    flags: READONLY | FAST,
    since: '6.2.0',
    group: 'sorted-set',
    summary: 'Returns the scores of members of a sorted set, and nil for those that are not there.',
    complexity: 'O(N) with N members that are asked for',
    syntax: 'key member [member ...]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    elements: [2, 1],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    reply.array(args.count - 2)
    for (let i = 2; i < args.count; i++) replyScore(call, args, handle, i, reply)
  },
)

export const SORTED_MEMBER_FAMILY = [zadd, zincrby, zrem, zcard, zscore, zmscore]
