/**
 * Replication of real nodes on real sockets: Shoal's behind Shoal's, and each kind behind redis-server 7.0.15.
 */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts, missing, startRedis } from '../../../tests/oracle.js'
import { createConfig, setWords } from '../config/config.js'
import type { DirectiveName } from '../config/table.js'
import { type RunningNode, startNode } from '../start.js'

/** A node of either kind, and a client of it. */
interface Peer {
  port: number
  client: Redis
  stop(): Promise<void>
}

interface Shoal extends Peer {
  dir: string
  running: RunningNode
  log: string[]
  /** Drops everything without saving, as kill -9 would. */
  crash(): Promise<void>
}

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
  const dir = mkdtempSync(join(tmpdir(), 'shoal-replication-'))
  cleanUp.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function shoal(words: Record<string, string> = {}, dir = directory()): Promise<Shoal> {
  const port = Number(words['port'] ?? (await freePorts(1))[0])
  const config = createConfig(dir)
  const at = { readingFile: false, saveSeen: false } as unknown as Parameters<typeof setWords>[3]
  const given = { 'repl-diskless-sync-delay': '0', ...words, port: String(port), bind: '127.0.0.1' }
  for (const [name, value] of Object.entries(given)) {
    const set = setWords(config, name as DirectiveName, value.split(' '), at)
    if ('error' in set) throw new Error(`${name}: ${set.error}`)
  }
  if (words['save'] === undefined) config.values.save = []
  const log: string[] = []
  const running = await startNode({ config, log: (_level, line) => log.push(line) })
  const client = clientOf(port)
  let over = false
  const end = async (kill: boolean): Promise<void> => {
    if (over) return
    over = true
    client.disconnect()
    if (kill) {
      running.node.config.values['shutdown-timeout'] = 0
      running.node.config.values.save = []
    }
    await running.stop()
  }
  const node = { port, dir, running, log, client, stop: () => end(false), crash: () => end(true) }
  cleanUp.push(() => end(true))
  return node
}

async function redis(...options: string[]): Promise<Peer> {
  const server = await startRedis(['--repl-diskless-sync-delay', '0', ...options])
  const client = clientOf(server.port)
  const stop = async (): Promise<void> => {
    client.disconnect()
    await server.stop()
  }
  cleanUp.push(stop)
  return { port: server.port, client, stop }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited_ms = 0; waited_ms < 30_000; waited_ms += 5) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`waited in vain for: ${what}`)
}

async function info(peer: Peer | Shoal, field: string): Promise<string> {
  const text =
    'running' in peer ? peer.running.node.info.text(['replication']) : await peer.client.info('replication')
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? ''
}

async function follow(replica: Peer, master: Peer): Promise<void> {
  expect(await replica.client.replicaof('127.0.0.1', String(master.port))).toBe('OK')
  await linked(replica)
}

async function linked(replica: Peer): Promise<void> {
  await until('the link to the master', async () => (await info(replica, 'master_link_status')) === 'up')
}

/** All keys of a database with their values and expiries. */
async function contents(peer: Peer, db = 0): Promise<Map<string, string>> {
  const client = clientOf(peer.port)
  await client.select(db)
  const keys = (await client.keys('*')).sort()
  const commands = client.pipeline()
  for (const key of keys) {
    commands.get(key)
    commands.pexpiretime(key)
  }
  const replies = (await commands.exec())!
  client.disconnect()
  return new Map(keys.map((key, i) => [key, `${replies[2 * i]![1]} ${replies[2 * i + 1]![1]}`]))
}

async function sameContents(a: Peer, b: Peer, db = 0): Promise<void> {
  await until('the same offset', async () => {
    return (await info(a, 'master_repl_offset')) === (await info(b, 'master_repl_offset'))
  })
  expect(await contents(b, db)).toEqual(await contents(a, db))
}

