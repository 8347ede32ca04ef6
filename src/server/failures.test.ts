/** What an exception ends: the client whose command it came from, or the node where data may be wrong. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort } from '../../tests/support/node.js'
import { converse } from '../../tests/support/raw.js'
import { Wire } from '../../tests/support/wire.js'
import { AssertionError } from '../bytes/assert.js'
import type { Call } from '../commands/call.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import { fileWorld, loadConfig } from './config/files.js'
import { startNode } from './start.js'

let cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

type Handler = (call: Call, args: Args, reply: Reply) => void

/** A node of which some commands do something else. */
async function nodeWith(handlers: Readonly<Record<string, Handler>>) {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-failures-'))
  const port = await freePort()
  const argv = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir]
  const loaded = loadConfig(
    [...argv, '--appendonly', 'yes', '--appendfsync', 'no'],
    fileWorld(dir),
    () => new Uint8Array(0),
  )
  if (!loaded.ok || loaded.instead !== undefined) throw new Error(JSON.stringify(loaded))
  const log: string[] = []
  const errors: unknown[] = []
  const { node, stop } = await startNode({
    config: loaded.config,
    log: (_level, message) => log.push(message),
    fatal: (error) => errors.push(error),
  })
  cleanups.push(async () => {
    await stop()
    rmSync(dir, { recursive: true, force: true })
  })
  for (const [name, handler] of Object.entries(handlers)) Object.assign(node.table.get(name)!, { handler })
  const wire = async () => {
    const made = await Wire.open(port)
    cleanups.push(() => made.close())
    return made
  }
  const appended = () =>
    readdirSync(join(dir, 'appendonlydir'))
      .map((name) => readFileSync(join(dir, 'appendonlydir', name), 'latin1'))
      .join('')
  return { node, port, log, errors, wire, appended }
}

const throwRange = (): never => {
  throw new RangeError('Invalid string length')
}

/** As any handler of the table: the one that the command has otherwise. */
const original = (node: { table: { get(name: string): { handler: Handler } | undefined } }, name: string) =>
  node.table.get(name)!.handler

describe('an exception of a command that changed nothing', () => {
  test('ends its client only, and is logged with its stack', async () => {
    const { port, log, errors, wire, appended } = await nodeWith({
      echo: (_call, _args, reply) => {
        reply.array(3)
        throwRange()
      },
    })
    const other = await wire()
    expect(await converse(port, ['SET a 1\r\nECHO x\r\nSET never 1\r\n'], { stays: true })).toBe('')
    expect(
      await other.exchange([
        ['GET', 'a'],
        ['GET', 'never'],
        ['SET', 'b', '2'],
      ]),
    ).toEqual(['$1\r\n1\r\n', '$-1\r\n', '+OK\r\n'])
    expect(errors).toEqual([])
    const closing = log.findIndex((line) =>
      line.startsWith('Closing client after an exception, command echo: id='),
    )
    expect(closing).toBeGreaterThanOrEqual(0)
    expect(log[closing + 1]).toBe('RangeError: Invalid string length')
    expect(log[closing + 2]).toMatch(/^ +at /)
    expect(appended()).toContain('$1\r\na\r\n')
    expect(appended()).toContain('$1\r\nb\r\n')
  })

  test('does not disturb what others have waiting in the same turn', async () => {
    const { node, wire, port } = await nodeWith({ echo: throwRange })
    const [waiting, pausing] = [await wire(), await wire()]
    waiting.send('BLPOP', 'list', '0')
    pausing.send('CLIENT', 'PAUSE', '100000', 'ALL')
    expect(await pausing.next()).toBe('+OK\r\n')
    const failing = converse(port, ['ECHO x\r\n'], { stays: true })
    const fine = await wire()
    fine.send('RPUSH', 'list', 'e')
    while ([...node.clients.all()].filter((client) => client.paused).length < 2) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    node.unpause()
    expect(await failing).toBe('')
    expect(await fine.next()).toBe(':1\r\n')
    expect(await waiting.next()).toBe('*2\r\n$4\r\nlist\r\n$1\r\ne\r\n')
  })

  test('counts as none where keys only expired for it, and these are handed on', async () => {
    const { node, port, errors, wire, appended } = await nodeWith({})
    const get = original(node, 'get')
    const client = await wire()
    await client.exchange([['SET', 'old', '1', 'PX', '1']])
    const until = node.clock.now_ms() + 1
    while (node.clock.now_ms() <= until) await new Promise((resolve) => setImmediate(resolve))
    node.activeExpire = false
    Object.assign(node.table.get('get')!, {
      handler: (call: Call, args: Args, reply: Reply) => {
        get(call, args, reply)
        throwRange()
      },
    })
    expect(await converse(port, ['GET old\r\n'], { stays: true })).toBe('')
    expect(errors).toEqual([])
    await client.exchange([['SET', 'a', '1']])
    expect(appended()).toMatch(/DEL\r\n\$3\r\nold\r\n/)
    expect(appended()).not.toContain('MULTI')
  })
})

