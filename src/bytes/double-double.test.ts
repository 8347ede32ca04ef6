import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from './ascii.js'
import { wideDouble } from './double-double.js'

const parsed = (text: string) => wideDouble(ascii(`7${text}7`), 1, 1 + text.length)

test('what it reads it reads as JavaScript does', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 21 })
  fc.assert(
    fc.property(digits, fc.option(digits), fc.boolean(), (whole, fraction, negative) => {
      const text = `${negative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`
      const value = parsed(text)
      if (!Number.isNaN(value)) expect(value).toBe(Number(text))
      const significant = (whole + (fraction ?? '')).replace(/^0+/, '').length
      const known = whole + (fraction ?? '') !== ''
      if (Number.isNaN(value)) expect(known && significant <= 15 && (fraction ?? '').length <= 22).toBe(false)
    }),
    { numRuns: 3000 },
  )
  let read = 0
  fc.assert(
    fc.property(fc.double({ min: 1e-5, max: 1e15, noNaN: true }), (value) => {
      const text = String(value)
      if (parsed(text) === value) read++
      else expect(parsed(text)).toBeNaN()
    }),
    { numRuns: 2000 },
  )
  expect(read).toBeGreaterThan(1900)
})

test('what lies in the middle of two doubles is left to others, or right', () => {
  for (const text of [
    '9007199254740993',
    '9007199254740995',
    '18014398509481986',
    '0.5',
    '4503599627370496.5',
  ]) {
    const value = parsed(text)
    if (!Number.isNaN(value)) expect(value).toBe(Number(text))
  }
})

test('what else is left to others', () => {
  for (const text of ['', '-', '.', '-.', '1e5', '1..2', '+1', ' 1', '1 ', 'inf', '0x10', '1,5', '--1']) {
    expect(parsed(text)).toBeNaN()
  }
})
