/** BZPOPMIN, BZPOPMAX, BZMPOP: members are returned and removed; the client waits for some if there are none. */

import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { readDeadline, waitOrNone } from '../blocking.js'
import type { Call } from '../call.js'
import { collectionToChange, WRONG } from '../collection.js'
import {
  BLOCKING,
  type Command,
  command,
  FAST,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RW,
  keyRange,
  MOVABLE_KEYS,
  WRITE,
} from '../command.js'
import { readPopWish } from '../pop-wish.js'
import { popFirst, popPairs, ZPOPMAX_NAME, ZPOPMIN_NAME } from './pop.js'

function blockingPop(call: Call, args: Args, max: boolean, reply: Reply): void {
  const last = args.count - 1
  const deadline_ms = readDeadline(call, args, last, reply)
  if (Number.isNaN(deadline_ms)) return
  for (let i = 1; i < last; i++) {
    const handle = collectionToChange(call, args, i, ZSET, reply)
    if (handle === WRONG) return
    if (handle === 0) continue
    reply.array(3)
    reply.bulkRange(args.buf, args.start(i), args.end(i))
    popPairs(call, args, i, handle, 1, max, false, reply)
    call.propagate(max ? ZPOPMAX_NAME : ZPOPMIN_NAME, args.copy(i))
    return
  }
  waitOrNone(call, args, { type: ZSET, firstKey: 1, keys: last - 1, deadline_ms }, reply)
}

function blockingPopCommand(max: boolean): Command {
  const which = max ? 'highest' : 'lowest'
  return command(
    {
      name: max ? 'BZPOPMAX' : 'BZPOPMIN',
      arity: -3,
      flags: WRITE | FAST | BLOCKING,
      since: '5.0.0',
      group: 'sorted-set',
      summary: `Removes the member with the ${which} score of the first sorted set that is there, and returns it with its key; waits for one if there is none.`,
      complexity: 'O(log(N)) with N members of the set',
      syntax: 'key [key ...] timeout',
      keys: keyRange(1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE),
      history: [['6.0.0', '`timeout` may have a fraction.']],
    },
    (call, args, reply) => blockingPop(call, args, max, reply),
  )
}

export const bzpopmin = blockingPopCommand(false)
export const bzpopmax = blockingPopCommand(true)

export const bzmpop = command(
  {
    name: 'BZMPOP',
    arity: -5,
    flags: WRITE | BLOCKING | MOVABLE_KEYS,
    since: '7.0.0',
    group: 'sorted-set',
    summary:
      'Removes members of the first of several sorted sets that is there, and returns them with its key; waits for one if there is none.',
    complexity: 'O(K)+O(M*log(N)) with K keys, N members of the set and M removed',
    syntax: 'timeout numkeys key [key ...] <MIN | MAX> [COUNT count]',
    keys: [
      {
        flags: KEY_RW | KEY_ACCESS | KEY_DELETE,
        begin: { index: 2 },
        find: { keyNumber: 0, firstKey: 1, step: 1 },
      },
    ],
  },
  (call, args, reply) => {
    const wish = readPopWish(args, 2, 'min', 'max', reply)
    if (wish === null) return
    const deadline_ms = readDeadline(call, args, 1, reply)
    if (Number.isNaN(deadline_ms) || popFirst(call, args, wish, reply)) return
    waitOrNone(call, args, { type: ZSET, firstKey: wish.firstKey, keys: wish.keys, deadline_ms }, reply)
  },
)

export const BLOCKING_SORTED_FAMILY = [bzpopmin, bzpopmax, bzmpop]
