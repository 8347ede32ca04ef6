/**
 * What random commands of all types leave behind, in files: the RDB file of each side loaded by the other, and an append-only file
 * that Shoal has rewritten as commands, loaded by itself and said to redis-server. The digest is the same each time, but for how scores
 * are written into it (`digestOfDatasetIn70`).
 */

import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { commandsIn } from '../support/commands-in.js'
import type { Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { open, type RunningNode } from '../support/node.js'
import { digestOfDatasetIn70 } from '../support/redis70.js'
import { Wire } from '../support/wire.js'
import { prepared } from './alike.js'
import { command, LIMITS, NAMES } from './arbitrary-mixed.js'

const RUNS = runsOf(12)
const DATABASES = 16
const OPTIONS = [
  ...['--appendonly', 'yes', '--appendfsync', 'no', '--aof-use-rdb-preamble', 'no'],
  ...['--auto-aof-rewrite-percentage', '0', '--enable-debug-command', 'yes'],
  ...[...LIMITS].flatMap(([name, limit]) => [`--${name}`, String(limit)]),
]

describe.skipIf(missing('redis-server'))('files of everything, beside redis-server', DEEP, () => {
  let redis: RedisProcess
  let node: RunningNode
  let theirs: Wire
  let ours: Wire

  beforeAll(async () => {
    redis = await startRedis(OPTIONS)
    node = await open(...OPTIONS)
    theirs = await Wire.open(redis.port)
    ours = await Wire.open(Number(node.port))
    for (const wire of [theirs, ours]) await wire.run('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  })
  afterAll(async () => {
    theirs?.close()
    ours?.close()
    await Promise.all([redis?.stop(), node?.stop()])
  })

  /** Nothing else is there then, and nothing that has expired. */
  const fill = async (wire: Wire, lines: readonly Line[]) => {
    await wire.run('SELECT', 0)
    await wire.run('FLUSHALL')
    await wire.exchange(lines)
    for (let db = 0; db < DATABASES; db++) {
      await wire.exchange([
        ['SELECT', db],
        ['EXISTS', ...NAMES],
      ])
    }
  }
  const theirDigest = async () => await theirs.run('DEBUG', 'DIGEST')
  const ourDigest = () => `+${digestOfDatasetIn70(node.node.keyspace)}\r\n`
  const ok = async (wire: Wire, ...line: string[]) => expect(await wire.run(...line)).toBe('+OK\r\n')
  const folder = () => node.node.config.values.dir
  const sequence = fc.array(command, { minLength: 5, maxLength: 120, size: 'max' })

  test('each loads what the other has saved', async () => {
    await holds(
      fc.asyncProperty(sequence, async (lines) => {
        await fill(ours, prepared(lines))
        await ok(ours, 'SAVE')
        copyFileSync(join(folder(), 'dump.rdb'), join(redis.directory, 'dump.rdb'))
        await ok(theirs, 'DEBUG', 'RELOAD', 'NOSAVE')
        expect(await theirDigest()).toBe(ourDigest())

        await fill(theirs, prepared(lines))
        await ok(theirs, 'SAVE')
        copyFileSync(join(redis.directory, 'dump.rdb'), join(folder(), 'dump.rdb'))
        await ok(ours, 'DEBUG', 'RELOAD', 'NOSAVE')
        expect(ourDigest()).toBe(await theirDigest())
      }),
      RUNS,
    )
  })

  test('an append-only file that was rewritten as commands', async () => {
    await holds(
      fc.asyncProperty(sequence, async (lines) => {
        await fill(ours, prepared(lines))
        const before = ourDigest()
        expect(await ours.run('BGREWRITEAOF')).toMatch(/^\+Background/)
        await expect
          .poll(async () => await ours.run('INFO', 'persistence'), { timeout: 20_000, interval: 5 })
          .toMatch(/aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n/)
        await ok(ours, 'DEBUG', 'LOADAOF')
        expect(ourDigest()).toBe(before)

        const parts = join(folder(), 'appendonlydir')
        const base = readdirSync(parts).find((name) => name.endsWith('.base.aof'))!
        const { list, rest } = commandsIn(readFileSync(join(parts, base), 'latin1'))
        expect(rest).toBe('')
        await theirs.run('SELECT', 0)
        await theirs.run('FLUSHALL')
        const replies = await theirs.exchange(list)
        expect(replies.filter((reply) => reply.startsWith('-'))).toEqual([])
        expect(await theirDigest()).toBe(before)
      }),
      RUNS,
    )
  })
})
