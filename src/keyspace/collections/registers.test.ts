import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  denseRegister,
  denseSet,
  forEachRun,
  HLL_DENSE_BYTES,
  HLL_EMPTY_BYTES,
  REGISTERS,
  sparseSet,
  UNCHANGED,
  writeDense,
  writeEmpty,
} from './hyperloglog.js'
import { COUNTS, countElements } from './hyperloglog-count.js'
import { Registers } from './registers.js'

const FRONT = 3
const NO_LIMIT = 1_000_000

/** Registers and what they are to be raised to: many, near each other or far apart. */
const raises = (valueMax: number) =>
  fc
    .tuple(fc.integer({ min: 1, max: REGISTERS }), fc.nat(REGISTERS - 1))
    .chain(([spread, first]) =>
      fc
        .array(fc.tuple(fc.nat(spread), fc.integer({ min: 1, max: valueMax })), { maxLength: 300 })
        .map((all) => all.map(([index, value]): [number, number] => [(first + index) % REGISTERS, value])),
    )

function sparse(all: [number, number][]): { u8: Uint8Array; length: number; model: Uint8Array } {
  const u8 = new Uint8Array(4096)
  const model = new Uint8Array(REGISTERS)
  writeEmpty(u8, FRONT)
  let length = HLL_EMPTY_BYTES
  for (const [index, value] of all) {
    const outcome = sparseSet(u8, FRONT, length, NO_LIMIT, index, value)
    expect(outcome > 0 || (outcome === UNCHANGED && model[index]! >= value)).toBe(true)
    if (outcome !== UNCHANGED) length = outcome
    model[index] = Math.max(model[index]!, value)
  }
  return { u8, length, model }
}

test('registers of a sparse one are raised where they stand, and no others', () => {
  fc.assert(
    fc.property(raises(32), (all) => {
      const { u8, length, model } = sparse(all)
      const read = new Uint8Array(REGISTERS)
      expect(forEachRun(u8, FRONT, length, (i, run, value) => void read.fill(value, i, i + run))).toBe(true)
      expect(Buffer.compare(read, model)).toBe(0)
    }),
    { numRuns: 200 },
  )
})

test('those of several together are the highest of each', () => {
  const registers = new Registers()
  const counts = new Int32Array(COUNTS)
  fc.assert(
    fc.property(raises(32), raises(63), raises(63), (...[few, ...many]) => {
      const { u8, length, model } = sparse(few)
      registers.clear()
      expect(registers.raiseTo(u8, FRONT, length)).toBe(true)
      for (const all of many) {
        const dense = new Uint8Array(FRONT + HLL_DENSE_BYTES + 1)
        const empty = sparse([])
        writeDense(empty.u8, FRONT, empty.length, dense, FRONT)
        for (const [index, value] of all) {
          denseSet(dense, FRONT, index, value)
          model[index] = Math.max(model[index]!, value)
        }
        expect(registers.raiseTo(dense, FRONT, HLL_DENSE_BYTES)).toBe(true)
      }
      expect(Buffer.compare(registers.bytes, model)).toBe(0)
      const made = new Uint8Array(FRONT + HLL_DENSE_BYTES + 1).fill(0x77)
      made.fill(0, FRONT, FRONT + 16)
      registers.writeTo(made, FRONT)
      expect(Array.from(model.keys()).every((i) => denseRegister(made, FRONT, i) === model[i])).toBe(true)
      expect([made[FRONT - 1], made[FRONT + HLL_DENSE_BYTES]]).toEqual([0x77, 0x77])
      expect(registers.count()).toBe(countElements(counts, made, FRONT, HLL_DENSE_BYTES))
    }),
    { numRuns: 100 },
  )
})
