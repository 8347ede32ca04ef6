/**
 * Walks over the entries of a stream in a range of IDs, in either direction. A walk is made once and started again and again.
 * It uses the cursor of the stream's tree; nothing may change the stream while it goes on, but the entry it stands on may be
 * marked.
 */

import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import type { IdTree } from './id-tree.js'
import { elementBytes, lpEnd, lpPrevious, lpRead } from './listpack.js'
import { Piece } from './piece.js'
import { StreamId } from './stream-id.js'
import { DELETED, integerAt, masterFieldsAt, SAME_FIELDS, skip, skipBack } from './stream-listpack.js'

/** No offset of an entry: the walk has not begun. */
const NOT_BEGUN = -1

/** What can be walked: listpacks by their master IDs. */
interface Walkable {
  readonly nodes: IdTree
}

export class StreamWalk {
  /** The entry's ID. */
  readonly id = new StreamId()
  /** How many fields it has. */
  fields = 0
  /** What `nextField` shows: valid until the next call. */
  readonly field = new Piece()
  readonly value = new Piece()
  /** Whether entries that are marked as deleted are shown, too; to be set after `start`. */
  showDeleted = false
  /** Where the flags of the entry stand in its listpack. */
  flagsAt = 0
  private readonly heap: ByteHeap
  private stream: Walkable | null = null
  /** One listpack is all. */
  private alone = false
  private readonly from = new StreamId()
  private readonly to = new StreamId()
  private backwards = false
  private readonly master = new StreamId()
  private masterFields = 0
  private masterStart = 0
  private u8: Uint8Array = new Uint8Array(0)
  private base = 0
  /** Forwards, where the next entry begins; backwards, where the last element of the next stands. */
  private at = 0
  private end = 0
  /** In the entry shown: the next field, in the master entry or in the entry, and the next value. */
  private fieldAt = 0
  private valueAt = 0
  private same = false

  constructor(heap: ByteHeap) {
    this.heap = heap
  }

  /** From here on `next` shows the entries from ID `from` to `to`, both included; backwards, the highest first. */
  start(stream: Walkable, from: StreamId, to: StreamId, backwards: boolean): this {
    this.stream = stream
    this.alone = false
    this.from.set(from)
    this.to.set(to)
    this.backwards = backwards
    this.showDeleted = false
    this.at = NOT_BEGUN
    return this
  }

  startAll(stream: Walkable, backwards: boolean): this {
    this.from.setZero()
    this.to.setMax()
    return this.start(stream, this.from, this.to, backwards)
  }

  /** From here on `next` shows the entries of one listpack, of whatever stream. */
  startListpack(master: StreamId, block: number): this {
    this.stream = null
    this.alone = true
    this.from.setZero()
    this.to.setMax()
    this.backwards = false
    this.showDeleted = false
    this.master.set(master)
    this.enterBlock(block)
    return this
  }

  /** Goes to the next entry; false where there is none. */
  next(): boolean {
    if (this.stream === null && !this.alone) return false
    if (this.at === NOT_BEGUN && this.stream !== null && !this.begin(this.stream)) return this.over()
    for (;;) {
      if (this.backwards ? !this.previousEntry() : !this.nextEntry()) {
        if (this.stream === null) return this.over()
        const { nodes } = this.stream
        if (!(this.backwards ? nodes.previous() : nodes.next())) return this.over()
        this.enter(this.stream)
        continue
      }
      if (!this.showDeleted && (this.u8[this.base + this.flagsAt]! & DELETED) !== 0) continue
      if (this.backwards) {
        if (this.id.compare(this.to) > 0) continue
        return this.id.compare(this.from) >= 0 || this.over()
      }
      if (this.id.compare(this.from) < 0) continue
      return this.id.compare(this.to) <= 0 || this.over()
    }
  }

  /** Shows the entry's next field and its value; to be called `fields` times at most. */
  nextField(): void {
    const { u8, base } = this
    lpRead(u8, base, this.fieldAt, this.field)
    if (this.same) {
      this.fieldAt += elementBytes(u8, base + this.fieldAt)
    } else {
      this.valueAt = this.fieldAt + elementBytes(u8, base + this.fieldAt)
    }
    lpRead(u8, base, this.valueAt, this.value)
    this.valueAt += elementBytes(u8, base + this.valueAt)
    if (!this.same) this.fieldAt = this.valueAt
  }

  private over(): false {
    this.stream = null
    this.alone = false
    return false
  }

  private begin(stream: Walkable): boolean {
    const { nodes } = stream
    const found = this.backwards
      ? this.to.isMax
        ? nodes.last()
        : nodes.seekAtMost(this.to)
      : (!this.from.isZero && nodes.seekAtMost(this.from)) || nodes.first()
    if (found) this.enter(stream)
    return found
  }

  /** Enters the listpack at the cursor of the tree. */
  private enter(stream: Walkable): void {
    stream.nodes.id(this.master)
    this.enterBlock(stream.nodes.payload(0))
  }

  private enterBlock(node: number): void {
    const u8 = this.heap.u8[chunkOf(node)]!
    const base = byteOf(node)
    this.u8 = u8
    this.base = base
    this.end = lpEnd(u8, base)
    const at = masterFieldsAt(u8, base)
    this.masterFields = Number(integerAt(u8, base, at))
    this.masterStart = at + elementBytes(u8, base + at)
    this.at = this.backwards
      ? lpPrevious(u8, base, this.end)
      : skip(u8, base, this.masterStart, this.masterFields + 1)
  }

  private nextEntry(): boolean {
    if (this.at >= this.end) return false
    this.flagsAt = this.at
    this.readHead()
    const elements = this.same ? this.fields : 2 * this.fields
    this.at = skip(this.u8, this.base, this.same ? this.valueAt : this.fieldAt, elements + 1)
    return true
  }

  private previousEntry(): boolean {
    const { u8, base } = this
    const elements = Number(integerAt(u8, base, this.at))
    if (elements === 0) return false
    this.flagsAt = skipBack(u8, base, this.at, elements)
    this.readHead()
    this.at = lpPrevious(u8, base, this.flagsAt)
    return true
  }

  /** Reads what stands in front of the entry's fields and values. */
  private readHead(): void {
    const { u8, base } = this
    this.same = (u8[base + this.flagsAt]! & SAME_FIELDS) !== 0
    const ms = this.flagsAt + 2
    const seq = ms + elementBytes(u8, base + ms)
    this.id.setFrom(this.master, integerAt(u8, base, ms), integerAt(u8, base, seq))
    const rest = seq + elementBytes(u8, base + seq)
    if (this.same) {
      this.fields = this.masterFields
      this.fieldAt = this.masterStart
      this.valueAt = rest
    } else {
      this.fields = Number(integerAt(u8, base, rest))
      this.fieldAt = rest + elementBytes(u8, base + rest)
    }
  }
}
