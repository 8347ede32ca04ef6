/**
 * Shoal and redis-server in one cluster, as processes on real sockets: each kind as master, as replica of the other and
 * as voter. Four masters, two of each kind, need three votes, so that neither kind can elect anybody alone.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { missing } from './oracle.js'
import { eventually } from './processes.js'
import {
  agreed,
  allKnow,
  form,
  healthy,
  linked,
  type MixedNode,
  meet,
  missingAt,
  Stream,
  slotOf,
  startMixed,
  tagFor,
} from './support/mixed.js'
import type { Caller, Plain } from './support/node.js'

const skip = missing('redis-server', 'redis-cli')
const run = promisify(execFile)

interface Scene {
  nodes: MixedNode[]
  readonly streams: Stream[]
  readonly clients: Caller[]
}

/** A test with a cluster of its own, which is gone afterwards. Tests run side by side: each waits most of the time. */
function scene(name: string, play: (scene: Scene) => Promise<void>): void {
  test.concurrent(name, { timeout: 180_000 }, async () => {
    const made: Scene = { nodes: [], streams: [], clients: [] }
    try {
      await play(made)
    } catch (error) {
      throw new Error(`${String(error)}\n${made.nodes.map((node) => node.lastWords()).join('\n')}`, {
        cause: error,
      })
    } finally {
      await Promise.all(made.streams.map((stream) => stream.stop()))
      for (const client of made.clients) client.connection.close()
      await Promise.all(made.nodes.map((node) => node.remove()))
    }
  })
}

const portsOf = (nodes: readonly MixedNode[]) => nodes.map((node) => node.port)

function isMaster(node: MixedNode, what: string): Promise<true> {
  return eventually(
    `${what}: ${node.kind} ${node.port} is master`,
    async () => (await node.isMaster()) || undefined,
  )
}

/** CLUSTER SLOTS as text that two nodes must agree on. */
async function slotsOf(node: MixedNode): Promise<string> {
  const rows = (await node.call('CLUSTER', 'SLOTS')) as Plain[][]
  return rows
    .map(
      ([first, last, master, ...replicas]) =>
        `${first}-${last} ${master} < ${replicas.map(String).sort().join(' ')}`,
    )
    .sort()
    .join('\n')
}

/** CLUSTER SHARDS: the nodes of each shard with their parts, without what changes from moment to moment. */
async function shardsOf(node: MixedNode): Promise<string> {
  const shards = (await node.call('CLUSTER', 'SHARDS')) as Plain[][]
  return shards
    .map(([, slots, , nodes]) => {
      const members = (nodes as Plain[][]).map((fields) => {
        const of = (name: string) => fields[fields.indexOf(name) + 1]
        return `${of('id')} ${of('port')} ${of('ip')} ${of('endpoint')} ${of('role')} ${of('health')}`
      })
      return `${String(slots)}: ${members.sort().join(' | ')}`
    })
    .sort()
    .join('\n')
}

async function subscriber(scene: Scene, node: MixedNode, command: string, channel: string): Promise<Caller> {
  const client = await node.client()
  scene.clients.push(client)
  client.connection.write([command, channel])
  await client.connection.read()
  return client
}

async function nextMessage(client: Caller): Promise<string> {
  const reply = await client.connection.read()
  return 'items' in reply
    ? reply.items.map((item) => ('bytes' in item ? Buffer.from(item.bytes).toString() : '')).join(' ')
    : ''
}

