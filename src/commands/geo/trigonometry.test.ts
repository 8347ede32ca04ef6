import { expect, test } from 'vitest'
import { Trigonometry } from './trigonometry.js'

const BITS = 220n
const ONE = 1n << BITS

/** A double as a fixed-point number, exactly. */
function fixedOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & ((1n << 52n) - 1n)
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  const shift = BITS - 1075n + BigInt(Math.max(exponent, 1))
  const magnitude = shift >= 0n ? mantissa << shift : mantissa >> -shift
  return value < 0 ? -magnitude : magnitude
}

/** Powers by their factorials, alternating, from the term given on. */
function series(x: bigint, term: bigint, n: bigint): bigint {
  const square = (x * x) >> BITS
  let sum = 0n
  for (let k = n, one = term; one !== 0n && one !== -1n; k += 2n) {
    sum += one
    one = -((one * square) >> BITS) / ((k + 1n) * (k + 2n))
  }
  return sum
}

const sine = (x: number): bigint => series(fixedOf(x), fixedOf(x), 1n)
const cosine = (x: number): bigint => series(fixedOf(x), ONE, 0n)
const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a)

/** The doubles next to a positive one. */
function neighbours(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  return [bits - 1n, bits + 1n].map((other) => {
    view.setBigUint64(0, other)
    return view.getFloat64(0)
  })
}

/** Whether no double is nearer to the exact value. */
function isNearest(found: number, exact: bigint): boolean {
  const own = distance(fixedOf(found), exact)
  return neighbours(Math.abs(found)).every(
    (other) => distance(fixedOf(found < 0 ? -other : other), exact) >= own,
  )
}

/** Angles of all sizes up to `max`. */
function* angles(count: number, max: number): Generator<number> {
  let x = 12345
  for (let i = 0; i < count; i++) {
    x = (Math.imul(x, 1103515245) + 12345) | 0
    const part = (x >>> 1) / 2 ** 31
    yield i % 2 === 0 ? part * max : part * max * 2 ** -(i % 31)
  }
  yield* [1e-9, 0.5, max]
}

test('no double is nearer to the sine and the cosine', () => {
  const trigonometry = new Trigonometry()
  for (const angle of angles(1500, Math.PI)) {
    if (angle === 0) continue
    const found = trigonometry.sin(angle)
    expect(isNearest(found, sine(angle)), `sin ${angle}`).toBe(true)
    expect(trigonometry.sin(-angle)).toBe(-found)
  }
  for (const angle of angles(1500, 1.4845)) {
    const found = trigonometry.cos(angle)
    expect(found === 1 || isNearest(found, cosine(angle)), `cos ${angle}`).toBe(true)
    expect(trigonometry.cos(-angle)).toBe(found)
  }
})

test('no double is nearer to the arc sine', () => {
  const trigonometry = new Trigonometry()
  for (const x of angles(1500, 0.99999)) {
    if (x === 0) continue
    const found = trigonometry.asin(x)
    // The sine grows: the exact value lies between the middles to both neighbours if its sine does.
    const [below, above] = neighbours(found) as [number, number]
    const between = (a: number, b: number) => {
      const middle = (fixedOf(a) + fixedOf(b)) / 2n
      return series(middle, middle, 1n)
    }
    const exact = fixedOf(x)
    expect(between(below, found) <= exact && exact <= between(found, above), `asin ${x}`).toBe(true)
  }
  expect(trigonometry.asin(1)).toBe(Math.PI / 2)
  expect(trigonometry.asin(0)).toBe(0)
  expect(trigonometry.asin(1.0000001)).toBeNaN()
})
