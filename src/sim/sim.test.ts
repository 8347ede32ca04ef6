import { describe, expect, test } from 'vitest'
import { explainSeed, runSeeds } from './explain.js'
import { createPrng, random } from './prng.js'
import { runSeed } from './scenario.js'
import { FAILED_ONCE } from './seeds.js'
import { createTimeline, runUntil, schedule } from './timeline.js'

test('over a hundred seeds, clusters form, lose masters, and heal', () => {
  const report = runSeeds(1, 101)
  expect(report.failed, report.text).toEqual([])
  // The run proves something only if masters were lost and replaced.
  expect(Number(/(\d+) failovers/.exec(report.text)![1])).toBeGreaterThan(50)
}, 300_000)

test('seeds that failed once', () => {
  for (const { seed, found } of FAILED_ONCE) expect(runSeed(seed).violations, found).toEqual([])
})

test('a seed replays exactly', () => {
  expect(explainSeed(7, { all: true })).toBe(explainSeed(7, { all: true }))
  expect(explainSeed(7)).not.toBe(explainSeed(8))
})

describe('bugs put in on purpose are found', () => {
  const SEEDS_MAX = 60
  test.each([
    ['countVotesTwice', /wins epoch \d+ with \d of \d votes|two winners/],
    ['forgetEpoch', /has forgotten its vote|epoch goes back|votes twice|has forgotten what it told/],
    ['trustStrangers', /who is not a member/],
    ['standIncomplete', /is promoted without its shard's data/],
    ['keepVotes', /wins epoch \d+ a second time|with \d of \d votes/],
    ['answerUnsaved', /has forgotten what it told of itself/],
  ] as const)(
    '%s',
    (bug, expected) => {
      for (let seed = 1; seed <= SEEDS_MAX; seed++) {
        const { violations } = runSeed(seed, { bug })
        if (violations.length === 0) continue
        expect(violations.join('\n')).toMatch(expected)
        return
      }
      expect.unreachable(`${bug} was not found in ${SEEDS_MAX} seeds`)
    },
    300_000,
  )
})

test('virtual time runs events in order', () => {
  const timeline = createTimeline(0)
  const seen: string[] = []
  const prng = createPrng(3)
  const times = Array.from({ length: 200 }, () => Math.floor(random(prng) * 50))
  for (const [i, time] of times.entries()) {
    schedule(timeline, time, () =>
      seen.push(`${String(time).padStart(2, '0')} ${String(i).padStart(3, '0')}`),
    )
  }
  runUntil(timeline, 20)
  expect(timeline.now_ms).toBe(20)
  runUntil(timeline, 100)
  expect(seen).toHaveLength(200)
  expect(seen).toEqual([...seen].sort())
})
