/**
 * Writes RDB data into a sink, item by item, as Redis would: strings that are small integers as integers,
 * compressible ones with LZF, lengths in their shortest form.
 *
 * The version goes into the first bytes, so whoever starts a file must know what it will hold: see
 * `oldestRdbVersion`. Writing a value younger than that is a mistake of the program, and throws.
 */

import { ascii } from '../../bytes/ascii.js'
import { AssertionError } from '../../bytes/assert.js'
import { highWord, type Int64, lowWord } from '../../bytes/int64.js'
import { type LzfTable, lzfCompress, newLzfTable } from '../../bytes/lzf.js'
import { type BlockPool, ByteSink, type SinkOptions } from '../sink.js'
import * as format from './format.js'

export interface RdbWriterOptions extends SinkOptions {
  version?: number
  /** Compress strings (`rdbcompression`). */
  compress?: boolean
  /** ... with the compressor of another writer. */
  compressor?: Compressor | undefined
}

/** What compression needs: one can serve many writers, one after the other. */
interface Compressor {
  readonly table: LzfTable
  room: Uint8Array
}

/** What the first items of a file tell about it. */
export interface RdbInfo {
  redisVersion: string
  created_s: number
  usedMemory_bytes: number
  /** The base of an append-only file. */
  aofBase: boolean
  /** Where in the replication stream the data stands; in files from which replication can go on. */
  replication?: { db: number; id: string; offset: number }
}

/** Strings up to this length do not gain by compression. */
const COMPRESS_OVER_BYTES = 20
/** Compression must save at least this much. */
const COMPRESS_GAIN_BYTES = 4
/** The compressor's room beyond this is given up after use. */
const KEPT_ROOM_BYTES_MAX = 1024 * 1024
const INTEGER_TEXT_BYTES_MAX = 11
const NO_INTEGER = Number.NaN

export class RdbWriter {
  readonly sink: ByteSink
  readonly version: number
  private readonly compressor: Compressor | undefined
  private readonly sums: boolean

  constructor(options: RdbWriterOptions = {}) {
    this.sink = new ByteSink(options)
    this.version = options.version ?? format.RDB_VERSION_WRITTEN
    this.compressor =
      options.compressor ?? (options.compress ? { table: newLzfTable(), room: new Uint8Array(0) } : undefined)
    this.sums = options.checksum ?? false
  }

  /** Another writer in the same manner, whose bytes are to be put into this one later. */
  aside(onBlock: (block: Uint8Array) => void, pool: BlockPool | undefined): RdbWriter {
    const { version, compressor } = this
    return new RdbWriter({ version, compressor, onBlock, pool })
  }

  header(info: RdbInfo): void {
    this.sink.ascii(format.RDB_MAGIC + String(this.version).padStart(4, '0'))
    this.aux('redis-ver', info.redisVersion)
    this.aux('redis-bits', '64')
    this.aux('ctime', String(info.created_s))
    this.aux('used-mem', String(info.usedMemory_bytes))
    if (info.replication !== undefined) {
      this.aux('repl-stream-db', String(info.replication.db))
      this.aux('repl-id', info.replication.id)
      this.aux('repl-offset', String(info.replication.offset))
    }
    this.aux('aof-base', info.aofBase ? '1' : '0')
  }

  /** A pair of texts (ASCII) that readers may ignore. */
  aux(key: string, value: string): void {
    const keyBytes = ascii(key)
    const valueBytes = ascii(value)
    this.sink.byte(format.OPCODE_AUX)
    this.string(keyBytes, 0, keyBytes.length)
    this.string(valueBytes, 0, valueBytes.length)
  }

  selectDb(db: number): void {
    this.sink.byte(format.OPCODE_SELECTDB)
    this.length(db)
  }

  resizeDb(keys: number, expires: number): void {
    this.sink.byte(format.OPCODE_RESIZEDB)
    this.length(keys)
    this.length(expires)
  }

  functionLibrary(code: Uint8Array, start: number, end: number): void {
    this.mustHold(10, 'a function library')
    this.sink.byte(format.OPCODE_FUNCTION2)
    this.string(code, start, end)
  }

  /**
   * What stands before an entry; each only when not negative. Of idle time and frequency a file holds one at
   * most: the one that the eviction policy keeps.
   */
  attributes(expireAt_ms: Int64, idle_s: number, frequency: number): void {
    const { sink } = this
    if (expireAt_ms >= 0) {
      sink.byte(format.OPCODE_EXPIRETIME_MS)
      this.time(expireAt_ms)
    }
    if (idle_s >= 0) {
      sink.byte(format.OPCODE_IDLE)
      this.length(idle_s)
    }
    if (frequency >= 0) {
      sink.byte(format.OPCODE_FREQ)
      sink.byte(frequency)
    }
  }

  /** A key with a string value. */
  stringEntry(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.sink.byte(format.TYPE_STRING)
    this.string(key, keyStart, keyEnd)
    this.string(value, valueStart, valueEnd)
  }

