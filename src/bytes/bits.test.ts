import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BitCombiner, type BitOperation } from './bit-combine.js'
import { BitCounter } from './bit-count.js'
import { findBit, readField, writeField } from './bits.js'

/** Bytes somewhere in a larger buffer, so that words do not begin where they do. */
const placed = fc
  .tuple(
    fc.nat(7),
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.tuple(fc.constantFrom(0, 255), fc.nat(300)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
    ),
    fc.nat(7),
  )
  .map(([front, bytes, behind]) => {
    const words = new Uint32Array(Math.ceil((front + bytes.length + behind) / 8) * 2).fill(0x5aa5a55a)
    const u8 = new Uint8Array(words.buffer)
    u8.set(bytes, front)
    return { u8, u32: words, u64: new BigUint64Array(words.buffer), start: front, bytes }
  })

const bitsOf = (bytes: Uint8Array): number[] =>
  [...bytes].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (byte >> shift) & 1))

describe('bits beside a model', () => {
  const counter = new BitCounter()

  test('counted', () => {
    fc.assert(
      fc.property(placed, fc.nat(3300), fc.nat(3300), ({ u8, u64, start, bytes }, a, b) => {
        const bits = bitsOf(bytes)
        expect(counter.count(u8, u64, start, start + bytes.length)).toBe(
          bits.filter((bit) => bit === 1).length,
        )
        const from = Math.min(a, b, bits.length)
        const to = Math.min(Math.max(a, b), bits.length)
        const inside = bits.slice(from, to).filter((bit) => bit === 1)
        expect(counter.countRange(u8, u64, start, from, to)).toBe(inside.length)
      }),
      { numRuns: 500 },
    )
  })

  test('found', () => {
    fc.assert(
      fc.property(
        placed,
        fc.nat(3300),
        fc.nat(3300),
        fc.constantFrom(0, 1),
        fc.option(fc.nat(3300)),
        ({ u8, u32, start, bytes }, a, b, bit, flipped) => {
          if (flipped !== null && bytes.length > 0) {
            const at = flipped % (bytes.length * 8)
            u8[start + (at >> 3)]! ^= 0x80 >> (at & 7)
          }
          const bits = bitsOf(u8.subarray(start, start + bytes.length))
          const from = Math.min(a, b, bits.length)
          const to = Math.min(Math.max(a, b), bits.length)
          const expected = bits.slice(from, to).indexOf(bit)
          expect(findBit(u8, u32, start, from, to, bit)).toBe(expected < 0 ? -1 : from + expected)
        },
      ),
      { numRuns: 1000 },
    )
  })

  const MODEL: Record<BitOperation, (bits: number[]) => number> = {
    and: (bits) => Math.min(...bits),
    or: (bits) => Math.max(...bits),
    xor: (bits) => bits.reduce((a, b) => a ^ b),
    not: ([bit]) => 1 - bit!,
    diff: ([first, ...rest]) => first! & (1 - Math.max(...rest)),
    diff1: ([first, ...rest]) => (1 - first!) & Math.max(...rest),
    andor: ([first, ...rest]) => first! & Math.max(...rest),
    one: (bits) => (bits.filter((bit) => bit === 1).length === 1 ? 1 : 0),
  }

  test('found behind whole blocks that are skipped', () => {
    const skipped: number[] = []
    const same = (a: Uint8Array, b: Uint8Array) => {
      const is = Buffer.compare(a, b) === 0
      if (is) skipped.push(a.length)
      return is
    }
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1),
        fc.nat(7),
        fc.integer({ min: 0, max: 100_000 }),
        fc.nat(800_100),
        fc.nat(20),
        fc.nat(20),
        (bit, start, length, other, cutFront, cutBehind) => {
          const u32 = new Uint32Array((start + length + 8) >> 2)
          const u8 = new Uint8Array(u32.buffer).fill(bit === 1 ? 0 : 0xff, start, start + length)
          if (other < length * 8) u8[start + (other >> 3)]! ^= 0x80 >> (other & 7)
          const from = Math.min(cutFront, length * 8)
          const to = Math.max(from, length * 8 - cutBehind)
          const expected = other >= from && other < to ? other : -1
          expect(findBit(u8, u32, start, from, to, bit, same)).toBe(expected)
          expect(findBit(u8, u32, start, from, to, bit)).toBe(expected)
        },
      ),
      { numRuns: 300 },
    )
    expect(skipped.length).toBeGreaterThan(100)
  })

  // One for all, as a node has: what it keeps must not show.
  const combiner = new BitCombiner()

  test('combined', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(MODEL) as BitOperation[])),
        fc.array(placed, { minLength: 2, maxLength: 4 }),
        fc.constantFrom(0, 0, 0, 16_384, 16_380),
        (operation, all, before) => {
          const used = operation === 'not' ? all.slice(0, 1) : all
          for (const { bytes } of used) {
            const u8 = new Uint8Array(3 + before + bytes.length)
            u8.set(bytes, 3 + before)
            combiner.add(u8, 3, before + bytes.length)
          }
          const { length } = combiner
          const to = new Uint8Array(length + 8).fill(0x77)
          combiner.combine(operation, to, 5)
          combiner.clear()
          const bits = used.map(({ bytes }) => bitsOf(bytes))
          const result = bitsOf(to.subarray(5 + before, 5 + length))
          const size = Math.max(...bits.map((one) => one.length))
          const expected = Array.from({ length: size }, (_, i) =>
            MODEL[operation](bits.map((one) => one[i] ?? 0)),
          )
          expect(result).toEqual(expected)
          const zeros = new Array<number>(used.length).fill(0)
          if (before > 0) expect(to[5]).toBe(MODEL[operation](zeros) === 1 ? 255 : 0)
          expect([...to.subarray(0, 5), ...to.subarray(5 + length)]).toEqual(new Array<number>(8).fill(0x77))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('fields', () => {
    fc.assert(
      fc.property(
        placed,
        fc.nat(200),
        fc.integer({ min: 1, max: 52 }),
        fc.bigInt({ min: 0n, max: 2n ** 52n }),
        (place, at, bits, any) => {
          const { u8, start, bytes } = place
          const model = bitsOf(bytes)
          const end = start + bytes.length
          const padded = [...model, ...new Array<number>(300).fill(0)]
          expect(readField(u8, start, end, at, bits)).toBe(
            Number.parseInt(padded.slice(at, at + bits).join(''), 2),
          )
          if (at + bits > model.length) return
          const value = Number(any & (2n ** BigInt(bits) - 1n))
          writeField(u8, start, at, bits, value)
          expect(readField(u8, start, end, at, bits)).toBe(value)
          const written = value.toString(2).padStart(bits, '0').split('').map(Number)
          expect(bitsOf(u8.subarray(start, end))).toEqual([
            ...model.slice(0, at),
            ...written,
            ...model.slice(at + bits),
          ])
        },
      ),
      { numRuns: 500 },
    )
  })
})
