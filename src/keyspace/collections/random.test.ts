/** Large sets: members at random, as likely all of them, and members of lengths that take one header or the other. */

import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace.js'

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))

function largeSet(members: readonly string[]): { keyspace: Keyspace; set: number } {
  let seed = 7
  const random32 = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d)
  }
  const keyspace = new Keyspace({ databases: 1, cluster: false, random32 })
  keyspace.limit = () => 0
  const set = keyspace.sets.create(new Uint8Array(0), 0, 0, 1)
  for (const member of members) keyspace.sets.add(set, bytes(member), 0, member.length)
  return { keyspace, set }
}

test('every member of a large set is as likely', () => {
  const members = Array.from({ length: 200 }, (_, i) => `member:${i}`)
  const { keyspace, set } = largeSet(members)
  const seen = new Map<string, number>()
  const draws = 40_000
  for (let i = 0; i < draws; i++) {
    keyspace.sets.random(set)
    const drawn = keyspace.sets.member.text()
    seen.set(drawn, (seen.get(drawn) ?? 0) + 1)
  }
  const each = draws / members.length
  const chi = members.reduce((sum, member) => sum + ((seen.get(member) ?? 0) - each) ** 2 / each, 0)
  // 199 degrees of freedom: beyond 280 once in ten thousand.
  expect(chi).toBeLessThan(280)
})

test('what was drawn is taken out, down to the last member, and nothing is left in the heap', () => {
  const members = Array.from({ length: 3000 }, (_, i) => `${i}:${'x'.repeat(i % 300)}`)
  const { keyspace, set } = largeSet(members)
  const { sets } = keyspace
  const left = new Set(members)
  while (left.size > 0) {
    sets.random(set)
    const drawn = sets.member.text()
    sets.removeShown(set)
    expect(left.delete(drawn)).toBe(true)
    expect(sets.size(set)).toBe(left.size)
    expect(sets.has(set, bytes(drawn), 0, drawn.length)).toBe(false)
  }
  keyspace.release(set)
  expect(keyspace.heap.usedBytes).toBe(0)
})

test('where places are drawn ahead, every member is as likely, while others come and go', () => {
  const count = 12_000
  const name = (i: number) => `member:${i}`
  const { keyspace, set } = largeSet(Array.from({ length: count }, (_, i) => name(i)))
  const { sets } = keyspace
  const seen = new Uint32Array(count)
  const draws = 240_000
  let turns = 0
  for (let i = 0; i < draws; ) {
    // What is taken out comes back; others come, until the table has grown, and go.
    const other = bytes(`other:${turns}`)
    if (turns < 20_000) sets.add(set, other, 0, other.length)
    else if (turns < 40_000) {
      const gone = bytes(`other:${turns - 20_000}`)
      sets.remove(set, gone, 0, gone.length)
    }
    turns++
    sets.random(set)
    const drawn = sets.member.text()
    if (turns % 3 === 0) {
      sets.removeShown(set)
      expect(sets.add(set, bytes(drawn), 0, drawn.length)).toBe(true)
    }
    if (!drawn.startsWith('member:')) continue
    seen[Number(drawn.slice(7))]!++
    i++
  }
  const each = draws / count
  const chi = seen.reduce((sum, times) => sum + (times - each) ** 2 / each, 0)
  // 11999 degrees of freedom, a standard deviation of 155: beyond five of them once in some million.
  expect(Math.abs(chi - count)).toBeLessThan(5 * 155)
})

test('members around the length that takes a longer header', () => {
  const members = [0, 1, 14, 15, 16, 126, 127, 128, 129, 255, 256, 70_000].map((length) => 'm'.repeat(length))
  const { keyspace, set } = largeSet(members)
  const { sets } = keyspace
  for (const member of members) {
    expect(sets.has(set, bytes(member), 0, member.length)).toBe(true)
    expect(sets.add(set, bytes(member), 0, member.length)).toBe(false)
  }
  const shown: number[] = []
  sets.forEach(set, () => shown.push(sets.member.length))
  expect(shown.sort((a, b) => a - b)).toEqual(members.map((member) => member.length))
  const copy = keyspace.sets.create(new Uint8Array(0), 0, 0, 1)
  sets.release(copy)
  sets.copyOwned(set, copy)
  for (const member of members) expect(sets.remove(copy, bytes(member), 0, member.length)).toBe(true)
})
