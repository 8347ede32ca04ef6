/** HINCRBY, HINCRBYFLOAT: fields that spell numbers. */

import { ascii, INT64_MAX, INT64_MIN, wholeText } from '../../bytes/ascii.js'
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from '../../bytes/long-double.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import { type Int64, int64Of } from '../../keyspace/collections/intset.js'
import type { Piece } from '../../keyspace/collections/piece.js'
import { HASH } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, putNew, WRONG } from '../collection.js'
import { command, DENYOOM, FAST, firstKey, KEY_ACCESS, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { NOT_A_FLOAT, NOT_AN_INTEGER, OVERFLOW } from '../errors.js'
import { NOTIFY_HASH } from '../host.js'
import { hasField, tellExpired } from './lookup.js'
import { FIELDS } from './times.js'

const HSET_NAME = ascii('HSET')
const HSETEX = ascii('HSETEX')
const KEEPTTL = ascii('KEEPTTL')
const ONE = ascii('1')
const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

function longDoubleOf(buf: Uint8Array, start: number, end: number): LongDouble | null {
  return parseLongDouble(wholeText(buf, start, end, NUMBER_BYTES_MAX) ?? '')
}

/** Sets the field of argument 2, which expires when it did; the hash is made where `handle` is 0. */
function store(
  call: Call,
  args: Args,
  handle: number,
  digits: Uint8Array,
  length: number,
  event: string,
  keep: boolean,
): void {
  const { hashes } = call.keyspace
  const hash = handle === 0 ? putNew(call, args, 1, hashes.create()) : handle
  hashes.set(hash, args.buf, args.start(2), args.end(2), digits, 0, length, keep)
  collectionChanged(call, args, 1, NOTIFY_HASH, event, 1)
}

function sumOf(a: Int64, b: Int64): Int64 {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return BigInt(a) + BigInt(b)
}

const COMMON = {
  arity: 4,
  flags: WRITE | DENYOOM | FAST,
  group: 'hash',
  complexity: 'O(1)',
  syntax: 'key field increment',
  keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
  elements: [2, 0],
} as const

export const hincrby = command(
  {
    ...COMMON,
    name: 'HINCRBY',
    since: '2.0.0',
    summary: 'Adds a number to the integer of a field; a field that is not there counts as 0.',
  },
  (call, args, reply) => {
    const by = int64Of(args.buf, args.start(3), args.end(3))
    if (by === null) {
      reply.error(NOT_AN_INTEGER)
      return
    }
    let handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { hashes, expiredFields } = call.keyspace
    const { value } = hashes
    const has = hasField(call, args, handle, 2)
    if (!has) handle = tellExpired(call, args, handle, expiredFields)
    const old = has ? int64Of(value.buf, value.start, value.end) : 0
    if (old === null) {
      reply.error('ERR hash value is not an integer')
      return
    }
    const sum = sumOf(old, by)
    if (typeof sum === 'bigint' && (sum > INT64_MAX || sum < INT64_MIN)) {
      reply.error(OVERFLOW)
      return
    }
    if (has && hashes.setFoundInteger(handle, args.start(2), args.end(2), sum)) {
      collectionChanged(call, args, 1, NOTIFY_HASH, 'hincrby', 1)
    } else {
      const digits = ascii(String(sum))
      store(call, args, handle, digits, digits.length, 'hincrby', has)
    }
    if (typeof sum === 'bigint') reply.bigint(sum)
    else reply.int(sum)
  },
)

export const hincrbyfloat = command(
  {
    ...COMMON,
    name: 'HINCRBYFLOAT',
    since: '2.6.0',
    summary: 'Adds a number with a fraction to that of a field; a field that is not there counts as 0.',
  },
  (call, args, reply) => {
    const isPlain = call.floats.by.read(args.buf, args.start(3), args.end(3))
    const by = isPlain ? ZERO : longDoubleOf(args.buf, args.start(3), args.end(3))
    if (by === null || 'infinite' in by) {
      reply.error(by === null ? NOT_A_FLOAT : 'ERR value is NaN or Infinity')
      return
    }
    let handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { hashes, expiredFields } = call.keyspace
    const { value } = hashes
    const has = hasField(call, args, handle, 2)
    const timed = has && hashes.expiry !== NO_FIELD_EXPIRY
    if (!has) handle = tellExpired(call, args, handle, expiredFields)
    const { sum } = call.floats
    if (!has) sum.clear()
    let digits: Uint8Array = sum.text
    if (isPlain && (!has || sum.read(value.buf, value.start, value.end))) {
      sum.add(call.floats.by)
      sum.format()
    } else {
      const long = addLong(args, has ? value : null, reply)
      if (long === null) return
      digits = long
    }
    const length = digits === sum.text ? sum.length : digits.length
    store(call, args, handle, digits, length, 'hincrbyfloat', has)
    reply.bulkRange(digits, 0, length)
    if (call.isHeard) propagateSum(call, args, digits.slice(0, length), timed)
  },
)

/** The sum of argument 3 and the number that a field has, in digits; null after an error was replied. */
function addLong(args: Args, value: Piece | null, reply: Reply): Uint8Array | null {
  const by = longDoubleOf(args.buf, args.start(3), args.end(3))
  const old = value === null ? ZERO : longDoubleOf(value.buf, value.start, value.end)
  if (by === null || old === null) {
    reply.error('ERR hash value is not a float')
    return null
  }
  const sum = addLongDouble(old, by)
  if (sum !== null && !('infinite' in sum)) return ascii(formatLongDouble(sum))
  reply.error('ERR increment would produce NaN or Infinity')
  return null
}

/** Sends the result, so that replicas and the append-only file need not round as this machine does. */
function propagateSum(call: Call, args: Args, digits: Uint8Array, timed: boolean): void {
  if (timed) call.propagate(HSETEX, args.view(1), KEEPTTL, FIELDS, ONE, args.view(2), digits)
  else call.propagate(HSET_NAME, args.view(1), args.view(2), digits)
}

export const HASH_COUNTER_FAMILY = [hincrby, hincrbyfloat]