describe.skipIf(skip)('Shoal and redis-server in one cluster', () => {
  scene('each is elected by both in place of the other, and comes back as its replica', async (s) => {
    s.nodes = await startMixed(['shoal', 'redis', 'shoal', 'redis', 'shoal', 'redis'])
    const [s0, r1, s2, r3, s4, r5] = s.nodes as [
      MixedNode,
      MixedNode,
      MixedNode,
      MixedNode,
      MixedNode,
      MixedNode,
    ]
    await form(s.nodes, 4, [
      [4, 1],
      [5, 0],
    ])
    await sameView(s.nodes)

    // Messages published at one kind are heard at the other; those of a shard among its nodes.
    for (const [from, to] of [[s2, r3] as const, [r3, s2] as const]) {
      const ear = await subscriber(s, to, 'SUBSCRIBE', 'news')
      await from.call('PUBLISH', 'news', `from ${from.kind}`)
      expect(await nextMessage(ear)).toBe(`message news from ${from.kind}`)
    }
    for (const [master, replica, index] of [[s0, r5, 0] as const, [r1, s4, 1] as const]) {
      const channel = `{${tagFor(index, 4)}}shard`
      const ear = await subscriber(s, replica, 'SSUBSCRIBE', channel)
      await master.call('SPUBLISH', channel, `from ${master.kind}`)
      expect(await nextMessage(ear)).toBe(`smessage ${channel} from ${master.kind}`)
    }

    for (const [index, master, replica] of [[1, r1, s4] as const, [0, s0, r5] as const]) {
      const stream = new Stream(tagFor(index, 4), portsOf(s.nodes))
      s.streams.push(stream)
      await stream.more(50)
      await stream.stop()
      const before = stream.keys
      // WAIT waits for what its own client has written.
      const waiting = await own(s, master)
      expect(await waiting.call('SET', `{${tagFor(index, 4)}}awaited`, 'x')).toBe('OK')
      expect(Number(await waiting.call('WAIT', '1', '5000'))).toBe(1)
      await master.end('SIGKILL')
      await isMaster(replica, 'the master was killed')
      const after = new Stream(`${tagFor(index, 4)}`, portsOf(s.nodes))
      s.streams.push(after)
      await after.more(50, replica)
      await after.stop()
      expect(await missingAt(replica, [...before, ...after.keys])).toEqual([])
      await master.start()
      await linked(master, replica)
      await healthy(s.nodes)
      await eventually(
        'it has the data',
        async () => (await missingAt(master, [...before, ...after.keys])).length === 0 || undefined,
      )
    }
    await sameView(s.nodes)

    // And back again by hand, under writes of which none is lost.
    for (const [index, master, replica] of [[1, s4, r1] as const, [0, r5, s0] as const]) {
      const stream = new Stream(`${tagFor(index, 4)}`, portsOf(s.nodes))
      s.streams.push(stream)
      await stream.more(20, master)
      expect(await replica.call('CLUSTER', 'FAILOVER')).toBe('OK')
      await isMaster(replica, 'CLUSTER FAILOVER')
      await stream.more(20, replica)
      await stream.stop()
      await linked(master, replica)
      expect(await missingAt(replica, stream.keys)).toEqual([])
    }
    await healthy(s.nodes)
    await sameView(s.nodes)
  })

  scene('slots move between the kinds, with their keys, under writes', async (s) => {
    s.nodes = await startMixed(['shoal', 'redis', 'shoal'])
    const [shoal, redis] = s.nodes as [MixedNode, MixedNode]
    await form(s.nodes, 3)
    for (const [index, from, to] of [[0, shoal, redis] as const, [1, redis, shoal] as const]) {
      await moveSlot(s, tagFor(index, 3, 20), from, to)
    }

    // And several at once, by redis-cli, which takes those with the lowest numbers.
    for (const [index, from, to] of [[2, s.nodes[2]!, redis] as const, [0, redis, s.nodes[2]!] as const]) {
      const tag = tagFor(index, 3, 20)
      const stream = new Stream(tag, portsOf(s.nodes))
      s.streams.push(stream)
      await stream.more(20, from)
      const moved = slotOf(tag) - Math.min(...(await from.self()).slots.map((range) => range.first)) + 5
      const { stdout } = await run('redis-cli', [
        ...['--cluster', 'reshard', `127.0.0.1:${shoal.port}`, '--cluster-from', from.id],
        ...['--cluster-to', to.id, '--cluster-slots', String(moved), '--cluster-yes'],
      ])
      expect(stdout).toContain(`Moving slot ${slotOf(tag)} from`)
      await stream.more(20, to)
      await stream.stop()
      expect(await missingAt(to, stream.keys)).toEqual([])
      await healthy(s.nodes)
    }
    const check = await run('redis-cli', ['--cluster', 'check', `127.0.0.1:${redis.port}`])
    expect(check.stdout).toContain('[OK] All nodes agree about slots configuration.')
    expect(check.stdout).toContain('[OK] All 16384 slots covered.')
  })

  scene('a cluster passes over from redis-server to Shoal, node by node, and never stops', async (s) => {
    s.nodes = await startMixed(['redis', 'redis', 'redis', 'shoal', 'shoal', 'shoal'])
    const old = s.nodes.slice(0, 3)
    const fresh = s.nodes.slice(3)
    await form(old, 3)
    const streams = old.map((_, i) => new Stream(tagFor(i, 3), portsOf(s.nodes)))
    s.streams.push(...streams)
    for (const [i, master] of old.entries()) {
      const heir = fresh[i]!
      const present = [...old.slice(i), ...fresh.slice(0, i + 1)]
      await meet(present[0]!, heir)
      await allKnow(present, present)
      await heir.call('CLUSTER', 'REPLICATE', master.id)
      await linked(heir, master)
      expect(await heir.call('CLUSTER', 'FAILOVER')).toBe('OK')
      await isMaster(heir, 'CLUSTER FAILOVER')
      await streams[i]!.more(20, heir)
      await linked(master, heir)
      await healthy(present)
      await master.end('SIGTERM')
      const left = present.filter((node) => node !== master)
      await Promise.all(left.map((node) => node.call('CLUSTER', 'FORGET', master.id)))
      await healthy(left)
    }
    await Promise.all(streams.map((stream) => stream.stop()))
    for (const [i, stream] of streams.entries()) expect(await missingAt(fresh[i]!, stream.keys)).toEqual([])
    expect((await fresh[0]!.nodes()).length).toBe(3)
  })

  scene('each kind starts on the files of the other: nodes.conf and data', async (s) => {
    s.nodes = await startMixed(['shoal', 'shoal', 'shoal', 'redis'], ['--appendonly', 'yes'])
    await form(s.nodes, 3, [[3, 0]])
    const ids = s.nodes.map((node) => node.id)
    const epochs = async () =>
      (await Promise.all(s.nodes.map((node) => node.self()))).map((self) => self.configEpoch)
    const before = await epochs()
    const keys = [0, 1, 2].map((i) => tagFor(i, 3))
    for (const [round, kind] of (['redis', 'shoal', 'redis'] as const).entries()) {
      for (const [i, key] of keys.entries()) {
        await s.nodes[i]!.call('SET', `{${key}}${round}`, `{${key}}${round}`)
        await s.nodes[i]!.call('SET', `{${key}}brief`, 'x', 'PX', '1')
      }
      await Promise.all(s.nodes.map((node) => node.end('SIGTERM')))
      // The replica is of the other kind, each time.
      await Promise.all(
        s.nodes.map((node, i) => node.start(i < 3 ? kind : kind === 'redis' ? 'shoal' : 'redis')),
      )
      await healthy(s.nodes)
      await linked(s.nodes[3]!, s.nodes[0]!)
      expect(s.nodes.map((node) => node.id)).toEqual(ids)
      expect(await epochs()).toEqual(before)
      for (const [i, key] of keys.entries()) {
        const written = Array.from({ length: round + 1 }, (_, n) => `{${key}}${n}`)
        expect(await missingAt(s.nodes[i]!, written)).toEqual([])
        if (i === 0) expect(await missingAt(s.nodes[3]!, written)).toEqual([])
        expect(await s.nodes[i]!.call('EXISTS', `{${key}}brief`)).toBe(0)
      }
    }
  })
})

