/**
 * Room that SORT uses again and again: a list of twenty elements is sorted in less time than buffers for it are made. It belongs to
 * a `Call`, on which one SORT runs at a time.
 */

import { sameBytes } from '../../bytes/ascii.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { Strings } from './sort-order.js'
import { Pattern } from './sort-pattern.js'

/** Up to so many elements are put in order one by one. */
export const FEW = 48
/** A buffer for more than this is not kept. */
const KEPT_ELEMENTS_MAX = 1024
const KEPT_BYTES_MAX = 64 * 1024
const KEPT_PATTERNS_MAX = 8
const KEPT_PATTERN_BYTES_MAX = 256

export class SortSpace {
  readonly value = new Piece()
  /** For up to FEW elements. */
  readonly scores = new Float64Array(FEW)
  readonly order = new Int32Array(FEW)
  private readonly strings = new Strings(KEPT_ELEMENTS_MAX)
  private readonly patterns: Pattern[] = []

  /** Strings to be filled, with room for so many. */
  begin(expected: number): Strings {
    if (expected > KEPT_ELEMENTS_MAX || this.strings.buf.length > KEPT_BYTES_MAX) return new Strings(expected)
    this.strings.count = 0
    return this.strings
  }

  /** The pattern `buf[start, end)`. */
  pattern(buf: Uint8Array, start: number, end: number): Pattern {
    const { patterns } = this
    for (const known of patterns) {
      if (sameBytes(known.bytes, 0, known.bytes.length, buf, start, end)) return known
    }
    const made = new Pattern(buf.slice(start, end))
    if (end - start <= KEPT_PATTERN_BYTES_MAX) {
      if (patterns.length === KEPT_PATTERNS_MAX) patterns.shift()
      patterns.push(made)
    }
    return made
  }
}

/**
 * The numbers of up to FEW elements by score, equal scores by their bytes, in `order`: sorted by insertion, which needs neither a
 * call nor room.
 */
export function orderFew(
  elements: Strings,
  scores: Float64Array,
  count: number,
  descending: boolean,
  order: Int32Array,
): Int32Array {
  for (let i = 0; i < count; i++) {
    const score = scores[i]!
    let at = i
    for (; at > 0; at--) {
      const other = order[at - 1]!
      const its = scores[other]!
      const difference = its === score ? elements.compare(other, i) : its - score
      if (descending ? difference >= 0 : difference <= 0) break
      order[at] = other
    }
    order[at] = i
  }
  return order
}
