/**
 * HyperLogLogs beside redis-server: random sequences give the same replies, the same notifications, the same in the append-only
 * file, and the same strings byte by byte, whatever hll-sparse-max-bytes is.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import type { Part } from '../support/runner.js'
import { Wire } from '../support/wire.js'
import { value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 25)
const KEYS = ['a', 'b', 'c', 'd']

const key = fc.constantFrom<Part>(...KEYS)
const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

const element: fc.Arbitrary<Part> = fc.oneof(fc.nat(500).map(String), value, fc.uint8Array({ maxLength: 40 }))
/** Many elements at once. */
const many = fc
  .tuple(fc.nat(5000), fc.constantFrom(20, 200, 1000))
  .map(([from, count]) => Array.from({ length: count }, (_, i) => `e${from + i}`))
const header = (encoding: number, count: number) =>
  Uint8Array.of(0x48, 0x59, 0x4c, 0x4c, encoding, 0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0x80)
/** Runs that end where they should, or not. */
const run = fc.oneof(
  fc.nat(63).map((byte) => [byte]),
  fc.tuple(fc.nat(63), fc.nat(255)).map(([high, low]) => [0x40 | high, low]),
  fc.nat(127).map((byte) => [0x80 | byte]),
)
const damaged: fc.Arbitrary<Part> = fc.oneof(
  fc.array(run, { maxLength: 30 }).map((runs) => Uint8Array.from([...header(1, 0), ...runs.flat()])),
  fc.array(run, { maxLength: 12 }).map((runs) => {
    const bytes = runs.flat()
    let registers = 0
    for (const [first, low] of runs) {
      if (first! >= 0x80) registers += (first! & 3) + 1
      else if (first! >= 0x40) registers += (((first! & 63) << 8) | low!) + 1
      else registers += first! + 1
    }
    const rest = 16384 - registers
    const last = rest > 0 ? [0x40 | ((rest - 1) >> 8), (rest - 1) & 255] : []
    return Uint8Array.from([...header(1, 7), ...bytes, ...last])
  }),
  fc
    .uint8Array({ minLength: 12288, maxLength: 12288 })
    .map((bytes) => Uint8Array.from([...header(0, 1), ...bytes])),
  fc.constant(Uint8Array.from([...header(0, 1), ...new Uint8Array(12288)])),
  fc.constant(Uint8Array.from([...header(0, 1), ...new Uint8Array(12287)])),
  fc.constantFrom<Part>(header(1, 0), header(2, 0), 'HYLL', 'HYLL0123456789012345', '12345678901234567'),
)
const command = fc.oneof(
  { weight: 6, arbitrary: words('PFADD', key, some(element, 6)) },
  { weight: 3, arbitrary: words('PFADD', key, many) },
  { weight: 4, arbitrary: words('PFCOUNT', key) },
  { weight: 3, arbitrary: words('PFCOUNT', some(key, 4, 1)) },
  { weight: 4, arbitrary: words('PFMERGE', some(key, 4, 1)) },
  { weight: 2, arbitrary: words('PFDEBUG', oneOf('ENCODING', 'DECODE', 'TODENSE', 'bogus'), key) },
  { weight: 1, arbitrary: words('PFDEBUG', oneOf('GETREG'), key) },
  { weight: 2, arbitrary: words('GET', key) },
  { weight: 1, arbitrary: words('SET', key, damaged) },
  { weight: 1, arbitrary: words(oneOf('DEL', 'OBJECT'), key) },
  { weight: 1, arbitrary: words('PEXPIRE', key, fc.constant('100000')) },
  { weight: 1, arbitrary: fc.constant<Part[]>(['RPUSH', 'd', '1']) },
)

describe.skipIf(missing('redis-server'))('HyperLogLogs beside redis-server', () => {
  let both: Comparison
  let redis: Wire

  beforeAll(async () => {
    both = await Comparison.start()
    redis = await Wire.open(both.redis.port)
  })
  afterAll(async () => {
    redis?.close()
    await both?.stop()
  })

  const limit = async (bytes: number) => {
    expect(await redis.run('CONFIG', 'SET', 'hll-sparse-max-bytes', bytes)).toBe('+OK\r\n')
    both.runner.keyspace.limit = () => bytes
  }

  for (const protocol of [2, 3]) {
    test(`random sequences, RESP${protocol}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(command, { minLength: 1, maxLength: 30, size: 'max' }),
          fc.constantFrom(3000, 100, 0, 20_000),
          async (lines, bytes) => {
            await both.reset(protocol)
            await limit(bytes)
            const reads = KEYS.flatMap((name): Line[] => [
              ['GET', name],
              ['PTTL', name],
            ])
            expect(await both.differences([...lines, ...reads])).toEqual([])
          },
        ),
        { numRuns: RUNS, endOnFailure: false },
      )
    })
  }

  test('what goes out', async () => {
    await limit(3000)
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 20, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  })

  test('the same bytes and counts all the way from none to very many', async () => {
    await limit(3000)
    await both.reset()
    const lines: Line[] = []
    for (let from = 0, size = 1; from < 60_000; from += size, size = Math.min(1500, size + 7)) {
      lines.push(['PFADD', 'a', ...Array.from({ length: size }, (_, i) => `member:${from + i}`)])
      lines.push(['PFCOUNT', 'a'], ['STRLEN', 'a'])
      if (from < 1500 || from % 10 === 0) lines.push(['GET', 'a'])
      if (from % 4 === 0) lines.push(['PFADD', 'b', `other:${from}`], ['PFCOUNT', 'a', 'b'])
    }
    lines.push(
      ['PFMERGE', 'c', 'b'],
      ['GET', 'c'],
      ['PFMERGE', 'c', 'a', 'b'],
      ['GET', 'c'],
      ['PFCOUNT', 'c'],
    )
    expect(await both.differences(lines)).toEqual([])
  })
})
