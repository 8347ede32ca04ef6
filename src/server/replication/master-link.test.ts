/** The link to the master as a client among the others: listed, counted, killed, and back with a partial resync. */

import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../../tests/processes.js'
import { open, type RunningNode } from '../../../tests/support/node.js'

const nodes: RunningNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0).reverse()) await node.stop()
})

async function up(...options: string[]): Promise<RunningNode> {
  const node = await open('--repl-diskless-sync-delay', '0', ...options)
  nodes.push(node)
  return node
}

async function field(node: RunningNode, name: string): Promise<string> {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(String(await node.call('INFO')))?.[1] ?? ''
}

const isLinked = async (replica: RunningNode) => (await field(replica, 'master_link_status')) === 'up'

test('the master is listed, and CLIENT KILL ends the link, which goes on where it was', async () => {
  const master = await up()
  const replica = await up()
  await replica.call('REPLICAOF', '127.0.0.1', master.port)
  const linked = () => eventually('the link', async () => (await isLinked(replica)) || undefined)
  await linked()
  const address = `127.0.0.1:${master.port}`
  const listed = await replica.call('CLIENT', 'LIST', 'TYPE', 'master')
  expect(listed).toMatch(
    new RegExp(`^id=\\d+ addr=${address} laddr=127\\.0\\.0\\.1:\\d+ .* flags=M .* user=\\(superuser\\) `),
  )
  expect(await field(replica, 'connected_clients')).toBe('2')

  for (const [kill, answer] of [
    [['CLIENT', 'KILL', address], 'OK'],
    [['CLIENT', 'KILL', 'TYPE', 'master'], 1],
  ] as const) {
    const before = Number(await field(master, 'sync_partial_ok'))
    expect(await replica.call(...kill)).toBe(answer)
    await master.call('SET', 'key', 'value')
    await eventually(
      'a partial resync',
      async () => Number(await field(master, 'sync_partial_ok')) > before || undefined,
    )
    await linked()
    expect(await field(master, 'sync_full')).toBe('1')
    await eventually('the write', async () => (await replica.call('GET', 'key')) === 'value' || undefined)
    await master.call('DEL', 'key')
  }
  await expect(replica.call('CLIENT', 'KILL', '127.0.0.1:1')).rejects.toThrow('ERR No such client')
  await replica.call('REPLICAOF', 'NO', 'ONE')
  expect(await replica.call('CLIENT', 'LIST', 'TYPE', 'master')).toBe('')
  expect(await field(replica, 'connected_clients')).toBe('1')
})