/** A connection for WAIT, which counts the writes of its own client. */
async function own(s: Scene, node: MixedNode): Promise<Caller> {
  const client = await node.client()
  s.clients.push(client)
  return client
}

/** CLUSTER NODES, SLOTS and SHARDS say the same wherever one asks. */
async function sameView(nodes: readonly MixedNode[]): Promise<void> {
  await eventually('CLUSTER NODES, SLOTS and SHARDS agree', async () => {
    const [first, ...others] = await Promise.all(nodes.map(viewOf))
    for (const [i, other] of others.entries()) {
      if (other === first) continue
      throw new Error(`${nodes[0]!.kind}:\n${first}\n${nodes[i + 1]!.kind}:\n${other}`)
    }
    return true
  })
}

async function viewOf(node: MixedNode): Promise<string> {
  return [agreed(await node.nodes()), await slotsOf(node), await shardsOf(node)].join('\n')
}

/** Moves the slot of `tag` by hand, as any manager does, while somebody writes to it. */
async function moveSlot(s: Scene, tag: string, from: MixedNode, to: MixedNode): Promise<void> {
  const slot = slotOf(tag)
  const [big, brief] = [`{${tag}}big`, `{${tag}}brief`]
  await from.call('SET', big, 'x'.repeat(300_000))
  await from.call('SET', brief, 'soon gone', 'EX', '1000')
  const stream = new Stream(tag, portsOf(s.nodes))
  s.streams.push(stream)
  await stream.more(100, from)

  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  const migrate = (keys: Plain[]) =>
    from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys.map(String))
  expect(await migrate([big])).toBe('OK')
  await expect(from.call('GET', big)).rejects.toThrow(`ASK ${slot} 127.0.0.1:${to.port}`)
  await expect(from.call('MGET', big, brief)).rejects.toThrow('TRYAGAIN')
  await expect(to.call('GET', big)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${from.port}`)
  const asking = await own(s, to)
  await asking.call('ASKING')
  expect(await asking.call('STRLEN', big)).toBe(300_000)
  await stream.more(20)
  for (;;) {
    const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 20)) as Plain[]
    if (keys.length === 0) break
    expect(['OK', 'NOKEY']).toContain(await migrate(keys))
  }
  for (const node of [to, from, ...s.nodes.filter((node) => node !== to && node !== from)])
    await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  await expect(from.call('GET', big)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`)
  await stream.more(20, to)
  await stream.stop()
  expect(await missingAt(to, stream.keys)).toEqual([])
  expect(Number(await to.call('TTL', brief))).toBeGreaterThan(900)
  expect(await from.call('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(0)
  await healthy(s.nodes)
}
