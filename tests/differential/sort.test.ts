/**
 * SORT beside redis-server: random keys and options give the same bytes, the same notifications and the same in the append-only
 * file. Sets have no order of their own, nor have elements of which nothing says which comes first; these are compared as they
 * can be.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { alikeSorts, isAboutMisses, stable } from './alike.js'
import { filling, looking, sorting } from './arbitrary-sort.js'

const RUNS = runsOf(45)

describe.skipIf(missing('redis-server'))('SORT beside redis-server', DEEP, () => {
  let both: Comparison

  beforeAll(async () => {
    both = await Comparison.start()
  })
  afterAll(async () => {
    await both?.stop()
  })

  const sequence = fc
    .tuple(
      fc.array(filling, { minLength: 5, maxLength: 60, size: 'max' }),
      fc.array(fc.oneof({ weight: 6, arbitrary: sorting }, looking), {
        minLength: 1,
        maxLength: 30,
        size: 'max',
      }),
    )
    .map(([first, then]): Line[] => [...first, ...then].filter(stable))

  for (const protocol of [2, 3]) {
    test(`random options, RESP${protocol}`, async () => {
      await holds(
        fc.asyncProperty(sequence, async (lines) => {
          await both.reset(protocol)
          const found = await both.differences(lines, alikeSorts)
          expect(found.filter((difference) => !isAboutMisses(difference))).toEqual([])
        }),
        RUNS,
      )
    })
  }

  test('what goes out', async () => {
    await holds(
      fc.asyncProperty(sequence, async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      RUNS,
    )
  })

  test('many elements, equal ones in the order that Redis leaves them in', async () => {
    await both.reset()
    let x = 99
    const next = (max: number) => {
      x = (Math.imul(x, 1103515245) + 12345) | 0
      return (x >>> 8) % max
    }
    const lines: Line[] = []
    for (let i = 0; i < 40; i++)
      lines.push(['SET', `w_${i}`, 'abcdefgh'[next(8)]!], ['SET', `n_${i}`, next(5)])
    lines.push(['RPUSH', 'list', ...Array.from({ length: 600 }, () => next(60))])
    lines.push(['RPUSH', 'wide', ...Array.from({ length: 600 }, () => next(10_000) / 8)])
    for (const order of ['ASC', 'DESC']) {
      for (const limit of [[], ['LIMIT', 0, 10], ['LIMIT', 100, 50], ['LIMIT', 590, 100]]) {
        lines.push(['SORT', 'list', 'BY', 'w_*', 'ALPHA', order, ...limit])
        lines.push(['SORT', 'list', 'BY', 'n_*', order, ...limit, 'GET', '#', 'GET', 'n_*'])
        lines.push(['SORT', 'list', order, ...limit], ['SORT', 'list', 'ALPHA', order, ...limit])
        lines.push(
          ['SORT', 'wide', order, ...limit],
          ['SORT', 'wide', 'ALPHA', order, ...limit, 'STORE', 'to'],
        )
        lines.push(['LRANGE', 'to', 0, -1])
      }
    }
    expect(await both.differences(lines)).toEqual([])
  })
})
