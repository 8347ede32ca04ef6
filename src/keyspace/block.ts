/** Blocks of the byte heap as a whole. */

import { type ByteHeap, byteOf, chunkOf } from '../bytes/heap.js'

/** A block like `handle`, with the same bytes. */
export function copyBlock(heap: ByteHeap, handle: number): number {
  const bytes = heap.sizeOf(handle)
  const made = heap.alloc(bytes)
  const from = byteOf(handle)
  heap.u8[chunkOf(made)]!.set(heap.u8[chunkOf(handle)]!.subarray(from, from + bytes), byteOf(made))
  return made
}
