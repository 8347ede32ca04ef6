/**
 * What stands in one listpack of a stream. A stream's entries are cut into listpacks, each known by the ID of its first entry
 * (the master ID), which the tree of the stream holds. The bytes are those of RDB files:
 *
 *     count  deleted  fields  { field }  0                                    the master entry
 *     { flags  ms  seq  [fields]  { [field] value }  elements }               an entry each
 *
 * `count` entries live and `deleted` are marked as deleted. `ms` and `seq` are how far the entry's ID is ahead of the master
 * ID. Flag 1 marks a deleted entry. Flag 2 says that the entry has the master entry's fields, which then are not repeated:
 * number and names are left out. The last element counts the entry's elements before it, so that one can walk backwards.
 */

import type { ByteHeap } from '../../bytes/heap.js'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import {
  Encoded,
  elementBytes,
  type Listpacks,
  LP_EMPTY_BYTES,
  LP_HEADER_BYTES,
  LP_SHORT,
  LP_SHORT_BYTES_MAX,
  lpBytes,
  lpFirst,
  lpInt64,
  lpInteger,
  lpLast,
  lpMayBeInteger,
  lpNext,
  lpPrevious,
  lpValidate,
} from './listpack.js'
import type { Int64, StreamId } from './stream-id.js'

export const DELETED = 1
export const SAME_FIELDS = 2
const FLAGS_MAX = DELETED | SAME_FIELDS
const LP_END = 0xff
const LP_COUNT_UNKNOWN = 0xffff
/** What an element takes beyond a string's bytes: its encoding, and its back length. */
const STRING_OVERHEAD_BYTES = 10
const INTEGER_BYTES_MAX = 11
/** A listpack grows by doubling up to this size, and beyond it as needed. */
const GROWTH_BYTES_MAX = 4096
/** The elements of an entry that are neither field nor value: flags, ms, seq. */
const ENTRY_ELEMENTS = 3

/** How many entries of the listpack live. */
export function liveCount(u8: Uint8Array, base: number): number {
  return lpInteger(u8, base, LP_HEADER_BYTES)
}

/** How many are marked as deleted. */
export function deletedCount(u8: Uint8Array, base: number): number {
  return lpInteger(u8, base, lpNext(u8, base, LP_HEADER_BYTES))
}

/** Where the master entry's number of fields stands. */
export function masterFieldsAt(u8: Uint8Array, base: number): number {
  return lpNext(u8, base, lpNext(u8, base, LP_HEADER_BYTES))
}

/** Passes over `count` elements, which there are; the last may be the listpack's last: then the end's offset comes back. */
export function skip(u8: Uint8Array, base: number, at: number, count: number): number {
  let to = at
  for (let i = count; i > 0; i--) to += elementBytes(u8, base + to)
  return to
}

/** Goes back over `count` elements from `at`, which may be the end. */
export function skipBack(u8: Uint8Array, base: number, at: number, count: number): number {
  let to = at
  for (let i = count; i > 0; i--) to = lpPrevious(u8, base, to)
  return to
}

/** The integer at `at`, which there is one. */
export function integerAt(u8: Uint8Array, base: number, at: number): Int64 {
  const first = u8[base + at]!
  return first < 0x80 ? first : lpInt64(u8, base, at)
}

/**
 * Whether `u8[start, end)` is a listpack of a stream with all its entries whole, so that no reader of one leaves it. Returns how many
 * entries live, -1 for no.
 */
export function checkStreamListpack(u8: Uint8Array, start: number, end: number): number {
  if (lpValidate(u8, start, end) < 0) return -1
  const live = new Checker(u8, start).live()
  return live ?? -1
}

/** Walks over a listpack that is sound as such; `at` becomes 0 behind the last element. */
class Checker {
  private readonly u8: Uint8Array
  private readonly base: number
  private at: number

  constructor(u8: Uint8Array, base: number) {
    this.u8 = u8
    this.base = base
    this.at = lpFirst(u8, base)
  }

  /** The number of living entries; undefined where something is wrong. */
  live(): number | undefined {
    const live = this.count()
    const deleted = this.count()
    const masterFields = this.count()
    if (live === undefined || deleted === undefined || masterFields === undefined) return undefined
    if (!this.pass(masterFields) || this.count() !== 0) return undefined
    let living = 0
    let dead = 0
    while (this.at !== 0) {
      const flags = this.entry(masterFields)
      if (flags === undefined) return undefined
      if ((flags & DELETED) !== 0) dead++
      else living++
    }
    return living === live && dead === deleted ? live : undefined
  }

  /** Passes over one entry and returns its flags. */
  private entry(masterFields: number): number | undefined {
    const flags = this.u8[this.base + this.at]!
    if (flags > FLAGS_MAX || !this.pass(1)) return undefined
    for (let i = 0; i < 2; i++) {
      const difference = this.at === 0 ? Number.NaN : lpInt64(this.u8, this.base, this.at)
      if (typeof difference === 'number' && Number.isNaN(difference)) return undefined
      this.pass(1)
    }
    const same = (flags & SAME_FIELDS) !== 0
    const fields = same ? masterFields : this.count()
    if (fields === undefined) return undefined
    const elements = same ? fields : fields * 2
    if (!this.pass(elements)) return undefined
    return this.count() === elements + ENTRY_ELEMENTS + (same ? 0 : 1) ? flags : undefined
  }

