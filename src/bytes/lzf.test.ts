import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lzfCompress, lzfDecompress, lzfPlausible, newLzfTable } from './lzf.js'

/** Bytes with repetitions in them, near and far. */
const compressible = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 400 })), {
    maxLength: 12,
  })
  .map((parts) => Buffer.concat(parts.flatMap(([part, times]) => Array.from({ length: times }, () => part))))

test('what is compressed comes out again, with one table for all', () => {
  const table = newLzfTable()
  fc.assert(
    fc.property(compressible, (data) => {
      const packed = new Uint8Array(data.length * 2 + 8)
      const end = lzfCompress(table, data, 0, data.length, packed, 3, packed.length)
      expect(end).toBeGreaterThanOrEqual(3)
      if (data.length > 0) expect(lzfPlausible(end - 3, data.length)).toBe(true)
      const out = new Uint8Array(data.length + 2).fill(7)
      expect(lzfDecompress(packed, 3, end, out, 1, data.length + 1)).toBe(data.length + 1)
      expect(Buffer.from(out.subarray(1, data.length + 1)).equals(data)).toBe(true)
      expect([out[0], out[data.length + 1]]).toEqual([7, 7])
    }),
  )
})

test('a result that does not fit is refused, and nothing is written past the room', () => {
  const table = newLzfTable()
  fc.assert(
    fc.property(compressible, fc.nat(64), (data, room) => {
      const packed = new Uint8Array(room + 4).fill(9)
      const end = lzfCompress(table, data, 0, data.length, packed, 0, room)
      expect(end).toBeLessThanOrEqual(room)
      expect([...packed.subarray(room)]).toEqual([9, 9, 9, 9])
    }),
  )
})

test('damaged data gives an error or bytes within the room, never more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (data, room) => {
      const out = new Uint8Array(room + 4).fill(9)
      const end = lzfDecompress(data, 0, data.length, out, 0, room)
      expect(end).toBeLessThanOrEqual(room)
      expect([...out.subarray(room)]).toEqual([9, 9, 9, 9])
    }),
  )
})

test('a run that repeats itself, and one that points before the start', () => {
  const out = new Uint8Array(16)
  expect(lzfDecompress(Uint8Array.of(0, 0x61, 0x60, 0), 0, 4, out, 0, 16)).toBe(6)
  expect(Buffer.from(out.subarray(0, 6)).toString()).toBe('aaaaaa')
  expect(lzfDecompress(Uint8Array.of(0, 0x61, 0x60, 1), 0, 4, out, 0, 16)).toBe(-1)
})

test('a length that no such data could have', () => {
  expect(lzfPlausible(10, 2 ** 40)).toBe(false)
  expect(lzfPlausible(0, 1)).toBe(false)
})
