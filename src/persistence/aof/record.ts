/**
 * What stands in an append-only file: commands in the form in which clients send them, `*<arguments>` and each
 * argument as `$<length>` and bytes, every part ended by CR LF; and lines that begin with #, of which `#TS:<unix
 * seconds>` tells when the commands after it were written.
 */

import type { Int64 } from '../../bytes/int64.js'
import type { ByteSink } from '../sink.js'

/** Longest `#` line, as Redis reads it. */
export const ANNOTATION_BYTES_MAX = 1024

/** Begins a command of `count` arguments. */
export function writeCommandStart(sink: ByteSink, count: number): void {
  writeLine(sink, 0x2a, count)
}

export function writeArgument(sink: ByteSink, buf: Uint8Array, start: number, end: number): void {
  writeLine(sink, 0x24, end - start)
  sink.bytes(buf, start, end)
  sink.byte(0x0d)
  sink.byte(0x0a)
}

/** An argument of characters up to U+00FF. */
export function writeTextArgument(sink: ByteSink, text: string): void {
  writeLine(sink, 0x24, text.length)
  sink.ascii(text)
  sink.byte(0x0d)
  sink.byte(0x0a)
}

export function writeSelect(sink: ByteSink, db: number): void {
  writeCommandStart(sink, 2)
  writeTextArgument(sink, 'SELECT')
  writeTextArgument(sink, String(db))
}

export function writeMulti(sink: ByteSink): void {
  sink.ascii('*1\r\n$5\r\nMULTI\r\n')
}

export function writeExec(sink: ByteSink): void {
  sink.ascii('*1\r\n$4\r\nEXEC\r\n')
}

/** `#TS:` and the time; to be written when the second has changed since the last. */
export function writeTimestamp(sink: ByteSink, now_s: number): void {
  sink.ascii(`#TS:${now_s}\r\n`)
}

/** The command of `key` with a string value, as a rewrite without RDB writes it. */
export function writeSet(
  sink: ByteSink,
  key: Uint8Array,
  keyStart: number,
  keyEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  sink.ascii('*3\r\n$3\r\nSET\r\n')
  writeArgument(sink, key, keyStart, keyEnd)
  writeArgument(sink, value, valueStart, valueEnd)
}

export function writePexpireAt(
  sink: ByteSink,
  key: Uint8Array,
  keyStart: number,
  keyEnd: number,
  at_ms: Int64,
): void {
  sink.ascii('*3\r\n$9\r\nPEXPIREAT\r\n')
  writeArgument(sink, key, keyStart, keyEnd)
  writeTextArgument(sink, String(at_ms))
}

function writeLine(sink: ByteSink, mark: number, value: number): void {
  sink.reserve(24)
  const { buf } = sink
  buf[sink.pos++] = mark
  if (value < 10) {
    buf[sink.pos++] = 0x30 + value
  } else {
    let digits = 1
    for (let limit = 10; value >= limit; limit *= 10) digits++
    let rest = value
    for (let at = sink.pos + digits; at > sink.pos; ) {
      buf[--at] = 0x30 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    sink.pos += digits
  }
  buf[sink.pos++] = 0x0d
  buf[sink.pos++] = 0x0a
}
