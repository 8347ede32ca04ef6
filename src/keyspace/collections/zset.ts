/**
 * Sorted sets: a listpack of members and scores in turns, in order (LISTPACK), or a ranking (SKIPLIST, the name that OBJECT
 * ENCODING has for it) when there are more than zset-max-listpack-entries members or one is longer than
 * zset-max-listpack-value. Order is by score, then by the member's bytes. All ranges are ranges of ranks here: who has
 * bounds of score or of bytes asks first how many elements stand in front of them.
 *
 * Everything takes the entry that holds the set, of a database or bare (value.ts). Who changes an entry of a database has
 * called `willChange` before.
 */

import { compareBytes } from '../../bytes/ascii.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, LISTPACK, SKIPLIST, ZSET } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { LP_BYTES_MAX, LP_HEADER_BYTES, lpFirst, lpNext, lpPrevious, lpRead, lpSeek } from './listpack.js'
import type { PackWriter } from './pack-writer.js'
import { Piece } from './piece.js'
import { RankTreePaths } from './rank-nodes.js'
import { Ranking } from './ranking.js'
import type { Rows } from './rows.js'
import { Chooser } from './sample.js'
import { lpScore, ScoredListpacks } from './scored-listpack.js'
import { bareEntry, refOf, setRef } from './value.js'

/** Longest text of a score: a sign, seventeen digits, a point, `e-308`; and its head in a listpack. */
const SCORE_BYTES_MAX = 32

/** A new listpack has room for so many pairs at most, each of so many bytes beside the member. */
const ROOMY_PAIRS_MAX = 4
const PAIR_BYTES = 4

/** Room for scores to begin with, and what more than is kept no longer than it is needed. */
const SCORES_FIRST = 64
const SCORES_KEPT_MAX = 4096

/** As many elements of a large set are taken at once. */
const ELEMENTS_AT_ONCE = 64

