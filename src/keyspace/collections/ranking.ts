/**
 * The large form of sorted sets: one block of the byte heap an element, with its score and its member (rank-tree.ts says how),
 * found by its member in a table (table.ts), and kept in order by a B+ tree that counts.
 */

import { type ByteHeap, byteOf, chunkOf, doubleOf, wordOf } from '../../bytes/heap.js'
import { wordsAre, wordsAreIn } from '../../bytes/words.js'
import { copyBlock } from '../block.js'
import type { Entries } from '../entries.js'
import { Table, type TableKeys } from '../table.js'
import type { LargeValue, LargeValues } from './large.js'
import { AHEAD, ELEMENT_HEADER_BYTES, LENGTH_WORD, type RankTreePaths } from './rank-nodes.js'
import { RankTree } from './rank-tree.js'
import type { ElementWalk } from './walks.js'

/** `relocate` goes through the table first; cursors from here on are ranks: then it goes through the tree. */
const TREE_CURSOR = 2 ** 32
/** Leaves of the tree that one step of `relocate` looks at. */
const LEAVES_A_STEP = 8
/** As many elements are removed from one end, one by one, before those behind them are looked at. */
const POPS_BEFORE_LOOK = 4

export class Ranking implements LargeValue, TableKeys {
  private readonly entries: Entries
  readonly heap: ByteHeap
  private readonly owner: LargeValues
  private readonly table: Table
  private readonly tree: RankTree
  private readonly paths: RankTreePaths
  private noted = 0
  walker: ElementWalk | null = null
  /** Where `freeSome` goes on. */
  private freed = 0
  /** The hash of the member that `find` was asked for last. */
  private hash = 0
  /** How often one end lost an element since anything else was written, which end, and how many there have been brought near. */
  private pops = 0
  private popsAtEnd = false
  private near = 0
  /** What reading ahead found, so that it is not left out. */
  private seen = 0

  /** `entries` lends its secret hash; `owner` counts the bytes; `paths` is for all rankings of a keyspace. */
  constructor(entries: Entries, owner: LargeValues, paths: RankTreePaths, expected = 0) {
    this.entries = entries
    this.heap = entries.heap
    this.owner = owner
    this.paths = paths
    this.tree = new RankTree(entries.heap, paths)
    this.table = new Table(this)
    if (expected > 0) this.table.reserve(expected)
    this.note()
  }

  get size(): number {
    return this.table.size
  }

  get bytes(): number {
    return this.noted
  }

