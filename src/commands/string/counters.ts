/**
 * INCR, DECR, INCRBY, DECRBY: strings that spell 64-bit integers. The digits are changed where they stand; arithmetic is
 * done in doubles as long as these are exact, and in BigInt beyond.
 */

import {
  ascii,
  INT64_MAX,
  INT64_MIN,
  integerLength,
  parseInt64,
  parseInteger,
  writeInteger,
} from '../../bytes/ascii.js'
import { INT, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { command, DENYOOM, FAST, firstKey, KEY_ACCESS, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { NOT_AN_INTEGER, OVERFLOW, WRONGTYPE } from '../errors.js'
import { bigArgument } from '../int64.js'
import { stringChanged, stringOfLength } from './in-place.js'

/** Adds a safe integer to the integer under the key in argument 1, and replies with the sum. */
function add(call: Call, args: Args, reply: Reply, by: number): void {
  const db = call.db
  const entries = db.entries
  const buf = args.buf
  const start = args.start(1)
  const end = args.end(1)
  const handle = db.find(buf, start, end)
  let old = 0
  if (handle !== 0) {
    if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const at = entries.valueStart(handle)
    old = parseInteger(entries.bytes(handle), at, at + entries.valueLength(handle))
  }
  const sum = old + by
  // Also false where what stood there is no safe integer.
  if (!Number.isSafeInteger(sum)) {
    addBig(call, args, reply, BigInt(by))
    return
  }
  const made = stringOfLength(call, args, handle, integerLength(sum), INT)
  writeInteger(entries.bytes(made), entries.valueStart(made), sum)
  stringChanged(call, args, handle === 0, 'incrby')
  reply.int(sum)
}

/** As `add`, with 64-bit arithmetic. */
function addBig(call: Call, args: Args, reply: Reply, by: bigint): void {
  const db = call.db
  const entries = db.entries
  const handle = db.find(args.buf, args.start(1), args.end(1))
  let old: bigint | null = 0n
  if (handle !== 0) {
    if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const at = entries.valueStart(handle)
    old = parseInt64(entries.bytes(handle), at, at + entries.valueLength(handle))
  }
  if (old === null) {
    reply.error(NOT_AN_INTEGER)
    return
  }
  const sum = old + by
  if (sum > INT64_MAX || sum < INT64_MIN) {
    reply.error(OVERFLOW)
    return
  }
  const digits = ascii(sum.toString())
  const made = stringOfLength(call, args, handle, digits.length, INT)
  entries.bytes(made).set(digits, entries.valueStart(made))
  stringChanged(call, args, handle === 0, 'incrby')
  reply.bigint(sum)
}

const COMMON = {
  flags: WRITE | DENYOOM | FAST,
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
} as const

export const incr = command(
  {
    ...COMMON,
    name: 'INCR',
    arity: 2,
    summary: 'Adds one to the integer that a key holds; a key that does not exist counts as 0.',
    syntax: 'key',
  },
  (call, args, reply) => add(call, args, reply, 1),
)

export const decr = command(
  {
    ...COMMON,
    name: 'DECR',
    arity: 2,
    summary: 'Takes one from the integer that a key holds; a key that does not exist counts as 0.',
    syntax: 'key',
  },
  (call, args, reply) => add(call, args, reply, -1),
)

export const incrby = command(
  {
    ...COMMON,
    name: 'INCRBY',
    arity: 3,
    summary: 'Adds a number to the integer that a key holds; a key that does not exist counts as 0.',
    syntax: 'key increment',
  },
  (call, args, reply) => {
    const by = args.integer(2)
    if (!Number.isNaN(by)) {
      add(call, args, reply, by)
      return
    }
    const big = bigArgument(args, 2)
    if (big === null) reply.error(NOT_AN_INTEGER)
    else addBig(call, args, reply, big)
  },
)

export const decrby = command(
  {
    ...COMMON,
    name: 'DECRBY',
    arity: 3,
    summary: 'Takes a number from the integer that a key holds; a key that does not exist counts as 0.',
    syntax: 'key decrement',
  },
  (call, args, reply) => {
    const by = args.integer(2)
    if (!Number.isNaN(by)) {
      add(call, args, reply, by === 0 ? 0 : -by)
      return
    }
    const big = bigArgument(args, 2)
    if (big === null) reply.error(NOT_AN_INTEGER)
    else if (big === INT64_MIN) reply.error('ERR decrement would overflow')
    else addBig(call, args, reply, -big)
  },
)

export const COUNTER_FAMILY = [incr, decr, incrby, decrby]
