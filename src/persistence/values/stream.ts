/**
 * Streams in files: their listpacks as they are, then what the stream knows of itself, its groups, their pending entries and
 * consumers. There are three forms, each the one before and more:
 *
 *     STREAM_LISTPACKS     (version 9)    listpacks, length, last ID; groups with last ID, pending entries and consumers
 *     STREAM_LISTPACKS_2   (version 10)   first ID, highest deleted ID, how many were ever added; how many a group has read
 *     STREAM_LISTPACKS_3   (version 11)   when a consumer was last active
 *
 * What the first form leaves out its readers guess; a stream of which they would guess right is written so in version 9, and
 * `needsVersion10` finds the others: whoever begins a file asks first.
 */

import { ascii } from '../../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { lpBytes } from '../../keyspace/collections/listpack.js'
import type { Stream } from '../../keyspace/collections/stream.js'
import type { StreamConsumer, StreamGroup } from '../../keyspace/collections/stream-group.js'
import { type Int64, STREAM_ID_BYTES, StreamId } from '../../keyspace/collections/stream-id.js'
import { StreamPieces } from '../../keyspace/collections/stream-pieces.js'
import type { StreamWalk } from '../../keyspace/collections/stream-walk.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { writeArgument, writeCommandStart, writeTextArgument } from '../aof/record.js'
import * as format from '../rdb/format.js'
import { RdbWriter } from '../rdb/writer.js'
import { ByteSink } from '../sink.js'
import { BAD_VALUE, UNKNOWN_VALUE, type ValueCodec } from './codec.js'
import type { Pieces } from './pieces.js'
import { StreamReader } from './stream-reader.js'

const STATE_SINCE = 10
const ACTIVE_TIME_SINCE = 11
const WORD = 2 ** 32
/** A length in nine bytes. */
const LENGTH_64 = 0x81

/** Whether readers of version 9's form would not know the stream as it is. */
export function needsVersion10(stream: Stream): boolean {
  if (!stream.deleted.isZero || stream.added !== stream.length) return true
  for (const group of stream.groups) if (group.read !== stream.addedUpTo(group.last)) return true
  return false
}

/** Whether a file of version 9 would not hold all that the streams know. */
export function streamsNeedVersion10(keyspace: Keyspace): boolean {
  for (const stream of keyspace.streams.all) if (needsVersion10(stream)) return true
  return false
}

function typeOf(stream: Stream, version: number): number {
  if (version >= ACTIVE_TIME_SINCE) return format.TYPE_STREAM_LISTPACKS_3
  if (version >= STATE_SINCE || needsVersion10(stream)) return format.TYPE_STREAM_LISTPACKS_2
  return format.TYPE_STREAM_LISTPACKS
}

export const STREAM_CODEC: ValueCodec = {
  rdbType: (keyspace, handle, version) => typeOf(keyspace.streams.of(handle), version),

  write(writer, keyspace, handle) {
    const stream = keyspace.streams.of(handle)
    const type = typeOf(stream, writer.version)
    const { heap } = keyspace
    const { nodes } = stream
    const id = new StreamId()
    writer.length(nodes.size)
    for (let on = nodes.first(); on; on = nodes.next()) {
      writeListpack(writer, heap, nodes.id(id), nodes.payload(0))
    }
    writeState(writer, stream, type)
  },

  rewrite(sink, keyspace, handle) {
    const stream = keyspace.streams.of(handle)
    const key = keyspace.entries.key(handle)
    rewriteEntries(sink, keyspace, stream, key)
    rewriteState(sink, stream, key)
  },

  read(keyspace, rdbType, buf, start, end) {
    const known = [
      format.TYPE_STREAM_LISTPACKS,
      format.TYPE_STREAM_LISTPACKS_2,
      format.TYPE_STREAM_LISTPACKS_3,
    ]
    if (!known.includes(rdbType)) return UNKNOWN_VALUE
    const bare = keyspace.streams.create()
    const reader = new StreamReader(keyspace, buf, start, end)
    const withState = rdbType !== format.TYPE_STREAM_LISTPACKS
    const withActive = rdbType === format.TYPE_STREAM_LISTPACKS_3
    if (reader.stream(keyspace.streams.of(bare), withState, withActive)) return bare
    keyspace.release(bare)
    return BAD_VALUE
  },
}

