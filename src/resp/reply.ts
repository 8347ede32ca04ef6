/**
 * Writes replies as bytes, RESP2 or RESP3 as the client asked, into a buffer that grows. One command appends, the
 * server sends what has gathered once a turn of the event loop. Where the two protocols differ, the method is named for
 * what is meant (`map`, `set`, `bool`, `nil`), and RESP2 gets the form that Redis sends there.
 *
 * A buffer that holds CHUNK_BYTES is not copied into a larger one: it is sealed, and writing continues in the next.
 *
 *     sealed:  [ chunk ][ chunk ][ chunk ]   buf: [ written | room ]
 *              └──── sealedBytes ────────┘        └─ pos ─┘
 *
 * A position in the whole output (`length`, and marks taken from it) counts from the first sealed chunk; `pos` is the
 * position in `buf`. A head that is known only at the end of its array is inserted by splitting its chunk.
 */

import { ascii, integerLength, utf8, writeAscii, writeInteger } from '../bytes/ascii.js'
import { DOUBLE_BYTES_MAX, writeDouble } from '../bytes/double.js'

const CR = 0x0d
const LF = 0x0a
const DOLLAR = 0x24
const NIL_BULK = ascii('$-1\r\n')
const NIL = ascii('_\r\n')
const NOTHING = new Uint8Array(0)
/** Shared by all replies without sealed chunks; never written to. */
const NO_CHUNKS: Uint8Array[] = []
const COPY_LOOP_MAX = 48
/** The longest head of a reply of SCAN: two arrays' and a cursor of ten digits. */
const GAP_BYTES = 48
const INITIAL_BYTES = 16 * 1024

/** A buffer with this many bytes is sealed when more are written: so growing copies no more than this. */
const CHUNK_BYTES = 1024 * 1024
/** Bytes that may wait for one client where its output has no other limit; a client that is due more is closed. */
export const REPLY_BYTES_MAX = 4 * 1024 * 1024 * 1024
/** `clear` keeps a buffer of up to this many bytes. */
const CLEARED_BYTES_MAX = 256 * 1024
/** Room for what `replaceAt` writes: a head or a stream's ID, and what its writers ensure beyond it. */
const HEAD_BYTES_MAX = 96

export class Reply {
  buf: Uint8Array
  /** How many bytes of `buf` are written. */
  pos = 0
  /** Full buffers, which come before `buf`. They are never written to again. */
  private sealed: Uint8Array[] = NO_CHUNKS
  /** The first of `sealed` that was not taken. */
  private firstSealed = 0
  /** The bytes in `sealed`. */
  private sealedBytes = 0
  /** 2 or 3. */
  protocol = 2
  /** How many errors were written, ever: a caller that compares knows whether its command failed. */
  errors = 0
  /** The text of the last error, without the dash. */
  lastError = ''
  /** More was written than REPLY_BYTES_MAX: what is left is incomplete, and the client must be closed. */
  overflowed = false

  /**
   * The length of `buf`. As a field of its own it is a small integer; what a typed array says of its length may be so large
   * that V8 compares it as a floating-point number.
   */
  private room: number
  /** What `words` made of `buf`, if somebody asked. */
  private view: DataView | null = null
  /** What `written` last returned of the buffer's beginning. */
  private beginning: Uint8Array = NOTHING

  private readonly chunkBytes: number

  /** `chunkBytes`: how large a buffer is when it is sealed; tests have small ones. */
  constructor(bytes = INITIAL_BYTES, chunkBytes = CHUNK_BYTES) {
    this.buf = new Uint8Array(bytes)
    this.room = bytes
    this.chunkBytes = chunkBytes
  }

  /** How many bytes are written, sealed chunks included: where the next one goes. */
  get length(): number {
    return this.sealedBytes + this.pos
  }

  /** The oldest sealed chunk; null where all bytes are in `buf`. */
  get chunk(): Uint8Array | null {
    return this.sealedBytes === 0 ? null : this.sealed[this.firstSealed]!
  }

  /** Forgets the oldest sealed chunk: it was sent. Positions are lower by its length afterwards. */
  dropChunk(): void {
    this.sealedBytes -= this.sealed[this.firstSealed]!.length
    this.sealed[this.firstSealed++] = NOTHING
    if (this.sealedBytes > 0) return
    this.sealed = NO_CHUNKS
    this.firstSealed = 0
  }

  /** Bytes of memory that the buffers take. */
  get heldBytes(): number {
    return this.sealedBytes + this.buf.length
  }

