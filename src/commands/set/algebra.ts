/** SINTER, SINTERCARD, SUNION, SDIFF, and their kin that store what they find: several sets at once. */

import type { SeveralSets } from '../../keyspace/collections/several-sets.js'
import { attach } from '../../keyspace/collections/value.js'
import { NO_EXPIRY, SET } from '../../keyspace/entries.js'
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
  KEY_RW,
  KEY_UPDATE,
  keyRange,
  MOVABLE_KEYS,
  READONLY,
  WRITE,
} from '../command.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_SET } from '../host.js'
import { nearInteger } from '../int64.js'
import { findKey } from '../lookup.js'
import { replyRows } from '../word-reply.js'
import { replyMembers } from './members.js'

type Operation = 'inter' | 'union' | 'diff'

/** What a member's mark says while sets are taken away from the first one. The column of scores has room for it. */
const STAYS = 1
const GOES = 0

/** Reads the sets of arguments `from` to `to`; false after an error was replied. */
function readSets(call: Call, args: Args, from: number, to: number, reply: Reply): boolean {
  const { several } = call.keyspace
  several.begin(to - from)
  for (let i = from; i < to; i++) {
    const handle = collectionToRead(call, args, i, SET, reply)
    if (handle === WRONG) return false
    several.add(handle)
  }
  return true
}

/**
 * Adds to the rows what the first set has and, as `wanted` says, all or none of the others, from `cursor` on; returns where to go on, 0
 * at the end.
 */
function siftSome(several: SeveralSets, cursor: number, wanted: boolean): number {
  const { rows, handles } = several
  const from = rows.count
  const next = several.gather(0, cursor)
  for (let i = 1; i < several.count; i++) {
    if (wanted ? handles[i] !== handles[0] : handles[i] !== 0) several.sift(i, from, wanted)
  }
  return next
}

/** Sees to it that the smallest set is the first one; false where one of them is not there, so that they have no member in common. */
function prepareIntersection(several: SeveralSets): boolean {
  several.sortBySize(0, false)
  return several.handles[0] !== 0
}

/**
 * Whether each member of the first set is to be looked for in the others; or else it is less work to take away what the others have. As
 * in Redis, looking counts half. The others are in order then, the largest first.
 */
function prepareDifference(several: SeveralSets): boolean {
  const { handles, sizes } = several
  let there = 0
  let inAll = sizes[0]!
  for (let i = 1; i < several.count; i++) {
    if (handles[i] === 0) continue
    // Nothing is left, which the first look finds out.
    if (handles[i] === handles[0]) return true
    there++
    inAll += sizes[i]!
  }
  if ((sizes[0]! * (there + 1)) / 2 > inAll) return false
  several.sortBySize(1, true)
  return true
}

/** Every member of the sets into the rows, once. */
function unite(several: SeveralSets): void {
  const { rows, handles } = several
  rows.beginIndex()
  for (let i = 0; i < several.count; i++) {
    if (handles[i] === 0) continue
    let cursor = 0
    do {
      const from = rows.count
      cursor = several.gather(i, cursor)
      rows.hash()
      rows.reserveIndex(from)
      let kept = from
      for (let row = from; row < rows.count; row++) if (rows.claim(row, kept) < 0) rows.move(row, kept++)
      rows.cut(from, kept)
    } while (cursor !== 0)
  }
}

/** What the first set has, less what the others have, into the rows. */
function takeAway(several: SeveralSets): void {
  const { rows, handles } = several
  gatherAll(several, 0)
  const own = rows.count
  rows.hash()
  rows.beginIndex()
  rows.reserveIndex(0)
  for (let row = 0; row < own; row++) rows.claim(row, row)
  rows.scores.fill(STAYS, 0, own)
  for (let i = 1; i < several.count; i++) {
    if (handles[i] === 0) continue
    let cursor = 0
    do {
      cursor = several.gather(i, cursor)
      rows.hash()
      for (let row = own; row < rows.count; row++) {
        const known = rows.find(row)
        if (known >= 0) rows.scores[known] = GOES
      }
      rows.cut(own, own)
    } while (cursor !== 0)
  }
  let kept = 0
  for (let row = 0; row < own; row++) if (rows.scores[row] === STAYS) rows.move(row, kept++)
  rows.cut(0, kept)
}

