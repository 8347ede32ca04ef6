/**
 * Cuts the byte stream of one bus connection into frames. A frame says its own length in bytes 4 to 7; a wrong
 * signature or an impossible length means that the stream cannot be followed any further, so the link must be closed.
 *
 * The buffer grows with what has arrived, never with what a frame promises, so a peer cannot make a node reserve
 * memory by announcing a long packet.
 */

import { HEADER_BYTES } from './wire.js'

/** The longest frame taken: a PUBLISH of the longest value that clients can send, and some room. */
export const FRAME_BYTES_MAX = 512 * 1024 * 1024 + 65_536
const BUFFER_BYTES_MIN = 4096

export interface Framer {
  /** Bytes of a frame that is not complete yet. */
  buffer: Uint8Array
  length: number
  limit_bytes: number
}

/** A framer at the start of a stream. `limit_bytes`: the longest frame taken. */
export function createFramer(limit_bytes = FRAME_BYTES_MAX): Framer {
  return { buffer: new Uint8Array(0), length: 0, limit_bytes }
}

/**
 * Takes a chunk and hands each complete frame to `take`, in order; a frame is a view that is good only during the
 * call. `take` answers false to stop (its link has gone); the rest of the chunk is then dropped. Returns null, or the
 * reason why the link must be closed.
 */
export function feedFramer(
  framer: Framer,
  chunk: Uint8Array,
  take: (frame: Uint8Array) => boolean,
): string | null {
  let at = 0
  while (at < chunk.length || framer.length > 0) {
    if (framer.length === 0) {
      // Nothing kept: frames that lie whole in the chunk are handed on without a copy.
      const length = frameLength(chunk, at, chunk.length, framer.limit_bytes)
      if (typeof length === 'string') return length
      if (length !== 0 && at + length <= chunk.length) {
        if (!take(chunk.subarray(at, at + length))) return null
        at += length
        continue
      }
      keep(framer, chunk, at, chunk.length, length)
      return null
    }
    const wanted = frameLength(framer.buffer, 0, framer.length, framer.limit_bytes)
    if (typeof wanted === 'string') return wanted
    const missing = (wanted === 0 ? 8 : wanted) - framer.length
    if (missing > 0) {
      if (at === chunk.length) return null
      const end = Math.min(chunk.length, at + missing)
      keep(framer, chunk, at, end, wanted)
      at = end
      continue
    }
    framer.length = 0
    const frame = framer.buffer.subarray(0, wanted)
    if (wanted > BUFFER_BYTES_MIN * 4) framer.buffer = new Uint8Array(0)
    if (!take(frame)) return null
  }
  return null
}

/** The length that the frame at `at` announces; 0 when its first 8 bytes have not all come; a text when it is bad. */
function frameLength(bytes: Uint8Array, at: number, end: number, limit_bytes: number): number | string {
  if (end - at < 8) return 0
  const signed =
    bytes[at] === 0x52 && bytes[at + 1] === 0x43 && bytes[at + 2] === 0x6d && bytes[at + 3] === 0x62
  const length =
    bytes[at + 4]! * 0x100_0000 + bytes[at + 5]! * 0x1_0000 + bytes[at + 6]! * 0x100 + bytes[at + 7]!
  if (!signed || length < HEADER_BYTES || length > limit_bytes) {
    return 'Bad message length or signature received on the Cluster bus'
  }
  return length
}

function keep(framer: Framer, chunk: Uint8Array, start: number, end: number, wanted: number): void {
  const needed = framer.length + end - start
  if (needed > framer.buffer.length) {
    const room = wanted > 0 ? Math.min(wanted, needed * 2) : needed
    const grown = new Uint8Array(Math.max(BUFFER_BYTES_MIN, room, needed))
    grown.set(framer.buffer.subarray(0, framer.length))
    framer.buffer = grown
  }
  framer.buffer.set(chunk.subarray(start, end), framer.length)
  framer.length = needed
}
