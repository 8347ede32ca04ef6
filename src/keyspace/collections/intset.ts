/**
 * The intset: a set of 64-bit integers as a sorted row, Redis's smallest form of a set, in the bytes of RDB files:
 *
 *     4 bytes  size of one integer: 2, 4 or 8 bytes, the least that holds them all      4 bytes  how many there are
 *     the integers, ascending                                                           all little endian
 *
 * Integers are numbers here where a double holds them exactly, else bigints; JavaScript compares the two as one would.
 * Readers are functions over bytes, writers methods over blocks of the byte heap, as with listpacks.
 */

import { parseInt64, parseInteger } from '../../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { readInt64, writeInt64 } from './piece.js'

export const INTSET_HEADER_BYTES = 8
/** Room that a new intset is made with, in bytes of integers. */
const FIRST_BYTES = 8

export type Int64 = number | bigint

/** The integer in canonical form that `buf[start, end)` spells, or null. */
export function int64Of(buf: Uint8Array, start: number, end: number): Int64 | null {
  const length = end - start
  if (length === 0 || length > 20) return null
  const last = buf[end - 1]!
  if (last < 0x30 || last > 0x39) return null
  const small = parseInteger(buf, start, end)
  return Number.isNaN(small) ? parseInt64(buf, start, end) : small
}

function read32(u8: Uint8Array, at: number): number {
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0
}

function write32(u8: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) u8[at + i] = value >>> (i << 3)
}

export function intsetCount(u8: Uint8Array, base: number): number {
  return read32(u8, base + 4)
}

export function intsetBytes(u8: Uint8Array, base: number): number {
  return INTSET_HEADER_BYTES + read32(u8, base) * intsetCount(u8, base)
}

/** The integer of an index, from the smallest up. */
export function intsetAt(u8: Uint8Array, base: number, index: number): Int64 {
  const width = read32(u8, base)
  return read(u8, base + INTSET_HEADER_BYTES + index * width, width)
}

function read(u8: Uint8Array, p: number, width: number): Int64 {
  if (width === 2) return ((u8[p]! | (u8[p + 1]! << 8)) << 16) >> 16
  if (width === 4) return u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16) | (u8[p + 3]! << 24)
  return readInt64(u8, p)
}

function write(u8: Uint8Array, p: number, width: number, value: Int64): void {
  if (width === 8) {
    writeInt64(u8, p, value)
    return
  }
  const small = Number(value)
  for (let i = 0; i < width; i++) u8[p + i] = small >> (i << 3)
}

function widthOf(value: Int64): number {
  if (value >= -32768 && value <= 32767) return 2
  return value >= -2147483648 && value <= 2147483647 ? 4 : 8
}

/** The index of `value`, or -1 less the index where it would stand. */
export function intsetSearch(u8: Uint8Array, base: number, value: Int64): number {
  const width = read32(u8, base)
  const first = base + INTSET_HEADER_BYTES
  let low = 0
  let high = intsetCount(u8, base) - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const found = read(u8, first + middle * width, width)
    if (found === value) return middle
    if (found < value) low = middle + 1
    else high = middle - 1
  }
  return -1 - low
}

/** Whether `u8[start, end)` is an intset, ascending and without anything twice; how many integers, -1 for none. */
export function intsetValidate(u8: Uint8Array, start: number, end: number): number {
  if (end - start < INTSET_HEADER_BYTES) return -1
  const width = read32(u8, start)
  const count = intsetCount(u8, start)
  if (width !== 2 && width !== 4 && width !== 8) return -1
  if (end - start !== INTSET_HEADER_BYTES + width * count) return -1
  for (let i = 1; i < count; i++) if (intsetAt(u8, start, i - 1) >= intsetAt(u8, start, i)) return -1
  return count
}

export class Intsets {
  readonly heap: ByteHeap
  /** Whether the last `add` or `remove` changed anything. */
  changed = false

  constructor(heap: ByteHeap) {
    this.heap = heap
  }

  create(): number {
    const handle = this.heap.alloc(INTSET_HEADER_BYTES + FIRST_BYTES)
    const u8 = this.heap.u8[chunkOf(handle)]!
    write32(u8, byteOf(handle), 2)
    write32(u8, byteOf(handle) + 4, 0)
    return handle
  }

  /** A block with the intset that `u8[start, end)` is known to be. */
  adopt(u8: Uint8Array, start: number, end: number): number {
    const handle = this.heap.alloc(end - start)
    this.heap.u8[chunkOf(handle)]!.set(u8.subarray(start, end), byteOf(handle))
    return handle
  }

  copy(handle: number): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    return this.adopt(u8, base, base + intsetBytes(u8, base))
  }

  count(handle: number): number {
    return intsetCount(this.heap.u8[chunkOf(handle)]!, byteOf(handle))
  }

  has(handle: number, value: Int64): boolean {
    return intsetSearch(this.heap.u8[chunkOf(handle)]!, byteOf(handle), value) >= 0
  }

  at(handle: number, index: number): Int64 {
    return intsetAt(this.heap.u8[chunkOf(handle)]!, byteOf(handle), index)
  }

  /** Returns the block's handle, which may be another. `changed` tells whether the integer was new. */
  add(handle: number, value: Int64): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const found = intsetSearch(u8, base, value)
    this.changed = found < 0
    if (!this.changed) return handle
    const index = -1 - found
    const count = intsetCount(u8, base)
    const old = read32(u8, base)
    const width = Math.max(old, widthOf(value))
    const bytes = INTSET_HEADER_BYTES + width * (count + 1)
    const to = width === old && bytes <= this.heap.sizeOf(handle) ? handle : this.heap.alloc(bytes)
    const made = this.heap.u8[chunkOf(to)]!
    const start = byteOf(to)
    const from = base + INTSET_HEADER_BYTES
    const data = start + INTSET_HEADER_BYTES
    if (width === old) {
      if (to !== handle) made.set(u8.subarray(from, from + index * width), data)
      const rest = u8.subarray(from + index * width, from + count * width)
      made.set(rest, data + (index + 1) * width)
    } else {
      for (let i = 0; i < count; i++) {
        write(made, data + (i < index ? i : i + 1) * width, width, read(u8, from + i * old, old))
      }
    }
    write(made, data + index * width, width, value)
    write32(made, start, width)
    write32(made, start + 4, count + 1)
    if (to !== handle) this.heap.free(handle)
    return to
  }

  /** `changed` tells whether the integer was there. The block stays where it is. */
  remove(handle: number, value: Int64): void {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const index = intsetSearch(u8, base, value)
    this.changed = index >= 0
    if (!this.changed) return
    const count = intsetCount(u8, base)
    const width = read32(u8, base)
    const from = base + INTSET_HEADER_BYTES
    u8.copyWithin(from + index * width, from + (index + 1) * width, from + count * width)
    write32(u8, base + 4, count - 1)
  }
}