function gatherAll(several: SeveralSets, set: number): void {
  if (several.handles[set] === 0) return
  let cursor = 0
  do cursor = several.gather(set, cursor)
  while (cursor !== 0)
}

/** The whole result into the rows. */
function compute(several: SeveralSets, operation: Operation): void {
  const isInter = operation === 'inter'
  if (operation === 'union') unite(several)
  else if (!isInter && !prepareDifference(several)) takeAway(several)
  else if (!isInter || prepareIntersection(several)) {
    if (several.handles[0] === 0) return
    let cursor = 0
    do cursor = siftSome(several, cursor, isInter)
    while (cursor !== 0)
  }
}

/** Replies with the first set's members that, as `wanted` says, all or none of the others have. */
function replySifted(call: Call, wanted: boolean, reply: Reply): void {
  const { several, heap } = call.keyspace
  const { rows } = several
  const { u32 } = heap
  if (several.handles[0] === 0) {
    reply.set(0)
    return
  }
  let cursor = siftSome(several, 0, wanted)
  if (cursor === 0) {
    reply.set(rows.count)
    replyRows(rows, u32, reply)
    return
  }
  // What is found goes out as it is found, and how much it was is put in front of it then.
  const mark = reply.length
  let found = rows.count
  replyRows(rows, u32, reply)
  while (cursor !== 0) {
    rows.begin()
    cursor = siftSome(several, cursor, wanted)
    found += rows.count
    replyRows(rows, u32, reply)
  }
  reply.setAt(mark, found)
}

function replyResult(call: Call, args: Args, reply: Reply, operation: Operation): void {
  if (!readSets(call, args, 1, args.count, reply)) return
  const { several, sets, heap } = call.keyspace
  if (operation === 'inter') {
    if (prepareIntersection(several)) replySifted(call, true, reply)
    else reply.set(0)
  } else if (operation === 'diff' && prepareDifference(several)) replySifted(call, false, reply)
  else {
    if (operation === 'union') unite(several)
    else takeAway(several)
    if (sets.wouldBeIntset(several.rows)) {
      // Integers come in their order, where there are few.
      const made = several.makeSet()
      replyMembers(call, made, reply)
      call.keyspace.release(made)
    } else {
      reply.set(several.rows.count)
      replyRows(several.rows, heap.u32, reply)
    }
  }
  several.end()
}

function storeResult(call: Call, args: Args, reply: Reply, operation: Operation): void {
  if (!readSets(call, args, 2, args.count, reply)) return
  const { db, keyspace } = call
  const { several } = keyspace
  const { buf } = args
  const start = args.start(1)
  const end = args.end(1)
  compute(several, operation)
  const size = several.rows.count
  if (size === 0) {
    several.end()
    if (db.delete(buf, start, end)) {
      call.dirty++
      call.notify(NOTIFY_GENERIC, 'del', buf, start, end)
    }
    reply.int(0)
    return
  }
  const made = several.makeSet()
  several.end()
  const known = findKey(call, args, 1) !== 0
  attach(db, buf, start, end, made, NO_EXPIRY)
  if (!known) call.notify(NOTIFY_NEW, 'new', buf, start, end)
  call.dirty++
  call.notify(NOTIFY_SET, `s${operation}store`, buf, start, end)
  reply.int(size)
}

const READING = {
  arity: -2,
  flags: READONLY,
  since: '1.0.0',
  group: 'set',
  syntax: 'key [key ...]',
  keys: keyRange(1, -1, 1, KEY_RO | KEY_ACCESS),
  tips: ['nondeterministic_output_order'],
} as const
const STORING = {
  arity: -3,
  flags: WRITE | DENYOOM,
  since: '1.0.0',
  group: 'set',
  syntax: 'destination key [key ...]',
} as const
const OVERWRITTEN = [...firstKey(KEY_OW | KEY_UPDATE), ...keyRange(2, -1, 1, KEY_RO | KEY_ACCESS)]
const INTERSECTION_COST = 'O(N*M) at worst, with N members of the smallest of M sets'
const SUM_COST = 'O(N) with N members of all sets'

