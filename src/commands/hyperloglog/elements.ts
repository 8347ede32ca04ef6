/** PFADD, PFCOUNT, PFMERGE: how many different elements there were, roughly, without keeping them. */

import {
  elementPattern,
  forgetCount,
  HLL_COUNT_OFFSET,
  hasCount,
  isDense,
  REGISTERS,
  raisedTo,
  registerOf,
} from '../../keyspace/collections/hyperloglog.js'
import { countElements } from '../../keyspace/collections/hyperloglog-count.js'
import { readInt64, writeInt64 } from '../../keyspace/collections/piece.js'
import { RAW } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_INSERT,
  KEY_RO,
  KEY_RW,
  keyRange,
  MAY_REPLICATE,
  READONLY,
  WRITE,
} from '../command.js'
import { readKey } from '../lookup.js'
import {
  CORRUPTED,
  checkedEntry,
  entryToChange,
  makeDense,
  putEmpty,
  raise,
  registersChanged,
  WRONG,
} from './value.js'

export const pfadd = command(
  {
    name: 'PFADD',
    arity: -2,
    flags: WRITE | DENYOOM | FAST,
    since: '2.8.9',
    group: 'hyperloglog',
    summary: 'Adds elements to a HyperLogLog; replies with 1 where its estimate may have changed.',
    complexity: 'O(1) for each element',
    syntax: 'key [element [element ...]]',
    keys: firstKey(KEY_RW | KEY_INSERT),
  },
  (call, args, reply) => {
    const handle = entryToChange(call, args, 1, reply)
    if (handle === WRONG) return
    const target = { handle: handle === 0 ? putEmpty(call, args) : handle, raised: handle === 0 ? 1 : 0 }
    for (let i = 2; i < args.count; i++) {
      const pattern = elementPattern(args.buf, args.start(i), args.end(i))
      if (raise(call, args, target, registerOf(pattern), raisedTo(pattern))) continue
      reply.error(CORRUPTED)
      return
    }
    if (target.raised > 0) {
      const { entries } = call.db
      forgetCount(entries.bytes(target.handle), entries.valueStart(target.handle))
      registersChanged(call, args, target.raised)
    }
    reply.int(target.raised > 0 ? 1 : 0)
  },
)

/**
 * Makes the call's registers those of all HyperLogLogs from argument 1 on; whether one of them was dense, null after an error was
 * replied.
 */
function raiseToAll(call: Call, args: Args, reply: Reply): boolean | null {
  const { registers } = call
  registers.clear()
  const { entries } = call.db
  let dense = false
  for (let i = 1; i < args.count; i++) {
    const handle = checkedEntry(call, readKey(call, args, i), reply)
    if (handle === 0) continue
    if (handle === WRONG) return null
    const u8 = entries.bytes(handle)
    const at = entries.valueStart(handle)
    dense = dense || isDense(u8, at)
    if (registers.raiseTo(u8, at, entries.valueLength(handle))) continue
    reply.error(CORRUPTED)
    return null
  }
  return dense
}

/** The largest estimate, of registers that no elements can have made, is no number that Redis could write. */
const BEYOND = -(2n ** 63n)

function replyCount(reply: Reply, count: number | bigint): void {
  if (typeof count === 'bigint') reply.bigint(count)
  else reply.int(count)
}

/** Replies with the count of one HyperLogLog, which is kept in its header until its registers change. */
function replyOwnCount(call: Call, args: Args, handle: number, reply: Reply): void {
  const { db } = call
  const { entries } = db
  const u8 = entries.bytes(handle)
  const at = entries.valueStart(handle)
  if (hasCount(u8, at)) {
    if (entries.encoding(handle) !== RAW) {
      db.willChange(handle)
      entries.setEncoding(handle, RAW)
    }
    replyCount(reply, readInt64(u8, at + HLL_COUNT_OFFSET))
    return
  }
  const count = countElements(call.registers.counts, u8, at, entries.valueLength(handle))
  if (count < 0) {
    reply.error(CORRUPTED)
    return
  }
  const shown = Number.isFinite(count) ? count : BEYOND
  db.willChange(handle)
  entries.setEncoding(handle, RAW)
  writeInt64(u8, at + HLL_COUNT_OFFSET, shown)
  // What was only read has changed nevertheless: replicas and the append-only file keep the same bytes.
  db.changed(args.buf, args.start(1), args.end(1))
  call.dirty++
  replyCount(reply, shown)
}

export const pfcount = command(
  {
    name: 'PFCOUNT',
    arity: -2,
    flags: READONLY | MAY_REPLICATE,
    since: '2.8.9',
    group: 'hyperloglog',
    summary: 'Tells roughly how many different elements were added to a HyperLogLog, or to several together.',
    complexity: 'O(1) for one key; O(N) with N keys, at much greater cost, for several',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RW | KEY_ACCESS),
  },
  (call, args, reply) => {
    if (args.count === 2) {
      const handle = checkedEntry(call, readKey(call, args, 1), reply)
      if (handle === 0) reply.int(0)
      else if (handle !== WRONG) replyOwnCount(call, args, handle, reply)
      return
    }
    if (raiseToAll(call, args, reply) === null) return
    const count = call.registers.count()
    replyCount(reply, Number.isFinite(count) ? count : BEYOND)
  },
)

export const pfmerge = command(
  {
    name: 'PFMERGE',
    arity: -2,
    flags: WRITE | DENYOOM,
    since: '2.8.9',
    group: 'hyperloglog',
    summary: 'Adds to a HyperLogLog what was added to others.',
    complexity: 'O(N) with N keys, at great cost for each',
    syntax: 'destkey [sourcekey [sourcekey ...]]',
    keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_INSERT), ...keyRange(2, -1, 1, KEY_RO | KEY_ACCESS)],
  },
  (call, args, reply) => {
    const { registers } = call
    const dense = raiseToAll(call, args, reply)
    if (dense === null) return
    const found = entryToChange(call, args, 1, reply)
    let handle = found === 0 ? putEmpty(call, args) : found
    if (dense) handle = makeDense(call, args, 1, handle)
    const { entries } = call.db
    if (isDense(entries.bytes(handle), entries.valueStart(handle))) {
      // Its own registers are among those that were merged.
      registers.writeTo(entries.bytes(handle), entries.valueStart(handle))
    } else {
      // The runs were whole when they were read.
      const target = { handle, raised: 0 }
      const { bytes } = registers
      for (let i = 0; i < REGISTERS; i++) if (bytes[i] !== 0) raise(call, args, target, i, bytes[i]!)
      handle = target.handle
    }
    forgetCount(entries.bytes(handle), entries.valueStart(handle))
    registersChanged(call, args, 1)
    reply.ok()
  },
)

export const HYPERLOGLOG_FAMILY = [pfadd, pfcount, pfmerge]
