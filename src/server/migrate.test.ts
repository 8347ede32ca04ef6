import net from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'
import { ascii } from '../bytes/ascii.js'
import { NO_EXPIRY } from '../keyspace/entries.js'

const running: { stop(): Promise<void> }[] = []

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

const PATIENCE = { timeout: 20_000, interval: 20 }

/** Takes what is sent, and answers only what the test says. */
async function target() {
  let got = ''
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  running.push({
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return {
    port: String((server.address() as net.AddressInfo).port),
    got: () => got,
    restored: () => vi.waitUntil(() => got.includes('RESTORE'), PATIENCE),
    answer: (text: string) => sockets[0]!.write(text),
    connections: () => sockets.length,
    closed: () => vi.waitUntil(() => sockets.every((socket) => socket.closed), PATIENCE),
  }
}

async function syncedReplica(master: RunningNode): Promise<RunningNode> {
  const replica = await open()
  running.push(replica)
  await replica.call('REPLICAOF', '127.0.0.1', master.port)
  await linkUp(replica)
  return replica
}

async function linkUp(replica: RunningNode): Promise<void> {
  await vi.waitFor(
    async () => expect(await replica.call('INFO', 'replication')).toContain('master_link_status:up'),
    PATIENCE,
  )
}

async function two(...options: string[]) {
  const nodes = [await open(...options), await open()] as const
  running.push(...nodes)
  return nodes
}

test('a key goes over with its expiry, and is gone here', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v', 'PX', '100000')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'k', '3', '1000')).toBe('OK')
  expect(await a.call('EXISTS', 'k')).toBe(0)
  await b.call('SELECT', '3')
  expect(await b.call('GET', 'k')).toBe('v')
  expect(await b.call('PTTL', 'k')).toBeGreaterThan(90_000)
})

test('many keys at once; those that the other node refuses stay', async () => {
  const [a, b] = await two()
  for (const key of ['x', 'y', 'z']) await a.call('SET', key, key)
  await b.call('SET', 'y', 'old')
  const answer = a.call('MIGRATE', '127.0.0.1', b.port, '', '0', '1000', 'KEYS', 'x', 'y', 'z')
  await expect(answer).rejects.toThrow(
    'ERR Target instance replied with error: BUSYKEY Target key name already exists.',
  )
  expect(await a.call('EXISTS', 'x', 'y', 'z')).toBe(1)
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'y', '0', '1000', 'REPLACE')).toBe('OK')
  expect(await b.call('MGET', 'x', 'y', 'z')).toEqual(['x', 'y', 'z'])
})

test('COPY leaves the key; nobody there is an error, and writes go on afterwards', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'k', '0', '1000', 'COPY')).toBe('OK')
  expect(await a.call('GET', 'k')).toBe('v')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'nothing', '0', '1000')).toBe('NOKEY')
  await expect(a.call('MIGRATE', '127.0.0.1', '1', 'k', '0', '500')).rejects.toThrow(
    'IOERR error or timeout connecting to the client',
  )
  expect(await a.call('SET', 'k', 'w')).toBe('OK')
})

test('writes of others wait until the key has gone', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v')
  const other = await a.another()
  const moved = a.call('MIGRATE', '127.0.0.1', b.port, 'k', '0', '1000')
  const written = other.call('SET', 'k', 'later')
  expect(await moved).toBe('OK')
  expect(await written).toBe('OK')
  expect(await b.call('GET', 'k')).toBe('v')
  expect(await a.call('GET', 'k')).toBe('later')
})

test('a node that is demoted between the sending and the answer keeps its keys, as its master does', async () => {
  const [a] = await two('--repl-diskless-sync-delay', '0')
  const b = await syncedReplica(a)
  const { port, restored, answer, closed } = await target()
  const mover = await a.another()
  await a.call('SET', 'k', 'v')
  await vi.waitFor(async () => expect(await b.call('EXISTS', 'k')).toBe(1), PATIENCE)
  const moved = mover.call('MIGRATE', '127.0.0.1', port, 'k', '0', '60000')
  const refused = expect(moved).rejects.toThrow('UNBLOCKED force unblock from blocking operation')
  await restored()
  await b.call('REPLICAOF', 'NO', 'ONE')
  await a.call('REPLICAOF', '127.0.0.1', b.port)
  answer('+OK\r\n+OK\r\n')
  await refused
  await closed()
  await linkUp(a)
  // What the new master writes arrives: the stream is not held back by a transfer that is over.
  await b.call('SET', 'later', '1')
  await vi.waitFor(async () => expect(await a.call('EXISTS', 'later')).toBe(1), PATIENCE)
  expect(await a.call('DBSIZE')).toBe(await b.call('DBSIZE'))
  expect(await a.call('GET', 'k')).toBe('v')
})

test('a key that has changed since it was sent stays, and the client hears that it is on both nodes', async () => {
  const [a] = await two()
  const { port, restored, answer } = await target()
  for (const key of ['x', 'y', 'z']) await a.call('SET', key, 'old')
  const moved = a.call('MIGRATE', '127.0.0.1', port, '', '0', '60000', 'KEYS', 'x', 'y', 'z')
  const refused = expect(moved).rejects.toThrow('IOERR a key has changed here after it was sent')
  await restored()
  const db = a.node.keyspace.databases[0]!
  db.setString(ascii('y'), 0, 1, ascii('new'), 0, 3, NO_EXPIRY)
  db.delete(ascii('z'), 0, 1)
  answer('+OK\r\n'.repeat(4))
  await refused
  expect(await a.call('MGET', 'x', 'y', 'z')).toEqual([null, 'new', null])
})

test('a transfer that is over before it is connected sends nothing', async () => {
  const [a] = await two()
  const { port, got, connections, closed } = await target()
  await a.call('SET', 'k', 'v')
  const { node } = a
  const mover = await a.another()
  const migrate = node.migrate.bind(node)
  node.migrate = (request) => {
    migrate(request)
    node.setRole(true)
  }
  await expect(mover.call('MIGRATE', '127.0.0.1', port, 'k', '0', '60000')).rejects.toThrow('UNBLOCKED')
  await vi.waitUntil(() => connections() === 1, PATIENCE)
  await closed()
  expect(got()).toBe('')
  expect(node.migrations!.links).toBe(0)
})
