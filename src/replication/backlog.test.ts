import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  appendBytes,
  BACKLOG_CHUNK_BYTES,
  type Backlog,
  backlogMemory,
  createBacklog,
  historyLength,
  holds,
  pieceFrom,
  resizeBacklog,
  trimBacklog,
} from './backlog.js'

function readAll(b: Backlog, offset: number, step: number): Uint8Array {
  const parts: number[] = []
  let at = offset
  for (;;) {
    const piece = pieceFrom(b, at, step)
    if (piece === null) return Uint8Array.from(parts)
    expect(piece.end).toBeGreaterThan(piece.start)
    parts.push(...piece.bytes.subarray(piece.start, piece.end))
    at += piece.end - piece.start
  }
}

/** Byte number `offset` of the stream in these tests. */
const byteAt = (offset: number): number => (offset * 31 + (offset >> 8)) & 0xff

function fill(b: Backlog, count: number): void {
  const bytes = new Uint8Array(count)
  for (let i = 0; i < count; i++) bytes[i] = byteAt(b.last + 1 + i)
  appendBytes(b, bytes, 0, count)
}

describe('the backlog', () => {
  test('is the end of the stream, however it is written, trimmed, held and resized', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 0, max: 90_000 }) }),
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ kind: fc.constant('trim' as const), count: fc.integer({ min: 0, max: 200_000 }) }),
      fc.record({ kind: fc.constant('resize' as const), count: fc.integer({ min: 0, max: 200_000 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 2 ** 52 }), (steps, begin) => {
        const b = createBacklog(50_000, begin)
        let first = begin + 1
        let last = begin
        for (const { kind, count } of steps) {
          if (kind === 'append') {
            fill(b, count)
            last += count
          } else if (kind === 'resize') resizeBacklog(b, count)
          else {
            const heldFrom = count % 3 === 0 ? Number.POSITIVE_INFINITY : last - count
            trimBacklog(b, heldFrom)
            first = Math.max(first, Math.min(last - b.size + 1, heldFrom + 1))
          }
          expect([b.first, b.last, historyLength(b)]).toEqual([first, last, last - first + 1])
        }
        expect(holds(b, first)).toBe(true)
        expect(holds(b, last + 1)).toBe(true)
        expect(holds(b, first - 1)).toBe(false)
        expect(holds(b, last + 2)).toBe(false)
        expect(pieceFrom(b, first - 1, 10)).toBe(null)
        const from = first + Math.max(0, Math.floor((last - first) / 3))
        const bytes = readAll(b, from, 70_001)
        expect(bytes.length).toBe(last - from + 1)
        expect(bytes.every((byte, i) => byte === byteAt(from + i))).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  test('of steady size allocates no more', () => {
    const b = createBacklog(256 * 1024, 0)
    for (let i = 0; i < 2000; i++) {
      fill(b, 1000)
      trimBacklog(b, Number.POSITIVE_INFINITY)
    }
    expect(backlogMemory(b)).toBeLessThanOrEqual(256 * 1024 + 6 * BACKLOG_CHUNK_BYTES)
    expect(historyLength(b)).toBe(256 * 1024)
  })

  test('cannot be smaller than 16 KiB', () => {
    const b = createBacklog(1, 0)
    fill(b, 20_000)
    trimBacklog(b, Number.POSITIVE_INFINITY)
    expect(historyLength(b)).toBe(16 * 1024)
  })

  test('says when a chunk was begun', () => {
    const b = createBacklog(1, 0)
    const chunk = new Uint8Array(BACKLOG_CHUNK_BYTES)
    expect(appendBytes(b, chunk, 0, 10)).toBe(true)
    expect(appendBytes(b, chunk, 0, 10)).toBe(false)
    expect(appendBytes(b, chunk, 0, BACKLOG_CHUNK_BYTES)).toBe(true)
  })
})
