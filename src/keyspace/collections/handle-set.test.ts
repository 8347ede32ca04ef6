import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HandleSet } from './handle-set.js'

test('it holds what a Set would hold', () => {
  const handle = fc.oneof(
    fc.integer({ min: 1, max: 70 }),
    fc.integer({ min: 4080, max: 4110 }),
    fc.nat(2 ** 32 - 1),
  )
  const op = fc.record({ kind: fc.nat(2), handle })
  fc.assert(
    fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
      const set = new HandleSet()
      const model = new Set<number>()
      for (const { kind, handle } of ops) {
        if (kind === 0) {
          set.add(handle)
          model.add(handle)
        } else if (kind === 1) expect(set.delete(handle)).toBe(model.delete(handle))
        expect(set.has(handle)).toBe(model.has(handle))
        expect(set.size).toBe(model.size)
      }
      for (const { handle } of ops) expect(set.has(handle)).toBe(model.has(handle))
    }),
  )
})

test('the highest handles are not taken for negative numbers', () => {
  const set = new HandleSet()
  for (const handle of [0xffffffff, 0x80000000, 0x7fffffff]) set.add(handle)
  expect([0xffffffff, 0x80000000, 0x7fffffff, 0xfffffffe].map((one) => set.has(one))).toEqual([
    true,
    true,
    true,
    false,
  ])
})
