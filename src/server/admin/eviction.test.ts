import { expect, test } from 'vitest'
import { knownFrequency } from '../../keyspace/frequency.js'
import { createConfig } from '../config/config.js'
import { ServerNode } from '../node.js'
import { attachAdmin } from './index.js'

const bytes = (text: string): Uint8Array => Buffer.from(text)

/** A node with a clock of ours, 200 keys of a kilobyte in it, each used a second after the one before. */
function fullNode(policy: string) {
  let now_ms = 1_700_000_000_000
  const clock = { now_ms: () => now_ms, monotonic_us: () => now_ms * 1000 }
  const config = createConfig('/')
  let state = 1
  const random32 = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    return state ^ (state >>> 13)
  }
  const node = new ServerNode({ config, clock, random32, log: () => {} })
  attachAdmin(node)
  config.values['maxmemory-policy'] = policy as (typeof config.values)['maxmemory-policy']
  config.values['maxmemory-eviction-tenacity'] = 100
  config.values['maxmemory-samples'] = 50
  const db = node.keyspace.databases[0]!
  const value = new Uint8Array(1024)
  for (let i = 0; i < 200; i++) {
    now_ms += 1000
    node.tick()
    const expiry = i % 2 === 0 ? -1 : now_ms + 1_000_000 - i * 2000
    const key = bytes(`k${i}`)
    db.setString(key, 0, key.length, value, 0, value.length, expiry)
  }
  now_ms += 1000
  node.tick()
  const left = (): number[] =>
    Array.from({ length: 200 }, (_, i) => i).filter((i) => db.peek(bytes(`k${i}`), 0, `k${i}`.length) !== 0)
  return {
    node,
    db,
    left,
    limitTo: (less: number) => {
      node.outOfMemory()
      config.values.maxmemory = Number(/used_memory:(\d+)/.exec(node.info.text(['memory']))![1]) - less
    },
  }
}

test('noeviction refuses, and touches nothing', () => {
  const { node, left, limitTo } = fullNode('noeviction')
  expect(node.outOfMemory()).toBe(false)
  limitTo(10_000)
  expect(node.outOfMemory()).toBe(true)
  expect(left().length).toBe(200)
  expect(node.stats.evictedKeys).toBe(0)
})

test.each(['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl', 'volatile-random'])(
  '%s',
  (policy) => {
    const { node, left, limitTo } = fullNode(policy)
    limitTo(50_000)
    const sent: string[] = []
    node.propagation.feeds.push({
      feed: (_db, buf, start, end) => sent.push(Buffer.from(buf.subarray(start, end)).toString()),
    })
    expect(node.outOfMemory()).toBe(false)
    const kept = left()
    const gone = Array.from({ length: 200 }, (_, i) => i).filter((i) => !kept.includes(i))
    expect(gone.length).toBeGreaterThanOrEqual(40)
    expect(gone.length).toBeLessThan(60)
    expect(node.stats.evictedKeys).toBe(gone.length)
    expect(sent.length).toBe(gone.length)
    expect(sent[0]).toMatch(/^\*2\r\n\$3\r\nDEL\r\n\$\d\r\nk\d+\r\n$/)
    const mean = gone.reduce((sum, i) => sum + i, 0) / gone.length
    if (policy.startsWith('volatile')) expect(gone.every((i) => i % 2 === 1)).toBe(true)
    if (policy === 'volatile-ttl') expect(mean).toBeGreaterThan(140)
    if (policy.endsWith('lru')) expect(mean).toBeLessThan(60)
  },
)

test('with nothing that may go, a command is refused', () => {
  const { node, left, limitTo } = fullNode('volatile-lru')
  limitTo(180_000)
  expect(node.outOfMemory()).toBe(true)
  expect(left().every((i) => i % 2 === 0)).toBe(true)
})

test('a replica leaves it to its master', () => {
  const { node, left, limitTo } = fullNode('allkeys-lru')
  limitTo(50_000)
  node.setRole(true)
  expect(node.outOfMemory()).toBe(false)
  expect(left().length).toBe(200)
})

test.each(['allkeys-lfu', 'volatile-lfu'])('%s: what is used more often stays', (policy) => {
  const { node, db, left, limitTo } = fullNode(policy)
  node.keyspace.lfu = true
  for (let i = 0; i < 200; i++) {
    const key = bytes(`k${i}`)
    const counter = i % 4 < 2 ? 200 : 1
    db.entries.setAccess(db.peek(key, 0, key.length), knownFrequency(node.keyspace, counter))
  }
  limitTo(30_000)
  expect(node.outOfMemory()).toBe(false)
  const kept = left()
  expect(kept.length).toBeLessThan(180)
  expect(kept.filter((i) => i % 4 < 2).length).toBe(100)
})

test('what one turn has written too much goes when the turn ends', () => {
  const { node, left, limitTo } = fullNode('allkeys-lru')
  limitTo(50_000)
  node.pause(false, Number.MAX_SAFE_INTEGER)
  node.turn.end()
  expect(left().length).toBe(200)
  node.unpause()
  node.turn.end()
  expect(left().length).toBeLessThan(170)
  expect(left()).toContain(199)
})
