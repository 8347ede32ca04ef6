/** Commands as a client sends them, an array of bulk strings: for the append-only file, replicas and tests. */

import { integerLength, writeInteger } from '../bytes/ascii.js'
import type { Args } from './args.js'

/** How many bytes the command takes. */
function encodedLength(lengths: Iterable<number>, count: number): number {
  let size = 1 + integerLength(count) + 2
  for (const length of lengths) size += 1 + integerLength(length) + 2 + length + 2
  return size
}

function writeHead(out: Uint8Array, at: number, type: number, value: number): number {
  out[at] = type
  const end = writeInteger(out, at + 1, value)
  out[end] = 0x0d
  out[end + 1] = 0x0a
  return end + 2
}

/** The command with the given parts. */
export function encodeCommand(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(
    encodedLength(
      parts.map((part) => part.length),
      parts.length,
    ),
  )
  let at = writeHead(out, 0, 0x2a, parts.length)
  for (const part of parts) {
    at = writeHead(out, at, 0x24, part.length)
    out.set(part, at)
    at += part.length
    out[at++] = 0x0d
    out[at++] = 0x0a
  }
  return out
}

/** The command that stands in `args`. */
export function encodeArgs(args: Args): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) parts.push(args.view(i))
  return encodeCommand(parts)
}
