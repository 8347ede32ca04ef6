/**
 * The estimate of a HyperLogLog, from how many registers have each value: Otmar Ertl, "New cardinality estimation algorithms
 * for HyperLogLog sketches", 2017, in the order of operations that makes the last bit come out as in Redis.
 */

import { forEachRun, HLL_HEADER_BYTES, isDense, REGISTERS } from './hyperloglog.js'

/** One half of the logarithm's reciprocal of two. */
const ALPHA = 0.7213475204444817
/** The highest value that a register can get from a hash. */
const VALUE_MAX = 51

/** A register's values. */
const VALUES = 64
/**
 * Of four registers each is counted in a place of its own: most have one of a few values, and to add to a number that was only just
 * written takes longer.
 */
const SECOND = VALUES
const THIRD = 2 * VALUES
const FOURTH = 3 * VALUES
/** What who counts needs room for. */
export const COUNTS = 4 * VALUES

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let x = share
  let y = 1
  let z = x
  for (let before = Number.NaN; before !== z; ) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let y = 1
  let z = 1 - x
  for (let before = Number.NaN; before !== z; ) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) * (1 - x) * y
  }
  return z / 3
}

/** How many different elements: `counts[v]` registers have the value v. Infinite where all are as high as can be. */
function estimate(counts: Int32Array): number {
  let z = REGISTERS * tau((REGISTERS - counts[VALUE_MAX]!) / REGISTERS)
  for (let value = VALUE_MAX - 1; value >= 1; value--) {
    z += counts[value]!
    z *= 0.5
  }
  z += REGISTERS * sigma(counts[0]! / REGISTERS)
  const exact = (ALPHA * REGISTERS * REGISTERS) / z
  const whole = Math.floor(exact)
  return exact - whole >= 0.5 ? whole + 1 : whole
}

/** The estimate for registers of one byte each, four in a word. */
export function countWords(counts: Int32Array, words: Int32Array): number {
  counts.fill(0)
  for (let i = 0; i < REGISTERS / 4; i++) {
    const word = words[i]!
    counts[word & 63]!++
    counts[SECOND + ((word >> 8) & 63)]!++
    counts[THIRD + ((word >> 16) & 63)]!++
    counts[FOURTH + (word >>> 24)]!++
  }
  addUp(counts)
  return estimate(counts)
}

/** The estimate for a HyperLogLog; -1 where its runs are wrong. */
export function countElements(counts: Int32Array, u8: Uint8Array, at: number, length: number): number {
  counts.fill(0)
  if (!isDense(u8, at)) {
    const whole = forEachRun(u8, at, length, (_, run, value) => {
      counts[value]! += run
    })
    return whole ? estimate(counts) : -1
  }
  const end = at + length
  for (let p = at + HLL_HEADER_BYTES; p < end; p += 3) {
    const four = u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16)
    counts[four & 63]!++
    counts[SECOND + ((four >> 6) & 63)]!++
    counts[THIRD + ((four >> 12) & 63)]!++
    counts[FOURTH + (four >> 18)]!++
  }
  addUp(counts)
  return estimate(counts)
}

/** Puts the four counts of each value together. */
function addUp(counts: Int32Array): void {
  for (let i = 0; i < VALUES; i++) {
    counts[i] = counts[i]! + counts[SECOND + i]! + counts[THIRD + i]! + counts[FOURTH + i]!
  }
}
