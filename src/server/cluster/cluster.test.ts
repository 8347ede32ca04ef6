/**
 * Clusters of real nodes on real sockets: Shoal's alone, and mixed with redis-server 7.0.15 in every role.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts, missing, startRedis } from '../../../tests/oracle.js'
import { createConfig, setWords } from '../config/config.js'
import type { DirectiveName } from '../config/table.js'
import { type RunningNode, startNode } from '../start.js'

interface Peer {
  readonly port: number
  readonly client: Redis
  /** Ends it at once: to the others it looks as kill -9 does. */
  crash(): Promise<void>
}

interface Shoal extends Peer {
  readonly dir: string
  readonly running: RunningNode
  readonly log: string[]
}

const NODE_TIMEOUT_MS = 2000
const cleanUp: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean()
})

function clientOf(port: number): Redis {
  const client = new Redis(port, '127.0.0.1', {
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  })
  client.on('error', () => undefined)
  return client
}

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-cluster-'))
  cleanUp.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function shoal(words: Record<string, string> = {}, dir = directory()): Promise<Shoal> {
  const port = Number(words['port'] ?? (await freePorts(1, true))[0])
  const config = createConfig(dir)
  const at = { readingFile: false, saveSeen: false } as unknown as Parameters<typeof setWords>[3]
  const given: Record<string, string> = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    'repl-diskless-sync-delay': '0',
    ...words,
    port: String(port),
    bind: '127.0.0.1',
  }
  for (const [name, value] of Object.entries(given)) {
    const set = setWords(config, name as DirectiveName, value.split(' '), at)
    if ('error' in set) throw new Error(`${name}: ${set.error}`)
  }
  config.values.save = []
  const log: string[] = []
  const running = await startNode({ config, log: (_level, line) => log.push(line) })
  const client = clientOf(port)
  let over = false
  const crash = async (): Promise<void> => {
    if (over) return
    over = true
    client.disconnect()
    config.values['shutdown-timeout'] = 0
    await running.stop()
  }
  cleanUp.push(crash)
  return { port, dir, running, log, client, crash }
}

async function redis(): Promise<Peer> {
  const [port] = await freePorts(1, true)
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)]
  const server = await startRedis([...options, '--repl-diskless-sync-delay', '0'], { port: port! })
  const client = clientOf(server.port)
  const crash = async (): Promise<void> => {
    client.disconnect()
    await server.stop()
  }
  cleanUp.push(crash)
  return { port: server.port, client, crash }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  while (Date.now() < end) {
    try {
      if (await condition()) return
    } catch (error) {
      // A replica that gets its master's data answers nothing else meanwhile.
      if (!(error as Error).message.startsWith('LOADING')) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain for: ${what}`)
}

const cluster = async (peer: Peer, ...args: string[]): Promise<string> =>
  String(await peer.client.call('CLUSTER', ...args))
const idOf = (peer: Peer): Promise<string> => cluster(peer, 'MYID')
const roleOf = async (peer: Peer): Promise<string> => ((await peer.client.call('ROLE')) as string[])[0]!
const isUp = async (peer: Peer): Promise<boolean> =>
  (await cluster(peer, 'INFO')).includes('cluster_state:ok')

/** Forms a cluster of masters with equal shares; replica i follows master i. */
async function form(masters: Peer[], replicas: Peer[] = []): Promise<void> {
  const share = 16_384 / masters.length
  for (const [i, peer] of masters.entries()) {
    await cluster(
      peer,
      'ADDSLOTSRANGE',
      String(Math.round(i * share)),
      String(Math.round((i + 1) * share) - 1),
    )
    await cluster(peer, 'SET-CONFIG-EPOCH', String(i + 1))
  }
  const all = [...masters, ...replicas]
  for (const peer of all.slice(1)) await cluster(all[0]!, 'MEET', '127.0.0.1', String(peer.port))
  await everybody('knowing all', all, async (peer) => {
    const lines = (await cluster(peer, 'NODES')).trim().split('\n')
    return lines.length === all.length && !lines.some((line) => line.includes('handshake'))
  })
  for (const [i, peer] of replicas.entries()) await cluster(peer, 'REPLICATE', await idOf(masters[i]!))
  for (const peer of replicas) {
    await until(
      'a linked replica',
      async () => ((await peer.client.call('ROLE')) as string[])[3] === 'connected',
    )
  }
  // Roles spread with pings; before everybody knows them nobody votes.
  await everybody('knowing the replicas', all, async (peer) => {
    return (await cluster(peer, 'NODES')).split(/[ ,]slave /).length === replicas.length + 1
  })
  await everybody('cluster_state:ok', all, isUp)
}

async function everybody(what: string, peers: Peer[], test: (peer: Peer) => Promise<boolean>): Promise<void> {
  await until(what, async () => (await Promise.all(peers.map(test))).every(Boolean))
}

/** The error that a command answers. */
async function errorOf(reply: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${String(await reply)}`
  } catch (error) {
    return (error as Error).message
  }
}

