/** Drawing at random, as often as a client asks for: HRANDFIELD, SRANDMEMBER and ZRANDMEMBER. */

import type { Rows } from '../keyspace/collections/rows.js'
import { INTSET, LISTPACK } from '../keyspace/entries.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'
import { readRandomCount } from './collection.js'
import { SYNTAX } from './errors.js'
import { replyRow, replyRows } from './word-reply.js'

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

/**
 * `count` different members of a small set, or sorted set, that has more; false, and nothing was replied, where there is none such. They
 * stand in one block, so that it takes less time to gather all of them, and to choose then, than to ask at each whether it is chosen.
 */
export function replyChosen(
  call: Call,
  reply: Reply,
  handle: number,
  count: number,
  withScores: boolean,
): boolean {
  if (handle === 0 || count <= 1) return false
  const { several, entries, heap } = call.keyspace
  const encoding = entries.encoding(handle)
  if (encoding !== LISTPACK && encoding !== INTSET) return false
  several.begin(1)
  several.add(handle)
  if (count >= several.sizes[0]!) return false
  let cursor = 0
  do cursor = several.gatherScored(0, cursor)
  while (cursor !== 0)
  several.choose(count)
  reply.array(withScores && reply.protocol === 2 ? count * 2 : count)
  if (withScores) replyScoredRows(several.rows, heap.u32, reply)
  else replyRows(several.rows, heap.u32, reply)
  several.end()
  return true
}

function replyScoredRows(rows: Rows, u32: readonly Uint32Array[], reply: Reply): void {
  for (let row = 0; row < rows.count; row++) {
    if (reply.protocol > 2) reply.array(2)
    replyRow(rows, row, u32, reply)
    reply.double(rows.scores[row]!)
  }
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
