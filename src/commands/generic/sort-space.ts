/**
 * Room that SORT uses again and again: a list of twenty elements is sorted in less time than buffers for it are made. It belongs to
 * a `Call`, on which one SORT runs at a time.
 */

import { sameBytes } from '../../bytes/ascii.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { FewSpace } from './sort-few.js'
import { FewPack } from './sort-few-store.js'
import { Strings } from './sort-order.js'
import { Pattern } from './sort-pattern.js'

/** A buffer for more than this is not kept. */
const KEPT_ELEMENTS_MAX = 1024
const KEPT_BYTES_MAX = 64 * 1024
const KEPT_PATTERNS_MAX = 8
const KEPT_PATTERN_BYTES_MAX = 256

export class SortSpace {
  readonly value = new Piece()
  readonly few = new FewSpace()
  readonly pack = new FewPack()
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
