/** SPOP, SRANDMEMBER: members at random. What SPOP took goes out as SREM, or as DEL where nothing is left. */

import { ascii } from '../../bytes/ascii.js'
import { SET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  collectionChanged,
  collectionToChange,
  collectionToRead,
  readRandomCount,
  removeEmpty,
  WRONG,
} from '../collection.js'
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
import { replyChosen, replyDrawn } from '../draw.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_SET } from '../host.js'
import { nearInteger } from '../int64.js'
import { replyMembers } from './members.js'

const SREM_NAME = ascii('SREM')
const DEL = ascii('DEL')
const UNLINK = ascii('UNLINK')
/** Members that one SREM carries. */
const SREM_MEMBERS_MAX = 1024

function popOne(call: Call, args: Args, reply: Reply): void {
  const handle = collectionToChange(call, args, 1, SET, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    reply.nil()
    return
  }
  const { sets } = call.keyspace
  sets.random(handle)
  const { member } = sets
  reply.bulkRange(member.buf, member.start, member.end)
  const to = call.writeInstead(3)
  if (to !== null) {
    to.whole(SREM_NAME)
    to.argument(args, 1)
    to.part(member.buf, member.start, member.end)
  }
  sets.removeShown(handle)
  collectionChanged(call, args, 1, NOTIFY_SET, 'spop', 1)
  if (sets.size(handle) === 0) removeEmpty(call, args, 1)
}

function popMany(call: Call, args: Args, reply: Reply): void {
  const count = nearInteger(args, 2)
  if (!(count >= 0)) {
    reply.error('ERR value is out of range, must be positive')
    return
  }
  const handle = collectionToChange(call, args, 1, SET, reply)
  if (handle === WRONG) return
  if (handle === 0 || count === 0) {
    reply.set(0)
    return
  }
  const { sets } = call.keyspace
  const size = sets.size(handle)
  if (count >= size) {
    replyMembers(call, handle, reply)
    collectionChanged(call, args, 1, NOTIFY_SET, 'spop', size)
    removeEmpty(call, args, 1)
    call.propagate(call.host.configNumber('lazyfree-lazy-server-del') !== 0 ? UNLINK : DEL, args.view(1))
    return
  }
  const popped: Uint8Array[] = []
  sets.sample(handle, count, () => popped.push(sets.member.copy()))
  reply.set(count)
  for (const member of popped) {
    sets.remove(handle, member, 0, member.length)
    reply.bulk(member)
  }
  collectionChanged(call, args, 1, NOTIFY_SET, 'spop', count)
  for (let i = 0; i < popped.length; i += SREM_MEMBERS_MAX) {
    call.propagate(SREM_NAME, args.view(1), ...popped.slice(i, i + SREM_MEMBERS_MAX))
  }
}

export const spop = command(
  {
    name: 'SPOP',
    arity: -2,
    flags: WRITE | FAST,
    since: '1.0.0',
    group: 'set',
    summary: 'Removes members of a set at random, and returns them.',
    complexity: 'O(N) with N members that are returned',
    syntax: 'key [count]',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE),
    tips: ['nondeterministic_output'],
    history: [['3.2.0', 'Takes a `count`.']],
  },
  (call, args, reply) => {
    if (args.count === 2) popOne(call, args, reply)
    else if (args.count === 3) popMany(call, args, reply)
    else reply.error(SYNTAX)
  },
)

/** Stands alone, so that what its functions hold is made only where they are called. */
function drawMany(call: Call, reply: Reply, handle: number, count: number): void {
  const { sets } = call.keyspace
  const { member } = sets
  const show = () => reply.bulkRange(member.buf, member.start, member.end)
  replyDrawn(call, reply, handle, count, sets, (many) => reply.array(many), show)
}

export const srandmember = command(
  {
    name: 'SRANDMEMBER',
    arity: -2,
    flags: READONLY,
    since: '1.0.0',
    group: 'set',
    summary: 'Returns members of a set at random.',
    complexity: 'O(N) with N members that are returned',
    syntax: 'key [count]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    tips: ['nondeterministic_output'],
    history: [['2.6.0', 'Takes a `count`.']],
  },
  (call, args, reply) => {
    if (args.count > 3) {
      reply.error(SYNTAX)
      return
    }
    const count = args.count === 3 ? readRandomCount(args, 2, reply) : 1
    if (Number.isNaN(count)) return
    const handle = collectionToRead(call, args, 1, SET, reply)
    if (handle === WRONG) return
    if (args.count === 3) {
      if (!replyChosen(call, reply, handle, count, false)) drawMany(call, reply, handle, count)
    } else if (handle === 0) reply.nil()
    else {
      const { sets } = call.keyspace
      const { member } = sets
      sets.random(handle)
      reply.bulkRange(member.buf, member.start, member.end)
    }
  },
)

export const RANDOM_MEMBER_FAMILY = [spop, srandmember]
