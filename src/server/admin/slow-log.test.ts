import { expect, test } from 'vitest'
import { Args } from '../../resp/args.js'
import { SlowLog } from './slow-log.js'

test('keeps the newest, the newest first, however many come', () => {
  const log = new SlowLog()
  const args = new Args()
  const add = (limit: number) => log.add(args, () => false, 1, 0, '', '', limit)
  const ids = (count: number) => log.newest(count).map(({ id }) => id)
  for (let i = 0; i < 100; i++) {
    add(7)
    expect(log.length).toBe(Math.min(i + 1, 7))
    expect(ids(2)).toEqual(i === 0 ? [0] : [i, i - 1])
  }
  expect(ids(100)).toEqual([99, 98, 97, 96, 95, 94, 93])
  log.trim(2)
  expect(ids(100)).toEqual([99, 98])
  add(0)
  expect([log.length, ids(5)]).toEqual([0, []])
  add(3)
  expect(ids(5)).toEqual([101])
  log.reset()
  expect(log.length).toBe(0)
})