  /** Passes over an integer that counts something and returns it. */
  private count(): number | undefined {
    if (this.at === 0) return undefined
    const value = lpInteger(this.u8, this.base, this.at)
    this.at = lpNext(this.u8, this.base, this.at)
    return value >= 0 ? value : undefined
  }

  private pass(count: number): boolean {
    for (let i = count; i > 0; i--) {
      if (this.at === 0) return false
      this.at = lpNext(this.u8, this.base, this.at)
    }
    return true
  }
}

/** The ID of the listpack's last entry, deleted or not. */
export function lastEntryId(u8: Uint8Array, base: number, master: StreamId, into: StreamId): boolean {
  const last = lpLast(u8, base)
  const elements = lpInteger(u8, base, last)
  if (elements === 0) return false
  const flags = skipBack(u8, base, last, elements)
  const ms = skip(u8, base, flags, 1)
  into.setFrom(master, integerAt(u8, base, ms), integerAt(u8, base, skip(u8, base, ms, 1)))
  return true
}

/** Writes entries at the end of listpacks. */
export class EntryWriter {
  private readonly heap: ByteHeap
  private readonly listpacks: Listpacks
  private readonly element = new Encoded()

  constructor(listpacks: Listpacks) {
    this.heap = listpacks.heap
    this.listpacks = listpacks
  }

  /**
   * A block with a listpack whose master entry has the fields of the entry that is to be added, which is not in it yet: `ranges`
   * names fields and values in turns, from range `first` on, `fields` pairs. `room`: bytes that it will grow to, about.
   */
  create(buf: Uint8Array, ranges: Int32Array, first: number, fields: number, room: number): number {
    const bytes = stringBytes(ranges, first, fields, 2)
    const needed = LP_EMPTY_BYTES + bytes + fields * STRING_OVERHEAD_BYTES + 4 * INTEGER_BYTES_MAX
    const handle = this.heap.alloc(Math.max(needed, room))
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    let p = putSmall(u8, putSmall(u8, base + LP_HEADER_BYTES, 0), 0)
    p = this.putInteger(u8, p, fields)
    for (let i = 0; i < fields; i++) {
      const range = (first + 2 * i) << 1
      p = this.putString(u8, p, buf, ranges[range]!, ranges[range + 1]!)
    }
    p = putSmall(u8, p, 0)
    u8[base + 4] = 0
    u8[base + 5] = 0
    close(u8, base, p, fields + 4)
    return handle
  }

  /**
   * Adds an entry of `fields` pairs, `bytes` bytes in all, at the end of a listpack, whose block has room for `room` bytes; returns
   * its block, which may be another.
   */
  append(
    handle: number,
    room: number,
    ms: Int64,
    seq: Int64,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    fields: number,
    bytes: number,
  ): number {
    let block = handle
    let u8 = this.heap.u8[chunkOf(block)]!
    let base = byteOf(block)
    let used = lpBytes(u8, base)
    const count = u8[base + LP_HEADER_BYTES]!
    if (count < 0x7f && used + bytes + 2 * fields * STRING_OVERHEAD_BYTES + 5 * INTEGER_BYTES_MAX <= room) {
      u8[base + LP_HEADER_BYTES] = count + 1
    } else {
      block = this.prepare(handle, buf, ranges, first, fields)
      u8 = this.heap.u8[chunkOf(block)]!
      base = byteOf(block)
      used = lpBytes(u8, base)
    }
    const same = this.hasMasterFields(u8, base, buf, ranges, first, fields)
    let p = base + used - 1
    u8[p] = same ? SAME_FIELDS : 0
    u8[p + 1] = 1
    p = this.putInteger(u8, p + 2, ms)
    p = this.putInteger(u8, p, seq)
    if (!same) p = this.putInteger(u8, p, fields)
    const end = (first + 2 * fields) << 1
    const step = same ? 4 : 2
    for (let range = (first << 1) + step - 2; range < end; range += step) {
      p = this.putString(u8, p, buf, ranges[range]!, ranges[range + 1]!)
    }
    const elements = ENTRY_ELEMENTS + (same ? fields : 2 * fields + 1)
    p = this.putInteger(u8, p, elements)
    close(u8, base, p, elements + 1)
    return block
  }

  /** What `append` need not do as a rule: counts one more, and makes room for the entry. Returns the block, which may be another. */
  private prepare(
    handle: number,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    fields: number,
  ): number {
    const counted = this.countOneMore(handle)
    const u8 = this.heap.u8[chunkOf(counted)]!
    const same = this.hasMasterFields(u8, byteOf(counted), buf, ranges, first, fields)
    const strings = same ? fields : 2 * fields
    const bytes = stringBytes(ranges, same ? first + 1 : first, strings, same ? 2 : 1)
    return this.makeRoom(counted, bytes + strings * STRING_OVERHEAD_BYTES + 5 * INTEGER_BYTES_MAX)
  }

