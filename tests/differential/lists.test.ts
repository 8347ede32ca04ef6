/**
 * Lists beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only
 * file; what is left is the same by DEBUG DIGEST-VALUE; and what the one dumps, the other restores. OBJECT ENCODING is not
 * compared: Redis 7.0 calls every list a quicklist, 7.2 a small one a listpack.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_BYTES_MIN } from '../../src/keyspace/collections/quicklist.js'
import { digestOfValue } from '../../src/server/admin/digest.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { bytesOf, type Part } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand, integer, value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 40)
const KEYS = ['a', 'b', '\0\xff\r\n']

const key = fc.constantFrom<Part>(...KEYS, ...KEYS, 'string')
const element: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -2, max: 6 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('f', '', 'x'.repeat(64), 'y'.repeat(5000), '\0\r\n', '01') },
  { weight: 2, arbitrary: value },
)
const index: fc.Arbitrary<Part> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -9, max: 9 }).map(String) },
  integer,
)
const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])
const end = oneOf('LEFT', 'RIGHT', 'LEFT', 'RIGHT', 'UP')

/** LPOS with this RANK is an error only since 7.2. */
const LEAST = '-9223372036854775808'

const listCommand = fc.oneof(
  { weight: 8, arbitrary: words(oneOf('LPUSH', 'RPUSH'), key, some(element, 8, 1)) },
  words(oneOf('LPUSHX', 'RPUSHX'), key, some(element, 3, 1)),
  { weight: 2, arbitrary: words(oneOf('LPOP', 'RPOP'), key) },
  { weight: 2, arbitrary: words(oneOf('LPOP', 'RPOP'), key, index) },
  words('LLEN', key),
  words('LINDEX', key, index),
  { weight: 3, arbitrary: words('LRANGE', key, index, index) },
  { weight: 2, arbitrary: words('LSET', key, index, element) },
  { weight: 3, arbitrary: words('LINSERT', key, oneOf('BEFORE', 'AFTER'), element, element) },
  { weight: 2, arbitrary: words('LREM', key, index, element) },
  words('LTRIM', key, index, index),
  {
    weight: 2,
    arbitrary: words(
      'LPOS',
      key,
      element,
      some(
        fc
          .tuple(oneOf('RANK', 'COUNT', 'MAXLEN', 'bogus'), index)
          .filter(([option, number]) => option.toUpperCase() !== 'RANK' || number !== LEAST),
        3,
      ),
    ),
  },
  { weight: 2, arbitrary: words('LMOVE', key, key, end, end) },
  words('RPOPLPUSH', key, key),
  words(
    'LMPOP',
    fc.constantFrom('1', '2', '0', 'x'),
    some(key, 2, 1),
    end,
    some(fc.tuple(oneOf('COUNT'), index), 2),
  ),
  words('SET', fc.constant('string'), value),
  words(
    oneOf('LPUSH', 'LPOP', 'LSET', 'LINDEX', 'LRANGE', 'LREM', 'LTRIM', 'LPOS', 'LMOVE', 'LMPOP', 'LINSERT'),
    some(element, 4),
  ),
)
const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore|object)$/i.test(String(name)),
)

describe.skipIf(missing('redis-server'))('lists beside redis-server', () => {
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

  const limit = async (fill: number) => {
    expect(await redis.run('CONFIG', 'SET', 'list-max-listpack-size', fill)).toBe('+OK\r\n')
    both.runner.keyspace.limit = () => fill
  }

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(-2, -1, 3, 1),
        fc.constantFrom(PLAIN_BYTES_MIN, 64, 1),
        async (lines, fill, plainBytes) => {
          await both.reset(protocol)
          await limit(fill)
          both.runner.keyspace.plainBytesMin = plainBytes
          expect(await both.differences(lines)).toEqual([])
          for (const name of [...KEYS, 'string']) {
            const ours = digestOfValue(both.runner.keyspace.databases[0]!, bytesOf(name))
            expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
          }
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
    )
  }

  test('lists, RESP2', () => same(listCommand, 2))
  test('lists, RESP3', () => same(listCommand, 3))
  test('among commands on keys', () => same(fc.oneof(listCommand, listCommand, keyCommand), 2))

  test('what goes out', async () => {
    await limit(-2)
    await fc.assert(
      fc.asyncProperty(fc.array(listCommand, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const went = await both.propagated(lines)
        expect(went.shoal).toEqual(went.redis)
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  })

  test('what the one dumps, the other restores', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(listCommand, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom(-1, 3),
        async (lines, fill) => {
          await both.reset()
          await limit(fill)
          await both.differences(lines)
          const { runner } = both
          for (const name of KEYS) {
            const ours = runner.run('DUMP', name)
            const theirs = await redis.run('DUMP', name)
            if (ours === '$-1\r\n') {
              expect(theirs).toBe(ours)
              continue
            }
            const to = `r:${name}`
            expect(await redis.run('RESTORE', to, 0, decode(ours) as string, 'REPLACE')).toBe('+OK\r\n')
            expect(runner.run('RESTORE', to, 0, decode(theirs) as string, 'REPLACE')).toBe('+OK\r\n')
            expect(await redis.run('LRANGE', to, 0, -1)).toBe(runner.run('LRANGE', name, 0, -1))
            expect(runner.run('LRANGE', to, 0, -1)).toBe(runner.run('LRANGE', name, 0, -1))
          }
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
    )
  })
})
