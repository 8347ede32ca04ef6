/**
 * SORT, SORT_RO: the elements of a list, a set or a sorted set in another order, or other values in their place. The elements are
 * copied into one buffer, sorted by their numbers, and then shown or stored.
 */

import { Piece } from '../../keyspace/collections/piece.js'
import { attach } from '../../keyspace/collections/value.js'
import { LIST, NO_EXPIRY, SET, ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  type KeyFinder,
  type KeySpec,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX, WRONGTYPE } from '../errors.js'
import { NOTIFY_GENERIC, NOTIFY_LIST, NOTIFY_NEW } from '../host.js'
import { nearInteger } from '../int64.js'
import { findKey, readKey } from '../lookup.js'
import {
  fewOf,
  NO_INTEGERS,
  NO_NUMBER,
  orderIntegers,
  orderTexts,
  replyIntegers,
  replyTexts,
  SORTED as SORTED_FEW,
} from './sort-few.js'
import { inOrder, type Keys, orderByBytes, orderByKeys, orderByScore, Strings } from './sort-order.js'
import type { Pattern } from './sort-pattern.js'
import { scoreOf } from './sort-score.js'

interface Request {
  descending: boolean
  alpha: boolean
  offset: number
  /** Negative for all. */
  count: number
  /** The last BY; null for none. */
  by: Pattern | null
  /** One of the BYs names the same for every element: nothing is to be sorted. */
  unsorted: boolean
  readonly get: Pattern[]
  /** The argument with the key to store under, 0 for none. */
  store: number
}

const NO_DOUBLE = "ERR One or more scores can't be converted into double"

/** Why the keys that patterns name may not be read; '' where they may. */
function denial(call: Call, option: string): string {
  if (call.keyspace.cluster) return `ERR ${option} option of SORT denied in Cluster mode.`
  if (call.host.readsAnyKey?.(call.caller) === false) {
    return `ERR ${option} option of SORT denied due to insufficient ACL permissions.`
  }
  return ''
}

function readLimit(args: Args, i: number, request: Request, reply: Reply): number {
  request.offset = nearInteger(args, i + 1)
  request.count = Number.isNaN(request.offset) ? Number.NaN : nearInteger(args, i + 2)
  if (!Number.isNaN(request.count)) return i + 3
  reply.error(NOT_AN_INTEGER)
  return 0
}

/** Reads the option in argument `i`; where the next one stands, 0 after an error was replied. */
function readOption(
  call: Call,
  args: Args,
  i: number,
  request: Request,
  stores: boolean,
  reply: Reply,
): number {
  const left = args.count - i - 1
  if (args.is(i, 'asc')) request.descending = false
  else if (args.is(i, 'desc')) request.descending = true
  else if (args.is(i, 'alpha')) request.alpha = true
  else if (left >= 2 && args.is(i, 'limit')) return readLimit(args, i, request, reply)
  else if (stores && left >= 1 && args.is(i, 'store')) {
    request.store = i + 1
    return i + 2
  } else if (left >= 1 && (args.is(i, 'by') || args.is(i, 'get'))) {
    const isGet = args.is(i, 'get')
    const pattern = call.sorting.pattern(args.buf, args.start(i + 1), args.end(i + 1))
    const problem = isGet || pattern.hasStar ? denial(call, isGet ? 'GET' : 'BY') : ''
    if (problem !== '') {
      reply.error(problem)
      return 0
    }
    if (isGet) request.get.push(pattern)
    else {
      request.by = pattern
      request.unsorted = request.unsorted || !pattern.hasStar
    }
    return i + 2
  } else {
    reply.error(SYNTAX)
    return 0
  }
  return i + 1
}

/** What is asked for without options. */
const PLAIN: Readonly<Request> = plainRequest()

function plainRequest(): Request {
  return {
    descending: false,
    alpha: false,
    offset: 0,
    count: -1,
    by: null,
    unsorted: false,
    get: [],
    store: 0,
  }
}

