/**
 * Fields and values in turns in a listpack: the small form of hashes. Most of what is done to a hash is to find a field among a few,
 * and to put a value in the place of one of the same length; so fields are compared as they are kept, without being decoded, a
 * search can go on where the one before ended (who names several fields names them most often in the order in which they
 * were set), and what fits is written over.
 */

import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import {
  elementBytes,
  type Listpacks,
  LP_HEADER_BYTES,
  LP_SHORT,
  LP_SHORT_BYTES_MAX,
  lpFindShort,
  lpMayBeInteger,
} from './listpack.js'

export class Pairs {
  /** Whether the last `set` added a field. */
  added = false
  /**
   * Where the pair begins behind the one that `find` or `set` came upon, or where it began to look: there the next search in the same
   * listpack may begin, while nobody else changes it.
   */
  after = LP_HEADER_BYTES
  private readonly listpacks: Listpacks
  private readonly heap: ByteHeap

  constructor(listpacks: Listpacks) {
    this.listpacks = listpacks
    this.heap = listpacks.heap
  }

  /** Where the value of a field stands, from the listpack's beginning; 0 if the field is not there. Looks from `from` on, then before it. */
  find(ref: number, from: number, buf: Uint8Array, start: number, end: number): number {
    const u8 = this.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let p = 0
    this.after = from
    if (end - start <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, end)) {
      p = lpFindShort(u8, base + from, 0, 1, buf, start, end)
      if (p === 0 && from !== LP_HEADER_BYTES) {
        p = lpFindShort(u8, base + LP_HEADER_BYTES, base + from, 1, buf, start, end)
      }
      if (p === 0) return 0
    } else {
      let at = this.listpacks.find(ref, from, 1, buf, start, end)
      if (at === 0 && from !== LP_HEADER_BYTES)
        at = this.listpacks.find(ref, LP_HEADER_BYTES, 1, buf, start, end)
      if (at === 0) return 0
      p = base + at
    }
    const value = p + elementBytes(u8, p)
    this.after = value + elementBytes(u8, value) - base
    return value - base
  }

  /** Sets a field, which is looked for from `from` on; returns the block, which may be another. */
  set(
    ref: number,
    from: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): number {
    const { listpacks } = this
    const at = this.find(ref, from, field, start, end)
    this.added = at === 0
    if (at === 0) {
      this.after = LP_HEADER_BYTES
      const made = listpacks.append(ref, field, start, end)
      return listpacks.append(made, value, valueStart, valueEnd)
    }
    const u8 = this.heap.u8[chunkOf(ref)]!
    const p = byteOf(ref) + at
    const length = valueEnd - valueStart
    if (
      u8[p] === (LP_SHORT | length) &&
      length <= LP_SHORT_BYTES_MAX &&
      !lpMayBeInteger(value, valueStart, valueEnd)
    ) {
      for (let i = valueStart, to = p + 1; i < valueEnd; i++, to++) u8[to] = value[i]!
      return ref
    }
    const made = listpacks.replace(ref, at, value, valueStart, valueEnd)
    this.after = at + elementBytes(this.heap.u8[chunkOf(made)]!, byteOf(made) + at)
    return made
  }
}
