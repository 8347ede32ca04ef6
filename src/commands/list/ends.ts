/** LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LMPOP, LMOVE, RPOPLPUSH: the ends of lists. What waits for them: blocking.ts. */

import { LIST } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, putNew, removeEmpty, WRONG } from '../collection.js'
import {
  type Command,
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_RW,
  keyAt,
  MOVABLE_KEYS,
  WRITE,
} from '../command.js'
import { SYNTAX } from '../errors.js'
import { NOTIFY_LIST } from '../host.js'
import { integerBytes, nearInteger } from '../int64.js'
import { type PopWish, readPopWish } from '../pop-wish.js'

/** What a bulk string ends with. */
const LINE_END_BYTES = 2

export const LPOP_NAME = Uint8Array.of(0x4c, 0x50, 0x4f, 0x50)
export const RPOP_NAME = Uint8Array.of(0x52, 0x50, 0x4f, 0x50)

function push(call: Call, args: Args, head: boolean, onlyIfThere: boolean, reply: Reply): void {
  const { lists } = call.keyspace
  let handle = collectionToChange(call, args, 1, LIST, reply)
  if (handle === WRONG) return
  if (handle === 0 && onlyIfThere) {
    reply.int(0)
    return
  }
  if (handle === 0) handle = putNew(call, args, 1, lists.create())
  const isSmall = lists.isSmall(handle)
  if (isSmall && args.count === 3) {
    reply.int(lists.pushOne(handle, head, args.buf, args.start(2), args.end(2)))
  } else if (isSmall) {
    let bytes = 0
    for (let i = 2; i < args.count; i++) bytes += args.length(i)
    lists.makeRoom(handle, bytes, args.count - 2)
    for (let i = 2; i < args.count; i++) lists.push(handle, head, args.buf, args.start(i), args.end(i))
    reply.int(lists.size(handle))
  } else {
    const list = lists.quicklist(handle)
    for (let i = 2; i < args.count; i++) {
      if (head) list.pushHead(args.buf, args.start(i), args.end(i))
      else list.pushTail(args.buf, args.start(i), args.end(i))
    }
    reply.int(list.size)
  }
  collectionChanged(call, args, 1, NOTIFY_LIST, head ? 'lpush' : 'rpush', args.count - 2)
}

function pushCommand(head: boolean, onlyIfThere: boolean): Command {
  const end = head ? 'beginning' : 'end'
  return command(
    {
      name: `${head ? 'L' : 'R'}PUSH${onlyIfThere ? 'X' : ''}`,
      arity: -3,
      flags: WRITE | DENYOOM | FAST,
      since: onlyIfThere ? '2.2.0' : '1.0.0',
      group: 'list',
      summary: `Adds elements at the ${end} of a list${onlyIfThere ? ', if there is one' : ''}; replies with its length.`,
      complexity: 'O(N) with N elements to be added',
      syntax: 'key element [element ...]',
      keys: firstKey(KEY_RW | KEY_INSERT),
      history: [[onlyIfThere ? '4.0.0' : '2.4.0', 'Takes several elements.']],
    },
    (call, args, reply) => push(call, args, head, onlyIfThere, reply),
  )
}

export const lpush = pushCommand(true, false)
export const rpush = pushCommand(false, false)
export const lpushx = pushCommand(true, true)
export const rpushx = pushCommand(false, true)

/** After elements were taken out of the list of argument `index` at an end. */
function popped(call: Call, args: Args, index: number, handle: number, head: boolean, count: number): void {
  const { lists } = call.keyspace
  collectionChanged(call, args, index, NOTIFY_LIST, head ? 'lpop' : 'rpop', count)
  if (lists.size(handle) === 0) removeEmpty(call, args, index)
  else lists.settle(handle, true)
}

/** Replies with an array of up to `count` elements from an end, and takes them out. Returns how many there were. */
function popMany(
  call: Call,
  args: Args,
  index: number,
  handle: number,
  head: boolean,
  count: number,
  reply: Reply,
): number {
  const { lists } = call.keyspace
  const { element } = lists
  const size = lists.size(handle)
  const many = Math.min(count, size)
  reply.array(many)
  let left = many
  lists.walk(handle, head ? 0 : size - 1, !head, () => {
    reply.bulkRange(element.buf, element.start, element.end)
    return --left > 0
  })
  lists.delete(handle, head ? 0 : size - many, many)
  popped(call, args, index, handle, head, many)
  return many
}

/** Replies with the element at an end, which there is, and takes it out. */
export function popOne(
  call: Call,
  args: Args,
  index: number,
  handle: number,
  head: boolean,
  reply: Reply,
): void {
  const { lists } = call.keyspace
  const { element } = lists
  if (lists.isSmall(handle)) {
    lists.showEnd(handle, head)
    reply.bulkRange(element.buf, element.start, element.end)
    const left = lists.dropEnd(handle, head)
    collectionChanged(call, args, index, NOTIFY_LIST, head ? 'lpop' : 'rpop', 1)
    if (left === 0) removeEmpty(call, args, index)
    return
  }
  const list = lists.quicklist(handle)
  list.showEnd(head, element)
  reply.bulkRange(element.buf, element.start, element.end)
  list.dropEnd(head)
  if (list.nodes > 1) collectionChanged(call, args, index, NOTIFY_LIST, head ? 'lpop' : 'rpop', 1)
  else popped(call, args, index, handle, head, 1)
}

