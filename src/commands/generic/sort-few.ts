/**
 * SORT of a small collection, which is what is sorted most: a listpack or intset of up to FEW elements is read, put in order and shown
 * without anything being made for it. Integers that are sorted as they are need no text at all; for patterns the texts of all elements are
 * put one behind the other, and what look-ups of all keys of one pattern will touch is brought near before the first.
 */

import { compareBytes, integerLength, writeInteger } from '../../bytes/ascii.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { intsetAt, intsetCount } from '../../keyspace/collections/intset.js'
import {
  elementBytes,
  LP_END,
  LP_HEADER_BYTES,
  lpCount,
  lpInteger,
  lpRead,
} from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { refOf } from '../../keyspace/collections/value.js'
import { INTSET, LISTPACK, ZSET } from '../../keyspace/entries.js'
import type { KeyBatch } from '../../keyspace/key-batch.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { BATCH_KEYS, type Pattern } from './sort-pattern.js'
import { scoreOf } from './sort-score.js'

/** Up to so many elements are put in order one by one: as many as a set has that is a listpack. */
export const FEW = 128
/** The texts of more bytes than this are sorted as those of large collections are. */
export const TEXT_BYTES_MAX = 4096
/** Texts may be read so far behind the last. */
const TOO_FAR_BYTES_MAX = 4
/** Among more, the place of the next one is searched for by halves. */
const WALKED_MAX = 48
/** A double has room for so many. */
const PREFIX_BYTES = 6
/** The text of an integer, and what stands around it as a reply. */
const INTEGER_BYTES_MAX = 20
const BULK_BYTES_MAX = INTEGER_BYTES_MAX + 8

/** What SORT is asked for, so far as it matters here. */
export interface FewWish {
  readonly descending: boolean
  /** By the elements' bytes; there is no pattern then. */
  readonly alpha: boolean
  /** Other than 0 where the elements are stored. */
  readonly store: number
  readonly by: Pattern | null
  readonly get: readonly Pattern[]
}

/** Room that is used again and again; it belongs to a `Call`. */
export class FewSpace {
  readonly value = new Piece()
  readonly scores = new Float64Array(FEW)
  readonly order = new Int32Array(FEW)
  readonly texts = new Uint8Array(TEXT_BYTES_MAX + TOO_FAR_BYTES_MAX)
  /** Where each element's text begins, and the last one's ends. */
  readonly starts = new Int32Array(FEW + 1)
  /** What was read in advance is put here, so that it is read. */
  seen = 0
}

/** The block of a list, set or sorted set in a small form, if it has so few elements that what is wished can be done here; else 0. */
export function fewOf(call: Call, handle: number, { by, get }: FewWish): number {
  const { entries } = call.db
  const most = by === null && get.length === 0 ? FEW : BATCH_KEYS
  const encoding = entries.encoding(handle)
  if (encoding !== LISTPACK && encoding !== INTSET) return 0
  const ref = refOf(entries, handle)
  const u8 = call.keyspace.heap.u8[chunkOf(ref)]!
  if (encoding === INTSET) return intsetCount(u8, byteOf(ref)) <= most ? ref : 0
  const elements = lpCount(u8, byteOf(ref))
  return (entries.type(handle) === ZSET ? elements >>> 1 : elements) <= most ? ref : 0
}

/** What `orderIntegers` says where not all elements are such. */
export const NO_INTEGERS = -1

/** Puts the elements' integers in ascending order into `space.scores`; how many there are. */
export function orderIntegers(call: Call, space: FewSpace, handle: number, ref: number): number {
  const { entries } = call.db
  const u8 = call.keyspace.heap.u8[chunkOf(ref)]!
  if (entries.encoding(handle) === INTSET) return loadIntset(u8, byteOf(ref), space.scores)
  return loadIntegers(u8, byteOf(ref), entries.type(handle) === ZSET, space.scores)
}

/** Shows positions [from, to] of `count` integers that are in order. */
export function replyIntegers(
  { scores }: FewSpace,
  count: number,
  descending: boolean,
  from: number,
  to: number,
  reply: Reply,
): void {
  const many = Math.max(0, to - from + 1)
  reply.array(many)
  reply.ensure(many * BULK_BYTES_MAX)
  const { buf } = reply
  let { pos } = reply
  for (let i = 0; i < many; i++) {
    pos = writeBulkInteger(buf, pos, scores[descending ? count - 1 - from - i : from + i]!)
  }
  reply.pos = pos
}

