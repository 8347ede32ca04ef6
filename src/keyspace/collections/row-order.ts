/**
 * Rows in the order of a sorted set: by score, then by the member's bytes. What comes from sorted sets is in order already but for a
 * few rows, so runs that ascend are found and merged (natural merge sort: Knuth, "The Art of Computer Programming", volume 3, 5.2.4).
 */

import type { Rows } from './rows.js'

/** A shorter run is made so long by insertion. */
const RUN_MIN = 16
const KEPT_MAX = 32_768

export class RowOrder {
  /** The rows' numbers, in their order: of as many as there were when `sort` was called. */
  order = new Int32Array(RUN_MIN)
  private spare = new Int32Array(RUN_MIN)
  /** Where each run ends. */
  private runs = new Int32Array(RUN_MIN)
  private readonly rows: Rows

  constructor(rows: Rows) {
    this.rows = rows
  }

  /** Takes the rows in the order that they have. */
  asTheyAre(): void {
    const { count } = this.rows
    if (count > this.order.length) this.makeRoom(count)
    const { order } = this
    for (let i = 0; i < count; i++) order[i] = i
  }

  /** Puts the numbers of all rows in order. */
  sort(): void {
    this.asTheyAre()
    const { count } = this.rows
    if (count <= RUN_MIN) {
      this.insert(0, 1, count)
      return
    }
    let many = this.findRuns(count)
    while (many > 1) many = this.mergeRuns(many)
  }

  /** Nobody needs the order any more. */
  end(): void {
    if (this.order.length <= KEPT_MAX) return
    this.order = new Int32Array(RUN_MIN)
    this.spare = new Int32Array(RUN_MIN)
    this.runs = new Int32Array(RUN_MIN)
  }

  private makeRoom(count: number): void {
    const room = Math.max(count, this.order.length * 2)
    this.order = new Int32Array(room)
    this.spare = new Int32Array(room)
    this.runs = new Int32Array(Math.ceil(room / RUN_MIN) + 1)
  }

  private isBehind(a: number, b: number): boolean {
    const { rows } = this
    const first = rows.scores[a]!
    const second = rows.scores[b]!
    return first > second || (first === second && rows.compareMembers(a, b) > 0)
  }

  /** Puts the places [middle, end) into their order among those from `from` on, which are in order. */
  private insert(from: number, middle: number, end: number): void {
    const { order } = this
    for (let i = middle; i < end; i++) {
      const row = order[i]!
      let at = i
      for (; at > from && this.isBehind(order[at - 1]!, row); at--) order[at] = order[at - 1]!
      order[at] = row
    }
  }

  /** Writes down where runs end; returns how many there are. */
  private findRuns(count: number): number {
    const { order, runs } = this
    let many = 0
    for (let from = 0; from < count; ) {
      let end = from + 1
      if (end < count && this.isBehind(order[from]!, order[end]!)) {
        // It descends, as where a weight is negative.
        while (end < count && this.isBehind(order[end - 1]!, order[end]!)) end++
        order.subarray(from, end).reverse()
      }
      while (end < count && !this.isBehind(order[end - 1]!, order[end]!)) end++
      if (end - from < RUN_MIN) {
        const longer = Math.min(count, from + RUN_MIN)
        this.insert(from, end, longer)
        end = longer
      }
      runs[many++] = end
      from = end
    }
    return many
  }

  /** Merges each two runs that stand side by side; returns how many runs there are then. */
  private mergeRuns(many: number): number {
    const { order, spare, runs } = this
    let left = 0
    let from = 0
    for (let i = 0; i < many; i += 2) {
      const middle = runs[i]!
      const end = i + 1 < many ? runs[i + 1]! : middle
      this.merge(from, middle, end)
      runs[left++] = end
      from = end
    }
    this.order = spare
    this.spare = order
    return left
  }

  /** Merges the runs [from, middle) and [middle, end) of `order` into `spare`. */
  private merge(from: number, middle: number, end: number): void {
    const { order, spare } = this
    let a = from
    let b = middle
    let to = from
    while (a < middle && b < end) {
      spare[to++] = this.isBehind(order[a]!, order[b]!) ? order[b++]! : order[a++]!
    }
    while (a < middle) spare[to++] = order[a++]!
    while (b < end) spare[to++] = order[b++]!
  }
}
