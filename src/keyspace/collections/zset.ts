/**
 * Sorted sets: a listpack of members and scores in turns, in order (LISTPACK), or a ranking (SKIPLIST, the name that OBJECT
 * ENCODING has for it) when there are more than zset-max-listpack-entries members or one is longer than
 * zset-max-listpack-value. Order is by score, then by the member's bytes. All ranges are ranges of ranks here: who has
 * bounds of score or of bytes asks first how many elements stand in front of them.
 *
 * Everything takes the entry that holds the set, of a database or bare (value.ts). Who changes an entry of a database has
 * called `willChange` before.
 */

import { ascii, compareBytes } from '../../bytes/ascii.js'
import { formatDouble, parseDouble } from '../../bytes/double.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, LISTPACK, SKIPLIST, ZSET } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { LP_BYTES_MAX, lpEnd, lpFirst, lpInt64, lpNext, lpPrevious, lpRead, lpSeek } from './listpack.js'
import { Piece } from './piece.js'
import { RankTreePaths } from './rank-tree.js'
import { Ranking } from './ranking.js'
import { Chooser } from './sample.js'
import { bareEntry, refOf, setRef } from './value.js'

/** Longest text of a score: a sign, seventeen digits, a point, `e-308`; and its head in a listpack. */
const SCORE_BYTES_MAX = 32

/** As many elements of a large set are taken at once. */
const ELEMENTS_AT_ONCE = 64

/** The score that a listpack's element spells, NaN where it spells none. */
export function lpScore(u8: Uint8Array, base: number, at: number, piece: Piece): number {
  const integer = lpInt64(u8, base, at)
  if (typeof integer === 'bigint' || !Number.isNaN(integer)) return Number(integer)
  lpRead(u8, base, at, piece)
  return piece.length > 128 ? Number.NaN : (parseDouble(piece.text()) ?? Number.NaN)
}

export class SortedSets {
  /** What `at`, `range`, `random`, `sample` and `scan` show. Valid until the next call. */
  readonly member = new Piece()
  /** The same, and what `find` found. */
  score = 0
  /** For whoever takes elements of a large set, many at once. */
  readonly elements = new Uint32Array(ELEMENTS_AT_ONCE)
  /** What `find` found in a large set, 0 for nothing. */
  private element = 0
  /** For walks that this object makes itself, while `member` is somebody's argument. */
  private readonly own = new Piece()
  private readonly digits = new Piece()
  private readonly paths = new RankTreePaths()
  private readonly keyspace: Keyspace
  private readonly entries: Entries

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
  }

  /** A bare entry with a set without members, in the form that suits `expected` of them, the first of `length` bytes. */
  create(expected: number, length = 0): number {
    const { keyspace } = this
    const fits =
      expected <= keyspace.limit('zset-max-listpack-entries') &&
      length <= keyspace.limit('zset-max-listpack-value')
    if (fits) return bareEntry(this.entries, ZSET, LISTPACK, keyspace.listpacks.create())
    return bareEntry(this.entries, ZSET, SKIPLIST, keyspace.large.add(this.newRanking(expected)))
  }

  /** A bare entry with a set without members, in the large form; `shrink` may make it small again. */
  createLarge(): number {
    return bareEntry(this.entries, ZSET, SKIPLIST, this.keyspace.large.add(this.newRanking(0)))
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

  /** Whether the set has a member; its score is then in `score`. */
  find(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    if (!this.isSmall(handle)) {
      const ranking = this.ranking(handle)
      const element = ranking.find(buf, start, end)
      this.element = element
      if (element !== 0) this.score = ranking.score(element)
      return element !== 0
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const at = this.keyspace.listpacks.find(ref, lpFirst(u8, base), 1, buf, start, end)
    if (at === 0) return false
    this.score = lpScore(u8, base, lpNext(u8, base, at), this.digits)
    return true
  }

  /**
   * Adds a member, which must not lie in the set itself, or gives it another score, which is not NaN; true where it is new.
   */
  set(handle: number, buf: Uint8Array, start: number, end: number, score: number): boolean {
    const { keyspace, entries } = this
    if (!this.isSmall(handle)) return this.ranking(handle).set(buf, start, end, score)
    const { listpacks } = keyspace
    const ref = refOf(entries, handle)
    const u8 = keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const old = listpacks.find(ref, lpFirst(u8, base), 1, buf, start, end)
    if (old !== 0) {
      if (lpScore(u8, base, lpNext(u8, base, old), this.digits) === score) return false
      setRef(entries, handle, listpacks.delete(ref, old, 2))
      this.insert(handle, buf, start, end, score)
      return false
    }
    const fits =
      listpacks.count(ref) >>> 1 < keyspace.limit('zset-max-listpack-entries') &&
      end - start <= keyspace.limit('zset-max-listpack-value') &&
      listpacks.bytes(ref) + end - start + SCORE_BYTES_MAX <= LP_BYTES_MAX
    if (!fits) {
      this.enlarge(handle)
      return this.ranking(handle).set(buf, start, end, score)
    }
    this.insert(handle, buf, start, end, score)
    return true
  }

  /** As `set`, where `find` was just asked for this member. */
  setFound(handle: number, buf: Uint8Array, start: number, end: number, score: number): void {
    if (this.isSmall(handle)) this.set(handle, buf, start, end, score)
    else this.ranking(handle).setFound(this.element, buf, start, end, score)
  }

  /** Puts a member that is not there into a listpack, in its place. */
  private insert(handle: number, buf: Uint8Array, start: number, end: number, score: number): void {
    const { listpacks, heap } = this.keyspace
    const { own } = this
    let ref = refOf(this.entries, handle)
    const u8 = heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let at = lpFirst(u8, base)
    while (at !== 0) {
      const next = lpNext(u8, base, at)
      const other = lpScore(u8, base, next, this.digits)
      if (other > score) break
      if (other === score) {
        lpRead(u8, base, at, own)
        if (compareBytes(own.buf, own.start, own.end, buf, start, end) > 0) break
      }
      at = lpNext(u8, base, next)
    }
    if (at === 0) at = lpEnd(u8, base)
    // The score first, so that the member comes in front of it. Zero has no sign here, as in Redis's listpacks.
    if (Number.isSafeInteger(score)) ref = listpacks.insertInteger(ref, at, score === 0 ? 0 : score)
    else {
      const digits = ascii(formatDouble(score))
      ref = listpacks.insert(ref, at, digits, 0, digits.length)
    }
    setRef(this.entries, handle, listpacks.insert(ref, at, buf, start, end))
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
    if (this.isSmall(handle) && expected > this.keyspace.limit('zset-max-listpack-entries')) {
      this.enlarge(handle, expected)
    }
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
    setRef(entries, handle, keyspace.listpacks.create())
    ranking.range(0, size, false, (element) => {
      const start = ranking.memberStart(element)
      const end = start + ranking.memberLength(element)
      this.insert(handle, ranking.bytesOf(element), start, end, ranking.score(element))
    })
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
