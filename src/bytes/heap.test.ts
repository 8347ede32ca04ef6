import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteHeap, byteOf, CHUNK_BYTES, chunkOf } from './heap.js'
import { REGION_CHUNKS, SPARE_MAX } from './regions.js'

const fill = (heap: ByteHeap, handle: number, bytes: number, value: number) =>
  heap.u8[chunkOf(handle)]!.fill(value, byteOf(handle), byteOf(handle) + bytes)

const holds = (heap: ByteHeap, handle: number, bytes: number, value: number) => {
  const at = byteOf(handle)
  return heap.u8[chunkOf(handle)]!.subarray(at, at + bytes).every((b) => b === value)
}

test('blocks never overlap, keep their bytes, and all memory comes back', () => {
  const size = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 600 }) },
    { weight: 2, arbitrary: fc.integer({ min: 600, max: 9000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 8000, max: 140_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 9000, max: 700_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(CHUNK_BYTES / 2, CHUNK_BYTES / 2 + 1, CHUNK_BYTES * 3) },
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.nat(255), fc.boolean()), { maxLength: 120 }), (steps) => {
      const heap = new ByteHeap()
      const mine: { handle: number; bytes: number; value: number }[] = []
      for (const [bytes, value, freeOne] of steps) {
        if (freeOne && mine.length > 0) {
          const [block] = mine.splice(value % mine.length, 1)
          expect(holds(heap, block!.handle, block!.bytes, block!.value)).toBe(true)
          heap.free(block!.handle)
        } else {
          const handle = heap.alloc(bytes)
          expect(handle).not.toBe(0)
          expect(heap.sizeOf(handle)).toBeGreaterThanOrEqual(bytes)
          fill(heap, handle, bytes, value)
          mine.push({ handle, bytes, value })
        }
      }
      for (const { handle, bytes, value } of mine) {
        expect(holds(heap, handle, bytes, value)).toBe(true)
        heap.free(handle)
      }
      expect(heap.usedBytes).toBe(0)
    }),
    { numRuns: 60 },
  )
})

test('memory of a full heap goes back to the system when its blocks are freed', () => {
  const heap = new ByteHeap()
  const handles: number[] = []
  for (let i = 0; i < 200_000; i++) handles.push(heap.alloc(100))
  expect(heap.reservedBytes).toBeGreaterThan(20_000_000)
  expect(heap.reservedBytes).toBeLessThan(200_000 * 112 * 1.03 + 2 * CHUNK_BYTES)
  for (const handle of handles) heap.free(handle)
  expect(heap.reservedBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES)
  expect(heap.usedBytes).toBe(0)
})

test('blocks of every size waste little', () => {
  for (let bytes = 2000; bytes < 140_000; bytes = Math.ceil(bytes * 1.07)) {
    const heap = new ByteHeap()
    const handles = Array.from({ length: Math.ceil(10_000_000 / bytes) }, () => heap.alloc(bytes))
    expect(heap.reservedBytes / (handles.length * bytes), String(bytes)).toBeLessThan(
      bytes > 131_072 ? 1.7 : 1.4,
    )
    expect(heap.usedBytes / (handles.length * bytes), String(bytes)).toBeLessThan(
      bytes > 131_072 ? 1.5 : 1.13,
    )
    for (const handle of handles) heap.free(handle)
    expect(heap.usedBytes).toBe(0)
    expect(heap.reservedBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES)
  }
})