  /** Gives what the listpack does not need back to the heap. */
  shrink(handle: number): number {
    const bytes = this.listpacks.bytes(handle)
    if (this.heap.fits(handle, bytes)) return handle
    const to = this.listpacks.copy(handle)
    this.heap.free(handle)
    return to
  }

  /** Adds to how many entries live and are deleted. */
  addToCounts(handle: number, live: number, deleted: number): number {
    let u8 = this.heap.u8[chunkOf(handle)]!
    let base = byteOf(handle)
    const dead = deletedCount(u8, base) + deleted
    const to = this.listpacks.replaceInteger(handle, LP_HEADER_BYTES, liveCount(u8, base) + live)
    u8 = this.heap.u8[chunkOf(to)]!
    base = byteOf(to)
    return this.listpacks.replaceInteger(to, lpNext(u8, base, LP_HEADER_BYTES), dead)
  }

  private countOneMore(handle: number): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const at = byteOf(handle) + LP_HEADER_BYTES
    const count = u8[at]!
    if (count < 0x7f) {
      u8[at] = count + 1
      return handle
    }
    return this.listpacks.replaceInteger(handle, LP_HEADER_BYTES, liveCount(u8, at - LP_HEADER_BYTES) + 1)
  }

  private makeRoom(handle: number, more: number): number {
    const { heap } = this
    const u8 = heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const bytes = lpBytes(u8, base)
    const needed = bytes + more
    if (needed <= heap.sizeOf(handle)) return handle
    const to = heap.alloc(Math.max(needed, Math.min(2 * bytes, GROWTH_BYTES_MAX)))
    heap.u8[chunkOf(to)]!.set(u8.subarray(base, base + bytes), byteOf(to))
    heap.free(handle)
    return to
  }

  private hasMasterFields(
    u8: Uint8Array,
    base: number,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    fields: number,
  ): boolean {
    let p = base + LP_HEADER_BYTES
    p += elementBytes(u8, p)
    p += elementBytes(u8, p)
    if (integerAt(u8, p, 0) !== fields) return false
    p += elementBytes(u8, p)
    const end = (first + 2 * fields) << 1
    for (let range = first << 1; range < end; range += 4) {
      const start = ranges[range]!
      const length = ranges[range + 1]! - start
      if (length <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, start + length)) {
        if (u8[p] !== (LP_SHORT | length)) return false
        for (let i = 0; i < length; i++) if (u8[p + 1 + i] !== buf[start + i]) return false
        p += length + 2
      } else {
        const { element } = this
        element.string(buf, start, start + length)
        if (!element.isAt(u8, p)) return false
        p += elementBytes(u8, p)
      }
    }
    return true
  }

  private putInteger(u8: Uint8Array, p: number, value: Int64): number {
    if (typeof value === 'number' && value >= 0 && value < 0x8000) {
      if (value < 0x80) return putSmall(u8, p, value)
      if (value < 0x1000) {
        u8[p] = 0xc0 | (value >> 8)
        u8[p + 1] = value
        u8[p + 2] = 2
        return p + 3
      }
      u8[p] = 0xf1
      u8[p + 1] = value
      u8[p + 2] = value >> 8
      u8[p + 3] = 3
      return p + 4
    }
    this.element.integer(value)
    return this.put(u8, p)
  }

  private putString(u8: Uint8Array, p: number, buf: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length > LP_SHORT_BYTES_MAX || lpMayBeInteger(buf, start, end)) {
      this.element.string(buf, start, end)
      return this.put(u8, p)
    }
    u8[p] = LP_SHORT | length
    const to = p + 1
    for (let i = 0; i < length; i++) u8[to + i] = buf[start + i]!
    u8[to + length] = length + 1
    return to + length + 1
  }

  private put(u8: Uint8Array, p: number): number {
    this.element.write(u8, p)
    return p + this.element.bytes
  }
}

/** Ends a listpack of fewer elements than can be counted at `p`, `more` having been added. */
function close(u8: Uint8Array, base: number, p: number, more: number): void {
  u8[p] = LP_END
  const bytes = p + 1 - base
  u8[base] = bytes
  u8[base + 1] = bytes >>> 8
  u8[base + 2] = bytes >>> 16
  u8[base + 3] = bytes >>> 24
  const old = u8[base + 4]! | (u8[base + 5]! << 8)
  const count = old === LP_COUNT_UNKNOWN || old + more > LP_COUNT_UNKNOWN ? LP_COUNT_UNKNOWN : old + more
  u8[base + 4] = count
  u8[base + 5] = count >>> 8
}

/** Writes an integer from 0 to 127 as an element. */
function putSmall(u8: Uint8Array, p: number, value: number): number {
  u8[p] = value
  u8[p + 1] = 1
  return p + 2
}

/** Bytes of `count` ranges from `first` on, every `step`. */
function stringBytes(ranges: Int32Array, first: number, count: number, step: number): number {
  let bytes = 0
  for (let i = 0, range = first << 1; i < count; i++, range += step << 1)
    bytes += ranges[range + 1]! - ranges[range]!
  return bytes
}
