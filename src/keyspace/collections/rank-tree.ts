/**
 * The order of a large sorted set: a B+ tree over its elements by score and then by the member's bytes, which counts, so that
 * an element's rank, and the element of a rank, are found in logarithmic time. Nodes are wide (rank-nodes.ts): a million elements
 * make a tree of three or four levels, of which all but the leaves fit in the processor's caches, so that an insertion waits for
 * memory twice or so.
 *
 * A full node is halved, except where elements come in order, from the lowest or from the highest: there a node is left full and
 * another one begun. A node of which little is left is merged with its neighbour. A tree of one leaf begins with a small one.
 */

import { type ByteHeap, chunkOf, doubleOf, wordOf } from '../../bytes/heap.js'
import { copyBlock } from '../block.js'
import {
  BEFORE,
  BEHIND,
  COUNT,
  FIRST_LEAF_ROOM,
  HEADER_DOUBLES,
  HEADER_WORDS,
  INNER_BYTES,
  INNER_CHILDREN,
  INNER_COUNTS,
  INNER_ELEMENTS,
  INNER_ROOM,
  LEAF_BYTES,
  LEAF_ROOM,
  RankNodes,
  type RankTreePaths,
  ROOM,
  SPARSE_PART,
} from './rank-nodes.js'

export class RankTree extends RankNodes {
  /** How many elements. */
  size = 0
  /**
   * Entries at the begin of the first leaf that are none any more: who takes the lowest again and again need not move the
   * others each time. Counts do not know of it either; whatever looks further than at the lowest calls `settleFirst` before.
   */
  private skipped = 0
  private root = 0
  /** Levels of inner nodes. */
  private height = 0
  private firstLeaf = 0
  private lastLeaf = 0
  /** The cursor: a leaf, 0 for none, and an entry in it. */
  private leaf = 0
  private index = 0
  private readonly paths: RankTreePaths

  constructor(heap: ByteHeap, paths: RankTreePaths) {
    super(heap)
    this.paths = paths
  }

  /** Bytes of its nodes. */
  get heapBytes(): number {
    if (this.leaves === 1) return this.heap.sizeOf(this.root)
    return this.leaves * LEAF_BYTES + this.inner * INNER_BYTES
  }

  /** Frees about so many nodes, not the elements; true while there is more. No other use in between. */
  freeSome(blocks: number): boolean {
    const { heap } = this
    let left = blocks
    // Leaves first: what is above them finds its way without.
    while (this.height > 0 && this.firstLeaf !== 0) {
      if (left-- <= 0) return true
      const behind = this.word(this.firstLeaf, BEHIND)
      heap.free(this.firstLeaf)
      this.firstLeaf = behind
    }
    if (this.root !== 0) this.freeFrom(this.root, this.height)
    this.forget()
    return false
  }

  /** Frees the inner nodes from `node` on, or a leaf that is the root. */
  private freeFrom(node: number, level: number): void {
    if (level > 1) {
      const count = this.word(node, COUNT)
      for (let i = 0; i < count; i++) this.freeFrom(this.word(node, INNER_CHILDREN + i), level - 1)
    }
    this.heap.free(node)
  }

  private forget(): void {
    this.root = 0
    this.height = 0
    this.size = 0
    this.skipped = 0
    this.firstLeaf = 0
    this.lastLeaf = 0
    this.leaf = 0
    this.leaves = 0
    this.inner = 0
  }

  // What is where.

  /** How many elements have a lower score, or with `orEqual` one that is not higher. */
  countBelow(score: number, orEqual: boolean): number {
    if (this.skipped !== 0) this.settleFirst()
    const { heap } = this
    let node = this.root
    if (node === 0) return 0
    let rank = 0
    for (let level = this.height; level > 0; level--) {
      const slot = this.searchScore(node, 1, score, orEqual) - 1
      const u32 = heap.u32[chunkOf(node)]!
      const base = wordOf(node)
      for (let i = 0; i < slot; i++) rank += u32[base + INNER_COUNTS + i]!
      node = u32[base + INNER_CHILDREN + slot]!
    }
    return rank + this.searchScore(node, 0, score, orEqual)
  }