describe('Shoal nodes', () => {
  test('tell IPv4 clients the address announced for them, and keep it', async () => {
    const a = await shoal({ 'cluster-announce-client-ipv4': '192.0.2.1' })
    const b = await shoal()
    await form([a, b])
    await until('b telling it', async () => (await cluster(b, 'NODES')).includes(` 192.0.2.1:${a.port}@`))
    // name: slot 5798, the first half.
    expect(await errorOf(b.client.set('name', 'test'))).toBe(`MOVED 5798 192.0.2.1:${a.port}`)
    const slots = (await b.client.call('CLUSTER', 'SLOTS')) as [number, number, [string]][]
    expect(slots.map(([, , [ip]]) => ip)).toEqual(['192.0.2.1', '127.0.0.1'])
    expect(JSON.stringify(await b.client.call('CLUSTER', 'SHARDS'))).toContain('"ip","192.0.2.1"')
    expect(readFileSync(join(b.dir, 'nodes.conf'), 'utf8')).toContain(',client-ipv4=192.0.2.1,')
    await a.client.config('SET', 'cluster-announce-client-ipv4', '')
    await until('b forgetting it', async () => !(await cluster(b, 'NODES')).includes('192.0.2.1'))
  })

  test('form a cluster, redirect, route reads and messages', async () => {
    const nodes = await Promise.all(Array.from({ length: 4 }, () => shoal()))
    const [a, b, c, replica] = nodes as [Shoal, Shoal, Shoal, Shoal]
    await form([a, b, c], [replica])
    // name: slot 5798, the second third. foo: 12182, the last.
    expect(await errorOf(a.client.set('name', 'test'))).toBe(`MOVED 5798 127.0.0.1:${b.port}`)
    expect(await errorOf(replica.client.set('name', 'test'))).toBe(`MOVED 5798 127.0.0.1:${b.port}`)
    expect(await b.client.set('name', 'test')).toBe('OK')
    expect(await errorOf(b.client.mget('name', 'foo'))).toBe(
      "CROSSSLOT Keys in request don't hash to the same slot",
    )
    expect(await b.client.mget('{name}1', 'name')).toEqual([null, 'test'])
    // bar: slot 5061, the first third, whose replica may read once it was told to.
    expect(await a.client.set('bar', 'here')).toBe('OK')
    expect(await errorOf(replica.client.get('bar'))).toBe(`MOVED 5061 127.0.0.1:${a.port}`)
    await replica.client.call('READONLY')
    await until('the key on the replica', async () => (await replica.client.get('bar')) === 'here')
    expect(await errorOf(replica.client.set('bar', 'x'))).toBe(`MOVED 5061 127.0.0.1:${a.port}`)
    const heard: string[] = []
    const listener = clientOf(c.port)
    listener.on('message', (channel, message) => heard.push(`${channel} ${message}`))
    await listener.subscribe('news')
    await a.client.publish('news', 'hello')
    await until('the message', () => heard.includes('news hello'))
    listener.disconnect()
    expect(await cluster(b, 'KEYSLOT', 'name')).toBe('5798')
    expect(await cluster(b, 'COUNTKEYSINSLOT', '5798')).toBe('1')
    expect(await b.client.call('CLUSTER', 'GETKEYSINSLOT', '5798', '10')).toEqual(['name'])
  })

  test('a replica takes over from a master that dies; the master comes back as its replica', async () => {
    const nodes = await Promise.all(Array.from({ length: 4 }, () => shoal({ appendonly: 'yes' })))
    const [a, b, c, replica] = nodes as [Shoal, Shoal, Shoal, Shoal]
    await form([a, b, c], [replica])
    await a.client.set('bar', 'kept')
    await a.client.call('WAIT', '1', '20000')
    const name = await idOf(a)
    await a.crash()
    await until('the promotion', async () => (await roleOf(replica)) === 'master')
    await everybody('cluster_state:ok', [b, c, replica], isUp)
    expect(await replica.client.get('bar')).toBe('kept')
    expect(await replica.client.set('bar', 'newer')).toBe('OK')
    const back = await shoal({ port: String(a.port), appendonly: 'yes' }, a.dir)
    expect(await idOf(back)).toBe(name)
    await until('the old master as a replica', async () => (await roleOf(back)) === 'slave')
    await back.client.call('READONLY')
    await until('the newer value', async () => (await back.client.get('bar')) === 'newer')
    const line = new RegExp(`${name} 127.0.0.1:${a.port}@${a.port + 10_000} slave `)
    await until('the others to see it so', async () => line.test(await cluster(b, 'NODES')))
  })

  test('a manual failover loses no write that was acknowledged', async () => {
    const nodes = await Promise.all(Array.from({ length: 3 }, () => shoal()))
    const [a, b, replica] = nodes as [Shoal, Shoal, Shoal]
    await form([a, b], [replica])
    let acknowledged = 0
    let stop = false
    const writer = (async () => {
      while (!stop) {
        try {
          await a.client.set('bar', String(acknowledged + 1))
          acknowledged++
        } catch (error) {
          const { message } = error as Error
          // A machine that stops a node for longer than its timeout: no write is acknowledged, and it goes on.
          if (message.startsWith('CLUSTERDOWN')) continue
          expect(message).toMatch(/^MOVED 5061 /)
          return
        }
      }
    })()
    await until('some writes', () => acknowledged > 50)
    expect(await cluster(replica, 'FAILOVER')).toBe('OK')
    await until('the promotion', async () => (await roleOf(replica)) === 'master')
    await until('the demotion', async () => (await roleOf(a)) === 'slave')
    stop = true
    await writer
    expect(Number(await replica.client.get('bar'))).toBeGreaterThanOrEqual(acknowledged)
    expect(a.log.some((line) => line.startsWith('Manual failover requested by replica'))).toBe(true)
  })

  test('a slot is moved with its keys: ASK, ASKING, TRYAGAIN, and at the end MOVED', async () => {
    const [a, b] = (await Promise.all([shoal(), shoal()])) as [Shoal, Shoal]
    await form([a, b])
    await a.client.mset('{bar}1', 'one', '{bar}2', 'two')
    const [nameA, nameB] = [await idOf(a), await idOf(b)]
    expect(await cluster(b, 'SETSLOT', '5061', 'IMPORTING', nameA)).toBe('OK')
    expect(await cluster(a, 'SETSLOT', '5061', 'MIGRATING', nameB)).toBe('OK')
    expect(await a.client.get('{bar}1')).toBe('one')
    expect(await errorOf(a.client.get('{bar}3'))).toBe(`ASK 5061 127.0.0.1:${b.port}`)
    expect(await errorOf(a.client.mget('{bar}1', '{bar}3'))).toBe(
      'TRYAGAIN Multiple keys request during rehashing of slot',
    )
    expect(await errorOf(b.client.get('{bar}3'))).toBe(`MOVED 5061 127.0.0.1:${a.port}`)
    await b.client.call('ASKING')
    expect(await b.client.get('{bar}3')).toBeNull()
    expect(await errorOf(b.client.get('{bar}3'))).toBe(`MOVED 5061 127.0.0.1:${a.port}`)
    expect(await cluster(a, 'NODES')).toContain(`[5061->-${nameB}]`)
    // A transaction is routed as a whole: when it is queued, and again when it is to run.
    await a.client.call('MULTI')
    expect(await a.client.call('GET', '{bar}1')).toBe('QUEUED')
    expect(await a.client.call('GET', '{bar}2')).toBe('QUEUED')
    expect(await a.client.call('EXEC')).toEqual(['one', 'two'])
    await a.client.call('MULTI')
    expect(await a.client.call('GET', '{bar}1')).toBe('QUEUED')
    await b.client.call('ASKING')
    expect(await b.client.call('MULTI')).toBe('OK')
    expect(await b.client.call('GET', '{bar}9')).toBe('QUEUED')
    expect(await b.client.call('EXEC')).toEqual([null])
    const mover = clientOf(a.port)
    expect(
      await mover.call('MIGRATE', '127.0.0.1', b.port, '', '0', '1000', 'KEYS', '{bar}1', '{bar}2'),
    ).toBe('OK')
    mover.disconnect()
    expect(await errorOf(a.client.call('EXEC'))).toMatch(/^ASK 5061 /)
    expect(await cluster(b, 'SETSLOT', '5061', 'NODE', nameB)).toBe('OK')
    expect(await cluster(a, 'SETSLOT', '5061', 'NODE', nameB)).toBe('OK')
    expect(await b.client.mget('{bar}1', '{bar}2')).toEqual(['one', 'two'])
    expect(await errorOf(a.client.get('{bar}1'))).toBe(`MOVED 5061 127.0.0.1:${b.port}`)
  })

  test('all die and come back: the cluster is whole, and so are the data', async () => {
    const words = { appendonly: 'yes', appendfsync: 'always' }
    const nodes = await Promise.all(Array.from({ length: 4 }, () => shoal(words)))
    const [a, b, c, replica] = nodes as [Shoal, Shoal, Shoal, Shoal]
    await form([a, b, c], [replica])
    await b.client.set('name', 'test')
    const files = nodes.map((node) => readFileSync(join(node.dir, 'nodes.conf'), 'latin1'))
    expect(files[0]).toMatch(
      /^[0-9a-f]{40} 127\.0\.0\.1:\d+@\d+,,tls-port=0,shard-id=[0-9a-f]{40} myself,master - /,
    )
    await Promise.all(nodes.map((node) => node.crash()))
    const again = await Promise.all(
      nodes.map((node) => shoal({ ...words, port: String(node.port) }, node.dir)),
    )
    await everybody('cluster_state:ok', again, isUp)
    expect(await again[1]!.client.get('name')).toBe('test')
    expect(await roleOf(again[3]!)).toBe('slave')
  })

  test('a nodes.conf belongs to one node, and must be readable', async () => {
    const node = await shoal()
    await expect(shoal({}, node.dir)).rejects.toThrow('is already used by a different Redis Cluster node')
    await node.crash()
    writeFileSync(join(node.dir, 'nodes.conf'), 'nonsense\n')
    await expect(shoal({}, node.dir)).rejects.toThrow('corrupted cluster config file "nonsense"')
  })

  test('a node finds out that another has failed also while its own cron is paused', async () => {
    const paused = { hz: '1', 'enable-debug-command': 'yes' }
    const nodes = await Promise.all([shoal(paused), shoal(), shoal()])
    const [a, b, c] = nodes as [Shoal, Shoal, Shoal]
    await form([a, b, c], [])
    await a.client.call('DEBUG', 'PAUSE-CRON', '1')
    const name = await idOf(c)
    await c.crash()
    const failed = new RegExp(`${name} \\S+ master,fail `)
    await until('the failure to be seen', async () => failed.test(await cluster(a, 'NODES')))
  })

  test('noise on the bus closes that connection and harms nobody', async () => {
    const node = await shoal()
    const noise = connect(node.port + 10_000, '127.0.0.1')
    noise.on('error', () => undefined)
    const closed = new Promise((resolve) => noise.on('close', resolve))
    noise.write('GET / HTTP/1.1\r\nHost: example\r\n\r\n')
    await closed
    expect(node.log.some((line) => line.startsWith('Bad message length or signature received'))).toBe(true)
    expect(await node.client.ping()).toBe('PONG')
  })

  test('CLUSTER RESET makes an empty node of a replica', async () => {
    const [a, replica] = (await Promise.all([shoal(), shoal()])) as [Shoal, Shoal]
    await form([a], [replica])
    await a.client.set('bar', '1')
    await replica.client.call('READONLY')
    await until('the key', async () => (await replica.client.get('bar')) === '1')
    const before = await idOf(replica)
    expect(await cluster(replica, 'RESET', 'HARD')).toBe('OK')
    expect(await idOf(replica)).not.toBe(before)
    expect(await replica.client.dbsize()).toBe(0)
    expect(await roleOf(replica)).toBe('master')
    expect(await cluster(replica, 'NODES')).toMatch(/myself,master - 0 0 0 connected\n$/)
    expect(await errorOf(a.client.call('CLUSTER', 'RESET'))).toBe(
      "ERR CLUSTER RESET can't be called with master nodes containing keys",
    )
  })
})

