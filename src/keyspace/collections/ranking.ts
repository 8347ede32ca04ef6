/**
 * The large form of sorted sets: one block of the byte heap an element, found by its member in a table (table.ts) and kept in
 * order, by score and then by the member's bytes, in a tree that runs through the same blocks:
 *
 *     8 bytes   the score, a double
 *     word 2    length of the member
 *     word 3    the left child, 0 for none
 *     word 4    the right child
 *     word 5    how many elements the subtree has, this one included
 *     the member's bytes
 *
 * The tree is a treap (Seidel and Aragon: "Randomized search trees", 1996): a heap by priorities that are as good as random, so
 * that it is as deep as one built from shuffled elements, whatever order they came in. A priority is the handle, scrambled
 * with a number of the tree's own, and takes no room. The counts give ranks, and elements by rank, in logarithmic time.
 */

import { compareBytes, sameBytes } from '../../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf, doubleOf, wordOf } from '../../bytes/heap.js'
import { copyBlock } from '../block.js'
import type { Entries } from '../entries.js'
import { Table, type TableKeys } from '../table.js'
import type { LargeValue, LargeValues } from './large.js'
import type { ElementWalk } from './walks.js'

const HEADER_BYTES = 24
const LENGTH = 2
const LEFT = 3
const RIGHT = 4
const COUNT = 5
/** Room for the path of an iteration: trees are less deep, but grow it where one is not. */
const PATH_FIRST = 64

export class Ranking implements LargeValue, TableKeys {
  private readonly entries: Entries
  private readonly heap: ByteHeap
  private readonly owner: LargeValues
  private readonly seed: number
  private readonly table: Table
  private root = 0
  private noted = 0
  walker: ElementWalk | null = null
  /** Where `freeSome` goes on. */
  private freed = 0
  /** The hash of the member that `find` was asked for last. */
  private hash = 0
  /** The nodes from the root to where `first` and `next` are that are still to be shown, and how many. */
  private path: Uint32Array = new Uint32Array(PATH_FIRST)
  private steps = 0
  /** What `split` leaves: the elements in front of the one given, and those behind it. */
  private low = 0
  private high = 0

