/**
 * Shoal's commands beside redis-server: random sequences give the same bytes, the same notifications, and send the same to
 * the append-only file. A sequence that differs is shrunk by fast-check to a short one.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/commands/index.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfDatasetIn70 } from '../support/redis70.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand, lcsCommand, nonsense, stringCommand, value } from './arbitrary.js'

const NOT_COMPARED = new Set([
  'KEYS', // in another order
  'SCAN', // with other cursors
  'RANDOMKEY',
  'DUMP', // an older version of the format
  'MIGRATE',
  'OBJECT', // its HELP is in our words
])
/** Their replies are compared in tests of their own, which know what may come in another order. */
const COLLECTIONS = new Set(['hash', 'list', 'set', 'sorted-set', 'stream', 'geo', 'hyperloglog', 'bitmap'])
/** Commands that came later than the redis-server that answers here. */
const isNewer = (since: string) => Number.parseFloat(since) > 7
const NAMES = COMMANDS.filter(
  ({ name, group, since }) => !NOT_COMPARED.has(name) && !COLLECTIONS.has(group) && !isNewer(since),
).map(({ name }) => name)
const RUNS = runsOf(60)

describe.skipIf(missing('redis-server'))('commands beside redis-server', DEEP, () => {
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

  const same = async (command: fc.Arbitrary<Line>, protocol: number, runs = RUNS) => {
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }), async (lines) => {
        await both.reset(protocol)
        expect(await both.differences(lines)).toEqual([])
        expect(await redis.run('DEBUG', 'DIGEST')).toBe(`+${digestOfDatasetIn70(both.runner.keyspace)}\r\n`)
      }),
      runs,
    )
  }

  for (const protocol of [2, 3]) {
    test(`strings, RESP${protocol}`, () => same(stringCommand, protocol))
    test(`keys, RESP${protocol}`, () =>
      same(fc.oneof(stringCommand, genericCommand, genericCommand), protocol))
    test(`LCS, RESP${protocol}`, () => same(fc.oneof(stringCommand, lcsCommand, lcsCommand), protocol))
  }

  test('what goes out', async () => {
    // Redis 7.0 writes a SET with PXAT anew, 7.2 sends it as it came.
    const command = fc
      .oneof(stringCommand, genericCommand)
      .filter(
        ([name, ...rest]) =>
          !/^set$/i.test(String(name)) || !rest.some((word) => /^pxat$/i.test(String(word))),
      )
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      RUNS,
    )
  })

  test('what the one dumps, the other restores', async () => {
    await holds(
      fc.asyncProperty(value, async (content) => {
        await both.reset()
        const { runner } = both
        runner.run('SET', 'k', content)
        await redis.run('SET', 'k', content)
        const ours = decode(runner.run('DUMP', 'k')) as string
        const theirs = decode(await redis.run('DUMP', 'k')) as string
        expect(await redis.run('RESTORE', 'r', 0, ours)).toBe('+OK\r\n')
        expect(runner.run('RESTORE', 'r', 0, theirs)).toBe('+OK\r\n')
        for (const word of ['GET', 'STRLEN', 'TYPE'] as const) {
          expect(runner.run(word, 'r')).toBe(runner.run(word, 'k'))
          expect(await redis.run(word, 'r')).toBe(runner.run(word, 'k'))
        }
        const encoding = ['OBJECT', 'ENCODING', 'r'] as const
        expect(runner.run(...encoding)).toBe(await redis.run(...encoding))
      }),
      RUNS,
    )
  })

  test('shared integers, as far as they are told of', async () => {
    const lines: Line[] = ['0', '9999', '10000', '-1', 'x'].flatMap((value): Line[] => [
      ['SET', 'a', value],
      ['OBJECT', 'REFCOUNT', 'a'],
    ])
    await both.reset()
    expect(await both.differences(lines)).toEqual([])
  })

  test('nonsense', () => same(fc.oneof(stringCommand, nonsense(NAMES), nonsense(NAMES)), 2))
})
