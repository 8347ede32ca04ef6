/**
 * Members of sets and sorted sets as rows, for commands that look at several sets at once: columns of numbers say where each member's
 * bytes lie in the heap, what they hash to, and its score. So members are gathered, sifted, brought together and put in order
 * without being copied, and nothing is made for any of them. What an intset or a listpack keeps as an integer has its digits here.
 *
 * Rows are good until something is written to one of the sets that they come from. A keyspace has one object of this kind, which a
 * command uses from `begin` to `end`.
 */

import { compareBytes, sameBytes, writeInteger } from '../../bytes/ascii.js'
import type { ByteHeap } from '../../bytes/heap.js'
import type { Entries } from '../entries.js'
import { Handles } from '../table.js'

/** Room to begin with, and what is kept of more when it is not needed any longer. */
const ROWS_FIRST = 64
const ROWS_KEPT_MAX = 32_768
const DIGITS_FIRST = 1024
const DIGITS_KEPT_MAX = 64 * 1024
/** A 64-bit integer's, with its sign. */
const INTEGER_DIGITS_MAX = 20
/** The chunk of rows whose bytes are digits that stand here. */
export const DIGITS = -1
/** Places of the index to begin with; half of them are taken at most. */
const PLACES_FIRST = 32

export class Rows {
  count = 0
  /** Where the member's bytes lie: a chunk of the heap, or DIGITS; and from where to where in it. */
  chunks = new Int32Array(ROWS_FIRST)
  starts = new Int32Array(ROWS_FIRST)
  ends = new Int32Array(ROWS_FIRST)
  /** Of the first `hashed` rows. */
  hashes = new Int32Array(ROWS_FIRST)
  scores = new Float64Array(ROWS_FIRST)
  /** For who collects handles before he adds rows. */
  readonly handles = new Handles()
  private room = ROWS_FIRST
  private hashed = 0
  private digits = new Uint8Array(DIGITS_FIRST)
  private digitsEnd = 0
  /** An open-addressing table: rows, counted from 1, by their hashes; 0 is a free place. The first `mask + 1` places are in use. */
  private places = new Int32Array(PLACES_FIRST)
  private mask = 0
  private readonly heap: ByteHeap
  private readonly entries: Entries

  /** `entries` lends its secret hash. */
  constructor(entries: Entries) {
    this.heap = entries.heap
    this.entries = entries
  }

  /** Forgets all rows. */
  begin(): void {
    this.count = 0
    this.hashed = 0
    this.digitsEnd = 0
  }

  /** Whoever has used the rows does not need them any more: what they took more than is kept goes. */
  end(): void {
    this.begin()
    if (this.room > ROWS_KEPT_MAX) {
      this.resize(ROWS_FIRST)
      this.places = new Int32Array(PLACES_FIRST)
    }
    if (this.digits.length > DIGITS_KEPT_MAX) this.digits = new Uint8Array(DIGITS_FIRST)
  }

  /** The bytes that `starts` and `ends` of a row index. */
  bytesOf(row: number): Uint8Array {
    const chunk = this.chunks[row]!
    return chunk === DIGITS ? this.digits : this.heap.u8[chunk]!
  }

  /** Adds a member that lies in the heap. */
  add(chunk: number, start: number, end: number): void {
    const row = this.count
    if (row === this.room) this.resize(row * 2)
    this.chunks[row] = chunk
    this.starts[row] = start
    this.ends[row] = end
    this.count = row + 1
  }

  addInteger(value: number | bigint): void {
    const start = this.digitsEnd
    if (start + INTEGER_DIGITS_MAX > this.digits.length) {
      const more = new Uint8Array(this.digits.length * 2)
      more.set(this.digits)
      this.digits = more
    }
    if (typeof value === 'number') this.digitsEnd = writeInteger(this.digits, start, value)
    else {
      const spelled = value.toString()
      for (let i = 0; i < spelled.length; i++) this.digits[start + i] = spelled.charCodeAt(i)
      this.digitsEnd = start + spelled.length
    }
    this.add(DIGITS, start, this.digitsEnd)
  }

