/** Commands as a client sends them, an array of bulk strings: for the append-only file, replicas and tests. */

import { integerLength, writeInteger } from '../bytes/ascii.js'
import type { Args } from './args.js'

/** Copying longer parts is left to the machine. */
const COPY_LOOP_MAX = 48

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

/** How many bytes the command in `args` takes, some of its arguments being replaced. */
export function encodedLengthWith(args: Args, replaced: Replaced): number {
  const { count } = args
  let size = 1 + integerLength(count) + 2
  for (let i = 0; i < count; i++) size += argumentLength(replaced[i]?.length ?? args.length(i))
  return size
}

/** Writes the command in `args`, some of its arguments replaced, to the beginning of `out`, which has room. Returns its end. */
export function encodeWith(out: Uint8Array, args: Args, replaced: Replaced): number {
  const { buf, count } = args
  let at = writeHead(out, 0, 0x2a, count)
  for (let i = 0; i < count; i++) {
    const other = replaced[i]
    at =
      other === undefined
        ? writePart(out, at, buf, args.start(i), args.end(i))
        : writePart(out, at, other, 0, other.length)
  }
  return at
}

/** The command that stands in `args`. */
export function encodeArgs(args: Args): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) parts.push(args.view(i))
  return encodeCommand(parts)
}
