/** ZPOPMIN, ZPOPMAX, ZMPOP: members are returned and removed. What waits for them: blocking.ts. */

import { ascii } from '../../bytes/ascii.js'
import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, removeEmpty, WRONG } from '../collection.js'
import { command, FAST, firstKey, KEY_ACCESS, KEY_DELETE, KEY_RW, MOVABLE_KEYS, WRITE } from '../command.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_ZSET } from '../host.js'
import { integerBytes, nearInteger } from '../int64.js'
import { type PopWish, readPopWish } from '../pop-wish.js'
import { replyElement, replyRange } from './member-reply.js'

export const ZPOPMIN_NAME = ascii('ZPOPMIN')
export const ZPOPMAX_NAME = ascii('ZPOPMAX')

/**
 * Returns and removes `many` members, which there are, of the set of argument `key`: as an array, whose pairs stand in
 * arrays if `nested`.
 */
function popMany(
  call: Call,
  args: Args,
  key: number,
  handle: number,
  many: number,
  max: boolean,
  nested: boolean,
  reply: Reply,
): void {
  reply.array(nested ? many : many * 2)
  popPairs(call, args, key, handle, many, max, nested, reply)
}

/** As `popMany`, without the array's head. */
export function popPairs(
  call: Call,
  args: Args,
  key: number,
  handle: number,
  many: number,
  max: boolean,
  nested: boolean,
  reply: Reply,
): void {
  const { zsets } = call.keyspace
  const size = zsets.size(handle)
  const from = max ? size - many : 0
  if (many === 1 && !zsets.isSmall(handle)) {
    const ranking = zsets.ranking(handle)
    if (nested) reply.array(2)
    replyElement(ranking, ranking.end(max), reply)
    ranking.dropEnd(max)
  } else {
    replyRange(call, handle, from, from + many, max, true, nested, reply)
    zsets.removeRange(handle, from, from + many)
  }
  collectionChanged(call, args, key, NOTIFY_ZSET, max ? 'zpopmax' : 'zpopmin', many)
  if (many === size) removeEmpty(call, args, key)
}

function pop(call: Call, args: Args, max: boolean, reply: Reply): void {
  if (args.count > 3) {
    reply.error(SYNTAX)
    return
  }
  const told = args.count === 3
  const count = told ? nearInteger(args, 2) : 1
  if (!(count >= 0)) {
    reply.error('ERR value is out of range, must be positive')
    return
  }
  const handle = collectionToChange(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  if (handle === 0 || count === 0) {
    reply.array(0)
    return
  }
  const many = Math.min(count, call.keyspace.zsets.size(handle))
  popMany(call, args, 1, handle, many, max, told && reply.protocol > 2, reply)
}

const POP = {
  arity: -2,
  flags: WRITE | FAST,
  since: '5.0.0',
  group: 'sorted-set',
  complexity: 'O(log(N)*M) with N members of the set and M removed',
  syntax: 'key [count]',
  keys: firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE),
} as const

export const zpopmin = command(
  { ...POP, name: 'ZPOPMIN', summary: 'Removes the members with the lowest scores and returns them.' },
  (call, args, reply) => pop(call, args, false, reply),
)

export const zpopmax = command(
  { ...POP, name: 'ZPOPMAX', summary: 'Removes the members with the highest scores and returns them.' },
  (call, args, reply) => pop(call, args, true, reply),
)

/** Pops from the first of the sets that is there and replies; false, without a reply, where none is. */
export function popFirst(call: Call, args: Args, wish: PopWish, reply: Reply): boolean {
  const { firstKey, keys, count } = wish
  const max = !wish.first
  for (let key = firstKey; key < firstKey + keys; key++) {
    const handle = collectionToChange(call, args, key, ZSET, reply)
    if (handle === WRONG) return true
    if (handle === 0) continue
    const many = Math.min(count, call.keyspace.zsets.size(handle))
    reply.array(2)
    reply.bulkRange(args.buf, args.start(key), args.end(key))
    popMany(call, args, key, handle, many, max, true, reply)
    call.propagate(max ? ZPOPMAX_NAME : ZPOPMIN_NAME, args.copy(key), integerBytes(many))
    return true
  }
  return false
}

export const zmpop = command(
  {
    name: 'ZMPOP',
    arity: -4,
    flags: WRITE | MOVABLE_KEYS,
    since: '7.0.0',
    group: 'sorted-set',
    summary:
      'Removes members of the first of several sorted sets that is there, and returns them with its key.',
    complexity: 'O(K)+O(M*log(N)) with K keys, N members of the set and M removed',
    syntax: 'numkeys key [key ...] <MIN | MAX> [COUNT count]',
    keys: [
      {
        flags: KEY_RW | KEY_ACCESS | KEY_DELETE,
        begin: { index: 1 },
        find: { keyNumber: 0, firstKey: 1, step: 1 },
      },
    ],
  },
  (call, args, reply) => {
    const wish = readPopWish(args, 1, 'min', 'max', reply)
    if (wish !== null && !popFirst(call, args, wish, reply)) reply.nilArray()
  },
)

export const SORTED_POP_FAMILY = [zpopmin, zpopmax, zmpop]
