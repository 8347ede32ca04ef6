/**
 * A stream: entries in the order of their IDs, each a list of fields and values, in listpacks (stream-listpack.ts) that a tree
 * (id-tree.ts) finds by the ID of their first entry; and groups of consumers (stream-group.ts). Entries are added at the end.
 * Deleting marks; a listpack goes when none of its entries lives. A stream without entries stays a stream: it knows the last ID
 * that it gave, how many entries it ever had, and the highest ID that was deleted, from which groups tell how far they are behind.
 *
 * There is no small form: a stream of one entry is one listpack and a tree of one leaf. Who changes a stream of a database has
 * called `willChange` before.
 */

import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, STREAM, STREAM_ENCODING } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { IdTree, IdTreePaths } from './id-tree.js'
import type { LargeValue } from './large.js'
import { lpBytes, lpNext } from './listpack.js'
import { NamedList } from './named-list.js'
import { type GroupOwner, StreamGroup } from './stream-group.js'
import { addInt64, IdDigits, type Int64, STREAM_ID_DIGITS_MAX, StreamId } from './stream-id.js'
import {
  DELETED,
  deletedCount,
  EntryWriter,
  integerAt,
  lastEntryId,
  liveCount,
  masterFieldsAt,
  SAME_FIELDS,
  skip,
} from './stream-listpack.js'
import type { StreamPieces } from './stream-pieces.js'
import { StreamWalk } from './stream-walk.js'
import { bareEntry, refOf, setRef } from './value.js'

/** No listpack of a stream grows beyond this, nor is an entry longer. */
export const STREAM_ENTRY_BYTES_MAX = 1 << 30
/** About what the objects of a stream, and of each of its groups and consumers, take outside of the heap. */
const STREAM_BYTES = 400
const NO_GROUPS = new NamedList<StreamGroup>()

/** What `add` returns instead of an entry's length where the ID is not above the last. */
export const ID_TOO_LOW = -1

/** What XADD and XTRIM are asked to remove from the beginning. */
export interface Trimming {
  /** Leave so many entries; or with NaN, leave those from `minId` on. */
  readonly length: number
  readonly minId: StreamId
  /** Whole listpacks only. */
  readonly approximate: boolean
  /** Remove no more than so many; 0: as many as there are. */
  readonly limit: number
}

export class Stream implements LargeValue, GroupOwner {
  /** How many entries live. */
  length = 0
  /** The lowest living ID, 0-0 where none lives. */
  readonly first = new StreamId()
  readonly last = new StreamId()
  /** The highest ID that XDEL removed. */
  readonly deleted = new StreamId()
  /** How many entries were ever added. */
  added: Int64 = 0
  /** In the order of their names. */
  groups: NamedList<StreamGroup> = NO_GROUPS
  /** The listpacks by their master IDs; the payload is the block. */
  readonly nodes: IdTree
  /** Who goes through the listpacks, if anybody does: a snapshot. */
  walker: StreamPieces | null = null
  bytes = STREAM_BYTES
  /** The last listpack, how much its block holds, and its master ID, as `append` left them; 0 where that must be looked up. */
  private tail = 0
  private tailRoom = 0
  private readonly tailMaster = new StreamId()
  readonly heap: ByteHeap
  readonly paths: IdTreePaths
  private readonly streams: Streams

  constructor(streams: Streams) {
    this.streams = streams
    this.heap = streams.keyspace.heap
    this.paths = streams.paths
    this.nodes = new IdTree(this.heap, this.paths, 1)
    streams.keyspace.large.bytes += this.bytes
    streams.all.add(this)
  }

  note(bytes: number): void {
    this.bytes += bytes
    this.streams.keyspace.large.bytes += bytes
  }

