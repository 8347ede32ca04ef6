import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addLongDouble, formatLongDouble, parseLongDouble } from './long-double.js'

const sum = (a: string, b: string): string | null => {
  const total = addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!)
  return total === null ? null : formatLongDouble(total)
}

test('sums as redis-server 7.0.15 on x86 gave them', () => {
  expect(sum('1', '0.1')).toBe('1.1')
  expect(sum('0.1', '0.2')).toBe('0.3')
  expect(sum('1.1', '3.0e3')).toBe('3001.10000000000000009')
  expect(sum('5.0e3', '2.0e2')).toBe('5200')
  expect(sum('17179869184', '1.23')).toBe('17179869185.23000000044703484')
  expect(sum('1', '-1.1')).toBe('-0.1')
  expect(sum('-0.00000000000000000001', '0')).toBe('0')
})

test('what is no number is refused', () => {
  for (const source of ['', ' 1', '1 ', '.', 'e5', '1e', '--1', '0x', 'nan', '1e5000', '1e-5000', '1\0']) {
    expect(parseLongDouble(source), source).toBe(null)
  }
  expect(parseLongDouble('1'.repeat(5120))).toBe(null)
  // A hostile exponent must not make a hostile BigInt.
  expect(parseLongDouble('1e999999999999')).toBe(null)
  expect(parseLongDouble('0x1p-999999999999')).toBe(null)
  expect(parseLongDouble('0e999999999999')).toEqual({ mantissa: 0n, exponent: 0 })
})

test('an infinity and its opposite have no sum, and the largest numbers overflow', () => {
  expect(sum('inf', '-inf')).toBe(null)
  expect(sum('inf', '1')).toBe('inf')
  expect(sum('1e4932', '1e4932')).toBe('inf')
  expect(sum('-1e4932', '-1e4932')).toBe('-inf')
})

test('64-bit integers are exact', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
      (a, b) => {
        expect(sum(String(a), String(b))).toBe(String(a + b))
      },
    ),
  )
})

test('a double survives: there are 11 more bits than it needs', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), (value) => {
      expect(Number(formatLongDouble(parseLongDouble(String(value))!))).toBeCloseTo(value, 15)
    }),
  )
})