function pop(call: Call, args: Args, head: boolean, reply: Reply): void {
  if (args.count > 3) {
    reply.error(`ERR wrong number of arguments for '${head ? 'lpop' : 'rpop'}' command`)
    return
  }
  const withCount = args.count === 3
  const count = withCount ? nearInteger(args, 2) : 1
  if (!(count >= 0)) {
    reply.error('ERR value is out of range, must be positive')
    return
  }
  const handle = collectionToChange(call, args, 1, LIST, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    if (withCount) reply.nilArray()
    else reply.nil()
  } else if (count === 0) reply.array(0)
  else if (withCount) popMany(call, args, 1, handle, head, count, reply)
  else popOne(call, args, 1, handle, head, reply)
}

function popCommand(head: boolean): Command {
  return command(
    {
      name: head ? 'LPOP' : 'RPOP',
      arity: -2,
      flags: WRITE | FAST,
      since: '1.0.0',
      group: 'list',
      summary: `Takes elements from the ${head ? 'beginning' : 'end'} of a list, and the list with its last one.`,
      complexity: 'O(N) with N elements taken',
      syntax: 'key [count]',
      keys: firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE),
      history: [['6.2.0', 'Takes a count.']],
    },
    (call, args, reply) => pop(call, args, head, reply),
  )
}

export const lpop = popCommand(true)
export const rpop = popCommand(false)

/** Whether argument `index` says LEFT (true) or RIGHT; null after an error was replied. */
export function readEnd(args: Args, index: number, reply: Reply): boolean | null {
  if (args.is(index, 'left')) return true
  if (args.is(index, 'right')) return false
  reply.error(SYNTAX)
  return null
}

/** Pops from the first of the lists that has something and replies; false, without a reply, where none has. */
export function popFirst(call: Call, args: Args, wish: PopWish, reply: Reply): boolean {
  const { firstKey, keys, first: head, count } = wish
  for (let i = firstKey; i < firstKey + keys; i++) {
    const handle = collectionToChange(call, args, i, LIST, reply)
    if (handle === WRONG) return true
    if (handle === 0) continue
    const key = args.copy(i)
    reply.array(2)
    reply.bulk(key)
    const many = popMany(call, args, i, handle, head, count, reply)
    call.propagate(head ? LPOP_NAME : RPOP_NAME, key, integerBytes(many))
    return true
  }
  return false
}

export const lmpop = command(
  {
    name: 'LMPOP',
    arity: -4,
    flags: WRITE | MOVABLE_KEYS,
    since: '7.0.0',
    group: 'list',
    summary: 'Takes elements from an end of the first of several lists that has some.',
    complexity: 'O(N+M) with N keys and M elements taken',
    syntax: 'numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    keys: [
      {
        flags: KEY_RW | KEY_ACCESS | KEY_DELETE,
        begin: { index: 1 },
        find: { keyNumber: 0, firstKey: 1, step: 1 },
      },
    ],
  },
  (call, args, reply) => {
    const wish = readPopWish(args, 1, 'left', 'right', reply)
    if (wish !== null && !popFirst(call, args, wish, reply)) reply.nilArray()
  },
)

/**
 * Moves an element from the list of argument 1 to that of argument 2 and replies with it, or with an error; false, without a
 * reply, where there is none to move.
 */
export function move(call: Call, args: Args, fromHead: boolean, toHead: boolean, reply: Reply): boolean {
  const { lists } = call.keyspace
  const from = collectionToChange(call, args, 1, LIST, reply)
  if (from === WRONG) return true
  if (from === 0) return false
  let to = collectionToChange(call, args, 2, LIST, reply)
  if (to === WRONG) return true
  lists.showEnd(from, fromHead)
  const { element } = lists
  const { length } = element
  reply.bulkRange(element.buf, element.start, element.end)
  // From here on the element stands in the reply alone.
  const { buf } = reply
  const end = reply.pos - LINE_END_BYTES
  lists.dropEnd(from, fromHead)
  if (to === 0) to = putNew(call, args, 2, lists.create())
  lists.makeRoom(to, length, 1)
  lists.push(to, toHead, buf, end - length, end)
  collectionChanged(call, args, 2, NOTIFY_LIST, toHead ? 'lpush' : 'rpush', 0)
  popped(call, args, 1, from, fromHead, 1)
  return true
}

const MOVE = {
  flags: WRITE | DENYOOM,
  group: 'list',
  complexity: 'O(1)',
  keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE), ...keyAt(2, KEY_RW | KEY_INSERT)],
} as const

export const lmove = command(
  {
    ...MOVE,
    name: 'LMOVE',
    arity: 5,
    since: '6.2.0',
    summary: 'Takes an element from an end of one list and adds it at an end of another.',
    syntax: 'source destination <LEFT | RIGHT> <LEFT | RIGHT>',
  },
  (call, args, reply) => {
    const fromHead = readEnd(args, 3, reply)
    if (fromHead === null) return
    const toHead = readEnd(args, 4, reply)
    if (toHead !== null && !move(call, args, fromHead, toHead, reply)) reply.nil()
  },
)

export const rpoplpush = command(
  {
    ...MOVE,
    name: 'RPOPLPUSH',
    arity: 3,
    since: '1.2.0',
    summary: 'Takes the last element of one list and adds it at the beginning of another.',
    syntax: 'source destination',
    deprecated: { since: '6.2.0', replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments' },
  },
  (call, args, reply) => {
    if (!move(call, args, false, true, reply)) reply.nil()
  },
)

export const LIST_END_FAMILY = [lpush, rpush, lpushx, rpushx, lpop, rpop, lmpop, lmove, rpoplpush]