  /** Writes a row over another one. */
  move(from: number, to: number): void {
    if (from === to) return
    this.chunks[to] = this.chunks[from]!
    this.starts[to] = this.starts[from]!
    this.ends[to] = this.ends[from]!
    this.hashes[to] = this.hashes[from]!
    this.scores[to] = this.scores[from]!
  }

  /** Only the first rows are left: those from `from` on were written over by what stays of them, in their order. */
  cut(from: number, count: number): void {
    this.hashed = this.hashed === this.count ? count : Math.min(this.hashed, from)
    this.count = count
  }

  /** Sees to it that all rows have their hashes. */
  hash(): void {
    const { count, entries, hashes, chunks, starts, ends, digits } = this
    const { u32 } = this.heap
    for (let row = this.hashed; row < count; row++) {
      const chunk = chunks[row]!
      const start = starts[row]!
      const end = ends[row]!
      hashes[row] =
        chunk === DIGITS ? entries.hash(digits, start, end) : entries.hashIn(u32[chunk]!, start, end - start)
    }
    this.hashed = count
  }

  isSame(a: number, b: number): boolean {
    const { starts, ends } = this
    return sameBytes(this.bytesOf(a), starts[a]!, ends[a]!, this.bytesOf(b), starts[b]!, ends[b]!)
  }

  /** The order of two members by their bytes. */
  compareMembers(a: number, b: number): number {
    const { starts, ends } = this
    return compareBytes(this.bytesOf(a), starts[a]!, ends[a]!, this.bytesOf(b), starts[b]!, ends[b]!)
  }

  // The index.

  /** Begins an index of no rows. */
  beginIndex(): void {
    this.mask = PLACES_FIRST - 1
    this.places.fill(0, 0, PLACES_FIRST)
  }

  /** Makes room in an index, of the rows below `known`, for all rows there are, which have their hashes. */
  reserveIndex(known: number): void {
    let size = this.mask + 1
    if (this.count * 2 <= size) return
    while (size < this.count * 2) size *= 2
    if (size > this.places.length) this.places = new Int32Array(size)
    else this.places.fill(0, 0, size)
    this.mask = size - 1
    const { places, hashes, mask } = this
    for (let row = 0; row < known; row++) {
      let at = hashes[row]! & mask
      while (places[at] !== 0) at = (at + 1) & mask
      places[at] = row + 1
    }
  }

  /** The row in the index with the same member as `row`; or -1, and then the member is in the index, as that of row `as`. */
  claim(row: number, as: number): number {
    const { places, hashes, mask } = this
    const hash = hashes[row]!
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const known = places[at]! - 1
      if (known < 0) {
        places[at] = as + 1
        return -1
      }
      if (hashes[known] === hash && this.isSame(known, row)) return known
    }
  }

  /** The row in the index with the same member as `row`, or -1. */
  find(row: number): number {
    const { places, hashes, mask } = this
    const hash = hashes[row]!
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const known = places[at]! - 1
      if (known < 0 || (hashes[known] === hash && this.isSame(known, row))) return known
    }
  }

  private resize(room: number): void {
    const { chunks, starts, ends, hashes, scores } = this
    const many = Math.min(room, this.count)
    this.room = room
    this.chunks = new Int32Array(room)
    this.starts = new Int32Array(room)
    this.ends = new Int32Array(room)
    this.hashes = new Int32Array(room)
    this.scores = new Float64Array(room)
    this.chunks.set(chunks.subarray(0, many))
    this.starts.set(starts.subarray(0, many))
    this.ends.set(ends.subarray(0, many))
    this.hashes.set(hashes.subarray(0, many))
    this.scores.set(scores.subarray(0, many))
  }
}