function readRequest(call: Call, args: Args, stores: boolean, reply: Reply): Readonly<Request> | null {
  if (args.count === 2) return PLAIN
  const request = plainRequest()
  for (let i = 2; i < args.count; ) {
    i = readOption(call, args, i, request, stores, reply)
    if (i === 0) return null
  }
  return request
}

/** Positions [from, to] of `size` elements that LIMIT leaves; `to` is less than `from` for none. */
function limited({ offset, count }: Request, size: number): { from: number; to: number } {
  const from = Math.min(Math.max(offset, 0), size)
  const many = Math.min(Math.max(count, -1), size)
  if (from >= size) return { from: size - 1, to: size - 2 }
  return { from, to: many < 0 ? size - 1 : Math.min(from + many - 1, size - 1) }
}

function sizeOf(call: Call, handle: number, type: number): number {
  const { lists, sets, zsets } = call.keyspace
  if (handle === 0) return 0
  if (type === LIST) return lists.size(handle)
  return type === SET ? sets.size(handle) : zsets.size(handle)
}

/** All elements of a list, set or sorted set. */
function loadAll(call: Call, handle: number, type: number, elements: Strings): void {
  const { lists, sets, zsets } = call.keyspace
  if (handle === 0) return
  const { element } = lists
  const { member } = type === SET ? sets : zsets
  if (type === LIST) lists.forEach(handle, () => elements.add(element.buf, element.start, element.end))
  else if (type === SET) sets.forEach(handle, () => elements.add(member.buf, member.start, member.end))
  else zsets.forEach(handle, () => elements.add(member.buf, member.start, member.end))
}

/** The elements of positions [from, to] of a list or sorted set in its own order, or backwards. */
function loadRange(
  call: Call,
  handle: number,
  type: number,
  from: number,
  to: number,
  backwards: boolean,
  elements: Strings,
): void {
  const { lists, zsets } = call.keyspace
  let left = to - from + 1
  if (handle === 0 || left <= 0) return
  if (type === LIST) {
    const { element } = lists
    const start = backwards ? lists.size(handle) - 1 - from : from
    lists.walk(handle, start, backwards, () => {
      elements.add(element.buf, element.start, element.end)
      return --left > 0
    })
    return
  }
  const { member } = zsets
  const first = backwards ? zsets.size(handle) - 1 - to : from
  zsets.range(handle, first, first + left, backwards, () => {
    elements.add(member.buf, member.start, member.end)
  })
}

/** The numbers to sort by, at least as many as there are elements: 0 where a pattern names nothing; null where one is none. */
function loadScores(call: Call, elements: Strings, by: Pattern | null): Float64Array | null {
  const { count } = elements
  const { sorting } = call
  const scores = new Float64Array(count)
  const { value } = sorting
  let valid = true
  for (let i = 0; i < count; i++) {
    const start = elements.start(i)
    const end = elements.end(i)
    if (by === null) value.range(elements.buf, start, end)
    else if (!by.lookUp(call, elements.buf, start, end, value)) {
      scores[i] = 0
      continue
    }
    const score = scoreOf(value.buf, value.start, value.end)
    if (Number.isNaN(score)) valid = false
    scores[i] = score
  }
  return valid ? scores : null
}

/** The strings to sort by. */
function loadKeys(call: Call, elements: Strings, by: Pattern): Keys {
  const { count } = elements
  const strings = new Strings(count)
  const of = new Int32Array(count).fill(-1)
  const value = new Piece()
  for (let i = 0; i < count; i++) {
    if (!by.lookUp(call, elements.buf, elements.start(i), elements.end(i), value)) continue
    of[i] = strings.count
    strings.add(value.buf, value.start, value.end)
  }
  return { strings, of }
}

/** The elements' numbers in the order that is asked for; null where what is to be a number is none. */
function ordered(
  call: Call,
  request: Request,
  elements: Strings,
  from: number,
  to: number,
): Int32Array | null {
  const { descending, by } = request
  const asTexts = request.store === 0
  if (!request.alpha) {
    const scores = loadScores(call, elements, by)
    if (scores === null) return null
    return orderByScore(elements, scores, descending)
  }
  if (by === null) return orderByBytes(elements, descending, asTexts)
  return orderByKeys(loadKeys(call, elements, by), descending, asTexts, from, to)
}