  get blocks(): number {
    let blocks = this.nodes.size
    for (const group of this.groups) blocks += group.blocks
    return blocks
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  freeSome(blocks: number): boolean {
    const { nodes } = this
    const { heap } = this
    this.tail = 0
    this.streams.all.delete(this)
    let left = blocks
    while (left > 0 && nodes.last()) {
      heap.free(nodes.payload(0))
      nodes.remove(nodes.id(this.first))
      left--
    }
    for (let group = this.groups.last; left > 0 && group !== undefined; group = this.groups.last) {
      const freed = group.freeBlocks(left)
      if (freed >= left) return true
      this.groups.pop()
      left -= freed + 1
    }
    return nodes.size > 0 || this.groups.length > 0
  }

  heapBytes(samples: number): number {
    const { heap } = this
    const { nodes } = this
    let seen = 0
    let bytes = 0
    for (let on = nodes.first(); on && (samples === 0 || seen < samples); on = nodes.next(), seen++) {
      bytes += heap.sizeOf(nodes.payload(0))
    }
    if (seen > 0 && seen < nodes.size) {
      // The last listpack has room to grow, and is no example for the others.
      nodes.last()
      const last = heap.sizeOf(nodes.payload(0))
      bytes = (bytes / seen) * (nodes.size - 1) + last
    }
    for (const group of this.groups) bytes += group.heapBytes()
    return Math.round(bytes) + nodes.heapBytes
  }

  /** Whether an entry with this ID lives. */
  has(id: StreamId): boolean {
    return this.streams.probe.start(this, id, id, false).next()
  }

  /** The ID of the first living entry (`backwards`: of the last) into `into`; false where none lives. */
  edge(backwards: boolean, into: StreamId): boolean {
    const { probe } = this.streams
    if (!probe.startAll(this, backwards).next()) return false
    into.set(probe.id)
    return true
  }

  /** The ID of the first entry whether it lives or not, into `into`; the highest of all where there is none. */
  firstMarked(into: StreamId): void {
    const { probe } = this.streams
    probe.startAll(this, false)
    probe.showDeleted = true
    if (probe.next()) into.set(probe.id)
    else into.setMax()
  }

  /**
   * Adds an entry with an ID that is above the last: `ranges` names fields and values of `buf` in turns, from range `first` on,
   * `fields` pairs of `bytes` bytes in all, no more than STREAM_ENTRY_BYTES_MAX.
   */
  append(
    id: StreamId,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    fields: number,
    bytes: number,
  ): void {
    const { writer } = this.streams
    const tail = this.tailFor(id, buf, ranges, first, fields, bytes)
    const { tailMaster } = this
    const ms = id.msFrom(tailMaster)
    const to = writer.append(
      tail,
      this.tailRoom,
      ms,
      id.seqFrom(tailMaster),
      buf,
      ranges,
      first,
      fields,
      bytes,
    )
    if (to !== tail) {
      this.nodes.last()
      this.nodes.setPayload(0, to)
      this.tail = to
      this.tailRoom = this.heap.sizeOf(to)
    }
    this.length++
    this.added = addInt64(this.added, 1)
    this.last.set(id)
    if (this.length === 1) this.first.set(id)
  }

  /** The last listpack, a new one where the last is complete; the fields about it are right then. */
  private tailFor(
    id: StreamId,
    buf: Uint8Array,
    ranges: Int32Array,
    first: number,
    fields: number,
    bytes: number,
  ): number {
    const { streams, nodes } = this
    if (streams.limitsOf !== streams.keyspace.limit) streams.readLimits()
    let used = 0
    if (this.tail !== 0 || this.findTail()) {
      const u8 = this.heap.u8[chunkOf(this.tail)]!
      const base = byteOf(this.tail)
      used = lpBytes(u8, base)
      if (used + bytes < streams.nodeBytesMax) {
        const { nodeEntriesMax } = streams
        if (nodeEntriesMax === 0 || liveCount(u8, base) + deletedCount(u8, base) < nodeEntriesMax)
          return this.tail
      }
      const shrunk = streams.writer.shrink(this.tail)
      nodes.last()
      if (shrunk !== this.tail) nodes.setPayload(0, shrunk)
    }
    const made = streams.writer.create(buf, ranges, first, fields, Math.min(used, NEXT_ROOM_BYTES_MAX))
    // An ID that is there already can only be one that a file has put in disorder.
    if (!nodes.insert(id)) {
      const old = nodes.payload(0)
      this.length -= liveCount(this.heap.u8[chunkOf(old)]!, byteOf(old))
      this.heap.free(old)
    }
    nodes.setPayload(0, made)
    this.noteTail()
    return made
  }

  /** Sees where the last listpack is; false where there is none. */
  private findTail(): boolean {
    if (!this.nodes.last()) return false
    this.noteTail()
    return true
  }

  /** The listpack at the cursor is the one that entries are added to. */
  private noteTail(): void {
    this.tail = this.nodes.payload(0)
    this.tailRoom = this.heap.sizeOf(this.tail)
    this.nodes.id(this.tailMaster)
  }

  /** Marks the entry of an ID as deleted; false where none lives. The lowest living ID is looked after by `settleFirst`. */
  delete(id: StreamId): boolean {
    const { nodes, streams } = this
    const { probe, keyspace, writer } = streams
    if (!probe.start(this, id, id, false).next()) return false
    const node = nodes.payload(0)
    if (node === this.tail) this.tail = 0
    const u8 = keyspace.heap.u8[chunkOf(node)]!
    const base = byteOf(node)
    const master = nodes.id(streams.master)
    if (liveCount(u8, base) === 1) {
      this.freeNode(master, node)
    } else {
      this.walker?.keepCopy(master, node)
      u8[base + probe.flagsAt]! |= DELETED
      nodes.setPayload(0, writer.addToCounts(node, -1, 1))
    }
    this.length--
    return true
  }

  private freeNode(master: StreamId, node: number): void {
    if (node === this.tail) this.tail = 0
    if (this.walker?.takeOver(master, node) !== true) this.heap.free(node)
    this.nodes.remove(master)
  }

  /** Sets `first` right after entries were removed. */
  settleFirst(): void {
    if (this.length === 0 || !this.edge(false, this.first)) this.first.setZero()
  }

  /** Removes entries from the beginning; returns how many. */
  trim(asked: Trimming): number {
    const { nodes, streams } = this
    const { heap } = this
    const byId = Number.isNaN(asked.length)
    const { master, other } = streams
    let removed = 0
    while (nodes.first() && (byId || this.length > asked.length)) {
      const node = nodes.payload(0)
      const u8 = heap.u8[chunkOf(node)]!
      const base = byteOf(node)
      const live = liveCount(u8, base)
      if (asked.limit > 0 && removed + live > asked.limit) break
      nodes.id(master)
      other.setZero()
      if (byId) lastEntryId(u8, base, master, other)
      const whole = byId ? other.compare(asked.minId) < 0 : this.length - live >= asked.length
      if (!whole) {
        if (!asked.approximate) removed += this.trimWithin(node, master, asked)
        break
      }
      this.freeNode(master, node)
      this.length -= live
      removed += live
    }
    if (removed > 0) this.settleFirst()
    return removed
  }

  /** Marks entries of the first listpack, where the cursor stands, as deleted; returns how many. */
  private trimWithin(node: number, master: StreamId, asked: Trimming): number {
    const { nodes, streams } = this
    this.walker?.keepCopy(master, node)
    if (node === this.tail) this.tail = 0
    const u8 = streams.keyspace.heap.u8[chunkOf(node)]!
    const base = byteOf(node)
    const byId = Number.isNaN(asked.length)
    const end = lpBytes(u8, base) - 1
    let at = masterFieldsAt(u8, base)
    const masterFields = Number(integerAt(u8, base, at))
    at = skip(u8, base, at, masterFields + 2)
    let marked = 0
    while (at < end) {
      const flagsAt = at
      const flags = u8[base + at]!
      const ms = lpNext(u8, base, at)
      const seq = lpNext(u8, base, ms)
      if (byId) streams.other.setFrom(master, integerAt(u8, base, ms), integerAt(u8, base, seq))
      if (byId ? streams.other.compare(asked.minId) >= 0 : this.length <= asked.length) break
      at = skip(u8, base, seq, 1)
      if ((flags & SAME_FIELDS) !== 0) at = skip(u8, base, at, masterFields + 1)
      else at = skip(u8, base, at, 2 * Number(integerAt(u8, base, at)) + 2)
      if ((flags & DELETED) !== 0) continue
      u8[base + flagsAt] = flags | DELETED
      this.length--
      marked++
    }
    nodes.setPayload(0, streams.writer.addToCounts(node, -marked, marked))
    return marked
  }

  /** Puts a listpack with `live` entries at its place: for files. False where one with this master ID is there. */
  adoptListpack(master: StreamId, node: number, live: number): boolean {
    if (!this.nodes.insert(master)) return false
    this.nodes.setPayload(0, node)
    this.tail = 0
    this.length += live
    return true
  }

  /** The group of a name, or undefined. */
  group(buf: Uint8Array, start: number, end: number): StreamGroup | undefined {
    return this.groups.find(buf, start, end)
  }

  /** Makes a group; undefined where there is one of this name. `read`: how many entries it has read, -1 for unknown. */
  createGroup(
    buf: Uint8Array,
    start: number,
    end: number,
    last: StreamId,
    read: Int64,
  ): StreamGroup | undefined {
    if (this.groups.find(buf, start, end) !== undefined) return undefined
    const group = new StreamGroup(this, buf.slice(start, end), last, read)
    this.adoptGroup(group)
    return group
  }

  /** Takes a group in whose name it does not have. */
  adoptGroup(group: StreamGroup): void {
    if (this.groups === NO_GROUPS) this.groups = new NamedList()
    this.groups.add(group)
    this.note(group.bytes)
  }

  destroyGroup(group: StreamGroup): void {
    this.groups.delete(group)
    this.bytes -= group.bytes
    this.streams.keyspace.large.drop(group)
  }

  /** Whether XDEL removed an entry from `from` on, of which a group would not know; `from` is not above the last ID. */
  hasHolesFrom(from: StreamId): boolean {
    if (this.length === 0 || this.deleted.isZero || this.first.compare(this.deleted) > 0) return false
    return from.compare(this.deleted) <= 0
  }

  /** How many entries were ever added up to an ID; -1 where that cannot be told. */
  addedUpTo(id: StreamId): Int64 {
    if (this.added === 0) return 0
    const toLast = id.compare(this.last)
    if (toLast === 0 || (toLast < 0 && this.length === 0)) return this.added
    if (toLast > 0) return -1
    if (this.deleted.isZero || this.deleted.compare(this.first) < 0) {
      const toFirst = id.compare(this.first)
      if (toFirst < 0) return addInt64(this.added, -this.length)
      if (toFirst === 0) return addInt64(this.added, 1 - this.length)
    }
    return -1
  }
}

/** A new listpack gets as much room as the one before needed, up to this. */
const NEXT_ROOM_BYTES_MAX = 4096

/** The streams of a keyspace. */
export class Streams {
  readonly keyspace: Keyspace
  readonly paths = new IdTreePaths()
  readonly writer: EntryWriter
  /** For commands that show entries. */
  readonly walk: StreamWalk
  /** For what streams look up themselves. */
  readonly probe: StreamWalk
  readonly master = new StreamId()
  readonly other = new StreamId()
  /** For the ID that a command is about to add. */
  readonly given = new StreamId()
  /** Writes it. */
  readonly givenDigits = new IdDigits()
  /** Room for its digits. */
  readonly digits = new Uint8Array(STREAM_ID_DIGITS_MAX)
  /** When a listpack is complete: the configuration's limits, as they were when `limitsOf` told them. */
  nodeBytesMax = 0
  nodeEntriesMax = 0
  limitsOf: Keyspace['limit'] | null = null
  /** All there are. */
  readonly all = new Set<Stream>()
  private readonly entries: Entries

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
    this.writer = new EntryWriter(keyspace.listpacks)
    this.walk = new StreamWalk(keyspace.heap)
    this.probe = new StreamWalk(keyspace.heap)
  }