  /** Forgets everything that was written. */
  clear(): void {
    if (this.sealedBytes > 0) this.unseal()
    this.pos = 0
    this.overflowed = false
    if (this.buf.length > CLEARED_BYTES_MAX) this.take(new Uint8Array(INITIAL_BYTES))
  }

  private unseal(): void {
    this.sealed = NO_CHUNKS
    this.firstSealed = 0
    this.sealedBytes = 0
  }

  /** Takes back everything behind `mark`, a former `length`. */
  rewind(mark: number): void {
    while (mark < this.sealedBytes) {
      const chunk = this.sealed.pop()!
      this.sealedBytes -= chunk.length
      this.take(chunk)
    }
    this.pos = mark - this.sealedBytes
  }

  /** Appends everything that was written to `other`. */
  append(other: Reply): void {
    for (let i = other.firstSealed; i < other.sealed.length; i++) this.raw(other.sealed[i]!)
    this.rawRange(other.buf, 0, other.pos)
  }

  /** The buffer, for whoever writes several bytes at once. Valid as long as `buf` is. */
  words(): DataView {
    this.view ??= new DataView(this.buf.buffer, this.buf.byteOffset, this.room)
    return this.view
  }

  /**
   * `buf[from, to)` as a view. Answers to one pipeline are often as long as those to the one before: then it is the view of last
   * time, since to make one costs more than a small command.
   */
  written(from: number, to: number): Uint8Array {
    if (from > 0) return this.buf.subarray(from, to)
    if (this.beginning.length !== to) this.beginning = this.buf.subarray(0, to)
    return this.beginning
  }

  /** Makes room for `more` bytes. */
  ensure(more: number): void {
    if (this.pos + more > this.room) this.grow(more)
  }

  private grow(more: number): void {
    const { pos } = this
    if (this.sealedBytes + pos + more > REPLY_BYTES_MAX) {
      // Nothing of it will be sent: so it need not be kept.
      this.unseal()
      this.overflowed = true
      this.pos = 0
      if (more <= this.buf.length) return
    } else if (pos >= this.chunkBytes) {
      if (this.sealedBytes === 0) {
        this.sealed = []
        this.firstSealed = 0
      }
      this.sealed.push(this.buf.subarray(0, pos))
      this.sealedBytes += pos
      this.pos = 0
      this.take(new Uint8Array(Math.max(this.chunkBytes, more)))
      return
    }
    const bigger = new Uint8Array(Math.max(this.buf.length * 2, this.pos + more))
    bigger.set(this.buf.subarray(0, this.pos))
    this.take(bigger)
  }

  private take(buf: Uint8Array): void {
    this.buf = buf
    this.room = buf.length
    this.view = null
    this.beginning = NOTHING
  }

  /** Leaves the buffer, with all before `at`, to the socket that still reads from it, and goes on in another one. */
  leave(at: number): void {
    const rest = this.buf.subarray(at, this.pos)
    this.take(new Uint8Array(Math.max(INITIAL_BYTES, rest.length * 2)))
    this.buf.set(rest)
    this.pos = rest.length
  }

  /** Bytes that are replies already. */
  raw(bytes: Uint8Array): void {
    this.rawRange(bytes, 0, bytes.length)
  }

