/** A quick look at bytes that may spell an integer: most that do not can be told by their length and their ends. */

const INTEGER_DIGITS_MAX = 20

/** Whether `buf[start, end)` might spell an integer, by its length, its first byte and its last: what does not is kept as it is. */
export function lpMayBeInteger(buf: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length === 0 || length > INTEGER_DIGITS_MAX) return false
  const last = buf[end - 1]!
  if (last < 0x30 || last > 0x39) return false
  const first = buf[start]!
  return first === 0x2d || (first >= 0x30 && first <= 0x39)
}
