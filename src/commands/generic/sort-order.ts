/**
 * Putting elements in order: their bytes lie one behind the other in one buffer, an order is an array of their numbers. Numbers are
 * sorted as such, equal ones by the elements' bytes; so an order by numbers is complete, and it does not matter how it was
 * come to.
 */

import { compareBytes } from '../../bytes/ascii.js'
import { orderByKey } from '../key-sort.js'
import { sortPart } from '../partial-sort.js'

const BYTES_EACH = 8
/** Integers whose distance times the number of elements is less can be sorted together with the elements' numbers. */
const EXACT = 2 ** 53

/** Strings of bytes, one behind the other. */
export class Strings {
  count = 0
  buf: Uint8Array
  private ends: Float64Array

  /** Room for `expected` strings, if they are short. */
  constructor(expected: number) {
    this.buf = new Uint8Array(expected * BYTES_EACH + 64)
    this.ends = new Float64Array(expected + 1)
  }

  add(buf: Uint8Array, start: number, end: number): void {
    const at = this.start(this.count)
    const length = end - start
    if (at + length > this.buf.length) {
      const more = new Uint8Array(Math.max(at + length, this.buf.length * 2))
      more.set(this.buf)
      this.buf = more
    }
    if (length > 48) this.buf.set(buf.subarray(start, end), at)
    else for (let i = 0; i < length; i++) this.buf[at + i] = buf[start + i]!
    if (this.count === this.ends.length) {
      const more = new Float64Array(this.ends.length * 2)
      more.set(this.ends)
      this.ends = more
    }
    this.ends[this.count++] = at + length
  }

  start(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!
  }

  end(index: number): number {
    return this.ends[index]!
  }

  compare(a: number, b: number): number {
    return compareBytes(this.buf, this.start(a), this.end(a), this.buf, this.start(b), this.end(b))
  }

  /** As C compares texts: what stands behind a zero byte does not count. */
  compareTexts(a: number, b: number): number {
    const { buf } = this
    let i = this.start(a)
    let j = this.start(b)
    const aEnd = this.end(a)
    const bEnd = this.end(b)
    for (;;) {
      const x = i < aEnd ? buf[i++]! : 0
      const y = j < bEnd ? buf[j++]! : 0
      if (x !== y) return x - y
      if (x === 0) return 0
    }
  }
}

export function inOrder(count: number): Int32Array {
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  return order
}

/** The elements' numbers by score, equal scores by their bytes. */
export function orderByScore(elements: Strings, scores: Float64Array, descending: boolean): Int32Array {
  const order = sortedScores(scores)
  // Elements of one score stand together now.
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++
    if (to - from > 1) order.subarray(from, to).sort((a, b) => elements.compare(a, b))
    from = to
  }
  return descending ? order.reverse() : order
}

function sortedScores(scores: Float64Array): Int32Array {
  const count = scores.length
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let whole = true
  for (let i = 0; i < count; i++) {
    const score = scores[i]!
    if (score < min) min = score
    if (score > max) max = score
    whole = whole && Number.isInteger(score)
  }
  if (!whole || (max - min + 1) * scaleFor(count) >= EXACT || Math.abs(min) >= EXACT) {
    return orderByKey(scores)
  }
  // Score and number in one double each: these are sorted without a comparison in JavaScript.
  const scale = scaleFor(count)
  const both = new Float64Array(count)
  for (let i = 0; i < count; i++) both[i] = (scores[i]! - min) * scale + i
  both.sort()
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const sum = both[i]!
    order[i] = sum - Math.floor(sum / scale) * scale
  }
  return order
}

/** A power of two that is not less: dividing by it is exact. */
function scaleFor(count: number): number {
  let scale = 1
  while (scale < count) scale *= 2
  return scale
}

/** A double has room for so many. */
const PREFIX_BYTES = 6

/** The bytes of a string from `from` on, `bytes` of them at most, as a number. */
function prefix(strings: Strings, index: number, from: number, bytes: number): number {
  const { buf } = strings
  const start = strings.start(index) + from
  const end = strings.end(index)
  let value = 0
  for (let i = start; i < start + bytes; i++) value = value * 256 + (i < end ? buf[i]! : 0)
  return value
}

/** With how many bytes all strings begin alike. */
function commonBytes(strings: Strings): number {
  const { buf, count } = strings
  const first = strings.start(0)
  let common = count === 0 ? 0 : strings.end(0) - first
  for (let i = 1; i < count && common > 0; i++) {
    const start = strings.start(i)
    const most = Math.min(common, strings.end(i) - start)
    common = 0
    while (common < most && buf[start + common] === buf[first + common]) common++
  }
  return common
}

function longest(strings: Strings): number {
  let most = 0
  for (let i = 0; i < strings.count; i++) most = Math.max(most, strings.end(i) - strings.start(i))
  return most
}

/**
 * The elements' numbers by the bytes of the elements; `asTexts`: what stands behind a zero byte does not count. Names of one kind
 * begin alike, so that the first bytes behind that decide most comparisons.
 */
export function orderByBytes(elements: Strings, descending: boolean, asTexts: boolean): Int32Array {
  const { count } = elements
  if (asTexts && elements.buf.subarray(0, elements.start(count)).includes(0)) {
    const sign = descending ? -1 : 1
    return inOrder(count).sort((a, b) => sign * elements.compareTexts(a, b))
  }
  const common = commonBytes(elements)
  const bytes = Math.min(PREFIX_BYTES, longest(elements) - common)
  const prefixes = new Float64Array(count)
  for (let i = 0; i < count; i++) prefixes[i] = prefix(elements, i, common, bytes)
  return orderByScore(elements, prefixes, descending)
}

/** What elements are sorted by: a string each, or none, which comes first. */
export interface Keys {
  readonly strings: Strings
  /** For each element the number of its string, or -1. */
  readonly of: Int32Array
}

/**
 * The elements' numbers by other strings, equal ones as they come. Where only positions `from` to `to` are asked for, equal
 * ones come as `sortPart` leaves them.
 */
export function orderByKeys(
  { strings, of }: Keys,
  descending: boolean,
  asTexts: boolean,
  from: number,
  to: number,
): Int32Array {
  const sign = descending ? -1 : 1
  const compare = (a: number, b: number): number => {
    const x = of[a]!
    const y = of[b]!
    if (x < 0 || y < 0) return x === y ? 0 : sign * (x < 0 ? -1 : 1)
    return sign * (asTexts ? strings.compareTexts(x, y) : strings.compare(x, y))
  }
  const order = inOrder(of.length)
  if (from === 0 && to === of.length - 1) return order.sort(compare)
  sortPart(order, from, to, compare)
  return order
}
