/**
 * Short bulk strings that are written four bytes at a time: what their heads are by their lengths, and rows of members
 * (keyspace/collections/rows.ts) as such strings. Words may be written to any position (`Reply.words`); what is written too far is
 * written over.
 */

import { DIGITS, type Rows } from '../keyspace/collections/rows.js'
import type { Reply } from '../resp/reply.js'

export const LF = 0x0a
export const CRLF = 0x0a0d
/** Members of two digits' length at most. */
export const SHORT_BYTES_MAX = 99
/** What a short member becomes at most: head, bytes, line end. */
export const MEMBER_BYTES_MAX = SHORT_BYTES_MAX + 7
/** Words may be written so far behind the last member. */
export const TOO_FAR_BYTES_MAX = 8
/** Room for so many rows is made at once. */
const ROWS_AT_ONCE = 64
/** The longest member whose length has one digit. */
export const ONE_DIGIT = 9

/** By length: `$20` and the first byte of a line end; of one digit all of the head, `$7` and a line end. Little endian. */
export const HEADS: Uint32Array = Uint32Array.from({ length: SHORT_BYTES_MAX + 1 }, (_, length) => {
  const digits = String(length)
  const [a, b, c] =
    digits.length === 1 ? [digits.charCodeAt(0), 0x0d, LF] : [...digits].map(codeOf).concat(0x0d)
  return (0x24 | (a! << 8) | (b! << 16) | (c! << 24)) >>> 0
})

function codeOf(digit: string): number {
  return digit.charCodeAt(0)
}

/** Replies with all rows' members, in the order of the rows; `u32` are the heap's chunks. */
export function replyRows(rows: Rows, u32: readonly Uint32Array[], reply: Reply): void {
  const { chunks, starts, ends, count } = rows
  for (let from = 0; from < count; ) {
    // Room for many at once, and what they are written with looked up once.
    const to = Math.min(count, from + ROWS_AT_ONCE)
    reply.ensure((to - from) * MEMBER_BYTES_MAX + TOO_FAR_BYTES_MAX)
    const view = reply.words()
    const { buf } = reply
    let { pos } = reply
    let row = from
    for (; row < to; row++) {
      const chunk = chunks[row]!
      const start = starts[row]!
      const length = ends[row]! - start
      if (chunk === DIGITS || length > SHORT_BYTES_MAX || length === 0) break
      pos = writeMember(view, buf, pos, u32[chunk]!, start, length)
    }
    reply.pos = pos
    if (row < to) {
      reply.bulkRange(rows.bytesOf(row), starts[row]!, ends[row]!)
      row++
    }
    from = row
  }
}

/** Replies with a row's member; `u32` are the heap's chunks. */
export function replyRow(rows: Rows, row: number, u32: readonly Uint32Array[], reply: Reply): void {
  const chunk = rows.chunks[row]!
  const start = rows.starts[row]!
  const length = rows.ends[row]! - start
  if (chunk === DIGITS || length > SHORT_BYTES_MAX || length === 0) {
    reply.bulkRange(rows.bytesOf(row), start, start + length)
    return
  }
  reply.ensure(MEMBER_BYTES_MAX + TOO_FAR_BYTES_MAX)
  reply.pos = writeMember(reply.words(), reply.buf, reply.pos, u32[chunk]!, start, length)
}

/**
 * Writes the `length` bytes from byte `start` of `words` on, at least one and up to SHORT_BYTES_MAX, as a bulk string; returns the
 * position behind it. Each word is read once, and none that has no byte of the member.
 */
function writeMember(
  view: DataView,
  buf: Uint8Array,
  at: number,
  words: Uint32Array,
  start: number,
  length: number,
): number {
  view.setUint32(at, HEADS[length]!, true)
  let pos = at + 4
  if (length > ONE_DIGIT) buf[pos++] = LF
  const end = pos + length
  const shift = (start & 3) << 3
  const back = 31 - shift
  const last = (start + length - 1) >>> 2
  let word = start >>> 2
  let low = words[word]! >>> shift
  for (; word < last; pos += 4) {
    const next = words[++word]! | 0
    // Shifted in two steps: by 32 at once would be by nothing.
    view.setInt32(pos, low | ((next << 1) << back), true)
    low = next >>> shift
  }
  view.setInt32(pos, low, true)
  view.setUint16(end, CRLF, true)
  return end + 2
}