  /** `entries` lends its secret hash; `owner` counts the bytes; `seed` is a random number. */
  constructor(entries: Entries, owner: LargeValues, seed: number, expected = 0) {
    this.entries = entries
    this.heap = entries.heap
    this.owner = owner
    this.seed = seed
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
    const start = this.memberStart(handle)
    return this.entries.hash(this.bytesOf(handle), start, start + this.memberLength(handle))
  }

  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const at = this.memberStart(handle)
    return sameBytes(this.bytesOf(handle), at, at + this.memberLength(handle), buf, start, end)
  }

  /** The chunk's bytes, which `memberStart` indexes. */
  bytesOf(handle: number): Uint8Array {
    return this.heap.u8[chunkOf(handle)]!
  }

  memberStart(handle: number): number {
    return byteOf(handle) + HEADER_BYTES
  }

  memberLength(handle: number): number {
    return this.word(handle, LENGTH)
  }

  score(handle: number): number {
    return this.heap.f64[chunkOf(handle)]![doubleOf(handle)]!
  }

  /** The element whose member is `buf[start, end)`, or 0. Valid until it is removed. */
  find(buf: Uint8Array, start: number, end: number): number {
    this.hash = this.entries.hash(buf, start, end)
    return this.table.find(buf, start, end, this.hash)
  }

  /** Adds a member or gives it another score; true where it is new. */
  set(buf: Uint8Array, start: number, end: number, score: number): boolean {
    return this.setFound(this.find(buf, start, end), buf, start, end, score)
  }

  /** As `set`, where `old` is what `find` just found for this member. */
  setFound(old: number, buf: Uint8Array, start: number, end: number, score: number): boolean {
    const { hash } = this
    if (old !== 0) {
      if (this.score(old) !== score) {
        this.walker?.willChange(old, hash)
        this.uproot(old)
        this.heap.f64[chunkOf(old)]![doubleOf(old)] = score
        this.plant(old)
      }
      return false
    }
    const length = end - start
    const made = this.heap.alloc(HEADER_BYTES + length)
    this.heap.f64[chunkOf(made)]![doubleOf(made)] = score
    this.setWord(made, LENGTH, length)
    const u8 = this.bytesOf(made)
    const at = this.memberStart(made)
    for (let i = 0; i < length; i++) u8[at + i] = buf[start + i]!
    this.table.insert(made, hash)
    this.walker?.added(made, hash)
    this.plant(made)
    this.note()
    return true
  }

  /** Removes a member; false where it is not there. */
  delete(buf: Uint8Array, start: number, end: number): boolean {
    const handle = this.find(buf, start, end)
    if (handle === 0) return false
    if (this.walker !== null) {
      this.walker.willChange(handle, this.hashOf(handle))
      this.walker.removed(handle)
    }
    this.table.removeFound()
    this.uproot(handle)
    this.heap.free(handle)
    this.note()
    return true
  }

  /** How many elements stand in front of one. */
  rankOf(handle: number): number {
    const buf = this.bytesOf(handle)
    const start = this.memberStart(handle)
    const end = start + this.memberLength(handle)
    const score = this.score(handle)
    return this.countFront((element) => this.isFront(element, score, buf, start, end))
  }

  /** How many elements there are for which `isFront` holds, which must be true up to somewhere and false from there on. */
  countFront(isFront: (handle: number) => boolean): number {
    let count = 0
    let at = this.root
    while (at !== 0) {
      if (isFront(at)) {
        count += 1 + this.count(this.word(at, LEFT))
        at = this.word(at, RIGHT)
      } else at = this.word(at, LEFT)
    }
    return count
  }

  /** The element of a rank, 0 if there is none. */
  at(rank: number): number {
    let at = this.root
    let left = rank
    while (at !== 0) {
      const before = this.count(this.word(at, LEFT))
      if (left === before) return at
      if (left < before) at = this.word(at, LEFT)
      else {
        left -= before + 1
        at = this.word(at, RIGHT)
      }
    }
    return 0
  }

  /** Visits the elements of ranks [from, to), backwards where `reverse`. `visit` must not change the set. */
  range(from: number, to: number, reverse: boolean, visit: (handle: number) => void): void {
    let left = to - from
    for (let at = this.first(reverse ? to - 1 : from, reverse); at !== 0 && left > 0; left--) {
      visit(at)
      at = this.next(reverse)
    }
  }

  /** Begins to go through the elements at a rank, backwards where `reverse`: its element, 0 where there is none. */
  first(rank: number, reverse: boolean): number {
    this.steps = 0
    let at = this.root
    let left = rank
    const behind = reverse ? RIGHT : LEFT
    while (at !== 0) {
      const before = this.count(this.word(at, LEFT))
      if (left === before) return this.push(at)
      // Nodes that are passed on the side where the iteration begins come after what lies below them.
      const side = left < before ? LEFT : RIGHT
      if (side === RIGHT) left -= before + 1
      if (side === behind) this.push(at)
      at = this.word(at, side)
    }
    this.steps = 0
    return 0
  }

  /** The element behind the one that `first` or `next` returned, 0 for none. Nothing may have been written meanwhile. */
  next(reverse: boolean): number {
    let { steps, path } = this
    if (steps === 0) return 0
    const { u32 } = this.heap
    const near = reverse ? RIGHT : LEFT
    let at = path[--steps]!
    at = u32[chunkOf(at)]![wordOf(at) + (reverse ? LEFT : RIGHT)]!
    while (at !== 0) {
      if (steps === path.length) path = this.longerPath()
      path[steps++] = at
      at = u32[chunkOf(at)]![wordOf(at) + near]!
    }
    this.steps = steps
    return steps === 0 ? 0 : path[steps - 1]!
  }

  private push(at: number): number {
    if (this.steps === this.path.length) this.longerPath()
    this.path[this.steps++] = at
    return at
  }

  private longerPath(): Uint32Array {
    const longer = new Uint32Array(this.path.length * 2)
    longer.set(this.path)
    this.path = longer
    return longer
  }

  /** Removes the element of the lowest or the highest rank, of a set that has some. */
  dropEnd(lowest: boolean): void {
    const near = lowest ? LEFT : RIGHT
    let parent = 0
    let at = this.root
    for (let next = this.word(at, near); next !== 0; next = this.word(at, near)) {
      this.setWord(at, COUNT, this.word(at, COUNT) - 1)
      parent = at
      at = next
    }
    const hash = this.hashOf(at)
    if (this.walker !== null) {
      this.walker.willChange(at, hash)
      this.walker.removed(at)
    }
    this.link(parent, near, this.word(at, lowest ? RIGHT : LEFT))
    if (this.table.findHandle(at, hash)) this.table.removeFound()
    this.heap.free(at)
    this.note()
  }

  /** Visits a part of the elements in no order and returns the next cursor, 0 at the end; see Table.scan. */
  scan(cursor: number, visit: (handle: number) => void): number {
    return this.table.scan(cursor, visit)
  }

  /** Moves elements of a part that lie where the heap is being emptied; returns where to go on, 0 at the end. */
  relocate(cursor: number): number {
    return this.table.scan(cursor, (handle) => {
      if (!this.heap.isLeaving(handle) || !this.table.findHandle(handle, this.hashOf(handle))) return
      // A handle is a priority, too: the element gets another place in the tree.
      this.uproot(handle)
      const made = copyBlock(this.heap, handle)
      this.table.replaceFound(made)
      this.walker?.replaced(handle, made)
      this.heap.free(handle)
      this.plant(made)
    })
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
    return seen === 0 ? 0 : Math.round((bytes / seen) * this.size)
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  get blocks(): number {
    return this.table.size
  }

  freeSome(blocks: number): boolean {
    let left = blocks
    do {
      this.freed = this.table.scan(this.freed, (handle) => {
        this.heap.free(handle)
        left--
      })
    } while (this.freed !== 0 && left > 0)
    this.root = 0
    if (this.freed === 0) this.table.clear()
    return this.freed !== 0
  }

  private word(handle: number, index: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + index]!
  }

  private setWord(handle: number, index: number, value: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle) + index] = value
  }

  private count(handle: number): number {
    return handle === 0 ? 0 : this.word(handle, COUNT)
  }

  private recount(handle: number): void {
    const both = this.count(this.word(handle, LEFT)) + this.count(this.word(handle, RIGHT))
    this.setWord(handle, COUNT, both + 1)
  }

  /** The scramble of MurmurHash3's end: every bit of the handle decides about every bit of the priority. */
  private priority(handle: number): number {
    let x = handle ^ this.seed
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return (x ^ (x >>> 16)) >>> 0
  }

  /** Whether the element stands in front of the score and member given. */
  private isFront(handle: number, score: number, buf: Uint8Array, start: number, end: number): boolean {
    const own = this.heap.f64[chunkOf(handle)]![doubleOf(handle)]!
    if (own !== score) return own < score
    const at = this.memberStart(handle)
    return compareBytes(this.bytesOf(handle), at, at + this.memberLength(handle), buf, start, end) < 0
  }

  /** Hangs a node below `parent`, or as the root where that is 0. */
  private link(parent: number, side: number, child: number): void {
    if (parent === 0) this.root = child
    else this.setWord(parent, side, child)
  }

  private plant(made: number): void {
    const score = this.score(made)
    const buf = this.bytesOf(made)
    const start = this.memberStart(made)
    const end = start + this.memberLength(made)
    const priority = this.priority(made)
    let parent = 0
    let side = LEFT
    let at = this.root
    while (at !== 0 && this.priority(at) >= priority) {
      const u32 = this.heap.u32[chunkOf(at)]!
      const word = wordOf(at)
      u32[word + COUNT]!++
      parent = at
      side = this.isFront(at, score, buf, start, end) ? RIGHT : LEFT
      at = u32[word + side]!
    }
    this.split(at, score, buf, start, end)
    this.setWord(made, LEFT, this.low)
    this.setWord(made, RIGHT, this.high)
    this.recount(made)
    this.link(parent, side, made)
  }

  private split(at: number, score: number, buf: Uint8Array, start: number, end: number): void {
    if (at === 0) {
      this.low = 0
      this.high = 0
      return
    }
    if (this.isFront(at, score, buf, start, end)) {
      this.split(this.word(at, RIGHT), score, buf, start, end)
      this.setWord(at, RIGHT, this.low)
      this.low = at
    } else {
      this.split(this.word(at, LEFT), score, buf, start, end)
      this.setWord(at, LEFT, this.high)
      this.high = at
    }
    this.recount(at)
  }

  private uproot(handle: number): void {
    const score = this.score(handle)
    const buf = this.bytesOf(handle)
    const start = this.memberStart(handle)
    const end = start + this.memberLength(handle)
    let parent = 0
    let side = LEFT
    let at = this.root
    while (at !== handle) {
      const u32 = this.heap.u32[chunkOf(at)]!
      const word = wordOf(at)
      u32[word + COUNT]!--
      parent = at
      side = this.isFront(at, score, buf, start, end) ? RIGHT : LEFT
      at = u32[word + side]!
    }
    this.link(parent, side, this.merge(this.word(handle, LEFT), this.word(handle, RIGHT)))
  }

  private merge(low: number, high: number): number {
    if (low === 0) return high
    if (high === 0) return low
    if (this.priority(low) >= this.priority(high)) {
      this.setWord(low, RIGHT, this.merge(this.word(low, RIGHT), high))
      this.recount(low)
      return low
    }
    this.setWord(high, LEFT, this.merge(low, this.word(high, LEFT)))
    this.recount(high)
    return high
  }

  private note(): void {
    const { bytes } = this.table
    if (bytes === this.noted) return
    this.owner.bytes += bytes - this.noted
    this.noted = bytes
  }
}
