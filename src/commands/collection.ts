/** What commands on collections share: looking a collection of one type up, and saying that it has changed. */

import { INT64_MAX, INT64_MIN } from '../bytes/ascii.js'
import { attach } from '../keyspace/collections/value.js'
import { NO_EXPIRY } from '../keyspace/entries.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'
import { NOT_AN_INTEGER, WRONGTYPE } from './errors.js'
import { NOTIFY_GENERIC, NOTIFY_NEW } from './host.js'
import { bigArgument, nearInteger } from './int64.js'
import { readKey } from './lookup.js'

/** What look-ups return where the key holds something else, which has been replied. */
export const WRONG = -1

/** The entry of argument `index` for reading, 0 if it is not there, or WRONG. */
export function collectionToRead(call: Call, args: Args, index: number, type: number, reply: Reply): number {
  const handle = readKey(call, args, index)
  if (handle === 0 || call.db.entries.type(handle) === type) return handle
  reply.error(WRONGTYPE)
  return WRONG
}

/** The entry of argument `index` to be changed, 0 if it is not there, or WRONG. A snapshot under way has saved it. */
export function collectionToChange(
  call: Call,
  args: Args,
  index: number,
  type: number,
  reply: Reply,
): number {
  const { db } = call
  const { entries } = db
  const handle = db.find(args.buf, args.start(index), args.end(index))
  if (handle === 0) return 0
  const { keyspace } = db
  const isRight = entries.type(handle) === type
  entries.setAccess(
    handle,
    keyspace.asksForClock ? keyspace.accessNow(entries.access(handle)) : keyspace.lruClock,
  )
  if (!isRight) {
    reply.error(WRONGTYPE)
    return WRONG
  }
  if (keyspace.snapshot !== 0) db.willChange(handle)
  return handle
}

/** Puts a new collection, built in a bare entry, under the key of argument `index`, which does not exist. Returns the entry. */
export function putNew(call: Call, args: Args, index: number, bare: number): number {
  const start = args.start(index)
  const end = args.end(index)
  const handle = attach(call.db, args.buf, start, end, bare, NO_EXPIRY)
  call.notify(NOTIFY_NEW, 'new', args.buf, start, end)
  return handle
}

/** A count that may be negative, of how many random elements are wanted; NaN after an error was replied. */
export function readRandomCount(args: Args, index: number, reply: Reply): number {
  const count = nearInteger(args, index)
  if (Number.isNaN(count)) reply.error(NOT_AN_INTEGER)
  else if (count < Number.MIN_SAFE_INTEGER && bigArgument(args, index) === INT64_MIN) {
    reply.error(`ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`)
    return Number.NaN
  }
  return count
}

/** Tells watchers and listeners that the collection of argument `index` has changed, and counts `changes`. */
export function collectionChanged(
  call: Call,
  args: Args,
  index: number,
  kind: number,
  event: string,
  changes: number,
): void {
  call.db.changed(args.buf, args.start(index), args.end(index))
  call.notify(kind, event, args.buf, args.start(index), args.end(index))
  call.dirty += changes
}

/** Removes the key of argument `index`, whose collection has no elements any more, and tells listeners. */
export function removeEmpty(call: Call, args: Args, index: number): void {
  call.db.delete(args.buf, args.start(index), args.end(index))
  call.notify(NOTIFY_GENERIC, 'del', args.buf, args.start(index), args.end(index))
}