/** One listpack, behind its master ID. */
function writeListpack(writer: RdbWriter, heap: ByteHeap, master: StreamId, block: number): void {
  const raw = new Uint8Array(STREAM_ID_BYTES)
  master.writeBytes(raw, 0)
  writer.string(raw, 0, STREAM_ID_BYTES)
  const u8 = heap.u8[chunkOf(block)]!
  const base = byteOf(block)
  writer.string(u8, base, base + lpBytes(u8, base))
}

/** What stands behind the listpacks. */
function writeState(writer: RdbWriter, stream: Stream, type: number): void {
  writer.length(stream.length)
  writeId(writer, stream.last)
  if (type !== format.TYPE_STREAM_LISTPACKS) {
    writeId(writer, stream.first)
    writeId(writer, stream.deleted)
    writeInt64(writer, stream.added)
  }
  writer.length(stream.groups.length)
  for (const group of stream.groups) writeGroup(writer, group, type)
}

/**
 * How a snapshot writes a stream listpack by listpack. Groups, and what is pending in them, are written at once, when it begins: they
 * stand behind the listpacks, but must be as they were.
 */
export function piecesOfStream(keyspace: Keyspace, stream: Stream, key: Uint8Array, weight: number): Pieces {
  const { heap, listpacks, streams } = keyspace
  let walk: StreamPieces | null = null
  return {
    weight,
    command: 'XADD',
    count: () => stream.nodes.size,
    walk(show) {
      walk = new StreamPieces(stream, listpacks, show)
      return walk
    },
    write: (writer, block) => writeListpack(writer, heap, walk!.id, block),
    rewrite: (batch, block) => rewriteWalked(batch.sink, streams.probe.startListpack(walk!.id, block), key),
    tail(version) {
      const writer = new RdbWriter({ version })
      writeState(writer, stream, typeOf(stream, version))
      return writer.sink.take()
    },
    tailCommands() {
      const sink = new ByteSink()
      if (stream.length === 0) rewriteEntries(sink, keyspace, stream, key)
      rewriteState(sink, stream, key)
      return sink.take()
    },
  }
}

function writeGroup(writer: RdbWriter, group: StreamGroup, type: number): void {
  writer.string(group.name, 0, group.name.length)
  writeId(writer, group.last)
  if (type !== format.TYPE_STREAM_LISTPACKS) writeInt64(writer, group.read)
  const id = new StreamId()
  const { pending } = group
  writer.length(pending.size)
  for (let on = pending.first(); on; on = pending.next()) {
    writeRawId(writer.sink, pending.id(id))
    writer.time(group.deliveredAt_ms)
    writeInt64(writer, group.deliveries)
  }
  writer.length(group.consumers.length)
  for (const { name, seen_ms, active_ms, pending: own } of group.consumers) {
    writer.string(name, 0, name.length)
    writer.time(seen_ms)
    if (type === format.TYPE_STREAM_LISTPACKS_3) writer.time(active_ms)
    writer.length(own.size)
    for (let on = own.first(); on; on = own.next()) writeRawId(writer.sink, own.id(id))
  }
}

function writeRawId(sink: ByteSink, id: StreamId): void {
  sink.reserve(STREAM_ID_BYTES)
  id.writeBytes(sink.buf, sink.pos)
  sink.pos += STREAM_ID_BYTES
}

function writeId(writer: RdbWriter, id: StreamId): void {
  writeWords(writer, id.msHigh, id.msLow)
  writeWords(writer, id.seqHigh, id.seqLow)
}

