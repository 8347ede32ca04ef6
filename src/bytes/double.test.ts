/** Numbers that are read without text must be the doubles that reading them as text gives. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from './ascii.js'
import { formatDouble, parseDouble, plainDouble, seventeenDigits } from './double.js'

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
