/**
 * BITFIELD, BITFIELD_RO: integers of any width at any bit of a string. The arguments are read first and carried out when all
 * of them are known to be right. Fields and numbers of up to 52 bits are doubles; wider ones go through BigInt.
 */

import { parseInt64, parseInteger } from '../../bytes/ascii.js'
import { readField, writeField } from '../../bytes/bits.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { bigArgument, nearInteger } from '../int64.js'
import { FAIL, type Field, fitted, fittedBig, POWERS, SATURATE, WRAP } from './overflow.js'
import { BAD_OFFSET, bitsChanged, mayHaveBit, stringToRead, stringWithBytes, WRONG } from './room.js'

const GET = 0
const SET = 1
const INCREMENT = 2

/** Numbers of so many bits, and sums of two, are exact in a double. */
const EXACT_BITS = 52
const EXACT_MAX = 2 ** EXACT_BITS
const LOW_BITS = 32
const WORD = 2 ** LOW_BITS

interface Operation extends Field {
  readonly kind: number
  readonly offset: number
  /** What is set or added; a bigint where it is too large for doubles. */
  readonly value: number | bigint
  readonly overflow: number
}

const BAD_TYPE =
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.'

/** `u8` or `i16` in argument `index`; null after an error was replied. */
function readType(args: Args, index: number, reply: Reply): Field | null {
  const { buf } = args
  const start = args.start(index)
  const letter = args.length(index) > 0 ? buf[start] : 0
  const signed = letter === 0x69
  if (signed || letter === 0x75) {
    // Up to a zero byte, as C reads it.
    let end = start + 1
    while (end < args.end(index) && buf[end] !== 0) end++
    const bits = parseInteger(buf, start + 1, end)
    if (bits >= 1 && bits <= (signed ? 64 : 63)) return { signed, bits }
  }
  reply.error(BAD_TYPE)
  return null
}

/** A position in bits, or with `#` in fields of so many bits; -1 after an error was replied. */
function readOffset(call: Call, args: Args, index: number, bits: number, reply: Reply): number {
  let offset: number
  if (args.length(index) > 0 && args.buf[args.start(index)] === 0x23) {
    offset = parseInteger(args.buf, args.start(index) + 1, args.end(index)) * bits
    if (!Number.isSafeInteger(offset)) {
      // The product is one of 64 bits, whatever it should be.
      const count = parseInt64(args.buf, args.start(index) + 1, args.end(index))
      offset = count === null ? -1 : Number(BigInt.asIntN(64, count * BigInt(bits)))
    }
  } else offset = nearInteger(args, index)
  if (mayHaveBit(call, offset)) return offset
  reply.error(BAD_OFFSET)
  return -1
}

/** An increment or a value to be set; null after an error was replied. */
function readNumber(args: Args, index: number, reply: Reply): number | bigint | null {
  const value = args.integer(index)
  if (Math.abs(value) <= EXACT_MAX) return value
  const big = bigArgument(args, index)
  if (big === null) reply.error(NOT_AN_INTEGER)
  return big
}

const OVERFLOWS: readonly (readonly [string, number])[] = [
  ['wrap', WRAP],
  ['sat', SATURATE],
  ['fail', FAIL],
]

function kindOf(args: Args, i: number): number {
  const left = args.count - i - 1
  if (left >= 2 && args.is(i, 'get')) return GET
  if (left >= 3 && args.is(i, 'set')) return SET
  return left >= 3 && args.is(i, 'incrby') ? INCREMENT : -1
}

/** All operations, null after an error was replied. */
function readOperations(call: Call, args: Args, reply: Reply): Operation[] | null {
  const operations: Operation[] = []
  let overflow = WRAP
  for (let i = 2; i < args.count; ) {
    const kind = kindOf(args, i)
    if (kind < 0) {
      if (i + 1 >= args.count || !args.is(i, 'overflow')) {
        reply.error(SYNTAX)
        return null
      }
      const named = OVERFLOWS.find(([word]) => args.is(i + 1, word))
      if (named === undefined) {
        reply.error('ERR Invalid OVERFLOW type specified')
        return null
      }
      overflow = named[1]
      i += 2
      continue
    }
    const field = readType(args, i + 1, reply)
    if (field === null) return null
    const { signed, bits } = field
    const offset = readOffset(call, args, i + 2, bits, reply)
    if (offset < 0) return null
    const value = kind === GET ? 0 : readNumber(args, i + 3, reply)
    if (value === null) return null
    operations.push({ kind, signed, bits, offset, value, overflow })
    i += kind === GET ? 3 : 4
  }
  return operations
}

/** Where a string's bytes lie. */
interface Place {
  readonly u8: Uint8Array
  readonly start: number
  readonly end: number
}

function signedOf(value: number, { signed, bits }: Field): number {
  return signed && value >= POWERS[bits - 1]! ? value - POWERS[bits]! : value
}

/** What a field holds: a bigint where that is beyond EXACT_MAX. */
function get({ u8, start, end }: Place, operation: Operation): number | bigint {
  const { offset, bits } = operation
  if (bits <= EXACT_BITS) return signedOf(readField(u8, start, end, offset, bits), operation)
  const highBits = bits - LOW_BITS
  let high = readField(u8, start, end, offset, highBits)
  if (operation.signed && high >= POWERS[highBits - 1]!) high -= POWERS[highBits]!
  const low = readField(u8, start, end, offset + highBits, LOW_BITS)
  const near = high * WORD + low
  return isExact(near) ? near : (BigInt(high) << BigInt(LOW_BITS)) | BigInt(low)
}