test('sparse chunks can be emptied, and take new blocks again where something stays', () => {
  const size = fc.oneof(fc.integer({ min: 300, max: 9000 }), fc.integer({ min: 8000, max: 300_000 }))
  let moved = 0
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 1, maxLength: 12 }),
      fc.nat(9),
      fc.nat(99),
      (sizes, keep, stay) => {
        const heap = new ByteHeap()
        let mine: { handle: number; bytes: number; value: number }[] = []
        const add = (bytes: number) => {
          const block = { handle: heap.alloc(bytes), bytes, value: mine.length & 0xff }
          fill(heap, block.handle, 300, block.value)
          mine.push(block)
        }
        const each = Math.ceil(4_000_000 / sizes.reduce((sum, bytes) => sum + bytes, 0))
        for (let i = 0; i < each && mine.length < 6000; i++) for (const bytes of sizes) add(bytes)
        const drop = (modulus: number, rest: number) => {
          for (const [i, { handle }] of mine.entries()) if (i % modulus !== rest) heap.free(handle)
          mine = mine.filter((_, i) => i % modulus === rest)
        }
        drop(keep + 2, keep)
        const before = heap.reservedBytes
        heap.beginLeaving()
        for (const [i, block] of mine.entries()) {
          if (!heap.isLeaving(block.handle) || (stay < 20 && i % 50 === stay)) continue
          const made = heap.alloc(block.bytes)
          if (heap.isLeaving(made)) expect.fail('a new block in a chunk that is left')
          fill(heap, made, 300, block.value)
          if (heap.sizeOf(block.handle) !== heap.sizeOf(made)) expect.fail('another size')
          heap.free(block.handle)
          block.handle = made
        }
        const stayed = heap.endLeaving()
        moved += before - heap.reservedBytes
        if (stay >= 20) expect(stayed).toBe(0)
        expect(heap.reservedBytes).toBeLessThanOrEqual(before + 2 * CHUNK_BYTES)
        for (let i = 0; i < 30; i++) for (const bytes of sizes) add(bytes)
        for (const { handle, value } of mine) {
          if (!holds(heap, handle, 300, value)) expect.fail('a block has changed')
          heap.free(handle)
        }
        expect(heap.usedBytes).toBe(0)
      },
    ),
    { numRuns: 12 },
  )
  expect(moved).toBeGreaterThan(0)
})

test('a page that emptied serves another size', () => {
  const heap = new ByteHeap()
  for (let round = 0; round < 50; round++) {
    const size = 32 + round * 16
    const handles = Array.from({ length: 4000 }, () => heap.alloc(size))
    for (const handle of handles) heap.free(handle)
  }
  expect(heap.reservedBytes).toBeLessThan(8 * CHUNK_BYTES)
})

test('freeing what was never allocated stops loudly', () => {
  const heap = new ByteHeap()
  const handle = heap.alloc(200_000)
  heap.free(handle)
  expect(() => heap.free(handle)).toThrow(/not in use/)
})

test('empty regions are kept for what comes next, a few, and given back when that is asked for', () => {
  const heap = new ByteHeap()
  const dropped: number[] = []
  heap.onDrop = (buffer) => dropped.push(buffer.byteLength)
  const fill = () => Array.from({ length: 400 }, () => heap.alloc(CHUNK_BYTES / 2))
  const buffersOf = (handles: number[]) => new Set(handles.map((handle) => heap.u8[chunkOf(handle)]!.buffer))
  const first = fill()
  const regions = [...buffersOf(first)].filter((buffer) => buffer.byteLength > CHUNK_BYTES)
  expect(regions.length).toBe(6)
  for (const handle of first) heap.free(handle)
  expect(heap.usedBytes).toBe(0)
  expect(dropped.every((bytes) => bytes === CHUNK_BYTES)).toBe(true)
  const second = buffersOf(fill())
  for (const buffer of regions) expect(second.has(buffer)).toBe(true)
  heap.clear()
  dropped.length = 0
  heap.dropSpare()
  expect(dropped).toEqual(regions.map((buffer) => buffer.byteLength))
  heap.dropSpare()
  expect(dropped.length).toBe(6)
})

test('of many empty regions most go back at once', () => {
  const heap = new ByteHeap()
  let dropped = 0
  heap.onDrop = (buffer) => {
    if (buffer.byteLength > CHUNK_BYTES) dropped++
  }
  const count = (SPARE_MAX + 3) * REGION_CHUNKS * 2
  const handles = Array.from({ length: count }, () => heap.alloc(CHUNK_BYTES / 2))
  for (const handle of handles) heap.free(handle)
  expect(dropped).toBeGreaterThanOrEqual(2)
  expect(dropped).toBeLessThanOrEqual(4)
})