/** Reads the integers of a listpack, of a sorted set's without the scores, in ascending order; how many there are. */
function loadIntegers(u8: Uint8Array, base: number, hasScores: boolean, sorted: Float64Array): number {
  let p = base + LP_HEADER_BYTES
  let count = 0
  for (let first = u8[p]!; first !== LP_END; first = u8[p]!) {
    let value = first
    if (first < 0x80) p += 2
    else if (first >= 0xc0 && first < 0xe0) {
      value = (((first << 8) | u8[p + 1]!) << 19) >> 19
      p += 3
    } else {
      value = lpInteger(u8, p, 0)
      if (Number.isNaN(value)) return NO_INTEGERS
      p += elementBytes(u8, p)
    }
    if (hasScores) p += elementBytes(u8, p)
    let at = count++
    for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!
    sorted[at] = value
  }
  return count
}

/** The same of an intset, which is in order. */
function loadIntset(u8: Uint8Array, base: number, sorted: Float64Array): number {
  const count = intsetCount(u8, base)
  for (let i = 0; i < count; i++) {
    const value = intsetAt(u8, base, i)
    if (typeof value !== 'number') return NO_INTEGERS
    sorted[i] = value
  }
  return count
}

/** Writes a safe integer as a bulk string; returns the position behind it. */
function writeBulkInteger(buf: Uint8Array, at: number, value: number): number {
  let pos = at
  buf[pos] = 0x24
  if (value >= 0 && value < 1000) {
    const hundreds = (value / 100) | 0
    const rest = value - hundreds * 100
    const tens = (rest / 10) | 0
    const length = value < 10 ? 1 : value < 100 ? 2 : 3
    buf[pos + 1] = 0x30 + length
    buf[pos + 2] = 0x0d
    buf[pos + 3] = 0x0a
    pos += 4
    if (length === 3) buf[pos++] = 0x30 + hundreds
    if (length >= 2) buf[pos++] = 0x30 + tens
    buf[pos] = 0x30 + (rest - tens * 10)
    pos++
  } else {
    pos = writeInteger(buf, pos + 1, integerLength(value))
    buf[pos] = 0x0d
    buf[pos + 1] = 0x0a
    pos = writeInteger(buf, pos + 2, value)
  }
  buf[pos] = 0x0d
  buf[pos + 1] = 0x0a
  return pos + 2
}

/** What `orderTexts` says: done, or a number is none, or nothing was done since such texts are for others. */
export const SORTED = 0
export const NO_NUMBER = 1
const TOO_LONG = 2

/** Puts elements in order by their bytes, or by numbers, their own or those that a pattern names. */
export function orderTexts(call: Call, space: FewSpace, handle: number, ref: number, wish: FewWish): number {
  const count = loadTexts(call, space, handle, ref)
  if (count < 0) return TOO_LONG
  if (wish.alpha) {
    // What stands behind a zero byte does not count where elements are only shown.
    if (wish.store === 0 && hasZero(space, count)) return TOO_LONG
    loadPrefixes(space, count)
  } else if (!loadScores(call, space, wish.by, count)) return NO_NUMBER
  putInOrder(space, count, wish.descending)
  return SORTED
}

/** Shows positions [from, to] of elements that are in order. */
export function replyTexts(
  call: Call,
  space: FewSpace,
  { get }: FewWish,
  from: number,
  to: number,
  reply: Reply,
): void {
  const many = Math.max(0, to - from + 1)
  const { texts, starts, order } = space
  reply.array(many * Math.max(1, get.length))
  if (get.length === 0) {
    for (let i = from; i <= to; i++) reply.bulkRange(texts, starts[order[i]!]!, starts[order[i]! + 1]!)
    return
  }
  const pattern = get[0]!
  const keys = get.length === 1 ? pattern.nameKeys(texts, starts, order, from, many) : null
  if (keys !== null) {
    lookUpAll(call, space, pattern, keys, many, reply)
    return
  }
  for (let i = from; i <= to; i++) {
    const index = order[i]!
    for (let j = 0; j < get.length; j++) replyPattern(call, space, get[j]!, index, reply)
  }
}

