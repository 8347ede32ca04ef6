/**
 * Reads an RDB file or stream from pieces as they arrive and calls a visitor for what it finds. It never holds
 * more than the one item that a piece ended in, and never makes room by a length that the data claims, only for
 * bytes that came. Whole items are read where they lie in the piece, without a copy.
 *
 * Strings are handed out decoded; every other value as its serialized bytes with its type, framed exactly, for
 * the room that knows the structure.
 *
 * Errors are values: `problem` tells what was wrong, in Redis's words where Redis has some.
 */

import { text } from '../../bytes/ascii.js'
import { crc64Text, matchesCrc64, newCrc64, updateCrc64 } from '../../bytes/crc64.js'
import type { Int64 } from '../../bytes/int64.js'
import { quoted } from '../text.js'
import {
  BAD,
  Cursor,
  DecodedString,
  DONE,
  littleEndian32,
  littleEndianInt64,
  MORE,
  type Step,
} from './cursor.js'
import * as format from './format.js'
import { ValueFramer } from './frame.js'

export type RdbProblemKind = 'signature' | 'version' | 'short' | 'corrupt' | 'checksum' | 'refused'

export interface RdbProblem {
  kind: RdbProblemKind
  /** The line to log. */
  text: string
  /** What exactly was found, when `text` is the general line. */
  detail: string
  /** Bytes from the beginning of the input to the item with the problem. */
  offset: number
}

/** One key. The record and the ranges are the reader's own: they hold only during the call. */
export interface RdbEntry {
  db: number
  type: number
  key: Uint8Array
  keyStart: number
  keyEnd: number
  /** A string's bytes; for other types the serialized value without its type byte. */
  value: Uint8Array
  valueStart: number
  valueEnd: number
  /** Unix time, -1 when the key does not expire. */
  expireAt_ms: Int64
  /** Idle time when it was saved, -1 when not told. */
  idle_s: number
  /** LFU counter, 0 to 255, -1 when not told. */
  frequency: number
  /** A collection without elements, which Redis skips with a line in the log. */
  empty: boolean
}

/** What a callback says to go on, or why to stop: the reader then fails with kind 'refused' and that text. */
export type Verdict = string | undefined

export interface RdbVisitor {
  onEntry(entry: RdbEntry): Verdict
  onHeader?(version: number): Verdict
  onAux?(key: DecodedString, value: DecodedString): Verdict
  onSelectDb?(db: number): Verdict
  onResizeDb?(keys: number, expires: number): Verdict
  onSlotInfo?(slot: number, keys: number, expires: number): Verdict
  /** The source of a function library. */
  onFunction?(code: Uint8Array, start: number, end: number): Verdict
  /** Data of a module apart from the keys; `name` is the module type's nine characters. */
  onModuleAux?(name: string, bytes: number): Verdict
  onEnd?(checksum: 'right' | 'none'): Verdict
}

export interface RdbReaderOptions {
  /** Compare the checksum at the end (`rdbchecksum`). */
  checksum?: boolean
  /** Looks into a value that is not a string before it is handed out; a reason rejects the file. */
  checkValue?: (type: number, buf: Uint8Array, start: number, end: number) => Verdict
}

/** An item that does not fit into this ends the reading. */
export const ITEM_BYTES_MAX = 2 ** 32 - 1
/** What is taken at least of a piece to complete an item that an earlier piece left open. */
const TOP_UP_BYTES = 4096
/** Room for open items beyond this is given up once they are complete. */
const KEPT_HOLD_BYTES_MAX = 1024 * 1024

export const SHORT_READ = 'Short read or OOM loading DB. Unrecoverable error, aborting now.'

type State = 'header' | 'items' | 'checksum' | 'done' | 'failed'

export class RdbReader {
  state: State = 'header'
  problem: RdbProblem | undefined
  /** Version of the file, 0 before it is known. */
  version = 0
  /** Bytes of whole items read so far. */
  offset = 0

  private readonly visitor: RdbVisitor
  private readonly options: RdbReaderOptions
  private readonly cursor = new Cursor()
  private readonly framer = new ValueFramer()
  /** The item at the front is an entry, or a module's data, whose framing is under way. */
  private framing = false
  private readonly crc = newCrc64()
  private readonly key = new DecodedString()
  private readonly value = new DecodedString()
  private readonly entry: RdbEntry
  private hold = new Uint8Array(0)
  private held = 0

