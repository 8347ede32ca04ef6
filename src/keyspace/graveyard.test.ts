import { expect, test } from 'vitest'
import { Runner } from '../../tests/support/runner.js'
import { Graveyard } from './graveyard.js'

const MEMBERS = 3000

/** A keyspace with a large collection of each type, whose graveyard somebody looks after. */
function filled() {
  const runner = new Runner()
  let woken = 0
  runner.keyspace.graveyard.wake = () => {
    woken++
  }
  const before = runner.keyspace.heap.usedBytes
  for (let i = 0; i < MEMBERS; i++) {
    runner.run('HSET', 'hash', `field:${i}`, 'x')
    runner.run('SADD', 'set', `member:${i}`)
    runner.run('ZADD', 'zset', i, `member:${i}`)
    runner.run('RPUSH', 'list', `element:${i}`.padEnd(300, '.'))
    runner.run('XADD', 'stream', `${i + 1}-0`, 'field', 'value'.padEnd(1500, '.'))
  }
  return { runner, before, woken: () => woken, graveyard: runner.keyspace.graveyard }
}

test.each(['DEL', 'UNLINK'])('%s: large values go at once, and their memory in pieces', (command) => {
  const { runner, before, woken, graveyard } = filled()
  for (const [i, key] of ['hash', 'set', 'zset', 'list', 'stream'].entries()) {
    const used = runner.keyspace.heap.usedBytes
    expect(runner.run(command, key)).toBe(':1\r\n')
    expect(runner.run('EXISTS', key)).toBe(':0\r\n')
    expect([key, graveyard.pending, graveyard.freed, woken()]).toEqual([key, 1, i, i + 1])
    // Nothing but the entry's own block was freed.
    expect(used - runner.keyspace.heap.usedBytes).toBeLessThan(1000)
    let pieces = 1
    while (graveyard.dig(20)) pieces++
    expect([key, pieces > 2]).toEqual([key, true])
    expect([graveyard.pending, graveyard.freed]).toEqual([0, i + 1])
  }
  expect(runner.keyspace.heap.usedBytes).toBe(before)
  expect(runner.keyspace.large.bytes).toBe(0)
})

test('what takes the place of a large value, or flushes it, frees it in pieces, too', () => {
  const { runner, before, graveyard } = filled()
  runner.run('SET', 'hash', 'x')
  expect(graveyard.pending).toBe(1)
  runner.run('RENAME', 'hash', 'set')
  expect(graveyard.pending).toBe(2)
  runner.run('PEXPIRE', 'zset', 1)
  runner.now_ms += 10
  runner.run('GET', 'zset')
  expect(graveyard.pending).toBe(3)
  expect(runner.run('FLUSHDB', 'ASYNC')).toBe('+OK\r\n')
  // The string, the list and the stream that were left.
  expect(graveyard.pending).toBe(6)
  while (graveyard.dig(100));
  expect(graveyard.pending).toBe(0)
  expect(runner.keyspace.heap.usedBytes).toBe(before)
})

test('a whole flush leaves nothing to be freed', () => {
  const { runner, before, graveyard } = filled()
  runner.run('DEL', 'hash')
  expect(runner.run('FLUSHALL')).toBe('+OK\r\n')
  expect([graveyard.pending, graveyard.dig(1)]).toEqual([0, false])
  expect(runner.keyspace.heap.usedBytes).toBe(before)
  expect(runner.keyspace.large.bytes).toBe(0)
})

test('what is buried first is dug first, and is forgotten once', () => {
  const graveyard = new Graveyard()
  const freed: number[] = []
  const over: number[] = []
  for (let i = 0; i < 100; i++) {
    let left = i % 3
    const freeSome = () => {
      freed.push(i)
      return left-- > 0
    }
    graveyard.bury({ freeSome }, 1, () => over.push(i))
  }
  for (let i = 0; i < 60; i++) graveyard.dig(1)
  expect(freed).toEqual([...freed].sort((a, b) => a - b))
  expect(graveyard.pending).toBe(100 - over.length)
  graveyard.clear()
  expect(over).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(graveyard.dig(1)).toBe(false)
})