async function fill(peer: Peer, count: number, value = 'value'): Promise<void> {
  const commands = peer.client.pipeline()
  for (let i = 0; i < count; i++) {
    if (i % 10 === 0) commands.set(`key:${i}`, `${value}:${i}`, 'PXAT', 4102444800000 + i)
    else commands.set(`key:${i}`, i % 7 === 0 ? String(i) : `${value}:${i}`)
  }
  await commands.exec()
}

/** Writes of every kind that reaches the stream: rewritten ones, transactions, several databases, expiries. */
async function writeOfAllKinds(master: Peer): Promise<void> {
  const { client } = master
  await client.set('plain', 'x')
  await client.incr('counter')
  await client.set('short', 'lived', 'EX', 100)
  await client.getex('plain', 'EX', 50)
  await client.multi().set('in', 'multi').incr('counter').append('in', '!').exec()
  await client.setrange('plain', 3, 'yz')
  await client.del('key:1', 'key:2')
  await client.rename('key:3', 'renamed')
  await client.select(5)
  await client.mset('five:a', '1', 'five:b', '2')
  await client.select(0)
  await client.set('last', 'one')
}

describe.skipIf(missing('redis-server'))('a Shoal master and a Redis replica', () => {
  test.each([['yes'], ['no']])('the whole way (repl-diskless-sync %s)', async (diskless) => {
    const master = await shoal({ 'repl-diskless-sync': diskless })
    const replica = await redis()
    await fill(master, 3000)
    await follow(replica, master)
    await sameContents(master, replica)

    await writeOfAllKinds(master)
    await master.client.set('gone soon', 'x', 'PX', 20)
    expect(await master.client.wait(1, 20_000)).toBe(1)
    await until(
      'the expiry, decided by the master',
      async () => (await master.client.exists('gone soon')) === 0,
    )
    await until(
      'its DEL on the replica',
      async () => (await replica.client.dbsize()) === (await master.client.dbsize()),
    )
    await sameContents(master, replica)
    await sameContents(master, replica, 5)

    expect(await master.client.role()).toEqual([
      'master',
      expect.any(Number),
      [['127.0.0.1', String(replica.port), expect.stringMatching(/^\d+$/)]],
    ])
    expect(await info(master, 'slave0')).toMatch(
      new RegExp(`^ip=127.0.0.1,port=${replica.port},state=online,offset=\\d+,lag=[01]$`),
    )
    expect(await info(replica, 'master_replid')).toBe(await info(master, 'master_replid'))
    expect(master.log).toContain(`Synchronization with replica 127.0.0.1:${replica.port} succeeded`)
  })

  test('goes on where it was after the link was lost', async () => {
    const master = await shoal()
    const replica = await redis()
    await follow(replica, master)
    await master.client.set('a', '1')
    await master.client.wait(1, 20_000)
    for (const client of master.running.node.clients.all()) {
      if (client.kind === 'replica') master.running.node.close(client)
    }
    await master.client.set('b', '2')
    await until('a partial synchronisation', () => master.running.node.stats.syncPartialOk === 1)
    await sameContents(master, replica)
    expect(master.running.node.stats.syncFull).toBe(1)
  })

  test('min-replicas-to-write', async () => {
    const master = await shoal({ 'min-replicas-to-write': '1' })
    await expect(master.client.set('a', '1')).rejects.toThrow('NOREPLICAS Not enough good replicas to write.')
    const replica = await redis()
    await follow(replica, master)
    expect(await master.client.set('a', '1')).toBe('OK')
    expect(await info(master, 'min_slaves_good_slaves')).toBe('1')
    await replica.stop()
    await until('the loss', async () => (await info(master, 'connected_slaves')) === '0')
    await expect(master.client.set('a', '1')).rejects.toThrow('NOREPLICAS')
  })

  test('FAILOVER: the Redis replica becomes master, the Shoal master its replica', async () => {
    const master = await shoal()
    const replica = await redis()
    await fill(master, 100)
    await follow(replica, master)
    expect(
      await master.client.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port), 'TIMEOUT', '10000'),
    ).toBe('OK')
    await linked(master)
    expect(await info(replica, 'role')).toBe('master')
    await replica.client.set('after', 'failover')
    await sameContents(replica, master)
    expect(master.running.node.stats.syncFull).toBe(1)
    await expect(master.client.set('a', '1')).rejects.toThrow('READONLY')
  })
})

