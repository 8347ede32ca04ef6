/**
 * The nodes of the tree that keeps a large sorted set in order (rank-tree.ts): each is a block of the byte heap. In front stand four
 * words: how many entries it has, in a leaf the leaf before and the leaf behind (0: none), and for how many entries it has room.
 * Then come columns, not rows, so that a search reads nothing but scores, eight to a cache line, and an element's block only where
 * scores are equal:
 *
 *     leaf          scores (doubles)   elements (handles)
 *     inner node    scores             elements             children (handles)   how many elements each child has below it
 *
 * In an inner node, score and element are those of the first element below the child, except for the node's first child, of
 * which nobody asks (what stands there does not matter). An element is a block of the byte heap too:
 *
 *     8 bytes   the score, a double
 *     word 2    length of the member
 *     the member's bytes
 */

import { compareBytes } from '../../bytes/ascii.js'
import { AssertionError } from '../../bytes/assert.js'
import { type ByteHeap, byteOf, chunkOf, doubleOf, wordOf } from '../../bytes/heap.js'

/** What stands in front of an element's member, and the word of it that has the member's length. */
export const ELEMENT_HEADER_BYTES = 12
export const LENGTH_WORD = 2

export const COUNT = 0
export const BEFORE = 1
export const BEHIND = 2
export const ROOM = 3
export const HEADER_WORDS = 4
export const HEADER_DOUBLES = 2
/** Measured: leaves of 512 to 1536 bytes, and inner nodes of 1 to 2.5 KiB, are equally quick. */
export const LEAF_BYTES = 768
export const LEAF_ROOM = ((LEAF_BYTES - HEADER_WORDS * 4) / 12) | 0
export const FIRST_LEAF_ROOM = 4
export const INNER_BYTES = 1280
export const INNER_ROOM = ((INNER_BYTES - HEADER_WORDS * 4) / 20) | 0
/** Words from the node's begin to its columns. */
export const INNER_ELEMENTS = HEADER_WORDS + INNER_ROOM * 2
export const INNER_CHILDREN = INNER_ELEMENTS + INNER_ROOM
export const INNER_COUNTS = INNER_CHILDREN + INNER_ROOM
/** Scores in a cache line. */
const LINE = 8
/** As many entries are moved in a loop; more by a call, which costs as much as so many. */
const MOVE_LOOP_MAX = 32

/** A tree higher than this would have more elements than there are handles. */
const HEIGHT_MAX = 12
/** A node with fewer entries than this part of what it has room for looks for a neighbour to merge with. */
export const SPARSE_PART = 4
/** As many elements are brought near at once. */
export const AHEAD = 16
/** What the trees of one keyspace share: where the last descent went, and what the last `cut` took out. */
export class RankTreePaths {
  /** By level, 0 being the leaf: the node, and which of its entries was taken. */
  readonly nodes = new Uint32Array(HEIGHT_MAX)
  readonly slots = new Int32Array(HEIGHT_MAX)
  readonly taken = new Uint32Array(LEAF_ROOM)
  /** Room for elements that are brought near (ranking.ts), their hashes, and what a table says of those. */
  readonly ahead = new Uint32Array(AHEAD)
  readonly hashes = new Int32Array(AHEAD)
  readonly foreseen = new Uint32Array(AHEAD)
}

export class RankNodes {
  protected readonly heap: ByteHeap
  protected leaves = 0
  protected inner = 0

  constructor(heap: ByteHeap) {
    this.heap = heap
  }

  /** Of how many nodes it is made. */
  get blocks(): number {
    return this.leaves + this.inner
  }

  /** The first entry of a node, from `from` on, whose score is not below `score`, or with `orEqual` is above it. */
  protected searchScore(node: number, from: number, score: number, orEqual: boolean): number {
    const scores = this.heap.f64[chunkOf(node)]!
    const base = doubleOf(node) + HEADER_DOUBLES
    const end = base + this.word(node, COUNT)
    let at = skipBelow(scores, base + from, end, score)
    if (orEqual) while (at < end && scores[at]! === score) at++
    return at - base
  }

