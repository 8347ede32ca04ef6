/**
 * A group of consumers of a stream: the last ID that it was given, and what of that was not acknowledged, the pending entries.
 * These stand in a tree by ID (id-tree.ts), with nine words each and no JavaScript object:
 *
 *     four words of ID, two of the time of delivery (ms since 1970), two of how often it was delivered, one of the consumer's number
 *
 * and each consumer has a tree of the IDs that are its own. A consumer is an object, which the group finds by its name or number.
 */

import { compareBytes } from '../../bytes/ascii.js'
import type { ByteHeap } from '../../bytes/heap.js'
import { IdTree, type IdTreePaths } from './id-tree.js'
import type { LargeValue } from './large.js'
import { readInt64, writeInt64 } from './piece.js'
import { addInt64, type Int64, StreamId } from './stream-id.js'

/** `read` of a group that does not know how many entries it has read. */
export const READ_UNKNOWN = -1
/** The number of the consumer of an entry that has none, while a file is loaded. */
export const NO_CONSUMER = 0xffffffff
/** About what the objects of a group or of a consumer take. */
const GROUP_BYTES = 400
const CONSUMER_BYTES = 250
const PENDING_WORDS = 5
const COUNT_OFFSET_BYTES = 8
const CONSUMER_WORD = 4

/** The stream that groups belong to. */
export interface GroupOwner {
  readonly heap: ByteHeap
  readonly paths: IdTreePaths
  /** The stream's objects take so many bytes more, outside of the heap. */
  note(bytes: number): void
}

export class StreamConsumer {
  readonly name: Uint8Array
  /** Its number in the group. */
  readonly number: number
  /** The IDs of its pending entries. */
  readonly pending: IdTree
  /** When it was last heard of. */
  seen_ms: number
  /** When it was last given something; -1: never. */
  active_ms = -1

  constructor(stream: GroupOwner, name: Uint8Array, number: number, now_ms: number) {
    this.name = name
    this.number = number
    this.pending = new IdTree(stream.heap, stream.paths, 0)
    this.seen_ms = now_ms
  }

  get bytes(): number {
    return CONSUMER_BYTES + this.name.length
  }
}

export class StreamGroup implements LargeValue {
  readonly name: Uint8Array
  /** The last ID that was delivered. */
  readonly last = new StreamId()
  /** How many entries up to there the stream ever had, or READ_UNKNOWN. */
  read: Int64
  /** In the order of their names. */
  readonly consumers: StreamConsumer[] = []
  readonly pending: IdTree
  private readonly stream: GroupOwner
  private readonly byNumber: (StreamConsumer | undefined)[] = []
  private readonly freeNumbers: number[] = []

  constructor(stream: GroupOwner, name: Uint8Array, last: StreamId, read: Int64) {
    this.stream = stream
    this.name = name
    this.last.set(last)
    this.read = read
    this.pending = new IdTree(stream.heap, stream.paths, PENDING_WORDS)
  }

  get bytes(): number {
    let bytes = GROUP_BYTES + this.name.length
    for (const consumer of this.consumers) bytes += consumer.bytes
    return bytes
  }

