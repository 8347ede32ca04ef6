/** Keys that expire on a replica that clients may write to. */

import { afterAll, expect, test } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'

const nodes: RunningNode[] = []
afterAll(async () => {
  for (const node of nodes) await node.stop()
})

async function start(...options: string[]): Promise<RunningNode> {
  const node = await open(...options)
  nodes.push(node)
  return node
}

const tracked = async (node: RunningNode) =>
  Number(/slave_expires_tracked_keys:(\d+)/.exec(String(await node.call('INFO', 'stats')))![1])

test('what a client wrote there expires there; what the master wrote is only hidden', async () => {
  const master = await start('--enable-debug-command', 'yes')
  const replica = await start('--replicaof', `127.0.0.1 ${master.port}`, '--replica-read-only', 'no')
  await expect.poll(async () => await replica.call('INFO', 'replication')).toContain('master_link_status:up')
  await master.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  await master.call('SET', 'theirs', '1', 'PX', '20')
  await expect.poll(async () => await replica.call('DBSIZE')).toBe(1)
  expect(await tracked(replica)).toBe(0)

  await replica.call('SET', 'short', '1', 'PX', '20')
  await replica.call('MSET', 'long', '1', 'plain', '1')
  await replica.call('EXPIRE', 'long', '1000')
  await expect.poll(() => tracked(replica)).toBe(1)
  await expect.poll(async () => await replica.call('DBSIZE')).toBe(3)
  expect(await replica.call('GET', 'theirs')).toBe(null)
  expect(await replica.call('GET', 'short')).toBe(null)
  expect(await replica.call('INFO', 'stats')).toContain('expired_keys:1\r\n')

  // What does not expire any more, or is gone, is forgotten; a master remembers nothing.
  await replica.call('PERSIST', 'long')
  await expect.poll(() => tracked(replica)).toBe(0)
  await replica.call('EXPIRE', 'long', '1000')
  expect(await tracked(replica)).toBe(1)
  await replica.call('REPLICAOF', 'NO', 'ONE')
  expect(await tracked(replica)).toBe(0)
})