  /** How many elements' members stand in front of `buf[start, end)`, or with `orEqual` not behind it; for equal scores. */
  countBefore(buf: Uint8Array, start: number, end: number, orEqual: boolean): number {
    if (this.skipped !== 0) this.settleFirst()
    const { heap } = this
    let node = this.root
    if (node === 0) return 0
    let rank = 0
    for (let level = this.height; level > 0; level--) {
      const slot = this.searchMember(node, INNER_ELEMENTS, 1, buf, start, end, orEqual) - 1
      const u32 = heap.u32[chunkOf(node)]!
      const base = wordOf(node)
      for (let i = 0; i < slot; i++) rank += u32[base + INNER_COUNTS + i]!
      node = u32[base + INNER_CHILDREN + slot]!
    }
    return rank + this.searchMember(node, this.elementsOf(node), 0, buf, start, end, orEqual)
  }

  /** How many elements stand in front of one. */
  rankOf(element: number): number {
    if (this.skipped !== 0) this.settleFirst()
    this.descend(element, 0)
    const { nodes, slots } = this.paths
    let rank = slots[0]!
    for (let level = this.height; level > 0; level--) {
      const u32 = this.heap.u32[chunkOf(nodes[level]!)]!
      const at = wordOf(nodes[level]!) + INNER_COUNTS
      const end = at + slots[level]!
      for (let i = at; i < end; i++) rank += u32[i]!
    }
    return rank
  }

  // The cursor. It is lost when anything is inserted or removed.

  /** Goes to the element of a rank; false where there is none. */
  seek(rank: number): boolean {
    if (this.skipped !== 0) this.settleFirst()
    if (rank < 0 || rank >= this.size) {
      this.leaf = 0
      return false
    }
    // Where one end is taken away it need not be searched for.
    if (rank === this.size - 1) this.enter(this.lastLeaf, true)
    else {
      this.descendTo(rank, 0)
      this.leaf = this.paths.nodes[0]!
      this.index = this.paths.slots[0]!
    }
    return true
  }

  /** The element at the cursor, 0 where that is nowhere; the cursor goes on to the next one, or backwards. */
  take(reverse: boolean): number {
    const { leaf } = this
    if (leaf === 0) return 0
    const element = this.word(leaf, this.elementsOf(leaf) + this.index)
    if (reverse) {
      if (--this.index < 0) this.enter(this.word(leaf, BEFORE), true)
    } else if (++this.index >= this.word(leaf, COUNT)) this.enter(this.word(leaf, BEHIND), false)
    return element
  }

  /** As `take`, of up to `count` elements that stand together in a leaf; how many there are in `into`. None only at the end. */
  takeMany(into: Uint32Array, count: number, reverse: boolean): number {
    const { leaf, index } = this
    if (leaf === 0) return 0
    const u32 = this.heap.u32[chunkOf(leaf)]!
    const base = wordOf(leaf)
    const there = reverse ? index + 1 : u32[base + COUNT]! - index
    const many = Math.min(there, count, into.length)
    const from = base + HEADER_WORDS + u32[base + ROOM]! * 2 + index
    if (reverse) for (let i = 0; i < many; i++) into[i] = u32[from - i]!
    else for (let i = 0; i < many; i++) into[i] = u32[from + i]!
    if (many < there) this.index = reverse ? index - many : index + many
    else this.enter(reverse ? u32[base + BEFORE]! : u32[base + BEHIND]!, reverse)
    return many
  }

  private enter(leaf: number, atEnd: boolean): void {
    this.leaf = leaf
    this.index = leaf !== 0 && atEnd ? this.word(leaf, COUNT) - 1 : 0
  }

  // Changes.

