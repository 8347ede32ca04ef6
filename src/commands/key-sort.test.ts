import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderByKey } from './key-sort.js'

test('from the lowest on, equal ones as they came', () => {
  const key = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double({ noNaN: true }))
  fc.assert(
    fc.property(fc.array(key, { maxLength: 400, size: 'max' }), (keys) => {
      const expected = keys
        .map((_, i) => i)
        .sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : 0))
      const given = Float64Array.from(keys)
      expect([...orderByKey(given)]).toEqual(expected)
      expect([...given]).toEqual(keys)
    }),
    { numRuns: 300 },
  )
})