describe('an exception of a client that waited', () => {
  test('while its command is carried out again ends it, not who served it', async () => {
    const { node, errors, wire } = await nodeWith({})
    const waiting = await wire()
    const blpop = original(node, 'blpop')
    waiting.send('BLPOP', 'list', '0')
    while (node.waits.count === 0) await new Promise((resolve) => setImmediate(resolve))
    Object.assign(node.table.get('blpop')!, { handler: throwRange })
    const pushing = await wire()
    expect(
      await pushing.exchange([
        ['RPUSH', 'list', 'e'],
        ['LLEN', 'list'],
      ]),
    ).toEqual([':1\r\n', ':1\r\n'])
    await expect(waiting.next()).rejects.toThrow()
    Object.assign(node.table.get('blpop')!, { handler: blpop })
    expect(await pushing.exchange([['BLPOP', 'list', '0']])).toEqual(['*2\r\n$4\r\nlist\r\n$1\r\ne\r\n'])
    expect(errors).toEqual([])
  })

  test('when its time is over ends it only', async () => {
    const { node, errors, wire } = await nodeWith({})
    const waiting = await wire()
    waiting.send('BLPOP', 'list', '0.2')
    while (node.waits.count === 0) await new Promise((resolve) => setImmediate(resolve))
    const client = [...node.clients.all()].find(({ blocked }) => blocked !== null)!
    client.blocked!.timeout = throwRange
    await expect(waiting.next()).rejects.toThrow()
    expect(node.waits.count).toBe(0)
    const fine = await wire()
    expect(await fine.exchange([['PING']])).toEqual(['+PONG\r\n'])
    expect(errors).toEqual([])
  })
})

describe('an exception after which data may be wrong ends the node', () => {
  test('where the command had changed an entry', async () => {
    const { node, port, errors, appended } = await nodeWith({})
    const set = original(node, 'set')
    Object.assign(node.table.get('set')!, {
      handler: (call: Call, args: Args, reply: Reply) => {
        set(call, args, reply)
        throwRange()
      },
    })
    expect(await converse(port, ['SET half 1\r\n'], { stays: true })).toBe('')
    expect(errors.map(String)).toEqual(['RangeError: Invalid string length'])
    expect(appended()).not.toContain('half')
  })

  test('where an earlier command of the same EXEC had', async () => {
    const { port, errors, appended } = await nodeWith({ echo: throwRange })
    const said = await converse(port, ['MULTI\r\nSET half 1\r\nECHO x\r\nEXEC\r\n'], { stays: true })
    expect(said).toBe('')
    expect(errors.map(String)).toEqual(['RangeError: Invalid string length'])
    expect(appended()).not.toContain('half')
  })

  test('where an assertion failed', async () => {
    const { port, errors } = await nodeWith({
      echo: () => {
        throw new AssertionError('this cannot happen')
      },
    })
    expect(await converse(port, ['ECHO x\r\n'], { stays: true })).toBe('')
    expect(errors.map(String)).toEqual(['AssertionError: this cannot happen'])
  })

  test('where it comes from the master: a command that is left out would make the data differ', async () => {
    const master = await nodeWith({})
    const replica = await nodeWith({ echo: throwRange })
    replica.node.replication!.run(() => undefined)
    const client = await replica.wire()
    await client.exchange([['REPLICAOF', '127.0.0.1', String(master.port)]])
    while (!replica.log.some((line) => line.includes('MASTER <-> REPLICA sync: Finished'))) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const [name, word] = ['ECHO', 'x'].map((text) => Buffer.from(text))
    master.node.propagation.message(-1, [name!, word!])
    master.node.turn.schedule()
    while (replica.errors.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(replica.errors.map(String)).toEqual(['RangeError: Invalid string length'])
    expect(master.errors).toEqual([])
  })
})