  /** Adds an element, which is not there. */
  insert(element: number): void {
    if (this.skipped !== 0) this.settleFirst()
    if (this.root === 0) this.begin()
    this.descend(element, 1)
    this.size++
    const { paths } = this
    let leaf = paths.nodes[0]!
    const index = paths.slots[0]!
    const count = this.word(leaf, COUNT)
    if (count === this.word(leaf, ROOM)) {
      if (this.leaves > 1 || count >= LEAF_ROOM) {
        this.split(leaf, index, element)
        return
      }
      leaf = this.growOnly(leaf)
    }
    this.put(leaf, index, element)
  }

  /** Takes out an element, which is there. Its block stays. */
  remove(element: number): void {
    if (this.skipped !== 0) this.settleFirst()
    this.descend(element, -1)
    this.takeOut(element)
  }

  /** Takes out the element at the end of the path, where the counts know of it already. */
  private takeOut(element: number): void {
    const leaf = this.paths.nodes[0]!
    const index = this.paths.slots[0]!
    this.mustBe(leaf, index, element)
    this.size--
    this.closeLeaf(leaf, index, index + 1)
    if (index === 0 && this.word(leaf, COUNT) > 0) this.nameFirst(1, leaf, this.elementsOf(leaf))
    this.settle(0, leaf)
  }

  /** Gives an element, which is there, another score, and writes it into its block. */
  rescore(element: number, score: number): void {
    if (this.skipped !== 0) this.settleFirst()
    const { heap, paths } = this
    this.descend(element, 0)
    const leaf = paths.nodes[0]!
    const index = paths.slots[0]!
    this.mustBe(leaf, index, element)
    const scores = heap.f64[chunkOf(leaf)]!
    const first = doubleOf(leaf) + HEADER_DOUBLES
    const last = first + this.word(leaf, COUNT) - 1
    const at = first + index
    const own = heap.f64[chunkOf(element)]!
    if (scores[first]! < score && score < scores[last]!) {
      // It stays in its leaf, which goes from the lowest to the highest of its scores; most often where it stands.
      own[doubleOf(element)] = score
      if (index > 0 && scores[at - 1]! < score && score < scores[at + 1]!) {
        scores[at] = score
        return
      }
      this.closeLeaf(leaf, index, index + 1)
      this.put(leaf, this.search(leaf, this.elementsOf(leaf), 0, element, false), element)
      if (index === 0) this.nameFirst(1, leaf, this.elementsOf(leaf))
      return
    }
    this.recount(-1)
    this.takeOut(element)
    own[doubleOf(element)] = score
    this.insert(element)
  }

  /** The element of the lowest rank, or the highest, of a tree that has some. */
  end(highest: boolean): number {
    if (highest) {
      const { lastLeaf } = this
      return this.word(lastLeaf, this.elementsOf(lastLeaf) + this.word(lastLeaf, COUNT) - 1)
    }
    const { firstLeaf } = this
    if (this.skipped === this.word(firstLeaf, COUNT)) this.settleFirst()
    return this.word(this.firstLeaf, this.elementsOf(this.firstLeaf) + this.skipped)
  }

  /** As many elements as stand together at an end, up to `many`; how many are in `into`, from the end on. */
  look(into: Uint32Array, many: number, highest: boolean): number {
    if (this.size === 0) return 0
    this.leaf = highest ? this.lastLeaf : this.firstLeaf
    this.index = highest ? this.word(this.leaf, COUNT) - 1 : this.skipped
    return this.takeMany(into, Math.min(many, this.size), highest)
  }

  /** Takes out the element of the lowest rank, or the highest, of a tree that has some. Its block stays. */
  cutEnd(highest: boolean): number {
    const element = this.end(highest)
    if (highest) this.cut(this.size - 1, this.size)
    else {
      this.skipped++
      this.size--
    }
    return element
  }

  private settleFirst(): void {
    const { skipped } = this
    this.skipped = 0
    this.size += skipped
    this.cut(0, skipped)
  }

