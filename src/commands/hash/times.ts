/** What commands on the expiry of fields share: reading times and lists of fields, and setting when a field expires. */

import { ascii } from '../../bytes/ascii.js'
import { expireField } from '../../keyspace/collections/field-expiry.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { NOT_AN_INTEGER } from '../errors.js'
import { isPast } from '../generic/expiry.js'
import { nearInteger } from '../int64.js'

export const FIELDS = ascii('FIELDS')
export const HPEXPIREAT = ascii('HPEXPIREAT')
export const FIELDS_MISSING = 'ERR Mandatory argument FIELDS is missing or not at the right position'
export const FIELDS_MISMATCH = 'ERR The `numfields` parameter must match the number of arguments'
export const FIELDS_POSITIVE = 'ERR Number of fields must be a positive integer'
/** The latest time that Redis lets a field expire at. */
const TIME_MAX = 2 ** 46 - 1

/** What became of a field: as HEXPIRE replies. */
export const NO_FIELD = -2
export const UNMET = 0
export const SET = 1
export const DELETED = 2

/**
 * The time in argument `index`, in ms since 1970, or NaN after an error was replied. `seconds`: it counts seconds; `relative`: from
 * now on.
 */
export function readFieldTime(
  call: Call,
  args: Args,
  index: number,
  seconds: boolean,
  relative: boolean,
  name: string,
  reply: Reply,
): number {
  const given = nearInteger(args, index)
  const base_ms = relative ? call.keyspace.now_ms : 0
  if (Number.isNaN(given)) reply.error(NOT_AN_INTEGER)
  else if (given < 0) reply.error('ERR invalid expire time, must be >= 0')
  else if ((seconds ? given * 1000 : given) > TIME_MAX - base_ms) {
    reply.error(`ERR invalid expire time in '${name}' command`)
  } else return (seconds ? given * 1000 : given) + base_ms
  return Number.NaN
}

/**
 * Reads `FIELDS numfields field [field ...]` up to the end, from argument `index` on, and returns the index of the first field, or
 * 0 after an error was replied. `positive`: what is said of a number that is none.
 */
export function readFields(args: Args, index: number, positive: string, reply: Reply): number {
  if (index >= args.count || !args.is(index, 'fields')) {
    reply.error(FIELDS_MISSING)
    return 0
  }
  const count = index + 1 < args.count ? nearInteger(args, index + 1) : Number.NaN
  if (!(count >= 1)) {
    reply.error(positive)
    return 0
  }
  if (count !== args.count - index - 2) {
    reply.error(FIELDS_MISMATCH)
    return 0
  }
  return index + 2
}

/**
 * Lets the field of argument `index`, which `hashes.lookUp` has just found, expire at a time, or with NO_FIELD_EXPIRY never; at once where that has passed and this node decides
 * about it. The hash must be timed. Returns SET or DELETED; `dirty` counts it.
 */
export function expireAt(call: Call, args: Args, handle: number, index: number, at_ms: number): number {
  call.dirty++
  if (at_ms !== NO_FIELD_EXPIRY && isPast(call, at_ms)) {
    expireField(call.db, handle, args.view(1), args.view(index))
    return DELETED
  }
  // A node that does not decide takes any time; 0 would mean that the field does not expire.
  const time_ms = at_ms === NO_FIELD_EXPIRY ? at_ms : Math.max(1, at_ms)
  call.keyspace.hashes.setFoundExpiry(handle, args.buf, args.start(index), args.end(index), time_ms)
  return SET
}