function isExact(value: number): boolean {
  return value <= EXACT_MAX && value >= -EXACT_MAX
}

function put({ u8, start }: Place, { offset, bits }: Operation, value: number | bigint): void {
  if (bits <= EXACT_BITS) {
    const small = Number(value)
    writeField(u8, start, offset, bits, small < 0 ? small + POWERS[bits]! : small)
    return
  }
  const highBits = bits - LOW_BITS
  let high: number
  let low: number
  if (typeof value === 'number') {
    high = Math.floor(value / WORD)
    low = value - high * WORD
    if (high < 0) high += POWERS[highBits]!
  } else {
    const whole = BigInt.asUintN(bits, value)
    high = Number(whole >> BigInt(LOW_BITS))
    low = Number(BigInt.asUintN(LOW_BITS, whole))
  }
  writeField(u8, start, offset, highBits, high)
  writeField(u8, start, offset + highBits, LOW_BITS, low)
}

/** What a field is to hold after the operation; null for what it holds now, since the number does not fit. */
function outcome(old: number | bigint, operation: Operation): number | bigint | null {
  const { kind, value, overflow, signed, bits } = operation
  if (typeof old === 'number' && typeof value === 'number') {
    const sum = kind === SET ? value : old + value
    // A wide field that is not left holds the sum, if that is exact.
    const stays = bits > EXACT_BITS && (signed || sum >= 0)
    if (stays && isExact(sum)) return sum
    if (bits <= EXACT_BITS) {
      // To an unsigned field a negative number is a very large one.
      if (kind === SET && !signed && value < 0 && overflow === SATURATE) return POWERS[bits]! - 1
      const made = fitted(sum, operation, overflow)
      return Number.isNaN(made) ? null : made
    }
  }
  const set = signed ? BigInt(value) : BigInt.asUintN(64, BigInt(value))
  const made =
    kind === SET
      ? fittedBig(set, 0n, operation, overflow)
      : fittedBig(BigInt(old), BigInt(value), operation, overflow)
  if (made === null) return null
  const near = Number(made)
  return isExact(near) ? near : made
}

function replyNumber(reply: Reply, value: number | bigint): void {
  if (typeof value === 'number') reply.int(value)
  else reply.bigint(value)
}

/** Carries out one operation; whether the field holds something else afterwards, null where nothing was written. */
function carryOut(place: Place, operation: Operation, reply: Reply): boolean | null {
  const old = get(place, operation)
  if (operation.kind === GET) {
    replyNumber(reply, old)
    return null
  }
  const made = outcome(old, operation)
  if (made === null) {
    reply.nil()
    return null
  }
  replyNumber(reply, operation.kind === SET ? old : made)
  put(place, operation, made)
  return made !== old
}

function bitfieldOf(call: Call, args: Args, readOnly: boolean, reply: Reply): void {
  const operations = readOperations(call, args, reply)
  if (operations === null) return
  let highest = -1
  for (const { kind, offset, bits } of operations) {
    if (kind !== GET) highest = Math.max(highest, offset + bits - 1)
  }
  if (highest >= 0 && readOnly) {
    reply.error('ERR BITFIELD_RO only supports the GET subcommand')
    return
  }
  const grown = { is: false }
  const handle =
    highest >= 0
      ? stringWithBytes(call, args, Math.floor(highest / 8) + 1, reply, grown)
      : stringToRead(call, args, 1, reply)
  if (handle === WRONG) return
  const { entries } = call.db
  const start = handle === 0 ? 0 : entries.valueStart(handle)
  const place = {
    u8: entries.bytes(handle),
    start,
    end: handle === 0 ? 0 : start + entries.valueLength(handle),
  }
  reply.array(operations.length)
  let changes = 0
  for (const operation of operations) {
    const changed = carryOut(place, operation, reply)
    if (changed !== null && (changed || grown.is)) changes++
  }
  if (changes > 0) bitsChanged(call, args, changes)
  else if (grown.is) {
    // Nothing fitted, but the string is longer now, and is to be so everywhere.
    call.db.changed(args.buf, args.start(1), args.end(1))
    call.dirty++
  }
}

const TYPED_GET = 'GET encoding offset'

export const bitfield = command(
  {
    name: 'BITFIELD',
    arity: -2,
    flags: WRITE | DENYOOM,
    since: '3.2.0',
    group: 'bitmap',
    summary: 'Reads, sets and adds to integers of any width at any place of a string.',
    complexity: 'O(1) for each operation',
    syntax: `key [${TYPED_GET} | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | INCRBY encoding offset increment> ...]`,
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS),
  },
  (call, args, reply) => bitfieldOf(call, args, false, reply),
)

export const bitfieldRo = command(
  {
    name: 'BITFIELD_RO',
    arity: -2,
    flags: READONLY | FAST,
    since: '6.0.0',
    group: 'bitmap',
    summary: 'Reads integers of any width at any place of a string.',
    complexity: 'O(1) for each operation',
    syntax: `key [${TYPED_GET} [${TYPED_GET} ...]]`,
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => bitfieldOf(call, args, true, reply),
)

export const BIT_FIELD_FAMILY = [bitfield, bitfieldRo]
