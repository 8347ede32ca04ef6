import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sortPart } from './partial-sort.js'

test('the part that is asked for is what a whole sort puts there', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 300 }), fc.nat(), fc.nat(), (values, a, b) => {
      const items = Int32Array.from(values, (_, i) => i)
      const from = Math.min(a, b) % Math.max(1, values.length)
      const to = Math.max(from, Math.max(a, b) % Math.max(1, values.length))
      sortPart(items, from, to, (x, y) => values[x]! - values[y]!)
      const sorted = [...values].sort((x, y) => x - y)
      expect([...items.subarray(from, to + 1)].map((i) => values[i])).toEqual(sorted.slice(from, to + 1))
      expect([...items].sort((x, y) => x - y)).toEqual(values.map((_, i) => i))
    }),
    { numRuns: 500 },
  )
})
