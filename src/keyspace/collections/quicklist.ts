/**
 * The large list: listpacks in a chain, so that both ends are near and the middle is not far. A node is a block of four
 * words of the heap, nothing of it is a JavaScript object:
 *
 *     the node before, the node behind (0: none), how many elements, the block that holds them
 *
 * The block is a listpack; or, in a plain node, which the highest bit of the number marks, the bytes of one big element,
 * whose length stands in the number's place: a big element in a listpack would be moved with its neighbours.
 *
 * A node takes as much as list-max-listpack-size says: positive so many elements (and 8 KiB), negative so many bytes.
 * Nodes are not compressed, whatever list-compress-depth says. After Redis's quicklist.
 *
 * While elements come and go at an end, its node is open (list-end.ts): what its words and its listpack's header say is then
 * old, and the listpack may begin behind its block. So whatever is not a push or a pop calls `sync` before it reads, and
 * `rest` before it changes a node or moves it; `start` tells where a node's content begins.
 */

import { AssertionError } from '../../bytes/assert.js'
import { type ByteHeap, byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import { copyBlock } from '../block.js'
import type { Keyspace } from '../keyspace.js'
import type { LargeValue } from './large.js'
import { ELEMENT_OVERHEAD_BYTES, type ListEnd, ListEnds, NODE_BLOCK, NODE_COUNT } from './list-end.js'
import { exceedsListLimit, listBytesMax, listCountMax, nodeBytesMax } from './list-limits.js'
import {
  type Listpacks,
  LP_EMPTY_BYTES,
  LP_HEADER_BYTES,
  lpBytes,
  lpFirst,
  lpLast,
  lpNext,
  lpPrevious,
  lpRead,
  lpSeek,
} from './listpack.js'
import { type Piece, sameBytes } from './piece.js'
import type { ListWalker, WalkableList } from './walks.js'

const NODE_BYTES = 16
/** Nodes that `relocate` looks at before it returns. */
const NODES_A_PART = 16
const BEFORE = 0
const BEHIND = 1
const COUNT = NODE_COUNT
const BLOCK = NODE_BLOCK
const PLAIN = 0x80000000
/** From this length on an element gets a plain node, where DEBUG has not said otherwise. */
export const PLAIN_BYTES_MIN = 1 << 20
/** With so many nodes, a new one at an end has all the room that it may need at once: that is little of the whole. */
const MANY_NODES = 8
/** An open node of which less is used goes into a smaller block. */
const SPARSE_PART = 1 / 4

export class Quicklist implements LargeValue, WalkableList<Quicklist> {
  head = 0
  tail = 0
  nodes = 0
  /** How many elements. */
  size = 0
  readonly bytes = 0
  walker: ListWalker | null = null
  private readonly keyspace: Keyspace
  private readonly heap: ByteHeap
  private readonly listpacks: Listpacks
  /** Where `seek` arrived: a node, and which of its elements. */
  private found = 0
  private within = 0
  private readonly ends: ListEnds

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.heap = keyspace.heap
    this.listpacks = keyspace.listpacks
    this.ends = new ListEnds(this.heap, keyspace.lists.encoded)
  }

  /** A node that stops being an end needs no room to grow into. */
  private leave(node: number): void {
    if (node === 0 || this.isPlain(node)) return
    this.ends.restNode(node)
    const block = this.block(node)
    if (this.heap.fits(block, this.listpacks.bytes(block))) return
    this.setWord(node, BLOCK, this.listpacks.copy(block))
    this.heap.free(block)
  }

  /** An end whose node is a listpack, open. */
  private open(head: boolean): ListEnd {
    const { ends } = this
    const node = head ? this.head : this.tail
    const open = head ? ends.shareFirst(node) : ends.shareLast(node)
    if (open.node === node) return open
    const { fill } = this
    open.open(node, nodeBytesMax(fill), listCountMax(fill), this.nodes < MANY_NODES ? SPARSE_PART : 0)
    return open
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  get blocks(): number {
    return this.nodes
  }

  /** As Redis does it: of so many nodes from the head on, with 0 of all, the average. */
  heapBytes(samples: number): number {
    const { heap } = this
    let bytes = 0
    let seen = 0
    for (let node = this.head; node !== 0 && (samples === 0 || seen < samples); node = this.behind(node)) {
      bytes += heap.sizeOf(node) + heap.sizeOf(this.block(node))
      seen++
    }
    return seen === 0 ? 0 : Math.round((bytes / seen) * this.nodes)
  }

  freeSome(blocks: number): boolean {
    this.ends.forgetAll()
    for (let left = blocks; this.head !== 0 && left > 0; left--) {
      const node = this.head
      this.head = this.behind(node)
      this.heap.free(this.block(node))
      this.heap.free(node)
    }
    return this.head !== 0
  }

  private word(node: number, word: number): number {
    return this.heap.u32[chunkOf(node)]![wordOf(node) + word]!
  }

  private setWord(node: number, word: number, value: number): void {
    this.heap.u32[chunkOf(node)]![wordOf(node) + word] = value
  }

  behind(node: number): number {
    return this.word(node, BEHIND)
  }

  before(node: number): number {
    return this.word(node, BEFORE)
  }

  block(node: number): number {
    return this.word(node, BLOCK)
  }

  isPlain(node: number): boolean {
    return this.word(node, COUNT) >= PLAIN
  }

  private count(node: number): number {
    const count = this.word(node, COUNT)
    return count >= PLAIN ? 1 : count
  }

  /** Bytes of the node's content. */
  contentBytes(node: number): number {
    this.ends.sync()
    const count = this.word(node, COUNT)
    return count >= PLAIN ? count - PLAIN : lpBytes(this.bytesOf(node), this.base(node))
  }

  /** Where the node's content begins in `bytesOf(node)`: not where its block does, as a rule, if the node is an end. */
  start(node: number): number {
    this.ends.sync()
    return this.base(node)
  }

  private base(node: number): number {
    return byteOf(this.block(node)) + this.ends.gapOf(node)
  }

  /** The bytes of the chunk that the node's content lies in. */
  bytesOf(node: number): Uint8Array {
    return this.heap.u8[chunkOf(this.block(node))]!
  }

  /** Puts a node with this content behind `before`, 0 for the beginning. */
  private link(before: number, count: number, block: number): number {
    const node = this.heap.alloc(NODE_BYTES)
    const behind = before === 0 ? this.head : this.behind(before)
    if (before === 0) this.leave(this.head)
    if (behind === 0) this.leave(this.tail)
    this.setWord(node, BEFORE, before)
    this.setWord(node, BEHIND, behind)
    this.setWord(node, COUNT, count)
    this.setWord(node, BLOCK, block)
    if (before === 0) this.head = node
    else this.setWord(before, BEHIND, node)
    if (behind === 0) this.tail = node
    else this.setWord(behind, BEFORE, node)
    this.nodes++
    return node
  }

  /** Takes a node at rest, or one that nobody needs, out of the chain; its content stays. */
  private unlink(node: number): void {
    this.ends.forget(node)
    const before = this.before(node)
    const behind = this.behind(node)
    if (before === 0) this.head = behind
    else this.setWord(before, BEHIND, behind)
    if (behind === 0) this.tail = before
    else this.setWord(behind, BEFORE, before)
    this.heap.free(node)
    this.nodes--
  }

  private drop(node: number): void {
    this.size -= this.count(node)
    this.heap.free(this.block(node))
    this.unlink(node)
  }

  /** Appends a node that is the listpack `ref`, of `count` elements, which is the list's from now on. */
  appendListpack(ref: number, count: number): void {
    this.walker?.willChange()
    this.link(this.tail, count, ref)
    this.size += count
  }

  /** The block of the only node, which the list gives away: it is empty afterwards. */
  takeOnly(): number {
    this.walker?.willChange()
    this.leave(this.head)
    const block = this.block(this.head)
    this.unlink(this.head)
    this.size = 0
    return block
  }

  /** Puts a plain node behind `before`, 0 for the beginning. */
  linkPlain(before: number, buf: Uint8Array, start: number, end: number): void {
    this.walker?.willChange()
    const block = this.heap.alloc(end - start)
    this.heap.u8[chunkOf(block)]!.set(buf.subarray(start, end), byteOf(block))
    this.link(before, PLAIN + end - start, block)
    this.size++
  }

  /** Puts a node of one element behind `before`. */
  private linkElement(before: number, buf: Uint8Array, start: number, end: number): void {
    if (end - start >= this.keyspace.plainBytesMin) {
      this.linkPlain(before, buf, start, end)
      return
    }
    const { fill } = this
    const isEnd = before === this.tail || before === 0
    const room = isEnd && fill < 0 && this.nodes >= MANY_NODES ? listBytesMax(fill) - LP_EMPTY_BYTES : 0
    const block = this.listpacks.create(Math.max(end - start + ELEMENT_OVERHEAD_BYTES, room))
    this.link(before, 1, this.listpacks.append(block, buf, start, end))
    this.size++
  }

  /** Whether the node has room for an element of `length` bytes. */
  private takes(node: number, length: number): boolean {
    if (node === 0 || length >= this.keyspace.plainBytesMin) return false
    const bytes = this.contentBytes(node) + length + ELEMENT_OVERHEAD_BYTES
    const count = this.word(node, COUNT)
    return count < PLAIN && !exceedsListLimit(this.fill, bytes, count + 1)
  }

  private get fill(): number {
    return this.keyspace.limit('list-max-listpack-size')
  }

  /** A node at rest has another block, and so many elements more. */
  private setBlock(node: number, block: number, more: number): void {
    const u32 = this.heap.u32[chunkOf(node)]!
    const word = wordOf(node)
    u32[word + BLOCK] = block
    u32[word + COUNT]! += more
    this.size += more
  }

  pushHead(buf: Uint8Array, start: number, end: number): void {
    if (this.walker !== null) this.walker.willChange()
    if (end - start < this.keyspace.plainBytesMin && this.ends.first.prepend(buf, start, end)) this.size++
    else this.pushSlowly(true, buf, start, end)
  }

  pushTail(buf: Uint8Array, start: number, end: number): void {
    if (this.walker !== null) this.walker.willChange()
    if (end - start < this.keyspace.plainBytesMin && this.ends.last.append(buf, start, end)) this.size++
    else this.pushSlowly(false, buf, start, end)
  }

  /** Adds an element at an end that is not open, or in whose block there is no room. */
  private pushSlowly(head: boolean, buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (!this.takes(head ? this.head : this.tail, length)) {
      this.linkElement(head ? 0 : this.tail, buf, start, end)
      return
    }
    const open = this.open(head)
    this.size++
    if (head ? open.prepend(buf, start, end) : open.append(buf, start, end)) return
    const most = nodeBytesMax(this.fill)
    const front = head ? 1 : 0
    // The only node may have to grow at its other end too.
    open.widen(length, this.nodes === 1 ? 1 / 2 : front, most)
    if (head ? open.prepend(buf, start, end) : open.append(buf, start, end)) return
    open.widen(length, front, most)
    if (!(head ? open.prepend(buf, start, end) : open.append(buf, start, end))) {
      throw new AssertionError('no room in a node that has room')
    }
  }

  /** Finds the element of an index from 0 to `size` - 1. */
  private seek(index: number): void {
    if (index < this.size / 2) {
      let left = index
      let node = this.head
      for (let count = this.count(node); left >= count; count = this.count(node)) {
        left -= count
        node = this.behind(node)
      }
      this.found = node
      this.within = left
      return
    }
    let left = this.size - 1 - index
    let node = this.tail
    for (let count = this.count(node); left >= count; count = this.count(node)) {
      left -= count
      node = this.before(node)
    }
    this.found = node
    this.within = this.count(node) - 1 - left
  }

  /** The node that holds the element of an index from 0 to `size` - 1. */
  nodeOf(index: number): number {
    this.ends.sync()
    this.seek(index)
    return this.found
  }

  /** Where in its node's listpack the element stands that `nodeOf` was asked for; 0 in a plain node. */
  offsetInNode(): number {
    return this.isPlain(this.found) ? 0 : this.offset(this.found, this.within)
  }

  /** Shows the element at an end of a list that has some. */
  showEnd(head: boolean, piece: Piece): void {
    const node = head ? this.head : this.tail
    if (this.isPlain(node)) {
      const base = this.base(node)
      piece.range(this.bytesOf(node), base, base + this.contentBytes(node))
    } else this.open(head).show(head, piece)
  }

  /** Takes out the element at an end of a list that has some. */
  dropEnd(head: boolean): void {
    if (this.walker !== null) this.walker.willChange()
    if (head ? this.ends.first.dropFirst() : this.ends.last.dropLast()) {
      this.size--
      return
    }
    this.ends.sync()
    const node = head ? this.head : this.tail
    if (this.count(node) === 1) {
      this.drop(node)
      return
    }
    this.ends.restNode(node)
    const block = this.block(node)
    const at = head ? LP_HEADER_BYTES : lpLast(this.heap.u8[chunkOf(block)]!, byteOf(block))
    this.setBlock(node, this.listpacks.delete(block, at, 1), -1)
  }

  private offset(node: number, index: number): number {
    return lpSeek(this.bytesOf(node), this.base(node), index)
  }

  /** Puts an element in front of the one of an index from 0 to `size`. */
  insert(index: number, buf: Uint8Array, start: number, end: number): void {
    this.walker?.willChange()
    if (index === this.size) {
      this.pushTail(buf, start, end)
      return
    }
    this.ends.sync()
    this.seek(index)
    const { found: node, within } = this
    const before = this.before(node)
    const length = end - start
    this.ends.restNode(node)
    this.ends.restNode(before)
    if (this.takes(node, length)) {
      const block = this.listpacks.insert(this.block(node), this.offset(node, within), buf, start, end)
      this.setBlock(node, block, 1)
    } else if (within === 0) {
      if (!this.takes(before, length)) this.linkElement(before, buf, start, end)
      else this.setBlock(before, this.listpacks.append(this.block(before), buf, start, end), 1)
    } else {
      const behind = this.split(node, within)
      if (this.takes(node, length)) {
        this.setBlock(node, this.listpacks.append(this.block(node), buf, start, end), 1)
      } else this.linkElement(node, buf, start, end)
      this.mergeWithNext(behind)
      this.mergeWithNext(this.before(behind))
      this.mergeWithNext(before)
    }
  }

  /** Cuts a node in two; the first keeps `count` elements. Returns the second. */
  private split(node: number, count: number): number {
    const { listpacks } = this
    this.ends.restNode(node)
    const all = this.count(node)
    const block = this.block(node)
    const second = listpacks.delete(listpacks.copy(block), this.offset(node, 0), count)
    const first = listpacks.delete(block, this.offset(node, count), all - count)
    this.setWord(node, BLOCK, first)
    this.setWord(node, COUNT, count)
    return this.link(node, all - count, second)
  }

  /** Makes one node of this and the next where it would not be too large. */
  private mergeWithNext(node: number): void {
    const next = node === 0 ? 0 : this.behind(node)
    if (next === 0 || this.isPlain(node) || this.isPlain(next)) return
    this.ends.restNode(node)
    this.ends.restNode(next)
    const bytes = this.contentBytes(node) + this.contentBytes(next) - LP_EMPTY_BYTES
    const count = this.count(node) + this.count(next)
    if (exceedsListLimit(this.fill, bytes, count)) return
    const from = this.block(next)
    const u8 = this.heap.u8[chunkOf(from)]!
    const base = byteOf(from)
    const piece = this.keyspace.lists.ownElement
    let block = this.block(node)
    for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, at)) {
      lpRead(u8, base, at, piece)
      block = this.listpacks.append(block, piece.buf, piece.start, piece.end)
    }
    this.setWord(node, BLOCK, block)
    this.setWord(node, COUNT, count)
    this.heap.free(from)
    this.unlink(next)
  }

  /** Puts an element in the place of the one of an index, which is there. */
  set(index: number, buf: Uint8Array, start: number, end: number): void {
    this.walker?.willChange()
    this.ends.sync()
    this.seek(index)
    const { found: node, within } = this
    this.ends.restNode(node)
    const alone = this.count(node) === 1
    if (
      !this.isPlain(node) &&
      end - start < this.keyspace.plainBytesMin &&
      (alone || this.takes(node, end - start))
    ) {
      const block = this.listpacks.replace(this.block(node), this.offset(node, within), buf, start, end)
      this.setWord(node, BLOCK, block)
      return
    }
    this.delete(index, 1)
    this.insert(index, buf, start, end)
  }

  /** Takes `count` elements out, which are there. */
  delete(index: number, count: number): void {
    if (count <= 0) return
    this.walker?.willChange()
    this.ends.sync()
    this.seek(index)
    let { found: node, within } = this
    for (let left = count; left > 0; ) {
      const behind = this.behind(node)
      const here = Math.min(left, this.count(node) - within)
      if (here === this.count(node)) this.drop(node)
      else {
        this.ends.restNode(node)
        const block = this.listpacks.delete(this.block(node), this.offset(node, within), here)
        this.setBlock(node, block, -here)
      }
      left -= here
      within = 0
      node = behind
    }
  }

  /** Shows the elements from an index on, forwards or backwards, until `visit` says false. */
  walk(index: number, backwards: boolean, piece: Piece, visit: () => boolean): void {
    if (index < 0 || index >= this.size) return
    this.ends.sync()
    this.seek(index)
    let { found: node } = this
    let at = this.isPlain(node) ? 0 : this.offset(node, this.within)
    while (true) {
      const u8 = this.bytesOf(node)
      const base = this.base(node)
      if (this.isPlain(node)) {
        piece.range(u8, base, base + this.contentBytes(node))
        if (!visit()) return
      }
      for (; at !== 0; at = backwards ? lpPrevious(u8, base, at) : lpNext(u8, base, at)) {
        lpRead(u8, base, at, piece)
        if (!visit()) return
      }
      node = backwards ? this.before(node) : this.behind(node)
      if (node === 0) return
      at = this.isPlain(node) ? 0 : this.endOf(node, backwards)
    }
  }

  private endOf(node: number, last: boolean): number {
    const u8 = this.bytesOf(node)
    const base = this.base(node)
    return last ? lpLast(u8, base) : lpFirst(u8, base)
  }

  /** Takes out up to `most` elements that equal `buf[start, end)`, from one end on; how many there were. */
  remove(most: number, backwards: boolean, buf: Uint8Array, start: number, end: number): number {
    this.walker?.willChange()
    this.ends.rest()
    const { lists } = this.keyspace
    let removed = 0
    for (let node = backwards ? this.tail : this.head; node !== 0 && removed < most; ) {
      const next = backwards ? this.before(node) : this.behind(node)
      const block = this.block(node)
      if (this.isPlain(node)) {
        lists.ownElement.range(
          this.heap.u8[chunkOf(block)]!,
          byteOf(block),
          byteOf(block) + this.contentBytes(node),
        )
        if (sameBytes(lists.ownElement, buf, start, end)) {
          this.drop(node)
          removed++
        }
      } else {
        const made = lists.removeFrom(block, most - removed, backwards, buf, start, end)
        this.setBlock(node, made, -lists.removed)
        removed += lists.removed
        if (this.count(node) === 0) this.drop(node)
      }
      node = next
    }
    return removed
  }

  /** Moves nodes of a part that lie where the heap is being emptied; returns where to go on, 0 at the end. */
  relocate(cursor: number): number {
    // Whoever walks the list stands on one of its nodes.
    if (this.walker !== null) return 0
    this.ends.rest()
    // Nodes come and go between the parts; so the cursor counts them.
    let at = this.head
    for (let i = 0; i < cursor && at !== 0; i++) at = this.behind(at)
    for (let left = NODES_A_PART; left > 0 && at !== 0; left--) {
      const block = this.block(at)
      if (this.heap.isLeaving(block)) {
        this.setWord(at, BLOCK, copyBlock(this.heap, block))
        this.heap.free(block)
      }
      if (this.heap.isLeaving(at)) at = this.relocateNode(at)
      at = this.behind(at)
    }
    return at === 0 ? 0 : cursor + NODES_A_PART
  }

  private relocateNode(node: number): number {
    const made = copyBlock(this.heap, node)
    const before = this.before(node)
    const behind = this.behind(node)
    if (before === 0) this.head = made
    else this.setWord(before, BEHIND, made)
    if (behind === 0) this.tail = made
    else this.setWord(behind, BEFORE, made)
    this.heap.free(node)
    return made
  }

  copyOf(node: number): Quicklist {
    const copy = new Quicklist(this.keyspace)
    copy.copyFrom(this, node)
    return copy
  }

  /** Becomes a copy of another list, from a node on, having been empty. */
  copyFrom(from: Quicklist, first = from.head): void {
    for (let node = first; node !== 0; node = from.behind(node)) {
      const u8 = from.bytesOf(node)
      const base = from.start(node)
      const end = base + from.contentBytes(node)
      if (from.isPlain(node)) this.linkPlain(this.tail, u8, base, end)
      else this.appendListpack(this.listpacks.adopt(u8, base, end), from.count(node))
    }
  }
}
