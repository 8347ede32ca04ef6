/**
 * XREAD and XREADGROUP: entries behind an ID, of several streams. XREADGROUP reads for a consumer of a group: behind `>`
 * stands what the group was not given yet, which becomes pending; behind an ID what is pending with this consumer already.
 * Where there is nothing, they may wait (BLOCK).
 */

import type { Stream } from '../../keyspace/collections/stream.js'
import {
  READ_UNKNOWN,
  type StreamConsumer,
  type StreamGroup,
} from '../../keyspace/collections/stream-group.js'
import { addInt64, StreamId } from '../../keyspace/collections/stream-id.js'
import { STREAM } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { mayWait, readDeadlineMs, waitForKeys } from '../blocking.js'
import type { Call } from '../call.js'
import { WRONG } from '../collection.js'
import {
  BLOCKING,
  type Command,
  command,
  KEY_ACCESS,
  KEY_RO,
  MOVABLE_KEYS,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { nearInteger } from '../int64.js'
import { isCharacter, readId, replyEntries, replyEntry, replyId, settleArray, settleMap } from './ids.js'
import { consumerOf, groupOf, replyNoGroup, streamOfGroups, streamToRead } from './lookup.js'
import { type Named, propagateClaim, propagateConsumer, propagateGroupId } from './propagate.js'

const DOLLAR = 0x24
const GREATER = 0x3e
const PLUS = 0x2b
const NO_BLOCK = -1
const ONLY_XREADGROUP = 'option is only supported by XREADGROUP. You called XREAD instead.'
const meaninglessInGroup = (id: string) =>
  `ERR The ${id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ` +
  `specifying a proper ID, or use the > ID to get new messages. The ${id} ID would just return an empty result set.`
const GREATER_WITHOUT_GROUP =
  'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.'

interface Options {
  /** XREADGROUP: where the group and the consumer stand; 0 for XREAD. */
  group: number
  /** Milliseconds since 1970, 0 for never, NO_BLOCK for not waiting. */
  deadline_ms: number
  count: number
  noack: boolean
  /** The first key, and how many streams there are. */
  firstKey: number
  streams: number
}

/** Reads what stands in front of the keys; null after an error was replied. */
function readOptions(call: Call, args: Args, grouped: boolean, reply: Reply): Options | null {
  const options: Options = {
    group: 0,
    deadline_ms: NO_BLOCK,
    count: Number.POSITIVE_INFINITY,
    noack: false,
    firstKey: 0,
    streams: 0,
  }
  for (let i = 1; i < args.count && options.firstKey === 0; i++) {
    const more = args.count - i - 1
    if (args.is(i, 'block') && more > 0) {
      options.deadline_ms = readDeadlineMs(call, args, ++i, reply)
      if (Number.isNaN(options.deadline_ms)) return null
    } else if (args.is(i, 'count') && more > 0) {
      const count = nearInteger(args, ++i)
      if (Number.isNaN(count)) {
        reply.error(NOT_AN_INTEGER)
        return null
      }
      options.count = count > 0 ? count : Number.POSITIVE_INFINITY
    } else if (args.is(i, 'streams') && more > 0) {
      options.firstKey = i + 1
      options.streams = more / 2
    } else {
      const wrong = readGroupOption(args, i, more, grouped, options)
      if (wrong !== null) {
        reply.error(wrong)
        return null
      }
      if (options.group === i + 1) i += 2
    }
  }
  const wrong = whatIsMissing(options, grouped)
  if (wrong === null) return options
  reply.error(wrong)
  return null
}

/** Reads GROUP or NOACK at `i`; what is wrong, or null. */
function readGroupOption(
  args: Args,
  i: number,
  more: number,
  grouped: boolean,
  options: Options,
): string | null {
  if (args.is(i, 'group') && more >= 2) {
    if (!grouped) return `ERR The GROUP ${ONLY_XREADGROUP}`
    options.group = i + 1
    return null
  }
  if (!args.is(i, 'noack')) return SYNTAX
  if (!grouped) return `ERR The NOACK ${ONLY_XREADGROUP}`
  options.noack = true
  return null
}

function whatIsMissing(options: Options, grouped: boolean): string | null {
  const { streams, firstKey } = options
  if (firstKey === 0) return SYNTAX
  if (streams % 1 !== 0) {
    return (
      `ERR Unbalanced '${grouped ? 'xreadgroup' : 'xread'}' list of streams: ` +
      `for each stream key an ID or '${grouped ? '>' : '$'}' must be specified.`
    )
  }
  return grouped && options.group === 0 ? 'ERR Missing GROUP option for XREADGROUP' : null
}

/** What is asked of one stream. */
interface Asked {
  /** Entries behind this ID; the highest of all for what is new to the group. */
  readonly behind: StreamId
  readonly group: StreamGroup | undefined
}

/** Reads the IDs, and finds the groups; null after an error was replied. */
function readAsked(call: Call, args: Args, options: Options, reply: Reply): Asked[] | null {
  const asked: Asked[] = []
  const { firstKey, streams, group: groupAt } = options
  for (let i = 0; i < streams; i++) {
    const stream = (groupAt > 0 ? streamOfGroups : streamToRead)(call, args, firstKey + i, reply)
    if (stream === WRONG) return null
    const group = stream === null || groupAt === 0 ? undefined : groupOf(stream, args, groupAt)
    if (groupAt > 0 && group === undefined) {
      replyNoGroup(reply, args, firstKey + i, groupAt, ' in XREADGROUP with GROUP option')
      return null
    }
    const behind = new StreamId()
    const at = firstKey + streams + i
    const isDollar = isCharacter(args, at, DOLLAR)
    if (isDollar || isCharacter(args, at, PLUS)) {
      if (groupAt > 0) {
        reply.error(meaninglessInGroup(isDollar ? '$' : '+'))
        return null
      }
      if (stream !== null && isDollar) behind.set(stream.last)
      // Redis 7.4: the last entry that is there, which need not be the last that was added.
      else if (stream?.edge(true, behind)) behind.decrement()
    } else if (isCharacter(args, at, GREATER)) {
      if (groupAt === 0) {
        reply.error(GREATER_WITHOUT_GROUP)
        return null
      }
      behind.setMax()
    } else if (!readId(args, at, behind, reply)) return null
    asked.push({ behind, group })
  }
  return asked
}

/** Whether the stream has an entry behind an ID. */
function hasBehind(stream: Stream, id: StreamId): boolean {
  if (stream.length === 0 || stream.last.compare(id) <= 0) return false
  if (stream.first.compare(id) > 0) return true
  const highest = new StreamId()
  return stream.edge(true, highest) && highest.compare(id) > 0
}

function read(call: Call, args: Args, grouped: boolean, reply: Reply): void {
  // What goes out is what came of it, never the command itself.
  if (grouped) call.propagateNothing()
  const options = readOptions(call, args, grouped, reply)
  if (options === null) return
  const asked = readAsked(call, args, options, reply)
  if (asked === null) return
  const mark = reply.length
  let served = 0
  if (reply.protocol === 2) reply.array(asked.length)
  else reply.map(asked.length)
  for (let i = 0; i < asked.length; i++) {
    const one = asked[i]!
    const key = options.firstKey + i
    const stream = (grouped ? streamOfGroups : streamToRead)(call, args, key, reply)
    if (stream === WRONG) return
    if (stream === null) continue
    const head = () => {
      if (reply.protocol === 2) reply.array(2)
      reply.bulkRange(args.buf, args.start(key), args.end(key))
      served++
    }
    if (one.group !== undefined) readForGroup(call, args, options, key, stream, one, head, reply)
    else if (hasBehind(stream, one.behind)) {
      head()
      replyBehind(call, stream, one.behind, options.count, reply)
    }
  }
  if (served > 0) {
    settleMap(reply, mark, asked.length, served)
    return
  }
  reply.rewind(mark)
  if (options.deadline_ms === NO_BLOCK || !mayWait(call)) reply.nilArray()
  else wait(call, args, options, asked)
}

/** Waits for new entries. `$` means the last ID of now, also when the command is carried out again. */
function wait(call: Call, args: Args, options: Options, asked: readonly Asked[]): void {
  const { firstKey, streams, deadline_ms, group } = options
  const again: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) {
    const stream = i - firstKey - streams
    again.push(stream >= 0 && isCharacter(args, i, DOLLAR) ? asked[stream]!.behind.bytes() : args.copy(i))
  }
  waitForKeys(call, args, {
    type: STREAM,
    firstKey,
    keys: streams,
    deadline_ms,
    evenWithoutKey: group > 0,
    again,
  })
}

