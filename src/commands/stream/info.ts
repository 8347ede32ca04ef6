/** XINFO: what a stream, its groups and their consumers are like. */

import { subtractInt64 } from '../../bytes/int64.js'
import { radixNodes } from '../../keyspace/collections/radix-nodes.js'
import type { Stream } from '../../keyspace/collections/stream.js'
import {
  READ_UNKNOWN,
  type StreamConsumer,
  type StreamGroup,
} from '../../keyspace/collections/stream-group.js'
import { addInt64, type Int64, StreamId } from '../../keyspace/collections/stream-id.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONG } from '../collection.js'
import { command, container, KEY_ACCESS, KEY_RO, keyAt, LOADING, READONLY, STALE } from '../command.js'
import { NO_SUCH_KEY, NOT_AN_INTEGER, replyError } from '../errors.js'
import { nearInteger, replyInt64 } from '../int64.js'
import { replyEntries, replyEntry, replyId } from './ids.js'
import { groupOf, replyRead, shown, streamToRead } from './lookup.js'

const KEY = 2
const FULL_COUNT = 10

/** The stream, which must be there; null after an error was replied. */
function streamOrError(call: Call, args: Args, reply: Reply): Stream | null {
  const stream = streamToRead(call, args, KEY, reply)
  if (stream === null) reply.error(NO_SUCH_KEY)
  return stream === WRONG ? null : stream
}

/** How many entries a group has still to read; no value where that cannot be told. */
function replyLag(stream: Stream, group: StreamGroup, reply: Reply): void {
  let read: Int64 = 0
  if (stream.added !== 0) {
    const isKnown = group.read !== READ_UNKNOWN && !stream.hasHolesFrom(group.last)
    read = isKnown ? group.read : stream.addedUpTo(group.last)
    if (!isKnown && read === READ_UNKNOWN) {
      reply.nil()
      return
    }
  }
  replyInt64(reply, addInt64(stream.added, -read))
}

const COMMON = {
  flags: READONLY,
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1)',
  keys: keyAt(KEY, KEY_RO | KEY_ACCESS),
} as const

const consumers = command(
  {
    ...COMMON,
    name: 'CONSUMERS',
    arity: 4,
    summary: 'Tells of the consumers of a group.',
    syntax: 'key group',
    tips: ['nondeterministic_output'],
    history: [['7.2.0', 'Tells `inactive`, too.']],
  },
  (call, args, reply) => {
    const stream = streamOrError(call, args, reply)
    if (stream === null) return
    const group = groupOf(stream, args, 3)
    if (group === undefined) {
      replyError(
        reply,
        `NOGROUP No such consumer group '${shown(args, 3)}' for key name '${shown(args, KEY)}'`,
      )
      return
    }
    const { now_ms } = call.keyspace
    reply.array(group.consumers.length)
    for (const { name, pending, seen_ms, active_ms } of group.consumers) {
      reply.map(4)
      reply.bulkText('name')
      reply.bulk(name)
      reply.bulkText('pending')
      reply.int(pending.size)
      reply.bulkText('idle')
      const idle_ms = subtractInt64(now_ms, seen_ms)
      replyInt64(reply, idle_ms < 0 ? 0 : idle_ms)
      reply.bulkText('inactive')
      replyInt64(reply, active_ms === -1 ? -1 : subtractInt64(now_ms, active_ms))
    }
  },
)

const groups = command(
  {
    ...COMMON,
    name: 'GROUPS',
    arity: 3,
    summary: 'Tells of the groups of a stream.',
    syntax: 'key',
    history: [['7.0.0', 'Tells `entries-read` and `lag`, too.']],
  },
  (call, args, reply) => {
    const stream = streamOrError(call, args, reply)
    if (stream === null) return
    reply.array(stream.groups.length)
    for (const group of stream.groups) {
      reply.map(6)
      reply.bulkText('name')
      reply.bulk(group.name)
      reply.bulkText('consumers')
      reply.int(group.consumers.length)
      reply.bulkText('pending')
      reply.int(group.pending.size)
      reply.bulkText('last-delivered-id')
      replyId(reply, group.last)
      reply.bulkText('entries-read')
      replyRead(reply, group.read)
      reply.bulkText('lag')
      replyLag(stream, group, reply)
    }
  },
)

/** FULL and its count; -1 without FULL, NaN after an error was replied. */
function readFull(args: Args, reply: Reply): number {
  if (args.count === 3) return -1
  const counted = args.count === 6
  if ((args.count !== 4 && !counted) || !args.is(3, 'full') || (counted && !args.is(4, 'count'))) {
    replyError(
      reply,
      `ERR unknown subcommand or wrong number of arguments for '${shown(args, 1).slice(0, 128)}'. Try XINFO HELP.`,
    )
    return Number.NaN
  }
  const count = counted ? nearInteger(args, 5) : FULL_COUNT
  if (Number.isNaN(count)) reply.error(NOT_AN_INTEGER)
  return count < 0 ? FULL_COUNT : count
}

