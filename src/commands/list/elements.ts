/** LLEN, LINDEX, LRANGE, LPOS, LSET, LINSERT, LREM, LTRIM: elements anywhere in a list. */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { LP_HEADER_BYTES, lpSeek } from '../../keyspace/collections/listpack.js'
import { sameBytes } from '../../keyspace/collections/piece.js'
import type { Quicklist } from '../../keyspace/collections/quicklist.js'
import { refOf } from '../../keyspace/collections/value.js'
import { LIST } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  collectionChanged,
  collectionToChange,
  collectionToRead,
  readRandomCount,
  removeEmpty,
  WRONG,
} from '../collection.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NO_SUCH_KEY, NOT_AN_INTEGER, OUT_OF_RANGE, SYNTAX } from '../errors.js'
import { NOTIFY_LIST } from '../host.js'
import { nearInteger } from '../int64.js'
import { replyElements } from '../listpack-reply.js'

/** Argument `index` as a position; NaN after an error was replied. */
function readPosition(args: Args, index: number, reply: Reply): number {
  const position = nearInteger(args, index)
  if (Number.isNaN(position)) reply.error(NOT_AN_INTEGER)
  return position
}

function replyElement(call: Call, reply: Reply): void {
  const { element } = call.keyspace.lists
  reply.bulkRange(element.buf, element.start, element.end)
}

export const llen = command(
  {
    name: 'LLEN',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'list',
    summary: 'Counts the elements of a list.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, LIST, reply)
    if (handle !== WRONG) reply.int(handle === 0 ? 0 : call.keyspace.lists.size(handle))
  },
)

export const lindex = command(
  {
    name: 'LINDEX',
    arity: 3,
    flags: READONLY,
    since: '1.0.0',
    group: 'list',
    summary: 'Returns the element of an index; negative ones count from the end.',
    complexity: 'O(N) with N elements to the nearer end',
    syntax: 'key index',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.nil()
      return
    }
    const { lists } = call.keyspace
    const index = readPosition(args, 2, reply)
    if (Number.isNaN(index)) return
    if (lists.at(handle, index < 0 ? index + lists.size(handle) : index)) replyElement(call, reply)
    else reply.nil()
  },
)

/** The range of two positions in a list of `size` elements: its start and how many there are. */
function rangeOf(from: number, to: number, size: number): [number, number] {
  const start = Math.max(0, from < 0 ? from + size : from)
  const end = Math.min(size - 1, to < 0 ? to + size : to)
  return start > end || start >= size ? [0, 0] : [start, end - start + 1]
}

/** Replies with `count` elements from an index on, which are there, of a small list. */
function replySmall(call: Call, handle: number, start: number, count: number, reply: Reply): void {
  const { heap, lists } = call.keyspace
  const ref = refOf(call.db.entries, handle)
  const u8 = heap.u8[chunkOf(ref)]!
  const base = byteOf(ref)
  replyElements(reply, u8, base, lpSeek(u8, base, start), count, lists.element)
}

/** As `replySmall`, of a large list: node by node. */
function replyLarge(call: Call, list: Quicklist, start: number, count: number, reply: Reply): void {
  const { lists } = call.keyspace
  let node = list.nodeOf(start)
  let at = list.offsetInNode()
  let left = count
  for (;;) {
    const u8 = list.bytesOf(node)
    const base = list.start(node)
    if (list.isPlain(node)) {
      reply.bulkRange(u8, base, base + list.contentBytes(node))
      left--
    } else left -= replyElements(reply, u8, base, at, left, lists.element)
    if (left <= 0) return
    node = list.behind(node)
    at = LP_HEADER_BYTES
  }
}

