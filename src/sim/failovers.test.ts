import { expect, test } from 'vitest'
import { failoverTimes } from './failovers.js'

test('three of seven masters that die at once are replaced without a split vote', () => {
  const three = { masters: 7, replicas: 1, dying: 3, nodeTimeout_ms: 1000, latency_ms: 20 }
  // Detection takes one to one and a half node timeouts, each election half a second to one; a retry comes after 3 s.
  expect(failoverTimes(three, 1, 8).max_ms).toBeLessThan(4000)
}, 120_000)