/** Shows what is to be returned for each element, null for nothing. */
function forEachResult(
  call: Call,
  request: Request,
  elements: Strings,
  chosen: Int32Array,
  visit: (value: Piece | null) => void,
): void {
  const { value } = call.sorting
  for (let i = 0; i < chosen.length; i++) {
    const index = chosen[i]!
    const start = elements.start(index)
    const end = elements.end(index)
    if (request.get.length === 0) {
      value.range(elements.buf, start, end)
      visit(value)
    }
    for (const pattern of request.get) {
      visit(pattern.lookUp(call, elements.buf, start, end, value) ? value : null)
    }
  }
}

function store(
  call: Call,
  args: Args,
  request: Request,
  elements: Strings,
  chosen: Int32Array,
  reply: Reply,
): void {
  const { lists } = call.keyspace
  const many = chosen.length * Math.max(1, request.get.length)
  if (many === 0) {
    storeNothing(call, args, request.store, reply)
    return
  }
  const { buf } = args
  const start = args.start(request.store)
  const made = lists.createLarge()
  forEachResult(call, request, elements, chosen, (value) => {
    if (value === null) lists.push(made, false, buf, start, start)
    else lists.push(made, false, value.buf, value.start, value.end)
  })
  lists.settle(made, false)
  putList(call, args, request.store, made, many, reply)
}

/** Removes the key of argument `index`, since there is nothing to be stored. */
function storeNothing(call: Call, args: Args, index: number, reply: Reply): void {
  const start = args.start(index)
  const end = args.end(index)
  reply.int(0)
  if (!call.db.delete(args.buf, start, end)) return
  call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
  call.dirty++
}

/** Puts the list of a bare entry under the key of argument `index`. */
function putList(call: Call, args: Args, index: number, made: number, many: number, reply: Reply): void {
  const { db } = call
  const { buf } = args
  const start = args.start(index)
  const end = args.end(index)
  reply.int(many)
  const known = findKey(call, args, index) !== 0
  attach(db, buf, start, end, made, NO_EXPIRY)
  if (!known) call.notify(NOTIFY_NEW, 'new', buf, start, end)
  call.notify(NOTIFY_LIST, 'sortstore', buf, start, end)
  call.dirty += many
  call.host.keyReady(db, buf, start, end)
}

/** The elements that are wanted, and their numbers in order; null after an error was replied. */
function sorted(
  call: Call,
  request: Request,
  handle: number,
  type: number,
  elements: Strings,
  reply: Reply,
): Int32Array | null {
  const { from, to } = limited(request, sizeOf(call, handle, type))
  if (request.unsorted && type !== SET) {
    loadRange(call, handle, type, from, to, request.descending, elements)
    return inOrder(elements.count)
  }
  loadAll(call, handle, type, elements)
  const order = request.unsorted ? inOrder(elements.count) : ordered(call, request, elements, from, to)
  if (order !== null) return order.subarray(Math.max(0, from), Math.max(0, from, to + 1))
  reply.error(NO_DOUBLE)
  return null
}

/** Whether a small collection can be sorted as asked for without anything being made for it. */
function isForFew({ unsorted, alpha, by, get, store }: Request): boolean {
  return !unsorted && (!alpha || by === null) && (store === 0 || get.length === 0)
}

/** Sorts a small collection, and shows or stores it; false where it is not small, and nothing was done. */
function sortFew(
  call: Call,
  args: Args,
  request: Request,
  handle: number,
  type: number,
  reply: Reply,
): boolean {
  const { few, pack } = call.sorting
  const { descending, store } = request
  const ref = fewOf(call, handle, request)
  if (ref === 0) return false
  const { from, to } = limited(request, sizeOf(call, handle, type))
  if (store !== 0 && from > to) return false
  const isPlain = request.by === null && request.get.length === 0 && !request.alpha
  const count = isPlain ? orderIntegers(call, few, handle, ref) : NO_INTEGERS
  if (count === NO_INTEGERS) {
    const outcome = orderTexts(call, few, handle, ref, request)
    if (outcome === NO_NUMBER) reply.error(NO_DOUBLE)
    if (outcome !== SORTED_FEW) return outcome === NO_NUMBER
  }
  if (store === 0) {
    if (count === NO_INTEGERS) replyTexts(call, few, request, from, to, reply)
    else replyIntegers(few, count, descending, from, to, reply)
    return true
  }
  const made =
    count === NO_INTEGERS
      ? pack.texts(call, few, from, to)
      : pack.integers(call, few, count, descending, from, to)
  if (made === 0) return false
  putList(call, args, store, made, to - from + 1, reply)
  return true
}

