/** Keys that clients of a writable replica let expire go; those of its master wait for the master. */

import { afterEach, expect, test, vi } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'

const running: RunningNode[] = []

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(condition()).toBe(true), { timeout: 30_000, interval: 10 })
}

test('a writable replica removes what its own clients let expire', async () => {
  const master = await open('--enable-debug-command', 'yes')
  const replica = await open('--replica-read-only', 'no')
  running.push(master, replica)
  await replica.call('REPLICAOF', '127.0.0.1', master.port)
  await until(() => replica.log.some((line) => line.includes('Finished with success')))
  await master.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  await master.call('SET', 'theirs', 'x', 'PX', '1')
  await until(() => replica.node.keyspace.size === 1)
  await replica.call('SET', 'tracked', 'x', 'EX', '1000')
  expect(String(await replica.call('INFO', 'stats'))).toContain('\r\nslave_expires_tracked_keys:1\r\n')
  await replica.call('DEL', 'tracked')
  await replica.call('SET', 'set', 'x', 'PX', '10')
  await replica.call('SET', 'expire', 'x')
  await replica.call('PEXPIRE', 'expire', '10')
  await replica.call('MSETEX', '1', 'msetex', 'x', 'PX', '10')
  await replica.call('SET', 'kept', 'x', 'EX', '1000')
  await replica.call('PERSIST', 'kept')
  await until(() => replica.node.keyspace.size === 2 && replica.node.ownExpiry.size === 0)
  expect(await replica.call('EXISTS', 'kept', 'theirs', 'set', 'expire', 'msetex')).toBe(1)
  expect(replica.node.keyspace.expiredKeys).toBe(3)
  // The master's key is hidden, and there until the master says so.
  expect(replica.node.keyspace.databases[0]!.size).toBe(2)
  await master.call('DEL', 'theirs')
  await until(() => replica.node.keyspace.size === 1)
})
