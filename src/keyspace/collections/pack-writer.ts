/** A listpack that is written from its beginning to its end: in one row of bytes, which then becomes a block of just that size. */

import { doubleBytes } from '../../bytes/double.js'
import {
  Encoded,
  type Listpacks,
  LP_END,
  LP_HEADER_BYTES,
  LP_SHORT_BYTES_MAX,
  lpElementBytesMax,
  lpMayBeInteger,
  lpWriteShort,
} from './listpack.js'

const ROOM_FIRST = 1024
const ROOM_KEPT_MAX = 64 * 1024
/** What the header cannot say: the elements must be counted then. */
const COUNT_UNKNOWN = 0xffff

export class PackWriter {
  private buf = new Uint8Array(ROOM_FIRST)
  private pos = LP_HEADER_BYTES
  private count = 0
  private readonly encoded = new Encoded()
  private readonly listpacks: Listpacks

  constructor(listpacks: Listpacks) {
    this.listpacks = listpacks
  }

  string(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.ensure(lpElementBytesMax(length))
    if (length <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(buf, start, end)) {
      lpWriteShort(this.buf, this.pos, buf, start, length)
      this.pos += length + 2
      this.count++
      return
    }
    this.encoded.string(buf, start, end)
    this.writeEncoded()
  }

  /** A score, which has no sign where it is zero, as in Redis's listpacks. */
  score(score: number): void {
    if (!Number.isSafeInteger(score)) {
      const digits = doubleBytes(score)
      this.string(digits, 0, digits.length)
      return
    }
    this.ensure(lpElementBytesMax(0))
    this.encoded.integer(score === 0 ? 0 : score)
    this.writeEncoded()
  }

  private writeEncoded(): void {
    const { encoded } = this
    encoded.write(this.buf, this.pos)
    this.pos += encoded.bytes
    this.count++
  }

  /** A block with what was written; the next one may be begun. */
  finish(): number {
    this.ensure(1)
    const { buf } = this
    buf[this.pos++] = LP_END
    const bytes = this.pos
    const count = Math.min(this.count, COUNT_UNKNOWN)
    for (let i = 0; i < 4; i++) buf[i] = bytes >>> (i << 3)
    buf[4] = count
    buf[5] = count >>> 8
    const made = this.listpacks.adopt(buf, 0, bytes)
    this.pos = LP_HEADER_BYTES
    this.count = 0
    if (buf.length > ROOM_KEPT_MAX) this.buf = new Uint8Array(ROOM_FIRST)
    return made
  }

  private ensure(more: number): void {
    if (this.pos + more <= this.buf.length) return
    const bigger = new Uint8Array(Math.max(this.buf.length * 2, this.pos + more))
    bigger.set(this.buf.subarray(0, this.pos))
    this.buf = bigger
  }
}
