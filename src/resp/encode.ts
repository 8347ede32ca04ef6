/** Commands as a client sends them, an array of bulk strings: for the append-only file, replicas and tests. */

import { ascii, integerLength, writeInteger } from '../bytes/ascii.js'
import type { Int64 } from '../bytes/int64.js'
import type { Args } from './args.js'

/** Copying longer parts is left to the machine. */
const COPY_LOOP_MAX = 48
const ROOM_MIN = 256
/** More room than this is not kept for the next command. */
const ROOM_KEPT_MAX = 64 * 1024
/** The head of an argument and its line end, or all of one that is an integer, are shorter. */
const AROUND_BYTES_MAX = 32

/** Bytes of an argument of so many bytes. */
function argumentLength(length: number): number {
  return 1 + integerLength(length) + 2 + length + 2
}

function writeHead(out: Uint8Array, at: number, type: number, value: number): number {
  out[at] = type
  const end = writeInteger(out, at + 1, value)
  out[end] = 0x0d
  out[end + 1] = 0x0a
  return end + 2
}

function writePart(out: Uint8Array, at: number, buf: Uint8Array, start: number, end: number): number {
  const length = end - start
  let to = writeHead(out, at, 0x24, length)
  if (length > COPY_LOOP_MAX) {
    out.set(buf.subarray(start, end), to)
    to += length
  } else for (let i = start; i < end; i++) out[to++] = buf[i]!
  out[to] = 0x0d
  out[to + 1] = 0x0a
  return to + 2
}

/** The command with the given parts. */
export function encodeCommand(parts: readonly Uint8Array[]): Uint8Array {
  let size = 1 + integerLength(parts.length) + 2
  for (let i = 0; i < parts.length; i++) size += argumentLength(parts[i]!.length)
  const out = new Uint8Array(size)
  let at = writeHead(out, 0, 0x2a, parts.length)
  for (let i = 0; i < parts.length; i++) at = writePart(out, at, parts[i]!, 0, parts[i]!.length)
  return out
}

/** Arguments of a command by their index that are others than they came; the rest is left out. */
export type Replaced = readonly (Uint8Array | undefined)[]

/** Writes one command at a time, in room that is used again: nothing is made for it. */
export class CommandWriter {
  buf = new Uint8Array(ROOM_MIN)
  /** The command is `buf[0, length)`; 0 for none. */
  length = 0

  /** Begins a command of `count` arguments, which are written by the methods below, all of them. */
  begin(count: number): void {
    if (this.buf.length > ROOM_KEPT_MAX) this.buf = new Uint8Array(ROOM_MIN)
    this.length = writeHead(this.buf, 0, 0x2a, count)
  }

  part(buf: Uint8Array, start: number, end: number): void {
    this.makeRoom(end - start)
    this.length = writePart(this.buf, this.length, buf, start, end)
  }

  whole(bytes: Uint8Array): void {
    this.part(bytes, 0, bytes.length)
  }

  /** An argument of another command. */
  argument(args: Args, index: number): void {
    this.part(args.buf, args.start(index), args.end(index))
  }

  /** Any signed 64-bit integer. */
  integer(value: Int64): void {
    if (typeof value === 'bigint') {
      this.whole(ascii(value.toString()))
      return
    }
    this.makeRoom(0)
    const at = writeHead(this.buf, this.length, 0x24, integerLength(value))
    const end = writeInteger(this.buf, at, value)
    this.buf[end] = 0x0d
    this.buf[end + 1] = 0x0a
    this.length = end + 2
  }

  private makeRoom(bytes: number): void {
    const needed = this.length + bytes + AROUND_BYTES_MAX
    if (needed <= this.buf.length) return
    const more = new Uint8Array(Math.max(needed, this.buf.length * 2))
    more.set(this.buf.subarray(0, this.length))
    this.buf = more
  }
}

/** The command that stands in `args`. */
export function encodeArgs(args: Args): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) parts.push(args.view(i))
  return encodeCommand(parts)
}
