/** What commands on HyperLogLogs share: looking one up, and raising its registers, in the string that it is. */

import {
  DAMAGED,
  denseSet,
  HLL_DENSE_BYTES,
  HLL_EMPTY_BYTES,
  HLL_GROWTH_BYTES,
  isDense,
  isHyperLogLog,
  sparseSet,
  TOO_LARGE,
  UNCHANGED,
  writeDense,
  writeEmpty,
} from '../../keyspace/collections/hyperloglog.js'
import { NO_EXPIRY, RAW, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONGTYPE } from '../errors.js'
import { NOTIFY_NEW, NOTIFY_STRING } from '../host.js'

export const CORRUPTED = 'INVALIDOBJ Corrupted HLL object detected'

/** What look-ups return where the key holds something else, which has been replied. */
export const WRONG = -1

/** A sparse one that grows gets room for as much again, up to so many bytes more. */
const ROOM_BYTES_MAX = 300

/** `handle`, an entry or 0, if it holds a HyperLogLog; else WRONG, and the error has been replied. */
export function checkedEntry(call: Call, handle: number, reply: Reply): number {
  if (handle === 0) return 0
  const { entries } = call.db
  if (entries.type(handle) !== STRING) reply.error(WRONGTYPE)
  else if (isHyperLogLog(entries.bytes(handle), entries.valueStart(handle), entries.valueLength(handle))) {
    return handle
  } else reply.error('WRONGTYPE Key is not a valid HyperLogLog string value.')
  return WRONG
}

/** The HyperLogLog of argument `index` to be changed, 0 if it is not there, or WRONG. A snapshot under way has saved it. */
export function entryToChange(call: Call, args: Args, index: number, reply: Reply): number {
  const { db } = call
  const { entries } = db
  const handle = db.find(args.buf, args.start(index), args.end(index))
  if (handle !== 0) entries.setAccess(handle, call.keyspace.accessNow(entries.access(handle)))
  if (checkedEntry(call, handle, reply) === WRONG) return WRONG
  if (handle !== 0) {
    db.willChange(handle)
    entries.setEncoding(handle, RAW)
  }
  return handle
}

/** Puts a HyperLogLog without elements under the key of argument 1, which does not exist. */
export function putEmpty(call: Call, args: Args): number {
  const { db } = call
  const start = args.start(1)
  const end = args.end(1)
  const handle = db.set(STRING, RAW, args.buf, start, end, HLL_EMPTY_BYTES, NO_EXPIRY)
  writeEmpty(db.entries.bytes(handle), db.entries.valueStart(handle))
  call.notify(NOTIFY_NEW, 'new', args.buf, start, end)
  return handle
}

/** Puts other bytes in the place of a value, with room for `room` in all, keeping the expiry. */
function replaceValue(
  call: Call,
  args: Args,
  index: number,
  handle: number,
  bytes: Uint8Array,
  room: number,
): number {
  const { db } = call
  const { entries } = db
  const expiry_ms = entries.exactExpiry(handle)
  const made = db.set(STRING, RAW, args.buf, args.start(index), args.end(index), room, expiry_ms)
  entries.setValueLength(made, bytes.length)
  entries.bytes(made).set(bytes, entries.valueStart(made))
  return made
}

/** Makes the HyperLogLog of argument `index` dense, if it is not. Its entry now, or DAMAGED. */
export function makeDense(call: Call, args: Args, index: number, handle: number): number {
  const { entries } = call.db
  const u8 = entries.bytes(handle)
  const at = entries.valueStart(handle)
  if (isDense(u8, at)) return handle
  const dense = new Uint8Array(HLL_DENSE_BYTES)
  if (!writeDense(u8, at, entries.valueLength(handle), dense, 0)) return DAMAGED
  return replaceValue(call, args, index, handle, dense, HLL_DENSE_BYTES)
}

/** Makes room for one register more. */
function withRoom(call: Call, args: Args, handle: number, limit: number): number {
  const { entries } = call.db
  const length = entries.valueLength(handle)
  const needed = length + HLL_GROWTH_BYTES
  if (entries.valueCapacity(handle) >= needed) return handle
  const room = Math.max(needed, Math.min(needed + Math.min(needed, ROOM_BYTES_MAX), limit))
  return replaceValue(call, args, 1, handle, entries.value(handle).slice(), room)
}

/** The HyperLogLog of argument 1, and how many registers were raised so far. */
export interface Target {
  handle: number
  raised: number
}

/** Raises a register to a value, if it is lower; false where the runs of a sparse HyperLogLog are wrong. */
export function raise(call: Call, args: Args, target: Target, register: number, value: number): boolean {
  const { entries } = call.db
  let at = entries.valueStart(target.handle)
  if (!isDense(entries.bytes(target.handle), at)) {
    const limit = call.keyspace.limit('hll-sparse-max-bytes')
    target.handle = withRoom(call, args, target.handle, limit)
    at = entries.valueStart(target.handle)
    const length = entries.valueLength(target.handle)
    const outcome = sparseSet(entries.bytes(target.handle), at, length, limit, register, value)
    if (outcome === UNCHANGED) return true
    if (outcome === DAMAGED) return false
    if (outcome !== TOO_LARGE) {
      entries.setValueLength(target.handle, outcome)
      target.raised++
      return true
    }
    const dense = makeDense(call, args, 1, target.handle)
    if (dense === DAMAGED) return false
    target.handle = dense
    at = entries.valueStart(dense)
  }
  if (denseSet(entries.bytes(target.handle), at, register, value)) target.raised++
  return true
}

/** Tells watchers and listeners that registers of the HyperLogLog in argument 1 have changed. */
export function registersChanged(call: Call, args: Args, changes: number): void {
  call.db.changed(args.buf, args.start(1), args.end(1))
  call.notify(NOTIFY_STRING, 'pfadd', args.buf, args.start(1), args.end(1))
  call.dirty += changes
}
