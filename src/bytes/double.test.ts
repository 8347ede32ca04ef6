/** Numbers that are read without text must be the doubles that reading them as text gives. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from './ascii.js'
import { formatDigits, formatDouble, parseDouble, plainDouble, seventeenDigits } from './double.js'

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${most}}$`))
const plain = (source: string) => plainDouble(ascii(source), 0, source.length)

test('a plain number is the double nearest to what its digits say, and what is none is left to others', () => {
  const decimal = fc
    .tuple(fc.constantFrom('', '-', '+'), digits(9), fc.constantFrom('', '.'), digits(9))
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(decimal, (source) => {
      const read = plain(source)
      const count = source.replace(/\D/g, '').length
      if (Number.isNaN(read)) expect(count === 0 || count > 15).toBe(true)
      else expect(Object.is(read, parseDouble(source))).toBe(true)
    }),
  )
  for (const source of [
    '',
    '-',
    '.',
    '1e5',
    '0x10',
    'inf',
    'nan',
    ' 1',
    '1 ',
    '1.2.3',
    '1-',
    '1234567890123456',
  ])
    expect(plain(source)).toBeNaN()
  expect(plain('000000012345')).toBe(12345)
  expect(Object.is(plain('-0'), -0)).toBe(true)
})

test('integers are written whole', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(formatDouble(value)).toBe(BigInt(value).toString())
    }),
  )
  expect(formatDouble(-0)).toBe('-0')
  expect(formatDouble(2 ** 56)).toBe((2n ** 56n).toString())
})

test('seventeen digits are those of %.17g in C, the even one where two are equally near', () => {
  const expected = [
    ['795731733444188.625', '795731733444188.62'],
    ['795731733444188.375', '795731733444188.38'],
    ['-795731733444188.875', '-795731733444188.88'],
    ['1000000000000000.125', '1000000000000000.1'],
    ['9007199254740993', '9007199254740992'],
    ['0.1', '0.10000000000000001'],
    ['1e17', '1e+17'],
    ['12345678901234567', '12345678901234568'],
    ['-0.0001', '-0.0001'],
    ['0.00001', '1.0000000000000001e-05'],
    ['5e-324', '4.9406564584124654e-324'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['100', '100'],
    ['0.0625', '0.0625'],
    ['9.9999999999999999e22', '9.9999999999999992e+22'],
  ] as const
  for (const [value, text] of expected) expect(seventeenDigits(Number(value))).toBe(text)
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (value) => Number(seventeenDigits(value)) === value,
    ),
  )
})

test('doubles are written as redis-server 7.2.4 writes them', () => {
  const bits = new BigUint64Array(1)
  const value = new Float64Array(bits.buffer)
  const file = readFileSync(new URL('./fixtures/scores-7.2.4.txt', import.meta.url), 'latin1')
  const lines = file.split('\n').filter((line) => line !== '' && line[0] !== '#')
  expect(lines.length).toBeGreaterThan(900)
  for (const line of lines) {
    const [hex, reply] = line.split(' ') as [string, string]
    bits[0] = BigInt(`0x${hex}`)
    expect(formatDouble(value[0]!)).toBe(reply)
  }
})

test('what is written reads back as the same double, in no more digits than needed but for one', () => {
  const digits = (shown: string) => shown.replace(/e.*|[-.]|^-?0\.0*/g, '').length
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const shown = formatDouble(value)
      expect(Object.is(Number(shown), value)).toBe(true)
      expect(Object.is(Number(formatDigits(value)), value)).toBe(true)
      if (Math.abs(value) < 2 ** 53) expect(digits(shown)).toBeLessThanOrEqual(digits(String(value)) + 1)
    }),
    { numRuns: 2000 },
  )
})

test('whole numbers beyond 2^62, infinities and numbers of many zeros', () => {
  expect(formatDouble(2 ** 62)).toBe('4611686018427387904')
  expect(formatDouble(-(2 ** 62))).toBe('-4611686018427387904')
  expect(formatDouble(2 ** 63)).toBe('9223372036854776000')
  expect(formatDouble(1e17)).toBe('100000000000000000')
  expect(formatDigits(1e17)).toBe('1e+17')
  expect(formatDigits(0)).toBe('0')
  for (const format of [formatDouble, formatDigits]) {
    expect(format(Number.POSITIVE_INFINITY)).toBe('inf')
    expect(format(Number.NEGATIVE_INFINITY)).toBe('-inf')
    expect(format(Number.NaN)).toBe('nan')
    expect(format(-0)).toBe('-0')
  }
})