  hashOf(handle: number): number {
    const words = this.heap.u32[chunkOf(handle)]!
    return this.entries.hashIn(words, this.memberStart(handle), this.memberLength(handle))
  }

  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    if (u32[word + LENGTH_WORD] !== end - start) return false
    return wordsAre(u32, word + ELEMENT_HEADER_BYTES / 4, buf, start, end)
  }

  /** Reads something of the element, so that it is near when it is needed; returns a number made of it. */
  touch(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + LENGTH_WORD]!
  }

  /** The chunk's bytes, which `memberStart` indexes. */
  bytesOf(handle: number): Uint8Array {
    return this.heap.u8[chunkOf(handle)]!
  }

  /** A multiple of four; the block goes on to one of sixteen. */
  memberStart(handle: number): number {
    return byteOf(handle) + ELEMENT_HEADER_BYTES
  }

  memberLength(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + LENGTH_WORD]!
  }

  score(handle: number): number {
    return this.heap.f64[chunkOf(handle)]![doubleOf(handle)]!
  }

  /** The element whose member is `buf[start, end)`, or 0. Valid until it is removed. */
  find(buf: Uint8Array, start: number, end: number): number {
    this.hash = this.entries.hash(buf, start, end)
    return this.table.find(buf, start, end, this.hash)
  }

  /** See Table.guess. */
  guess(hashes: Int32Array, count: number, handles: Uint32Array, from: number): void {
    this.table.guess(hashes, count, handles, from)
  }

  /** Whether an element is the member `heap.u8[chunk][start, end)`. */
  memberIs(handle: number, chunk: number, start: number, end: number): boolean {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    if (u32[word + LENGTH_WORD] !== end - start) return false
    return wordsAreIn(u32, word + ELEMENT_HEADER_BYTES / 4, this.heap.u32[chunk]!, start, end - start)
  }

  /** As `find`, where the hash is known. */
  findHashed(buf: Uint8Array, start: number, end: number, hash: number): number {
    this.hash = hash
    return this.table.find(buf, start, end, hash)
  }

  /** Brings near what look-ups of members with these hashes are going to read; see Table.foresee. */
  foresee(hashes: Int32Array, count: number, handles: Uint32Array): number {
    return this.table.foresee(hashes, count, handles)
  }

  /** Adds a member or gives it another score; true where it is new. */
  set(buf: Uint8Array, start: number, end: number, score: number): boolean {
    return this.setFound(this.find(buf, start, end), buf, start, end, score)
  }

  /** Adds a member that is not there; its hash is known. */
  addNew(buf: Uint8Array, start: number, end: number, hash: number, score: number): void {
    this.hash = hash
    this.setFound(0, buf, start, end, score)
  }

  /** As `set`, where `old` is what `find` just found for this member. */
  setFound(old: number, buf: Uint8Array, start: number, end: number, score: number): boolean {
    const { hash } = this
    this.pops = 0
    if (old !== 0) {
      if (this.score(old) !== score) {
        this.walker?.willChange(old, hash)
        this.tree.rescore(old, score)
      }
      return false
    }
    const length = end - start
    const made = this.heap.alloc(ELEMENT_HEADER_BYTES + length)
    this.heap.f64[chunkOf(made)]![doubleOf(made)] = score
    this.heap.u32[chunkOf(made)]![wordOf(made) + LENGTH_WORD] = length
    const u8 = this.bytesOf(made)
    const at = this.memberStart(made)
    for (let i = 0; i < length; i++) u8[at + i] = buf[start + i]!
    this.table.insert(made, hash)
    this.walker?.added(made, hash)
    this.tree.insert(made)
    this.note()
    return true
  }

  /** Removes a member; false where it is not there. */
  delete(buf: Uint8Array, start: number, end: number): boolean {
    const handle = this.find(buf, start, end)
    if (handle === 0) return false
    if (this.walker !== null) {
      this.walker.willChange(handle, this.hash)
      this.walker.removed(handle)
    }
    this.pops = 0
    this.table.removeFound()
    this.tree.remove(handle)
    this.heap.free(handle)
    this.note()
    return true
  }

  /** Removes the elements of ranks [from, to), which there are. */
  removeRange(from: number, to: number): void {
    const { tree } = this
    const atEnd = to === this.size
    if (to - from === 1 && (from === 0 || atEnd)) {
      this.dropEnd(atEnd)
      return
    }
    for (let left = to - from; left > 0; ) {
      const many = tree.cut(from, from + left)
      for (let i = 0; i < many; i += AHEAD) this.dropMany(i, Math.min(i + AHEAD, many))
      left -= many
    }
    this.note()
  }

  /** The element of the lowest rank, or the highest, of a set that has some. */
  end(highest: boolean): number {
    return this.tree.end(highest)
  }

  /** Removes the element of the lowest rank, or the highest, of a set that has some. */
  dropEnd(highest: boolean): void {
    const element = this.tree.cutEnd(highest)
    this.drop(element, this.hashOf(element))
    this.lookAhead(highest)
    this.note()
  }

  /** Forgets some of what the tree has just taken out, no more than AHEAD. */
  private dropMany(from: number, to: number): void {
    const { taken, ahead, hashes } = this.paths
    for (let i = from; i < to; i++) ahead[i - from] = taken[i]!
    this.bringNear(to - from)
    for (let i = from; i < to; i++) this.drop(taken[i]!, hashes[i - from]!)
  }

  /** Forgets an element that the tree does not have any more. */
  private drop(handle: number, hash: number): void {
    if (this.walker !== null) {
      this.walker.willChange(handle, hash)
      this.walker.removed(handle)
    }
    if (this.table.findHandle(handle, hash)) this.table.removeFound()
    this.heap.free(handle)
  }

  /**
   * One end loses elements one by one, again and again, as a queue does: those that are next are brought near, many at a time.
   */
  private lookAhead(atEnd: boolean): void {
    if (atEnd !== this.popsAtEnd) {
      this.popsAtEnd = atEnd
      this.pops = 0
      this.near = 0
    }
    this.near--
    if (++this.pops < POPS_BEFORE_LOOK || this.near > 0) return
    this.near = this.tree.look(this.paths.ahead, AHEAD, atEnd)
    this.bringNear(this.near)
  }

  /** Reads what is needed to take elements out of the table, those in `paths.ahead`; their hashes are in `paths.hashes` then. */
  private bringNear(count: number): void {
    const { ahead, hashes, foreseen } = this.paths
    let { seen } = this
    for (let i = 0; i < count; i++) seen ^= this.touch(ahead[i]!)
    for (let i = 0; i < count; i++) hashes[i] = this.hashOf(ahead[i]!)
    this.seen = seen ^ this.table.foresee(hashes, count, foreseen)
  }

  /** How many elements stand in front of one. */
  rankOf(handle: number): number {
    return this.tree.rankOf(handle)
  }

  /** How many elements have a lower score, or with `orEqual` one that is not higher. */
  countBelow(score: number, orEqual: boolean): number {
    return this.tree.countBelow(score, orEqual)
  }

  /** How many members stand in front of `buf[start, end)`, or with `orEqual` not behind it; where all scores are equal. */
  countBefore(buf: Uint8Array, start: number, end: number, orEqual: boolean): number {
    return this.tree.countBefore(buf, start, end, orEqual)
  }

  /** Visits the elements of ranks [from, to), backwards where `reverse`. `visit` must not change the set, nor go through it. */
  range(from: number, to: number, reverse: boolean, visit: (handle: number) => void): void {
    if (from >= to) return
    if (to - from === 1 && (from === 0 || to === this.size)) {
      visit(this.tree.end(from !== 0))
      return
    }
    this.tree.seek(reverse ? to - 1 : from)
    for (let left = to - from; left > 0; left--) {
      const element = this.tree.take(reverse)
      if (element === 0) return
      visit(element)
    }
  }

  /** Begins to go through the elements at a rank; false where there is none. */
  seek(rank: number): boolean {
    return this.tree.seek(rank)
  }

  /**
   * The next elements from where `seek` went, up to `count`, backwards where `reverse`: how many are in `into` then, 0 only behind
   * the last one. Nothing may have been written meanwhile.
   */
  takeMany(into: Uint32Array, count: number, reverse: boolean): number {
    return this.tree.takeMany(into, count, reverse)
  }

  /** Visits a part of the elements in no order and returns the next cursor, 0 at the end; see Table.scan. */
  scan(cursor: number, visit: (handle: number) => void): number {
    return this.table.scan(cursor, visit)
  }

  /** Moves blocks of a part that lie where the heap is being emptied; returns where to go on, 0 at the end. */
  relocate(cursor: number): number {
    if (cursor >= TREE_CURSOR) return this.relocateTree(cursor - TREE_CURSOR)
    const next = this.table.scan(cursor, (handle) => {
      if (!this.heap.isLeaving(handle) || !this.table.findHandle(handle, this.hashOf(handle))) return
      const made = copyBlock(this.heap, handle)
      this.table.replaceFound(made)
      this.walker?.replaced(handle, made)
      this.tree.replace(handle, made)
      this.heap.free(handle)
    })
    return next === 0 ? TREE_CURSOR : next
  }

  private relocateTree(rank: number): number {
    let at = rank
    for (let left = LEAVES_A_STEP; left > 0; left--) {
      at = this.tree.relocate(at)
      if (at === 0) return 0
    }
    return TREE_CURSOR + at
  }

  heapBytes(samples: number): number {
    const enough = samples === 0 ? this.size : Math.min(samples, this.size)
    let seen = 0
    let bytes = 0
    let cursor = 0
    do {
      cursor = this.table.scan(cursor, (handle) => {
        seen++
        bytes += this.heap.sizeOf(handle)
      })
    } while (cursor !== 0 && seen < enough)
    return seen === 0 ? 0 : Math.round((bytes / seen) * this.size) + this.tree.heapBytes
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  get blocks(): number {
    return this.table.size + this.tree.blocks
  }

  freeSome(blocks: number): boolean {
    // The tree first, which asks no element.
    if (this.tree.freeSome(blocks)) return true
    let left = blocks
    do {
      this.freed = this.table.scan(this.freed, (handle) => {
        this.heap.free(handle)
        left--
      })
    } while (this.freed !== 0 && left > 0)
    if (this.freed === 0) this.table.clear()
    return this.freed !== 0
  }

  private note(): void {
    const { bytes } = this.table
    if (bytes === this.noted) return
    this.owner.bytes += bytes - this.noted
    this.noted = bytes
  }
}
