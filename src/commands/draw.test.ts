/** Several members at random of a small set: different ones, each as likely as any other, with their own scores. */

import { expect, test } from 'vitest'
import { Runner } from '../../tests/support/runner.js'
import { decode } from '../../tests/support/wire.js'

const DRAWS = 4000

test('each member of a small set is drawn as often, whatever form the set has', () => {
  const runner = new Runner()
  runner.run('SADD', 'integers', 5, 17, -3, 40000, 8, 99, 1e12)
  runner.run('SADD', 'names', 'a', 'bb', 'ccc', 17, 'd'.repeat(64), 'e', 'f')
  runner.run('ZADD', 'scores', 1, 'a', 2.5, 'b', -3, 'c', 4, 17, 'inf', 'e', 6, 'f', 7, 'g'.repeat(64))
  for (const [word, key] of [
    ['SRANDMEMBER', 'integers'],
    ['SRANDMEMBER', 'names'],
    ['ZRANDMEMBER', 'scores'],
  ] as const) {
    for (const many of [2, 3, 6]) {
      const seen = new Map<string, number>()
      for (let i = 0; i < DRAWS; i++) {
        const drawn = decode(runner.run(word, key, many)) as string[]
        expect(new Set(drawn).size).toBe(many)
        for (const name of drawn) seen.set(name, (seen.get(name) ?? 0) + 1)
      }
      expect(seen.size).toBe(7)
      // Five standard deviations to each side.
      const share = many / 7
      const deviation = Math.sqrt(DRAWS * share * (1 - share))
      for (const count of seen.values()) expect(Math.abs(count - DRAWS * share)).toBeLessThan(5 * deviation)
    }
  }
})

test('members come with their own scores, and all of them where as many are asked for', () => {
  const runner = new Runner()
  runner.run('ZADD', 'scores', 1, 'a', 2.5, 'b', -3, 'c')
  const scores: Record<string, string> = { a: '1', b: '2.5', c: '-3' }
  for (let i = 0; i < 100; i++) {
    const drawn = decode(runner.run('ZRANDMEMBER', 'scores', 2, 'WITHSCORES')) as string[]
    expect(drawn.length).toBe(4)
    expect([drawn[1], drawn[3]]).toEqual([scores[drawn[0]!], scores[drawn[2]!]])
  }
  for (const many of [3, 4, 100])
    expect(decode(runner.run('ZRANDMEMBER', 'scores', many))).toEqual(['c', 'a', 'b'])
  expect(decode(runner.run('ZRANDMEMBER', 'scores', 0))).toEqual([])
  expect(decode(runner.run('SRANDMEMBER', 'none', 2))).toEqual([])
})
