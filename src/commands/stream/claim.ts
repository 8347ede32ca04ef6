/** XCLAIM, XAUTOCLAIM: pending entries become another consumer's. */

import { subtractInt64 } from '../../bytes/int64.js'
import type { Stream } from '../../keyspace/collections/stream.js'
import type { StreamConsumer, StreamGroup } from '../../keyspace/collections/stream-group.js'
import { type Int64, StreamId } from '../../keyspace/collections/stream-id.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONG } from '../collection.js'
import { command, FAST, firstKey, KEY_DELETE, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { replyError, SYNTAX } from '../errors.js'
import { readKey } from '../lookup.js'
import { isId, readId, readRangeStart, replyEntry, replyId } from './ids.js'
import { consumerOf, groupOf, readInt64, replyNoGroup, shown, streamFound, streamOfGroups } from './lookup.js'
import { propagateClaim, propagateGroupId } from './propagate.js'

const KEY = 1
const GROUP = 2
const CONSUMER = 3
const IDLE = 4
const FIRST_ID = 5
const NAMED = { key: KEY, group: GROUP }
const NOT_GIVEN = -1
/** XAUTOCLAIM looks at so many times as many entries as it is to claim. */
const ATTEMPTS = 10
const AUTOCLAIM_COUNT = 100
const AUTOCLAIM_COUNT_MAX = Math.floor(2 ** 63 / 16)
/** Redis gets sixteen bytes for each entry that may turn out to be gone; more than a process can have it refuses. */
const AUTOCLAIM_MEMORY_MAX = 2 ** 47 / 16

interface Options {
  readonly idle_ms: number
  /** IDs stand from FIRST_ID up to here. */
  idsEnd: number
  deliveredAt_ms: number
  /** NOT_GIVEN: one more than before. */
  deliveries: Int64
  force: boolean
  justId: boolean
  readonly last: StreamId
}

/** The least idle time: not below 0; NaN after an error was replied. */
function readIdle(args: Args, name: string, reply: Reply): number {
  const idle = readInt64(args, IDLE, reply, `ERR Invalid min-idle-time argument for ${name}`)
  return idle === null ? Number.NaN : Math.max(Number(idle), 0)
}

/** Reads XCLAIM's options; null after an error was replied. */
function readOptions(call: Call, args: Args, reply: Reply): Options | null {
  const idle_ms = readIdle(args, 'XCLAIM', reply)
  if (Number.isNaN(idle_ms)) return null
  const id = new StreamId()
  let i = FIRST_ID
  while (i < args.count && isId(args, i, id)) i++
  const options: Options = {
    idle_ms,
    idsEnd: i,
    deliveredAt_ms: NOT_GIVEN,
    deliveries: NOT_GIVEN,
    force: false,
    justId: false,
    last: new StreamId(),
  }
  for (; i < args.count; i++) {
    if (args.is(i, 'force')) options.force = true
    else if (args.is(i, 'justid')) options.justId = true
    else if (i + 1 === args.count || !isValued(args, i)) {
      replyError(reply, `ERR Unrecognized XCLAIM option '${shown(args, i)}'`)
      return null
    } else if (!readValued(call, args, i++, options, reply)) return null
  }
  const { now_ms } = call.keyspace
  const { deliveredAt_ms } = options
  // A client that reckons with its own clock may be a little ahead.
  if (deliveredAt_ms < 0 || deliveredAt_ms > now_ms) options.deliveredAt_ms = now_ms
  return options
}

function isValued(args: Args, i: number): boolean {
  return args.is(i, 'idle') || args.is(i, 'time') || args.is(i, 'retrycount') || args.is(i, 'lastid')
}

function readValued(call: Call, args: Args, i: number, options: Options, reply: Reply): boolean {
  if (args.is(i, 'lastid')) return readId(args, i + 1, options.last, reply)
  const name = args.word(i).toUpperCase()
  const value = readInt64(args, i + 1, reply, `ERR Invalid ${name} option argument for XCLAIM`)
  if (value === null) return false
  if (name === 'RETRYCOUNT') options.deliveries = value
  else options.deliveredAt_ms = name === 'TIME' ? Number(value) : call.keyspace.now_ms - Number(value)
  return true
}

/** Replies with an entry that lives, or its ID. */
function replyClaimed(call: Call, stream: Stream, id: StreamId, justId: boolean, reply: Reply): void {
  if (justId) replyId(reply, id)
  else {
    const { walk } = call.keyspace.streams
    if (walk.start(stream, id, id, false).next()) replyEntry(reply, walk)
  }
}

/** The group's pending entry of an ID goes, since its entry is gone. The others are told of it as of a claim. */
function forget(
  call: Call,
  args: Args,
  group: StreamGroup,
  id: StreamId,
  asWritten: StreamId | Uint8Array,
): void {
  group.pending.find(id)
  propagateClaim(call, args, NAMED, group, asWritten)
  call.dirty++
  group.acknowledge(id)
}

/** Claims the entry of argument `index`; whether something was replied. */
function claimOne(
  call: Call,
  args: Args,
  index: number,
  stream: Stream,
  group: StreamGroup,
  consumer: StreamConsumer,
  options: Options,
  id: StreamId,
  reply: Reply,
): boolean {
  const { now_ms } = call.keyspace
  if (!stream.has(id)) {
    if (group.pending.find(id)) forget(call, args, group, id, args.view(index))
    return false
  }
  const isPending = group.pending.find(id)
  if (!isPending && !options.force) return false
  if (!isPending) group.addPending(id, now_ms)
  else if (options.idle_ms > 0 && subtractInt64(now_ms, group.deliveredAt_ms) < options.idle_ms) return false
  group.deliveredAt_ms = options.deliveredAt_ms
  if (options.deliveries >= 0) group.deliveries = options.deliveries
  else if (!options.justId) group.deliveredAgain()
  group.assign(id, consumer)
  replyClaimed(call, stream, id, options.justId, reply)
  consumer.active_ms = now_ms
  propagateClaim(call, args, NAMED, group, args.view(index))
  call.dirty++
  return true
}

export const xclaim = command(
  {
    name: 'XCLAIM',
    arity: -6,
    flags: WRITE | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Makes entries that are pending with a group pending with another consumer.',
    complexity: 'O(log N) for each entry, with N pending entries',
    syntax:
      'key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    tips: ['nondeterministic_output'],
  },
  (call, args, reply) => {
    const stream = streamOfGroups(call, args, KEY, reply)
    if (stream === WRONG) return
    const group = stream === null ? undefined : groupOf(stream, args, GROUP)
    if (stream === null || group === undefined) {
      replyNoGroup(reply, args, KEY, GROUP)
      return
    }
    const options = readOptions(call, args, reply)
    if (options === null) return
    call.propagateNothing()
    const moved = options.last.compare(group.last) > 0
    if (moved) group.last.set(options.last)
    const { consumer } = consumerOf(call, group, args, KEY, CONSUMER)
    const id = new StreamId()
    const before = call.dirty
    const mark = reply.length
    let claimed = 0
    for (let i = FIRST_ID; i < options.idsEnd; i++) {
      readId(args, i, id, reply)
      if (claimOne(call, args, i, stream, group, consumer, options, id, reply)) claimed++
    }
    reply.arrayAt(mark, claimed)
    // A claim tells the last ID, too.
    if (moved && call.dirty === before) {
      propagateGroupId(call, args, NAMED, group)
      call.dirty++
    }
  },
)

interface AutoOptions {
  readonly idle_ms: number
  readonly from: StreamId
  count: number
  justId: boolean
}

/** Reads XAUTOCLAIM's options; null after an error was replied. */
function readAutoOptions(args: Args, reply: Reply): AutoOptions | null {
  const idle_ms = readIdle(args, 'XAUTOCLAIM', reply)
  if (Number.isNaN(idle_ms)) return null
  const options: AutoOptions = { idle_ms, from: new StreamId(), count: AUTOCLAIM_COUNT, justId: false }
  if (!readRangeStart(args, FIRST_ID, options.from, reply)) return null
  for (let i = FIRST_ID + 1; i < args.count; i++) {
    if (args.is(i, 'justid')) options.justId = true
    else if (args.is(i, 'count') && i + 1 < args.count) {
      const count = readInt64(args, ++i, reply, 'ERR COUNT must be > 0')
      if (count === null) return null
      if (count < 1 || count >= AUTOCLAIM_COUNT_MAX) {
        reply.error('ERR COUNT must be > 0')
        return null
      }
      options.count = Number(count)
    } else {
      reply.error(SYNTAX)
      return null
    }
  }
  return options
}

/** Claims what has been idle for long enough, from an ID on. */
function autoclaim(
  call: Call,
  args: Args,
  stream: Stream,
  group: StreamGroup,
  consumer: StreamConsumer,
  options: AutoOptions,
  reply: Reply,
): void {
  const { now_ms } = call.keyspace
  const { pending } = group
  const { idle_ms, justId } = options
  const id = new StreamId()
  /** IDs whose entries are gone: no more than `count`. */
  const gone: Uint8Array[] = []
  const mark = reply.length
  let claimed = 0
  let left = options.count
  let on = pending.seekAtLeast(options.from)
  for (let attempts = options.count * ATTEMPTS; attempts > 0 && left > 0 && on; attempts--) {
    pending.id(id)
    if (!stream.has(id)) {
      forget(call, args, group, id, id)
      gone.push(id.bytes())
      left--
      on = pending.seekAtLeast(id)
      continue
    }
    if (idle_ms === 0 || subtractInt64(now_ms, group.deliveredAt_ms) >= idle_ms) {
      group.deliveredAt_ms = now_ms
      if (!justId) group.deliveredAgain()
      group.assign(id, consumer)
      replyClaimed(call, stream, id, justId, reply)
      claimed++
      left--
      consumer.active_ms = now_ms
      propagateClaim(call, args, NAMED, group, id)
      call.dirty++
    }
    on = pending.next()
  }
  reply.arrayAt(mark, claimed)
  // Where the next call is to go on: it stands in front of what was claimed.
  if (on) pending.id(id)
  else id.setZero()
  reply.replaceAt(mark, 0, () => replyId(reply, id))
  reply.array(gone.length)
  for (const digits of gone) reply.bulk(digits)
}

export const xautoclaim = command(
  {
    name: 'XAUTOCLAIM',
    arity: -6,
    flags: WRITE | FAST,
    since: '6.2.0',
    group: 'stream',
    summary: 'Makes what has been pending for long pending with another consumer, in steps like SCAN.',
    complexity: 'O(1) if COUNT is small',
    syntax: 'key group consumer min-idle-time start [COUNT count] [JUSTID]',
    keys: firstKey(KEY_RW | KEY_DELETE),
    tips: ['nondeterministic_output'],
    history: [['7.0.0', 'Returns the IDs of pending entries that are gone, too.']],
  },
  (call, args, reply) => {
    // The key is looked up first, but what it holds is looked at last.
    const handle = readKey(call, args, KEY)
    const options = readAutoOptions(args, reply)
    if (options === null) return
    const stream = streamFound(call, handle, reply)
    if (stream === WRONG) return
    const group = stream === null ? undefined : groupOf(stream, args, GROUP)
    if (stream === null || group === undefined) {
      replyNoGroup(reply, args, KEY, GROUP)
      return
    }
    if (options.count > AUTOCLAIM_MEMORY_MAX) {
      reply.error('ERR Insufficient memory, failed allocating transient memory, COUNT too high.')
      return
    }
    call.propagateNothing()
    const { consumer } = consumerOf(call, group, args, KEY, CONSUMER)
    reply.array(3)
    autoclaim(call, args, stream, group, consumer, options, reply)
  },
)

export const STREAM_CLAIM_FAMILY = [xclaim, xautoclaim]
