/** Drawing at random, as often as a client asks for: HRANDFIELD, SRANDMEMBER and ZRANDMEMBER. */

import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'
import { readRandomCount } from './collection.js'
import { SYNTAX } from './errors.js'

/** Half of what a 64-bit integer can count, as a double. */
const PAIRS_MAX = 2 ** 62

/** Collections of one type: `keyspace.hashes`, `sets`, `zsets`. */
export interface Drawable {
  size(handle: number): number
  random(handle: number): void
  forEach(handle: number, visit: () => void): void
  sample(handle: number, count: number, visit: () => void): void
}

/**
 * The count in argument 2, which `word` (WITHVALUES, WITHSCORES) may follow; NaN after an error was replied. Whether the word
 * stands there, `args.count` tells.
 */
export function readDraw(args: Args, word: string, reply: Reply): number {
  const count = readRandomCount(args, 2, reply)
  if (Number.isNaN(count)) return count
  if (args.count > 4 || (args.count === 4 && !args.is(3, word))) reply.error(SYNTAX)
  else if (args.count === 4 && Math.abs(count) >= PAIRS_MAX) reply.error('ERR value is out of range')
  else return count
  return Number.NaN
}

/**
 * `count` elements of a collection, 0 being none: if positive different ones, as many as there are at most; if negative each on its
 * own. `begin` replies with how many they are, `show` with each.
 */
export function replyDrawn(
  call: Call,
  reply: Reply,
  handle: number,
  count: number,
  of: Drawable,
  begin: (many: number) => void,
  show: () => void,
): void {
  const size = handle === 0 ? 0 : of.size(handle)
  const many = handle === 0 ? 0 : count < 0 ? -count : Math.min(count, size)
  begin(many)
  if (many === 0) return
  if (count < 0 || count === 1) {
    drawOften(call, reply, many, () => {
      of.random(handle)
      show()
    })
  } else if (many === size) of.forEach(handle, show)
  else of.sample(handle, many, show)
}

/** Between two looks whether anybody will get what is drawn. A power of two. */
const DRAWN_A_LOOK = 1024

/** Calls `draw` so often, unless the client has lost its claim to a reply by then: it may ask for a billion. */
function drawOften(call: Call, reply: Reply, times: number, draw: () => void): void {
  for (let i = 1; i <= times; i++) {
    draw()
    if (i % DRAWN_A_LOOK === 0 && (reply.overflowed || call.host.outgrown?.() === true)) return
  }
}
