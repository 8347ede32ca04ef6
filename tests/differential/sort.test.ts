/**
 * SORT beside redis-server: random keys and options give the same bytes, the same notifications and the same in the append-only
 * file. Sets have no order of their own, nor have elements of which nothing says which comes first; these are compared as they
 * can be.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Difference, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { bytesOf, latin1 } from '../support/runner.js'
import { decode } from '../support/wire.js'
import { filling, looking, sorting } from './arbitrary-sort.js'

const RUNS = runsOf(45)

const has = (line: Line, word: string) => line.some((part) => String(part).toLowerCase() === word)

/** Where nothing says what comes first, the same elements count, and with LIMIT as many. */
function alike(line: Line, redis: string, shoal: string): boolean {
  const name = latin1(bytesOf(line[1] ?? ''))
  const unordered = name === 'set' || name === 'zset'
  if (!unordered || !(has(line, 'by') || has(line, 'alpha')) || redis[0] !== '*' || shoal[0] !== '*')
    return false
  const a = decode(redis) as unknown[]
  const b = decode(shoal) as unknown[]
  if (has(line, 'limit') || has(line, 'get')) return a.length === b.length
  return [...a].map(String).sort().join() === [...b].map(String).sort().join()
}

/** Which keys are missed depends on the order of a set's members; in lists it is compared below. */
function isAboutMisses({ command, redis, shoal }: Difference): boolean {
  const others = (list: string) => list.replace(/keymiss 0 [^;]*(; |$)/g, '')
  return command === 'notifications' && others(redis) === others(shoal)
}

/** Sorts without an order that are stored would make the rest of the sequence another one. */
const stable = (line: Line) =>
  !((has(line, 'by') || has(line, 'alpha')) && has(line, 'store') && (has(line, 'set') || has(line, 'zset')))

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
          const found = await both.differences(lines, alike)
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
