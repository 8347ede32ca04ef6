/**
 * A group of consumers of a stream: the last ID that it was given, and what of that was not acknowledged, the pending entries.
 * These stand in a tree by ID (id-tree.ts), with nine words each and no JavaScript object:
 *
 *     four words of ID, two of the time of delivery (ms since 1970), two of how often it was delivered, one of the consumer's number
 *
 * and each consumer has a tree of the IDs that are its own. A consumer is an object, which the group finds by its name or number.
 */

import type { ByteHeap } from '../../bytes/heap.js'
import { IdTree, type IdTreePaths } from './id-tree.js'
import type { LargeValue } from './large.js'
import { NamedList } from './named-list.js'
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
  seen_ms: Int64
  /** When it was last given something; -1: never. */
  active_ms: Int64 = -1

  constructor(stream: GroupOwner, name: Uint8Array, number: number, now_ms: Int64) {
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
  readonly consumers = new NamedList<StreamConsumer>()
  /** What its objects take, and those of its consumers. */
  bytes: number
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
    this.bytes = GROUP_BYTES + name.length
  }

  heapBytes(): number {
    let bytes = this.pending.heapBytes
    for (const consumer of this.consumers) bytes += consumer.pending.heapBytes
    return bytes
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  /** About how much there is to be freed: what is pending is known to its consumers, too. */
  get blocks(): number {
    return 2 * this.pending.blocks + this.consumers.length
  }

  freeSome(blocks: number): boolean {
    return this.freeBlocks(blocks) >= blocks
  }

  /** Frees about `blocks` blocks and consumers. Returns how many: fewer than asked for when none is left. */
  freeBlocks(blocks: number): number {
    const { consumers } = this
    let freed = this.pending.freeSome(blocks)
    while (freed < blocks) {
      const consumer = consumers.last
      if (consumer === undefined) break
      const wanted = blocks - freed
      const count = consumer.pending.freeSome(wanted)
      freed += count
      if (count >= wanted) break
      consumers.pop()
      freed++
    }
    return freed
  }

  consumer(buf: Uint8Array, start: number, end: number): StreamConsumer | undefined {
    return this.consumers.find(buf, start, end)
  }

  /** Makes a consumer, seen at `now_ms`; undefined where there is one of this name. */
  createConsumer(buf: Uint8Array, start: number, end: number, now_ms: Int64): StreamConsumer | undefined {
    if (this.consumers.find(buf, start, end) !== undefined) return undefined
    const number = this.freeNumbers.pop() ?? this.byNumber.length
    const consumer = new StreamConsumer(this.stream, buf.slice(start, end), number, now_ms)
    this.byNumber[number] = consumer
    this.consumers.add(consumer)
    this.note(consumer.bytes)
    return consumer
  }

  /** Removes a consumer and all that was pending with it. */
  deleteConsumer(consumer: StreamConsumer): void {
    const { pending } = consumer
    const id = new StreamId()
    for (let on = pending.first(); on; on = pending.next()) this.pending.remove(pending.id(id))
    pending.free()
    this.consumers.delete(consumer)
    this.byNumber[consumer.number] = undefined
    this.freeNumbers.push(consumer.number)
    this.note(-consumer.bytes)
  }

  private note(bytes: number): void {
    this.bytes += bytes
    this.stream.note(bytes)
  }

  // The pending entry at the cursor of `pending`.

  get deliveredAt_ms(): Int64 {
    const { pending } = this
    return readInt64(pending.payloadBytes(), pending.payloadByte())
  }

  set deliveredAt_ms(at_ms: Int64) {
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
  addPending(id: StreamId, now_ms: Int64): boolean {
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
      made.consumers.add(twin)
      made.bytes += twin.bytes
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
