/** SINTER, SINTERCARD, SUNION, SDIFF, and their kin that store what they find: several sets at once. */

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
import { replyMembers } from './members.js'

/** A union that is replied has room for so many members before any is looked at; sets may have most of them in common. */
const RESERVED_MAX = 100_000

/** The sets of arguments `from` to `to`, 0 where there is none; null after an error was replied. */
function readSets(call: Call, args: Args, from: number, to: number, reply: Reply): number[] | null {
  const handles: number[] = []
  for (let i = from; i < to; i++) {
    const handle = collectionToRead(call, args, i, SET, reply)
    if (handle === WRONG) return null
    handles.push(handle)
  }
  return handles
}

/**
 * Shows the members that all sets have, in `sets.member`, until `visit` says that it is enough. The smallest set is walked, and
 * the others are asked from the smallest up.
 */
function intersect(call: Call, handles: readonly number[], visit: () => boolean): void {
  if (handles.includes(0)) return
  const { sets } = call.keyspace
  const { member } = sets
  const ordered = [...handles].sort((a, b) => sets.size(a) - sets.size(b))
  const [smallest, ...others] = ordered as [number, ...number[]]
  const asked = others.filter((other, i) => other !== smallest && others.indexOf(other) === i)
  let enough = false
  sets.forEach(smallest, () => {
    if (enough) return
    for (const other of asked) if (!sets.has(other, member.buf, member.start, member.end)) return
    enough = visit()
  })
}

/** Adds every member of a set to the bare set `to`. */
function addAll(call: Call, from: number, to: number): void {
  const { sets } = call.keyspace
  const { member } = sets
  sets.forEach(from, () => {
    sets.add(to, member.buf, member.start, member.end)
  })
}

type Operation = 'inter' | 'union' | 'diff'

/** Adds every member of the sets to the bare set `made`. */
function unite(call: Call, handles: readonly number[], made: number): void {
  for (const [i, handle] of handles.entries()) {
    if (handle !== 0 && handles.indexOf(handle) === i) addAll(call, handle, made)
  }
}

/** A bare set with the result. */
function compute(call: Call, handles: readonly number[], operation: Operation): number {
  const { sets } = call.keyspace
  const { member } = sets
  const made = sets.createIntset()
  const take = () => {
    sets.add(made, member.buf, member.start, member.end)
    return false
  }
  if (operation === 'inter') intersect(call, handles, take)
  else if (operation === 'union') unite(call, handles, made)
  else if (!subtract(call, handles, take)) takeAway(call, handles, made)
  return made
}

/**
 * Shows what the first set has and no other, in `sets.member`; false, having shown nothing, where it is less work to take away what the
 * others have than to ask every other set of each member. As in Redis, asking counts half.
 */
function subtract(call: Call, handles: readonly number[], visit: () => void): boolean {
  const { sets } = call.keyspace
  const { member } = sets
  const [first, ...rest] = handles as [number, ...number[]]
  const others = rest.filter((other) => other !== 0)
  if (first === 0 || others.includes(first)) return true
  const inAll = others.reduce((sum, other) => sum + sets.size(other), sets.size(first))
  if ((sets.size(first) * (others.length + 1)) / 2 > inAll) return false
  others.sort((a, b) => sets.size(b) - sets.size(a))
  sets.forEach(first, () => {
    for (const other of others) if (sets.has(other, member.buf, member.start, member.end)) return
    visit()
  })
  return true
}

/** What the first set has, less what the others have, into the bare set `made`. */
function takeAway(call: Call, handles: readonly number[], made: number): void {
  const { sets } = call.keyspace
  const { member } = sets
  const [first, ...others] = handles as [number, ...number[]]
  addAll(call, first, made)
  for (const other of others) {
    if (other === 0) continue
    sets.forEach(other, () => {
      sets.remove(made, member.buf, member.start, member.end)
    })
  }
}

function replyResult(call: Call, args: Args, reply: Reply, operation: Operation): void {
  const handles = readSets(call, args, 1, args.count, reply)
  if (handles === null) return
  const { sets } = call.keyspace
  const { member } = sets
  const mark = reply.pos
  let found = 0
  // What is found goes out as it is found, and how much it was is put in front of it then.
  const show = () => {
    reply.bulkRange(member.buf, member.start, member.end)
    found++
    return false
  }
  if (operation === 'inter') intersect(call, handles, show)
  else if (operation === 'union' || !subtract(call, handles, show)) {
    // No need for a set that is only replied to be small first.
    const large = operation === 'union' && handles.some((handle) => handle !== 0 && sets.isLarge(handle))
    const made = large ? sets.createLarge(sizeOfAll(call, handles)) : sets.createIntset()
    if (operation === 'union') unite(call, handles, made)
    else takeAway(call, handles, made)
    replyMembers(call, made, reply)
    call.keyspace.release(made)
    return
  }
  reply.setAt(mark, found)
}

/** Members of all sets, counted once for each set that has them; no more than what it is worth to make room for at once. */
function sizeOfAll(call: Call, handles: readonly number[]): number {
  let size = 0
  for (const handle of handles) if (handle !== 0) size += call.keyspace.sets.size(handle)
  return Math.min(size, RESERVED_MAX)
}

function storeResult(call: Call, args: Args, reply: Reply, operation: Operation): void {
  const handles = readSets(call, args, 2, args.count, reply)
  if (handles === null) return
  const { db, keyspace } = call
  const { buf } = args
  const start = args.start(1)
  const end = args.end(1)
  const made = compute(call, handles, operation)
  const size = keyspace.sets.size(made)
  if (size === 0) {
    keyspace.release(made)
    if (db.delete(buf, start, end)) {
      call.dirty++
      call.notify(NOTIFY_GENERIC, 'del', buf, start, end)
    }
    reply.int(0)
    return
  }
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
    const handles = readSets(call, args, 2, 2 + count, reply)
    if (handles === null) return
    let found = 0
    intersect(call, handles, () => ++found === limit)
    reply.int(found)
  },
)

export const ALGEBRA_FAMILY = [sinter, sinterstore, sunion, sunionstore, sdiff, sdiffstore, sintercard]