  constructor(visitor: RdbVisitor, options: RdbReaderOptions = {}) {
    this.visitor = visitor
    this.options = options
    const none = new Uint8Array(0)
    this.entry = {
      db: 0,
      type: 0,
      key: none,
      keyStart: 0,
      keyEnd: 0,
      value: none,
      valueStart: 0,
      valueEnd: 0,
      expireAt_ms: -1,
      idle_s: -1,
      frequency: -1,
      empty: false,
    }
  }

  /**
   * Takes the piece `buf[start, end)`. Returns where in it the RDB data ends: `end` while more is wanted, less
   * when `state` became 'done' (what follows is not RDB) or 'failed' (see `problem`).
   */
  feed(buf: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && this.state !== 'done' && this.state !== 'failed') {
      if (this.held === 0) {
        const stop = this.read(buf, at, end)
        if (this.isOver()) return stop
        this.keep(buf, stop, end)
        return end
      }
      const part = Math.min(end - at, Math.max(TOP_UP_BYTES, this.held))
      if (!this.keep(buf, at, at + part)) return at
      at += part
      const held = this.held
      const stop = this.read(this.hold, 0, held)
      const rest = held - stop
      if (stop > 0 || this.isOver()) {
        // The open item ended within this part: what follows it is read where it lies.
        at -= rest
        this.release()
      }
    }
    return at
  }

  /** The input is over. A problem when it ended too early. */
  end(): RdbProblem | undefined {
    if (!this.isOver()) this.fail('short', SHORT_READ, 'Unexpected EOF reading RDB file')
    return this.problem
  }

  private isOver(): boolean {
    return this.state === 'done' || this.state === 'failed'
  }

  /** Reads whole items from `buf[start, end)`; where the first incomplete one begins. */
  private read(buf: Uint8Array, start: number, end: number): number {
    const { cursor } = this
    cursor.buf = buf
    cursor.end = end
    let item = start
    let summed = start
    while (true) {
      cursor.pos = item
      const state = this.state
      const step = this.step(item)
      if (this.isOver() && this.state === 'failed') return item
      if (step === MORE) break
      if (step === BAD) {
        this.fail('corrupt', SHORT_READ, cursor.reason)
        return item
      }
      this.offset += cursor.pos - item
      item = cursor.pos
      if (state === 'items' && this.state !== 'items') {
        // The end of what the checksum covers.
        if (this.options.checksum) updateCrc64(this.crc, buf, summed, item)
        summed = end
      }
      if (this.isOver()) return item
    }
    if (this.options.checksum && summed < item) updateCrc64(this.crc, buf, summed, item)
    return item
  }

  private step(item: number): Step {
    if (this.state === 'items') return this.item(item)
    return this.state === 'header' ? this.header() : this.checksum()
  }

  private header(): Step {
    const { cursor } = this
    const at = cursor.pos
    const step = cursor.skip(format.RDB_HEADER_BYTES)
    if (step !== DONE) return step
    if (text(cursor.buf, at, cursor.end, format.RDB_MAGIC.length) !== format.RDB_MAGIC) {
      return this.fail('signature', 'Wrong signature trying to load DB from file', '')
    }
    const version = leadingDigits(cursor.buf, at + 5, at + 9)
    if (version < format.RDB_VERSION_MIN || version > format.RDB_VERSION_MAX) {
      return this.fail('version', `Can't handle RDB format version ${version}`, '')
    }
    this.version = version
    this.state = 'items'
    return this.accept(this.visitor.onHeader?.(version))
  }

  private checksum(): Step {
    const { cursor, crc } = this
    const at = cursor.pos
    const step = cursor.skip(format.RDB_CHECKSUM_BYTES)
    if (step !== DONE) return step
    let none = true
    for (let i = at; i < cursor.pos; i++) if (cursor.buf[i] !== 0) none = false
    if (this.options.checksum && !none && !matchesCrc64(crc, cursor.buf, at)) {
      const found = newCrc64()
      found[0] = littleEndian32(cursor.buf, at)
      found[1] = littleEndian32(cursor.buf, at + 4)
      const text = `Wrong RDB checksum expected: (${crc64Text(crc)}) but got (${crc64Text(found)}). Aborting now.`
      return this.fail('checksum', text, 'RDB CRC error')
    }
    this.state = 'done'
    return this.accept(this.visitor.onEnd?.(none ? 'none' : 'right'))
  }

  private item(start: number): Step {
    const { cursor } = this
    if (cursor.pos >= cursor.end) return MORE
    const opcode = cursor.buf[cursor.pos++]!
    if (opcode < format.OPCODE_SLOT_INFO) return this.readEntry(start, opcode)
    switch (opcode) {
      case format.OPCODE_EXPIRETIME_MS:
        return this.attribute(8)
      case format.OPCODE_EXPIRETIME:
        return this.attribute(4)
      case format.OPCODE_FREQ:
        return this.attribute(1)
      case format.OPCODE_IDLE:
        return this.attribute(0)
      case format.OPCODE_AUX:
        return this.aux()
      case format.OPCODE_FUNCTION2:
        return this.functionLibrary()
      case format.OPCODE_MODULE_AUX:
        return this.moduleAux(start)
      case format.OPCODE_FUNCTION_PRE_GA:
        return cursor.bad('Pre-release function format not supported.')
      case format.OPCODE_EOF:
        if (this.version >= format.RDB_VERSION_CHECKSUM) {
          this.state = 'checksum'
          return DONE
        }
        this.state = 'done'
        return this.accept(this.visitor.onEnd?.('none'))
      default:
        return this.numbers(opcode)
    }
  }

  /** SELECTDB, RESIZEDB and SLOT_INFO: one, two or three lengths. */
  private numbers(opcode: number): Step {
    const { cursor, visitor } = this
    const count = opcode === format.OPCODE_SELECTDB ? 1 : opcode === format.OPCODE_RESIZEDB ? 2 : 3
    let first = 0
    let second = 0
    for (let i = 0; i < count; i++) {
      const step = cursor.readLength()
      if (step !== DONE) return step
      if (i === 0) first = cursor.length
      if (i === 1) second = cursor.length
    }
    if (opcode === format.OPCODE_RESIZEDB) return this.accept(visitor.onResizeDb?.(first, second))
    if (opcode === format.OPCODE_SLOT_INFO) {
      return this.accept(visitor.onSlotInfo?.(first, second, cursor.length))
    }
    this.entry.db = first
    return this.accept(visitor.onSelectDb?.(first))
  }

  /** What stands before a key and belongs to it; `size` in bytes, 0 for a length. */
  private attribute(size: number): Step {
    const { cursor, entry } = this
    const at = cursor.pos
    const step = size === 0 ? cursor.readLength() : cursor.skip(size)
    if (step !== DONE) return step
    if (size === 8) entry.expireAt_ms = littleEndianInt64(cursor.buf, at)
    else if (size === 4) entry.expireAt_ms = littleEndian32(cursor.buf, at) * 1000
    else if (size === 1) entry.frequency = cursor.buf[at]!
    else entry.idle_s = cursor.length
    return DONE
  }

  private aux(): Step {
    const { cursor, key, value } = this
    const at = cursor.pos
    let step = cursor.skipString()
    if (step === DONE) step = cursor.skipString()
    if (step !== DONE) return step
    cursor.pos = at
    if (key.decode(cursor) !== DONE || value.decode(cursor) !== DONE) return BAD
    return this.accept(this.visitor.onAux?.(key, value))
  }

  private functionLibrary(): Step {
    const { cursor, value } = this
    const at = cursor.pos
    const step = cursor.skipString()
    if (step !== DONE) return step
    cursor.pos = at
    if (value.decode(cursor) !== DONE) return BAD
    return this.accept(this.visitor.onFunction?.(value.buf, value.start, value.end))
  }

  private moduleAux(start: number): Step {
    const { cursor, framer } = this
    let name = ''
    for (let i = 0; i < 3; i++) {
      const step = cursor.readLength()
      if (step !== DONE) return step
      if (i === 0) name = moduleTypeName(cursor.high, cursor.low)
      if (i === 1 && cursor.length !== 2) return cursor.bad('bad when_opcode')
    }
    const from = cursor.pos
    if (!this.framing) framer.beginModule()
    const step = this.frame(start)
    if (step !== DONE) return step
    return this.accept(this.visitor.onModuleAux?.(name, cursor.pos - from))
  }

  private readEntry(start: number, type: number): Step {
    const { cursor, entry, framer } = this
    const keyAt = cursor.pos
    const step = cursor.skipString()
    if (step !== DONE) return step
    const valueAt = cursor.pos
    if (!this.framing && !framer.begin(type)) {
      const preRelease = type === format.TYPE_MODULE_PRE_GA
      return cursor.bad(
        preRelease ? 'Pre-release module format not supported' : `Unknown RDB encoding type ${type}`,
      )
    }
    const framed = this.frame(start)
    if (framed !== DONE) return framed
    const end = cursor.pos
    cursor.pos = keyAt
    if (this.key.decode(cursor) !== DONE) return BAD
    entry.type = type
    entry.key = this.key.buf
    entry.keyStart = this.key.start
    entry.keyEnd = this.key.end
    if (type === format.TYPE_STRING) {
      if (this.value.decode(cursor) !== DONE) return BAD
      entry.value = this.value.buf
      entry.valueStart = this.value.start
      entry.valueEnd = this.value.end
      entry.empty = false
    } else {
      const reason = this.options.checkValue?.(type, cursor.buf, valueAt, end)
      if (reason !== undefined) return cursor.bad(reason)
      entry.value = cursor.buf
      entry.valueStart = valueAt
      entry.valueEnd = end
      entry.empty = framer.firstCount === 0 && format.VALUE_TYPES.get(type)?.emptyIsNothing === true
    }
    cursor.pos = end
    const verdict = this.accept(this.visitor.onEntry(entry))
    entry.expireAt_ms = -1
    entry.idle_s = -1
    entry.frequency = -1
    return verdict
  }

  /** Goes on framing the value of the item that begins at `start`, from where it stopped the last time. */
  private frame(start: number): Step {
    const { cursor, framer } = this
    if (this.framing) cursor.pos = start + framer.reached
    const step = framer.run(cursor)
    this.framing = step === MORE
    framer.reached = cursor.pos - start
    return step
  }

  private accept(verdict: Verdict): Step {
    return verdict === undefined ? DONE : this.fail('refused', verdict, '')
  }

  private fail(kind: RdbProblemKind, text: string, detail: string): Step {
    this.state = 'failed'
    this.problem = { kind, text, detail, offset: this.offset }
    this.release()
    return BAD
  }

  /** Keeps `buf[start, end)` behind what is already held. False, and failed, when that is too much. */
  private keep(buf: Uint8Array, start: number, end: number): boolean {
    const size = this.held + end - start
    if (size > ITEM_BYTES_MAX) {
      this.fail('corrupt', SHORT_READ, `item of more than ${ITEM_BYTES_MAX} bytes`)
      return false
    }
    if (size > this.hold.length) {
      const grown = new Uint8Array(
        Math.min(ITEM_BYTES_MAX, Math.max(TOP_UP_BYTES, size, this.hold.length * 2)),
      )
      grown.set(this.hold.subarray(0, this.held))
      this.hold = grown
    }
    this.hold.set(buf.subarray(start, end), this.held)
    this.held = size
    return true
  }

  private release(): void {
    this.held = 0
    this.framing = false
    if (this.hold.length > KEPT_HOLD_BYTES_MAX) this.hold = new Uint8Array(0)
  }
}

/** As C's atoi reads the version: digits up to the first other character. */
function leadingDigits(buf: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}

const MODULE_NAME_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The name in a module type's 64-bit id: nine letters of six bits, then ten bits of version. */
export function moduleTypeName(high: number, low: number): string {
  let name = ''
  let id = (BigInt(high) << 32n) | BigInt(low)
  id >>= 10n
  for (let i = 0; i < 9; i++) {
    name = MODULE_NAME_LETTERS.charAt(Number(id & 63n)) + name
    id >>= 6n
  }
  return name
}

/** What a loader says of a type that its node cannot hold: never dropped in silence. */
export function notSupportedYet(entry: RdbEntry): string {
  const type = format.VALUE_TYPES.get(entry.type)
  const what = type === undefined ? `type ${entry.type}` : `${type.name} (${type.encoding})`
  return `Values of type ${what} are not supported yet: key ${quoted(entry.key, entry.keyStart, entry.keyEnd)}`
}
