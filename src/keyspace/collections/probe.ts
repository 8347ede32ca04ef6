/**
 * Asks one set, or sorted set, for many members, which stand in rows: what the set is like is looked up once, not for each of them. Small
 * sets that are asked for each other's members often have them in the same order, so that a search goes on where the one before ended.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { HASHTABLE, INTSET, SKIPLIST, ZSET } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import type { Dictionary } from './dictionary.js'
import { int64Of, intsetSearch } from './intset.js'
import { LP_HEADER_BYTES, LP_SHORT_BYTES_MAX, lpBehind, lpFindShort, lpMayBeInteger } from './listpack.js'
import { Piece } from './piece.js'
import type { Ranking } from './ranking.js'
import { DIGITS, type Rows } from './rows.js'
import { lpScore } from './scored-listpack.js'
import { refOf } from './value.js'

const NOTHING = new Uint8Array(0)
const LIKELY_FIRST = 64
const LIKELY_KEPT_MAX = 32_768

export class Probe {
  /** The score of the member that `has` found; of a set 1. */
  score = 1
  private encoding = 0
  private ref = 0
  private dictionary: Dictionary | null = null
  private ranking: Ranking | null = null
  /** The block of a small set; in a listpack, how many elements stand between two members, and where to look first. */
  private u8: Uint8Array = NOTHING
  private base = 0
  private skip = 0
  private from = LP_HEADER_BYTES
  /**
   * In a large set, for each row which element most probably has its member. They are looked for all together, before any member is
   * compared, since reads that do not wait for each other overlap.
   */
  private likely = new Uint32Array(LIKELY_FIRST)
  private readonly digits = new Piece()
  private readonly keyspace: Keyspace

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }

  /** Begins to ask the set of an entry, for members of `rows` from `from` on: they have their hashes then, if these are needed. */
  open(handle: number, rows: Rows, from: number): void {
    const { entries, heap, large } = this.keyspace
    const ref = refOf(entries, handle)
    this.encoding = entries.encoding(handle)
    this.ref = ref
    this.score = 1
    this.dictionary = null
    this.ranking = null
    if (this.encoding === HASHTABLE) this.dictionary = large.get(ref) as Dictionary
    else if (this.encoding === SKIPLIST) this.ranking = large.get(ref) as Ranking
    else {
      this.u8 = heap.u8[chunkOf(ref)]!
      this.base = byteOf(ref)
      this.skip = entries.type(handle) === ZSET ? 1 : 0
      this.from = LP_HEADER_BYTES
      return
    }
    rows.hash()
    const { count } = rows
    if (count > this.likely.length) this.likely = new Uint32Array(rows.hashes.length)
    if (this.dictionary !== null) this.dictionary.guess(rows.hashes, count, this.likely, from)
    else this.ranking!.guess(rows.hashes, count, this.likely, from)
  }

  /** Of the rows from `from` on, as `open` was told, leaves those whose members the set has, or has not. */
  sift(rows: Rows, from: number, wanted: boolean): void {
    let kept = from
    if (this.dictionary !== null) kept = this.dictionary.sift(rows, this.likely, from, wanted)
    else
      for (let row = from; row < rows.count; row++) if (this.has(rows, row) === wanted) rows.move(row, kept++)
    rows.cut(from, kept)
  }

  /** Whether the set has the member of a row; its score is then in `score`. */
  has(rows: Rows, row: number): boolean {
    const start = rows.starts[row]!
    const end = rows.ends[row]!
    const { encoding } = this
    if (encoding === HASHTABLE || encoding === SKIPLIST) return this.tableHas(rows, row, start, end)
    const buf = rows.bytesOf(row)
    if (encoding !== INTSET) return this.packHas(buf, start, end)
    const value = int64Of(buf, start, end)
    return value !== null && intsetSearch(this.u8, this.base, value) >= 0
  }

  private tableHas(rows: Rows, row: number, start: number, end: number): boolean {
    const { dictionary, ranking } = this
    const chunk = rows.chunks[row]!
    const hash = rows.hashes[row]!
    const likely = this.likely[row]!
    const isInHeap = likely !== 0 && chunk !== DIGITS
    if (dictionary !== null) {
      if (isInHeap && dictionary.memberIs(likely, chunk, start, end)) return true
      return dictionary.findHashed(rows.bytesOf(row), start, end, hash) !== 0
    }
    const element =
      isInHeap && ranking!.memberIs(likely, chunk, start, end)
        ? likely
        : ranking!.findHashed(rows.bytesOf(row), start, end, hash)
    if (element === 0) return false
    this.score = ranking!.score(element)
    return true
  }

  /** Forgets the set. */
  close(): void {
    if (this.likely.length > LIKELY_KEPT_MAX) this.likely = new Uint32Array(LIKELY_FIRST)
    this.dictionary = null
    this.ranking = null
    this.u8 = NOTHING
  }

  private packHas(buf: Uint8Array, start: number, end: number): boolean {
    const { u8, base, from, skip } = this
    let at = 0
    if (end - start > LP_SHORT_BYTES_MAX || lpMayBeInteger(buf, start, end)) {
      at = this.keyspace.listpacks.find(this.ref, LP_HEADER_BYTES, skip, buf, start, end)
      if (at === 0) return false
    } else {
      at = lpFindShort(u8, base + from, 0, skip, buf, start, end)
      if (at === 0 && from !== LP_HEADER_BYTES) {
        at = lpFindShort(u8, base + LP_HEADER_BYTES, base + from, skip, buf, start, end)
      }
      if (at === 0) return false
      at -= base
    }
    const behind = lpBehind(u8, base, at)
    if (skip === 0) this.from = behind
    else {
      this.score = lpScore(u8, base, behind, this.digits)
      this.from = lpBehind(u8, base, behind)
    }
    return true
  }
}
