/** SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN: members of one set. */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { LP_BYTES_MAX, LP_HEADER_BYTES } from '../../keyspace/collections/listpack.js'
import { SET } from '../../keyspace/entries.js'
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
  KEY_INSERT,
  KEY_RO,
  KEY_RW,
  keyAt,
  READONLY,
  WRITE,
} from '../command.js'
import { NOTIFY_SET } from '../host.js'
import { replyElements } from '../listpack-reply.js'
import { findKey } from '../lookup.js'
import { scanElements } from '../scan-elements.js'

/** A new set under the key of argument `index`, in the form that suits argument `member` and some `expected` members. */
function newSet(call: Call, args: Args, index: number, member: number, expected: number): number {
  const bare = call.keyspace.sets.create(args.buf, args.start(member), args.end(member), expected)
  return putNew(call, args, index, bare)
}

export const sadd = command(
  {
    name: 'SADD',
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Adds members to a set, and counts those that are new.',
    complexity: 'O(N) with N members to be added',
    syntax: 'key member [member ...]',
    keys: firstKey(KEY_RW | KEY_INSERT),
    elements: [2, 1],
    history: [['2.4.0', 'Takes several members.']],
  },
  (call, args, reply) => {
    const { sets } = call.keyspace
    let handle = collectionToChange(call, args, 1, SET, reply)
    if (handle === WRONG) return
    if (handle === 0) handle = newSet(call, args, 1, 2, args.count - 2)
    else sets.makeRoom(handle, args.count - 2)
    let added = 0
    for (let i = 2; i < args.count; i++) if (sets.add(handle, args.buf, args.start(i), args.end(i))) added++
    if (added > 0) collectionChanged(call, args, 1, NOTIFY_SET, 'sadd', added)
    reply.int(added)
  },
)

export const srem = command(
  {
    name: 'SREM',
    arity: -3,
    flags: WRITE | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Removes members of a set, and the set with its last one; counts those that were there.',
    complexity: 'O(N) with N members to be removed',
    syntax: 'key member [member ...]',
    keys: firstKey(KEY_RW | KEY_DELETE),
    elements: [2, 1],
    history: [['2.4.0', 'Takes several members.']],
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, SET, reply)
    if (handle === WRONG) return
    const { sets } = call.keyspace
    let left = handle === 0 ? 0 : sets.size(handle)
    let removed = 0
    for (let i = 2; i < args.count && left > 0; i++) {
      if (!sets.remove(handle, args.buf, args.start(i), args.end(i))) continue
      removed++
      left--
    }
    if (removed > 0) {
      collectionChanged(call, args, 1, NOTIFY_SET, 'srem', removed)
      if (left === 0) removeEmpty(call, args, 1)
    }
    reply.int(removed)
  },
)

export const smove = command(
  {
    name: 'SMOVE',
    arity: 4,
    flags: WRITE | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Moves a member from one set to another.',
    complexity: 'O(1)',
    syntax: 'source destination member',
    keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE), ...keyAt(2, KEY_RW | KEY_INSERT)],
  },
  (call, args, reply) => {
    const { sets } = call.keyspace
    const { buf } = args
    const start = args.start(3)
    const end = args.end(3)
    if (findKey(call, args, 1) === 0) {
      // Even then the other key is looked for, and goes if its time has come.
      findKey(call, args, 2)
      reply.int(0)
      return
    }
    const from = collectionToChange(call, args, 1, SET, reply)
    if (from === WRONG) return
    let to = collectionToChange(call, args, 2, SET, reply)
    if (to === WRONG) return
    if (from === to) {
      reply.int(sets.has(from, buf, start, end) ? 1 : 0)
      return
    }
    if (!sets.remove(from, buf, start, end)) {
      reply.int(0)
      return
    }
    collectionChanged(call, args, 1, NOTIFY_SET, 'srem', 1)
    if (sets.size(from) === 0) removeEmpty(call, args, 1)
    if (to === 0) to = newSet(call, args, 2, 3, 1)
    if (sets.add(to, buf, start, end)) collectionChanged(call, args, 2, NOTIFY_SET, 'sadd', 1)
    reply.int(1)
  },
)

export const sismember = command(
  {
    name: 'SISMEMBER',
    arity: 3,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Says whether a set has a member.',
    complexity: 'O(1)',
    syntax: 'key member',
    keys: firstKey(KEY_RO),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, SET, reply)
    if (handle === WRONG) return
    const has = handle !== 0 && call.keyspace.sets.has(handle, args.buf, args.start(2), args.end(2))
    reply.int(has ? 1 : 0)
  },
)

export const smismember = command(
  {
    name: 'SMISMEMBER',
    arity: -3,
    flags: READONLY | FAST,
    since: '6.2.0',
    group: 'set',
    summary: 'Says of several members whether a set has them.',
    complexity: 'O(N) with N members that are asked for',
    syntax: 'key member [member ...]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    elements: [2, 1],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, SET, reply)
    if (handle === WRONG) return
    reply.array(args.count - 2)
    for (let i = 2; i < args.count; i++) {
      const has = handle !== 0 && call.keyspace.sets.has(handle, args.buf, args.start(i), args.end(i))
      reply.int(has ? 1 : 0)
    }
  },
)

export const scard = command(
  {
    name: 'SCARD',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Counts the members of a set.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, SET, reply)
    if (handle !== WRONG) reply.int(handle === 0 ? 0 : call.keyspace.sets.size(handle))
  },
)

/** Replies with a set of all members. */
export function replyMembers(call: Call, handle: number, reply: Reply): void {
  const { sets, heap } = call.keyspace
  const { member } = sets
  reply.set(handle === 0 ? 0 : sets.size(handle))
  const pack = handle === 0 ? 0 : sets.packOf(handle)
  if (pack !== 0) {
    const u8 = heap.u8[chunkOf(pack)]!
    replyElements(reply, u8, byteOf(pack), LP_HEADER_BYTES, LP_BYTES_MAX, member)
  } else if (handle !== 0) sets.forEach(handle, () => reply.bulkRange(member.buf, member.start, member.end))
}

export const smembers = command(
  {
    name: 'SMEMBERS',
    arity: 2,
    flags: READONLY,
    since: '1.0.0',
    group: 'set',
    summary: 'Returns all members of a set.',
    complexity: 'O(N) with N members',
    syntax: 'key',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    tips: ['nondeterministic_output_order'],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, SET, reply)
    if (handle !== WRONG) replyMembers(call, handle, reply)
  },
)

export const sscan = command(
  {
    name: 'SSCAN',
    arity: -3,
    flags: READONLY,
    since: '2.8.0',
    group: 'set',
    summary: 'Returns some of the members and where to go on: walks through all of them in several calls.',
    complexity: 'O(1) for each call, O(N) for a whole walk over N members',
    syntax: 'key cursor [MATCH pattern] [COUNT count]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    tips: ['nondeterministic_output'],
  },
  (call, args, reply) => {
    const { sets } = call.keyspace
    const { member } = sets
    scanElements(call, args, SET, 'nothing', reply, () => ({
      name: member,
      scan: (handle, cursor, visit) => sets.scan(handle, cursor, visit),
      show: () => {
        reply.bulkRange(member.buf, member.start, member.end)
        return 1
      },
    }))
  },
)

export const MEMBER_FAMILY = [sadd, srem, smove, sismember, smismember, scard, smembers, sscan]