describe.skipIf(missing('redis-cli', 'redis-check-rdb'))('redis-cli as a replica', () => {
  const run = promisify(execFile)

  test('--rdb and --functions-rdb fetch files that redis-check-rdb finds right', async () => {
    const master = await shoal()
    await fill(master, 200)
    for (const [option, keys] of [
      ['--rdb', '200'],
      ['--functions-rdb', '0'],
    ] as const) {
      const file = join(master.dir, 'fetched.rdb')
      await run('redis-cli', ['-p', String(master.port), option, file])
      expect(readFileSync(file).subarray(0, 5).toString()).toBe('REDIS')
      const { stdout } = await run('redis-check-rdb', [file])
      expect(stdout).toContain(`${keys} keys read`)
      rmSync(file)
    }
    await until('their end', async () => (await info(master, 'connected_slaves')) === '0')
  })
})

describe.skipIf(missing('redis-server'))('a Redis master and a Shoal replica', () => {
  test('FAILOVER: the Shoal replica becomes master, the Redis master its replica', async () => {
    const master = await redis()
    const replica = await shoal()
    await fill(master, 100)
    await follow(replica, master)
    expect(await master.client.call('FAILOVER')).toBe('OK')
    await linked(master)
    expect(await info(replica, 'role')).toBe('master')
    await replica.client.set('after', 'failover')
    await sameContents(replica, master)
    expect(replica.running.node.stats).toMatchObject({ syncFull: 0, syncPartialOk: 1 })
    expect(replica.log.some((line) => line.startsWith('MASTER MODE enabled (failover request from'))).toBe(
      true,
    )
  })

  test.each([
    ['yes', 'disabled'],
    ['no', 'disabled'],
    ['yes', 'on-empty-db'],
  ])('the whole way (repl-diskless-sync %s, repl-diskless-load %s)', async (diskless, load) => {
    const master = await redis('--repl-diskless-sync', diskless)
    const replica = await shoal({ 'repl-diskless-load': load })
    await fill(master, 3000)
    await follow(replica, master)
    await sameContents(master, replica)

    await writeOfAllKinds(master)
    await master.client.set('gone soon', 'x', 'PX', 20)
    expect(await master.client.wait(1, 20_000)).toBe(1)
    await until('the expiry', async () => (await master.client.exists('gone soon')) === 0)
    await sameContents(master, replica)
    await sameContents(master, replica, 5)
    await expect(replica.client.set('a', '1')).rejects.toThrow(
      "READONLY You can't write against a read only replica.",
    )
    expect(await replica.client.role()).toEqual([
      'slave',
      '127.0.0.1',
      master.port,
      'connected',
      expect.any(Number),
    ])
    expect(await info(master, 'slave0')).toMatch(
      new RegExp(`^ip=127.0.0.1,port=${replica.port},state=online,`),
    )
  })

  test('with a password, and what it says when the master is away', async () => {
    const master = await redis('--requirepass', 'secretword')
    await master.client.auth('secretword')
    const replica = await shoal({ 'replica-serve-stale-data': 'no', masterauth: 'secretword' })
    await master.client.set('a', '1')
    await follow(replica, master)
    expect(await replica.client.get('a')).toBe('1')
    await master.stop()
    await until('the loss', async () => (await info(replica, 'master_link_status')) === 'down')
    await expect(replica.client.get('a')).rejects.toThrow(
      "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    )
    await replica.client.replicaof('NO', 'ONE')
    expect(await replica.client.get('a')).toBe('1')
    expect(await replica.client.set('a', '2')).toBe('OK')
  })

  test('a chain of both kinds; when its first node is lost, the second goes on with the third', async () => {
    const first = await redis()
    const second = await shoal()
    const third = await redis()
    await fill(first, 500)
    await follow(second, first)
    await follow(third, second)
    await writeOfAllKinds(first)
    await sameContents(first, third)
    expect(await info(third, 'master_replid')).toBe(await info(first, 'master_replid'))
    await first.stop()
    await second.client.replicaof('NO', 'ONE')
    await second.client.set('from', 'the second')
    await linked(third)
    await sameContents(second, third)
    expect(second.running.node.stats).toMatchObject({ syncFull: 1, syncPartialOk: 1 })
  })
})

describe('Shoal nodes among themselves', () => {
  test('a replica takes over, another one goes on with it, the old master comes back', async () => {
    const dir = directory()
    const one = await shoal({}, dir)
    const two = await shoal()
    const three = await shoal()
    await fill(one, 1000)
    await Promise.all([follow(two, one), follow(three, one)])
    await writeOfAllKinds(one)
    expect(await one.client.wait(2, 5000)).toBe(2)
    await one.crash()
    await two.client.replicaof('NO', 'ONE')
    await three.client.replicaof('127.0.0.1', String(two.port))
    await two.client.set('from', 'the new master')
    await linked(three)
    await sameContents(two, three)
    expect(two.running.node.stats).toMatchObject({ syncFull: 0, syncPartialOk: 1 })

    const back = await shoal({ port: String(one.port) }, dir)
    await back.client.set('not', 'known to anybody')
    await follow(back, two)
    await sameContents(two, back)
  })

  test('a replica that was stopped, with its RDB file, goes on where it was', async () => {
    const master = await shoal()
    const dir = directory()
    const replicaof = `127.0.0.1 ${master.port}`
    const replica = await shoal({ save: '3600 1', replicaof }, dir)
    await linked(replica)
    await fill(master, 200)
    await master.client.select(3)
    await master.client.set('three', '3')
    await sameContents(master, replica)
    await replica.stop()
    await master.client.set('while', 'away')
    const back = await shoal({ save: '3600 1', replicaof, port: String(replica.port) }, dir)
    await linked(back)
    await sameContents(master, back)
    await sameContents(master, back, 3)
    expect(master.running.node.stats).toMatchObject({ syncFull: 1, syncPartialOk: 1 })
  })

  test('keys that expire while the master is away are gone on its replicas too', async () => {
    const dir = directory()
    const words = { save: '3600 1', port: String((await freePorts(1))[0]) }
    const master = await shoal(words, dir)
    const replica = await shoal()
    await follow(replica, master)
    master.running.node.activeExpire = false
    await master.client.select(2)
    for (let i = 0; i < 50; i++) await master.client.set(`key:${i}`, 'x', 'PX', 150)
    await master.client.set('stays', 'x')
    expect(await master.client.wait(1, 20_000)).toBe(1)
    await master.stop()
    await until('the expiry', () => new Promise((resolve) => setTimeout(() => resolve(true), 200)))
    const back = await shoal(words, dir)
    await linked(replica)
    expect(back.running.node.stats).toMatchObject({ syncFull: 0, syncPartialOk: 1 })
    await until('the DELs', () => replica.running.node.keyspace.databases[2]!.size === 1)
    await sameContents(back, replica, 2)
  })

  test('the append-only file of a replica holds what it was sent', async () => {
    const master = await shoal()
    const dir = directory()
    const replica = await shoal({ appendonly: 'yes', appendfsync: 'always' }, dir)
    await replica.client.set('old', 'data')
    await fill(master, 300)
    await follow(replica, master)
    await until('the new base', () => replica.running.node.persistence!.aof.state === 'on')
    await master.client.set('after', 'it')
    await sameContents(master, replica)
    await replica.stop()
    const alone = await shoal({ appendonly: 'yes' }, dir)
    expect(await contents(alone)).toEqual(await contents(master))
  })

  test('a large dataset, while it is being written to', async () => {
    const master = await shoal()
    const replica = await shoal()
    const value = 'v'.repeat(400)
    for (let from = 0; from < 60_000; from += 10_000) {
      const commands = master.client.pipeline()
      for (let i = from; i < from + 10_000; i++) commands.set(`key:${i}`, `${value}${Math.random()}`)
      await commands.exec()
    }
    await replica.client.replicaof('127.0.0.1', String(master.port))
    for (let i = 0; (await info(replica, 'master_link_status')) !== 'up'; i++) {
      const commands = master.client.pipeline()
      for (let j = 0; j < 200; j++) commands.set(`key:${Math.floor(Math.random() * 70_000)}`, `${i}:${j}`)
      commands.del(`key:${i}`)
      await commands.exec()
      if (i > 5000) throw new Error('the synchronisation does not end')
    }
    await sameContents(master, replica)
    expect(master.running.node.stats.syncFull).toBe(1)
  }, 60_000)

  test('WAIT: as many as there are, after the time that was given', async () => {
    const master = await shoal()
    const replica = await shoal()
    await follow(replica, master)
    await master.client.set('a', '1')
    const began = Date.now()
    expect(await master.client.wait(2, 150)).toBe(1)
    expect(Date.now() - began).toBeGreaterThanOrEqual(149)
    expect(Date.now() - began).toBeLessThan(10_000)
    expect(await master.client.multi().set('a', '2').wait(1, 0).exec()).toEqual([
      [null, 'OK'],
      [null, expect.any(Number)],
    ])
    await expect(replica.client.wait(1, 0)).rejects.toThrow('WAIT cannot be used with replica instances')
    const waiting = master.client.duplicate()
    waiting.on('error', () => undefined)
    const outcome = waiting.wait(5, 0).then(
      () => 'answered',
      (error: Error) => error.message,
    )
    await until('the wait', () => master.running.node.replication!.r.waits.length === 1)
    await master.client.replicaof('127.0.0.1', String(replica.port))
    expect(await outcome).toMatch(/^UNBLOCKED force unblock from blocking operation/)
    waiting.disconnect()
  })

  test('a replica that does not take its snapshot is dropped after repl-timeout; another one gets its own', async () => {
    const master = await shoal({ 'repl-timeout': '1', rdbcompression: 'no' })
    const { node } = master.running
    const value = 'v'.repeat(2000)
    for (let from = 0; from < 10_000; from += 1000) {
      const commands = master.client.pipeline()
      for (let i = from; i < from + 1000; i++) commands.set(`key:${i}`, `${value}${Math.random()}`)
      await commands.exec()
    }
    const deaf = connect(master.port, '127.0.0.1')
    cleanUp.push(() => void deaf.destroy())
    deaf.on('error', () => undefined)
    deaf.write('REPLCONF listening-port 7 capa eof capa psync2\r\nPSYNC ? -1\r\n')
    deaf.pause()
    const snapshot = () => node.persistence!.runner.kind
    await until('the snapshot', () => snapshot() === 'sync')
    const replica = await shoal()
    await replica.client.replicaof('127.0.0.1', String(master.port))
    const line = 'Disconnecting timedout replica (full sync): 127.0.0.1:7'
    await until('the end of patience', () => master.log.includes(line))
    await linked(replica)
    await sameContents(master, replica)
    await until('the end of all snapshots', () => snapshot() === null)
  })

  test('WAITAOF: on the disk here, and on the disk there', async () => {
    const master = await shoal({ appendonly: 'yes', appendfsync: 'always' })
    const { client } = master
    await client.set('a', '1')
    expect(await client.call('WAITAOF', '1', '0', '0')).toEqual([1, 0])
    const replica = await shoal({ appendonly: 'yes', appendfsync: 'always' })
    await follow(replica, master)
    await client.set('a', '2')
    expect(await client.call('WAITAOF', '1', '1', '10000')).toEqual([1, 1])
    await replica.client.config('SET', 'appendfsync', 'no')
    await client.set('a', '3')
    expect(await client.call('WAITAOF', '1', '1', '50')).toEqual([1, 0])
    await client.config('SET', 'appendfsync', 'everysec')
    await client.set('a', '4')
    expect(await client.call('WAITAOF', '1', '0', '5000')).toEqual([1, 0])
    const waiting = client.duplicate()
    await waiting.set('a', '5')
    const outcome = waiting.call('WAITAOF', '1', '1', '0').catch((error: Error) => error.message)
    await until('the wait', () => master.running.node.replication!.r.waits.length === 1)
    await client.config('SET', 'appendonly', 'no')
    expect(await outcome).toBe('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.')
    waiting.disconnect()
    await expect(client.call('WAITAOF', '2', '1', '0')).rejects.toThrow('must between 0 and 1')
  })

  test('a master that stops waits for its replicas; SHUTDOWN ABORT ends the wait', async () => {
    const master = await shoal({ 'shutdown-timeout': '10' })
    const replica = await shoal()
    await follow(replica, master)
    const { r } = replica.running.node.replication!
    // A replica that takes everything in and says nothing.
    const said = r.cronAt_ms
    r.cronAt_ms = Number.POSITIVE_INFINITY
    await master.client.set('a', '1')
    await until('the write', async () => (await replica.client.get('a')) === '1')
    const { node } = master.running
    const first = master.running.stop({ save: undefined, now: false, force: false })
    // It is asked for an acknowledgement, gives it, and the wait ends.
    expect(await first).toBe(true)
    expect(master.log).toContain('1 of 1 replicas are in sync when shutting down.')
    expect(node.clients.count).toBe(0)
    r.cronAt_ms = said

    const other = await shoal({ 'shutdown-timeout': '10' })
    await follow(replica, other)
    other.running.node.replication!.r.quiet = true // no GETACK: the replica stays behind
    r.cronAt_ms = Number.POSITIVE_INFINITY
    await other.client.set('a', '2')
    const second = other.running.stop({ save: undefined, now: false, force: false })
    await until('the wait', () => other.log.includes('Waiting for replicas before shutting down.'))
    expect(await other.client.call('SHUTDOWN', 'ABORT')).toBe('OK')
    expect(await second).toBe(false)
    expect(await other.client.set('goes', 'on')).toBe('OK')
    await expect(other.client.call('SHUTDOWN', 'ABORT')).rejects.toThrow('ERR No shutdown in progress.')
    r.cronAt_ms = 0
  })

  test('what is refused, in words of Redis', async () => {
    const node = await shoal()
    const say = (...words: [string, ...string[]]): Promise<string> =>
      node.client.call(...words).then(String, (error: Error) => error.message)
    expect(await say('REPLICAOF', '127.0.0.1', 'x')).toBe('ERR Invalid master port')
    expect(await say('REPLICAOF', '127.0.0.1', '70000')).toBe('ERR Invalid master port')
    expect(await say('REPLCONF', 'capa')).toBe('ERR syntax error')
    expect(await say('REPLCONF', 'what', 'ever')).toBe('ERR Unrecognized REPLCONF option: what')
    expect(await say('REPLCONF', 'rdb-only', '2')).toBe(
      'ERR value is out of range, value must between 0 and 1',
    )
    expect(await say('FAILOVER')).toBe('ERR FAILOVER requires connected replicas.')
    expect(await say('FAILOVER', 'ABORT')).toBe('ERR No failover in progress.')
    expect(await say('FAILOVER', 'TIMEOUT', '0')).toBe('ERR FAILOVER timeout must be greater than 0')
    expect(await say('WAIT', 'x', '0')).toBe('ERR value is not an integer or out of range')
    expect(await say('WAIT', '1', '-1')).toBe('ERR timeout is negative')
    expect(await say('WAIT', '1', '9223372036854775807')).toBe('ERR timeout is out of range')
    expect(await say('WAIT', '1', '9223372036854775808')).toBe(
      'ERR timeout is not an integer or out of range',
    )
    expect(await say('REPLICAOF', 'no', 'one')).toBe('OK')
    expect(await node.client.role()).toEqual(['master', 0, []])
  })
})