export class SortedSets {
  /** What `at`, `range`, `random`, `sample` and `scan` show. Valid until the next call. */
  readonly member = new Piece()
  /** The same, and what `find` found. */
  score = 0
  private scores = new Float64Array(SCORES_FIRST)
  /** For whoever takes elements of a large set, many at once. */
  readonly elements = new Uint32Array(ELEMENTS_AT_ONCE)
  readonly lengths = new Int32Array(ELEMENTS_AT_ONCE)
  /** What `find` found, 0 for nothing: an element of a large set, a position in a small one. */
  private found = 0
  /** For walks that this object makes itself, while `member` is somebody's argument. */
  private readonly own = new Piece()
  private readonly digits = new Piece()
  private readonly packs: ScoredListpacks
  /** What told the limits that are kept here. */
  private limitsOf: Keyspace['limit'] | null = null
  private mostEntries = 0
  private longestValue = 0
  private readonly paths = new RankTreePaths()
  private readonly keyspace: Keyspace
  private readonly entries: Entries

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
    this.packs = new ScoredListpacks(keyspace.listpacks)
  }

  /** Room for `count` scores: who asks for it takes what was there before from nobody, and has it until somebody else asks. */
  scoresFor(count: number): Float64Array {
    if (count > SCORES_KEPT_MAX) return new Float64Array(count)
    if (count > this.scores.length) this.scores = new Float64Array(SCORES_KEPT_MAX)
    return this.scores
  }

  /** The limits of the small form, read again when the configuration has changed: another function tells them then. */
  private readLimits(): void {
    const { limit } = this.keyspace
    if (this.limitsOf === limit) return
    this.limitsOf = limit
    this.mostEntries = limit('zset-max-listpack-entries')
    this.longestValue = limit('zset-max-listpack-value')
  }

  /** A bare entry with a set without members, in the form that suits `expected` of them, the first of `length` bytes. */
  create(expected: number, length = 0): number {
    const { keyspace } = this
    this.readLimits()
    if (expected <= this.mostEntries && length <= this.longestValue) {
      // Room for some of them; for more it would be taken away with the first.
      const room = Math.min(expected, ROOMY_PAIRS_MAX) * (length + PAIR_BYTES)
      return bareEntry(this.entries, ZSET, LISTPACK, keyspace.listpacks.create(room))
    }
    return bareEntry(this.entries, ZSET, SKIPLIST, keyspace.large.add(this.newRanking(expected)))
  }

  /** A bare entry with a set without members, in the large form; `shrink` may make it small again. */
  createLarge(): number {
    return bareEntry(this.entries, ZSET, SKIPLIST, this.keyspace.large.add(this.newRanking(0)))
  }

  /**
   * A bare entry with a set of these rows' members, all different, and their scores, in the form that suits it; `order` has the rows'
   * numbers in their order.
   */
  createFrom(rows: Rows, order: Int32Array, pack: PackWriter): number {
    const { count, starts, ends, hashes, scores } = rows
    if (this.suitListpack(rows)) {
      for (let i = 0; i < count; i++) {
        const row = order[i]!
        pack.string(rows.bytesOf(row), starts[row]!, ends[row]!)
        pack.score(scores[row]!)
      }
      return bareEntry(this.entries, ZSET, LISTPACK, pack.finish())
    }
    const ranking = this.newRanking(count)
    rows.hash()
    for (let i = 0; i < count; i++) {
      const row = order[i]!
      ranking.addNew(rows.bytesOf(row), starts[row]!, ends[row]!, hashes[row]!, scores[row]!)
    }
    return bareEntry(this.entries, ZSET, SKIPLIST, this.keyspace.large.add(ranking))
  }

  private suitListpack(rows: Rows): boolean {
    this.readLimits()
    if (rows.count > this.mostEntries) return false
    let bytes = 0
    for (let row = 0; row < rows.count; row++) {
      const length = rows.ends[row]! - rows.starts[row]!
      if (length > this.longestValue) return false
      bytes += length + SCORE_BYTES_MAX
    }
    return bytes <= LP_BYTES_MAX
  }

  private newRanking(expected: number): Ranking {
    return new Ranking(this.entries, this.keyspace.large, this.paths, expected)
  }

  isSmall(handle: number): boolean {
    return this.entries.encoding(handle) === LISTPACK
  }

  ranking(handle: number): Ranking {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Ranking
  }

  size(handle: number): number {
    if (!this.isSmall(handle)) return this.ranking(handle).size
    return this.keyspace.listpacks.count(refOf(this.entries, handle)) >>> 1
  }

  /**
   * Whether the set has a member; its score is then in `score`. Who asks for several in a row may hand in what `after` says then, as a hint where
   * to look first.
   */
  find(handle: number, buf: Uint8Array, start: number, end: number, from = LP_HEADER_BYTES): boolean {
    const ref = refOf(this.entries, handle)
    if (!this.isSmall(handle)) {
      const ranking = this.keyspace.large.get(ref) as Ranking
      const element = ranking.find(buf, start, end)
      this.found = element
      if (element !== 0) this.score = ranking.score(element)
      return element !== 0
    }
    const at = this.packs.find(ref, from, buf, start, end)
    this.found = at
    if (at !== 0) this.score = this.packs.score
    return at !== 0
  }

  /** Where `find` may look first for what stands behind the member that was found, or put in, last. */
  get after(): number {
    return this.packs.after
  }

  /**
   * Adds a member, which must not lie in the set itself, or gives it another score, which is not NaN; true where it is new.
   */
  set(handle: number, buf: Uint8Array, start: number, end: number, score: number): boolean {
    if (!this.isSmall(handle)) return this.ranking(handle).set(buf, start, end, score)
    const isThere = this.find(handle, buf, start, end)
    if (!isThere || this.score !== score) this.setFound(handle, buf, start, end, score)
    return !isThere
  }

  /** As `set`, where `find` was just asked for this member, and did not find this score. */
  setFound(handle: number, buf: Uint8Array, start: number, end: number, score: number): void {
    const { found, packs } = this
    if (!this.isSmall(handle)) {
      this.ranking(handle).setFound(found, buf, start, end, score)
      return
    }
    const ref = refOf(this.entries, handle)
    if (found === 0 && !this.fits(ref, end - start)) {
      this.enlarge(handle)
      this.ranking(handle).set(buf, start, end, score)
      return
    }
    const made =
      found === 0
        ? packs.insert(ref, buf, start, end, score)
        : packs.rescore(ref, found, buf, start, end, score)
    if (made !== ref) setRef(this.entries, handle, made)
  }

  /** Whether a listpack may have one member more, of so many bytes. */
  private fits(ref: number, length: number): boolean {
    const { listpacks } = this.keyspace
    this.readLimits()
    return (
      listpacks.count(ref) >>> 1 < this.mostEntries &&
      length <= this.longestValue &&
      listpacks.bytes(ref) + length + SCORE_BYTES_MAX <= LP_BYTES_MAX
    )
  }

  /** Removes a member; false where it is not there. A set without members is left, which the caller removes. */
  remove(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    if (!this.isSmall(handle)) return this.ranking(handle).delete(buf, start, end)
    const { listpacks, heap } = this.keyspace
    const ref = refOf(this.entries, handle)
    const first = lpFirst(heap.u8[chunkOf(ref)]!, byteOf(ref))
    const at = listpacks.find(ref, first, 1, buf, start, end)
    if (at === 0) return false
    setRef(this.entries, handle, listpacks.delete(ref, at, 2))
    return true
  }

  /** Removes the members of ranks [from, to), which there are. */
  removeRange(handle: number, from: number, to: number): void {
    if (from >= to) return
    if (this.isSmall(handle)) {
      const ref = refOf(this.entries, handle)
      const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
      const at = lpSeek(u8, byteOf(ref), from * 2)
      setRef(this.entries, handle, this.keyspace.listpacks.delete(ref, at, (to - from) * 2))
      return
    }
    this.ranking(handle).removeRange(from, to)
  }

  /** How many members stand in front of one, -1 where it is not there; its score is then in `score`. */
  rank(handle: number, buf: Uint8Array, start: number, end: number): number {
    if (!this.isSmall(handle)) {
      const ranking = this.ranking(handle)
      const element = ranking.find(buf, start, end)
      if (element === 0) return -1
      this.score = ranking.score(element)
      return ranking.rankOf(element)
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const found = this.keyspace.listpacks.find(ref, lpFirst(u8, base), 1, buf, start, end)
    if (found === 0) return -1
    this.score = lpScore(u8, base, lpNext(u8, base, found), this.digits)
    let rank = 0
    for (let at = lpFirst(u8, base); at !== found; at = lpNext(u8, base, lpNext(u8, base, at))) rank++
    return rank
  }

  /** How many members have a lower score, or with `orEqual` one that is not higher. */
  countBelow(handle: number, score: number, orEqual: boolean): number {
    if (!this.isSmall(handle)) {
      const ranking = this.ranking(handle)
      // The ends are asked for most.
      if (score === Number.POSITIVE_INFINITY && orEqual) return ranking.size
      if (score === Number.NEGATIVE_INFINITY && !orEqual) return 0
      return ranking.countBelow(score, orEqual)
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let count = 0
    for (let at = lpFirst(u8, base); at !== 0; count++) {
      at = lpNext(u8, base, at)
      const other = lpScore(u8, base, at, this.digits)
      if (orEqual ? other > score : other >= score) break
      at = lpNext(u8, base, at)
    }
    return count
  }

  /**
   * How many members stand in front of `buf[start, end)` by their bytes, or with `orEqual` not behind it. Means something only
   * where all scores are equal, as Redis has it too.
   */
  countBefore(handle: number, buf: Uint8Array, start: number, end: number, orEqual: boolean): number {
    if (!this.isSmall(handle)) return this.ranking(handle).countBefore(buf, start, end, orEqual)
    const { own } = this
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let count = 0
    for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, lpNext(u8, base, at)), count++) {
      lpRead(u8, base, at, own)
      const order = compareBytes(own.buf, own.start, own.end, buf, start, end)
      if (orEqual ? order > 0 : order >= 0) break
    }
    return count
  }

  /** Shows the members of ranks [from, to), which there are, backwards where `reverse`. `visit` must not change the set. */
  range(handle: number, from: number, to: number, reverse: boolean, visit: () => void): void {
    if (from >= to) return
    if (!this.isSmall(handle)) {
      const ranking = this.ranking(handle)
      ranking.range(from, to, reverse, (element) => {
        this.show(ranking, element)
        visit()
      })
      return
    }
    this.walk(handle, from, to, reverse, this.member, visit)
  }

  private walk(
    handle: number,
    from: number,
    to: number,
    reverse: boolean,
    piece: Piece,
    visit: () => void,
  ): void {
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let at = lpSeek(u8, base, (reverse ? to - 1 : from) * 2)
    for (let left = to - from; left > 0 && at !== 0; left--) {
      const second = lpNext(u8, base, at)
      lpRead(u8, base, at, piece)
      this.score = lpScore(u8, base, second, this.digits)
      if (!reverse) at = lpNext(u8, base, second)
      else {
        at = lpPrevious(u8, base, at)
        if (at !== 0) at = lpPrevious(u8, base, at)
      }
      visit()
    }
  }

  /** Shows every member, in order. `visit` must not change the set. */
  forEach(handle: number, visit: () => void): void {
    this.range(handle, 0, this.size(handle), false, visit)
  }

  /** Shows the member of a rank that there is. */
  at(handle: number, rank: number): void {
    this.range(handle, rank, rank + 1, false, () => {})
  }

  /** Shows a member at random, of a set that has some. */
  random(handle: number): void {
    this.at(handle, (this.keyspace.random32() >>> 0) % this.size(handle))
  }

  /** Shows `count` different members at random, of a set that has at least so many. */
  sample(handle: number, count: number, visit: () => void): void {
    const size = this.size(handle)
    const { random32 } = this.keyspace
    if (count * 3 > size || this.isSmall(handle)) {
      const chosen = new Chooser(count, size, random32)
      this.forEach(handle, () => {
        if (chosen.next()) visit()
      })
      return
    }
    const seen = new Set<number>()
    while (seen.size < count) {
      const rank = (random32() >>> 0) % size
      if (seen.has(rank)) continue
      seen.add(rank)
      this.at(handle, rank)
      visit()
    }
  }

  /** Shows some of the members and returns the next cursor; a small set is shown as a whole. */
  scan(handle: number, cursor: number, visit: () => void): number {
    if (this.isSmall(handle)) {
      this.forEach(handle, visit)
      return 0
    }
    const ranking = this.ranking(handle)
    return ranking.scan(cursor, (element) => {
      this.show(ranking, element)
      visit()
    })
  }

  /** Enlarges the set where it could not hold `expected` members in its form, as ZADD does with many at once. */
  makeRoom(handle: number, expected: number): void {
    this.readLimits()
    if (expected > this.mostEntries && this.isSmall(handle)) this.enlarge(handle, expected)
  }

  /** Gives a small set its large form. */
  enlarge(handle: number, expected = 0): void {
    const { keyspace, entries, own } = this
    const size = this.size(handle)
    const ranking = this.newRanking(Math.max(expected, size + 1))
    this.walk(handle, 0, size, false, own, () => ranking.set(own.buf, own.start, own.end, this.score))
    keyspace.heap.free(refOf(entries, handle))
    entries.setEncoding(handle, SKIPLIST)
    setRef(entries, handle, keyspace.large.add(ranking))
  }

  /** Gives a large set the small form where that may hold it: for one that a command has just made. */
  shrink(handle: number): void {
    const { keyspace, entries } = this
    const ranking = this.ranking(handle)
    const { size } = ranking
    if (size > keyspace.limit('zset-max-listpack-entries')) return
    const longest = keyspace.limit('zset-max-listpack-value')
    let fits = true
    let bytes = 0
    ranking.range(0, size, false, (element) => {
      fits = fits && ranking.memberLength(element) <= longest
      bytes += ranking.memberLength(element) + SCORE_BYTES_MAX
    })
    if (!fits || bytes > LP_BYTES_MAX) return
    const large = refOf(entries, handle)
    entries.setEncoding(handle, LISTPACK)
    let ref = keyspace.listpacks.create()
    ranking.range(0, size, false, (element) => {
      const start = ranking.memberStart(element)
      const end = start + ranking.memberLength(element)
      ref = this.packs.insert(ref, ranking.bytesOf(element), start, end, ranking.score(element))
    })
    setRef(entries, handle, ref)
    keyspace.large.release(large)
  }

  /** Frees what the entry owns. */
  release(handle: number): void {
    const ref = refOf(this.entries, handle)
    if (ref === 0) return
    if (this.isSmall(handle)) this.keyspace.heap.free(ref)
    else this.keyspace.large.release(ref)
  }

  /** `made` has the value bytes of `from`; afterwards it owns a copy. */
  copyOwned(from: number, made: number): void {
    const { keyspace, entries } = this
    if (this.isSmall(from)) {
      setRef(entries, made, keyspace.listpacks.copy(refOf(entries, from)))
      return
    }
    const ranking = this.ranking(from)
    const copy = this.newRanking(ranking.size)
    ranking.range(0, ranking.size, false, (element) => {
      const start = ranking.memberStart(element)
      const end = start + ranking.memberLength(element)
      copy.set(ranking.bytesOf(element), start, end, ranking.score(element))
    })
    setRef(entries, made, keyspace.large.add(copy))
  }

  private show(ranking: Ranking, element: number): void {
    const start = ranking.memberStart(element)
    this.member.range(ranking.bytesOf(element), start, start + ranking.memberLength(element))
    this.score = ranking.score(element)
  }
}
