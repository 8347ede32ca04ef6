/**
 * 64-bit integers in arguments and in what goes out. A double holds those up to 2^53 exactly, which is all that most
 * commands ever see; the rest goes through BigInt. Times of expiry are doubles in the keyspace: beyond 2^53 ms (the
 * year 287396) they are rounded to what a double holds, at most 1024 ms away.
 */

import { ascii, INT64_MAX, INT64_MIN, integerLength, parseInt64, writeInteger } from '../bytes/ascii.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'

/** The largest double that is a signed 64-bit integer. */
const INT64_MAX_DOUBLE = 2 ** 63 - 1024

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

/** The decimal digits of a whole number that a signed 64-bit integer could hold. */
export function integerBytes(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) return ascii(BigInt(value).toString())
  const bytes = new Uint8Array(integerLength(value))
  writeInteger(bytes, 0, value)
  return bytes
}

/** Replies with a whole number, safe or not. */
export function replyInteger(reply: Reply, value: number): void {
  if (Number.isSafeInteger(value)) reply.int(value)
  else reply.bigint(BigInt(value))
}

/** A result of 64-bit arithmetic as a time of expiry; null where it overflowed. */
export function timeFromBig(value: bigint): number | null {
  if (value > INT64_MAX || value < INT64_MIN) return null
  return Math.min(Number(value), INT64_MAX_DOUBLE)
}
