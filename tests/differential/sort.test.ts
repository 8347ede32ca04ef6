/**
 * SORT beside redis-server: random keys and options give the same bytes, the same notifications and the same in the append-only
 * file. Sets have no order of their own, nor have elements of which nothing says which comes first; these are compared as they
 * can be.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Difference, type Line } from '../support/compare.js'
import { bytesOf, latin1, type Part } from '../support/runner.js'
import { decode } from '../support/wire.js'
import { integer, value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 45)

const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

const number: fc.Arbitrary<Part> = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: -15, max: 30 }).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '1.5',
      '1.50',
      '-0',
      '1e3',
      'inf',
      '-inf',
      '0x10',
      '1e300',
      '9007199254740993',
      '3.',
    ),
  },
)
/** No number that is out of range: Redis looks at an errno that it never clears, and then takes every number for one. */
const strange = fc.constantFrom<Part>(
  '',
  ' 7',
  '7 ',
  'nan',
  '5\0x',
  '5\0y',
  '\0',
  'x->y',
  '*',
  'abcdefg',
  'abcdefh',
)
const element: fc.Arbitrary<Part> = fc.oneof(
  { weight: 20, arbitrary: number },
  { weight: 1, arbitrary: strange },
)
const anyElement: fc.Arbitrary<Part> = fc.oneof(
  number,
  strange,
  value.filter((one) => !/e[+-]?\d{2}/i.test(latin1(bytesOf(one)))),
)
const key = fc.constantFrom<Part>('list', 'list', 'other', 'set', 'zset', 'string', 'none')
const pattern = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.constantFrom<Part>('w_*', 'w_*', 'h_*->f', 'h_*->g', '*', 'nosort', '#', 'w_*x', 'h_*->'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Part>(
      '',
      '*_w*',
      'h_*->f->g',
      'h_->*',
      'w_\0*',
      'list*->x',
      '#*',
      '##',
      'w_*\0x',
      '->*',
    ),
  },
)
const bound = fc.oneof(fc.integer({ min: -2, max: 14 }).map(String), integer)
const option: fc.Arbitrary<readonly Part[]> = fc.oneof(
  { weight: 4, arbitrary: oneOf('ASC', 'DESC', 'DESC').map((word) => [word]) },
  { weight: 3, arbitrary: oneOf('ALPHA').map((word) => [word]) },
  { weight: 4, arbitrary: words('LIMIT', bound, bound) },
  { weight: 5, arbitrary: words('BY', pattern) },
  { weight: 4, arbitrary: words('GET', pattern) },
  { weight: 2, arbitrary: words('STORE', fc.constantFrom('to', 'list')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<readonly Part[]>(['bogus'], ['LIMIT', '1'], ['GET'], ['BY'], ['STORE']),
  },
)
const small = fc.integer({ min: -15, max: 30 }).map(String)
const filling = fc.oneof(
  { weight: 5, arbitrary: words('RPUSH', fc.constantFrom('list', 'other'), some(element, 20, 1)) },
  { weight: 1, arbitrary: words('RPUSH', fc.constantFrom('list', 'other'), some(anyElement, 9, 1)) },
  { weight: 3, arbitrary: words('SADD', fc.constant('set'), some(element, 9, 1)) },
  { weight: 3, arbitrary: words('ZADD', fc.constant('zset'), some(fc.tuple(small, element), 6, 1)) },
  {
    weight: 12,
    arbitrary: fc.tuple(small, element).map(([of, weight]): Part[] => ['SET', `w_${of}`, weight]),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(small, fc.constantFrom('f', 'g', 'f->g'), element)
      .map(([of, field, weight]): Part[] => ['HSET', `h_${of}`, field, weight]),
  },
  { weight: 1, arbitrary: fc.constant<Part[]>(['SET', 'string', '1']) },
)
const sorting = fc.oneof(
  { weight: 8, arbitrary: words('SORT', key, some(option, 5)) },
  { weight: 2, arbitrary: words('SORT_RO', key, some(option, 4)) },
)
const looking = fc.oneof(
  words('LRANGE', fc.constantFrom('to', 'list'), fc.constant('0'), fc.constant('-1')),
  words('DEL', fc.constantFrom('list', 'set', 'to')),
)

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

describe.skipIf(missing('redis-server'))('SORT beside redis-server', () => {
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
      await fc.assert(
        fc.asyncProperty(sequence, async (lines) => {
          await both.reset(protocol)
          const found = await both.differences(lines, alike)
          expect(found.filter((difference) => !isAboutMisses(difference))).toEqual([])
        }),
        { numRuns: RUNS, endOnFailure: false },
      )
    })
  }

  test('what goes out', async () => {
    await fc.assert(
      fc.asyncProperty(sequence, async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      { numRuns: RUNS, endOnFailure: false },
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