function replyPattern(call: Call, space: FewSpace, pattern: Pattern, index: number, reply: Reply): void {
  const { texts, starts, value } = space
  if (pattern.lookUp(call, texts, starts[index]!, starts[index + 1]!, value)) {
    reply.bulkRange(value.buf, value.start, value.end)
  } else reply.nil()
}

/** Puts the texts of all elements one behind the other; how many there are, -1 where they are too long. */
function loadTexts(call: Call, space: FewSpace, handle: number, ref: number): number {
  const { entries } = call.db
  const u8 = call.keyspace.heap.u8[chunkOf(ref)]!
  if (entries.encoding(handle) === INTSET) return loadIntsetTexts(u8, byteOf(ref), space)
  const { texts, starts, value } = space
  const hasScores = entries.type(handle) === ZSET
  let p = byteOf(ref) + LP_HEADER_BYTES
  let to = 0
  let count = 0
  for (let first = u8[p]!; first !== LP_END; first = u8[p]!) {
    if (to > TEXT_BYTES_MAX - 64) return -1
    starts[count++] = to
    if (first < 0x80) {
      to = writeInteger(texts, to, first)
      p += 2
    } else if (first < 0xc0) {
      const length = first & 63
      for (let i = 1; i <= length; i++) texts[to++] = u8[p + i]!
      p += length + 2
    } else {
      const number = lpInteger(u8, p, 0)
      if (!Number.isNaN(number)) to = writeInteger(texts, to, number)
      else {
        lpRead(u8, p, 0, value)
        if (to + value.length > TEXT_BYTES_MAX) return -1
        texts.set(value.buf.subarray(value.start, value.end), to)
        to += value.length
      }
      p += elementBytes(u8, p)
    }
    if (hasScores) p += elementBytes(u8, p)
  }
  starts[count] = to
  return count
}

function loadIntsetTexts(u8: Uint8Array, base: number, { texts, starts, value }: FewSpace): number {
  const count = intsetCount(u8, base)
  let to = 0
  for (let i = 0; i < count; i++) {
    starts[i] = to
    value.integer(intsetAt(u8, base, i))
    for (let j = 0; j < value.end; j++) texts[to++] = value.buf[j]!
  }
  starts[count] = to
  return count
}

/** The numbers to sort by, 0 where a pattern names nothing; false where one is none. */
function loadScores(call: Call, space: FewSpace, by: Pattern | null, count: number): boolean {
  const { texts, starts, scores, value, order } = space
  for (let i = 0; i < count; i++) order[i] = i
  const keys = by === null ? null : by.nameKeys(texts, starts, order, 0, count)
  if (keys !== null) return lookUpAll(call, space, by!, keys, count, null)
  let valid = true
  for (let i = 0; i < count; i++) {
    let score = 0
    const start = starts[i]!
    const end = starts[i + 1]!
    if (by === null) score = scoreOf(texts, start, end)
    else if (by.lookUp(call, texts, start, end, value)) score = scoreOf(value.buf, value.start, value.end)
    if (Number.isNaN(score)) valid = false
    scores[i] = score
  }
  return valid
}

/**
 * Looks up the keys that a pattern has named, `many` of them: replies with what belongs to them, or without a reply notes the numbers
 * that it spells, and says whether it does. Plain strings are read many at a time, whatever else there is one by one, in between.
 */
function lookUpAll(
  call: Call,
  space: FewSpace,
  pattern: Pattern,
  keys: KeyBatch,
  many: number,
  reply: Reply | null,
): boolean {
  const { scores } = space
  const { db } = call
  space.seen ^= db.foreseeBatch(keys, many)
  let valid = true
  for (let i = 0; i < many; i++) {
    const read = pattern.namesStrings ? db.readStrings(keys, i, many) : i
    if (reply !== null) replyStrings(call, keys, i, read, reply)
    else if (!scoreStrings(call, keys, i, read, scores)) valid = false
    i = read
    if (i < many && !lookUpOne(call, space, pattern, keys, i, reply)) valid = false
  }
  return valid
}

