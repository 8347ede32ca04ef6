import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Subsequence } from './subsequence.js'

/** The classic table, walked back as Redis walks it: the length, and all stretches as [start in a, start in b, length]. */
function byTable(a: Uint8Array, b: Uint8Array): { length: number; stretches: number[][] } {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      table[i]![j] =
        a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!)
    }
  }
  const stretches: number[][] = []
  let i = a.length
  let j = b.length
  let length = 0
  const emit = () => {
    if (length > 0) stretches.push([i, j, length])
    length = 0
  }
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      i--
      j--
      length++
      continue
    }
    emit()
    if (table[i - 1]![j]! > table[i]![j - 1]!) i--
    else j--
  }
  emit()
  return { length: table[a.length]![b.length]!, stretches }
}

/** Of few letters, so that there is much in common, or of any bytes; often of about as many as a word or two has bits. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12, max: 2 }),
  fc.uint8Array({ minLength: 30, maxLength: 34, max: 1 }),
  fc.uint8Array({ minLength: 60, maxLength: 140, max: 3 }),
  fc.uint8Array({ maxLength: 140 }),
  fc.tuple(fc.nat(1), fc.nat(100)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
)

/** The bytes somewhere among others. */
const placed = fc.tuple(bytes, fc.nat(5), fc.nat(5)).map(([content, front, behind]) => {
  const buf = new Uint8Array(front + content.length + behind).fill(1)
  buf.set(content, front)
  return { content, buf, from: front, to: front + content.length }
})

describe('the longest common subsequence beside the classic table', () => {
  // One for all, as a node has: what it keeps must not show.
  const subsequence = new Subsequence()

  test('its length, and the stretches it falls into', () => {
    fc.assert(
      fc.property(placed, placed, (a, b) => {
        const expected = byTable(a.content, b.content)
        expect(subsequence.compare(a.buf, a.from, a.to, b.buf, b.from, b.to, false)).toBe(expected.length)
        subsequence.end()
        expect(subsequence.compare(a.buf, a.from, a.to, b.buf, b.from, b.to, true)).toBe(expected.length)
        const stretches: number[][] = []
        for (let length = subsequence.previous(); length > 0; length = subsequence.previous()) {
          stretches.push([subsequence.aStart, subsequence.bStart, length])
        }
        subsequence.end()
        expect(stretches).toEqual(expected.stretches)
      }),
      { numRuns: 1000 },
    )
  })

  test('of long ranges, whose rows are not kept', () => {
    const a = Uint8Array.from({ length: 3000 }, (_, i) => (i * i) >> 5)
    const b = Uint8Array.from({ length: 2500 }, (_, i) => (i * i * 3) >> 6)
    const expected = byTable(a, b)
    expect(subsequence.compare(a, 0, a.length, b, 0, b.length, true)).toBe(expected.length)
    expect([subsequence.previous(), subsequence.aStart, subsequence.bStart]).toEqual([
      expected.stretches[0]![2],
      expected.stretches[0]![0],
      expected.stretches[0]![1],
    ])
    subsequence.end()
    expect(subsequence.compare(a, 0, 100, a, 0, 100, false)).toBe(100)
  })
})
