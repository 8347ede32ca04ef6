/** INCRBYFLOAT: strings that spell numbers with a fraction, added as the 80-bit numbers that Redis uses on x86. */

import { ascii, wholeText } from '../../bytes/ascii.js'
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from '../../bytes/long-double.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import { EMBSTR, EMBSTR_BYTES_MAX, RAW, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { command, DENYOOM, FAST, firstKey, KEY_ACCESS, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { NOT_A_FLOAT, WRONGTYPE } from '../errors.js'
import { findKey } from '../lookup.js'
import { stringChanged, stringOfLength } from './in-place.js'

const SET_NAME = ascii('SET')
const KEEPTTL = ascii('KEEPTTL')
const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

/** The number that a string entry spells, or null. */
function numberOf(call: Call, handle: number): LongDouble | null {
  const value = call.db.entries.value(handle)
  return parseLongDouble(wholeText(value, 0, value.length, NUMBER_BYTES_MAX) ?? '')
}

export const incrbyfloat = command(
  {
    name: 'INCRBYFLOAT',
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: '2.6.0',
    group: 'string',
    summary:
      'Adds a number with a fraction to the one that a key holds; a key that does not exist counts as 0.',
    complexity: 'O(1)',
    syntax: 'key increment',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
  },
  (call, args, reply) => {
    const handle = findKey(call, args, 1)
    if (handle !== 0 && call.db.entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    if (!addPlain(call, args, handle, reply)) addLong(call, args, handle, reply)
  },
)

/** Adds plain decimals, in fixed point; false where these are not such, and nothing was done. */
function addPlain(call: Call, args: Args, handle: number, reply: Reply): boolean {
  const { entries } = call.db
  const { sum, by } = call.floats
  if (handle === 0) sum.clear()
  else {
    const at = entries.valueStart(handle)
    if (!sum.read(entries.bytes(handle), at, at + entries.valueLength(handle))) return false
  }
  if (!by.read(args.buf, args.start(2), args.end(2))) return false
  sum.add(by)
  sum.format()
  const { text: digits, length } = sum
  const made = stringOfLength(call, args, handle, length, EMBSTR)
  const bytes = entries.bytes(made)
  const at = entries.valueStart(made)
  for (let i = 0; i < length; i++) bytes[at + i] = digits[i]!
  stringChanged(call, args, handle === 0, 'incrbyfloat')
  reply.bulkRange(digits, 0, length)
  if (call.isHeard) propagateSum(call, args, digits.slice(0, length))
  return true
}

function addLong(call: Call, args: Args, handle: number, reply: Reply): void {
  const old = handle === 0 ? ZERO : numberOf(call, handle)
  const by = parseLongDouble(args.numeral(2))
  if (old === null || by === null) {
    reply.error(NOT_A_FLOAT)
    return
  }
  const sum = addLongDouble(old, by)
  if (sum === null || 'infinite' in sum) {
    reply.error('ERR increment would produce NaN or Infinity')
    return
  }
  const digits = ascii(formatLongDouble(sum))
  const encoding = digits.length <= EMBSTR_BYTES_MAX ? EMBSTR : RAW
  const made = stringOfLength(call, args, handle, digits.length, encoding)
  call.db.entries.bytes(made).set(digits, call.db.entries.valueStart(made))
  stringChanged(call, args, handle === 0, 'incrbyfloat')
  reply.bulk(digits)
  if (call.isHeard) propagateSum(call, args, digits)
}

/** Sends the result, so that replicas and the append-only file need not round as this machine does. */
function propagateSum(call: Call, args: Args, digits: Uint8Array): void {
  call.propagate(SET_NAME, args.view(1), digits, KEEPTTL)
}

export const FLOAT_FAMILY = [incrbyfloat]