function replyStrings(call: Call, keys: KeyBatch, from: number, to: number, reply: Reply): void {
  const { u8 } = call.keyspace.heap
  const { chunks, starts, ends } = keys
  for (let i = from; i < to; i++) reply.bulkRange(u8[chunks[i]!]!, starts[i]!, ends[i]!)
}

function scoreStrings(call: Call, keys: KeyBatch, from: number, to: number, scores: Float64Array): boolean {
  const { u8 } = call.keyspace.heap
  const { chunks, starts, ends } = keys
  let valid = true
  for (let i = from; i < to; i++) {
    const score = scoreOf(u8[chunks[i]!]!, starts[i]!, ends[i]!)
    if (Number.isNaN(score)) valid = false
    scores[i] = score
  }
  return valid
}

/** As `lookUpAll`, only the key `index`. */
function lookUpOne(
  call: Call,
  space: FewSpace,
  pattern: Pattern,
  keys: KeyBatch,
  index: number,
  reply: Reply | null,
): boolean {
  const { value } = space
  const start = keys.slotBytes * index
  const end = start + keys.lengths[index]!
  const handle = call.db.readHashed(keys.bytes, start, end, keys.hashes[index]!)
  const found = pattern.show(call, handle, keys.bytes, start, end, value)
  if (reply !== null) {
    if (found) reply.bulkRange(value.buf, value.start, value.end)
    else reply.nil()
    return true
  }
  const score = found ? scoreOf(value.buf, value.start, value.end) : 0
  space.scores[index] = score
  return !Number.isNaN(score)
}

function hasZero({ texts, starts }: FewSpace, count: number): boolean {
  for (let i = 0, end = starts[count]!; i < end; i++) if (texts[i] === 0) return true
  return false
}

/** With how many bytes all elements begin alike. */
function commonBytes({ texts, starts }: FewSpace, count: number): number {
  let common = count === 0 ? 0 : starts[1]!
  for (let i = 1; i < count && common > 0; i++) {
    const start = starts[i]!
    const most = Math.min(common, starts[i + 1]! - start)
    common = 0
    while (common < most && texts[start + common] === texts[common]) common++
  }
  return common
}

/** The first bytes of elements, behind those that they have in common, as numbers: most comparisons are decided by these. */
function loadPrefixes(space: FewSpace, count: number): void {
  const { texts, starts, scores, order } = space
  const common = commonBytes(space, count)
  for (let i = 0; i < count; i++) {
    const start = starts[i]! + common
    const end = starts[i + 1]!
    let prefix = 0
    for (let j = start; j < start + PREFIX_BYTES; j++) prefix = prefix * 256 + (j < end ? texts[j]! : 0)
    scores[i] = prefix
    order[i] = i
  }
}

/** The elements' numbers by score, equal scores by their bytes. Scores tell most apart, and a few are inserted sooner than searched for. */
function putInOrder(space: FewSpace, count: number, descending: boolean): void {
  const { texts, starts, scores, order } = space
  const few = Math.min(count, WALKED_MAX)
  for (let i = 0; i < few; i++) {
    const score = scores[i]!
    let at = i
    for (; at > 0; at--) {
      const other = order[at - 1]!
      const its = scores[other]!
      let difference = its - score
      if (its === score) {
        difference = compareBytes(
          texts,
          starts[other]!,
          starts[other + 1]!,
          texts,
          starts[i]!,
          starts[i + 1]!,
        )
      }
      if (descending ? difference >= 0 : difference <= 0) break
      order[at] = other
    }
    order[at] = i
  }
  if (few < count) insertOthers(space, few, count, descending)
}

/** Inserts the elements from `first` on among those before, where a binary search says. */
function insertOthers(
  { texts, starts, scores, order }: FewSpace,
  first: number,
  count: number,
  descending: boolean,
): void {
  for (let i = first; i < count; i++) {
    let low = 0
    let high = i
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = order[middle]!
      const difference =
        scores[other]! - scores[i]! ||
        compareBytes(texts, starts[other]!, starts[other + 1]!, texts, starts[i]!, starts[i + 1]!)
      if (descending ? difference >= 0 : difference <= 0) low = middle + 1
      else high = middle
    }
    for (let at = i; at > low; at--) order[at] = order[at - 1]!
    order[low] = i
  }
}
