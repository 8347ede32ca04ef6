/**
 * The payload of DUMP, RESTORE and MIGRATE: a type byte and a value as in an RDB file, two bytes of RDB version
 * (little endian), and the CRC64 of all before it.
 */

import { matchesCrc64, newCrc64, updateCrc64, writeCrc64 } from '../../bytes/crc64.js'
import { Cursor, DecodedString, DONE } from './cursor.js'
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN, TYPE_STRING, VALUE_TYPES } from './format.js'
import { ValueFramer } from './frame.js'
import { RdbWriter } from './writer.js'

const FOOTER_BYTES = 10

export const DUMP_WRONG = 'DUMP payload version or checksum are wrong'
export const DUMP_BAD_DATA = 'Bad data format'

export type DumpReading =
  | {
      ok: true
      type: number
      version: number
      /** A string's bytes, decoded; for other types the serialized value without its type byte. */
      value: Uint8Array
      start: number
      end: number
      /** A collection without elements. */
      empty: boolean
    }
  | { ok: false; error: typeof DUMP_WRONG | typeof DUMP_BAD_DATA }

/** Makes payloads one after the other, in room that it uses again: what is made is to be taken before the next one is. */
export class DumpWriter {
  private readonly plain = new RdbWriter()
  /** Has a compressor's table, of 64 KB, so it is made when it is first wanted. */
  private compressing: RdbWriter | null = null
  private writer = this.plain
  private version = 0
  private readonly crc = newCrc64()

  /** What was made is `buf[0, length)`. */
  get buf(): Uint8Array {
    return this.writer.sink.buf
  }

  get length(): number {
    return this.writer.sink.pos
  }

  /** What was made, as a copy. */
  take(): Uint8Array {
    return this.writer.sink.take()
  }

  /** Begins the payload of a value of this type, in the oldest version that knows it: the value is to be written into what it returns. */
  begin(type: number, compress: boolean): RdbWriter {
    this.writer = compress ? this.compressor() : this.plain
    const { sink } = this.writer
    sink.restart()
    sink.byte(type)
    this.version = Math.max(RDB_VERSION_WRITTEN, VALUE_TYPES.get(type)?.since ?? RDB_VERSION_MAX)
    return this.writer
  }

  /** The value has been written. */
  end(): void {
    const { sink } = this.writer
    const { crc, version } = this
    sink.byte(version & 0xff)
    sink.byte(version >> 8)
    crc.fill(0)
    updateCrc64(crc, sink.buf, 0, sink.pos)
    sink.reserve(8)
    writeCrc64(crc, sink.buf, sink.pos)
    sink.pos += 8
  }

  private compressor(): RdbWriter {
    this.compressing ??= new RdbWriter({ compress: true })
    return this.compressing
  }
}

/** The payload of a value that is serialized already. */
export function dumpRaw(type: number, buf: Uint8Array, start: number, end: number): Uint8Array {
  const writer = new DumpWriter()
  writer.begin(type, false).sink.bytes(buf, start, end)
  writer.end()
  return writer.take()
}

/** Whether the version and the checksum of the payload `buf[start, end)` are right. */
export function verifyDump(buf: Uint8Array, start: number, end: number): boolean {
  if (end - start < FOOTER_BYTES) return false
  const footer = end - FOOTER_BYTES
  if ((buf[footer]! | (buf[footer + 1]! << 8)) > RDB_VERSION_MAX) return false
  const crc = newCrc64()
  updateCrc64(crc, buf, start, end - 8)
  return matchesCrc64(crc, buf, end - 8)
}

/** Verifies and reads the payload `buf[start, end)`; the error is the reply's text. `unchecked`: it was verified elsewhere. */
export function readDump(buf: Uint8Array, start: number, end: number, unchecked = false): DumpReading {
  if (unchecked ? end - start < FOOTER_BYTES : !verifyDump(buf, start, end)) {
    return { ok: false, error: DUMP_WRONG }
  }
  const bad: DumpReading = { ok: false, error: DUMP_BAD_DATA }
  const footer = end - FOOTER_BYTES
  if (footer === start) return bad
  const type = buf[start]!
  const version = buf[footer]! | (buf[footer + 1]! << 8)
  const framer = new ValueFramer()
  const cursor = new Cursor()
  cursor.buf = buf
  cursor.pos = start + 1
  cursor.end = footer
  if (!framer.begin(type) || framer.run(cursor) !== DONE) return bad
  if (type !== TYPE_STRING) {
    const empty = framer.firstCount === 0 && VALUE_TYPES.get(type)?.emptyIsNothing === true
    return { ok: true, type, version, value: buf, start: start + 1, end: cursor.pos, empty }
  }
  const value = new DecodedString()
  cursor.pos = start + 1
  if (value.decode(cursor) !== DONE) return bad
  return { ok: true, type, version, value: value.buf, start: value.start, end: value.end, empty: false }
}
