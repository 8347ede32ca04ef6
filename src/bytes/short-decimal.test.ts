import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii, text } from './ascii.js'
import { addLongDouble, formatLongDouble, parseLongDouble } from './long-double.js'
import { ShortDecimal } from './short-decimal.js'

/** The sum as the 80-bit numbers have it. */
function longSum(a: string, b: string): string {
  return formatLongDouble(addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!)!)
}

/** The sum of decimals, null where they are not short enough. */
function shortSum(a: string, b: string): string | null {
  const sum = new ShortDecimal()
  const by = new ShortDecimal()
  const bytes = ascii(`x${a}x${b}`)
  if (!sum.read(bytes, 1, 1 + a.length) || !by.read(bytes, 2 + a.length, bytes.length) || !sum.add(by))
    return null
  const to = new Uint8Array(40)
  const end = sum.write(to, 1)
  expect(end - 1).toBe(sum.length)
  return text(to, 1, end)
}

const sign = fc.constantFrom('', '-')
const digits = (max: number) => fc.array(fc.nat(9), { maxLength: max }).map((list) => list.join(''))
const decimal = fc
  .tuple(sign, fc.oneof(fc.nat(31).map(String), digits(9)), fc.constantFrom('', '.'), digits(15))
  .map(([minus, whole, point, rest]) => minus + whole + point + (point === '' ? '' : rest))

test('short sums are what the 80-bit numbers give', () => {
  let short = 0
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const sum = shortSum(a, b)
      if (sum === null) return
      short++
      expect(sum).toBe(longSum(a, b))
    }),
    { numRuns: 3000 },
  )
  expect(short).toBeGreaterThan(100)
})

test('near the ends of what is short', () => {
  for (const [a, b, sum] of [
    ['0.1', '0.2', '0.3'],
    ['31.99999999999', '0.00000000001', null],
    ['31.99999999999', '-31.99999999998', '0.00000000001'],
    ['-0', '0', '0'],
    ['-0.5', '0.25', '-0.25'],
    ['1.50', '1.5', '3'],
    ['999999999999999', '1', '1000000000000000'],
    ['32.5', '0.5', '33'],
    ['1000000.375', '-0.125', '1000000.25'],
    ['32.5', '0.1', null],
    ['5.', '.5', '5.5'],
    ['000000000000.1', '-0.05', '0.05'],
  ] as const) {
    expect(shortSum(a, b)).toBe(sum)
    if (sum !== null) expect(longSum(a, b)).toBe(sum)
  }
})

test('what is no short decimal', () => {
  const number = new ShortDecimal()
  for (const word of [
    '',
    '-',
    '.',
    '-.',
    '+1',
    ' 1',
    '1e5',
    '1.2.3',
    '1234567890123456',
    'inf',
    '0x1',
    '--1',
    '1-',
  ]) {
    const bytes = ascii(`1${word}1`)
    expect(number.read(bytes, 1, 1 + word.length), word).toBe(false)
  }
})