  /**
   * Takes elements of ranks [from, to), which there are, out, as many as stand together in a leaf: they are in `paths.taken`
   * then, in their order. Returns how many. Their blocks stay.
   */
  cut(from: number, to: number): number {
    if (this.skipped !== 0) this.settleFirst()
    const { nodes, slots, taken } = this.paths
    this.descendTo(from, to - from)
    const leaf = nodes[0]!
    const index = slots[0]!
    const many = Math.min(to - from, this.word(leaf, COUNT) - index)
    // More was asked for than this leaf has: what was counted too much.
    if (many < to - from) this.recount(to - from - many)
    const elements = this.elementsOf(leaf) + index
    for (let i = 0; i < many; i++) taken[i] = this.word(leaf, elements + i)
    this.size -= many
    this.closeLeaf(leaf, index, index + many)
    if (index === 0 && this.word(leaf, COUNT) > 0) this.nameFirst(1, leaf, this.elementsOf(leaf))
    this.settle(0, leaf)
    return many
  }

  /** Adds to the counts along the last descent. */
  private recount(more: number): void {
    const { nodes, slots } = this.paths
    for (let level = this.height; level > 0; level--) {
      const node = nodes[level]!
      this.heap.u32[chunkOf(node)]![wordOf(node) + INNER_COUNTS + slots[level]!]! += more
    }
  }

  // Moving blocks.

  /** The element's block is another one now, with the same bytes; the old one is still there. */
  replace(element: number, by: number): void {
    if (this.skipped !== 0) this.settleFirst()
    this.descend(element, 0)
    const leaf = this.paths.nodes[0]!
    const index = this.paths.slots[0]!
    this.setWord(leaf, this.elementsOf(leaf) + index, by)
    if (index === 0) this.nameFirst(1, leaf, this.elementsOf(leaf))
  }

  /** Moves the nodes above the element of a rank that lie where the heap is being emptied; the rank behind the leaf, 0 at the end. */
  relocate(rank: number): number {
    if (this.skipped !== 0) this.settleFirst()
    const { heap } = this
    const { nodes, slots } = this.paths
    if (rank >= this.size) return 0
    this.leaf = 0
    this.descendTo(rank, 0)
    for (let level = this.height; level >= 0; level--) {
      const old = nodes[level]!
      if (!heap.isLeaving(old)) continue
      const made = copyBlock(heap, old)
      nodes[level] = made
      if (level === this.height) this.root = made
      else this.setWord(nodes[level + 1]!, INNER_CHILDREN + slots[level + 1]!, made)
      if (level === 0) {
        this.setBehind(this.word(made, BEFORE), made)
        this.setBefore(this.word(made, BEHIND), made)
      }
      heap.free(old)
    }
    const next = rank - slots[0]! + this.word(nodes[0]!, COUNT)
    return next < this.size ? next : 0
  }

  // The ways down.

  /**
   * Sets the path to where an element stands, or would stand; `more` is added to the counts on the way. The block of the element
   * says what is looked for.
   */
  private descend(element: number, more: number): void {
    const { heap } = this
    const { nodes, slots } = this.paths
    let node = this.root
    for (let level = this.height; level > 0; level--) {
      // An element that is named there stands below that entry.
      const slot = this.search(node, INNER_ELEMENTS, 1, element, true) - 1
      nodes[level] = node
      slots[level] = slot
      const u32 = heap.u32[chunkOf(node)]!
      const at = wordOf(node) + INNER_CHILDREN + slot
      u32[at + INNER_ROOM] = u32[at + INNER_ROOM]! + more
      node = u32[at]!
    }
    nodes[0] = node
    slots[0] = this.search(node, this.elementsOf(node), 0, element, false)
  }

