/**
 * Lists beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only
 * file; what is left is the same by DEBUG DIGEST-VALUE; and what the one dumps, the other restores. OBJECT ENCODING is not
 * compared: Redis 7.0 calls every list a quicklist, 7.2 a small one a listpack.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PLAIN_BYTES_MIN } from '../../src/keyspace/collections/quicklist.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfValueIn70 } from '../support/redis70.js'
import { bytesOf } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand } from './arbitrary.js'
import { KEYS, listCommand } from './arbitrary-lists.js'

const RUNS = runsOf(40)

const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore|object)$/i.test(String(name)),
)

describe.skipIf(missing('redis-server'))('lists beside redis-server', DEEP, () => {
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

  /** Shoal does not compress nodes, but must read those that Redis has compressed. */
  const limit = async (fill: number, depth = 0) => {
    const settings = ['list-max-listpack-size', fill, 'list-compress-depth', depth]
    expect(await redis.run('CONFIG', 'SET', ...settings)).toBe('+OK\r\n')
    both.runner.keyspace.limit = () => fill
  }

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await holds(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(-2, -1, -5, 3, 1, 100),
        fc.constantFrom(PLAIN_BYTES_MIN, 64, 1),
        async (lines, fill, plainBytes) => {
          await both.reset(protocol)
          await limit(fill)
          both.runner.keyspace.plainBytesMin = plainBytes
          expect(await both.differences(lines)).toEqual([])
          for (const name of [...KEYS, 'string']) {
            const ours = digestOfValueIn70(both.runner.keyspace.databases[0]!, bytesOf(name))
            expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
          }
        },
      ),
      RUNS,
    )
  }

  test('lists, RESP2', () => same(listCommand, 2))
  test('lists, RESP3', () => same(listCommand, 3))
  test('among commands on keys', () => same(fc.oneof(listCommand, listCommand, keyCommand), 2))

  test('what goes out', async () => {
    await limit(-2)
    await holds(
      fc.asyncProperty(fc.array(listCommand, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const went = await both.propagated(lines)
        expect(went.shoal).toEqual(went.redis)
      }),
      RUNS,
    )
  })

  test('what the one dumps, the other restores', async () => {
    await holds(
      fc.asyncProperty(
        fc.array(listCommand, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom(-1, 3, 50),
        fc.constantFrom(0, 1, 2),
        async (lines, fill, depth) => {
          await both.reset()
          await limit(fill, depth)
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
      RUNS,
    )
  })
})