export const lrange = command(
  {
    name: 'LRANGE',
    arity: 4,
    flags: READONLY,
    since: '1.0.0',
    group: 'list',
    summary: 'Returns the elements between two indexes, both included.',
    complexity: 'O(S+N) with S elements to the nearer end and N in the range',
    syntax: 'key start stop',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const from = readPosition(args, 2, reply)
    if (Number.isNaN(from)) return
    const to = readPosition(args, 3, reply)
    if (Number.isNaN(to)) return
    const handle = collectionToRead(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    const { lists } = call.keyspace
    const [start, count] = handle === 0 ? [0, 0] : rangeOf(from, to, lists.size(handle))
    reply.array(count)
    if (count === 0) return
    if (lists.isSmall(handle)) replySmall(call, handle, start, count, reply)
    else replyLarge(call, lists.quicklist(handle), start, count, reply)
  },
)

interface Search {
  rank: number
  /** How many matches are wanted, 0 for all; -1 where nothing was said. */
  count: number
  /** How many elements are compared, 0 for all. */
  most: number
}

const ZERO_RANK =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"

function readSearch(args: Args, reply: Reply): Search | null {
  const search: Search = { rank: 1, count: -1, most: 0 }
  for (let i = 3; i < args.count; i += 2) {
    const more = i + 1 < args.count
    if (args.is(i, 'rank') && more) {
      search.rank = readRandomCount(args, i + 1, reply)
      if (Number.isNaN(search.rank)) return null
      if (search.rank !== 0) continue
      reply.error(ZERO_RANK)
      return null
    }
    const isCount = args.is(i, 'count')
    if (!more || !(isCount || args.is(i, 'maxlen'))) {
      reply.error(SYNTAX)
      return null
    }
    const number = nearInteger(args, i + 1)
    if (!(number >= 0)) {
      reply.error(`ERR ${isCount ? 'COUNT' : 'MAXLEN'} can't be negative`)
      return null
    }
    if (isCount) search.count = number
    else search.most = number
  }
  return search
}

export const lpos = command(
  {
    name: 'LPOS',
    arity: -3,
    flags: READONLY,
    since: '6.0.6',
    group: 'list',
    summary: 'Returns where in a list an element stands.',
    complexity: 'O(N) with N elements compared',
    syntax: 'key element [RANK rank] [COUNT num-matches] [MAXLEN len]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const search = readSearch(args, reply)
    if (search === null) return
    const handle = collectionToRead(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    const { lists } = call.keyspace
    const { rank, count, most } = search
    const backwards = rank < 0
    const size = handle === 0 ? 0 : lists.size(handle)
    const mark = reply.length
    let passed = 0
    let toSkip = Math.abs(rank) - 1
    let found = 0
    const take = (index: number): boolean => {
      if (toSkip-- > 0) return true
      found++
      reply.int(index)
      return count !== -1 && found !== count
    }
    if (size > 0 && !backwards) {
      lists.forEachEqual(handle, most === 0 ? size : most, args.buf, args.start(2), args.end(2), take)
    } else if (size > 0) {
      lists.walk(handle, size - 1, true, () => {
        const index = size - ++passed
        if (sameBytes(lists.element, args.buf, args.start(2), args.end(2)) && !take(index)) return false
        return most === 0 || passed < most
      })
    }
    if (count !== -1) reply.arrayAt(mark, found)
    else if (found === 0) reply.nil()
  },
)

export const lset = command(
  {
    name: 'LSET',
    arity: 4,
    flags: WRITE | DENYOOM,
    since: '1.0.0',
    group: 'list',
    summary: 'Puts an element in the place of the one of an index.',
    complexity: 'O(N) with N elements to the nearer end',
    syntax: 'key index element',
    keys: firstKey(KEY_RW | KEY_UPDATE),
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.error(NO_SUCH_KEY)
      return
    }
    const position = readPosition(args, 2, reply)
    if (Number.isNaN(position)) return
    const { lists } = call.keyspace
    const size = lists.size(handle)
    const index = position < 0 ? position + size : position
    lists.makeRoom(handle, args.length(3), 1)
    if (index < 0 || index >= size) {
      reply.error(OUT_OF_RANGE)
      return
    }
    lists.set(handle, index, args.buf, args.start(3), args.end(3))
    lists.settle(handle, true)
    collectionChanged(call, args, 1, NOTIFY_LIST, 'lset', 1)
    reply.ok()
  },
)

export const linsert = command(
  {
    name: 'LINSERT',
    arity: 5,
    flags: WRITE | DENYOOM,
    since: '2.2.0',
    group: 'list',
    summary:
      'Adds an element in front of or behind the first one that equals another; replies with the length.',
    complexity: 'O(N) with N elements in front of it',
    syntax: 'key <BEFORE | AFTER> pivot element',
    keys: firstKey(KEY_RW | KEY_INSERT),
  },
  (call, args, reply) => {
    const after = args.is(2, 'after')
    if (!after && !args.is(2, 'before')) {
      reply.error(SYNTAX)
      return
    }
    const handle = collectionToChange(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(0)
      return
    }
    const { lists } = call.keyspace
    lists.makeRoom(handle, args.length(4), 1)
    let index = -1
    lists.forEachEqual(handle, lists.size(handle), args.buf, args.start(3), args.end(3), (found) => {
      index = found
      return false
    })
    if (index < 0) {
      reply.int(-1)
      return
    }
    lists.insert(handle, after ? index + 1 : index, args.buf, args.start(4), args.end(4))
    collectionChanged(call, args, 1, NOTIFY_LIST, 'linsert', 1)
    reply.int(lists.size(handle))
  },
)

export const lrem = command(
  {
    name: 'LREM',
    arity: 4,
    flags: WRITE,
    since: '1.0.0',
    group: 'list',
    summary: 'Removes elements that equal one, from the beginning or, with a negative count, from the end.',
    complexity: 'O(N) with N elements',
    syntax: 'key count element',
    keys: firstKey(KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    const count = readPosition(args, 2, reply)
    if (Number.isNaN(count)) return
    const handle = collectionToChange(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(0)
      return
    }
    const { lists } = call.keyspace
    const most = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count)
    const removed = lists.remove(handle, most, count < 0, args.buf, args.start(3), args.end(3))
    if (removed > 0) {
      collectionChanged(call, args, 1, NOTIFY_LIST, 'lrem', removed)
      if (lists.size(handle) === 0) removeEmpty(call, args, 1)
      else lists.settle(handle, true)
    }
    reply.int(removed)
  },
)

export const ltrim = command(
  {
    name: 'LTRIM',
    arity: 4,
    flags: WRITE,
    since: '1.0.0',
    group: 'list',
    summary: 'Removes all elements but those between two indexes, both included.',
    complexity: 'O(N) with N elements to be removed',
    syntax: 'key start stop',
    keys: firstKey(KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    const from = readPosition(args, 2, reply)
    if (Number.isNaN(from)) return
    const to = readPosition(args, 3, reply)
    if (Number.isNaN(to)) return
    const handle = collectionToChange(call, args, 1, LIST, reply)
    if (handle === WRONG) return
    if (handle !== 0) {
      const { lists } = call.keyspace
      const size = lists.size(handle)
      const [start, count] = rangeOf(from, to, size)
      lists.delete(handle, start + count, size - start - count)
      lists.delete(handle, 0, start)
      collectionChanged(call, args, 1, NOTIFY_LIST, 'ltrim', size - count)
      if (count === 0) removeEmpty(call, args, 1)
      else lists.settle(handle, true)
    }
    reply.ok()
  },
)

export const LIST_ELEMENT_FAMILY = [llen, lindex, lrange, lpos, lset, linsert, lrem, ltrim]
