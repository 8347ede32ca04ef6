/** Clients that wait for keys: who is served, when, in which order, and what ends a wait otherwise. */

import { afterEach, describe, expect, test } from 'vitest'
import { type Caller, open, type RunningNode } from '../../tests/support/node.js'

let cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

async function start(...options: string[]): Promise<RunningNode> {
  const node = await open(...options)
  cleanups.push(() => node.stop())
  return node
}

async function client(node: RunningNode): Promise<Caller> {
  const made = await node.another()
  cleanups.push(() => made.connection.close())
  return made
}

/** Resolves when so many clients wait. */
async function waiting(node: RunningNode, count: number): Promise<void> {
  await expect.poll(() => node.node.waits.count, { interval: 1 }).toBe(count)
}

describe('waiting for a list', () => {
  test('ends with an element, first come first served', async () => {
    const node = await start()
    const [a, b] = [await client(node), await client(node)]
    const first = a.call('BLPOP', 'other', 'list', '0')
    await waiting(node, 1)
    const second = b.call('BRPOP', 'list', '0')
    await waiting(node, 2)
    expect(await node.call('RPUSH', 'list', '1', '2', '3')).toBe(3)
    expect(await first).toEqual(['list', '1'])
    expect(await second).toEqual(['list', '3'])
    expect(await node.call('LRANGE', 'list', '0', '-1')).toEqual(['2'])
    expect(node.node.waits.count).toBe(0)
    expect(node.node.waits.keys).toBe(0)
    expect(node.node.keyspace.watchers).toBe(0)
  })

  test('ends with nil when the time is over', async () => {
    const node = await start()
    expect(await node.call('BLPOP', 'list', '0.01')).toBe(null)
    expect(await node.call('BLMOVE', 'list', 'other', 'LEFT', 'LEFT', '0.01')).toBe(null)
    expect(node.node.waits.count).toBe(0)
  })
})
