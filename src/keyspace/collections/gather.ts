/** Members of sets and sorted sets into rows, some hundred at once: who goes through a large set needs no room for all of it. */

import { byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import { HASHTABLE, INTSET, LISTPACK } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import type { Dictionary } from './dictionary.js'
import { intsetAt, intsetCount } from './intset.js'
import { LP_END, LP_HEADER_BYTES, LP_SHORT, lpBehind, lpInt64, lpRead, lpSeek } from './listpack.js'
import type { Piece } from './piece.js'
import { ELEMENT_HEADER_BYTES, LENGTH_WORD } from './rank-nodes.js'
import type { Ranking } from './ranking.js'
import type { Rows } from './rows.js'
import { lpScore } from './scored-listpack.js'
import { refOf } from './value.js'

/** As many members of a large set are gathered at once, or a few more. */
export const ROWS_AT_ONCE = 256
/** The first byte of a listpack's element behind those that say the length of a short string. */
const LP_SHORT_END = 0xc0

/**
 * Adds members of the set of an entry: all, or of a large set some, from `cursor` on, which is 0 first. Returns where to go on, 0 at
 * the end.
 */
export function gatherSet(keyspace: Keyspace, rows: Rows, handle: number, cursor: number): number {
  const { entries, heap, large, sets } = keyspace
  const encoding = entries.encoding(handle)
  const ref = refOf(entries, handle)
  if (encoding === HASHTABLE) return (large.get(ref) as Dictionary).gather(rows, cursor, ROWS_AT_ONCE)
  const chunk = chunkOf(ref)
  const u8 = heap.u8[chunk]!
  const base = byteOf(ref)
  if (encoding === INTSET) {
    const count = intsetCount(u8, base)
    for (let i = 0; i < count; i++) rows.addInteger(intsetAt(u8, base, i))
    return 0
  }
  let at = LP_HEADER_BYTES
  while (u8[base + at] !== LP_END) at = addElement(rows, chunk, u8, base, at, sets.member)
  return 0
}

/** Adds the members of ranks [from, to), which there are, of the sorted set of an entry, and their scores. */
export function gatherSorted(keyspace: Keyspace, rows: Rows, handle: number, from: number, to: number): void {
  if (from >= to) return
  const { entries, heap, large, zsets } = keyspace
  const ref = refOf(entries, handle)
  if (entries.encoding(handle) !== LISTPACK) {
    gatherElements(rows, large.get(ref) as Ranking, from, to, zsets.elements)
    return
  }
  const chunk = chunkOf(ref)
  const u8 = heap.u8[chunk]!
  const base = byteOf(ref)
  let at = from === 0 ? LP_HEADER_BYTES : lpSeek(u8, base, from * 2)
  for (let left = to - from; left > 0; left--) {
    const second = addElement(rows, chunk, u8, base, at, zsets.member)
    rows.scores[rows.count - 1] = lpScore(u8, base, second, zsets.member)
    at = lpBehind(u8, base, second)
  }
}

function gatherElements(rows: Rows, ranking: Ranking, from: number, to: number, elements: Uint32Array): void {
  const { heap } = ranking
  ranking.seek(from)
  for (let left = to - from; left > 0; ) {
    const many = ranking.takeMany(elements, left, false)
    if (many === 0) return
    for (let i = 0; i < many; i++) {
      const element = elements[i]!
      const chunk = chunkOf(element)
      const start = byteOf(element) + ELEMENT_HEADER_BYTES
      rows.add(chunk, start, start + heap.u32[chunk]![wordOf(element) + LENGTH_WORD]!)
      rows.scores[rows.count - 1] = ranking.score(element)
    }
    left -= many
  }
}

/** Adds the element at `at` of a listpack; returns where the next one is, or the end. */
function addElement(
  rows: Rows,
  chunk: number,
  u8: Uint8Array,
  base: number,
  at: number,
  piece: Piece,
): number {
  const first = u8[base + at]!
  if (first >= LP_SHORT && first < LP_SHORT_END) {
    const length = first - LP_SHORT
    rows.add(chunk, base + at + 1, base + at + 1 + length)
    return at + length + 2
  }
  const value = lpInt64(u8, base, at)
  if (typeof value === 'bigint' || !Number.isNaN(value)) rows.addInteger(value)
  else {
    lpRead(u8, base, at, piece)
    rows.add(chunk, piece.start, piece.end)
  }
  return lpBehind(u8, base, at)
}