  /** The beginning of an entry: type and key; the value must follow. */
  beginEntry(type: number, key: Uint8Array, keyStart: number, keyEnd: number): void {
    this.mustHold(format.VALUE_TYPES.get(type)?.since ?? Number.POSITIVE_INFINITY, `type ${type}`)
    this.sink.byte(type)
    this.string(key, keyStart, keyEnd)
  }

  /** A key with a value of any type, serialized already. */
  rawEntry(
    type: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.beginEntry(type, key, keyStart, keyEnd)
    this.sink.bytes(value, valueStart, valueEnd)
  }

  /** The end of the file, with its checksum, or zeros when none is kept; hands out the last block. */
  finish(): void {
    const { sink } = this
    sink.byte(format.OPCODE_EOF)
    sink.reserve(8)
    const crc = sink.checksum()
    for (let i = 0; i < 8; i++) sink.buf[sink.pos++] = this.sums ? crc[i >> 2]! >>> ((i & 3) * 8) : 0
    sink.flush()
  }

  length(value: number): void {
    const { sink } = this
    sink.reserve(9)
    const { buf } = sink
    if (value < 0x40) {
      buf[sink.pos++] = value
    } else if (value < 0x4000) {
      buf[sink.pos++] = 0x40 | (value >> 8)
      buf[sink.pos++] = value & 0xff
    } else if (value <= 0xffffffff) {
      buf[sink.pos++] = 0x80
      bigEndian32(sink, value)
    } else {
      buf[sink.pos++] = 0x81
      bigEndian32(sink, Math.floor(value / 2 ** 32))
      bigEndian32(sink, value >>> 0)
    }
  }

  /** A time in ms, eight bytes, least significant first. */
  time(value_ms: Int64): void {
    const { sink } = this
    sink.reserve(8)
    const low = lowWord(value_ms)
    const high = highWord(value_ms)
    for (let i = 0; i < 4; i++) sink.buf[sink.pos++] = low >>> (i * 8)
    for (let i = 0; i < 4; i++) sink.buf[sink.pos++] = high >> (i * 8)
  }

  /** A string in the shortest of its forms. */
  string(buf: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (size <= INTEGER_TEXT_BYTES_MAX) {
      const value = int32Of(buf, start, end)
      if (!Number.isNaN(value)) {
        this.integer(value)
        return
      }
    }
    const { compressor } = this
    if (
      compressor !== undefined &&
      size > COMPRESS_OVER_BYTES &&
      this.compressed(compressor, buf, start, end)
    )
      return
    this.length(size)
    this.sink.bytes(buf, start, end)
  }

  /** The string of decimal digits of a 32-bit integer. */
  integer(value: number): void {
    const { sink } = this
    sink.reserve(5)
    const { buf } = sink
    if (value >= -128 && value <= 127) {
      buf[sink.pos++] = 0xc0 | format.ENCODING_INT8
      buf[sink.pos++] = value
    } else if (value >= -32768 && value <= 32767) {
      buf[sink.pos++] = 0xc0 | format.ENCODING_INT16
      buf[sink.pos++] = value
      buf[sink.pos++] = value >> 8
    } else {
      buf[sink.pos++] = 0xc0 | format.ENCODING_INT32
      for (let i = 0; i < 4; i++) buf[sink.pos++] = value >> (i * 8)
    }
  }

  private compressed(compressor: Compressor, buf: Uint8Array, start: number, end: number): boolean {
    const limit = end - start - COMPRESS_GAIN_BYTES
    let { room } = compressor
    if (room.length < limit) {
      room = new Uint8Array(Math.max(limit, 4096))
      if (room.length <= KEPT_ROOM_BYTES_MAX) compressor.room = room
    }
    const size = lzfCompress(compressor.table, buf, start, end, room, 0, limit)
    if (size < 0) return false
    this.sink.byte(0xc0 | format.ENCODING_LZF)
    this.length(size)
    this.length(end - start)
    this.sink.bytes(room, 0, size)
    return true
  }

  private mustHold(since: number, what: string): void {
    if (since > this.version) throw new AssertionError(`RDB version ${this.version} cannot hold ${what}`)
  }
}

function bigEndian32(sink: ByteSink, value: number): void {
  for (let shift = 24; shift >= 0; shift -= 8) sink.buf[sink.pos++] = value >>> shift
}

/** The 32-bit integer whose only decimal form `buf[start, end)` is, else NaN. */
export function int32Of(buf: Uint8Array, start: number, end: number): number {
  const negative = buf[start] === 0x2d
  const first = negative ? start + 1 : start
  const digits = end - first
  if (digits < 1 || digits > 10) return NO_INTEGER
  if (buf[first] === 0x30) return digits === 1 && !negative ? 0 : NO_INTEGER
  let value = 0
  for (let i = first; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit < 0 || digit > 9) return NO_INTEGER
    value = value * 10 + digit
  }
  if (negative) value = -value
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : NO_INTEGER
}
