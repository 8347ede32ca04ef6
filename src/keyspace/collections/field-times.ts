/**
 * Which hashes have fields that expire, and which of them has one first. Such a hash has a timer: a block of the byte heap that
 * stands in the queue (time-queue.ts) of its database.
 *
 *     word 0     the listpack of a small hash (LISTPACK_EX), whose entry names the timer; unused where the hash is large
 *     word 1     length of the key
 *     8 bytes    when the first of its fields expires, ms since 1970, a double
 *     word 4     place in the queue, 0: not in it, none of the fields expires
 *     word 5     number of the queue, 0: of none, the hash is in no database yet
 *     the key's bytes
 *
 * It has the key and not the entry's handle, since entries move. A hash that comes under another key or into another database is
 * enrolled anew. A queue belongs to a database, whatever number that has at the moment.
 */

import { type ByteHeap, byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import { copyBlock } from '../block.js'
import type { Database } from '../database.js'
import type { LargeValues } from './large.js'
import { TimeQueue } from './time-queue.js'

/** The encoding of a small hash that has, or had, fields that expire: a listpack of fields, values and times. As Redis's. */
export const LISTPACK_EX = 12
/** The time of a field that does not expire. */
export const NO_FIELD_EXPIRY = -1
const KEY_BYTE = 24
const NO_KEY = new Uint8Array(0)
const NO_QUEUE = 0

export class FieldTimes {
  /** How many hashes have fields that expire. */
  size = 0
  private readonly heap: ByteHeap
  private readonly owner: LargeValues
  private readonly queues: (TimeQueue | null)[] = [null]
  private readonly numbers = new Map<Database, number>()
  /** Queues of databases that were flushed: what is in them is gone for everybody, and waits to be freed. */
  private readonly retired = new Set<TimeQueue>()

  /** `owner` counts the bytes. */
  constructor(heap: ByteHeap, owner: LargeValues) {
    this.heap = heap
    this.owner = owner
  }

  /** A timer of a hash that is in no database, with its listpack if it is small, else 0. */
  create(pack: number): number {
    return this.make(pack, NO_QUEUE, NO_KEY, 0, 0)
  }

  pack(timer: number): number {
    return this.heap.u32[chunkOf(timer)]![wordOf(timer)]!
  }

  setPack(timer: number, pack: number): void {
    this.heap.u32[chunkOf(timer)]![wordOf(timer)] = pack
  }

  /** Gives a hash that has come under a key of a database another timer, which is returned; the old one goes. */
  enroll(timer: number, db: Database, key: Uint8Array, start: number, end: number): number {
    const made = this.make(this.pack(timer), this.numberOf(db), key, start, end)
    this.release(timer)
    return made
  }

  /** The first of the hash's fields expires at `time_ms`, or with NO_FIELD_EXPIRY none does. */
  set(timer: number, time_ms: number): void {
    const queue = this.queueOf(timer)
    if (queue === null) return
    const isIn = queue.placeOf(timer) !== 0
    if (time_ms === NO_FIELD_EXPIRY) {
      if (isIn) this.leave(queue, timer)
    } else if (!isIn) {
      queue.setTime(timer, time_ms)
      const before = queue.bytes
      queue.add(timer)
      this.owner.bytes += queue.bytes - before
      this.size++
    } else if (queue.timeOf(timer) !== time_ms) {
      queue.setTime(timer, time_ms)
      queue.update(timer)
    }
  }

  /** Moves a timer into another block, whose handle is returned. */
  relocate(timer: number): number {
    const queue = this.queueOf(timer)
    const made = copyBlock(this.heap, timer)
    if (queue !== null && queue.placeOf(timer) !== 0) queue.moved(made)
    this.heap.free(timer)
    return made
  }

  /** The hash of a timer is in no database any more. */
  forget(timer: number): void {
    this.set(timer, NO_FIELD_EXPIRY)
  }

  /** Frees a timer, not what it names. */
  release(timer: number): void {
    const queue = this.queueOf(timer)
    if (queue !== null && queue.placeOf(timer) !== 0) this.leave(queue, timer)
    this.heap.free(timer)
  }

  /** The timer of the hash of a database whose field expires first, 0 for none. */
  first(db: Database): number {
    return this.queues[this.numbers.get(db) ?? NO_QUEUE]?.first() ?? 0
  }

  /** When the first field of a hash that `first` has named expires. */
  timeOf(timer: number): number {
    return this.queueOf(timer)?.timeOf(timer) ?? NO_FIELD_EXPIRY
  }

  /** A copy of the key of a timer. */
  key(timer: number): Uint8Array {
    const at = byteOf(timer) + KEY_BYTE
    return this.heap.u8[chunkOf(timer)]!.slice(at, at + this.heap.u32[chunkOf(timer)]![wordOf(timer) + 1]!)
  }

  /** How many hashes of a database have fields that expire. */
  count(db: Database): number {
    return this.queues[this.numbers.get(db) ?? NO_QUEUE]?.size ?? 0
  }

  /** All keys of a database are gone, though their memory may be freed later. */
  flushed(db: Database): void {
    const queue = this.queues[this.numbers.get(db) ?? NO_QUEUE]
    if (queue === null || queue === undefined || queue.size === 0) return
    this.size -= queue.size
    this.numbers.delete(db)
    this.retired.add(queue)
  }

  /** Forgets all, freeing nothing: the heap is cleared as a whole. */
  clear(): void {
    this.queues.length = 1
    this.numbers.clear()
    this.retired.clear()
    this.size = 0
  }

  private make(pack: number, queue: number, key: Uint8Array, start: number, end: number): number {
    const timer = this.heap.alloc(KEY_BYTE + end - start)
    const u32 = this.heap.u32[chunkOf(timer)]!
    const word = wordOf(timer)
    u32[word] = pack
    u32[word + 1] = end - start
    u32[word + 4] = 0
    u32[word + 5] = queue
    this.heap.u8[chunkOf(timer)]!.set(key.subarray(start, end), byteOf(timer) + KEY_BYTE)
    return timer
  }

  private leave(queue: TimeQueue, timer: number): void {
    const before = queue.bytes
    queue.remove(timer)
    this.owner.bytes += queue.bytes - before
    if (!this.retired.has(queue)) this.size--
    else if (queue.size === 0) this.bury(queue)
  }

  private bury(queue: TimeQueue): void {
    this.owner.bytes -= queue.bytes
    this.retired.delete(queue)
    this.queues[this.queues.indexOf(queue)] = null
  }

  private queueOf(timer: number): TimeQueue | null {
    return this.queues[this.heap.u32[chunkOf(timer)]![wordOf(timer) + 5]!]!
  }

  private numberOf(db: Database): number {
    let number = this.numbers.get(db)
    if (number === undefined) {
      const queue = new TimeQueue(this.heap)
      const free = this.queues.indexOf(null, 1)
      number = free > 0 ? free : this.queues.length
      this.queues[number] = queue
      this.numbers.set(db, number)
      this.owner.bytes += queue.bytes
    }
    return number
  }
}
