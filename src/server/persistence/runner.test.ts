import { expect, test } from 'vitest'
import { NO_EXPIRY } from '../../keyspace/entries.js'
import { Keyspace } from '../../keyspace/keyspace.js'
import { RdbWriter } from '../../persistence/rdb/writer.js'
import { RdbTarget } from '../../persistence/snapshot.js'
import { SnapshotRunner } from './runner.js'

/** Time passes only while somebody looks at it: so much a look. */
const LOOK_US = 100

test('a slice looks at the clock every few entries, and ends within a millisecond', async () => {
  const keyspace = new Keyspace({ databases: 1, cluster: false, random32: () => 7 })
  const [db] = keyspace.databases
  const value = Buffer.from('value')
  for (let i = 0; i < 20_000; i++) {
    const key = Buffer.from(`key:${i}`)
    db!.setString(key, 0, key.length, value, 0, value.length, NO_EXPIRY)
  }
  let now_us = 0
  let saved = 0
  let mostBetweenLooks = 0
  const runner = new SnapshotRunner(keyspace, {
    now_ms: () => 0,
    monotonic_us: () => {
      mostBetweenLooks = Math.max(mostBetweenLooks, runner.keysProcessed - saved)
      saved = runner.keysProcessed
      now_us += LOOK_US
      return now_us
    },
  })
  const slices: number[] = []
  let over = false
  runner.start({
    kind: 'rdb',
    target: new RdbTarget(new RdbWriter({ onBlock() {} }), 'none'),
    behind: () => false,
    walked: () => {
      over = true
    },
    aborted() {},
  })
  expect(runner.keysProcessed).toBe(0) // nothing at once, however much there is
  while (!over) {
    const before_us = now_us
    await new Promise((resolve) => setImmediate(resolve))
    slices.push(now_us - before_us)
  }
  expect(slices.length).toBeGreaterThan(10)
  expect(Math.max(...slices)).toBeLessThanOrEqual(1000 + 2 * LOOK_US)
  expect(mostBetweenLooks).toBeGreaterThan(0)
  expect(mostBetweenLooks).toBeLessThanOrEqual(64 + 36)
})