/** An integer of 64 bits as a length: a negative one is a very large one there. */
function writeInt64(writer: RdbWriter, value: Int64): void {
  if (typeof value === 'number' && value >= 0) writeWords(writer, Math.floor(value / WORD), value >>> 0)
  else {
    const bits = BigInt.asUintN(64, BigInt(value))
    writeWords(writer, Number(bits >> 32n), Number(bits & 0xffffffffn))
  }
}

function writeWords(writer: RdbWriter, high: number, low: number): void {
  if (high === 0) {
    writer.length(low)
    return
  }
  const { sink } = writer
  sink.reserve(9)
  sink.buf[sink.pos++] = LENGTH_64
  for (let shift = 24; shift >= 0; shift -= 8) sink.buf[sink.pos++] = high >>> shift
  for (let shift = 24; shift >= 0; shift -= 8) sink.buf[sink.pos++] = low >>> shift
}

/** An XADD for each entry; for none, one that is trimmed at once, so that there is a stream. */
function rewriteEntries(sink: ByteSink, keyspace: Keyspace, stream: Stream, key: Uint8Array): void {
  if (stream.length === 0) {
    command(sink, ['XADD', key, 'MAXLEN', '0', '0-1', 'x', 'y'])
    return
  }
  rewriteWalked(sink, keyspace.streams.walk.startAll(stream, false), key)
}

function rewriteWalked(sink: ByteSink, walk: StreamWalk, key: Uint8Array): void {
  const { field, value } = walk
  while (walk.next()) {
    writeCommandStart(sink, 3 + 2 * walk.fields)
    writeTextArgument(sink, 'XADD')
    writeArgument(sink, key, 0, key.length)
    writePart(sink, walk.id)
    for (let i = 0; i < walk.fields; i++) {
      walk.nextField()
      writeArgument(sink, field.buf, field.start, field.end)
      writeArgument(sink, value.buf, value.start, value.end)
    }
  }
}

/** Commands that make of a stream with the right entries one that knows what this one knows. */
function rewriteState(sink: ByteSink, stream: Stream, key: Uint8Array): void {
  command(sink, ['XSETID', key, stream.last, 'ENTRIESADDED', stream.added, 'MAXDELETEDID', stream.deleted])
  for (const group of stream.groups) {
    command(sink, ['XGROUP', 'CREATE', key, group.name, group.last, 'ENTRIESREAD', group.read])
    for (const consumer of group.consumers) rewriteConsumer(sink, key, group, consumer)
  }
}

/** An XCLAIM for each entry that is pending with the consumer; for none, the command that makes it. */
function rewriteConsumer(
  sink: ByteSink,
  key: Uint8Array,
  group: StreamGroup,
  consumer: StreamConsumer,
): void {
  const { name, pending } = consumer
  if (pending.size === 0) {
    command(sink, ['XGROUP', 'CREATECONSUMER', key, group.name, name])
    return
  }
  const id = new StreamId()
  for (let on = pending.first(); on; on = pending.next()) {
    group.pending.find(pending.id(id))
    const { deliveredAt_ms, deliveries } = group
    const claim = ['XCLAIM', key, group.name, name, '0', id, 'TIME', deliveredAt_ms, 'RETRYCOUNT', deliveries]
    command(sink, [...claim, 'JUSTID', 'FORCE'])
  }
}

type Argument = string | Uint8Array | StreamId | Int64

function command(sink: ByteSink, parts: readonly Argument[]): void {
  writeCommandStart(sink, parts.length)
  for (const part of parts) writePart(sink, part)
}

function writePart(sink: ByteSink, part: Argument): void {
  const bytes =
    part instanceof Uint8Array ? part : part instanceof StreamId ? part.bytes() : ascii(String(part))
  writeArgument(sink, bytes, 0, bytes.length)
}
