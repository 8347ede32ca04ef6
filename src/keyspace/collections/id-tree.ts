/**
 * A map by stream ID, in order, off the JavaScript heap: the listpacks of a stream by their first ID, the pending entries of a
 * group, those of a consumer. It is a B+ tree, of which every node is one block of the byte heap, of 32-bit words:
 *
 *     how many entries, the leaf before, the leaf behind (0: none), nothing
 *     { four words of ID, the payload }                                        as often as there are entries
 *
 * The payload of a leaf's entry is as many words as the tree's user said; that of an inner node is one, the child whose IDs
 * are not below this ID (what the first entry's ID says does not matter). A new highest ID, which is what streams bring all the
 * time, goes into the last leaf without a search, and when that is full a new leaf is begun, so that leaves stay full; any other
 * full node is halved. A node of which little is left is merged with its neighbour. The only leaf of a small tree is smaller than others.
 *
 * The tree has one cursor, which searches set and steps move; writing an entry's payload keeps it, inserting and removing do not.
 */

import { type ByteHeap, byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import { StreamId } from './stream-id.js'

const NODE_BYTES = 2048
const FIRST_NODE_BYTES = 64
const HEADER_WORDS = 4
const ID_WORDS = 4
const INNER_STRIDE = ID_WORDS + 1
/** A tree higher than this would have more entries than memory has bytes. */
const HEIGHT_MAX = 24
/** A node with fewer entries than this part of what it has room for looks for a neighbour to merge with. */
const SPARSE_PART = 4

/** What trees of one heap share: where the last descent went. */
export class IdTreePaths {
  /** By level, 0 being the leaf: the node, and which of its entries was taken. */
  readonly nodes = new Uint32Array(HEIGHT_MAX)
  readonly slots = new Int32Array(HEIGHT_MAX)
  readonly separator = new StreamId()
}

export class IdTree {
  /** How many entries. */
  size = 0
  private root = 0
  /** Levels of inner nodes. */
  private height = 0
  private firstLeaf = 0
  private lastLeaf = 0
  /** The cursor: a leaf, 0 for none, and an entry in it. */
  private leaf = 0
  private index = 0
  /** Of how many nodes it is made. */
  blocks = 0
  private readonly heap: ByteHeap
  private readonly paths: IdTreePaths
  private readonly stride: number

  constructor(heap: ByteHeap, paths: IdTreePaths, payloadWords: number) {
    this.heap = heap
    this.paths = paths
    this.stride = ID_WORDS + payloadWords
  }

  /** Bytes of its blocks. */
  get heapBytes(): number {
    return this.blocks === 1 ? this.heap.sizeOf(this.root) : this.blocks * NODE_BYTES
  }

  /** Gives back all blocks; the tree is empty afterwards. */
  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  /** Gives back about so many blocks and returns how many; less than asked for when it was all. No other use in between. */
  freeSome(blocks: number): number {
    let freed = 0
    // Leaves first: what is above them finds its way without.
    for (; this.height > 0 && this.lastLeaf !== 0 && freed < blocks; freed++) {
      const before = this.word(this.lastLeaf, 1)
      this.heap.free(this.lastLeaf)
      this.lastLeaf = before
    }
    if (freed >= blocks) return freed
    if (this.root !== 0) freed += this.freeFrom(this.root, this.height)
    this.root = 0
    this.height = 0
    this.size = 0
    this.firstLeaf = 0
    this.lastLeaf = 0
    this.leaf = 0
    this.blocks = 0
    return freed
  }

  /** Frees the inner nodes from `node` on, or a leaf that is the root; how many. */
  private freeFrom(node: number, level: number): number {
    let freed = 1
    if (level > 1) {
      const count = this.count(node)
      for (let i = 0; i < count; i++) freed += this.freeFrom(this.child(node, i), level - 1)
    }
    this.heap.free(node)
    return freed
  }

  // The cursor.

  /** Goes to the first entry; false where there is none. */
  first(): boolean {
    this.leaf = this.firstLeaf
    this.index = 0
    return this.leaf !== 0
  }

  last(): boolean {
    this.leaf = this.lastLeaf
    if (this.leaf === 0) return false
    this.index = this.count(this.leaf) - 1
    return true
  }

  /** Goes to the next entry; false at the end, and the cursor is nowhere then. */
  next(): boolean {
    const { leaf } = this
    if (leaf === 0) return false
    if (++this.index < this.count(leaf)) return true
    this.leaf = this.word(leaf, 2)
    this.index = 0
    return this.leaf !== 0
  }

  previous(): boolean {
    const { leaf } = this
    if (leaf === 0) return false
    if (--this.index >= 0) return true
    this.leaf = this.word(leaf, 1)
    if (this.leaf === 0) return false
    this.index = this.count(this.leaf) - 1
    return true
  }

  /** Goes to the entry of this ID; false where there is none. */
  find(id: StreamId): boolean {
    if (this.root === 0) return false
    this.descend(id)
    return this.index >= 0 && this.compareAt(this.leaf, this.index, this.stride, id) === 0
  }

  /** Goes to the highest entry that is not above the ID; false where there is none. */
  seekAtMost(id: StreamId): boolean {
    if (this.root === 0) return false
    this.descend(id)
    if (this.index >= 0) return true
    this.index = 0
    return this.previous()
  }

  /** Goes to the lowest entry that is not below the ID; false where there is none. */
  seekAtLeast(id: StreamId): boolean {
    if (this.root === 0) return false
    this.descend(id)
    if (this.index >= 0 && this.compareAt(this.leaf, this.index, this.stride, id) === 0) return true
    return this.next()
  }

  /** The ID of the entry at the cursor. */
  id(into: StreamId): StreamId {
    return this.idAt(this.leaf, this.index, this.stride, into)
  }

  /** A word of the payload at the cursor. */
  payload(word: number): number {
    const { leaf } = this
    return this.heap.u32[chunkOf(leaf)]![this.entry(leaf, this.index, this.stride) + ID_WORDS + word]!
  }

  setPayload(word: number, value: number): void {
    const { leaf } = this
    this.heap.u32[chunkOf(leaf)]![this.entry(leaf, this.index, this.stride) + ID_WORDS + word] = value
  }

  /** Where the payload at the cursor stands: the chunk's bytes, and with `payloadByte` the position in them. */
  payloadBytes(): Uint8Array {
    return this.heap.u8[chunkOf(this.leaf)]!
  }

  payloadByte(): number {
    return (this.entry(this.leaf, this.index, this.stride) + ID_WORDS) << 2
  }

  // Changes.

  /** Adds an entry, its payload undefined; the cursor stands there. False where the ID is there already: the cursor is at it. */
  insert(id: StreamId): boolean {
    if (this.root === 0) this.begin()
    const { lastLeaf, stride } = this
    let count = this.count(lastLeaf)
    if (count === 0 || this.compareAt(lastLeaf, count - 1, stride, id) < 0) {
      this.leaf = lastLeaf
      this.index = count
      // A new leaf must be told to the nodes above.
      if (count === this.room(lastLeaf, stride)) this.descend(id)
      else this.paths.slots[0] = count - 1
    } else if (this.find(id)) return false
    this.index = this.paths.slots[0]! + 1
    count = this.count(this.leaf)
    if (count === this.room(this.leaf, stride)) this.makeRoom(id)
    this.openSlot(this.leaf, this.index, stride, id)
    this.size++
    return true
  }

  /** Removes the entry of an ID; false where there is none. The cursor is nowhere. */
  remove(id: StreamId): boolean {
    if (!this.find(id)) return false
    this.closeSlot(this.leaf, this.index, this.stride)
    this.size--
    this.settle(0, this.leaf)
    this.leaf = 0
    return true
  }

  private begin(): void {
    this.root = this.heap.alloc(FIRST_NODE_BYTES)
    this.blocks = 1
    this.clearHeader(this.root)
    this.firstLeaf = this.root
    this.lastLeaf = this.root
  }

  /** Makes room in the full leaf at the cursor, whose path is known, for one more at the cursor, which may move. */
  private makeRoom(id: StreamId): void {
    const { heap, leaf, stride } = this
    if (this.blocks === 1 && heap.sizeOf(leaf) < NODE_BYTES) {
      const bigger = heap.alloc(Math.min(heap.sizeOf(leaf) * 2, NODE_BYTES))
      const from = byteOf(leaf)
      const used = (HEADER_WORDS + this.count(leaf) * stride) << 2
      heap.u8[chunkOf(bigger)]!.set(heap.u8[chunkOf(leaf)]!.subarray(from, from + used), byteOf(bigger))
      heap.free(leaf)
      this.root = bigger
      this.firstLeaf = bigger
      this.lastLeaf = bigger
      this.leaf = bigger
      return
    }
    const { separator } = this.paths
    const count = this.count(leaf)
    const appends = leaf === this.lastLeaf && this.index === count
    const right = this.split(leaf, stride, appends ? count : count >>> 1)
    const behind = this.word(leaf, 2)
    this.setWord(right, 1, leaf)
    this.setWord(right, 2, behind)
    this.setWord(leaf, 2, right)
    if (behind === 0) this.lastLeaf = right
    else this.setWord(behind, 1, right)
    if (appends) separator.set(id)
    else this.idAt(right, 0, stride, separator)
    const kept = this.count(leaf)
    if (this.index > kept || appends) {
      this.leaf = right
      this.index -= kept
    }
    this.insertInner(1, right)
  }

  /** Moves the entries from `from` on into a new node, which is returned. */
  private split(node: number, stride: number, from: number): number {
    const right = this.heap.alloc(NODE_BYTES)
    this.blocks++
    this.clearHeader(right)
    const moved = this.count(node) - from
    if (moved > 0) this.copyEntries(node, from, right, 0, moved, stride)
    this.setWord(right, 0, moved)
    this.setWord(node, 0, from)
    return right
  }

  /** Tells the nodes above, from `level` on, of `child`, whose lowest ID is in `separator`; it stands behind where the path went. */
  private insertInner(level: number, child: number): void {
    const { nodes, slots, separator } = this.paths
    if (level > this.height) {
      const root = this.heap.alloc(NODE_BYTES)
      this.blocks++
      this.clearHeader(root)
      const { root: old } = this
      this.openSlot(root, 0, INNER_STRIDE, separator)
      this.setChild(root, 0, old)
      this.openSlot(root, 1, INNER_STRIDE, separator)
      this.setChild(root, 1, child)
      this.root = root
      this.height++
      return
    }
    let node = nodes[level]!
    let slot = slots[level]! + 1
    const count = this.count(node)
    if (count < this.room(node, INNER_STRIDE)) {
      this.openSlot(node, slot, INNER_STRIDE, separator)
      this.setChild(node, slot, child)
      return
    }
    const right = this.split(node, INNER_STRIDE, slot === count ? count : count >>> 1)
    const kept = this.count(node)
    if (slot > kept || slot === count) {
      node = right
      slot -= kept
    }
    this.openSlot(node, slot, INNER_STRIDE, separator)
    this.setChild(node, slot, child)
    this.idAt(right, 0, INNER_STRIDE, separator)
    this.insertInner(level + 1, right)
  }

  /** After an entry was taken out of a node of the last descent's path: removes it if it is empty, merges it if it is sparse. */
  private settle(level: number, node: number): void {
    const stride = level === 0 ? this.stride : INNER_STRIDE
    const count = this.count(node)
    if (level === this.height) {
      if (count === 0) this.free()
      else if (level > 0 && count === 1) this.lowerRoot()
      return
    }
    const above = this.paths.nodes[level + 1]!
    const slot = this.paths.slots[level + 1]!
    if (count === 0) {
      this.dropNode(level, node)
      this.closeSlot(above, slot, INNER_STRIDE)
      this.settle(level + 1, above)
      return
    }
    const room = this.room(node, stride)
    if (count * SPARSE_PART > room) return
    const siblings = this.count(above)
    const left = slot + 1 < siblings ? slot : slot - 1
    if (left < 0) return
    const into = this.child(above, left)
    const from = this.child(above, left + 1)
    const kept = this.count(into)
    const more = this.count(from)
    if ((kept + more) * SPARSE_PART > room * (SPARSE_PART - 1)) return
    // The ID of an inner node's first entry says nothing by itself: what stands above it does.
    if (level > 0) this.copyId(above, left + 1, from)
    this.copyEntries(from, 0, into, kept, more, stride)
    this.setWord(into, 0, kept + more)
    this.dropNode(level, from)
    this.closeSlot(above, left + 1, INNER_STRIDE)
    this.settle(level + 1, above)
  }

  private copyId(above: number, slot: number, node: number): void {
    const { u32 } = this.heap
    const from = this.entry(above, slot, INNER_STRIDE)
    const to = this.entry(node, 0, INNER_STRIDE)
    for (let i = 0; i < ID_WORDS; i++) u32[chunkOf(node)]![to + i] = u32[chunkOf(above)]![from + i]!
  }

  private dropNode(level: number, node: number): void {
    if (level === 0) {
      const before = this.word(node, 1)
      const behind = this.word(node, 2)
      if (before === 0) this.firstLeaf = behind
      else this.setWord(before, 2, behind)
      if (behind === 0) this.lastLeaf = before
      else this.setWord(behind, 1, before)
    }
    this.heap.free(node)
    this.blocks--
  }

  /** A root with one child is none. */
  private lowerRoot(): void {
    while (this.height > 0 && this.count(this.root) === 1) {
      const child = this.child(this.root, 0)
      this.heap.free(this.root)
      this.blocks--
      this.root = child
      this.height--
    }
  }

  /** Sets the cursor to where the ID is, or to the entry before (index -1 if there is none in this leaf), and the path. */
  private descend(id: StreamId): void {
    const { nodes, slots } = this.paths
    let node = this.root
    for (let level = this.height; level > 0; level--) {
      const slot = Math.max(this.atMost(node, INNER_STRIDE, id), 0)
      nodes[level] = node
      slots[level] = slot
      node = this.child(node, slot)
    }
    this.leaf = node
    this.index = this.atMost(node, this.stride, id)
    slots[0] = this.index
  }

  /** The last entry of a node that is not above the ID, or -1. */
  private atMost(node: number, stride: number, id: StreamId): number {
    let low = 0
    let high = this.count(node)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.compareAt(node, middle, stride, id) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  // Nodes.

  private word(node: number, word: number): number {
    return this.heap.u32[chunkOf(node)]![wordOf(node) + word]!
  }

  private setWord(node: number, word: number, value: number): void {
    this.heap.u32[chunkOf(node)]![wordOf(node) + word] = value
  }

  private count(node: number): number {
    return this.heap.u32[chunkOf(node)]![wordOf(node)]!
  }

  private clearHeader(node: number): void {
    const at = wordOf(node)
    this.heap.u32[chunkOf(node)]!.fill(0, at, at + HEADER_WORDS)
  }

  private room(node: number, stride: number): number {
    return (((this.heap.sizeOf(node) >>> 2) - HEADER_WORDS) / stride) | 0
  }

  /** Where an entry stands, in words of its chunk. */
  private entry(node: number, index: number, stride: number): number {
    return wordOf(node) + HEADER_WORDS + index * stride
  }

  private child(node: number, index: number): number {
    return this.heap.u32[chunkOf(node)]![this.entry(node, index, INNER_STRIDE) + ID_WORDS]!
  }

  private setChild(node: number, index: number, child: number): void {
    this.heap.u32[chunkOf(node)]![this.entry(node, index, INNER_STRIDE) + ID_WORDS] = child
  }

  private idAt(node: number, index: number, stride: number, into: StreamId): StreamId {
    const u32 = this.heap.u32[chunkOf(node)]!
    const at = this.entry(node, index, stride)
    return into.words(u32[at]!, u32[at + 1]!, u32[at + 2]!, u32[at + 3]!)
  }

  /** An entry's ID against `id`: less than, equal to or greater than zero. */
  private compareAt(node: number, index: number, stride: number, id: StreamId): number {
    const u32 = this.heap.u32[chunkOf(node)]!
    const at = this.entry(node, index, stride)
    return (
      u32[at]! - id.msHigh || u32[at + 1]! - id.msLow || u32[at + 2]! - id.seqHigh || u32[at + 3]! - id.seqLow
    )
  }

  /** Makes an entry with this ID at `index`, the others behind it moving up. */
  private openSlot(node: number, index: number, stride: number, id: StreamId): void {
    const u32 = this.heap.u32[chunkOf(node)]!
    const count = this.count(node)
    const at = this.entry(node, index, stride)
    if (index < count) u32.copyWithin(at + stride, at, this.entry(node, count, stride))
    u32[at] = id.msHigh
    u32[at + 1] = id.msLow
    u32[at + 2] = id.seqHigh
    u32[at + 3] = id.seqLow
    u32[wordOf(node)] = count + 1
  }

  private closeSlot(node: number, index: number, stride: number): void {
    const u32 = this.heap.u32[chunkOf(node)]!
    const count = this.count(node)
    u32.copyWithin(
      this.entry(node, index, stride),
      this.entry(node, index + 1, stride),
      this.entry(node, count, stride),
    )
    u32[wordOf(node)] = count - 1
  }

  private copyEntries(
    from: number,
    fromIndex: number,
    to: number,
    toIndex: number,
    count: number,
    stride: number,
  ): void {
    const at = this.entry(from, fromIndex, stride)
    const source = this.heap.u32[chunkOf(from)]!.subarray(at, at + count * stride)
    this.heap.u32[chunkOf(to)]!.set(source, this.entry(to, toIndex, stride))
  }
}
