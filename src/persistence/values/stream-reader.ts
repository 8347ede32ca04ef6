/**
 * Reads a stream's value from RDB data, of any of its forms (stream.ts), and believes nothing: every listpack is walked, what the
 * value says of its length must be so, an entry may be pending once, and with one consumer. What can be told from the entries, such
 * as the first ID, is.
 */

import { readInt64 } from '../../keyspace/collections/piece.js'
import type { Stream } from '../../keyspace/collections/stream.js'
import type { StreamGroup } from '../../keyspace/collections/stream-group.js'
import { type Int64, normalInt64, STREAM_ID_BYTES, StreamId } from '../../keyspace/collections/stream-id.js'
import { checkStreamListpack } from '../../keyspace/collections/stream-listpack.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { Cursor, DecodedString, DONE } from '../rdb/cursor.js'

const TIME_BYTES = 8
const LENGTH_MAX = Number.MAX_SAFE_INTEGER

export class StreamReader {
  private readonly keyspace: Keyspace
  private readonly cursor = new Cursor()
  private readonly id = new StreamId()

  constructor(keyspace: Keyspace, buf: Uint8Array, start: number, end: number) {
    this.keyspace = keyspace
    this.cursor.buf = buf
    this.cursor.pos = start
    this.cursor.end = end
  }

  /** Fills a new stream; false where the value is damaged. What `withState` and `withActive` stand for, it does not say otherwise. */
  stream(stream: Stream, withState: boolean, withActive: boolean): boolean {
    if (!this.listpacks(stream)) return false
    if (this.length() !== stream.length || !this.readId(stream.last)) return false
    stream.added = stream.length
    if (withState) {
      const added = this.readId(this.id) && this.readId(stream.deleted) ? this.int64() : null
      if (added === null) return false
      stream.added = added
    }
    stream.settleFirst()
    const groups = this.length()
    for (let i = 0; i < groups; i++) if (!this.group(stream, withState, withActive)) return false
    return groups >= 0 && this.cursor.pos === this.cursor.end
  }

  private listpacks(stream: Stream): boolean {
    const count = this.length()
    const string = new DecodedString()
    for (let i = 0; i < count; i++) {
      if (!this.string(string) || string.end - string.start !== STREAM_ID_BYTES) return false
      this.id.read(string.buf, string.start)
      if (!this.string(string)) return false
      const live = checkStreamListpack(string.buf, string.start, string.end)
      if (live < 0) return false
      const node = this.keyspace.listpacks.adopt(string.buf, string.start, string.end)
      if (!stream.adoptListpack(this.id, node, live)) {
        this.keyspace.heap.free(node)
        return false
      }
    }
    return count >= 0
  }

  private group(stream: Stream, withState: boolean, withActive: boolean): boolean {
    const name = new DecodedString()
    if (!this.string(name) || !this.readId(this.id)) return false
    const read = withState ? this.int64() : stream.addedUpTo(this.id)
    if (read === null) return false
    const group = stream.createGroup(name.buf, name.start, name.end, this.id, read)
    if (group === undefined || !this.pending(group)) return false
    const consumers = this.length()
    let owned = 0
    for (let i = 0; i < consumers; i++) {
      const count = this.consumer(group, withActive)
      if (count < 0) return false
      owned += count
    }
    return consumers >= 0 && owned === group.pending.size
  }

  private pending(group: StreamGroup): boolean {
    const count = this.length()
    for (let i = 0; i < count; i++) {
      if (!this.rawId()) return false
      const delivered_ms = this.time()
      const deliveries = this.int64()
      if (delivered_ms === null || deliveries === null || !group.addPending(this.id, delivered_ms))
        return false
      group.deliveries = deliveries
    }
    return count >= 0
  }

  /** One consumer; how many pending entries it has, -1 where something is wrong. */
  private consumer(group: StreamGroup, withActive: boolean): number {
    const name = new DecodedString()
    if (!this.string(name)) return -1
    const seen_ms = this.time()
    const active_ms = withActive ? this.time() : seen_ms
    if (seen_ms === null || active_ms === null) return -1
    const consumer = group.createConsumer(name.buf, name.start, name.end, seen_ms)
    if (consumer === undefined) return -1
    consumer.active_ms = active_ms
    const count = this.length()
    for (let i = 0; i < count; i++) {
      if (!this.rawId() || !group.pending.find(this.id) || group.owner !== undefined) return -1
      group.assign(this.id, consumer)
    }
    return count
  }

  /** -1 where there is none. */
  private length(): number {
    const { cursor } = this
    if (cursor.readLength() !== DONE || cursor.special || cursor.length > LENGTH_MAX) return -1
    return cursor.length
  }

  private int64(): Int64 | null {
    const { cursor } = this
    if (cursor.readLength() !== DONE || cursor.special) return null
    if (cursor.length <= LENGTH_MAX) return cursor.length
    return normalInt64(BigInt.asIntN(64, (BigInt(cursor.high) << 32n) | BigInt(cursor.low)))
  }

  /** An ID as two lengths. */
  private readId(into: StreamId): boolean {
    const { cursor } = this
    if (cursor.readLength() !== DONE || cursor.special) return false
    const { high, low } = cursor
    if (cursor.readLength() !== DONE || cursor.special) return false
    into.words(high, low, cursor.high, cursor.low)
    return true
  }

  /** An ID as sixteen bytes, into `id`. */
  private rawId(): boolean {
    const { cursor } = this
    if (cursor.end - cursor.pos < STREAM_ID_BYTES) return false
    this.id.read(cursor.buf, cursor.pos)
    cursor.pos += STREAM_ID_BYTES
    return true
  }

  private time(): Int64 | null {
    const { cursor } = this
    if (cursor.end - cursor.pos < TIME_BYTES) return null
    const at_ms = readInt64(cursor.buf, cursor.pos)
    cursor.pos += TIME_BYTES
    return at_ms
  }

  private string(into: DecodedString): boolean {
    const { cursor } = this
    const at = cursor.pos
    if (cursor.skipString() !== DONE) return false
    cursor.pos = at
    return into.decode(cursor) === DONE
  }
}
