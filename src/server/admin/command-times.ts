/**
 * How long each command took: INFO latencystats and LATENCY HISTOGRAM. A histogram has the buckets of an HdrHistogram of
 * two significant digits over 1 ns to 1 s (which is what Redis keeps): below 256 ns one a nanosecond, above 128 for each
 * doubling. So a percentile is off by no more than a hundredth, in 25 kB a command that was ever used.
 *
 * Of the commands that are over at once only one in some is timed, and counts for all of them. The first calls are
 * timed one by one, so that there is something to tell after a single call.
 */

import type { CommandTable, Entry } from '../../commands/table.js'
import { allEntries } from './acl/categories.js'

const LONGEST_NS = 1_000_000_000
/** Buckets of one doubling. */
const HALF = 128
const DOUBLINGS = 30 - 8
const BUCKETS = (DOUBLINGS + 2) * HALF
/** So many first calls are timed one by one, where later ones are sampled; a multiple of the dispatcher's interval. */
const FIRST_CALLS = 64
/** LATENCY HISTOGRAM's first bucket ends just below; each following one is twice as wide. */
const FIRST_LEVEL_NS = 1024

function bucketOf(ns: number): number {
  const shift = Math.max(0, 24 - Math.clz32(ns))
  return shift * HALF + (ns >> shift)
}

/** The longest time that falls into a bucket. */
function longestOf(bucket: number): number {
  const shift = Math.max(0, (bucket >> 7) - 1)
  return (bucket - shift * HALF + 1) * 2 ** shift - 1
}

function shortestOf(bucket: number): number {
  const shift = Math.max(0, (bucket >> 7) - 1)
  return (bucket - shift * HALF) * 2 ** shift
}

export class Histogram {
  total = 0
  private readonly counts = new Float64Array(BUCKETS)

  add(usec: number, calls: number): void {
    const ns = Math.min(Math.max(Math.floor(usec * 1000), 1), LONGEST_NS)
    const bucket = bucketOf(ns)
    this.counts[bucket] = this.counts[bucket]! + calls
    this.total += calls
  }

  /** The time in nanoseconds that so many percent of the calls did not exceed. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.total + 0.5))
    let count = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      count += this.counts[bucket]!
      if (count >= wanted) return percent === 0 ? shortestOf(bucket) : longestOf(bucket)
    }
    return 0
  }

  /** Pairs of microseconds and how many calls took no longer: at levels that double, as far as calls are added. */
  levels(): [usec: number, calls: number][] {
    const levels: [number, number][] = []
    let [count, told, bucket] = [0, 0, 0]
    for (let level_ns = FIRST_LEVEL_NS; count < this.total && bucket < BUCKETS; level_ns *= 2) {
      // A level ends with the whole bucket into which it falls.
      const last = Math.min(bucketOf(level_ns), BUCKETS - 1)
      while (bucket <= last) count += this.counts[bucket++]!
      if (count > told) levels.push([Math.floor(longestOf(last) / 1000), count])
      told = count
    }
    return levels
  }
}

export class CommandTimes {
  private readonly table: CommandTable
  private histograms: (Histogram | undefined)[] = []
  /** What takes part in sampling, by id: switched off for each until its first calls are timed. */
  private readonly sampled: (Entry | undefined)[] = []

  constructor(table: CommandTable) {
    this.table = table
    for (const entry of allEntries(table)) if (entry.sampled) this.sampled[entry.id] = entry
  }

  /** Counting begins, goes on after it was switched off, or is switched off. */
  switch(on: boolean): void {
    for (const entry of this.sampled) if (entry !== undefined) entry.sampled = !on
  }

  /** Forgets all; `on`: counting goes on. */
  reset(on: boolean): void {
    this.histograms = []
    this.switch(on)
  }

  /** A command took so long, and stands for so many calls. */
  add(entry: Entry, usec: number, calls: number): void {
    const { id } = entry
    let histogram = this.histograms[id]
    if (histogram === undefined) {
      histogram = new Histogram()
      this.histograms[id] = histogram
    }
    histogram.add(usec, calls)
    if (entry.sampled || histogram.total < FIRST_CALLS || entry.calls % FIRST_CALLS !== 0) return
    const sampled = this.sampled[id]
    if (sampled !== undefined) sampled.sampled = true
  }

  of(entry: Entry): Histogram | undefined {
    return this.histograms[entry.id]
  }

  /** All that were ever used, in the table's order. */
  *all(): Iterable<[Entry, Histogram]> {
    for (const entry of allEntries(this.table)) {
      const histogram = this.histograms[entry.id]
      if (histogram !== undefined) yield [entry, histogram]
    }
  }
}
