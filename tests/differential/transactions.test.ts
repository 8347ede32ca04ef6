/**
 * Transactions, watched keys and messages beside redis-server: three clients of each server say the same things in the
 * same order. Their replies must be equal, and in the end what went to the append-only files: which commands, in which
 * database, and which of them between MULTI and EXEC.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { open, type RunningNode } from '../support/node.js'
import { replyEnd, Wire } from '../support/wire.js'
import { command } from './arbitrary-transactions.js'

const OPTIONS = ['--appendonly', 'yes', '--appendfsync', 'no', '--enable-debug-command', 'yes']
const CLIENTS = 3
/** A command that lets time pass. */
const WAIT = 'wait'
const WAIT_MS = 3
const LONG_WAIT_MS = 1200

const RUNS = runsOf(120)

type Step = readonly [client: number, command: string]

/** The commands in an append-only file, one a line; times are not compared. */
function commandsOf(directory: string): string[] {
  const folder = join(directory, 'appendonlydir')
  const file = readFileSync(join(folder, readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!))
  const lines: string[] = []
  for (let at = 0; at < file.length; ) {
    const end = replyEnd(file, at)
    const words = file.toString('latin1', at, end).split('\r\n')
    lines.push(words.filter((_, i) => i > 0 && i % 2 === 0).join(' '))
    at = end
  }
  // Redis 7.0 selects the database before MULTI, 7.2 after it.
  for (let i = 0; i + 1 < lines.length; i++) {
    if (lines[i + 1] === 'MULTI' && lines[i]!.startsWith('SELECT ')) lines.splice(i, 2, 'MULTI', lines[i]!)
  }
  return lines.map((line) => line.replace(/\b1\d{12}\b/g, '<ms>'))
}

describe.skipIf(missing('redis-server'))('transactions beside redis-server', DEEP, () => {
  let redis: RedisProcess
  let node: RunningNode
  let theirs: Wire[]
  let ours: Wire[]

  beforeAll(async () => {
    redis = await startRedis(OPTIONS)
    node = await open(...OPTIONS)
    const wires = (port: number) => Promise.all(Array.from({ length: CLIENTS }, () => Wire.open(port)))
    theirs = await wires(redis.port)
    ours = await wires(Number(node.port))
    for (const wire of [theirs[0]!, ours[0]!]) await wire.run('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  })

  afterAll(async () => {
    for (const wire of [...(theirs ?? []), ...(ours ?? [])]) wire.close()
    await Promise.all([redis?.stop(), node?.stop()])
  })

  async function replies(wires: readonly Wire[], steps: readonly Step[]): Promise<string[]> {
    for (const wire of wires) {
      await wire.run('RESET')
      await wire.run('SELECT', '0')
    }
    await wires[0]!.run('FLUSHALL')
    const told: string[] = []
    for (const [client, command] of steps) {
      if (command === WAIT) await sleep(LONG_WAIT_MS)
      else told.push(`${client} ${command}: ${await wires[client]!.run(...command.split(' '))}`)
      // What is to expire has expired before the next command, on both sides.
      if (/ PX 1$|^EXEC/.test(command)) await sleep(WAIT_MS)
    }
    return told
  }

  async function same(steps: readonly Step[]): Promise<string[]> {
    const [expected, got] = await Promise.all([replies(theirs, steps), replies(ours, steps)])
    expect(got).toEqual(expected)
    return got
  }

  const steps = fc.array(fc.tuple(fc.nat(CLIENTS - 1), command), { minLength: 5, maxLength: 40 })

  test('any sequence', async () => {
    const folders = [node.node.config.values.dir, redis.directory] as const
    const before = folders.map((folder) => commandsOf(folder).length)
    await holds(
      fc.asyncProperty(steps, async (given) => {
        await same(given)
      }),
      RUNS,
    )
    const [ours, theirs] = folders.map((folder, i) => commandsOf(folder).slice(before[i]))
    expect(ours).toEqual(theirs)
  })

  test('a message in a transaction is nothing to the file', async () => {
    const folders = [node.node.config.values.dir, redis.directory] as const
    const before = folders.map((folder) => commandsOf(folder).length)
    await same([
      [0, 'MULTI'],
      [0, 'SET a 1'],
      [0, 'PUBLISH ch m'],
      [0, 'EXEC'],
      [0, 'MULTI'],
      [0, 'PUBLISH ch m'],
      [0, 'SET a 1'],
      [0, 'SET b 1'],
      [0, 'EXEC'],
    ])
    const [ours, theirs] = folders.map((folder, i) => commandsOf(folder).slice(before[i]))
    expect(ours).toEqual(theirs)
    expect(ours!.slice(-5)).toEqual(['SET a 1', 'MULTI', 'SET a 1', 'SET b 1', 'EXEC'])
  })

  test('a watched key that had expired is no key: its removal changes nothing', async () => {
    for (const removal of ['EXISTS a', 'FLUSHDB', 'FLUSHALL', 'SWAPDB 0 1', 'PING']) {
      const told = await same([
        [0, 'SET a 1 PX 1'],
        [0, 'WATCH a'],
        [1, removal],
        [0, 'MULTI'],
        [0, 'PING'],
        [0, 'EXEC'],
      ])
      expect(told.at(-1)).toBe('0 EXEC: *1\r\n+PONG\r\n')
    }
  })

  test('a watched key that expires spoils the transaction', async () => {
    const told = await same([
      [0, 'SET a 1 PX 1000'],
      [0, 'WATCH a'],
      [0, WAIT],
      [0, 'MULTI'],
      [0, 'EXEC'],
    ])
    expect(told.at(-1)).toBe('0 EXEC: *-1\r\n')
  })

  test('a long transaction', async () => {
    const many: Step[] = Array.from({ length: 2000 }, (_, i) => [0, `SET k${i % 7} ${i}`])
    await same([[0, 'MULTI'], ...many, [0, 'EXEC'], [1, 'GET k3']])
  })
})
