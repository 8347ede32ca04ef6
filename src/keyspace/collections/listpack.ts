/**
 * The listpack: a sequence of strings and integers in a row of bytes, Redis's small form of lists, hashes, sets and sorted
 * sets, and what its streams and quicklists are made of. The bytes are those of RDB files, so that dumping is a copy:
 *
 *     4 bytes  size of the whole, little endian          2 bytes  number of elements, 65535: too many to say
 *     { element }                                        0xff     the end
 *
 * An element is its encoding and data, then the size of both ("back length"), so that it can be walked from the end:
 *
 *     0xxxxxxx                  an integer from 0 to 127         11110001 + 2 bytes     an integer of 16 bits
 *     10xxxxxx + bytes          a string up to 63 bytes          11110010 + 3 bytes     … of 24 bits
 *     110xxxxx xxxxxxxx         an integer of 13 bits            11110011 + 4 bytes     … of 32 bits
 *     1110xxxx xxxxxxxx + bytes a string up to 4095 bytes        11110100 + 8 bytes     … of 64 bits
 *     11110000 + 4 bytes + bytes                                                        a longer string
 *
 * Whatever spells a 64-bit integer in canonical form is kept as one, in its shortest encoding; so equal elements have
 * equal bytes. The back length has seven bits a byte, the last byte being the lowest; all but the first are marked.
 *
 * Readers are functions over bytes: the listpack begins at `u8[base]`, and an element is named by its offset `at` from there,
 * 0 meaning none. Writers are methods of `Listpacks`, over blocks of the byte heap; they return the block's handle, which
 * may be another than before. Format: github.com/antirez/listpack.
 */

import { parseInt64, parseInteger } from '../../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { lpMayBeInteger } from './may-be-integer.js'
import { type Piece, readInt64, writeInt64 } from './piece.js'

export { lpMayBeInteger }

export const LP_HEADER_BYTES = 6
export const LP_EMPTY_BYTES = 7
/** The byte behind the last element. */
export const LP_END = 0xff
const COUNT_UNKNOWN = 0xffff
const MOVE_LOOP_MAX = 24
const COPY_LOOP_MAX = 96
/** No listpack grows beyond this, as in Redis: callers choose another form before. */
export const LP_BYTES_MAX = 1 << 30
/** The longest string that has its length in its first byte, and what that byte is beside the length. */
export const LP_SHORT_BYTES_MAX = 63
export const LP_SHORT = 0x80

export function lpBytes(u8: Uint8Array, base: number): number {
  return (u8[base]! | (u8[base + 1]! << 8) | (u8[base + 2]! << 16) | (u8[base + 3]! << 24)) >>> 0
}

/** How many elements there are. Counts them one by one where there are 65535 or more. */
export function lpCount(u8: Uint8Array, base: number): number {
  const count = u8[base + 4]! | (u8[base + 5]! << 8)
  if (count !== COUNT_UNKNOWN) return count
  let counted = 0
  for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, at)) counted++
  return counted
}

/** The first element, or 0. */
export function lpFirst(u8: Uint8Array, base: number): number {
  return u8[base + LP_HEADER_BYTES] === LP_END ? 0 : LP_HEADER_BYTES
}

/** The last element, or 0. */
export function lpLast(u8: Uint8Array, base: number): number {
  return lpPrevious(u8, base, lpEnd(u8, base))
}

/** Where the end mark stands: where `insert` appends. */
export function lpEnd(u8: Uint8Array, base: number): number {
  return lpBytes(u8, base) - 1
}

/** The element behind `at`, or 0. */
export function lpNext(u8: Uint8Array, base: number, at: number): number {
  const next = at + elementBytes(u8, base + at)
  return u8[base + next] === LP_END ? 0 : next
}

/** As `lpNext`, but `lpEnd` behind the last: the beginning of what follows the element at `at`. */
export function lpBehind(u8: Uint8Array, base: number, at: number): number {
  return at + elementBytes(u8, base + at)
}

/** The element in front of `at`, which may be `lpEnd`; or 0. */
export function lpPrevious(u8: Uint8Array, base: number, at: number): number {
  if (at <= LP_HEADER_BYTES) return 0
  let p = base + at - 1
  let size = 0
  for (let shift = 0; ; shift += 7, p--) {
    size += (u8[p]! & 127) * 2 ** shift
    if (u8[p]! < 128) break
  }
  return p - size - base
}

