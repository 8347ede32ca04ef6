/**
 * A node at an end of a large list while elements come and go there. What is pushed and popped touches nothing but the
 * element's own bytes and the numbers here: the listpack's header, its end mark and the node's count are written only when
 * somebody wants to read them (`sync`), and the listpack need not begin where its block does, so that what is pushed at the
 * head moves nothing that is there.
 *
 *     block   [ free … | header | element … | end mark | free … ]
 *              low      from-6    from        to           high
 *
 * `Quicklist` opens its ends when it needs them, and brings a node to rest, its listpack at the beginning of its block,
 * before anything else is done to it. A closed end has room for nothing and elements to take out neither, so the short ways
 * need not ask whether it is open.
 */

import { type ByteHeap, byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import {
  type Encoded,
  elementBytes,
  LP_EMPTY_BYTES,
  LP_END,
  LP_HEADER_BYTES,
  LP_SHORT_BYTES_MAX,
  lpBytes,
  lpMayBeInteger,
  lpPrevious,
  lpRead,
  lpWriteShort,
} from './listpack.js'
import type { Piece } from './piece.js'

/** What a node of the list is made of: words of its block. */
export const NODE_COUNT = 2
export const NODE_BLOCK = 3

/** What an element may add to a node beyond its own length. */
export const ELEMENT_OVERHEAD_BYTES = 8
/** A small integer, where there is no limit. */
const COUNT_MAX = 0x3fffffff
const NOTHING = new Uint8Array(0)

export class ListEnd {
  /** The node that this is about; 0 while closed. */
  node = 0
  private readonly heap: ByteHeap
  private readonly encoded: Encoded
  /** The bytes of the block's chunk, and places in them. */
  private u8: Uint8Array = NOTHING
  /** Where the first element begins. */
  private from = 0
  /** Where the end mark belongs. */
  private to = 0
  /** `from` may not be below. */
  private low = 1
  /** `to` may not be above. */
  private high = -1
  private count = 0
  private countMax = 0
  /** How many bytes more the listpack may have. */
  private room = 0
  /** With fewer bytes of elements in it the block is too large: so much of it. */
  private sparsePart = 0
  private sparse = 0

  constructor(heap: ByteHeap, encoded: Encoded) {
    this.heap = heap
    this.encoded = encoded
  }

  /** Bytes of the listpack. */
  get bytes(): number {
    return this.to - this.from + LP_EMPTY_BYTES
  }

  /** How far the listpack begins behind its block. */
  get gap(): number {
    return this.from - this.low
  }

  /**
   * Opens a node that is a listpack and at rest. It may have `bytesMax` bytes and `countMax` elements; `dropLast` and
   * `dropFirst` refuse where less than `sparsePart` of its block would be used.
   */
  open(node: number, bytesMax: number, countMax: number, sparsePart: number): void {
    const { heap } = this
    const word = wordOf(node)
    const u32 = heap.u32[chunkOf(node)]!
    const block = u32[word + NODE_BLOCK]!
    const u8 = heap.u8[chunkOf(block)]!
    const base = byteOf(block)
    const bytes = lpBytes(u8, base)
    this.node = node
    this.count = u32[word + NODE_COUNT]!
    this.countMax = Math.min(countMax, COUNT_MAX)
    this.room = bytesMax - bytes
    this.sparsePart = sparsePart
    this.place(block, 0, bytes)
  }

  /** The listpack of `bytes` bytes stands in a block, so far behind its beginning. */
  private place(block: number, gap: number, bytes: number): void {
    const base = byteOf(block)
    this.u8 = this.heap.u8[chunkOf(block)]!
    this.low = base + LP_HEADER_BYTES
    this.high = base + this.heap.sizeOf(block) - 1
    this.from = this.low + gap
    this.to = base + gap + bytes - 1
    this.sparse = ((this.high - this.low) * this.sparsePart) | 0
  }

  /** Forgets the node, whatever is in it. */
  forget(): void {
    this.node = 0
    this.u8 = NOTHING
    this.from = 0
    this.to = 0
    this.low = 1
    this.high = -1
    this.count = 0
    this.countMax = 0
    this.room = 0
  }

  /** Writes what the node's readers need: then its listpack is right, `gap` behind the beginning of its block. */
  sync(): void {
    if (this.node === 0) return
    const { u8, count, bytes } = this
    const base = this.from - LP_HEADER_BYTES
    u8[base] = bytes
    u8[base + 1] = bytes >>> 8
    u8[base + 2] = bytes >>> 16
    u8[base + 3] = bytes >>> 24
    const told = count < 0xffff ? count : 0xffff
    u8[base + 4] = told
    u8[base + 5] = told >>> 8
    u8[this.to] = LP_END
    this.heap.u32[chunkOf(this.node)]![wordOf(this.node) + NODE_COUNT] = count
  }

  /** Closes the end; the listpack then stands at the beginning of its block. */
  rest(): void {
    this.sync()
    if (this.from > this.low) {
      this.u8.copyWithin(this.low - LP_HEADER_BYTES, this.from - LP_HEADER_BYTES, this.to + 1)
    }
    this.forget()
  }

  /** Adds an element behind the last; false where there is no room for it, here or at all. */
  append(buf: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (length + ELEMENT_OVERHEAD_BYTES > this.room || this.count >= this.countMax) return false
    const { u8, to } = this
    if (!isShortText(buf, start, end)) {
      this.encoded.string(buf, start, end)
      const { bytes } = this.encoded
      if (to + bytes > this.high) return false
      this.encoded.write(u8, to)
      this.added(bytes)
      this.to = to + bytes
      return true
    }
    const behind = to + length + 2
    if (behind > this.high) return false
    lpWriteShort(u8, to, buf, start, length)
    this.to = behind
    this.added(length + 2)
    return true
  }

  /** Adds an element in front of the first; false where there is no room for it, here or at all. */
  prepend(buf: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (length + ELEMENT_OVERHEAD_BYTES > this.room || this.count >= this.countMax) return false
    const { u8, from } = this
    if (!isShortText(buf, start, end)) {
      this.encoded.string(buf, start, end)
      const { bytes } = this.encoded
      if (from - bytes < this.low) return false
      this.encoded.write(u8, from - bytes)
      this.added(bytes)
      this.from = from - bytes
      return true
    }
    const at = from - length - 2
    if (at < this.low) return false
    lpWriteShort(u8, at, buf, start, length)
    this.from = at
    this.added(length + 2)
    return true
  }

  private added(bytes: number): void {
    this.room -= bytes
    this.count++
  }

  /** Shows the first element, or the last. The end must be open. */
  show(first: boolean, piece: Piece): void {
    const base = this.from - LP_HEADER_BYTES
    lpRead(this.u8, base, first ? LP_HEADER_BYTES : this.lastAt(), piece)
  }

  private lastAt(): number {
    const base = this.from - LP_HEADER_BYTES
    return lpPrevious(this.u8, base, this.to - base)
  }

  /** Takes the first element out; false where there would be none left, or too few for the block. */
  dropFirst(): boolean {
    if (this.count < 2) return false
    const bytes = elementBytes(this.u8, this.from)
    if (this.to - this.from - bytes < this.sparse) return false
    this.from += bytes
    this.room += bytes
    this.count--
    return true
  }

  /** As `dropFirst`, the last element. */
  dropLast(): boolean {
    if (this.count < 2) return false
    const { to } = this
    const back = this.u8[to - 1]!
    const at = back < 128 ? to - 1 - back : this.from - LP_HEADER_BYTES + this.lastAt()
    if (at - this.from < this.sparse) return false
    this.to = at
    this.room += to - at
    this.count--
    return true
  }

  /**
   * Makes room for an element of `length` bytes, in this block or in one of up to `most` bytes. What becomes free is in front
   * where `front` is 1, behind where it is 0, else so much of it in front.
   */
  widen(length: number, front: number, most: number): void {
    const { heap, bytes } = this
    const needed = bytes + length + ELEMENT_OVERHEAD_BYTES
    const u32 = heap.u32[chunkOf(this.node)]!
    const word = wordOf(this.node) + NODE_BLOCK
    const old = u32[word]!
    const size = heap.sizeOf(old)
    const isEnough = needed <= size
    const block = isEnough ? old : heap.alloc(Math.max(needed, Math.min(size * 2, most)))
    const free = heap.sizeOf(block) - bytes
    const gap = Math.floor(free * front)
    const start = this.from - LP_HEADER_BYTES
    if (isEnough) this.u8.copyWithin(byteOf(block) + gap, start, this.to)
    else {
      heap.u8[chunkOf(block)]!.set(this.u8.subarray(start, this.to), byteOf(block) + gap)
      heap.free(old)
      u32[word] = block
    }
    this.place(block, gap, bytes)
  }
}

/** Both ends of a list. Where its head is its tail, `first` and `last` may be the same. */
export class ListEnds {
  first: ListEnd
  last: ListEnd
  private readonly one: ListEnd
  private readonly other: ListEnd

  constructor(heap: ByteHeap, encoded: Encoded) {
    this.one = new ListEnd(heap, encoded)
    this.other = new ListEnd(heap, encoded)
    this.first = this.one
    this.last = this.other
  }

  /** `first`, which is about `node`, or closed: then it is to be opened. */
  shareFirst(node: number): ListEnd {
    if (this.first.node === node) return this.first
    if (this.last.node === node) this.first = this.last
    else this.first = this.last === this.one ? this.other : this.one
    return this.first
  }

  shareLast(node: number): ListEnd {
    if (this.last.node === node) return this.last
    if (this.first.node === node) this.last = this.first
    else this.last = this.first === this.one ? this.other : this.one
    return this.last
  }

  /** Makes true what is written in the nodes. */
  sync(): void {
    this.one.sync()
    this.other.sync()
  }

  /** To be called before nodes are changed otherwise than by their end, or moved. */
  rest(): void {
    this.one.rest()
    this.other.rest()
  }

  /** As `rest`, for one node, which need not be open. */
  restNode(node: number): void {
    if (this.one.node === node) this.one.rest()
    if (this.other.node === node) this.other.rest()
  }

  /** The node, which need not be open, is no more. */
  forget(node: number): void {
    if (this.one.node === node) this.one.forget()
    if (this.other.node === node) this.other.forget()
  }

  forgetAll(): void {
    this.one.forget()
    this.other.forget()
  }

  /** How far a node's content begins behind its block. */
  gapOf(node: number): number {
    if (this.one.node === node) return this.one.gap
    return this.other.node === node ? this.other.gap : 0
  }
}

/** Whether a listpack keeps an element as a short string. */
function isShortText(buf: Uint8Array, start: number, end: number): boolean {
  return end - start <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, end)
}