  /** Sets the path to the element of a rank that there is; `less` is taken from the counts on the way. */
  private descendTo(rank: number, less: number): void {
    const { heap } = this
    const { nodes, slots } = this.paths
    let node = this.root
    let left = rank
    let total = this.size
    for (let level = this.height; level > 0; level--) {
      const u32 = heap.u32[chunkOf(node)]!
      const base = wordOf(node)
      const counts = base + INNER_COUNTS
      let slot = 0
      const last = u32[base + COUNT]! - 1
      // The end is asked for as often as the begin.
      if (left >= total - u32[counts + last]!) {
        slot = last
        left -= total - u32[counts + last]!
      } else for (; left >= u32[counts + slot]!; slot++) left -= u32[counts + slot]!
      nodes[level] = node
      slots[level] = slot
      total = u32[counts + slot]!
      u32[counts + slot] = total - less
      node = u32[base + INNER_CHILDREN + slot]!
    }
    nodes[0] = node
    slots[0] = left
  }

  // Nodes that are made and unmade.

  private begin(): void {
    const leaf = this.newLeaf(FIRST_LEAF_ROOM)
    this.root = leaf
    this.firstLeaf = leaf
    this.lastLeaf = leaf
  }

  /** The only leaf, which is full, becomes a larger one. */
  private growOnly(leaf: number): number {
    const count = this.word(leaf, COUNT)
    const made = this.newLeaf(Math.min(count * 2, LEAF_ROOM))
    this.copyLeaf(leaf, 0, made, 0, count)
    this.setWord(made, COUNT, count)
    this.heap.free(leaf)
    this.leaves--
    this.root = made
    this.firstLeaf = made
    this.lastLeaf = made
    return made
  }

  /** Cuts the full leaf in two to which the path leads, and puts the element into one of them. */
  private split(leaf: number, index: number, element: number): void {
    const count = this.word(leaf, COUNT)
    const appends = leaf === this.lastLeaf && index === count
    const prepends = leaf === this.firstLeaf && index === 0
    const from = appends ? count : prepends ? 0 : count >>> 1
    const right = this.newLeaf(LEAF_ROOM)
    this.copyLeaf(leaf, from, right, 0, count - from)
    this.setWord(leaf, COUNT, from)
    this.setWord(right, COUNT, count - from)
    const behind = this.word(leaf, BEHIND)
    this.setWord(right, BEFORE, leaf)
    this.setWord(right, BEHIND, behind)
    this.setWord(leaf, BEHIND, right)
    this.setBefore(behind, right)
    if (appends || index > from) this.put(right, index - from, element)
    else this.put(leaf, index, element)
    const first = this.word(right, this.elementsOf(right))
    this.addChild(1, right, this.word(right, COUNT), first, appends, prepends)
  }

  /** Tells the nodes above, from `level` on, of a child behind where the path went: what it has below it, and the first of that. */
  private addChild(
    level: number,
    child: number,
    below: number,
    first: number,
    appends: boolean,
    prepends: boolean,
  ): void {
    if (level > this.height) {
      const root = this.newInner()
      this.openInner(root, 0, this.root, this.size - below, first)
      this.openInner(root, 1, child, below, first)
      this.root = root
      this.height++
      return
    }
    const node = this.paths.nodes[level]!
    const taken = this.paths.slots[level]!
    this.addWord(node, INNER_COUNTS + taken, -below)
    const slot = taken + 1
    const count = this.word(node, COUNT)
    if (count < INNER_ROOM) {
      this.openInner(node, slot, child, below, first)
      return
    }
    const from = appends ? count : prepends ? 1 : count >>> 1
    const right = this.newInner()
    this.copyInner(node, from, right, 0, count - from)
    this.setWord(node, COUNT, from)
    this.setWord(right, COUNT, count - from)
    if (appends || slot > from) this.openInner(right, slot - from, child, below, first)
    else this.openInner(node, slot, child, below, first)
    let moved = 0
    const many = this.word(right, COUNT)
    for (let i = 0; i < many; i++) moved += this.word(right, INNER_COUNTS + i)
    this.addChild(level + 1, right, moved, this.word(right, INNER_ELEMENTS), appends, prepends)
  }