  protected searchMember(
    node: number,
    elements: number,
    from: number,
    buf: Uint8Array,
    start: number,
    end: number,
    orEqual: boolean,
  ): number {
    let low = from
    let high = this.word(node, COUNT)
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = this.compareMember(this.word(node, elements + middle), buf, start, end)
      if (order < 0 || (orEqual && order === 0)) low = middle + 1
      else high = middle
    }
    return low
  }

  protected compareMember(element: number, buf: Uint8Array, start: number, end: number): number {
    const at = byteOf(element) + ELEMENT_HEADER_BYTES
    const length = this.heap.u32[chunkOf(element)]![wordOf(element) + LENGTH_WORD]!
    return compareBytes(this.heap.u8[chunkOf(element)]!, at, at + length, buf, start, end)
  }

  /** The first entry of a node, from `from` on, that does not stand in front of an element, or with `orSame` is not itself. */
  protected search(node: number, elements: number, from: number, element: number, orSame: boolean): number {
    const { heap } = this
    const score = heap.f64[chunkOf(element)]![doubleOf(element)]!
    const scores = heap.f64[chunkOf(node)]!
    const base = doubleOf(node) + HEADER_DOUBLES
    const end = base + this.word(node, COUNT)
    const at = skipBelow(scores, base + from, end, score)
    let low = at - base
    if (at === end || scores[at]! !== score) return low
    // Where scores are equal their elements tell, which are far away: most often there is one, the element itself.
    let next = at + 1
    while (next < end && scores[next]! === score) next++
    let high = next - base
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.isFront(this.word(node, elements + middle), element, orSame)) low = middle + 1
      else high = middle
    }
    return low
  }

  protected isFront(other: number, element: number, orSame: boolean): boolean {
    if (other === element) return orSame
    const at = byteOf(element) + ELEMENT_HEADER_BYTES
    const length = this.heap.u32[chunkOf(element)]![wordOf(element) + LENGTH_WORD]!
    return this.compareMember(other, this.heap.u8[chunkOf(element)]!, at, at + length) < 0
  }

  protected newLeaf(room: number): number {
    const leaf = this.heap.alloc(HEADER_WORDS * 4 + room * 12)
    this.leaves++
    this.setHeader(leaf, room)
    return leaf
  }

  protected setHeader(node: number, room: number): void {
    const u32 = this.heap.u32[chunkOf(node)]!
    const base = wordOf(node)
    u32[base + COUNT] = 0
    u32[base + BEFORE] = 0
    u32[base + BEHIND] = 0
    u32[base + ROOM] = room
  }

  protected newInner(): number {
    const node = this.heap.alloc(INNER_BYTES)
    this.inner++
    this.setHeader(node, INNER_ROOM)
    return node
  }

  /** Else the tree is broken: whoever finds that out stops. */
  protected mustBe(leaf: number, index: number, element: number): void {
    if (this.word(leaf, this.elementsOf(leaf) + index) !== element)
      throw new AssertionError('an element is lost')
  }

  protected word(node: number, word: number): number {
    return this.heap.u32[chunkOf(node)]![wordOf(node) + word]!
  }

  protected setWord(node: number, word: number, value: number): void {
    this.heap.u32[chunkOf(node)]![wordOf(node) + word] = value
  }

  protected addWord(node: number, word: number, more: number): void {
    this.setWord(node, word, this.word(node, word) + more)
  }

  /** Where the elements of a leaf begin, in words. */
  protected elementsOf(leaf: number): number {
    return HEADER_WORDS + this.heap.u32[chunkOf(leaf)]![wordOf(leaf) + ROOM]! * 2
  }

  /** Puts an element into a leaf that has room, those behind it moving up. */
  protected put(leaf: number, index: number, element: number): void {
    const { heap } = this
    const u32 = heap.u32[chunkOf(leaf)]!
    const f64 = heap.f64[chunkOf(leaf)]!
    const base = wordOf(leaf)
    const count = u32[base + COUNT]!
    const scores = doubleOf(leaf) + HEADER_DOUBLES
    const elements = base + HEADER_WORDS + u32[base + ROOM]! * 2
    if (count - index > MOVE_LOOP_MAX) {
      f64.copyWithin(scores + index + 1, scores + index, scores + count)
      u32.copyWithin(elements + index + 1, elements + index, elements + count)
    } else {
      for (let i = count; i > index; i--) {
        f64[scores + i] = f64[scores + i - 1]!
        u32[elements + i] = u32[elements + i - 1]!
      }
    }
    f64[scores + index] = heap.f64[chunkOf(element)]![doubleOf(element)]!
    u32[elements + index] = element
    u32[base + COUNT] = count + 1
  }

  /** Takes entries [from, to) out of a leaf. */
  protected closeLeaf(leaf: number, from: number, to: number): void {
    const { heap } = this
    const u32 = heap.u32[chunkOf(leaf)]!
    const f64 = heap.f64[chunkOf(leaf)]!
    const base = wordOf(leaf)
    const count = u32[base + COUNT]!
    const scores = doubleOf(leaf) + HEADER_DOUBLES
    const elements = base + HEADER_WORDS + u32[base + ROOM]! * 2
    if (count - to > MOVE_LOOP_MAX) {
      f64.copyWithin(scores + from, scores + to, scores + count)
      u32.copyWithin(elements + from, elements + to, elements + count)
    } else {
      for (let i = to, j = from; i < count; i++, j++) {
        f64[scores + j] = f64[scores + i]!
        u32[elements + j] = u32[elements + i]!
      }
    }
    u32[base + COUNT] = count - to + from
  }

  protected copyLeaf(from: number, fromIndex: number, to: number, toIndex: number, many: number): void {
    this.copyScores(from, fromIndex, to, toIndex, many)
    this.copyWords(from, this.elementsOf(from) + fromIndex, to, this.elementsOf(to) + toIndex, many)
  }

  protected copyInner(from: number, fromIndex: number, to: number, toIndex: number, many: number): void {
    this.copyScores(from, fromIndex, to, toIndex, many)
    this.copyWords(from, INNER_ELEMENTS + fromIndex, to, INNER_ELEMENTS + toIndex, many)
    this.copyWords(from, INNER_CHILDREN + fromIndex, to, INNER_CHILDREN + toIndex, many)
    this.copyWords(from, INNER_COUNTS + fromIndex, to, INNER_COUNTS + toIndex, many)
  }

  protected copyScores(from: number, fromIndex: number, to: number, toIndex: number, many: number): void {
    const at = doubleOf(from) + HEADER_DOUBLES + fromIndex
    const source = this.heap.f64[chunkOf(from)]!.subarray(at, at + many)
    this.heap.f64[chunkOf(to)]!.set(source, doubleOf(to) + HEADER_DOUBLES + toIndex)
  }

  protected copyWords(from: number, fromWord: number, to: number, toWord: number, many: number): void {
    const at = wordOf(from) + fromWord
    const source = this.heap.u32[chunkOf(from)]!.subarray(at, at + many)
    this.heap.u32[chunkOf(to)]!.set(source, wordOf(to) + toWord)
  }

  /** Puts a child into an inner node that has room. */
  protected openInner(node: number, slot: number, child: number, below: number, first: number): void {
    const { heap } = this
    const u32 = heap.u32[chunkOf(node)]!
    const f64 = heap.f64[chunkOf(node)]!
    const base = wordOf(node)
    const scores = doubleOf(node) + HEADER_DOUBLES
    const count = u32[base + COUNT]!
    f64.copyWithin(scores + slot + 1, scores + slot, scores + count)
    for (let column = INNER_ELEMENTS; column <= INNER_COUNTS; column += INNER_ROOM)
      u32.copyWithin(base + column + slot + 1, base + column + slot, base + column + count)
    f64[scores + slot] = heap.f64[chunkOf(first)]![doubleOf(first)]!
    u32[base + INNER_ELEMENTS + slot] = first
    u32[base + INNER_CHILDREN + slot] = child
    u32[base + INNER_COUNTS + slot] = below
    u32[base + COUNT] = count + 1
  }

  protected closeInner(node: number, slot: number): void {
    const { heap } = this
    const u32 = heap.u32[chunkOf(node)]!
    const f64 = heap.f64[chunkOf(node)]!
    const base = wordOf(node)
    const scores = doubleOf(node) + HEADER_DOUBLES
    const count = u32[base + COUNT]!
    f64.copyWithin(scores + slot, scores + slot + 1, scores + count)
    for (let column = INNER_ELEMENTS; column <= INNER_COUNTS; column += INNER_ROOM)
      u32.copyWithin(base + column + slot, base + column + slot + 1, base + column + count)
    u32[base + COUNT] = count - 1
  }
}

/**
 * The first of the scores [from, end), which ascend, that is not below `score`. It looks at one of each cache line first: a
 * processor that guesses rightly that the search goes on waits for all the lines at once, and for one after the other where they are halved.
 */
function skipBelow(scores: Float64Array, from: number, end: number, score: number): number {
  let at = from
  while (at + LINE <= end && scores[at + LINE - 1]! < score) at += LINE
  while (at < end && scores[at]! < score) at++
  return at
}
