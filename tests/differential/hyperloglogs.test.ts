/**
 * HyperLogLogs beside redis-server: random sequences give the same replies, the same notifications, the same in the append-only
 * file, and the same strings byte by byte, whatever hll-sparse-max-bytes is.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { Wire } from '../support/wire.js'
import { command, KEYS } from './arbitrary-hyperloglogs.js'

const RUNS = runsOf(25)

describe.skipIf(missing('redis-server'))('HyperLogLogs beside redis-server', DEEP, () => {
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
      await holds(
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
        RUNS,
      )
    })
  }

  test('what goes out', async () => {
    await limit(3000)
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 20, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      RUNS,
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
