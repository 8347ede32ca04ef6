/**
 * The large form of hashes and sets: a table of the keyspace's kind (table.ts) over blocks of the byte heap, one an element:
 *
 *     word 0    length of the field; its highest bit: the field expires
 *     word 1    length of the value
 *     8 bytes   when the field expires, ms since 1970, a double   only if it does
 *     word 4    its place in `deadlines`                          only if it does
 *     the field's bytes, then the value's
 *
 * In a set, a byte with the length of the member stands in front of it and nothing else, so that most members are blocks of 16
 * bytes; or where it is longer than that can say, a byte with the highest bit, three that mean nothing, and the length in word 1.
 *
 * So it grows step by step, and can be scanned while it changes, as the keyspace itself. The fields that expire stand in a queue
 * (time-queue.ts), which a hash without such fields does not have.
 */

import { type ByteHeap, byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import { wordsAre, wordsAreIn } from '../../bytes/words.js'
import { copyBlock } from '../block.js'
import type { Entries } from '../entries.js'
import { Table, type TableKeys } from '../table.js'
import { NO_FIELD_EXPIRY } from './field-times.js'
import type { LargeValue, LargeValues } from './large.js'
import { DIGITS, type Rows } from './rows.js'
import { TimeQueue } from './time-queue.js'
import type { ElementWalk } from './walks.js'

const EXPIRES = 0x80000000
const LENGTH_MASK = 0x7fffffff
const EXPIRY_BYTES = 12
/** The length of a member that takes the long header, and what its first byte says then. */
const LONG_MEMBER = 0x80
const SHORT_HEADER_BYTES = 1
const LONG_HEADER_BYTES = 8
/** Bytes of a short member that share a word with its length. */
const BESIDE_LENGTH = 3
const HASH_HEADER_BYTES = 8

export class Dictionary implements LargeValue, TableKeys {
  readonly heap: ByteHeap
  readonly withValues: boolean
  /** What stands for the whole hash in its database's queue (field-times.ts), 0 while no field has ever expired. */
  timer = 0
  private deadlines: TimeQueue | null = null
  private readonly entries: Entries
  private readonly owner: LargeValues
  private readonly table: Table
  private noted = 0
  walker: ElementWalk | null = null
  /** Where `freeSome` goes on. */
  private freed = 0

  /** `entries` lends its secret hash; `owner` counts the bytes. */
  constructor(entries: Entries, owner: LargeValues, withValues: boolean, expected = 0) {
    this.entries = entries
    this.heap = entries.heap
    this.owner = owner
    this.withValues = withValues
    this.table = new Table(this)
    if (expected > 0) this.table.reserve(expected)
    this.note()
  }

  get size(): number {
    return this.table.size
  }

  get bytes(): number {
    return this.noted
  }

  hashOf(handle: number): number {
    const words = this.heap.u32[chunkOf(handle)]!
    return this.entries.hashIn(words, this.fieldStart(handle), this.fieldLength(handle))
  }

  touch(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle)]!
  }

  foresee(hashes: Int32Array, count: number, handles: Uint32Array): number {
    return this.table.foresee(hashes, count, handles)
  }

  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    const head = u32[word]!
    const length = end - start
    if (this.withValues) {
      if ((head & LENGTH_MASK) !== length) return false
      return wordsAre(
        u32,
        word + ((head >= EXPIRES ? HASH_HEADER_BYTES + EXPIRY_BYTES : HASH_HEADER_BYTES) >>> 2),
        buf,
        start,
        end,
      )
    }
    if (length >= LONG_MEMBER) {
      return (
        (head & 0xff) === LONG_MEMBER &&
        u32[word + 1] === length &&
        wordsAre(u32, word + (LONG_HEADER_BYTES >>> 2), buf, start, end)
      )
    }
    if ((head & 0xff) !== length) return false
    // Three bytes stand beside the length, the others at a multiple of four.
    let rest = head >>> 8
    const beside = length < BESIDE_LENGTH ? end : start + BESIDE_LENGTH
    for (let i = start; i < beside; i++, rest >>>= 8) if ((rest & 0xff) !== buf[i]) return false
    return wordsAre(u32, word + 1, buf, beside, end)
  }

  /** The element whose field is `buf[start, end)`, or 0. Valid until the next write. */
  find(buf: Uint8Array, start: number, end: number): number {
    return this.table.find(buf, start, end, this.entries.hash(buf, start, end))
  }

  /** See Table.guess. */
  guess(hashes: Int32Array, count: number, handles: Uint32Array, from: number): void {
    this.table.guess(hashes, count, handles, from)
  }

  /**
   * Of the rows from `from` on leaves those whose members the set has, or where `wanted` is false has not; they have their hashes, and
   * `likely` what `guess` said of them. Returns how many rows there are then, which the caller cuts off.
   */
  sift(rows: Rows, likely: Uint32Array, from: number, wanted: boolean): number {
    const { chunks, starts, ends, hashes, count } = rows
    const { table } = this
    let kept = from
    for (let row = from; row < count; row++) {
      const handle = likely[row]!
      const chunk = chunks[row]!
      const start = starts[row]!
      const end = ends[row]!
      const has =
        (handle !== 0 && chunk !== DIGITS && this.memberIs(handle, chunk, start, end)) ||
        table.find(rows.bytesOf(row), start, end, hashes[row]!) !== 0
      if (has === wanted) rows.move(row, kept++)
    }
    return kept
  }

  /** Whether an element of a set is the member `heap.u8[chunk][start, end)`. */
  memberIs(handle: number, chunk: number, start: number, end: number): boolean {
    const length = end - start
    const u8 = this.heap.u8[chunk]!
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    if (length < BESIDE_LENGTH || length >= LONG_MEMBER) return this.keyIs(handle, u8, start, end)
    const head = length | (u8[start]! << 8) | (u8[start + 1]! << 16) | (u8[start + 2]! << 24)
    if ((u32[word]! | 0) !== head) return false
    return wordsAreIn(u32, word + 1, this.heap.u32[chunk]!, start + BESIDE_LENGTH, length - BESIDE_LENGTH)
  }

  /** As `find`, where the hash is known. */
  findHashed(buf: Uint8Array, start: number, end: number, hash: number): number {
    return this.table.find(buf, start, end, hash)
  }

  /** The chunk's bytes, which `fieldStart` and `valueStart` index. */
  bytesOf(handle: number): Uint8Array {
    return this.heap.u8[chunkOf(handle)]!
  }

  fieldLength(handle: number): number {
    if (!this.withValues) {
      const length = this.heap.u8[chunkOf(handle)]![byteOf(handle)]!
      return length < LONG_MEMBER ? length : this.heap.u32[chunkOf(handle)]![wordOf(handle) + 1]!
    }
    return this.heap.u32[chunkOf(handle)]![wordOf(handle)]! & LENGTH_MASK
  }

  fieldStart(handle: number): number {
    const at = byteOf(handle)
    if (!this.withValues) {
      const isShort = this.heap.u8[chunkOf(handle)]![at]! < LONG_MEMBER
      return at + (isShort ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES)
    }
    const expires = this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >= EXPIRES
    return at + HASH_HEADER_BYTES + (expires ? EXPIRY_BYTES : 0)
  }

  valueLength(handle: number): number {
    return this.withValues ? this.heap.u32[chunkOf(handle)]![wordOf(handle) + 1]! : 0
  }

  valueStart(handle: number): number {
    return this.fieldStart(handle) + this.fieldLength(handle)
  }

  /** Whether fields expire. */
  get timed(): boolean {
    return this.deadlines !== null && this.deadlines.size > 0
  }

  /** When the field of an element expires. */
  expiryOf(handle: number): number {
    return this.expires(handle) ? this.deadlines!.timeOf(handle) : NO_FIELD_EXPIRY
  }

  /** The element that expires first, 0 if none does. */
  firstDeadline(): number {
    return this.deadlines === null ? 0 : this.deadlines.first()
  }

  /** How many fields expire before a time. */
  countBefore(time_ms: number): number {
    return this.deadlines === null ? 0 : this.deadlines.countBefore(time_ms)
  }

  private expires(handle: number): boolean {
    return this.withValues && this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >= EXPIRES
  }

  /** Says when the field of the element that `find` has just found expires, or with NO_FIELD_EXPIRY that it does not. */
  setExpiry(handle: number, time_ms: number): void {
    const had = this.expires(handle)
    this.walker?.willChange(handle, this.hashOf(handle))
    if (had && time_ms !== NO_FIELD_EXPIRY) {
      this.deadlines!.setTime(handle, time_ms)
      this.deadlines!.update(handle)
      return
    }
    if (!had && time_ms === NO_FIELD_EXPIRY) return
    const from = this.fieldStart(handle)
    const length = this.fieldLength(handle)
    const end = from + length + this.valueLength(handle)
    const made = this.make(this.bytesOf(handle), from, from + length, from + length, end, time_ms)
    this.table.replaceFound(made)
    this.walker?.replaced(handle, made)
    this.discard(handle)
    this.note()
  }

  /** Adds a member to a set; false where it was there. */
  add(buf: Uint8Array, start: number, end: number): boolean {
    const hash = this.entries.hash(buf, start, end)
    if (this.table.find(buf, start, end, hash) !== 0) return false
    this.addNew(buf, start, end, hash)
    return true
  }

  /** Adds a member that is not there to a set; its hash is known. */
  addNew(buf: Uint8Array, start: number, end: number, hash: number): void {
    const length = end - start
    const isShort = length < LONG_MEMBER
    const before = isShort ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES
    const made = this.heap.alloc(before + length)
    const u8 = this.bytesOf(made)
    const at = byteOf(made)
    u8[at] = isShort ? length : LONG_MEMBER
    if (!isShort) this.heap.u32[chunkOf(made)]![wordOf(made) + 1] = length
    copyBytes(u8, at + before, buf, start, end)
    this.table.insert(made, hash)
    this.walker?.added(made, hash)
    this.note()
  }

  /**
   * Sets a field's value, in a hash; true where the field is new. An expiry that the field had goes unless `keep`. Field and value may lie
   * in the heap, but not in this element.
   */
  set(
    buf: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
    keep = false,
  ): boolean {
    const hash = this.entries.hash(buf, start, end)
    const old = this.table.find(buf, start, end, hash)
    if (old !== 0) this.walker?.willChange(old, hash)
    const timed = old !== 0 && this.expires(old)
    if (old !== 0 && (!timed || keep) && this.heap.u32[chunkOf(old)]![wordOf(old) + 1] === to - from) {
      copyBytes(this.bytesOf(old), this.valueStart(old), value, from, to)
      return false
    }
    const before = timed && keep ? HASH_HEADER_BYTES + EXPIRY_BYTES : HASH_HEADER_BYTES
    if (old !== 0 && (!timed || keep) && this.heap.fits(old, before + (end - start) + (to - from))) {
      const at = this.valueStart(old)
      copyBytes(this.bytesOf(old), at, value, from, to)
      this.heap.u32[chunkOf(old)]![wordOf(old) + 1] = to - from
      return false
    }
    const made = this.heap.alloc(before + (end - start) + (to - from))
    const u32 = this.heap.u32[chunkOf(made)]!
    u32[wordOf(made)] = end - start
    u32[wordOf(made) + 1] = to - from
    const u8 = this.bytesOf(made)
    const at = byteOf(made) + before
    copyBytes(u8, at, buf, start, end)
    copyBytes(u8, at + end - start, value, from, to)
    if (old !== 0) {
      if (timed && keep) this.schedule(made, this.expiryOf(old))
      this.table.replaceFound(made)
      this.walker?.replaced(old, made)
      this.discard(old)
      if (timed) this.note()
      return false
    }
    this.table.insert(made, hash)
    this.walker?.added(made, hash)
    this.note()
    return true
  }

  /** A new element of a hash, in no table yet. */
  private make(
    buf: Uint8Array,
    start: number,
    end: number,
    from: number,
    to: number,
    time_ms: number,
  ): number {
    const before = HASH_HEADER_BYTES + (time_ms === NO_FIELD_EXPIRY ? 0 : EXPIRY_BYTES)
    const made = this.heap.alloc(before + (end - start) + (to - from))
    const u32 = this.heap.u32[chunkOf(made)]!
    u32[wordOf(made)] = end - start
    u32[wordOf(made) + 1] = to - from
    const at = byteOf(made) + before
    copyBytes(this.bytesOf(made), at, buf, start, end)
    copyBytes(this.bytesOf(made), at + end - start, buf, from, to)
    if (time_ms !== NO_FIELD_EXPIRY) this.schedule(made, time_ms)
    return made
  }

  /** An element that has room for it expires at a time. */
  private schedule(handle: number, time_ms: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle)]! |= EXPIRES
    this.deadlines ??= new TimeQueue(this.heap)
    this.deadlines.setTime(handle, time_ms)
    this.deadlines.add(handle)
  }

  /** Frees an element that is in no table any more. */
  private discard(handle: number): void {
    if (this.expires(handle)) this.deadlines!.remove(handle)
    this.heap.free(handle)
  }

  /** Removes a field; false where it is not there. */
  delete(buf: Uint8Array, start: number, end: number): boolean {
    const handle = this.find(buf, start, end)
    if (handle === 0) return false
    if (this.walker !== null) {
      this.walker.willChange(handle, this.hashOf(handle))
      this.walker.removed(handle)
    }
    this.table.removeFound()
    this.discard(handle)
    this.note()
    return true
  }

  /** Removes the element that `random` has just returned. */
  dropRandom(handle: number): void {
    if (this.walker !== null) {
      this.walker.willChange(handle, this.hashOf(handle))
      this.walker.removed(handle)
    }
    this.table.removeFound()
    this.discard(handle)
    this.note()
  }

  /** Visits a part of the elements and returns the next cursor, 0 at the end; see Table.scan. */
  scan(cursor: number, visit: (handle: number) => void): number {
    return this.table.scan(cursor, visit)
  }

  /** Visits all elements. `visit` must not change the dictionary. */
  forEach(visit: (handle: number) => void): void {
    let cursor = 0
    do cursor = this.table.scan(cursor, visit)
    while (cursor !== 0)
  }

  /** Adds at least so many elements to `rows`, if there are as many from a cursor on; see `scan`. */
  gather(rows: Rows, cursor: number, atLeast: number): number {
    const { handles } = rows
    handles.count = 0
    let at = cursor
    do at = this.table.gather(at, handles)
    while (at !== 0 && handles.count < atLeast)
    const { list, count } = handles
    for (let i = 0; i < count; i++) {
      const handle = list[i]!
      const start = this.fieldStart(handle)
      rows.add(chunkOf(handle), start, start + this.fieldLength(handle))
    }
    return at
  }

  /** A random element, 0 if there is none. */
  random(random32: () => number): number {
    return this.table.random(random32)
  }

  /** Elements of another dictionary of the same kind, copied into this one, which is empty. */
  copyFrom(other: Dictionary): void {
    this.table.reserve(other.size)
    other.forEach((handle) => {
      const length = other.valueStart(handle) + other.valueLength(handle) - byteOf(handle)
      const made = this.heap.alloc(length)
      const from = byteOf(handle)
      this.bytesOf(made).set(other.bytesOf(handle).subarray(from, from + length), byteOf(made))
      this.table.insert(made, this.hashOf(made))
      if (other.expires(handle)) this.schedule(made, other.expiryOf(handle))
    })
    this.note()
  }

  /** Moves elements of a part that lie where the heap is being emptied; returns where to go on, 0 at the end. */
  relocate(cursor: number): number {
    return this.table.scan(cursor, (handle) => {
      if (!this.heap.isLeaving(handle)) return
      if (!this.table.findHandle(handle, this.hashOf(handle))) return
      const made = copyBlock(this.heap, handle)
      this.table.replaceFound(made)
      if (this.expires(made)) this.deadlines!.moved(made)
      this.walker?.replaced(handle, made)
      this.heap.free(handle)
    })
  }

  heapBytes(samples: number): number {
    const enough = samples === 0 ? this.size : Math.min(samples, this.size)
    let seen = 0
    let bytes = 0
    let cursor = 0
    do {
      cursor = this.table.scan(cursor, (handle) => {
        seen++
        bytes += this.heap.sizeOf(handle)
      })
    } while (cursor !== 0 && seen < enough)
    return seen === 0 ? 0 : Math.round((bytes / seen) * this.size)
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  get blocks(): number {
    return this.table.size
  }

  freeSome(blocks: number): boolean {
    let left = blocks
    do {
      this.freed = this.table.scan(this.freed, (handle) => {
        this.heap.free(handle)
        left--
      })
    } while (this.freed !== 0 && left > 0)
    if (this.freed === 0) this.table.clear()
    return this.freed !== 0
  }

  private note(): void {
    const { bytes } = this.table
    if (bytes === this.noted) return
    this.owner.bytes += bytes - this.noted
    this.noted = bytes
  }
}

function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start > 48) to.set(from.subarray(start, end), at)
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!
}