/** The element of an index; negative ones count from the end, -1 being the last. 0 where there is none. */
export function lpSeek(u8: Uint8Array, base: number, index: number): number {
  const known = u8[base + 4]! | (u8[base + 5]! << 8)
  let left = index
  if (known !== COUNT_UNKNOWN) {
    if (index < -known || index >= known) return 0
    if (index < 0 && -index > known / 2) left = index + known
    else if (index > known / 2) left = index - known
  }
  let at: number
  if (left >= 0) {
    at = lpFirst(u8, base)
    for (; left > 0 && at !== 0; left--) at = lpNext(u8, base, at)
  } else {
    at = lpLast(u8, base)
    for (; left < -1 && at !== 0; left++) at = lpPrevious(u8, base, at)
  }
  return at
}

/** Reads an element's text: a range of the listpack, or digits. */
export function lpRead(u8: Uint8Array, base: number, at: number, piece: Piece): void {
  const p = base + at
  const first = u8[p]!
  if (first < 0x80) piece.integer(first)
  else if (first < 0xc0) piece.range(u8, p + 1, p + 1 + (first & 63))
  else if (first < 0xe0 || first > 0xf0) piece.integer(integerAt(u8, p))
  else {
    const head = first < 0xf0 ? 2 : 5
    piece.range(u8, p + head, p + dataBytes(u8, p))
  }
}

/** The element as a number where it is an integer that a double holds exactly; otherwise NaN. */
export function lpInteger(u8: Uint8Array, base: number, at: number): number {
  const value = lpInt64(u8, base, at)
  return typeof value === 'number' ? value : Number.NaN
}

/** The element where it is an integer: a number if that is exact, else a bigint; NaN where it is a string. */
export function lpInt64(u8: Uint8Array, base: number, at: number): number | bigint {
  const p = base + at
  const first = u8[p]!
  if (first < 0x80) return first
  if ((first >= 0xc0 && first < 0xe0) || first > 0xf0) return integerAt(u8, p)
  return Number.NaN
}

function integerAt(u8: Uint8Array, p: number): number | bigint {
  const first = u8[p]!
  if (first < 0xe0) return ((((first & 31) << 8) | u8[p + 1]!) << 19) >> 19
  if (first === 0xf1) return ((u8[p + 1]! | (u8[p + 2]! << 8)) << 16) >> 16
  if (first === 0xf2) return ((u8[p + 1]! | (u8[p + 2]! << 8) | (u8[p + 3]! << 16)) << 8) >> 8
  if (first === 0xf3) return u8[p + 1]! | (u8[p + 2]! << 8) | (u8[p + 3]! << 16) | (u8[p + 4]! << 24)
  return readInt64(u8, p + 1)
}

/** Size of encoding and data of the element at `u8[p]`; 0 for an encoding that does not exist. */
function dataBytes(u8: Uint8Array, p: number): number {
  const first = u8[p]!
  if (first < 0x80) return 1
  if (first < 0xc0) return 1 + (first & 63)
  if (first < 0xe0) return 2
  if (first < 0xf0) return 2 + (((first & 15) << 8) | u8[p + 1]!)
  if (first === 0xf0) return 5 + lpBytes(u8, p + 1)
  if (first < 0xf4) return first - 0xf0 + 2
  return first === 0xf4 ? 9 : 0
}

function backBytes(data: number): number {
  if (data <= 127) return 1
  if (data < 16383) return 2
  if (data < 2097151) return 3
  return data < 268435455 ? 4 : 5
}

/** Size of the whole element at `u8[p]`. */
export function elementBytes(u8: Uint8Array, p: number): number {
  const first = u8[p]!
  // A small integer or a short string: most are.
  if (first < 0x80) return 2
  if (first < 0xc0) return 2 + (first & 63)
  const data = dataBytes(u8, p)
  return data + backBytes(data)
}

function writeBack(u8: Uint8Array, p: number, data: number): void {
  if (data <= 127) {
    u8[p] = data
    return
  }
  const bytes = backBytes(data)
  let rest = data
  for (let i = bytes - 1; i > 0; i--) {
    u8[p + i] = (rest & 127) | 128
    rest = Math.floor(rest / 128)
  }
  u8[p] = rest
}

/** Whether `u8[start, end)` is a listpack; the number of its elements, -1 for none that can be trusted. */
export function lpValidate(u8: Uint8Array, start: number, end: number): number {
  if (end - start < LP_EMPTY_BYTES || lpBytes(u8, start) !== end - start || u8[end - 1] !== LP_END) return -1
  let count = 0
  let p = start + LP_HEADER_BYTES
  while (p < end - 1) {
    const first = u8[p]!
    const head = first === 0xf0 ? 5 : first >= 0xe0 && first < 0xf0 ? 2 : 1
    if (p + head >= end) return -1
    const data = dataBytes(u8, p)
    if (data === 0 || p + data >= end) return -1
    const bytes = backBytes(data)
    const back = p + data
    if (back + bytes > end - 1) return -1
    let rest = data
    for (let i = bytes - 1; i >= 0; i--) {
      if (u8[back + i] !== ((rest & 127) | (i === 0 ? 0 : 128))) return -1
      rest = Math.floor(rest / 128)
    }
    p = back + bytes
    count++
  }
  const told = u8[start + 4]! | (u8[start + 5]! << 8)
  return p === end - 1 && (told === count || told === COUNT_UNKNOWN) ? count : -1
}

