/**
 * The options that SET and GETEX share (EX, PX, EXAT, PXAT, KEEPTTL, PERSIST, NX, XX, GET, IFEQ and its kin), read in one pass over
 * the arguments' bytes into one number, so that the common commands allocate nothing.
 */

import type { Int64 } from '../../bytes/int64.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { NOT_AN_INTEGER } from '../errors.js'
import { bigArgument, timeFromBig } from '../int64.js'

export const NX = 1 << 0
export const XX = 1 << 1
export const GET = 1 << 2
export const KEEPTTL = 1 << 3
export const PERSIST = 1 << 4
export const EX = 1 << 5
export const PX = 1 << 6
export const EXAT = 1 << 7
export const PXAT = 1 << 8
export const IFEQ = 1 << 9
export const IFNE = 1 << 10
export const IFDEQ = 1 << 11
export const IFDNE = 1 << 12
/** Above these bits stands the index of the argument with the time, 0 for none. */
const INDEX_SHIFT = 13
const ANY_TIME = EX | PX | EXAT | PXAT
export const ANY_CONDITION = IFEQ | IFNE | IFDEQ | IFDNE

/** Where among the arguments the time stands, 0 for nowhere. */
export function timeIndex(options: number): number {
  return options >>> INDEX_SHIFT
}

/** The options from argument `from` on, or -1 for a syntax error. An option may be repeated, with another that excludes it not. */
export function readOptions(args: Args, from: number, forSet: boolean): number {
  let options = 0
  let index = 0
  for (let i = from; i < args.count; i++) {
    const time = timeOption(args, i)
    if (time !== 0) {
      if ((options & (KEEPTTL | PERSIST | (ANY_TIME & ~time))) !== 0 || i + 1 >= args.count) return -1
      options |= time
      index = ++i
    } else if (forSet && args.is(i, 'nx') && (options & (XX | ANY_CONDITION)) === 0) {
      options |= NX
    } else if (forSet && args.is(i, 'xx') && (options & (NX | ANY_CONDITION)) === 0) {
      options |= XX
    } else if (forSet && args.is(i, 'get')) {
      options |= GET
    } else if (forSet && args.is(i, 'keepttl') && (options & (ANY_TIME | PERSIST)) === 0) {
      options |= KEEPTTL
    } else if (!forSet && args.is(i, 'persist') && (options & (ANY_TIME | KEEPTTL)) === 0) {
      options |= PERSIST
    } else {
      const condition = forSet ? conditionOption(args, i) : 0
      const excluded = NX | XX | (ANY_CONDITION & ~condition)
      if (condition === 0 || (options & excluded) !== 0 || ++i >= args.count) return -1
      options |= condition
    }
  }
  return options | (index << INDEX_SHIFT)
}

/** What of a string's value argument `index` asks: IFEQ, IFNE, IFDEQ or IFDNE; 0 for anything else. */
export function conditionOption(args: Args, index: number): number {
  if (args.is(index, 'ifeq')) return IFEQ
  if (args.is(index, 'ifne')) return IFNE
  if (args.is(index, 'ifdeq')) return IFDEQ
  return args.is(index, 'ifdne') ? IFDNE : 0
}

/** Where among options that `readOptions` has read from argument `from` on stands what the condition compares with: the last. */
export function conditionIndex(args: Args, from: number): number {
  let index = 0
  for (let i = from; i < args.count; i++) {
    if (timeOption(args, i) !== 0) i++
    else if (conditionOption(args, i) !== 0) index = ++i
  }
  return index
}

function timeOption(args: Args, index: number): number {
  if (args.is(index, 'ex')) return EX
  if (args.is(index, 'px')) return PX
  if (args.is(index, 'exat')) return EXAT
  return args.is(index, 'pxat') ? PXAT : 0
}

/**
 * The time that argument `index` names, in milliseconds since 1970. NaN where it names none: then the error has been
 * replied. `unit` is EX, PX, EXAT or PXAT.
 */
export function readTime(
  call: Call,
  args: Args,
  index: number,
  unit: number,
  command: string,
  reply: Reply,
): Int64 {
  const seconds = (unit & (EX | EXAT)) !== 0
  const base_ms = (unit & (EX | PX)) !== 0 ? call.keyspace.now_ms : 0
  const given = args.integer(index)
  const near_ms = (seconds ? given * 1000 : given) + base_ms
  if (given > 0 && Number.isSafeInteger(near_ms)) return near_ms
  const big = bigArgument(args, index)
  if (big === null) {
    reply.error(NOT_AN_INTEGER)
    return Number.NaN
  }
  const at_ms = big > 0n ? timeFromBig((seconds ? big * 1000n : big) + BigInt(base_ms)) : null
  if (at_ms !== null) return at_ms
  reply.error(`ERR invalid expire time in '${command}' command`)
  return Number.NaN
}
