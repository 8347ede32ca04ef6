/**
 * Places beside redis-server: random sequences give the same bytes, order and digits included, the same notifications and the
 * same in the append-only file. Distances as scores may differ in their last bit, where the C library has not rounded to
 * the nearest: in very few cases, which are counted.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { decode, Wire } from '../support/wire.js'
import { alikePlaces, nearlyEqual } from './alike.js'
import { geoCommand } from './arbitrary-geo.js'

const RUNS = runsOf(35)

describe.skipIf(missing('redis-server'))('places beside redis-server', DEEP, () => {
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

  const limit = async (entries: number) => {
    expect(await redis.run('CONFIG', 'SET', 'zset-max-listpack-entries', entries)).toBe('+OK\r\n')
    both.runner.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : entries)
  }

  for (const protocol of [2, 3]) {
    test(`random sequences, RESP${protocol}`, async () => {
      await holds(
        fc.asyncProperty(
          fc.array(geoCommand, { minLength: 1, maxLength: 60, size: 'max' }),
          fc.constantFrom(128, 5),
          async (lines, entries) => {
            await both.reset(protocol)
            await limit(entries)
            expect(await both.differences(lines, alikePlaces)).toEqual([])
          },
        ),
        RUNS,
      )
    })
  }

  test('what goes out', async () => {
    await limit(128)
    await holds(
      fc.asyncProperty(fc.array(geoCommand, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      RUNS,
    )
  })

  test('many places, many of them equally far away', async () => {
    await limit(128)
    for (const spacing of [0.001, 0.5, 7]) {
      await both.reset()
      const lines: Line[] = []
      for (let i = 0; i < 400; i++) {
        const east = ((i % 20) - 10) * spacing
        const north = (Math.floor(i / 20) - 10) * spacing
        lines.push(['GEOADD', 'a', east, north, `m${i}`])
      }
      for (const radius of [1, 50, 900, 10_000]) {
        for (const order of ['ASC', 'DESC']) {
          for (const tail of [[], ['COUNT', 7], ['COUNT', 60], ['COUNT', 30, 'ANY']]) {
            lines.push([
              'GEOSEARCH',
              'a',
              'FROMLONLAT',
              0,
              0,
              'BYRADIUS',
              radius,
              'km',
              order,
              'WITHDIST',
              ...tail,
            ])
            lines.push([
              'GEOSEARCH',
              'a',
              'FROMMEMBER',
              'm7',
              'BYBOX',
              radius,
              radius * 2,
              'km',
              order,
              ...tail,
            ])
          }
        }
        lines.push(['GEOSEARCH', 'a', 'FROMLONLAT', 1, 1, 'BYRADIUS', radius, 'mi', 'WITHCOORD', 'WITHHASH'])
        lines.push(['GEOSEARCH', 'a', 'FROMLONLAT', 1, 1, 'BYRADIUS', radius, 'mi', 'COUNT', 9, 'ANY'])
      }
      expect(await both.differences(lines)).toEqual([])
    }
  })

  test('distances are the same to the last bit nearly always', async () => {
    await limit(128)
    await both.reset()
    let x = 7
    const next = (max: number) => {
      x = (Math.imul(x, 1103515245) + 12345) | 0
      return ((x >>> 1) / 2 ** 30 - 1) * max
    }
    const lines: Line[] = Array.from({ length: 500 }, (_, i) => ['GEOADD', 'a', next(180), next(85), `m${i}`])
    for (let i = 0; i < 6; i++) {
      lines.push(['GEOSEARCHSTORE', `d${i}`, 'a', 'FROMMEMBER', `m${i}`, 'BYRADIUS', '1e8', 'm', 'STOREDIST'])
    }
    expect(await both.differences(lines)).toEqual([])
    let different = 0
    for (let i = 0; i < 6; i++) {
      const theirs = decode(await redis.run('ZRANGE', `d${i}`, 0, -1, 'WITHSCORES')) as string[]
      const ours = decode(both.runner.run('ZRANGE', `d${i}`, 0, -1, 'WITHSCORES')) as string[]
      expect(ours.length).toBe(1000)
      for (const [j, part] of theirs.entries()) {
        if (j % 2 === 0) continue
        if (Number(part) !== Number(ours[j])) different++
        expect(nearlyEqual(Number(part), Number(ours[j]))).toBe(true)
      }
    }
    expect(different).toBeLessThan(60)
  })
})