/**
 * Where in `u8` the first element from `u8[from]` on stands that is the string `buf[start, end)`, which has up to LP_SHORT_BYTES_MAX bytes and
 * cannot be an integer: its bytes as they are kept are then known without being made. Between two that are compared `skip` are
 * passed by. 0 where it is not found before the end, or `stop`.
 */
export function lpFindShort(
  u8: Uint8Array,
  from: number,
  stop: number,
  skip: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start
  const head = LP_SHORT | length
  let p = from
  while (p !== stop) {
    let first = u8[p]!
    if (first === head) {
      // From the last byte on: names differ at their ends more often than at their beginnings.
      let i = length
      while (i > 0 && u8[p + i] === buf[start + i - 1]) i--
      if (i === 0) return p
      p += length + 2
    } else if (first === LP_END) return 0
    else p += first < LP_SHORT ? 2 : first < 0xc0 ? 2 + (first & 63) : elementBytes(u8, p)
    for (let i = skip; i > 0; i--) {
      first = u8[p]!
      if (first === LP_END) return 0
      p += first < LP_SHORT ? 2 : first < 0xc0 ? 2 + (first & 63) : elementBytes(u8, p)
    }
  }
  return 0
}

/** An element as it will stand in a listpack: some bytes of its own in front, then a range of somebody else's. */
export class Encoded {
  readonly head = new Uint8Array(9)
  headBytes = 0
  buf: Uint8Array = this.head
  start = 0
  end = 0

  get data(): number {
    return this.headBytes + this.end - this.start
  }

  /** Size of the whole element. */
  get bytes(): number {
    const { data } = this
    return data + backBytes(data)
  }

  string(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (lpMayBeInteger(buf, start, end)) {
      const small = parseInteger(buf, start, end)
      const value = Number.isNaN(small) ? parseInt64(buf, start, end) : small
      if (value !== null) {
        this.integer(value)
        return
      }
    }
    const { head } = this
    this.buf = buf
    this.start = start
    this.end = end
    if (length < 64) {
      head[0] = 0x80 | length
      this.headBytes = 1
    } else if (length < 4096) {
      head[0] = 0xe0 | (length >>> 8)
      head[1] = length
      this.headBytes = 2
    } else {
      head[0] = 0xf0
      for (let i = 0; i < 4; i++) head[1 + i] = length >>> (i << 3)
      this.headBytes = 5
    }
  }

  integer(value: number | bigint): void {
    const { head } = this
    this.start = 0
    this.end = 0
    if (typeof value === 'bigint' || value > 0x7fffffff || value < -0x80000000) {
      head[0] = 0xf4
      writeInt64(head, 1, value)
      this.headBytes = 9
    } else if (value >= 0 && value <= 127) {
      head[0] = value
      this.headBytes = 1
    } else if (value >= -4096 && value <= 4095) {
      head[0] = 0xc0 | ((value >> 8) & 31)
      head[1] = value
      this.headBytes = 2
    } else {
      const bytes = value >= -32768 && value <= 32767 ? 2 : value >= -8388608 && value <= 8388607 ? 3 : 4
      head[0] = 0xf0 + bytes - 1
      for (let i = 0; i < bytes; i++) head[1 + i] = value >> (i << 3)
      this.headBytes = 1 + bytes
    }
  }

  write(u8: Uint8Array, p: number): void {
    for (let i = 0; i < this.headBytes; i++) u8[p + i] = this.head[i]!
    const to = p + this.headBytes
    const length = this.end - this.start
    if (length > 48) u8.set(this.buf.subarray(this.start, this.end), to)
    else for (let i = 0; i < length; i++) u8[to + i] = this.buf[this.start + i]!
    writeBack(u8, to + length, this.headBytes + length)
  }

  isAt(u8: Uint8Array, p: number): boolean {
    for (let i = 0; i < this.headBytes; i++) if (u8[p + i] !== this.head[i]) return false
    const from = p + this.headBytes
    for (let i = this.start, j = from; i < this.end; i++, j++) if (u8[j] !== this.buf[i]) return false
    return true
  }
}