describe.skipIf(missing('redis-server'))('beside redis-server', () => {
  test('Shoal replicas take over from redis masters, redis masters vote', async () => {
    const masters = await Promise.all([redis(), redis(), redis()])
    const replica = await shoal()
    await form(masters, [replica])
    await masters[0]!.client.set('bar', 'kept')
    await until('the key', async () => (await replica.client.dbsize()) === 1)
    await masters[0]!.crash()
    await until('the promotion', async () => (await roleOf(replica)) === 'master')
    await everybody('cluster_state:ok', [masters[1]!, masters[2]!, replica], isUp)
    expect(await replica.client.get('bar')).toBe('kept')
    expect(await errorOf(masters[1]!.client.get('bar'))).toBe(`MOVED 5061 127.0.0.1:${replica.port}`)
  })

  test('a redis replica takes over from a Shoal master, Shoal masters vote; by hand, and by death', async () => {
    const masters = await Promise.all([shoal(), shoal(), shoal()])
    const [replica, other] = await Promise.all([redis(), redis()])
    await form(masters, [replica, other])
    await masters[0].client.set('bar', 'kept')
    await until('the key', async () => (await replica.client.dbsize()) === 1)
    expect(await cluster(replica, 'FAILOVER')).toBe('OK')
    await until('the promotion by hand', async () => (await roleOf(replica)) === 'master')
    await until('the demotion', async () => (await roleOf(masters[0])) === 'slave')
    expect(await replica.client.get('bar')).toBe('kept')
    await masters[1].crash()
    await until('the promotion by death', async () => (await roleOf(other)) === 'master')
    await everybody('cluster_state:ok', [masters[0], masters[2], replica, other], isUp)
    // And back by hand, from redis to Shoal.
    await until('the old master linked', async () => {
      return ((await masters[0].client.call('ROLE')) as string[])[3] === 'connected'
    })
    expect(await cluster(masters[0], 'FAILOVER')).toBe('OK')
    await until('the way back', async () => (await roleOf(masters[0])) === 'master')
  })
})
