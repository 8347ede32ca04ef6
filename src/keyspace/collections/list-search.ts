/**
 * Looking for an element in a list: for its bytes as they are kept, so that what is passed by is neither decoded nor copied. Most elements
 * can be told apart by their first byte, which is kind and length. A payload that was restored may keep a string in a longer
 * form than it needs, or digits as a string; that is found too.
 */

import { parseInt64, parseInteger } from '../../bytes/ascii.js'
import {
  elementBytes,
  LP_END,
  LP_HEADER_BYTES,
  LP_SHORT,
  lpInt64,
  lpMayBeInteger,
  lpRead,
} from './listpack.js'
import { Piece, sameBytes } from './piece.js'
import type { Quicklist } from './quicklist.js'

const SMALL_INTEGER_MAX = 127
const NOTHING = new Uint8Array(0)

export class ListSearch {
  /** How many elements `find` passed by. */
  passed = 0
  private buf: Uint8Array = NOTHING
  private start = 0
  private end = 0
  /** What is looked for as an integer; null where it is none. */
  private integer: number | bigint | null = null
  private readonly piece = new Piece()

  /** Sets what is looked for; valid as long as these bytes are. */
  begin(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf
    this.start = start
    this.end = end
    this.integer = null
    if (!lpMayBeInteger(buf, start, end)) return
    const near = parseInteger(buf, start, end)
    this.integer = Number.isNaN(near) ? parseInt64(buf, start, end) : near
  }

  /**
   * Where in `u8` the first element from `u8[from]` on stands that is what is looked for, an end mark being behind the last one. 0 where
   * it is not among the first `most`.
   */
  find(u8: Uint8Array, from: number, most: number): number {
    const { buf, integer } = this
    const length = this.end - this.start
    const last = this.end - 1
    const small = typeof integer === 'number' && integer >= 0 && integer <= SMALL_INTEGER_MAX ? integer : -1
    let p = from
    let passed = 0
    for (; passed < most; passed++) {
      const first = u8[p]!
      if (first < LP_SHORT) {
        if (first === small) break
        p += 2
      } else if (first < 0xc0) {
        const size = first & 63
        if (size === length) {
          // From the last byte on: names differ at their ends more often than at their beginnings.
          let i = 0
          while (i < size && u8[p + size - i] === buf[last - i]) i++
          if (i === size) break
        }
        p += 2 + size
      } else {
        if (first === LP_END) {
          this.passed = passed
          return 0
        }
        if (this.isLong(u8, p)) break
        p += elementBytes(u8, p)
      }
    }
    this.passed = passed
    return passed < most ? p : 0
  }

  /** Whether it is the element at `u8[p]`: no short string, no small integer. */
  private isLong(u8: Uint8Array, p: number): boolean {
    const value = lpInt64(u8, 0, p)
    if (!Number.isNaN(value)) return value === this.integer
    lpRead(u8, 0, p, this.piece)
    return sameBytes(this.piece, this.buf, this.start, this.end)
  }

  /**
   * Shows the index of each element that is what is looked for, among the first `most` from `u8[from]` on, the first of which has the index
   * `index`, until `visit` says false. Returns how many more may be looked at: 0 where `visit` has seen enough.
   */
  showIn(
    u8: Uint8Array,
    from: number,
    index: number,
    most: number,
    visit: (index: number) => boolean,
  ): number {
    let p = from
    let seen = 0
    for (;;) {
      p = this.find(u8, p, most - seen)
      seen += this.passed
      if (p === 0) return most - seen
      if (!visit(index + seen)) return 0
      seen++
      p += elementBytes(u8, p)
    }
  }

  /** The same in a large list, from its beginning on. */
  showInLarge(list: Quicklist, most: number, visit: (index: number) => boolean): void {
    let index = 0
    for (let node = list.head; node !== 0 && index < most; node = list.behind(node)) {
      const u8 = list.bytesOf(node)
      const base = list.start(node)
      if (list.isPlain(node)) {
        this.piece.range(u8, base, base + list.contentBytes(node))
        if (sameBytes(this.piece, this.buf, this.start, this.end) && !visit(index)) return
        index++
        continue
      }
      const left = this.showIn(u8, base + LP_HEADER_BYTES, index, most - index, visit)
      if (left === 0) return
      index = most - left
    }
  }
}
