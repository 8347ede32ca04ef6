/**
 * Reads the commands of an append-only file from pieces as they come from the disk. A command is handed out as
 * ranges of the buffer in which it lies, with no object made for an argument; a command that a piece ends in is
 * kept, and its scanning goes on where it stopped.
 *
 * The reader knows MULTI and EXEC only to say up to where the file is whole: a transaction without its EXEC is
 * torn as a whole, back to its MULTI.
 */

import { text } from '../../bytes/ascii.js'
import { ANNOTATION_BYTES_MAX } from './record.js'

export type AofProblemKind = 'format' | 'truncated' | 'refused'

export interface AofProblem {
  kind: AofProblemKind
  text: string
  /** Where in the file the offending record begins. */
  offset: number
}

/**
 * Gets a command of `count` arguments: argument i is `buf[ranges[2 * i], ranges[2 * i + 1])`, and the whole
 * record `buf[start, end)`. All of it holds only during the call. A text stops the reading.
 */
export type OnCommand = (
  buf: Uint8Array,
  count: number,
  ranges: Int32Array,
  start: number,
  end: number,
) => string | undefined

export interface AofVisitor {
  onCommand: OnCommand
  /** A `#TS:` line; false stops the reading cleanly before what follows, as for a point-in-time recovery. */
  onTimestamp?(at_s: number): boolean
}

/** A command that does not fit into this is no command. */
export const COMMAND_BYTES_MAX = 2 ** 31 - 1
export const ARGUMENTS_MAX = 2 ** 31 - 1
/** Most digits of a count or length: what C's `long long` can hold. */
const DIGITS_MAX = 19
const TOP_UP_BYTES = 4096
const KEPT_HOLD_BYTES_MAX = 1024 * 1024

const NEED_MORE = -1
const WRONG = -2

export class AofReader {
  problem: AofProblem | undefined
  /** Stopped by `onTimestamp`. */
  stopped = false
  /** Bytes of whole records read. */
  offset = 0
  /** Commands read. */
  commands = 0
  /** In a transaction: where its MULTI begins; else -1. */
  multiAt = -1

  private readonly visitor: AofVisitor
  private readonly fileName: string
  private hold = new Uint8Array(0)
  private held = 0
  private ranges = new Int32Array(32)
  /** Of the command under way, when a piece ended in it: arguments, arguments found, how far from its start. */
  private count = 0
  private found = 0
  private reached = 0

  /** `fileName` is for the texts of problems; `offset` where in the file the first piece begins. */
  constructor(visitor: AofVisitor, fileName: string, offset = 0) {
    this.visitor = visitor
    this.fileName = fileName
    this.offset = offset
  }

  /** The end of the last command after which the file is whole: where a torn file is cut. */
  get validUpTo(): number {
    return this.multiAt >= 0 ? this.multiAt : this.offset
  }

  /** Takes the piece `buf[start, end)`. False when the reading is over: see `problem` and `stopped`. */
  feed(buf: Uint8Array, start: number, end: number): boolean {
    let at = start
    while (at < end && !this.isOver()) {
      if (this.held === 0) {
        const stop = this.read(buf, at, end)
        if (!this.isOver()) this.keep(buf, stop, end)
        break
      }
      const part = Math.min(end - at, Math.max(TOP_UP_BYTES, this.held))
      if (!this.keep(buf, at, at + part)) break
      at += part
      const stop = this.read(this.hold, 0, this.held)
      if (stop > 0) {
        // The open command ended within this part: what follows it is read where it lies.
        at -= this.held - stop
        this.held = 0
        this.count = 0
        if (this.hold.length > KEPT_HOLD_BYTES_MAX) this.hold = new Uint8Array(0)
      }
    }
    return !this.isOver()
  }

  /** The file is over. A problem when it is torn; `validUpTo` then is where to cut it. */
  end(): AofProblem | undefined {
    if (!this.isOver() && (this.held > 0 || this.multiAt >= 0)) {
      this.problem = { kind: 'truncated', text: unexpectedEnd(this.fileName), offset: this.validUpTo }
    }
    return this.problem
  }

  private isOver(): boolean {
    return this.problem !== undefined || this.stopped
  }

  private read(buf: Uint8Array, start: number, end: number): number {
    let record = start
    while (record < end) {
      const next = this.record(buf, record, end)
      if (next === NEED_MORE) return record
      if (next === WRONG) {
        this.fail('format', badFormat(this.fileName))
        return record
      }
      if (this.isOver()) return record
      this.offset += next - record
      record = next
    }
    return record
  }

