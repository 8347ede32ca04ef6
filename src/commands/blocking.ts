/**
 * What commands that wait for keys share. Such a command first does what it can at once. Where there is nothing for it,
 * and the caller may wait (`mayWait`), it calls `waitForKeys` and writes no reply: when one of the keys holds something of
 * the wanted type, the host carries the very same command out again, from the beginning, as Redis 7.2 does. So a handler
 * has one way for both cases, and what it propagates when it is served is what it always propagates.
 */

import { parseLongDouble } from '../bytes/long-double.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'
import type { KeyWait } from './host.js'
import { bigArgument } from './int64.js'

/** The largest number of milliseconds, and of the time plus a timeout, that Redis can count. */
const TIME_MAX_MS = 2 ** 63
const TIMEOUT_NEGATIVE = 'ERR timeout is negative'
const TIMEOUT_OUT_OF_RANGE = 'ERR timeout is out of range'

/** Whether the caller may wait: not within a transaction or a script, nor the master's stream or a file. */
export function mayWait(call: Call): boolean {
  const { caller, host } = call
  return !caller.denyBlocking && !caller.trusted && host.waitForKeys !== undefined
}

/**
 * Lets the caller wait, without a reply: the command in `args` is carried out again when one of its keys may serve it; with
 * `deadline_ms` over, the caller gets a null array. Only where `mayWait` says so.
 */
export function waitForKeys(call: Call, args: Args, wait: KeyWait): void {
  call.host.waitForKeys?.(call, args, wait)
}

/** As `waitForKeys`; a caller that may not wait hears that there is nothing. */
export function waitOrNone(call: Call, args: Args, wait: KeyWait, reply: Reply): void {
  if (mayWait(call)) waitForKeys(call, args, wait)
  else reply.nilArray()
}

/** A timeout that has been read becomes the moment in milliseconds since 1970 when it is over, 0 for never. */
function deadline(call: Call, timeout_ms: number, reply: Reply): number {
  const { now_ms } = call.keyspace
  if (timeout_ms < 0) reply.error(TIMEOUT_NEGATIVE)
  else if (timeout_ms >= TIME_MAX_MS - now_ms) reply.error(TIMEOUT_OUT_OF_RANGE)
  else return timeout_ms === 0 ? 0 : now_ms + timeout_ms
  return Number.NaN
}

/**
 * The moment when the timeout in argument `index`, a number of seconds with or without a fraction, is over: milliseconds
 * since 1970, 0 for never. NaN after an error was replied.
 */
export function readDeadline(call: Call, args: Args, index: number, reply: Reply): number {
  const whole = args.integer(index)
  if (!Number.isNaN(whole)) return deadline(call, whole * 1000, reply)
  const seconds = parseLongDouble(args.numeral(index))
  if (seconds === null) {
    reply.error('ERR timeout is not a float or out of range')
    return Number.NaN
  }
  if ('infinite' in seconds) {
    reply.error(seconds.infinite > 0 ? TIMEOUT_OUT_OF_RANGE : TIMEOUT_NEGATIVE)
    return Number.NaN
  }
  const timeout_ms = Math.ceil(Number(seconds.mantissa) * 2 ** seconds.exponent * 1000)
  // The least that is more than nothing is a millisecond: 0 would mean for ever.
  return deadline(call, timeout_ms === 0 && seconds.mantissa > 0n ? 1 : timeout_ms, reply)
}

/** As `readDeadline`, for a timeout that is a whole number of milliseconds. */
export function readDeadlineMs(call: Call, args: Args, index: number, reply: Reply): number {
  const timeout_ms = args.integer(index)
  if (!Number.isNaN(timeout_ms)) return deadline(call, timeout_ms, reply)
  const big = bigArgument(args, index)
  if (big === null) {
    reply.error('ERR timeout is not an integer or out of range')
    return Number.NaN
  }
  return deadline(call, Number(big), reply)
}