  heapBytes(): number {
    let bytes = this.pending.heapBytes
    for (const consumer of this.consumers) bytes += consumer.pending.heapBytes
    return bytes
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  get blocks(): number {
    let blocks = this.pending.blocks
    for (const consumer of this.consumers) blocks += consumer.pending.blocks
    return blocks
  }

  freeSome(blocks: number): boolean {
    let left = blocks - this.pending.freeSome(blocks)
    for (const consumer of this.consumers) {
      if (left <= 0) return true
      left -= consumer.pending.freeSome(left)
    }
    return left <= 0
  }

  consumer(buf: Uint8Array, start: number, end: number): StreamConsumer | undefined {
    const index = indexOfName(this.consumers, buf, start, end)
    return index < 0 ? undefined : this.consumers[index]
  }

  /** Makes a consumer, seen at `now_ms`; undefined where there is one of this name. */
  createConsumer(buf: Uint8Array, start: number, end: number, now_ms: number): StreamConsumer | undefined {
    const index = indexOfName(this.consumers, buf, start, end)
    if (index >= 0) return undefined
    const number = this.freeNumbers.pop() ?? this.byNumber.length
    const consumer = new StreamConsumer(this.stream, buf.slice(start, end), number, now_ms)
    this.byNumber[number] = consumer
    this.consumers.splice(-index - 1, 0, consumer)
    this.stream.note(consumer.bytes)
    return consumer
  }

  /** Removes a consumer and all that was pending with it. */
  deleteConsumer(consumer: StreamConsumer): void {
    const { pending } = consumer
    const id = new StreamId()
    for (let on = pending.first(); on; on = pending.next()) this.pending.remove(pending.id(id))
    pending.free()
    this.consumers.splice(this.consumers.indexOf(consumer), 1)
    this.byNumber[consumer.number] = undefined
    this.freeNumbers.push(consumer.number)
    this.stream.note(-consumer.bytes)
  }

  // The pending entry at the cursor of `pending`.

  get deliveredAt_ms(): number {
    const { pending } = this
    return Number(readInt64(pending.payloadBytes(), pending.payloadByte()))
  }

  set deliveredAt_ms(at_ms: number) {
    const { pending } = this
    writeInt64(pending.payloadBytes(), pending.payloadByte(), at_ms)
  }

  get deliveries(): Int64 {
    const { pending } = this
    return readInt64(pending.payloadBytes(), pending.payloadByte() + COUNT_OFFSET_BYTES)
  }

  set deliveries(count: Int64) {
    const { pending } = this
    writeInt64(pending.payloadBytes(), pending.payloadByte() + COUNT_OFFSET_BYTES, count)
  }

  deliveredAgain(): void {
    this.deliveries = addInt64(this.deliveries, 1)
  }

  /** Whose the entry is; undefined only while a file is loaded, or after `addPending`. */
  get owner(): StreamConsumer | undefined {
    return this.byNumber[this.pending.payload(CONSUMER_WORD)]
  }

  set owner(consumer: StreamConsumer) {
    this.pending.setPayload(CONSUMER_WORD, consumer.number)
  }

  /** Adds a pending entry that is nobody's yet, delivered once, and puts the cursor there; false where it is there already. */
  addPending(id: StreamId, now_ms: number): boolean {
    if (!this.pending.insert(id)) return false
    this.deliveredAt_ms = now_ms
    this.deliveries = 1
    this.pending.setPayload(CONSUMER_WORD, NO_CONSUMER)
    return true
  }

  /** The pending entry at the cursor, which is that of `id`, becomes a consumer's. */
  assign(id: StreamId, consumer: StreamConsumer): void {
    const { owner } = this
    if (owner === consumer) return
    owner?.pending.remove(id)
    consumer.pending.insert(id)
    this.owner = consumer
  }

  /** Forgets the pending entry of an ID; false where there is none. */
  acknowledge(id: StreamId): boolean {
    if (!this.pending.find(id)) return false
    this.owner?.pending.remove(id)
    return this.pending.remove(id)
  }

  /** A copy for another stream. */
  copyFor(stream: GroupOwner): StreamGroup {
    const made = new StreamGroup(stream, this.name, this.last, this.read)
    const id = new StreamId()
    for (const consumer of this.consumers) {
      const twin = new StreamConsumer(stream, consumer.name, consumer.number, consumer.seen_ms)
      twin.active_ms = consumer.active_ms
      made.consumers.push(twin)
      made.byNumber[twin.number] = twin
      const { pending } = consumer
      for (let on = pending.first(); on; on = pending.next()) twin.pending.insert(pending.id(id))
    }
    for (let i = 0; i < made.byNumber.length; i++)
      if (made.byNumber[i] === undefined) made.freeNumbers.push(i)
    const { pending } = this
    for (let on = pending.first(); on; on = pending.next()) {
      made.pending.insert(pending.id(id))
      for (let word = 0; word < PENDING_WORDS; word++) made.pending.setPayload(word, pending.payload(word))
    }
    return made
  }
}

/** The index of a name among `named`, which stand in the order of their names; or -1 - the index where it would stand. */
export function indexOfName(
  named: readonly { readonly name: Uint8Array }[],
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  let low = 0
  let high = named.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { name } = named[middle]!
    const order = compareBytes(name, 0, name.length, buf, start, end)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return -1 - low
}