  /** Reads one record at `at`: where the next begins, NEED_MORE or WRONG. */
  private record(buf: Uint8Array, at: number, end: number): number {
    if (buf[at] === 0x23) return this.annotation(buf, at, end)
    let pos = at + this.reached
    if (this.count === 0) {
      if (buf[at] !== 0x2a) return WRONG
      pos = this.line(buf, at + 1, end)
      if (pos < 0) return pos
      const count = this.value
      if (count < 1 || count > ARGUMENTS_MAX) return WRONG
      this.count = count
      this.found = 0
    }
    pos = this.arguments(buf, at, pos, end)
    if (pos < 0) return pos
    const { count, ranges } = this
    if (at !== 0) for (let i = count * 2; i-- > 0; ) ranges[i]! += at
    this.count = 0
    this.reached = 0
    this.transaction(buf, ranges[0]!, ranges[1]!)
    this.commands++
    const reason = this.visitor.onCommand(buf, count, ranges, at, pos)
    if (reason !== undefined) this.fail('refused', reason)
    return pos
  }

  /** Finds arguments from `pos` on; positions are kept relative to the command at `at`, which may move. */
  private arguments(buf: Uint8Array, at: number, from: number, end: number): number {
    let pos = from
    const { count } = this
    for (let i = this.found; i < count; i++) {
      const data = pos < end && buf[pos] !== 0x24 ? WRONG : this.line(buf, pos + 1, end)
      if (data === WRONG) return WRONG
      const after = data === NEED_MORE ? 0 : data + this.value + 2
      if (data === NEED_MORE || after > end) {
        this.found = i
        this.reached = pos - at
        return NEED_MORE
      }
      if (buf[after - 2] !== 0x0d || buf[after - 1] !== 0x0a) return WRONG
      if (i * 2 === this.ranges.length) this.growRanges()
      this.ranges[i * 2] = data - at
      this.ranges[i * 2 + 1] = after - 2 - at
      pos = after
    }
    return pos
  }

  /** The number that the last call of `line` read. */
  private value = 0

  /** Reads digits and the end of their line: the position after it, NEED_MORE or WRONG. */
  private line(buf: Uint8Array, from: number, end: number): number {
    let value = 0
    let pos = from
    while (pos < end) {
      const byte = buf[pos++]!
      const digit = byte - 0x30
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit
        if (pos - from > DIGITS_MAX) return WRONG
        continue
      }
      if (pos - 1 === from) return WRONG
      if (byte === 0x0d) {
        if (pos === end) return NEED_MORE
        if (buf[pos++] !== 0x0a) return WRONG
      } else if (byte !== 0x0a) {
        return WRONG
      }
      this.value = value
      return pos
    }
    return NEED_MORE
  }

  private annotation(buf: Uint8Array, at: number, end: number): number {
    const newline = buf.indexOf(0x0a, at)
    if (newline < 0 || newline >= end) return end - at > ANNOTATION_BYTES_MAX ? WRONG : NEED_MORE
    if (newline - at > ANNOTATION_BYTES_MAX) return WRONG
    const time = /^#TS:(\d{1,15})\r?$/.exec(text(buf, at, newline, ANNOTATION_BYTES_MAX))
    if (time !== null && this.visitor.onTimestamp?.(Number(time[1])) === false) this.stopped = true
    return newline + 1
  }

  private transaction(buf: Uint8Array, start: number, end: number): void {
    if (end - start === 5 && isWord(buf, start, 'multi')) {
      if (this.multiAt < 0) this.multiAt = this.offset
    } else if (end - start === 4 && isWord(buf, start, 'exec')) {
      this.multiAt = -1
    }
  }

  private growRanges(): void {
    const grown = new Int32Array(this.ranges.length * 2)
    grown.set(this.ranges)
    this.ranges = grown
  }

  private keep(buf: Uint8Array, start: number, end: number): boolean {
    const size = this.held + end - start
    if (size > COMMAND_BYTES_MAX) {
      this.fail('format', badFormat(this.fileName))
      return false
    }
    if (size > this.hold.length) {
      const room = Math.max(TOP_UP_BYTES, size, this.hold.length * 2)
      const grown = new Uint8Array(Math.min(COMMAND_BYTES_MAX, room))
      grown.set(this.hold.subarray(0, this.held))
      this.hold = grown
    }
    this.hold.set(buf.subarray(start, end), this.held)
    this.held = size
    return true
  }

  private fail(kind: AofProblemKind, text: string): void {
    this.problem ??= { kind, text, offset: this.offset }
  }
}

function isWord(buf: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if ((buf[start + i]! | 0x20) !== word.charCodeAt(i)) return false
  return true
}

const FIX = 'use ./redis-check-aof --fix <filename.manifest>'

/** The line when a file is damaged, as Redis logs it. */
export function badFormat(fileName: string): string {
  return `Bad file format reading the append only file ${fileName}: make a backup of your AOF file, then ${FIX}`
}

/** The line when a file ends too early and may not be cut, as Redis logs it. */
export function unexpectedEnd(fileName: string): string {
  return (
    `Unexpected end of file reading the append only file ${fileName}. You can: ` +
    `1) Make a backup of your AOF file, then ${FIX}. ` +
    "2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
  )
}

/** Whether the file that begins with `buf[start, end)` is an RDB file, or begins with one. */
export function startsAsRdb(buf: Uint8Array, start: number, end: number): boolean {
  return end - start >= 5 && text(buf, start, end, 5) === 'REDIS'
}
