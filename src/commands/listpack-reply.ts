/**
 * Elements of a listpack as bulk strings: straight from its bytes into the reply, since ranges of many small elements are what
 * lists are asked for most, and a call for each of them would cost more than its bytes.
 */

import { LP_END, lpBehind, lpRead } from '../keyspace/collections/listpack.js'
import type { Piece } from '../keyspace/collections/piece.js'
import type { Reply } from '../resp/reply.js'

const CR = 0x0d
const LF = 0x0a
const DOLLAR = 0x24
/** What a short string becomes at most: 63 bytes of its own, `$63`, and two line ends. */
export const SHORT_REPLY_BYTES_MAX = 63 + 7
/** Strings of up to 63 bytes have their length in the lower bits of this byte. */
const SHORT = 0x80
const SHORT_MASK = 63
/** What `writeShort` takes. */
export const SHORT_BYTES_MAX = 63

/** Writes the bulk string of `length` bytes at `u8[start]`, up to SHORT_BYTES_MAX, where there is room; returns the position behind it. */
export function writeShort(
  buf: Uint8Array,
  at: number,
  u8: Uint8Array,
  start: number,
  length: number,
): number {
  let pos = at
  buf[pos++] = DOLLAR
  if (length > 9) {
    const tens = (length / 10) | 0
    buf[pos++] = 0x30 + tens
    buf[pos++] = 0x30 + length - tens * 10
  } else buf[pos++] = 0x30 + length
  buf[pos] = CR
  buf[pos + 1] = LF
  pos += 2
  let from = start
  const end = start + length
  for (const last = end - 3; from < last; from += 4, pos += 4) {
    buf[pos] = u8[from]!
    buf[pos + 1] = u8[from + 1]!
    buf[pos + 2] = u8[from + 2]!
    buf[pos + 3] = u8[from + 3]!
  }
  for (; from < end; from++) buf[pos++] = u8[from]!
  buf[pos] = CR
  buf[pos + 1] = LF
  return pos + 2
}

/**
 * Replies with up to `count` elements from `at` on of the listpack at `base`; how many there were. `piece` is for those that
 * are not short strings.
 */
export function replyElements(
  reply: Reply,
  u8: Uint8Array,
  base: number,
  at: number,
  count: number,
  piece: Piece,
): number {
  let p = base + at
  let done = 0
  let { buf, pos } = reply
  for (; done < count; done++) {
    const first = u8[p]!
    if (first === LP_END) break
    if (first >= SHORT && first <= SHORT + SHORT_MASK) {
      const length = first & SHORT_MASK
      if (pos + SHORT_REPLY_BYTES_MAX > buf.length) {
        reply.pos = pos
        reply.ensure(SHORT_REPLY_BYTES_MAX)
        buf = reply.buf
        pos = reply.pos
      }
      pos = writeShort(buf, pos, u8, p + 1, length)
      p += length + 2
    } else {
      lpRead(u8, base, p - base, piece)
      reply.pos = pos
      reply.bulkRange(piece.buf, piece.start, piece.end)
      buf = reply.buf
      pos = reply.pos
      p = base + lpBehind(u8, base, p - base)
    }
  }
  reply.pos = pos
  return done
}
