/** XACK, XPENDING: what was given to consumers and not acknowledged. */

import { subtractInt64 } from '../../bytes/int64.js'
import type { StreamGroup } from '../../keyspace/collections/stream-group.js'
import { StreamId } from '../../keyspace/collections/stream-id.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONG } from '../collection.js'
import {
  command,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { nearInteger, replyInt64 } from '../int64.js'
import { readId, readRangeEnd, readRangeStart, replyId } from './ids.js'
import { groupOf, replyNoGroup, streamOfGroups, streamToRead } from './lookup.js'

export const xack = command(
  {
    name: 'XACK',
    arity: -4,
    flags: WRITE | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Acknowledges entries that were given to consumers of a group: they are no longer pending.',
    complexity: 'O(1) for each ID',
    syntax: 'key group id [id ...]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
  },
  (call, args, reply) => {
    const stream = streamOfGroups(call, args, 1, reply)
    if (stream === WRONG) return
    const group = stream === null ? undefined : groupOf(stream, args, 2)
    if (group === undefined) {
      reply.int(0)
      return
    }
    const id = new StreamId()
    // All or nothing: a bad ID is found before anything is acknowledged.
    for (let i = 3; i < args.count; i++) if (!readId(args, i, id, reply)) return
    let acknowledged = 0
    for (let i = 3; i < args.count; i++) {
      readId(args, i, id, reply)
      if (group.acknowledge(id)) acknowledged++
    }
    call.dirty += acknowledged
    reply.int(acknowledged)
  },
)

/** Replies how many entries are pending, the first and the last, and how many each consumer has. */
function replySummary(group: StreamGroup, reply: Reply): void {
  const { pending } = group
  reply.array(4)
  reply.int(pending.size)
  if (pending.size === 0) {
    reply.nil()
    reply.nil()
    reply.nilArray()
    return
  }
  const id = new StreamId()
  pending.first()
  replyId(reply, pending.id(id))
  pending.last()
  replyId(reply, pending.id(id))
  const busy = [...group.consumers].filter((consumer) => consumer.pending.size > 0)
  reply.array(busy.length)
  for (const consumer of busy) {
    reply.array(2)
    reply.bulk(consumer.name)
    reply.bulkInt(consumer.pending.size)
  }
}

interface Wanted {
  readonly from: StreamId
  readonly to: StreamId
  idle_ms: number
  count: number
  /** Where the consumer's name stands, 0 for all. */
  consumer: number
}

/** Reads the longer form of XPENDING; null after an error was replied. */
function readWanted(args: Args, reply: Reply): Wanted | null {
  const wanted = { from: new StreamId(), to: new StreamId(), idle_ms: 0, count: 0, consumer: 0 }
  let at = 3
  if (args.is(3, 'idle')) {
    wanted.idle_ms = nearInteger(args, 4)
    if (Number.isNaN(wanted.idle_ms) || args.count < 8) {
      reply.error(Number.isNaN(wanted.idle_ms) ? NOT_AN_INTEGER : SYNTAX)
      return null
    }
    at = 5
  }
  wanted.count = nearInteger(args, at + 2)
  if (Number.isNaN(wanted.count)) {
    reply.error(NOT_AN_INTEGER)
    return null
  }
  if (!readRangeStart(args, at, wanted.from, reply) || !readRangeEnd(args, at + 1, wanted.to, reply))
    return null
  if (at + 3 < args.count) wanted.consumer = at + 3
  return wanted
}

function replyPending(call: Call, args: Args, group: StreamGroup, wanted: Wanted, reply: Reply): void {
  const { consumer: name } = wanted
  const consumer = name === 0 ? undefined : group.consumer(args.buf, args.start(name), args.end(name))
  if (name !== 0 && consumer === undefined) {
    reply.array(0)
    return
  }
  const { pending } = consumer ?? group
  const { now_ms } = call.keyspace
  const id = new StreamId()
  const mark = reply.length
  let shown = 0
  for (
    let on = pending.seekAtLeast(wanted.from);
    on && shown < wanted.count && pending.id(id).compare(wanted.to) <= 0;
    on = pending.next()
  ) {
    if (consumer !== undefined) group.pending.find(id)
    const idle_ms = subtractInt64(now_ms, group.deliveredAt_ms)
    if (wanted.idle_ms !== 0 && idle_ms < wanted.idle_ms) continue
    shown++
    reply.array(4)
    replyId(reply, id)
    reply.bulk(group.owner!.name)
    replyInt64(reply, idle_ms < 0 ? 0 : idle_ms)
    replyInt64(reply, group.deliveries)
  }
  reply.arrayAt(mark, shown)
}

export const xpending = command(
  {
    name: 'XPENDING',
    arity: -3,
    flags: READONLY,
    since: '5.0.0',
    group: 'stream',
    summary: 'Tells of the entries that were given to consumers of a group and not acknowledged.',
    complexity: 'O(N) with N entries returned, or O(N) with N consumers',
    syntax: 'key group [[IDLE min-idle-time] start end count [consumer]]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    tips: ['nondeterministic_output'],
    history: [['6.2.0', 'Knows `IDLE` and bounds that are left out themselves.']],
  },
  (call, args, reply) => {
    if (args.count !== 3 && (args.count < 6 || args.count > 9)) {
      reply.error(SYNTAX)
      return
    }
    const wanted = args.count === 3 ? undefined : readWanted(args, reply)
    if (wanted === null) return
    const stream = streamToRead(call, args, 1, reply)
    if (stream === WRONG) return
    const group = stream === null ? undefined : groupOf(stream, args, 2)
    if (group === undefined) replyNoGroup(reply, args, 1, 2)
    else if (wanted === undefined) replySummary(group, reply)
    else replyPending(call, args, group, wanted, reply)
  },
)

export const STREAM_PENDING_FAMILY = [xack, xpending]
