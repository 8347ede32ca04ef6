/** Numbers that are read without text must be the doubles that reading them as text gives. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from './ascii.js'
import { formatDouble, parseDouble, plainDouble } from './double.js'

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
