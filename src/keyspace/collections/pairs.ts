/**
 * Fields and values in turns in a listpack: the small form of hashes. Most of what is done to a hash is to find a field among a few,
 * and to put a value in the place of one of the same length; so fields are compared as they are kept, without being decoded, a
 * search can go on where the one before ended (who names several fields names them most often in the order in which they
 * were set), and what fits is written over.
 */

import { parseInteger } from '../../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import {
  elementBytes,
  type Listpacks,
  LP_END,
  LP_HEADER_BYTES,
  LP_SHORT,
  LP_SHORT_BYTES_MAX,
  lpElementBytesMax,
  lpFindShort,
} from './listpack.js'
import { lpMayBeInteger } from './may-be-integer.js'

/** A field and a value: each starts and ends. */
export const PAIR_RANGES = 4
export const PAIR = 2

export class Pairs {
  /** How many fields the last `set` or `setAll` added. */
  added = 0
  /**
   * Where the pair begins behind the one that `find` came upon, or where it began to look: there the next search in the same listpack
   * may begin, while nobody changes it.
   */
  after = LP_HEADER_BYTES
  /** Where in its ranges `setAll` stopped. */
  stopped = 0
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
      if (at === 0 && from !== LP_HEADER_BYTES) {
        at = this.listpacks.find(ref, LP_HEADER_BYTES, 1, buf, start, end)
      }
      if (at === 0) return 0
      p = base + at
    }
    const value = p + elementBytes(u8, p)
    this.after = value + elementBytes(u8, value) - base
    return value - base
  }

  /** Sets a field; returns the block, which may be another. */
  set(
    ref: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const at = this.find(ref, LP_HEADER_BYTES, field, start, end)
    this.added = at === 0 ? 1 : 0
    if (at === 0) {
      return this.listpacks.append(this.listpacks.append(ref, field, start, end), value, from, to)
    }
    const u8 = this.heap.u8[chunkOf(ref)]!
    return writeOver(u8, byteOf(ref) + at, value, from, to)
      ? ref
      : this.listpacks.replace(ref, at, value, from, to)
  }

  /**
   * Sets fields to values that stand in turns in `buf`: `ranges[first]` and the next are where the first field starts and ends, and so on up
   * to `ranges[last]`. Returns the block, which may be another. Goes no further when there are more than `most` fields: `stopped`.
   */
  setAll(
    block: number,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    last: number,
    most: number,
  ): number {
    const { heap, listpacks } = this
    let ref = block
    let u8 = heap.u8[chunkOf(ref)]!
    let base = byteOf(ref)
    let added = 0
    let i = first
    // Where the field behind the one that was set last begins: probably the next one.
    let p = base + LP_HEADER_BYTES
    for (; i < last; i += PAIR_RANGES) {
      const start = ranges[i]!
      const end = ranges[i + 1]!
      const from = ranges[i + 2]!
      const to = ranges[i + 3]!
      let at = 0
      if (isShortAt(u8, p, buf, start, end)) at = p + end - start + 2 - base
      else at = this.find(ref, p - base, buf, start, end)
      if (at !== 0) {
        if (!writeOver(u8, base + at, buf, from, to)) {
          ref = listpacks.replace(ref, at, buf, from, to)
          u8 = heap.u8[chunkOf(ref)]!
          base = byteOf(ref)
        }
        p = base + at + elementBytes(u8, base + at)
        continue
      }
      // A new hash gets a block for all that comes with it at once.
      if (u8[base + LP_HEADER_BYTES] === LP_END)
        ref = listpacks.reserve(ref, bytesOfAll(buf, ranges, i, last))
      ref = listpacks.append(listpacks.append(ref, buf, start, end), buf, from, to)
      u8 = heap.u8[chunkOf(ref)]!
      base = byteOf(ref)
      p = base + LP_HEADER_BYTES
      added++
      if (listpacks.count(ref) > most * PAIR) {
        i += PAIR_RANGES
        break
      }
    }
    this.added = added
    this.stopped = i
    return ref
  }
}

/** How many bytes the strings of these ranges take in a listpack. */
function bytesOfAll(buf: Uint8Array, ranges: Int32Array, first: number, last: number): number {
  let bytes = 0
  for (let i = first; i < last; i += 2) {
    const start = ranges[i]!
    const end = ranges[i + 1]!
    const length = end - start
    if (lpMayBeInteger(buf, start, end)) bytes += integerBytes(parseInteger(buf, start, end), length)
    else bytes += length <= LP_SHORT_BYTES_MAX ? length + 2 : lpElementBytesMax(length)
  }
  return bytes
}

/** The same of an integer, or where it is none, or too large to be one, of so many bytes that might have been. */
function integerBytes(value: number, length: number): number {
  if (Number.isNaN(value)) return length + 2
  if (value >= 0 && value <= 127) return 2
  if (value >= -4096 && value <= 4095) return 3
  if (value >= -32768 && value <= 32767) return 4
  if (value >= -8388608 && value <= 8388607) return 5
  return value >= -2147483648 && value <= 2147483647 ? 6 : 10
}

/** Whether a string of up to LP_SHORT_BYTES_MAX bytes stands at `u8[p]` that is `buf[start, end)`. */
function isShortAt(u8: Uint8Array, p: number, buf: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (u8[p] !== (LP_SHORT | length) || length > LP_SHORT_BYTES_MAX) return false
  let i = length
  while (i > 0 && u8[p + i] === buf[start + i - 1]) i--
  return i === 0
}

/** Puts `buf[from, to)` in the place of the element at `u8[p]`, if both are short strings of the same length; whether they are. */
function writeOver(u8: Uint8Array, p: number, buf: Uint8Array, from: number, to: number): boolean {
  const length = to - from
  if (u8[p] !== (LP_SHORT | length) || length > LP_SHORT_BYTES_MAX || lpMayBeInteger(buf, from, to))
    return false
  for (let i = from, j = p + 1; i < to; i++, j++) u8[j] = buf[i]!
  return true
}
