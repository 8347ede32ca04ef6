/** What the stream commands share: finding streams and groups, and counts that may be any 64-bit integer. */

import type { Stream } from '../../keyspace/collections/stream.js'
import {
  READ_UNKNOWN,
  type StreamConsumer,
  type StreamGroup,
} from '../../keyspace/collections/stream-group.js'
import type { Int64 } from '../../keyspace/collections/stream-id.js'
import { STREAM } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONG } from '../collection.js'
import { NOT_AN_INTEGER, replyError, WRONGTYPE } from '../errors.js'
import { NOTIFY_STREAM } from '../host.js'
import { int64Argument, replyInt64 } from '../int64.js'
import { readKey } from '../lookup.js'

/** The stream of argument `index`, null if it is not there; WRONG after an error was replied. Counted as read. */
export function streamToRead(
  call: Call,
  args: Args,
  index: number,
  reply: Reply,
): Stream | null | typeof WRONG {
  const handle = readKey(call, args, index)
  if (handle === 0) return null
  if (call.db.entries.type(handle) === STREAM) return call.keyspace.streams.of(handle)
  reply.error(WRONGTYPE)
  return WRONG
}

/** As `streamToRead`, for commands that look up as readers do but may change groups: a snapshot under way has saved the stream. */
export function streamOfGroups(
  call: Call,
  args: Args,
  index: number,
  reply: Reply,
): Stream | null | typeof WRONG {
  return streamFound(call, readKey(call, args, index), reply)
}

/** As `streamOfGroups`, where the key was looked up. */
export function streamFound(call: Call, handle: number, reply: Reply): Stream | null | typeof WRONG {
  if (handle === 0) return null
  if (call.db.entries.type(handle) !== STREAM) {
    reply.error(WRONGTYPE)
    return WRONG
  }
  call.db.willChange(handle)
  return call.keyspace.streams.of(handle)
}

/** The argument as C sees it: up to a zero byte, one character a byte. */
export function shown(args: Args, index: number): string {
  const whole = args.quoted(index)
  const cut = whole.indexOf('\0')
  return cut < 0 ? whole : whole.slice(0, cut)
}

/** The group that argument `index` names. */
export function groupOf(stream: Stream, args: Args, index: number): StreamGroup | undefined {
  return stream.group(args.buf, args.start(index), args.end(index))
}

export function replyNoGroup(reply: Reply, args: Args, key: number, group: number, more = ''): void {
  replyError(
    reply,
    `NOGROUP No such key '${shown(args, key)}' or consumer group '${shown(args, group)}'${more}`,
  )
}

/** The consumer that argument `index` names, made if it is not there; it was seen now. Returns whether it is new, too. */
export function consumerOf(
  call: Call,
  group: StreamGroup,
  args: Args,
  key: number,
  index: number,
): { consumer: StreamConsumer; isNew: boolean } {
  const start = args.start(index)
  const end = args.end(index)
  const { now_ms } = call.keyspace
  const old = group.consumer(args.buf, start, end)
  if (old !== undefined) {
    old.seen_ms = now_ms
    return { consumer: old, isNew: false }
  }
  const consumer = group.createConsumer(args.buf, start, end, now_ms)!
  call.dirty++
  call.notify(NOTIFY_STREAM, 'xgroup-createconsumer', args.buf, args.start(key), args.end(key))
  return { consumer, isNew: true }
}

/** The argument as a signed integer of 64 bits; null after an error was replied. */
export function readInt64(args: Args, index: number, reply: Reply, error = NOT_AN_INTEGER): Int64 | null {
  const value = int64Argument(args, index)
  if (value === null) reply.error(error)
  return value
}

/** How many entries a group has read; no value where that is unknown. */
export function replyRead(reply: Reply, read: Int64): void {
  if (read === READ_UNKNOWN) reply.nil()
  else replyInt64(reply, read)
}
