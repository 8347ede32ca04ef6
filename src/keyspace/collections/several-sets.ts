/**
 * What commands on several sets, or sorted sets, work with: which sets they are, rows of members (rows.ts), a probe that asks one set
 * for the members of another (probe.ts), and a writer for small results. All of it is used again by the next such command: to make it
 * costs more than two small sets are worth. `begin` comes first, `end` last; where `end` is never reached, nothing is wrong.
 */

import { SET } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { below } from '../table.js'
import { gatherSet, gatherSorted, ROWS_AT_ONCE } from './gather.js'
import { PackWriter } from './pack-writer.js'
import { Probe } from './probe.js'
import { RowOrder } from './row-order.js'
import { Rows } from './rows.js'

const SOURCES_FIRST = 16
const SOURCES_KEPT_MAX = 1024

export class SeveralSets {
  readonly rows: Rows
  readonly order: RowOrder
  readonly probe: Probe
  /** How many sets there are. */
  count = 0
  /** Their entries, 0 for one that is not there; how many members each has; by what its scores are multiplied. */
  handles = new Uint32Array(SOURCES_FIRST)
  sizes = new Float64Array(SOURCES_FIRST)
  weights = new Float64Array(SOURCES_FIRST)
  private readonly pack: PackWriter
  private readonly keyspace: Keyspace

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.rows = new Rows(keyspace.entries)
    this.order = new RowOrder(this.rows)
    this.probe = new Probe(keyspace)
    this.pack = new PackWriter(keyspace.listpacks)
  }

  /** Forgets all sets and all rows; makes room for some sets. */
  begin(expected: number): void {
    if (expected > this.handles.length || this.handles.length > SOURCES_KEPT_MAX) {
      const room = Math.max(expected, SOURCES_FIRST)
      this.handles = new Uint32Array(room)
      this.sizes = new Float64Array(room)
      this.weights = new Float64Array(room)
    }
    this.count = 0
    this.rows.begin()
  }

  /** Nobody needs the rows any more. */
  end(): void {
    this.probe.close()
    this.order.end()
    this.rows.end()
  }

  /** One set more: its entry, or 0 for one that is not there. No more than `begin` was told. */
  add(handle: number): void {
    const { entries, sets, zsets } = this.keyspace
    const at = this.count++
    this.handles[at] = handle
    this.weights[at] = 1
    if (handle === 0) this.sizes[at] = 0
    else this.sizes[at] = entries.type(handle) === SET ? sets.size(handle) : zsets.size(handle)
  }

  /** Puts the sets from the one of number `from` on in order, the smallest first, or the largest; equal ones stay as they are. */
  sortBySize(from: number, largestFirst: boolean): void {
    const { handles, sizes, weights } = this
    for (let i = from + 1; i < this.count; i++) {
      const handle = handles[i]!
      const size = sizes[i]!
      const weight = weights[i]!
      let at = i
      for (; at > from && (largestFirst ? sizes[at - 1]! < size : sizes[at - 1]! > size); at--) {
        handles[at] = handles[at - 1]!
        sizes[at] = sizes[at - 1]!
        weights[at] = weights[at - 1]!
      }
      handles[at] = handle
      sizes[at] = size
      weights[at] = weight
    }
  }

  /** Adds members of a set to the rows, from `cursor` on, 0 first; where to go on, 0 at the end. Scores are left out. */
  gather(set: number, cursor: number): number {
    return gatherSet(this.keyspace, this.rows, this.handles[set]!, cursor)
  }

  /** The same of a set or a sorted set, with scores, which are multiplied: that of a set's members is 1. Infinity times nothing is 0. */
  gatherScored(set: number, cursor: number): number {
    const { keyspace, rows } = this
    const handle = this.handles[set]!
    const weight = this.weights[set]!
    const from = rows.count
    if (handle === 0) return 0
    if (keyspace.entries.type(handle) === SET) {
      const next = gatherSet(keyspace, rows, handle, cursor)
      rows.scores.fill(weight, from, rows.count)
      return next
    }
    const size = this.sizes[set]!
    const to = Math.min(size, cursor + ROWS_AT_ONCE)
    gatherSorted(keyspace, rows, handle, cursor, to)
    if (weight !== 1) {
      for (let row = from; row < rows.count; row++) {
        const score = rows.scores[row]! * weight
        rows.scores[row] = Number.isNaN(score) ? 0 : score
      }
    }
    return to === size ? 0 : to
  }

  /** Adds the members of ranks [from, to), which there are, of a sorted set to the rows. */
  gatherRange(handle: number, from: number, to: number): void {
    gatherSorted(this.keyspace, this.rows, handle, from, to)
  }

  /** Of the rows from `from` on leaves those whose members a set has, or where `wanted` is false those whose members it has not. */
  sift(set: number, from: number, wanted: boolean): void {
    const { rows, probe } = this
    if (from === rows.count) return
    const handle = this.handles[set]!
    if (handle === 0) {
      if (wanted) rows.cut(from, from)
      return
    }
    probe.open(handle, rows, from)
    probe.sift(rows, from, wanted)
  }

  /**
   * Leaves so many of the rows, of which there are as many, chosen at random, each as likely as any other (Knuth's algorithm S). They
   * stay in their order.
   */
  choose(count: number): void {
    const { rows } = this
    const { random32 } = this.keyspace
    let kept = 0
    for (let row = 0; kept < count; row++) {
      if (below(rows.count - row, random32) < count - kept) rows.move(row, kept++)
    }
    rows.cut(0, kept)
  }

  /** A bare entry with a set of the rows' members. */
  makeSet(): number {
    return this.keyspace.sets.createFrom(this.rows, this.pack)
  }

  /** A bare entry with a sorted set of the rows, which `order` has put in order. */
  makeSorted(): number {
    return this.keyspace.zsets.createFrom(this.rows, this.order.order, this.pack)
  }
}