/** Replies with the entries behind an ID. */
function replyBehind(call: Call, stream: Stream, behind: StreamId, count: number, reply: Reply): void {
  const { walk } = call.keyspace.streams
  const from = new StreamId().set(behind)
  // Behind the highest of all IDs there is nothing; from 0-0 on there would be everything, as in Redis.
  from.increment()
  replyEntries(reply, walk.start(stream, from, new StreamId().setMax(), false), stream, count)
}

function readForGroup(
  call: Call,
  args: Args,
  options: Options,
  key: number,
  stream: Stream,
  asked: Asked,
  head: () => void,
  reply: Reply,
): void {
  const group = asked.group!
  const named = { key, group: options.group }
  const isHistory = !asked.behind.isMax
  const hasNew = !isHistory && hasBehind(stream, group.last)
  const { consumer, isNew } = consumerOf(call, group, args, key, options.group + 1)
  if (isNew && options.noack) propagateConsumer(call, args, named, consumer.name)
  if (!isHistory && !hasNew) return
  head()
  if (isHistory) replyHistory(call, stream, group, consumer, asked.behind, options.count, reply)
  else replyNew(call, args, named, stream, group, consumer, options, reply)
  call.dirty++
}

/** Replies with entries that the group was not given yet; they become pending with the consumer. */
function replyNew(
  call: Call,
  args: Args,
  named: Named,
  stream: Stream,
  group: StreamGroup,
  consumer: StreamConsumer,
  options: Options,
  reply: Reply,
): void {
  const { walk } = call.keyspace.streams
  const { now_ms } = call.keyspace
  const { id } = walk
  const from = new StreamId().set(group.last)
  from.increment()
  const mark = reply.length
  const guess = Math.min(options.count, stream.length)
  let shown = 0
  let moved = false
  reply.array(guess)
  walk.start(stream, from, new StreamId().setMax(), false)
  for (; shown < options.count && walk.next(); shown++) {
    if (id.compare(group.last) > 0) {
      if (group.read !== READ_UNKNOWN && !stream.hasHolesFrom(id)) group.read = addInt64(group.read, 1)
      else if (stream.added !== 0) group.read = stream.addedUpTo(id)
      group.last.set(id)
      moved = true
    }
    replyEntry(reply, walk)
    if (options.noack) continue
    if (!group.addPending(id, now_ms)) {
      group.deliveredAt_ms = now_ms
      group.deliveries = 1
    }
    group.assign(id, consumer)
    consumer.active_ms = now_ms
    propagateClaim(call, args, named, group, id)
  }
  if (options.noack && moved) propagateGroupId(call, args, named, group)
  settleArray(reply, mark, guess, shown)
}

