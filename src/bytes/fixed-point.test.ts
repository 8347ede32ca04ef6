import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii, uncappedText as text } from './ascii.js'
import { FixedPoint } from './fixed-point.js'
import { addLongDouble, formatLongDouble, parseLongDouble } from './long-double.js'

/** The sum as the 80-bit numbers have it. */
function longSum(a: string, b: string): string {
  return formatLongDouble(addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!)!)
}

const sum = new FixedPoint()
const by = new FixedPoint()

/** The sum in fixed point, null where a number is not for that. */
function fixedSum(a: string, b: string): string | null {
  const bytes = ascii(`x${a}x${b}`)
  if (!sum.read(bytes, 1, 1 + a.length) || !by.read(bytes, 2 + a.length, bytes.length)) return null
  sum.add(by)
  sum.format()
  return text(sum.text, 0, sum.length)
}

const sign = fc.constantFrom('', '-')
const digits = (max: number) => fc.array(fc.nat(9), { maxLength: max }).map((list) => list.join(''))
const runs = fc
  .tuple(fc.constantFrom('0', '9', '5'), fc.nat(16), digits(4))
  .map(([digit, count, rest]) => (digit.repeat(count) + rest).slice(0, 17))
/** Halves, quarters and so on: ties when they are rounded. */
const binary = fc.nat(17).chain((places) =>
  fc.bigInt({ min: 0n, max: 2n ** BigInt(places) - 1n }).map((part) => {
    const scaled = part * 5n ** BigInt(places)
    return places === 0 ? '' : scaled.toString().padStart(places, '0')
  }),
)
const wholes = fc.oneof(
  fc.nat(40).map(String),
  digits(15),
  fc.nat(49).map((bits) => String(2 ** bits - 1)),
  fc.nat(49).map((bits) => String(2 ** bits)),
)
const decimal = fc
  .tuple(sign, wholes, fc.constantFrom('', '.', '.', '.'), fc.oneof(digits(17), runs, binary))
  .map(([minus, whole, point, rest]) => minus + whole + point + (point === '' ? '' : rest))
  .filter((word) => /\d/.test(word))

test('sums are what the 80-bit numbers give', () => {
  let fixed = 0
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const found = fixedSum(a, b)
      if (found === null) return
      fixed++
      expect(found, `${a} + ${b}`).toBe(longSum(a, b))
      // What comes out goes in again.
      const again = fixedSum(found, b)
      if (again !== null) expect(again, `${found} + ${b}`).toBe(longSum(found, b))
    }),
    { numRuns: 5000 },
  )
  expect(fixed).toBeGreaterThan(3000)
})

test('nearly all is done in fixed point', () => {
  let total = '1.5'
  for (let i = 0; i < 3000; i++) {
    const next = fixedSum(total, '0.1')
    expect(next).toBe(longSum(total, '0.1'))
    total = next!
  }
  for (const [a, b] of [
    ['-0', '0'],
    ['0.5', '-0.5'],
    ['999999999999999.99999999999999999', '999999999999999.99999999999999999'],
    ['0.00000006', '0'],
    ['0.00000006', '-0.00000006000000001'],
    ['-31.99999999999999999', '0.00000000000000001'.slice(0, 10)],
    ['1', '-0.99999999999999999'],
  ] as const) {
    expect(fixedSum(a, b), `${a} + ${b}`).toBe(longSum(a, b))
  }
})

test('what is not for it', () => {
  for (const word of [
    '',
    '-',
    '.',
    '-.',
    '+1',
    ' 1',
    '1 ',
    '1e5',
    '1.2.3',
    '1234567890123456',
    '0.000000000000000001',
    '0.00000001',
    'inf',
    '0x1',
    '--1',
    '1-',
    '1.-',
  ]) {
    const bytes = ascii(`1${word}1`)
    expect(sum.read(bytes, 1, 1 + word.length), word).toBe(false)
  }
})

test('doubles are written as the 80-bit numbers that they are', () => {
  const double = fc.oneof(
    fc.double({ min: -180, max: 180, noNaN: true }),
    fc.double({ min: -1e-6, max: 1e-6, noNaN: true }),
    fc.double(),
    fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((n) => n / 2 ** 18),
    fc.constantFrom(0, -0, 2 ** 53, 2 ** -88, 2 ** -89, 179.99999732, -85.05112878, Infinity),
  )
  fc.assert(
    fc.property(double, (value) => {
      if (!sum.set(value)) {
        const magnitude = Math.abs(value)
        expect(magnitude > 2 ** -36 && magnitude < 2 ** 53).toBe(false)
        return
      }
      sum.format()
      const long = formatLongDouble({ mantissa: BigInt(Math.abs(value) * 2 ** 88), exponent: -88 })
      expect(text(sum.text, 0, sum.length)).toBe(value < 0 && long !== '0' ? `-${long}` : long)
    }),
    { numRuns: 3000 },
  )
})
