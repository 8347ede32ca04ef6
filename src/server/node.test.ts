/** A node as a whole: what cannot happen stops it before anybody hears of it; pauses; rights that change meanwhile. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { freePort, open, type RunningNode } from '../../tests/support/node.js'
import { converse } from '../../tests/support/raw.js'
import { Wire } from '../../tests/support/wire.js'
import { AssertionError } from '../bytes/assert.js'
import { isAsking } from './cluster/asking.js'
import { fileWorld, loadConfig } from './config/files.js'
import { startNode } from './start.js'

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

async function wire(node: RunningNode): Promise<Wire> {
  const made = await Wire.open(Number(node.port))
  cleanups.push(() => made.close())
  return made
}

describe('an assertion that fails', () => {
  async function failing() {
    const dir = mkdtempSync(join(tmpdir(), 'shoal-fail-'))
    const port = await freePort()
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--dir',
      dir,
      '--appendonly',
      'yes',
    ]
    const loaded = loadConfig(args, fileWorld(dir), () => new Uint8Array(0))
    if (!loaded.ok || loaded.instead !== undefined) throw new Error(JSON.stringify(loaded))
    const log: string[] = []
    const errors: unknown[] = []
    const running = await startNode({
      config: loaded.config,
      log: (_level, message) => log.push(message),
      fatal: (error) => errors.push(error),
    })
    cleanups.push(async () => {
      await running.stop()
      rmSync(dir, { recursive: true, force: true })
    })
    const entry = running.node.table.get('echo')!
    Object.assign(entry, {
      handler: () => {
        throw new AssertionError('this cannot happen')
      },
    })
    return { port, dir, log, errors, node: running.node }
  }

  test('stops the node before anything of that turn is acknowledged or written', async () => {
    const { port, dir, log, errors } = await failing()
    const before = await converse(port, ['SET safe 1\r\n'])
    expect(before).toBe('+OK\r\n')
    // In one piece, so that all of it falls into one turn.
    const said = await converse(port, ['SET lost 1\r\nECHO x\r\nSET never 1\r\n'], { stays: true })
    expect(said).toBe('')
    expect(errors.map(String)).toEqual(['AssertionError: this cannot happen'])
    expect(log.some((line) => line.includes('BUG REPORT START'))).toBe(true)
    expect(log.some((line) => line.startsWith('Command under way: echo.'))).toBe(true)
    const folder = join(dir, 'appendonlydir')
    const written = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'latin1'))
      .join('')
    expect(written).toContain('safe')
    expect(written).not.toContain('lost')
  })

  test('other clients hear that the node is gone, not silence', async () => {
    const { port, errors } = await failing()
    const other = converse(port, ['PING\r\n'], { stays: true })
    await converse(port, ['PING\r\n'])
    await converse(port, ['ECHO x\r\n'], { stays: true })
    expect(await other).toBe('+PONG\r\n')
    expect(errors).toHaveLength(1)
  })
})

describe('pauses', () => {
  test('writes wait, and go on in their order', async () => {
    const node = await start()
    const client = await wire(node)
    await node.call('CLIENT', 'PAUSE', '100000', 'WRITE')
    client.send('GET', 'a')
    client.send('SET', 'a', '1')
    client.send('GET', 'a')
    expect(await client.next()).toBe('$-1\r\n')
    expect(await node.call('GET', 'a')).toBe(null)
    await node.call('CLIENT', 'UNPAUSE')
    expect(await client.next()).toBe('+OK\r\n')
    expect(await client.next()).toBe('$1\r\n1\r\n')
  })

  test('an expired key is hidden, not removed, while writes wait', async () => {
    const node = await start()
    await node.call('SET', 'a', '1', 'PX', '1')
    await node.call('CLIENT', 'PAUSE', '100000', 'WRITE')
    while ((await node.call('GET', 'a')) !== null);
    expect(node.node.keyspace.expiredKeys).toBe(0)
    await node.call('CLIENT', 'UNPAUSE')
    expect(await node.call('GET', 'a')).toBe(null)
    expect(node.node.keyspace.expiredKeys).toBe(1)
  })

  test('EXEC waits when it would write', async () => {
    const node = await start()
    const client = await wire(node)
    await client.exchange([['MULTI'], ['SET', 'a', '1']])
    await node.call('CLIENT', 'PAUSE', '100000', 'WRITE')
    client.send('EXEC')
    const reader = await wire(node)
    expect(await reader.exchange([['MULTI'], ['GET', 'a'], ['EXEC']])).toEqual([
      '+OK\r\n',
      '+QUEUED\r\n',
      '*1\r\n$-1\r\n',
    ])
    await node.call('CLIENT', 'UNPAUSE')
    expect(await client.next()).toBe('*1\r\n+OK\r\n')
  })
})

test('CLIENT NO-TOUCH: reading leaves the time of the last use as it is, TOUCH does not', async () => {
  const node = await start()
  const client = await wire(node)
  await client.run('SET', 'a', '1')
  const { keyspace } = node.node
  const db = keyspace.databases[0]!
  const key = Uint8Array.of(0x61)
  const usedAt = () => db.entries.access(db.peek(key, 0, 1))
  const setUsed = () => db.entries.setAccess(db.peek(key, 0, 1), 7)
  for (const lfu of [false, true]) {
    keyspace.lfu = lfu
    setUsed()
    await client.run('CLIENT', 'NO-TOUCH', 'ON')
    await client.exchange([['GET', 'a'], ['EXISTS', 'a'], ['MULTI'], ['GET', 'a'], ['EXEC']])
    expect(usedAt()).toBe(7)
    await client.run('TOUCH', 'a')
    expect(usedAt()).not.toBe(7)
    setUsed()
    await client.run('CLIENT', 'NO-TOUCH', 'OFF')
    await client.run('GET', 'a')
    expect(usedAt()).not.toBe(7)
  }
})

describe('transactions', () => {
  test('rights that were taken away since a command was queued', async () => {
    const node = await start()
    await node.call('ACL', 'SETUSER', 'eve', 'on', 'nopass', '+@all', '~*', '&*')
    const eve = await wire(node)
    await eve.exchange([['AUTH', 'eve', 'x'], ['MULTI'], ['SET', 'a', '1'], ['GET', 'b']])
    await node.call('ACL', 'SETUSER', 'eve', '-set')
    expect(await eve.run('EXEC')).toBe(
      '*2\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This ' +
        'command is no longer allowed for the following reason: no permission to execute the command or subcommand\r\n' +
        '$-1\r\n',
    )
  })

  test('a command that fails within EXEC is the one that failed', async () => {
    const node = await start()
    const client = await wire(node)
    await client.exchange([['SET', 'a', 'x'], ['MULTI'], ['INCR', 'a'], ['EXEC']])
    expect(node.node.table.get('incr')!.failed).toBe(1)
    expect(node.node.table.get('exec')!.failed).toBe(0)
    expect(node.node.stats.errorReplies).toBe(1)
  })

  test('one change alone goes out alone, several together', async () => {
    const node = await start()
    const fed: string[] = []
    node.node.propagation.feeds.push({
      feed: (db, buf, from, to) => {
        fed.push(`${db} ${Buffer.from(buf.subarray(from, to)).toString().split('\r\n')[2]}`)
      },
    })
    const client = await wire(node)
    await client.exchange([['MULTI'], ['SET', 'a', '1'], ['GET', 'a'], ['EXEC']])
    expect(fed.splice(0)).toEqual(['0 SET'])
    await client.exchange([['MULTI'], ['GET', 'a'], ['EXEC']])
    expect(fed.splice(0)).toEqual([])
    await client.exchange([['MULTI'], ['SET', 'a', '1'], ['SELECT', '1'], ['INCR', 'b'], ['EXEC']])
    expect(fed.splice(0)).toEqual(['-1 MULTI', '0 SET', '1 INCR', '-1 EXEC'])
    await client.run('PUBLISH', 'ch', 'x')
    expect(fed.splice(0)).toEqual(['1 PUBLISH'])
  })

  test('two nodes in one process do not notice each other', async () => {
    const one = await start()
    const two = await start()
    const [a, b] = [await wire(one), await wire(two)]
    await a.exchange([['WATCH', 'k'], ['MULTI'], ['PING']])
    await b.run('SET', 'k', '1')
    expect(await a.run('EXEC')).toBe('*1\r\n+PONG\r\n')
    expect(await one.call('DBSIZE')).toBe(0)
  })
})

test.each(['', '*0', 'NOSUCH', 'GET'])('ASKING counts for one command, also for %j', async (next) => {
  const running = await open('--cluster-enabled', 'yes')
  try {
    const { node, port } = running
    const said = converse(Number(port), [`CLIENT SETNAME raw\r\nASKING\r\n${next}\r\nCLIENT ID\r\n`], {
      stays: true,
    })
    const raw = () => [...node.clients.all()].find(({ name }) => name === 'raw')
    await vi.waitUntil(() => raw()?.lastCommand?.fullName === 'client|id', { timeout: 20_000 })
    const client = raw()!
    expect(isAsking(client)).toBe(false)
    node.close(client)
    expect(await said).toContain('+OK')
  } finally {
    await running.stop()
  }
})