/** Moves `u8[from, end)` to `to`. A few bytes, such as an end mark, are not worth a call. */
function moveBytes(u8: Uint8Array, to: number, from: number, end: number): void {
  if (end - from > MOVE_LOOP_MAX) u8.copyWithin(to, from, end)
  else if (to < from) for (let i = from, j = to; i < end; i++, j++) u8[j] = u8[i]!
  else for (let i = end - 1, j = to + end - 1 - from; i >= from; i--, j--) u8[j] = u8[i]!
}

/** Copies `from[start, end)`, of another block. A view of a few bytes would cost more than they do. */
function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start > COPY_LOOP_MAX) to.set(from.subarray(start, end), at)
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!
}

/**
 * Writes a string of up to LP_SHORT_BYTES_MAX bytes, which is not to be kept as an integer (`lpMayBeInteger`), as the element at
 * `u8[at]`: so many bytes and two.
 */
export function lpWriteShort(
  u8: Uint8Array,
  at: number,
  buf: Uint8Array,
  start: number,
  length: number,
): void {
  u8[at] = LP_SHORT | length
  let p = at + 1
  for (let i = start, end = start + length; i < end; i++) u8[p++] = buf[i]!
  u8[p] = length + 1
}

/** Bytes that a string takes in a listpack at most. */
export function lpElementBytesMax(length: number): number {
  return length + 10
}

export class Listpacks {
  readonly heap: ByteHeap
  private readonly encoded = new Encoded()
  private readonly second = new Encoded()

  constructor(heap: ByteHeap) {
    this.heap = heap
  }

  /** A block with a listpack without elements, and room for `bytes` bytes of them. */
  create(bytes = 0): number {
    const handle = this.heap.alloc(LP_EMPTY_BYTES + bytes)
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    u8.fill(0, base, base + LP_HEADER_BYTES)
    u8[base] = LP_EMPTY_BYTES
    u8[base + LP_HEADER_BYTES] = LP_END
    return handle
  }

  /** A block with the listpack that `u8[start, end)` is known to be. */
  adopt(u8: Uint8Array, start: number, end: number): number {
    const handle = this.heap.alloc(end - start)
    this.heap.u8[chunkOf(handle)]!.set(u8.subarray(start, end), byteOf(handle))
    return handle
  }

