/**
 * 64-bit integers in arguments and in what goes out. A double holds those up to 2^53 exactly, which is all that most
 * commands ever see; the rest goes through BigInt.
 */

import { ascii, INT64_MAX, INT64_MIN, integerLength, parseInt64, writeInteger } from '../bytes/ascii.js'
import { type Int64, normalInt64 } from '../bytes/int64.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'

/** The argument as any signed 64-bit integer, or null: for what `args.integer` called NaN. */
export function bigArgument(args: Args, index: number): bigint | null {
  return parseInt64(args.buf, args.start(index), args.end(index))
}

/**
 * The argument as a double that is near enough for a position or a count: exact up to 2^53, rounded beyond; NaN where it
 * is no 64-bit integer.
 */
export function nearInteger(args: Args, index: number): number {
  const exact = args.integer(index)
  if (!Number.isNaN(exact)) return exact
  const big = bigArgument(args, index)
  return big === null ? Number.NaN : Number(big)
}

/** The decimal digits. */
export function integerBytes(value: Int64): Uint8Array {
  if (typeof value === 'bigint') return ascii(value.toString())
  const bytes = new Uint8Array(integerLength(value))
  writeInteger(bytes, 0, value)
  return bytes
}

/** The argument as a signed 64-bit integer, exact, or null. */
export function int64Argument(args: Args, index: number): Int64 | null {
  const exact = args.integer(index)
  if (!Number.isNaN(exact)) return exact
  const big = bigArgument(args, index)
  return big === null ? null : normalInt64(big)
}

/**
 * A timeout in milliseconds, or the error where it is none. It is one if the sum with the present time is a 64-bit integer; rounded
 * beyond 2^53, which is some hundred thousand years.
 */
export function readTimeoutMs(args: Args, index: number, now_ms: number): number | string {
  const timeout_ms = int64Argument(args, index)
  if (timeout_ms === null) return 'ERR timeout is not an integer or out of range'
  if (timeout_ms < 0) return 'ERR timeout is negative'
  if (BigInt(timeout_ms) + BigInt(now_ms) > INT64_MAX) return 'ERR timeout is out of range'
  return Number(timeout_ms)
}

/** Replies with any signed 64-bit integer. */
export function replyInt64(reply: Reply, value: Int64): void {
  if (typeof value === 'number') reply.int(value)
  else reply.bigint(value)
}

/** A result of 64-bit arithmetic as a time of expiry; null where it overflowed. */
export function timeFromBig(value: bigint): Int64 | null {
  return value > INT64_MAX || value < INT64_MIN ? null : normalInt64(value)
}
