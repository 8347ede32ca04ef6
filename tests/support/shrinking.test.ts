import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundedShrinking } from './shrinking.js'

/** Properties whose every run takes a second of a clock that the test moves. */
function clock() {
  let now_ms = 0
  let runs = 0
  const check = (fails: (n: number) => boolean) => {
    const property = fc.property(fc.array(fc.bigInt(), { minLength: 50 }), () => {
      runs++
      now_ms += 1000
      return !fails(runs)
    })
    const details = fc.check(property, {
      numRuns: 200,
      seed: 1,
      plugins: [boundedShrinking(10_000, () => now_ms)],
    })
    return { details, runs }
  }
  return check
}

test('shrinking ends, and what failed is reported with what replays it', () => {
  const { details, runs } = clock()((n) => n >= 5)
  expect(runs).toBe(5 + 10)
  expect(details.failed).toBe(true)
  expect(details.numShrinks).toBeGreaterThan(0)
  expect(details.counterexamplePath).toMatch(/^4:/)
})

test('a property that holds is never cut short', () => {
  const { details, runs } = clock()(() => false)
  expect(details).toMatchObject({ failed: false, interrupted: false, numRuns: 200 })
  expect(runs).toBe(200)
})

test('asynchronous properties likewise', async () => {
  let now_ms = 0
  const property = fc.asyncProperty(fc.array(fc.bigInt(), { minLength: 50 }), async () => {
    now_ms += 1000
    await Promise.resolve()
    return false
  })
  const plugins = [boundedShrinking(10_000, () => now_ms)]
  expect((await fc.check(property, { seed: 1, plugins })).failed).toBe(true)
  expect(now_ms).toBeLessThanOrEqual(11_000)
})

test('all tests draw the same cases', () => {
  expect(fc.readConfigureGlobal().seed).toBe(20261123)
})
