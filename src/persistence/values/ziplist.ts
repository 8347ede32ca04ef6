/**
 * The small forms of before Redis 7, which only reading needs: what they hold is made a listpack.
 *
 * Ziplist: 4 bytes size of the whole, 4 bytes offset of the last element, 2 bytes number of elements (65535: too many to say),
 * the elements, 0xff. An element is the size of the one before it (a byte, or 254 and 4 bytes), an encoding, and data:
 *
 *     00xxxxxx, 01xxxxxx xxxxxxxx, 10…… and 4 bytes    a string of that many bytes (big endian)
 *     1100…, 1101…, 1110…, 0xf0, 0xfe                  integers of 2, 4, 8, 3 and 1 bytes (little endian)
 *     0xf1 to 0xfd                                     the integers 0 to 12
 *
 * Zipmap (before Redis 2.6): a byte with the number of pairs or 254; for each pair a length and the field, a length, one
 * byte that counts unused bytes, the value and the unused bytes; 0xff. A length is a byte, or 254 and 4 bytes little endian.
 */

import { Piece, readInt64 } from '../../keyspace/collections/piece.js'

const ZIPLIST_HEADER_BYTES = 10
const END = 0xff
const LONG = 254
const COUNT_UNKNOWN = 0xffff

function little32(u8: Uint8Array, at: number): number {
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0
}

/** Shows every element of the ziplist `u8[start, end)`; how many there were, or -1 where it is none. */
export function readZiplist(
  u8: Uint8Array,
  start: number,
  end: number,
  visit: (element: Piece) => void,
): number {
  if (end - start < ZIPLIST_HEADER_BYTES + 1) return -1
  if (little32(u8, start) !== end - start || u8[end - 1] !== END) return -1
  const last = end - 1
  const piece = new Piece()
  let p = start + ZIPLIST_HEADER_BYTES
  let before = 0
  let tail = p
  let count = 0
  while (p < last) {
    const from = p
    const long = u8[p] === LONG
    if (u8[p] === END || (long && p + 5 >= last)) return -1
    if ((long ? little32(u8, p + 1) : u8[p]) !== before) return -1
    p = ziplistElement(u8, p + (long ? 5 : 1), last, piece)
    if (p < 0) return -1
    visit(piece)
    tail = from
    before = p - from
    count++
  }
  const told = u8[start + 8]! | (u8[start + 9]! << 8)
  if (p !== last || little32(u8, start + 4) !== tail - start) return -1
  return told === count || told === COUNT_UNKNOWN ? count : -1
}

/** Reads the element whose encoding stands at `p`; where the next one begins, or -1. */
function ziplistElement(u8: Uint8Array, p: number, last: number, piece: Piece): number {
  if (p >= last) return -1
  const first = u8[p]!
  if (first < 0xc0) {
    const head = first < 0x40 ? 1 : first < 0x80 ? 2 : 5
    if (p + head > last) return -1
    let length = first & 63
    if (head === 2) length = (length << 8) | u8[p + 1]!
    if (head === 5) length = ((u8[p + 1]! << 24) | (u8[p + 2]! << 16) | (u8[p + 3]! << 8) | u8[p + 4]!) >>> 0
    const from = p + head
    if (length > last - from) return -1
    piece.range(u8, from, from + length)
    return from + length
  }
  if (first > 0xf0 && first < 0xfe) {
    piece.integer(first - 0xf1)
    return p + 1
  }
  const bytes = INTEGER_BYTES.get(first)
  if (bytes === undefined || p + 1 + bytes > last) return -1
  if (bytes === 8) piece.integer(readInt64(u8, p + 1))
  else {
    let value = 0
    for (let i = 0; i < bytes; i++) value |= u8[p + 1 + i]! << (i << 3)
    const unused = 32 - bytes * 8
    piece.integer((value << unused) >> unused)
  }
  return p + 1 + bytes
}

const INTEGER_BYTES: ReadonlyMap<number, number> = new Map([
  [0xc0, 2],
  [0xd0, 4],
  [0xe0, 8],
  [0xf0, 3],
  [0xfe, 1],
])

/** Shows every field and value of the zipmap `u8[start, end)`, in turns; how many pairs there were, or -1. */
export function readZipmap(
  u8: Uint8Array,
  start: number,
  end: number,
  visit: (element: Piece) => void,
): number {
  if (end - start < 2 || u8[end - 1] !== END) return -1
  const last = end - 1
  const piece = new Piece()
  let p = start + 1
  let pieces = 0
  while (p < last) {
    const isValue = (pieces & 1) === 1
    const long = u8[p] === LONG
    if (u8[p] === END || (long && p + 5 > last)) return -1
    const length = long ? little32(u8, p + 1) : u8[p]!
    p += long ? 5 : 1
    const unused = isValue ? u8[p++]! : 0
    if (length + unused > last - p) return -1
    piece.range(u8, p, p + length)
    visit(piece)
    p += length + unused
    pieces++
  }
  const told = u8[start]!
  const pairs = pieces >>> 1
  return p === last && (pieces & 1) === 0 && (told >= LONG || told === pairs) ? pairs : -1
}
