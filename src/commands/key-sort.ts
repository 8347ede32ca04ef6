/**
 * Elements sorted by a number each, from the lowest on, equal ones as they came: a merge sort from the bottom up that carries numbers and
 * elements side by side, so that nothing is called for a comparison. No number may be NaN.
 */

const RUN = 12

/** Puts a short run in order by insertion. */
function sortRun(keys: Float64Array, order: Int32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const key = keys[i]!
    const item = order[i]!
    let at = i
    while (at > from && keys[at - 1]! > key) {
      keys[at] = keys[at - 1]!
      order[at] = order[at - 1]!
      at--
    }
    keys[at] = key
    order[at] = item
  }
}

/** The numbers of the elements, 0 for the first, in the order of their keys. */
export function orderByKey(given: Float64Array): Int32Array {
  const count = given.length
  let keys = given.slice()
  let order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  for (let from = 0; from < count; from += RUN) sortRun(keys, order, from, Math.min(from + RUN, count))
  if (count <= RUN) return order
  let nextKeys = new Float64Array(count)
  let nextOrder = new Int32Array(count)
  for (let size = RUN; size < count; size *= 2) {
    for (let from = 0; from < count; from += 2 * size) {
      const middle = Math.min(from + size, count)
      const end = Math.min(from + 2 * size, count)
      let left = from
      let right = middle
      for (let at = from; at < end; at++) {
        const takeLeft = left < middle && (right >= end || keys[left]! <= keys[right]!)
        const source = takeLeft ? left++ : right++
        nextKeys[at] = keys[source]!
        nextOrder[at] = order[source]!
      }
    }
    const [oldKeys, oldOrder] = [keys, order]
    keys = nextKeys
    order = nextOrder
    nextKeys = oldKeys
    nextOrder = oldOrder
  }
  return order
}
