/** What goes on later looks whether it still may: docs/internals/continuations.md. */

import { afterEach, expect, test, vi } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'

const running: RunningNode[] = []
const PATIENCE = { timeout: 30_000, interval: 20 }

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function start(...options: string[]): Promise<RunningNode> {
  const node = await open(...options)
  running.push(node)
  return node
}

/** Resolves when the node's cron has run the given number of times more. */
async function ticks({ node }: RunningNode, count: number): Promise<void> {
  let left = count
  node.regulars.push({ cron: () => left-- })
  await vi.waitUntil(() => left <= 0, PATIENCE)
}

function fail({ node }: RunningNode): void {
  // Nothing catches what the node has to say: it throws.
  expect(() => node.fail(new Error('an invariant broke'))).toThrow('an invariant broke')
}

test('a lower maxmemory evicts nothing while writes are held back', async () => {
  const a = await start('--maxmemory-policy', 'allkeys-random')
  for (let i = 0; i < 50; i++) await a.call('SET', `key:${i}`, 'x'.repeat(10_000))
  await a.call('CLIENT', 'PAUSE', '600000', 'WRITE')
  await a.call('CONFIG', 'SET', 'maxmemory', '1000')
  await ticks(a, 3)
  expect(await a.call('DBSIZE')).toBe(50)
  await a.call('CLIENT', 'UNPAUSE')
  await vi.waitFor(async () => expect(await a.call('DBSIZE')).toBe(0), PATIENCE)
})

test('nothing expires by itself while a dataset is loaded', async () => {
  const a = await start()
  a.node.loading = true
  a.node.updateGate()
  a.node.keyspace.expiry = 0
  const db = a.node.keyspace.databases[0]!
  const bytes = new TextEncoder().encode('key')
  db.setString(bytes, 0, 3, bytes, 0, 3, 1)
  await ticks(a, 5)
  expect(db.size).toBe(1)
  a.node.loading = false
  a.node.updateGate()
  await vi.waitUntil(() => db.size === 0, PATIENCE)
})

test('DEBUG RELOAD ends where the role changes, and the stream goes on once', async () => {
  const a = await start('--enable-debug-command', 'yes')
  const { node } = a
  for (let i = 0; i < 100; i++) await a.call('SET', `key:${i}`, 'v')
  await a.call('CONFIG', 'SET', 'key-load-delay', '50000')
  const debugger_ = await a.another()
  const reloaded = debugger_.call('DEBUG', 'RELOAD')
  const refused = expect(reloaded).rejects.toThrow('Error trying to load the RDB dump')
  await vi.waitUntil(() => node.loading && node.keyspace.size > 0, PATIENCE)
  node.setRole(true)
  await refused
  expect(node.keyspace.size).toBeLessThan(100)
  // The one that has changed the role says when the node is open again.
  expect(node.loading).toBe(true)
  node.loading = false
  node.setRole(false)
  expect(node.propagation.muted).toBe(false)
})

test('a node that has failed looks so to the others of its cluster', async () => {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '500']
  const a = await start(...options)
  const b = await start(...options)
  await a.call('CLUSTER', 'MEET', '127.0.0.1', b.port)
  const view = async () => String(await a.call('CLUSTER', 'NODES'))
  await vi.waitFor(async () => expect((await view()).match(/ connected/g)).toHaveLength(2), PATIENCE)
  fail(b)
  await vi.waitFor(async () => expect(await view()).toMatch(/ master,fail\?? /), PATIENCE)
})

test('a replica that has failed acknowledges nothing more, and does not come back', async () => {
  const master = await start('--repl-diskless-sync-delay', '0')
  const replica = await start('--replicaof', `127.0.0.1 ${master.port}`)
  const connected = async () => String(await master.call('INFO', 'replication'))
  await vi.waitFor(async () => expect(await connected()).toContain('state=online'), PATIENCE)
  fail(replica)
  await vi.waitFor(async () => expect(await connected()).toContain('connected_slaves:0'), PATIENCE)
  await ticks(master, 30)
  expect(await connected()).toContain('connected_slaves:0')
})