/** Replies with what is pending with the consumer behind an ID, delivered once more thereby; what is gone has no fields. */
function replyHistory(
  call: Call,
  stream: Stream,
  group: StreamGroup,
  consumer: StreamConsumer,
  behind: StreamId,
  count: number,
  reply: Reply,
): void {
  const { walk } = call.keyspace.streams
  const { pending } = consumer
  const id = new StreamId().set(behind)
  id.increment()
  const mark = reply.length
  let shown = 0
  for (let on = pending.seekAtLeast(id); on && shown < count; on = pending.next(), shown++) {
    pending.id(id)
    if (walk.start(stream, id, id, false).next()) {
      replyEntry(reply, walk)
      group.pending.find(id)
      group.deliveredAt_ms = call.keyspace.now_ms
      group.deliveredAgain()
    } else {
      reply.array(2)
      replyId(reply, id)
      reply.nilArray()
    }
  }
  reply.arrayAt(mark, shown)
}

function readCommand(grouped: boolean): Command {
  return command(
    {
      name: grouped ? 'XREADGROUP' : 'XREAD',
      arity: grouped ? -7 : -4,
      flags: (grouped ? WRITE : READONLY) | BLOCKING | MOVABLE_KEYS,
      since: '5.0.0',
      group: 'stream',
      summary: grouped
        ? 'Returns entries that are new to a group, for one of its consumers, or what is pending with it. May wait.'
        : 'Returns the entries of streams behind given IDs, or the last one (+). May wait for them.',
      complexity: 'O(N) with N entries returned',
      syntax: `${grouped ? 'GROUP group consumer ' : ''}[COUNT count] [BLOCK milliseconds] ${grouped ? '[NOACK] ' : ''}STREAMS key [key ...] id [id ...]`,
      keys: [
        {
          flags: KEY_RO | KEY_ACCESS,
          begin: { keyword: 'STREAMS', from: grouped ? 4 : 1 },
          find: { last: -1, step: 1, limit: 2 },
        },
      ],
    },
    (call, args, reply) => read(call, args, grouped, reply),
  )
}

export const xread = readCommand(false)
export const xreadgroup = readCommand(true)

export const STREAM_READ_FAMILY = [xread, xreadgroup]
