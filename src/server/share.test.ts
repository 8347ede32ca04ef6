import { expect, test } from 'vitest'
import { Share } from './share.js'

test('one long command does not use up a share, two do', () => {
  const share = new Share()
  share.begin()
  share.spend(10)
  share.spend(50_000)
  share.spend(10)
  expect(share.isUsedUp).toBe(false)
  share.spend(5000)
  expect(share.isUsedUp).toBe(true)
  share.begin()
  expect(share.isUsedUp).toBe(false)
})

test('many short commands use up a share', () => {
  const share = new Share()
  share.begin()
  for (let i = 0; i < 40; i++) share.spend(100)
  expect(share.isUsedUp).toBe(false)
  share.spend(100)
  expect(share.isUsedUp).toBe(true)
})