/** The first entry, or the last, or no value. */
function replyEdge(call: Call, stream: Stream, backwards: boolean, reply: Reply): void {
  const { walk } = call.keyspace.streams
  if (walk.startAll(stream, backwards).next()) replyEntry(reply, walk)
  else reply.nil()
}

/** The pending entries of a group, or of one of its consumers, whose name then need not be said. */
function replyPending(
  group: StreamGroup,
  consumer: StreamConsumer | null,
  count: number,
  reply: Reply,
): void {
  const { pending } = consumer ?? group
  const id = new StreamId()
  const mark = reply.length
  let shown = 0
  for (let on = pending.first(); on && (count === 0 || shown < count); on = pending.next(), shown++) {
    pending.id(id)
    if (consumer !== null) group.pending.find(id)
    reply.array(consumer === null ? 4 : 3)
    replyId(reply, id)
    if (consumer === null) reply.bulk(group.owner!.name)
    replyInt64(reply, group.deliveredAt_ms)
    replyInt64(reply, group.deliveries)
  }
  reply.arrayAt(mark, shown)
}

function replyFullGroup(stream: Stream, group: StreamGroup, count: number, reply: Reply): void {
  reply.map(7)
  reply.bulkText('name')
  reply.bulk(group.name)
  reply.bulkText('last-delivered-id')
  replyId(reply, group.last)
  reply.bulkText('entries-read')
  replyRead(reply, group.read)
  reply.bulkText('lag')
  replyLag(stream, group, reply)
  reply.bulkText('pel-count')
  reply.int(group.pending.size)
  reply.bulkText('pending')
  replyPending(group, null, count, reply)
  reply.bulkText('consumers')
  reply.array(group.consumers.length)
  for (const consumer of group.consumers) {
    reply.map(5)
    reply.bulkText('name')
    reply.bulk(consumer.name)
    reply.bulkText('seen-time')
    replyInt64(reply, consumer.seen_ms)
    reply.bulkText('active-time')
    replyInt64(reply, consumer.active_ms)
    reply.bulkText('pel-count')
    reply.int(consumer.pending.size)
    reply.bulkText('pending')
    replyPending(group, consumer, count, reply)
  }
}

const streamInfo = command(
  {
    ...COMMON,
    name: 'STREAM',
    arity: -3,
    summary: 'Tells of a stream; with FULL also its first entries, groups and consumers.',
    syntax: 'key [FULL [COUNT count]]',
    history: [
      ['6.0.0', 'Knows `FULL`.'],
      [
        '7.0.0',
        'Tells `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`, too.',
      ],
      ['7.2.0', 'Tells `active-time`, too; `seen-time` has another meaning.'],
    ],
  },
  (call, args, reply) => {
    const stream = streamOrError(call, args, reply)
    if (stream === null) return
    const count = readFull(args, reply)
    if (Number.isNaN(count)) return
    const full = count >= 0
    reply.map(full ? 9 : 10)
    reply.bulkText('length')
    reply.int(stream.length)
    reply.bulkText('radix-tree-keys')
    reply.int(stream.nodes.size)
    reply.bulkText('radix-tree-nodes')
    reply.int(radixNodes(stream.nodes))
    reply.bulkText('last-generated-id')
    replyId(reply, stream.last)
    reply.bulkText('max-deleted-entry-id')
    replyId(reply, stream.deleted)
    reply.bulkText('entries-added')
    replyInt64(reply, stream.added)
    reply.bulkText('recorded-first-entry-id')
    replyId(reply, stream.first)
    if (!full) {
      reply.bulkText('groups')
      reply.int(stream.groups.length)
      reply.bulkText('first-entry')
      replyEdge(call, stream, false, reply)
      reply.bulkText('last-entry')
      replyEdge(call, stream, true, reply)
      return
    }
    reply.bulkText('entries')
    const { walk } = call.keyspace.streams
    replyEntries(reply, walk.startAll(stream, false), stream, count === 0 ? Number.POSITIVE_INFINITY : count)
    reply.bulkText('groups')
    reply.array(stream.groups.length)
    for (const group of stream.groups) replyFullGroup(stream, group, count, reply)
  },
)

const HELP = [
  'XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CONSUMERS <key> <groupname>',
  '    The consumers of the group.',
  'GROUPS <key>',
  '    The groups of the stream.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    What the stream is like.',
  'HELP',
  '    This text.',
]

const help = command(
  {
    name: 'HELP',
    arity: 2,
    flags: LOADING | STALE,
    since: '5.0.0',
    group: 'stream',
    summary: 'Lists the subcommands.',
    complexity: 'O(1)',
  },
  (_call, _args, reply) => {
    reply.array(HELP.length)
    for (const line of HELP) reply.simple(line)
  },
)

export const xinfo = container(
  {
    name: 'XINFO',
    arity: -2,
    flags: 0,
    since: '5.0.0',
    group: 'stream',
    summary: 'What streams, groups and consumers are like.',
    complexity: 'Depends on subcommand.',
  },
  [consumers, groups, help, streamInfo],
)

export const STREAM_INFO_FAMILY = [xinfo]