  /** The first element below a node of the path, `level - 1` high, is another: whoever names it learns which. */
  private nameFirst(level: number, node: number, elements: number): void {
    const { nodes, slots } = this.paths
    for (let above = level; above <= this.height; above++) {
      const slot = slots[above]!
      if (slot === 0) continue
      const to = nodes[above]!
      this.heap.f64[chunkOf(to)]![doubleOf(to) + HEADER_DOUBLES + slot] =
        this.heap.f64[chunkOf(node)]![doubleOf(node) + HEADER_DOUBLES]!
      this.setWord(to, INNER_ELEMENTS + slot, this.word(node, elements))
      return
    }
  }

  /** After entries were taken out of a node of the path: removes it if it is empty, merges it if it is sparse. */
  private settle(level: number, node: number): void {
    const count = this.word(node, COUNT)
    if (level === this.height) {
      if (count === 0) {
        this.heap.free(node)
        this.forget()
      } else if (level > 0 && count === 1) this.lowerRoot()
      return
    }
    const room = this.word(node, ROOM)
    if (count * SPARSE_PART > room) return
    const above = this.paths.nodes[level + 1]!
    const slot = this.paths.slots[level + 1]!
    if (count === 0) {
      this.dropNode(level, node)
      this.closeInner(above, slot)
      if (slot === 0 && this.word(above, COUNT) > 0) this.nameFirst(level + 2, above, INNER_ELEMENTS)
      this.settle(level + 1, above)
      return
    }
    const left = slot + 1 < this.word(above, COUNT) ? slot : slot - 1
    if (left < 0) return
    const into = this.word(above, INNER_CHILDREN + left)
    const from = this.word(above, INNER_CHILDREN + left + 1)
    const kept = this.word(into, COUNT)
    const more = this.word(from, COUNT)
    if ((kept + more) * SPARSE_PART > room * (SPARSE_PART - 1)) return
    if (level === 0) this.copyLeaf(from, 0, into, kept, more)
    else {
      // What an inner node says of its first child does not count: what stands above it does.
      this.heap.f64[chunkOf(from)]![doubleOf(from) + HEADER_DOUBLES] =
        this.heap.f64[chunkOf(above)]![doubleOf(above) + HEADER_DOUBLES + left + 1]!
      this.setWord(from, INNER_ELEMENTS, this.word(above, INNER_ELEMENTS + left + 1))
      this.copyInner(from, 0, into, kept, more)
    }
    this.setWord(into, COUNT, kept + more)
    this.dropNode(level, from)
    this.addWord(above, INNER_COUNTS + left, this.word(above, INNER_COUNTS + left + 1))
    this.closeInner(above, left + 1)
    this.settle(level + 1, above)
  }

  private dropNode(level: number, node: number): void {
    if (level === 0) {
      this.setBehind(this.word(node, BEFORE), this.word(node, BEHIND))
      this.setBefore(this.word(node, BEHIND), this.word(node, BEFORE))
      this.leaves--
    } else this.inner--
    this.heap.free(node)
  }

  /** The neighbour of a leaf is another. Where `leaf` is 0 it is an end of the row: the last leaf, or the first. */
  private setBefore(leaf: number, before: number): void {
    if (leaf === 0) this.lastLeaf = before
    else this.setWord(leaf, BEFORE, before)
  }

  private setBehind(leaf: number, behind: number): void {
    if (leaf === 0) this.firstLeaf = behind
    else this.setWord(leaf, BEHIND, behind)
  }

  /** A root with one child is none. */
  private lowerRoot(): void {
    while (this.height > 0 && this.word(this.root, COUNT) === 1) {
      const child = this.word(this.root, INNER_CHILDREN)
      this.heap.free(this.root)
      this.inner--
      this.root = child
      this.height--
    }
  }
}
