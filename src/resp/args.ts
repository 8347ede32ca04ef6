/**
 * A command's arguments: ranges in a buffer that belongs to somebody else (a connection's read buffer, a transaction's
 * queue, an append-only file's block). Nothing is copied and nothing is allocated for a command; whoever wants to keep
 * an argument beyond the command copies it. Argument 0 is the command's name, as in Redis's argv.
 */

import { isWord, NOT_EXACT, parseInteger, text, wholeText } from '../bytes/ascii.js'
import { NUMBER_BYTES_MAX, QUOTED_BYTES_MAX, SHOWN_BYTES_MAX, WORD_BYTES_MAX } from '../bytes/text-limits.js'

const NOTHING = new Uint8Array(0)
/** Room for sixteen arguments. */
const RANGES_MIN = 32

export class Args {
  buf: Uint8Array = NOTHING
  count = 0
  /** Start and end of each argument, in turns. Others are put in their place by `exchange`. */
  ranges: Int32Array = new Int32Array(RANGES_MIN)
  /** How many numbers `ranges` has room for: see Reply, which keeps the length of its buffer for the same reason. */
  room = RANGES_MIN
  /**
   * Where the command's own bytes stand in `buf` in RESP form, so that they can go to the append-only file and to
   * replicas as they came. `rawEnd` is 0 where they do not stand there (inline commands, commands made by hand).
   */
  rawStart = 0
  rawEnd = 0

  start(index: number): number {
    return this.ranges[index << 1]!
  }

  end(index: number): number {
    return this.ranges[(index << 1) + 1]!
  }

  length(index: number): number {
    return this.ranges[(index << 1) + 1]! - this.ranges[index << 1]!
  }

  /** The argument's bytes, as a view: valid until the command returns. */
  view(index: number): Uint8Array {
    return this.buf.subarray(this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!)
  }

  /** The argument's bytes, to keep. */
  copy(index: number): Uint8Array {
    return this.buf.slice(this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!)
  }

  /**
   * At most the first `bytesMax` bytes of the argument as text, one character a byte: for option names, messages and logs,
   * never for keys and values. See bytes/text-limits.ts for the caps.
   */
  text(index: number, bytesMax: number): string {
    return text(this.buf, this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!, bytesMax)
  }

  /** As `text`, but null where the argument has more than `bytesMax` bytes: for what is kept, or read as a number. */
  wholeText(index: number, bytesMax: number): string | null {
    return wholeText(this.buf, this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!, bytesMax)
  }

  /** The argument as a name to be looked up, in lower case; what is longer than any name is cut, and equals none. */
  word(index: number): string {
    return this.text(index, WORD_BYTES_MAX).toLowerCase()
  }

  /** What error texts and the log show of the argument. */
  shown(index: number): string {
    return this.text(index, SHOWN_BYTES_MAX)
  }

  /** What error texts show of an argument that Redis quotes whole. */
  quoted(index: number): string {
    return this.text(index, QUOTED_BYTES_MAX)
  }

  /** The argument as the text of a number; longer than any number: '', which is none. */
  numeral(index: number): string {
    return this.wholeText(index, NUMBER_BYTES_MAX) ?? ''
  }

  /** Whether the argument is `word` (given in lower case), in any case of letters. */
  is(index: number, word: string): boolean {
    return isWord(this.buf, this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!, word)
  }

  /** The argument as an integer that a double holds exactly, or NaN. */
  integer(index: number): number {
    if (index >= this.count) return NOT_EXACT
    return parseInteger(this.buf, this.ranges[index << 1]!, this.ranges[(index << 1) + 1]!)
  }

  /** Lets go of the buffer, so that kept arguments do not keep it alive. */
  forget(): void {
    this.buf = NOTHING
    this.count = 0
  }

  /** Appends a range of `buf`. */
  push(start: number, end: number): void {
    const at = this.count << 1
    if (at === this.room) {
      const more = new Int32Array(this.room * 2)
      more.set(this.ranges)
      this.exchange(more)
    }
    this.ranges[at] = start
    this.ranges[at + 1] = end
    this.count++
  }

  /** Takes other room for the ranges; what they are is the caller's. */
  exchange(ranges: Int32Array): void {
    this.ranges = ranges
    this.room = ranges.length
  }

  /** Makes these the arguments given, joined in a buffer of their own: for commands that the node makes itself. */
  setAll(parts: readonly Uint8Array[]): void {
    let size = 0
    for (const part of parts) size += part.length
    this.buf = new Uint8Array(size)
    this.count = 0
    this.rawStart = 0
    this.rawEnd = 0
    let at = 0
    for (const part of parts) {
      this.buf.set(part, at)
      this.push(at, at + part.length)
      at += part.length
    }
  }

  /** All ranges moved down by `delta` bytes, into `buf`: the bytes were copied to the front of another buffer. */
  rebase(buf: Uint8Array, delta: number): void {
    this.buf = buf
    for (let i = 0; i < this.count << 1; i++) this.ranges[i]! -= delta
    this.rawStart -= delta
    this.rawEnd -= delta
  }
}
