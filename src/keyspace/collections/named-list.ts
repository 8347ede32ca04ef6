/**
 * Things with names in the order of the names' bytes: the groups of a stream, the consumers of a group. A list of runs, each a sorted
 * array of at most RUN_MAX: finding one is two binary searches, and adding or removing one moves a run, not the whole.
 */

import { compareBytes } from '../../bytes/ascii.js'

/** Items of a run; a longer one is divided. A million items make some ten thousand runs. */
const RUN_MAX = 256

export interface Named {
  readonly name: Uint8Array
}

export class NamedList<T extends Named> {
  length = 0
  /** None is empty. */
  private readonly runs: T[][] = []

  find(buf: Uint8Array, start: number, end: number): T | undefined {
    const run = this.runs[this.runOf(buf, start, end)]
    if (run === undefined) return undefined
    const at = placeIn(run, buf, start, end)
    const item = run[at]
    return item !== undefined && order(item, buf, start, end) === 0 ? item : undefined
  }

  /** Adds an item whose name is not there. */
  add(item: T): void {
    const { runs } = this
    const { name } = item
    this.length++
    if (runs.length === 0) {
      runs.push([item])
      return
    }
    const index = this.runOf(name, 0, name.length)
    const run = runs[index]!
    run.splice(placeIn(run, name, 0, name.length), 0, item)
    if (run.length > RUN_MAX) {
      // Names that come in ascending order leave full runs behind.
      const rest = run.splice(index === runs.length - 1 ? RUN_MAX - 1 : RUN_MAX >>> 1)
      runs.splice(index + 1, 0, rest)
    }
  }

  /** Removes an item that is there. */
  delete(item: T): void {
    const { name } = item
    const index = this.runOf(name, 0, name.length)
    const run = this.runs[index]!
    run.splice(placeIn(run, name, 0, name.length), 1)
    if (run.length === 0) this.runs.splice(index, 1)
    this.length--
  }

  get last(): T | undefined {
    return this.runs.at(-1)?.at(-1)
  }

  /** Removes the last item. */
  pop(): void {
    const run = this.runs.at(-1)
    if (run === undefined) return
    run.pop()
    this.length--
    if (run.length === 0) this.runs.pop()
  }

  /** In the order of the names. Nothing may be added or removed meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const run of this.runs) yield* run
  }

  /** The run in which a name stands, or would. */
  private runOf(buf: Uint8Array, start: number, end: number): number {
    const { runs } = this
    let low = 0
    let high = runs.length
    // The first run whose first name is greater.
    while (low < high) {
      const middle = (low + high) >>> 1
      if (order(runs[middle]![0]!, buf, start, end) > 0) high = middle
      else low = middle + 1
    }
    return low === 0 ? 0 : low - 1
  }
}

/** The index of the first item of a run that does not come before the name. */
function placeIn(run: readonly Named[], buf: Uint8Array, start: number, end: number): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (order(run[middle]!, buf, start, end) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function order({ name }: Named, buf: Uint8Array, start: number, end: number): number {
  return compareBytes(name, 0, name.length, buf, start, end)
}
