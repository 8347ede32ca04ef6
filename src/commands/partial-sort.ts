/**
 * Sorting what is asked for only: after `sortPart` the elements that belong to positions [from, to] stand there, in order; around
 * them there is no order. It is the quicksort of Bentley and McIlroy ("Engineering a Sort Function", 1993), which leaves
 * out the parts that do not matter. Elements that compare equal come in the order that this algorithm gives them, and so it is
 * followed to the letter: Redis sorts with it, and its replies show that order.
 */

export type Compare = (a: number, b: number) => number

const INSERTION_MAX = 7
const NINE_MIN = 40

function swap(items: Int32Array, a: number, b: number): void {
  const item = items[a]!
  items[a] = items[b]!
  items[b] = item
}

function swapMany(items: Int32Array, a: number, b: number, count: number): void {
  for (let i = 0; i < count; i++) swap(items, a + i, b + i)
}

/** Which of three positions holds the middle element. */
function median(items: Int32Array, a: number, b: number, c: number, compare: Compare): number {
  const [x, y, z] = [items[a]!, items[b]!, items[c]!]
  if (compare(x, y) < 0) return compare(y, z) < 0 ? b : compare(x, z) < 0 ? c : a
  return compare(y, z) > 0 ? b : compare(x, z) < 0 ? a : c
}

function choosePivot(items: Int32Array, start: number, count: number, compare: Compare): number {
  let middle = start + (count >>> 1)
  if (count <= INSERTION_MAX) return middle
  let low = start
  let high = start + count - 1
  if (count > NINE_MIN) {
    const apart = count >>> 3
    low = median(items, low, low + apart, low + 2 * apart, compare)
    middle = median(items, middle - apart, middle, middle + apart, compare)
    high = median(items, high - 2 * apart, high - apart, high, compare)
  }
  return median(items, low, middle, high, compare)
}

/** Sorts as far as positions `from` to `to`, both included, are concerned. */
export function sortPart(items: Int32Array, from: number, to: number, compare: Compare): void {
  sortRange(items, 0, items.length, from, to, compare)
}

function sortRange(
  items: Int32Array,
  first: number,
  many: number,
  from: number,
  to: number,
  compare: Compare,
): void {
  let start = first
  let count = many
  for (;;) {
    const end = start + count
    if (count < INSERTION_MAX) {
      for (let i = start + 1; i < end; i++) {
        for (let j = i; j > start && compare(items[j - 1]!, items[j]!) > 0; j--) swap(items, j, j - 1)
      }
      return
    }
    swap(items, start, choosePivot(items, start, count, compare))
    const pivot = items[start]!
    // What equals the pivot gathers at both ends, and moves to the middle afterwards.
    let equalLow = start + 1
    let low = start + 1
    let high = end - 1
    let equalHigh = end - 1
    for (;;) {
      while (low <= high) {
        const order = compare(items[low]!, pivot)
        if (order > 0) break
        if (order === 0) swap(items, equalLow++, low)
        low++
      }
      while (low <= high) {
        const order = compare(items[high]!, pivot)
        if (order < 0) break
        if (order === 0) swap(items, high, equalHigh--)
        high--
      }
      if (low > high) break
      swap(items, low++, high--)
    }
    const lowEqual = Math.min(equalLow - start, low - equalLow)
    swapMany(items, start, low - lowEqual, lowEqual)
    const highEqual = Math.min(equalHigh - high, end - equalHigh - 1)
    swapMany(items, low, end - highEqual, highEqual)
    const less = low - equalLow
    if (less > 1 && to >= start && from < start + less) sortRange(items, start, less, from, to, compare)
    const more = equalHigh - high
    start = end - more
    count = more
    if (more <= 1 || to < start || from >= end) return
  }
}