  rawRange(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.pos + length > this.room) this.grow(length)
    copy(this.buf, this.pos, from, start, end)
    this.pos += length
  }

  ok(): void {
    if (this.pos + 5 > this.room) this.grow(5)
    const buf = this.buf
    const pos = this.pos
    buf[pos] = 0x2b
    buf[pos + 1] = 0x4f
    buf[pos + 2] = 0x4b
    buf[pos + 3] = CR
    buf[pos + 4] = LF
    this.pos = pos + 5
  }

  pong(): void {
    if (this.pos + 7 > this.room) this.grow(7)
    const buf = this.buf
    const pos = this.pos
    buf[pos] = 0x2b
    buf[pos + 1] = 0x50
    buf[pos + 2] = 0x4f
    buf[pos + 3] = 0x4e
    buf[pos + 4] = 0x47
    buf[pos + 5] = CR
    buf[pos + 6] = LF
    this.pos = pos + 7
  }

  /** A status such as OK or QUEUED: ASCII, without line ends. */
  simple(status: string): void {
    this.line(0x2b, status)
  }

  /** An error with its code in front, such as `ERR no such key`. Line ends become blanks, those at its end nothing. */
  error(message: string): void {
    this.errors++
    this.lastError = message
    this.line(0x2d, message.replace(/[\r\n]+$/, '').replace(/[\r\n]/g, ' '))
  }

  private line(first: number, content: string): void {
    this.ensure(content.length + 3)
    this.buf[this.pos] = first
    const end = writeAscii(this.buf, this.pos + 1, content)
    if (end >= 0) this.pos = end
    else {
      this.pos++
      this.raw(utf8(content))
    }
    this.crlf()
  }

  private header(type: number, value: number): void {
    if (this.pos + 24 > this.room) this.grow(24)
    const buf = this.buf
    const pos = this.pos
    buf[pos] = type
    if (value >= 0 && value < 10) {
      buf[pos + 1] = 0x30 + value
      buf[pos + 2] = CR
      buf[pos + 3] = LF
      this.pos = pos + 4
      return
    }
    const at = writeInteger(buf, pos + 1, value)
    buf[at] = CR
    buf[at + 1] = LF
    this.pos = at + 2
  }

  /** A safe integer. */
  int(value: number): void {
    this.header(0x3a, value)
  }

  /** Any 64-bit integer. */
  bigint(value: bigint): void {
    this.line(0x3a, value.toString())
  }

  bool(value: boolean): void {
    if (this.protocol === 2) this.int(value ? 1 : 0)
    else this.line(0x23, value ? 't' : 'f')
  }

  /** A bulk string. */
  bulk(bytes: Uint8Array): void {
    this.bulkRange(bytes, 0, bytes.length)
  }

  bulkRange(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.pos + length + 26 > this.room) this.grow(length + 26)
    const buf = this.buf
    let pos = this.pos
    buf[pos++] = DOLLAR
    if (length < 10) buf[pos++] = 0x30 + length
    else if (length < 100) {
      const tens = (length / 10) | 0
      buf[pos] = 0x30 + tens
      buf[pos + 1] = 0x30 + length - tens * 10
      pos += 2
    } else pos = writeInteger(buf, pos, length)
    buf[pos] = CR
    buf[pos + 1] = LF
    pos += 2
    copy(buf, pos, from, start, end)
    pos += length
    buf[pos] = CR
    buf[pos + 1] = LF
    this.pos = pos + 2
  }

  /** A text as a bulk string, in UTF-8. */
  bulkText(content: string): void {
    this.ensure(content.length + 26)
    const start = this.pos
    this.header(DOLLAR, content.length)
    const end = writeAscii(this.buf, this.pos, content)
    if (end < 0) {
      this.pos = start
      this.bulk(utf8(content))
      return
    }
    this.pos = end
    this.crlf()
  }

  /** A safe integer as a bulk string. */
  bulkInt(value: number): void {
    const length = integerLength(value)
    this.header(DOLLAR, length)
    this.ensure(length + 2)
    this.pos = writeInteger(this.buf, this.pos, value)
    this.crlf()
  }

  /** Text with its format (`txt` or `mkd`), for people: RESP3's verbatim string. */
  verbatim(content: string, format = 'txt'): void {
    if (this.protocol === 2) {
      this.bulkText(content)
      return
    }
    const bytes = utf8(`${format}:${content}`)
    this.header(0x3d, bytes.length)
    this.rawRange(bytes, 0, bytes.length)
    this.crlf()
  }

  double(value: number): void {
    // Most scores are small integers; minus zero is none.
    if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
      if (this.protocol === 2) this.bulkInt(value)
      else this.header(0x2c, value)
    } else this.writtenDouble(value)
  }

  private writtenDouble(value: number): void {
    // The header of a bulk string of up to 25 bytes, and two line ends.
    const headBytes = this.protocol === 2 ? 5 : 1
    if (this.pos + headBytes + DOUBLE_BYTES_MAX + 2 > this.room) this.grow(headBytes + DOUBLE_BYTES_MAX + 2)
    const { buf, pos } = this
    const start = pos + headBytes
    let end = writeDouble(buf, start, value)
    if (headBytes === 1) buf[pos] = 0x2c
    else {
      const length = end - start
      buf[pos] = DOLLAR
      if (length < 10) {
        // The head is one byte shorter than it was taken for.
        for (let i = start; i < end; i++) buf[i - 1] = buf[i]!
        end--
      } else buf[pos + 1] = 0x30 + ((length / 10) | 0)
      const behind = end - length
      buf[behind - 3] = 0x30 + (length % 10)
      buf[behind - 2] = CR
      buf[behind - 1] = LF
    }
    buf[end] = CR
    buf[end + 1] = LF
    this.pos = end + 2
  }

  /** No value. */
  nil(): void {
    this.rawRange(this.protocol === 2 ? NIL_BULK : NIL, 0, this.protocol === 2 ? 5 : 3)
  }

  /** No array: RESP2 tells it apart from no value. */
  nilArray(): void {
    if (this.protocol === 2) this.line(0x2a, '-1')
    else this.line(0x5f, '')
  }

  /** The head of an array; `count` replies must follow. */
  array(count: number): void {
    this.header(0x2a, count)
  }

  /** The head of a map; `count` pairs must follow. */
  map(count: number): void {
    if (this.protocol === 2) this.header(0x2a, count * 2)
    else this.header(0x25, count)
  }

  set(count: number): void {
    this.header(this.protocol === 2 ? 0x2a : 0x7e, count)
  }

  /** The head of an out-of-band message. */
  push(count: number): void {
    this.header(this.protocol === 2 ? 0x2a : 0x3e, count)
  }

  /**
   * For arrays whose length is known only at their end: remember `length`, write the elements, then call this with that
   * mark and the count. The head is put in front by moving the elements, or between sealed chunks.
   */
  arrayAt(mark: number, count: number): void {
    this.replaceAt(mark, 0, () => this.array(count))
  }

  /** As `arrayAt`, for a map of `count` pairs. */
  mapAt(mark: number, count: number): void {
    this.replaceAt(mark, 0, () => this.map(count))
  }

  /** As `arrayAt`, for a set. */
  setAt(mark: number, count: number): void {
    this.replaceAt(mark, 0, () => this.set(count))
  }

  /**
   * Replaces the `removed` bytes at `mark` by what `write` writes, HEAD_BYTES_MAX at most. The removed bytes must have been
   * written by one call.
   */
  replaceAt(mark: number, removed: number, write: () => void): void {
    this.ensure(HEAD_BYTES_MAX)
    if (mark < this.sealedBytes) {
      this.replaceSealed(mark, removed, write)
      return
    }
    const from = mark - this.sealedBytes
    const end = this.pos
    write()
    const length = this.pos - end
    const behind = from + length
    if (length !== removed) this.buf.copyWithin(behind, from + removed, end)
    this.pos = from
    write()
    this.pos = end + length - removed
  }

  private replaceSealed(mark: number, removed: number, write: () => void): void {
    const end = this.pos
    write()
    const head = this.buf.slice(end, this.pos)
    this.pos = end
    let index = this.firstSealed
    let from = mark
    for (; from >= this.sealed[index]!.length; index++) from -= this.sealed[index]!.length
    const chunk = this.sealed[index]!
    const parts = [chunk.subarray(0, from), head, chunk.subarray(from + removed)]
    this.sealed.splice(index, 1, ...parts.filter(({ length }) => length > 0))
    this.sealedBytes += head.length - removed
  }

  /** Leaves room for the head that `scanHead` writes there later. Returns the position behind it. */
  leaveGap(): number {
    this.ensure(GAP_BYTES)
    this.pos += GAP_BYTES
    return this.length
  }

  /** The head of a reply of SCAN and its kin: the cursor, and how many elements stand behind the gap that ends at `mark`. */
  scanHead(mark: number, cursor: number, count: number): void {
    this.ensure(HEAD_BYTES_MAX)
    const from = mark - this.sealedBytes
    if (from < GAP_BYTES) {
      this.replaceSealed(mark - GAP_BYTES, GAP_BYTES, () => this.scanStart(cursor, count))
      return
    }
    const end = this.pos
    this.pos = from - GAP_BYTES
    this.scanStart(cursor, count)
    const to = this.pos
    if (end - from > COPY_LOOP_MAX) this.buf.copyWithin(to, from, end)
    else for (let i = from, j = to; i < end; ) this.buf[j++] = this.buf[i++]!
    this.pos = to + end - from
  }

  private scanStart(cursor: number, count: number): void {
    this.array(2)
    this.bulkInt(cursor)
    this.array(count)
  }

  private crlf(): void {
    this.ensure(2)
    this.buf[this.pos] = CR
    this.buf[this.pos + 1] = LF
    this.pos += 2
  }
}

function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start > COPY_LOOP_MAX) to.set(from.subarray(start, end), at)
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i]!
}
