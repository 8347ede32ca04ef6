/**
 * The longest common subsequence of two ranges of bytes, 32 columns of the classic table at a time. From one column to the next a
 * row of that table grows by one or not at all: a bit a column tells all of it, and a row follows from the one above with
 * one addition a word (Crochemore, Iliopoulos, Pinzon, Reid: "A fast and practical bit-vector algorithm for the longest common
 * subsequence problem", 2001; Hyyrö: "Bit-parallel LCS-length computation revisited", 2004). A bit is 0 where the row grows.
 *
 * Walking back through the rows needs no more than those bits: where the two bytes differ, the length above is greater than the one
 * before exactly if the row grew at this column.
 */

import { countWord } from './bit-count.js'

/** Rows of more words than this are not kept for the next time. */
const KEPT_WORDS_MAX = 16 * 1024
const BYTES = 256
const NOTHING = new Uint8Array(0)

export class Subsequence {
  /** Where in the first range, and in the second, the stretch begins that `previous` came upon. */
  aStart = 0
  bStart = 0

  private a: Uint8Array = NOTHING
  private aFrom = 0
  private b: Uint8Array = NOTHING
  private bFrom = 0
  /** How many words a row has. */
  private words = 0
  private rows: Int32Array = new Int32Array(64)
  /** For each byte of the first range, where the second has it: a row of bits. */
  private masks: Int32Array = new Int32Array(64)
  /** Which mask is a byte's, counted from 1; 0 for a byte that is not in the first range. */
  private readonly numbers = new Uint16Array(BYTES)

  /**
   * Returns the length for `a[aFrom, aTo)` and `b[bFrom, bTo)`, -1 where there is no memory for it. With `walks`, `previous` may be
   * called afterwards, as long as the bytes stay.
   */
  compare(
    a: Uint8Array,
    aFrom: number,
    aTo: number,
    b: Uint8Array,
    bFrom: number,
    bTo: number,
    walks: boolean,
  ): number {
    const words = (bTo - bFrom + 31) >>> 5
    const masks = this.number(a, aFrom, aTo)
    this.a = a
    this.aFrom = aFrom
    this.aStart = aTo - aFrom
    this.b = b
    this.bFrom = bFrom
    this.bStart = bTo - bFrom
    this.words = words
    try {
      this.masks = withRoom(this.masks, masks * words)
      this.rows = withRoom(this.rows, (walks ? aTo - aFrom + 1 : 1) * words)
    } catch {
      return -1
    }
    this.fillMasks(masks)
    const { rows, numbers } = this
    let row = 0
    rows.fill(-1, 0, words)
    for (let i = aFrom; i < aTo; i++) {
      const next = walks ? row + words : row
      fillRow(rows, row, next, this.masks, (numbers[a[i]!]! - 1) * words, words)
      row = next
    }
    let length = 0
    for (let i = row; i < row + words; i++) length += countWord(~rows[i]!)
    return length
  }

  /**
   * The length of the last stretch that both ranges have in common, in front of the one found before; 0 where there is none. Of several
   * longest subsequences it is the one that is found from the end, the first range's end being dropped only where that
   * is strictly better.
   */
  previous(): number {
    const { a, b, aFrom, bFrom, rows, words } = this
    let i = this.aStart
    let j = this.bStart
    let length = 0
    while (i > 0 && j > 0) {
      if (a[aFrom + i - 1] === b[bFrom + j - 1]) {
        i--
        j--
        length++
      } else if (length > 0) break
      else if (((rows[i * words + ((j - 1) >>> 5)]! >>> ((j - 1) & 31)) & 1) === 0) i--
      else j--
    }
    this.aStart = i
    this.bStart = j
    return length
  }

  /** Lets go of the bytes, and of rows that are too large to be kept. */
  end(): void {
    this.a = NOTHING
    this.b = NOTHING
    if (this.rows.length > KEPT_WORDS_MAX) this.rows = new Int32Array(64)
    if (this.masks.length > KEPT_WORDS_MAX) this.masks = new Int32Array(64)
  }

  /** Numbers the bytes that `a[from, to)` has; returns how many different ones. */
  private number(a: Uint8Array, from: number, to: number): number {
    const { numbers } = this
    numbers.fill(0)
    let count = 0
    for (let i = from; i < to; i++) if (numbers[a[i]!] === 0) numbers[a[i]!] = ++count
    return count
  }

  private fillMasks(count: number): void {
    const { b, bFrom, masks, numbers, words } = this
    masks.fill(0, 0, count * words)
    for (let j = 0; j < this.bStart; j++) {
      const number = numbers[b[bFrom + j]!]!
      if (number > 0) masks[(number - 1) * words + (j >>> 5)]! |= 1 << (j & 31)
    }
  }
}

/** The array, or another one of at least so many words; what is in it does not matter. */
function withRoom(array: Int32Array, words: number): Int32Array {
  return words <= array.length ? array : new Int32Array(words)
}

/** Makes the row at `to` of the one at `from`, which is above it. */
function fillRow(
  rows: Int32Array,
  from: number,
  to: number,
  masks: Int32Array,
  mask: number,
  words: number,
): void {
  let carry = 0
  for (let i = 0; i < words; i++) {
    const above = rows[from + i]!
    const equal = above & masks[mask + i]!
    const sum = (above + equal + carry) | 0
    carry = (equal | (above & ~sum)) >>> 31
    rows[to + i] = sum | (above & ~equal)
  }
}
