/** BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: taking elements from lists, which the client waits for if there are none. */

import { ascii } from '../../bytes/ascii.js'
import { LIST } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { mayWait, readDeadline, waitForKeys, waitOrNone } from '../blocking.js'
import type { Call } from '../call.js'
import { collectionToChange, WRONG } from '../collection.js'
import {
  BLOCKING,
  type Command,
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_RW,
  keyAt,
  keyRange,
  MOVABLE_KEYS,
  WRITE,
} from '../command.js'
import { readPopWish } from '../pop-wish.js'
import { LPOP_NAME, move, popFirst, popOne, RPOP_NAME, readEnd } from './ends.js'

const LMOVE_NAME = ascii('LMOVE')
const RPOPLPUSH_NAME = ascii('RPOPLPUSH')

function blockingPop(call: Call, args: Args, head: boolean, reply: Reply): void {
  const last = args.count - 1
  const deadline_ms = readDeadline(call, args, last, reply)
  if (Number.isNaN(deadline_ms)) return
  for (let i = 1; i < last; i++) {
    const handle = collectionToChange(call, args, i, LIST, reply)
    if (handle === WRONG) return
    if (handle === 0) continue
    reply.array(2)
    reply.bulkRange(args.buf, args.start(i), args.end(i))
    popOne(call, args, i, handle, head, reply)
    call.propagate(head ? LPOP_NAME : RPOP_NAME, args.copy(i))
    return
  }
  waitOrNone(call, args, { type: LIST, firstKey: 1, keys: last - 1, deadline_ms }, reply)
}

function blockingPopCommand(head: boolean): Command {
  const end = head ? 'first' : 'last'
  return command(
    {
      name: head ? 'BLPOP' : 'BRPOP',
      arity: -3,
      flags: WRITE | BLOCKING,
      since: '2.0.0',
      group: 'list',
      summary: `Takes the ${end} element of the first list that has one; waits for one if none has.`,
      complexity: 'O(N) with N keys',
      syntax: 'key [key ...] timeout',
      keys: keyRange(1, -2, 1, KEY_RW | KEY_ACCESS | KEY_DELETE),
      history: [['6.0.0', '`timeout` may have a fraction.']],
    },
    (call, args, reply) => blockingPop(call, args, head, reply),
  )
}

export const blpop = blockingPopCommand(true)
export const brpop = blockingPopCommand(false)

export const blmpop = command(
  {
    name: 'BLMPOP',
    arity: -5,
    flags: WRITE | BLOCKING | MOVABLE_KEYS,
    since: '7.0.0',
    group: 'list',
    summary:
      'Takes elements from an end of the first of several lists that has some; waits for one if none has.',
    complexity: 'O(N+M) with N keys and M elements taken',
    syntax: 'timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    keys: [
      {
        flags: KEY_RW | KEY_ACCESS | KEY_DELETE,
        begin: { index: 2 },
        find: { keyNumber: 0, firstKey: 1, step: 1 },
      },
    ],
  },
  (call, args, reply) => {
    const wish = readPopWish(args, 2, 'left', 'right', reply)
    if (wish === null) return
    const deadline_ms = readDeadline(call, args, 1, reply)
    if (Number.isNaN(deadline_ms) || popFirst(call, args, wish, reply)) return
    waitOrNone(call, args, { type: LIST, firstKey: wish.firstKey, keys: wish.keys, deadline_ms }, reply)
  },
)

/** Moves an element, or waits for one. True where it was moved. */
function blockingMove(
  call: Call,
  args: Args,
  fromHead: boolean,
  toHead: boolean,
  deadline_ms: number,
  reply: Reply,
): boolean {
  if (move(call, args, fromHead, toHead, reply)) return call.dirty > 0
  if (mayWait(call)) waitForKeys(call, args, { type: LIST, firstKey: 1, keys: 1, deadline_ms })
  else reply.nil()
  return false
}

const BLOCKING_MOVE = {
  flags: WRITE | DENYOOM | BLOCKING,
  group: 'list',
  complexity: 'O(1)',
  keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE), ...keyAt(2, KEY_RW | KEY_INSERT)],
} as const

export const blmove = command(
  {
    ...BLOCKING_MOVE,
    name: 'BLMOVE',
    arity: 6,
    since: '6.2.0',
    summary: 'Takes an element from an end of one list, once it has one, and adds it at an end of another.',
    syntax: 'source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout',
  },
  (call, args, reply) => {
    const fromHead = readEnd(args, 3, reply)
    if (fromHead === null) return
    const toHead = readEnd(args, 4, reply)
    if (toHead === null) return
    const deadline_ms = readDeadline(call, args, 5, reply)
    if (Number.isNaN(deadline_ms) || !blockingMove(call, args, fromHead, toHead, deadline_ms, reply)) return
    call.propagate(LMOVE_NAME, args.copy(1), args.copy(2), args.copy(3), args.copy(4))
  },
)

export const brpoplpush = command(
  {
    ...BLOCKING_MOVE,
    name: 'BRPOPLPUSH',
    arity: 4,
    since: '2.2.0',
    summary: 'Takes the last element of one list, once it has one, and adds it at the beginning of another.',
    syntax: 'source destination timeout',
    history: [['6.0.0', '`timeout` may have a fraction.']],
    deprecated: { since: '6.2.0', replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments' },
  },
  (call, args, reply) => {
    const deadline_ms = readDeadline(call, args, 3, reply)
    if (Number.isNaN(deadline_ms) || !blockingMove(call, args, false, true, deadline_ms, reply)) return
    call.propagate(RPOPLPUSH_NAME, args.copy(1), args.copy(2))
  },
)

export const BLOCKING_LIST_FAMILY = [blpop, brpop, blmpop, blmove, brpoplpush]
