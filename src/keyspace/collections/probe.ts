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
  private readonly digits = new Piece()
  private readonly keyspace: Keyspace

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }

  /** Begins to ask the set of an entry, for members of `rows`: they have their hashes then, if these are needed. */
  open(handle: number, rows: Rows): void {
    const { entries, heap, large } = this.keyspace
    const ref = refOf(entries, handle)
    this.encoding = entries.encoding(handle)
    this.ref = ref
    this.score = 1
    this.close()
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
    if (dictionary !== null) {
      if (chunk !== DIGITS) return dictionary.hasIn(chunk, start, end, hash)
      return dictionary.findHashed(rows.bytesOf(row), start, end, hash) !== 0
    }
    const element =
      chunk === DIGITS
        ? ranking!.findHashed(rows.bytesOf(row), start, end, hash)
        : ranking!.findIn(chunk, start, end, hash)
    if (element === 0) return false
    this.score = ranking!.score(element)
    return true
  }

  /** Forgets the set. */
  close(): void {
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
