import { expect, test } from 'vitest'
import { ascii } from '../bytes/ascii.js'
import { NO_EXPIRY } from './entries.js'
import { frequencyOf, knownFrequency, usedAgain } from './frequency.js'
import { Keyspace } from './keyspace.js'

function keyspace(): Keyspace {
  let seed = 42
  const made = new Keyspace({
    databases: 1,
    cluster: false,
    random32: () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      return seed
    },
  })
  made.setTime(1_700_000_000_000)
  made.lfu = true
  return made
}

test('the counter grows with use, ever more slowly, and ends at 255', () => {
  const space = keyspace()
  const after = (uses: number): number => {
    let access = knownFrequency(space, 5)
    for (let i = 0; i < uses; i++) access = usedAgain(space, access)
    return frequencyOf(space, access)
  }
  // The table in Redis's redis.conf for lfu-log-factor 10: 100 uses 10, 1000 uses 18, 100 000 uses 142.
  expect(Math.abs(after(100) - 10)).toBeLessThanOrEqual(4)
  expect(Math.abs(after(1000) - 18)).toBeLessThanOrEqual(6)
  expect(Math.abs(after(100_000) - 142)).toBeLessThanOrEqual(25)
  expect(after(3_000_000)).toBe(255)
})

test('it falls by one for each period without use', () => {
  const space = keyspace()
  const access = knownFrequency(space, 100)
  space.setTime(space.now_ms + 3 * 60_000)
  expect(frequencyOf(space, access)).toBe(97)
  space.lfuDecayTime_min = 2
  expect(frequencyOf(space, access)).toBe(99)
  space.lfuDecayTime_min = 0
  expect(frequencyOf(space, access)).toBe(100)
  space.lfuDecayTime_min = 1
  space.setTime(space.now_ms + 200 * 60_000)
  expect(frequencyOf(space, access)).toBe(0)
})

test('keys are counted when they are read and written, and keep their count', () => {
  const space = keyspace()
  const db = space.databases[0]!
  const key = ascii('k')
  const count = () => frequencyOf(space, db.entries.access(db.peek(key, 0, 1)))
  db.setString(key, 0, 1, ascii('abc'), 0, 3, NO_EXPIRY)
  expect(count()).toBe(5)
  for (let i = 0; i < 50; i++) db.read(key, 0, 1)
  const read = count()
  expect(read).toBeGreaterThan(6)
  db.setString(key, 0, 1, ascii('a longer value than before, in another block'), 0, 40, NO_EXPIRY)
  expect(count()).toBeGreaterThanOrEqual(read)
  db.find(key, 0, 1)
  expect(count()).toBeLessThanOrEqual(read + 1)
})