function sortOf(call: Call, args: Args, stores: boolean, reply: Reply): void {
  let request = readRequest(call, args, stores, reply)
  if (request === null) return
  const handle = readKey(call, args, 1)
  const type = handle === 0 ? LIST : call.db.entries.type(handle)
  if (type !== LIST && type !== SET && type !== ZSET) {
    reply.error(WRONGTYPE)
    return
  }
  if (request.unsorted && type === SET && (request.store !== 0 || call.caller.inScript === true)) {
    // A set has no order of its own, and what is stored must be the same list everywhere.
    request = { ...request, unsorted: false, alpha: true, by: null }
  }
  if (handle !== 0 && isForFew(request) && sortFew(call, args, request, handle, type, reply)) return
  const elements = call.sorting.begin(sizeOf(call, handle, type))
  const chosen = sorted(call, request, handle, type, elements, reply)
  if (chosen === null) return
  if (request.store !== 0) {
    store(call, args, request, elements, chosen, reply)
    return
  }
  reply.array(chosen.length * Math.max(1, request.get.length))
  if (request.get.length === 0) {
    for (let i = 0; i < chosen.length; i++) {
      const index = chosen[i]!
      reply.bulkRange(elements.buf, elements.start(index), elements.end(index))
    }
    return
  }
  forEachResult(call, request, elements, chosen, (value) => {
    if (value === null) reply.nil()
    else reply.bulkRange(value.buf, value.start, value.end)
  })
}

/** The key to sort, and of STORE, which may stand anywhere, the last. */
const findSortKeys: KeyFinder = (args, push) => {
  push(1, KEY_RO | KEY_ACCESS)
  let stored = 0
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'limit')) i += 2
    else if (args.is(i, 'get') || args.is(i, 'by')) i++
    else if (i + 1 < args.count && args.is(i, 'store')) stored = i + 1
  }
  if (stored !== 0) push(stored, KEY_OW | KEY_UPDATE)
}

const somewhere = (flags: number): KeySpec => ({ flags, begin: { unknown: true }, find: { unknown: true } })
const SORTED = [...firstKey(KEY_RO | KEY_ACCESS), somewhere(KEY_RO | KEY_ACCESS)]
const OPTIONS = '[BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]'
const COMMON = {
  arity: -2,
  group: 'generic',
  complexity: 'O(N+M*log(M)) with N elements of which M are returned; O(N) where nothing is sorted',
  categories: ['set', 'sortedset', 'list', 'dangerous'],
} as const

export const sort = command(
  {
    ...COMMON,
    name: 'SORT',
    flags: WRITE | DENYOOM,
    since: '1.0.0',
    summary: 'Returns the elements of a list, a set or a sorted set in another order, or stores them.',
    syntax: `key ${OPTIONS} [STORE destination]`,
    keys: [...SORTED, somewhere(KEY_OW | KEY_UPDATE)],
  },
  (call, args, reply) => sortOf(call, args, true, reply),
  findSortKeys,
)

export const sortRo = command(
  {
    ...COMMON,
    name: 'SORT_RO',
    flags: READONLY,
    since: '7.0.0',
    summary: 'Returns the elements of a list, a set or a sorted set in another order.',
    syntax: `key ${OPTIONS}`,
    keys: SORTED,
  },
  (call, args, reply) => sortOf(call, args, false, reply),
  (_args, push) => push(1, KEY_RO | KEY_ACCESS),
)

export const SORT_FAMILY = [sort, sortRo]
