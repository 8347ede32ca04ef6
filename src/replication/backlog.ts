/**
 * The backlog: the last bytes of the replication stream, from which a replica that was away for a moment is
 * brought up to date, and at the same time the output of all replicas, each of which is only a position in it.
 * (Redis has shared the stream between backlog and replicas in the same way since 7.0.)
 *
 * It is a circle of chunks of equal size. A chunk that falls out at the old end is used again at the new one, so a
 * backlog of steady size allocates nothing. A circle of chunks rather than one array, because a slow replica may
 * hold the old end for a while: then the circle grows by a chunk at a time, without copying, and shrinks again when
 * the replica has caught up or was dropped.
 *
 * Offsets count the bytes of the stream since its beginning; the first byte has the offset 1. They are doubles,
 * exact up to 2^53, which a stream of 1 GB/s reaches after a hundred days.
 */

/** Size of one chunk. Also the step in which the owner is asked to look at limits: see `appendBytes`. */
export const BACKLOG_CHUNK_BYTES = 64 * 1024
/** repl-backlog-size cannot be smaller than this. */
export const BACKLOG_SIZE_MIN = 16 * 1024
/** Chunks kept for reuse after the circle has shrunk. */
const SPARE_CHUNKS_MAX = 4

export interface Backlog {
  /** repl-backlog-size: how much is kept when no replica holds more. */
  size: number
  /** Offset of the oldest byte kept; one past the newest if there is none. */
  first: number
  /** Offset of the newest byte; `first - 1` if there is none. */
  last: number
  /** Where `first` lies: byte `headAt` of `chunks[0]`. */
  headAt: number
  chunks: Uint8Array[]
  spare: Uint8Array[]
}

/** An empty backlog; the next byte of the stream will be the one after `offset`. */
export function createBacklog(size: number, offset: number): Backlog {
  return {
    size: Math.max(size, BACKLOG_SIZE_MIN),
    first: offset + 1,
    last: offset,
    headAt: 0,
    chunks: [],
    spare: [],
  }
}

/** How many bytes are kept. */
export function historyLength(b: Backlog): number {
  return b.last - b.first + 1
}

/** Memory of the backlog in bytes, spare chunks included. */
export function backlogMemory(b: Backlog): number {
  return (b.chunks.length + b.spare.length) * BACKLOG_CHUNK_BYTES
}

/**
 * Adds `bytes[start, end)` to the stream. True if a chunk was begun: the moment to `trimBacklog` and to look at
 * what the replicas still have to be sent.
 */
export function appendBytes(b: Backlog, bytes: Uint8Array, start: number, end: number): boolean {
  let begun = false
  let at = start
  while (at < end) {
    const used = b.headAt + historyLength(b)
    const inChunk = used % BACKLOG_CHUNK_BYTES
    if (used === b.chunks.length * BACKLOG_CHUNK_BYTES) {
      b.chunks.push(b.spare.pop() ?? new Uint8Array(BACKLOG_CHUNK_BYTES))
      begun = true
    }
    const chunk = b.chunks[b.chunks.length - 1]!
    const count = Math.min(end - at, BACKLOG_CHUNK_BYTES - inChunk)
    copy(bytes, at, chunk, inChunk, count)
    b.last += count
    at += count
  }
  return begun
}

/** A loop for what is short (most commands are), a block copy for the rest: a view costs more than 48 bytes do. */
function copy(from: Uint8Array, at: number, to: Uint8Array, toAt: number, count: number): void {
  if (count > 48) {
    to.set(from.subarray(at, at + count), toAt)
    return
  }
  for (let i = 0; i < count; i++) to[toAt + i] = from[at + i]!
}

/**
 * Lets go of what lies further back than `size`, but of nothing after `heldFrom`, the offset of the last byte that
 * the slowest replica has got (Infinity when none holds anything).
 */
export function trimBacklog(b: Backlog, heldFrom: number): void {
  const first = Math.min(b.last - b.size + 1, heldFrom + 1)
  if (first <= b.first) return
  b.headAt += first - b.first
  b.first = first
  while (b.headAt >= BACKLOG_CHUNK_BYTES) {
    b.headAt -= BACKLOG_CHUNK_BYTES
    const chunk = b.chunks.shift()!
    if (b.spare.length < SPARE_CHUNKS_MAX) b.spare.push(chunk)
  }
}

/** Changes repl-backlog-size; the newest bytes stay. Trimming follows with the next `trimBacklog`. */
export function resizeBacklog(b: Backlog, size: number): void {
  b.size = Math.max(size, BACKLOG_SIZE_MIN)
}

/** Whether the stream can be continued from the byte `offset`: it is kept, or it is the very next one. */
export function holds(b: Backlog, offset: number): boolean {
  return offset >= b.first && offset <= b.last + 1
}

/** One stretch of the stream, `bytes[start, end)`; valid until the backlog is written to again. */
export interface Piece {
  bytes: Uint8Array
  start: number
  end: number
}

/**
 * The stretch that begins with the byte `offset`, as far as it lies in one chunk and not beyond `count` bytes. Null
 * at the end of the stream, and when the byte is not kept any more.
 */
export function pieceFrom(b: Backlog, offset: number, count: number): Piece | null {
  if (offset < b.first || offset > b.last) return null
  const at = b.headAt + offset - b.first
  const start = at % BACKLOG_CHUNK_BYTES
  const end = start + Math.min(count, b.last - offset + 1, BACKLOG_CHUNK_BYTES - start)
  return { bytes: b.chunks[Math.floor(at / BACKLOG_CHUNK_BYTES)]!, start, end }
}