  copy(handle: number): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    return this.adopt(u8, base, base + lpBytes(u8, base))
  }

  /** Makes sure that so many bytes of elements can be added in this block, or another, which is returned. */
  reserve(handle: number, bytes: number): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const total = lpBytes(u8, base)
    if (total + bytes <= this.heap.sizeOf(handle)) return handle
    const to = this.heap.alloc(total + bytes)
    this.heap.u8[chunkOf(to)]!.set(u8.subarray(base, base + total), byteOf(to))
    this.heap.free(handle)
    return to
  }

  bytes(handle: number): number {
    return lpBytes(this.heap.u8[chunkOf(handle)]!, byteOf(handle))
  }

  count(handle: number): number {
    return lpCount(this.heap.u8[chunkOf(handle)]!, byteOf(handle))
  }

  /**
   * The first element from `at` on that equals `buf[start, end)`, or 0; between two that are compared `skip` are passed by
   * (1 to look at a hash's fields only).
   */
  find(handle: number, from: number, skip: number, buf: Uint8Array, start: number, end: number): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    if (from === 0) return 0
    if (end - start <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, end)) {
      const found = lpFindShort(u8, base + from, 0, skip, buf, start, end)
      return found === 0 ? 0 : found - base
    }
    const { encoded } = this
    encoded.string(buf, start, end)
    const first = encoded.head[0]!
    let p = base + from
    while (u8[p] !== LP_END) {
      if (u8[p] === first && encoded.isAt(u8, p)) return p - base
      p += elementBytes(u8, p)
      for (let i = skip; i > 0 && u8[p] !== LP_END; i--) p += elementBytes(u8, p)
    }
    return 0
  }

  append(handle: number, buf: Uint8Array, start: number, end: number): number {
    return this.insert(handle, lpEnd(this.heap.u8[chunkOf(handle)]!, byteOf(handle)), buf, start, end)
  }

  prepend(handle: number, buf: Uint8Array, start: number, end: number): number {
    return this.insert(handle, LP_HEADER_BYTES, buf, start, end)
  }

  appendInteger(handle: number, value: number | bigint): number {
    this.encoded.integer(value)
    return this.insertEncoded(handle, lpEnd(this.heap.u8[chunkOf(handle)]!, byteOf(handle)))
  }

  /**
   * Puts an element in front of the one at `at` (or of `lpEnd`); it then stands at `at` itself. `buf[start, end)` may lie in
   * the heap, but not in this block.
   */
  insert(handle: number, at: number, buf: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, end)) {
      const to = this.reshape(handle, at, 0, length + 2)
      const u8 = this.heap.u8[chunkOf(to)]!
      const base = byteOf(to)
      lpWriteShort(u8, base + at, buf, start, length)
      this.addToCount(u8, base, 1)
      return to
    }
    this.encoded.string(buf, start, end)
    return this.insertEncoded(handle, at)
  }

  insertInteger(handle: number, at: number, value: number | bigint): number {
    this.encoded.integer(value)
    return this.insertEncoded(handle, at)
  }

  /**
   * As `insert`, with another element behind it: an integer, or where `digits` is not null the string that this is.
   */
  insertPair(
    handle: number,
    at: number,
    buf: Uint8Array,
    start: number,
    end: number,
    integer: number,
    digits: Uint8Array | null,
  ): number {
    const { encoded, second } = this
    encoded.string(buf, start, end)
    if (digits === null) second.integer(integer)
    else second.string(digits, 0, digits.length)
    const { bytes } = encoded
    const to = this.reshape(handle, at, 0, bytes + second.bytes)
    const u8 = this.heap.u8[chunkOf(to)]!
    const base = byteOf(to)
    encoded.write(u8, base + at)
    second.write(u8, base + at + bytes)
    this.addToCount(u8, base, 2)
    return to
  }

  /** Puts an element in the place of the one at `at`. */
  replace(handle: number, at: number, buf: Uint8Array, start: number, end: number): number {
    this.encoded.string(buf, start, end)
    return this.replaceEncoded(handle, at)
  }

  replaceInteger(handle: number, at: number, value: number | bigint): number {
    this.encoded.integer(value)
    return this.replaceEncoded(handle, at)
  }

  /** Takes out up to `count` elements from `at` on; what follows then stands at `at`. */
  delete(handle: number, at: number, count = 1): number {
    const u8 = this.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const end = lpEnd(u8, base)
    let to = at
    let removed = 0
    for (; removed < count && to < end; removed++) to += elementBytes(u8, base + to)
    this.addToCount(u8, base, -removed)
    return this.reshape(handle, at, to - at, 0)
  }

  private insertEncoded(handle: number, at: number): number {
    const data = this.encoded.data
    const to = this.reshape(handle, at, 0, data + backBytes(data))
    const u8 = this.heap.u8[chunkOf(to)]!
    const base = byteOf(to)
    this.encoded.write(u8, base + at)
    this.addToCount(u8, base, 1)
    return to
  }

  private replaceEncoded(handle: number, at: number): number {
    const data = this.encoded.data
    const bytes = data + backBytes(data)
    const u8 = this.heap.u8[chunkOf(handle)]!
    const old = elementBytes(u8, byteOf(handle) + at)
    if (old === bytes) {
      this.encoded.write(u8, byteOf(handle) + at)
      return handle
    }
    const to = this.reshape(handle, at, old, bytes)
    this.encoded.write(this.heap.u8[chunkOf(to)]!, byteOf(to) + at)
    return to
  }

  private addToCount(u8: Uint8Array, base: number, more: number): void {
    const old = u8[base + 4]! | (u8[base + 5]! << 8)
    if (old === COUNT_UNKNOWN) return
    const count = old + more > COUNT_UNKNOWN ? COUNT_UNKNOWN : old + more
    u8[base + 4] = count
    u8[base + 5] = count >>> 8
  }

  /** Makes `added` bytes of room at `at` in the place of `removed` bytes, in this block or, if it must be, another. */
  private reshape(handle: number, at: number, removed: number, added: number): number {
    const { heap } = this
    const u8 = heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const total = lpBytes(u8, base)
    const made = total - removed + added
    const room = heap.sizeOf(handle)
    let to = handle
    let bytes = u8
    let start = base
    if (made > room || (made < room >>> 2 && made < total)) {
      to = heap.alloc(made)
      bytes = heap.u8[chunkOf(to)]!
      start = byteOf(to)
      copyBytes(bytes, start, u8, base, base + at)
      copyBytes(bytes, start + at + added, u8, base + at + removed, base + total)
      heap.free(handle)
    } else if (removed !== added) {
      moveBytes(u8, base + at + added, base + at + removed, base + total)
    }
    bytes[start] = made
    bytes[start + 1] = made >>> 8
    bytes[start + 2] = made >>> 16
    bytes[start + 3] = made >>> 24
    return to
  }
}
