/**
 * Where the writers of RDB and AOF put their bytes. A streaming sink hands out blocks of a fixed size as they
 * fill, so that a snapshot can be written in slices and sent while it is made; a growing sink (no `onBlock`)
 * collects everything in one buffer, for a DUMP payload or a test.
 *
 * A block belongs to whoever got it. `recycle` gives it back: a block is memory outside of the collector's heap, and to make and drop
 * many of them is what makes it stop everything. Sinks that pass their blocks to each other share a pool.
 */

import { AssertionError } from '../bytes/assert.js'
import { newCrc64, updateCrc64 } from '../bytes/crc64.js'

export const SINK_BLOCK_BYTES = 64 * 1024
/** A pool keeps no more than this; the rest is left to the collector. */
const SPARE_BYTES_MAX = 16 * 1024 * 1024
const GROWING_BYTES_MIN = 256
/** A growing sink that starts again does not keep more room than this. */
const KEPT_BYTES_MAX = 64 * 1024
/** No single `reserve` may ask for more than this of a streaming sink. */
export const RESERVE_BYTES_MAX = 64

export interface SinkOptions {
  /** Gets each full block, and at `flush` the last one, which may be shorter. Absent: the sink grows. */
  onBlock?: (block: Uint8Array) => void
  blockBytes?: number
  /** Where blocks come from and go back to, instead of a pool of its own; says how large they are. */
  pool?: BlockPool | undefined
  /** Keep a CRC64 of all that was written. */
  checksum?: boolean
}

const NO_BLOCK = new Uint8Array(0)

/** Blocks of one size that nobody needs now. */
export class BlockPool {
  readonly blockBytes: number
  /** Blocks that had to be made, ever. */
  made = 0
  private readonly spare: Uint8Array[] = []

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes
  }

  take(): Uint8Array {
    const block = this.spare.pop()
    if (block !== undefined) return block
    this.made++
    return new Uint8Array(this.blockBytes)
  }

  /** Takes a block back, or what is left of one. */
  give(block: Uint8Array): void {
    const { blockBytes, spare } = this
    if (block.buffer.byteLength !== blockBytes || (spare.length + 1) * blockBytes > SPARE_BYTES_MAX) return
    spare.push(block.length === blockBytes ? block : new Uint8Array(block.buffer))
  }
}

export class ByteSink {
  buf: Uint8Array
  pos = 0
  private readonly onBlock: ((block: Uint8Array) => void) | undefined
  /** Of a streaming sink. */
  readonly pool: BlockPool | undefined
  private readonly crc: Uint32Array | undefined
  private crcFrom = 0
  private flushed = 0
  /** Where `double` takes one apart; made when it first does. */
  private wide: Float64Array | null = null
  private wideBytes: Uint8Array = NO_BLOCK

  constructor(options: SinkOptions = {}) {
    this.onBlock = options.onBlock
    if (options.onBlock !== undefined)
      this.pool = options.pool ?? new BlockPool(options.blockBytes ?? SINK_BLOCK_BYTES)
    this.buf = this.pool?.take() ?? new Uint8Array(options.blockBytes ?? GROWING_BYTES_MIN)
    this.crc = options.checksum ? newCrc64() : undefined
  }

  /** Bytes written so far, handed out or not. */
  get total(): number {
    return this.flushed + this.pos
  }

  /** Makes room for `count` bytes in a row at `buf[pos]`; the caller writes them and moves `pos`. */
  reserve(count: number): void {
    if (this.pos + count > this.buf.length) this.makeRoom(count)
  }

  byte(value: number): void {
    if (this.pos === this.buf.length) this.makeRoom(1)
    this.buf[this.pos++] = value
  }

  /**
   * A double of eight bytes, least significant first. Nothing is made for it: to look at a small typed array's buffer makes V8
   * allocate memory of the system's, and a million freed crumbs make the next large allocation wait while they are swept together.
   */
  double(value: number): void {
    if (this.wide === null) {
      this.wide = new Float64Array(1)
      this.wideBytes = new Uint8Array(this.wide.buffer)
    }
    this.wide[0] = value
    this.bytes(this.wideBytes, 0, 8)
  }

  bytes(src: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (this.pos + count <= this.buf.length || this.onBlock === undefined) {
      if (this.pos + count > this.buf.length) this.makeRoom(count)
      if (count <= 24) for (let i = start, p = this.pos; i < end; ) this.buf[p++] = src[i++]!
      else this.buf.set(src.subarray(start, end), this.pos)
      this.pos += count
      return
    }
    for (let at = start; at < end; ) {
      if (this.pos === this.buf.length) this.makeRoom(1)
      const part = Math.min(end - at, this.buf.length - this.pos)
      this.buf.set(src.subarray(at, at + part), this.pos)
      this.pos += part
      at += part
    }
  }

  /** Characters up to U+00FF, one byte each. */
  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  /** Hands out what is still held. Of no meaning to a growing sink. */
  flush(): void {
    if (this.onBlock === undefined || this.pos === 0) return
    this.handOut(this.pos === this.buf.length ? this.buf : this.buf.subarray(0, this.pos))
  }

  /** A block that was handed out and is no longer needed. */
  recycle(block: Uint8Array): void {
    this.pool?.give(block)
  }

  /** Nothing is written any more, and all was handed out. */
  retire(): void {
    this.pool?.give(this.buf)
    this.buf = NO_BLOCK
  }

  /** A growing sink forgets what it holds, and keeps its room unless that is large. */
  restart(): void {
    this.pos = 0
    if (this.buf.length > KEPT_BYTES_MAX) this.buf = new Uint8Array(GROWING_BYTES_MIN)
  }

  /** What a growing sink holds, as a copy of its own. */
  take(): Uint8Array {
    return this.buf.slice(0, this.pos)
  }

  /** The CRC of everything written up to here; zeros when none is kept. */
  checksum(): Uint32Array {
    if (this.crc === undefined) return newCrc64()
    updateCrc64(this.crc, this.buf, this.crcFrom, this.pos)
    this.crcFrom = this.pos
    return this.crc
  }

  private makeRoom(count: number): void {
    if (this.onBlock === undefined) {
      const grown = new Uint8Array(Math.max(this.buf.length * 2, this.pos + count))
      grown.set(this.buf.subarray(0, this.pos))
      this.buf = grown
      return
    }
    if (count > RESERVE_BYTES_MAX || count > this.buf.length)
      throw new AssertionError(`sink: no block holds ${count} bytes`)
    this.handOut(this.pos === this.buf.length ? this.buf : this.buf.subarray(0, this.pos))
  }

  private handOut(block: Uint8Array): void {
    if (this.crc !== undefined) {
      updateCrc64(this.crc, this.buf, this.crcFrom, this.pos)
      this.crcFrom = 0
    }
    this.flushed += this.pos
    this.pos = 0
    this.buf = this.pool!.take()
    this.onBlock!(block)
  }
}