export const sinter = command(
  {
    ...READING,
    name: 'SINTER',
    summary: 'Returns the members that all of the sets have.',
    complexity: INTERSECTION_COST,
  },
  (call, args, reply) => replyResult(call, args, reply, 'inter'),
)

export const sinterstore = command(
  {
    ...STORING,
    name: 'SINTERSTORE',
    summary: 'Stores the members that all of the sets have as a set, and counts them.',
    complexity: INTERSECTION_COST,
    keys: [...firstKey(KEY_RW | KEY_UPDATE), ...keyRange(2, -1, 1, KEY_RO | KEY_ACCESS)],
  },
  (call, args, reply) => storeResult(call, args, reply, 'inter'),
)

export const sunion = command(
  {
    ...READING,
    name: 'SUNION',
    summary: 'Returns the members that any of the sets has.',
    complexity: SUM_COST,
  },
  (call, args, reply) => replyResult(call, args, reply, 'union'),
)

export const sunionstore = command(
  {
    ...STORING,
    name: 'SUNIONSTORE',
    summary: 'Stores the members that any of the sets has as a set, and counts them.',
    complexity: SUM_COST,
    keys: OVERWRITTEN,
  },
  (call, args, reply) => storeResult(call, args, reply, 'union'),
)

export const sdiff = command(
  {
    ...READING,
    name: 'SDIFF',
    summary: 'Returns the members of the first set that none of the others has.',
    complexity: SUM_COST,
  },
  (call, args, reply) => replyResult(call, args, reply, 'diff'),
)

export const sdiffstore = command(
  {
    ...STORING,
    name: 'SDIFFSTORE',
    summary: 'Stores the members of the first set that none of the others has as a set, and counts them.',
    complexity: SUM_COST,
    keys: OVERWRITTEN,
  },
  (call, args, reply) => storeResult(call, args, reply, 'diff'),
)

export const sintercard = command(
  {
    name: 'SINTERCARD',
    arity: -3,
    flags: READONLY | MOVABLE_KEYS,
    since: '7.0.0',
    group: 'set',
    summary: 'Counts the members that all of the sets have.',
    complexity: INTERSECTION_COST,
    syntax: 'numkeys key [key ...] [LIMIT limit]',
    keys: [{ flags: KEY_RO | KEY_ACCESS, begin: { index: 1 }, find: { keyNumber: 0, firstKey: 1, step: 1 } }],
  },
  (call, args, reply) => {
    const count = nearInteger(args, 1)
    if (!(count > 0)) {
      reply.error('ERR numkeys should be greater than 0')
      return
    }
    if (count > args.count - 2) {
      reply.error("ERR Number of keys can't be greater than number of args")
      return
    }
    let limit = 0
    for (let i = 2 + count; i < args.count; i += 2) {
      if (!args.is(i, 'limit') || i + 1 >= args.count) {
        reply.error(SYNTAX)
        return
      }
      limit = nearInteger(args, i + 1)
      if (!(limit >= 0)) {
        reply.error("ERR LIMIT can't be negative")
        return
      }
    }
    if (!readSets(call, args, 2, 2 + count, reply)) return
    const { several } = call.keyspace
    let found = 0
    let cursor = 0
    if (prepareIntersection(several)) {
      do {
        several.rows.begin()
        cursor = siftSome(several, cursor, true)
        found += several.rows.count
      } while (cursor !== 0 && (limit === 0 || found < limit))
    }
    reply.int(limit > 0 && found > limit ? limit : found)
    several.end()
  },
)

export const ALGEBRA_FAMILY = [sinter, sinterstore, sunion, sunionstore, sdiff, sdiffstore, sintercard]