  /** Asks the keyspace for its limits: it changes the function that tells them whenever they change. */
  readLimits(): void {
    const { limit } = this.keyspace
    this.limitsOf = limit
    const bytes = limit('stream-node-max-bytes')
    this.nodeBytesMax = bytes === 0 || bytes > STREAM_ENTRY_BYTES_MAX ? STREAM_ENTRY_BYTES_MAX : bytes
    this.nodeEntriesMax = limit('stream-node-max-entries')
  }

  /** A bare entry with a stream without entries. */
  create(): number {
    return bareEntry(this.entries, STREAM, STREAM_ENCODING, this.keyspace.large.add(new Stream(this)))
  }

  /** The stream of an entry. */
  of(handle: number): Stream {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Stream
  }

  release(handle: number): void {
    const ref = refOf(this.entries, handle)
    if (ref !== 0) this.keyspace.large.release(ref)
  }

  /** All streams are gone, their blocks too: the heap was cleared as a whole. */
  clear(): void {
    this.all.clear()
  }

  /** `made` has the value bytes of `from`; afterwards it owns a copy. */
  copyOwned(from: number, made: number): void {
    const { keyspace } = this
    const source = this.of(from)
    const copy = new Stream(this)
    const { nodes } = source
    for (let on = nodes.first(); on; on = nodes.next()) {
      copy.adoptListpack(nodes.id(this.master), keyspace.listpacks.copy(nodes.payload(0)), 0)
    }
    copy.length = source.length
    copy.first.set(source.first)
    copy.last.set(source.last)
    copy.deleted.set(source.deleted)
    copy.added = source.added
    for (const group of source.groups) copy.adoptGroup(group.copyFor(copy))
    setRef(this.entries, made, keyspace.large.add(copy))
  }
}
