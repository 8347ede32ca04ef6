/**
 * Bits and bit fields beside redis-server: random sequences give the same bytes, the same notifications, the same in the
 * append-only file, and leave the same strings.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 50)
const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

const key = fc.constantFrom<Part>(...KEYS, 'list')
const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

/** None that is allowed and large: the strings would be, too. */
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(90).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '1000',
      '4097',
      '-1',
      '4294967296',
      'x',
      '',
      '01',
      ' 1',
      '1e1',
      String(2n ** 63n),
    ),
  },
)
const position = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -40, max: 120 }).map(String) },
  { weight: 1, arbitrary: integer },
)
const unit = some(oneOf('BYTE', 'BIT', 'BIT', 'bogus'), 1)
const bitmap: fc.Arbitrary<Part> = fc.oneof(
  fc.uint8Array({ maxLength: 70 }),
  fc
    .tuple(fc.constantFrom(0, 255), fc.nat(90), fc.uint8Array({ maxLength: 3 }))
    .map(([byte, count, rest]) => Uint8Array.from([...new Array<number>(count).fill(byte), ...rest])),
  value,
)
const type = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constantFrom('i', 'u'), fc.integer({ min: 1, max: 63 })) },
  { weight: 6, arbitrary: fc.constantFrom(['i', 64], ['u', 63], ['i', 63], ['u', 32], ['i', 8], ['u', 53]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['u', 64],
      ['i', 65],
      ['i', 0],
      ['x', 8],
      ['', ''],
      ['u', ''],
      ['u', '08'],
      ['I', 8],
    ),
  },
)
const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: offset },
  { weight: 4, arbitrary: fc.nat(9).map((count) => `#${count}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '#',
      '#-1',
      '##1',
      '#01',
      '#4611686018427387904',
      '#9223372036854775807',
      '#4294967296',
    ),
  },
)
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -300, max: 300 }).map(String) },
  { weight: 4, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(63), fc.constantFrom(1n, -1n), fc.constantFrom(-1n, 0n, 1n))
      .map(([bits, sign, more]) => String(BigInt.asIntN(64, sign * 2n ** BigInt(bits) + more))),
  },
  { weight: 1, arbitrary: integer },
)
const fieldType = type.map(([letter, bits]) => `${letter}${bits}`)
const operation: fc.Arbitrary<readonly Part[]> = fc.oneof(
  { weight: 3, arbitrary: words('GET', fieldType, fieldOffset) },
  { weight: 4, arbitrary: words('SET', fieldType, fieldOffset, number) },
  { weight: 4, arbitrary: words('INCRBY', fieldType, fieldOffset, number) },
  { weight: 3, arbitrary: words('OVERFLOW', oneOf('WRAP', 'SAT', 'SAT', 'FAIL')) },
  { weight: 1, arbitrary: fc.constantFrom(['OVERFLOW', 'x'], ['GET', 'u8'], ['SET', 'u8', '0'], ['bogus']) },
)
const bitCommand = fc.oneof(
  { weight: 5, arbitrary: words('SETBIT', key, offset, fc.constantFrom('0', '1', '1', '0', '1', '2', 'x')) },
  { weight: 2, arbitrary: words('GETBIT', key, offset) },
  { weight: 2, arbitrary: words('BITCOUNT', key) },
  { weight: 5, arbitrary: words('BITCOUNT', key, position, position, unit) },
  { weight: 5, arbitrary: words('BITPOS', key, fc.constantFrom('0', '1', '0', '1', '2'), some(position, 2)) },
  { weight: 3, arbitrary: words('BITPOS', key, fc.constantFrom('0', '1'), position, position, unit) },
  { weight: 5, arbitrary: words('BITOP', oneOf('AND', 'OR', 'XOR', 'NOT'), key, some(key, 4, 1)) },
  { weight: 2, arbitrary: words('BITOP', oneOf('NOT'), key, key) },
  { weight: 1, arbitrary: words('BITOP', oneOf('AND', 'bogus'), key, key) },
  { weight: 5, arbitrary: words('SET', key, bitmap) },
  { weight: 1, arbitrary: words('SET', key, integer) },
  { weight: 2, arbitrary: words('GET', key) },
  { weight: 1, arbitrary: words('OBJECT', oneOf('ENCODING'), fc.constantFrom(...KEYS)) },
  { weight: 1, arbitrary: words(oneOf('DEL', 'PERSIST', 'STRLEN'), key) },
  { weight: 1, arbitrary: words('PEXPIRE', key, fc.constant('100000')) },
  { weight: 1, arbitrary: words(oneOf('SETBIT', 'BITCOUNT', 'BITPOS', 'BITOP'), some(offset, 5)) },
  { weight: 1, arbitrary: fc.constant<Part[]>(['RPUSH', 'list', '1']) },
)
const fieldCommand = fc.oneof(
  { weight: 8, arbitrary: words('BITFIELD', key, some(operation, 6)) },
  { weight: 2, arbitrary: words('BITFIELD_RO', key, some(operation, 3)) },
  { weight: 1, arbitrary: words('BITFIELD_RO', key, some(words('GET', fieldType, fieldOffset), 3)) },
  { weight: 1, arbitrary: words('SET', key, bitmap) },
  { weight: 2, arbitrary: words('GET', key) },
)

describe.skipIf(missing('redis-server'))('bits beside redis-server', () => {
  let both: Comparison

  beforeAll(async () => {
    both = await Comparison.start()
  })
  afterAll(async () => {
    await both?.stop()
  })

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }), async (lines) => {
        await both.reset(protocol)
        const reads = KEYS.map((name) => ['GET', name])
        expect(await both.differences([...lines, ...reads])).toEqual([])
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  }

  for (const protocol of [2, 3]) {
    test(`bits, RESP${protocol}`, () => same(bitCommand, protocol))
    test(`fields, RESP${protocol}`, () => same(fieldCommand, protocol))
  }

  test('what goes out', async () => {
    // Redis does not tell anybody of a string that a BITFIELD made longer in vain.
    const command = fc
      .oneof(bitCommand, fieldCommand)
      .filter((line) => !line.some((word) => /^fail$/i.test(String(word))))
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  })

  test('large bitmaps', async () => {
    const lines: Line[] = []
    const bytes = (seed: number, length: number) => {
      let x = seed
      return Uint8Array.from({ length }, () => {
        x = (Math.imul(x, 1103515245) + 12345) | 0
        return x >>> 16
      })
    }
    await both.reset()
    for (const [i, length] of [40_000, 70_001, 16_384, 1].entries())
      lines.push(['SET', `k${i}`, bytes(i, length)])
    for (const operation of ['AND', 'OR', 'XOR'])
      lines.push(['BITOP', operation, 'to', 'k0', 'k1', 'k2', 'k3'], ['GET', 'to'])
    lines.push(
      ['BITOP', 'NOT', 'k1', 'k1'],
      ['GET', 'k1'],
      ['BITOP', 'XOR', 'k0', 'k1', 'k0', 'none'],
      ['GET', 'k0'],
    )
    for (const start of [0, 1, 7, 1001, -30_003])
      lines.push(['BITCOUNT', 'k0', start, -1], ['BITCOUNT', 'k0', start, 50_000, 'BIT'])
    lines.push(
      ['SETBIT', 'k0', 8_000_000, 1],
      ['BITPOS', 'k0', 1, 80_000],
      ['BITPOS', 'k0', 0, 3, 100_000, 'BIT'],
    )
    lines.push(
      ['BITOP', 'NOT', 'k0', 'k0'],
      ['BITPOS', 'k0', 0, 80_000],
      ['BITPOS', 'k0', 1, 80_000, 99_999_999, 'BIT'],
    )
    expect(await both.differences(lines)).toEqual([])
  })
})
