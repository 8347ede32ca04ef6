/**
 * Times of expiry at the limits of 64 bits: what each command that takes one accepts, and that every way out shows the time to
 * the last bit: replies, copies, files in both directions and replicas in both directions.
 */

import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { commandsIn } from '../support/commands-in.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { open, type RunningNode } from '../support/node.js'
import { bytesOf, type Part } from '../support/runner.js'
import { Wire } from '../support/wire.js'

const MAX = 2n ** 63n - 1n
/** Between the two servers' looks at the clock. */
const TOLERANCE_MS = 60_000n
const OPTIONS = [
  ...['--appendonly', 'yes', '--appendfsync', 'no', '--aof-use-rdb-preamble', 'no'],
  ...[
    '--auto-aof-rewrite-percentage',
    '0',
    '--enable-debug-command',
    'yes',
    '--repl-diskless-sync-delay',
    '0',
  ],
]

/** Numbers around which a double, a word, or a sum with the present time changes. */
const EDGES = [
  ...[0n, 2n ** 31n, 2n ** 32n, 2n ** 46n, 2n ** 48n, 2n ** 53n, 2n ** 62n, MAX],
  ...[2n ** 53n / 1000n, MAX / 1000n, MAX - BigInt(Date.now()), MAX / 1000n - BigInt(Date.now()) / 1000n],
]
const BOUNDARIES = EDGES.flatMap((edge) =>
  [-1001n, -1n, 0n, 1n, 2n, 1000n].map((more) => edge + more),
).flatMap((value) => [value, -value])
const WORDS = ['+1', '01', ' 1', '1 ', '1.0', '', 'x', '0x10', '18446744073709551616', '-9223372036854775809']

/** A second or more from now and from each other, so that neither server's clock decides whether a key is there. */
const isFar = (value: bigint) => {
  const now_ms = BigInt(Date.now())
  return value < now_ms / 1000n - 3600n || (value > now_ms / 1000n + 3600n && value < now_ms - 3_600_000n)
    ? true
    : value > now_ms + 3_600_000n
}

const ABSOLUTE = [
  ['EXPIREAT', 'k', 'T'],
  ['PEXPIREAT', 'k', 'T'],
  ['PEXPIREAT', 'k', 'T', 'GT'],
  ['PEXPIREAT', 'k', 'T', 'LT'],
  ['SET', 'k', 'v', 'EXAT', 'T'],
  ['SET', 'k', 'v', 'PXAT', 'T'],
  ['GETEX', 'k', 'EXAT', 'T'],
  ['GETEX', 'k', 'PXAT', 'T'],
  ['RESTORE', 'k', 'T', 'DUMP', 'REPLACE', 'ABSTTL'],
] as const
const RELATIVE = [
  ['EXPIRE', 'k', 'T'],
  ['PEXPIRE', 'k', 'T'],
  ['SET', 'k', 'v', 'EX', 'T'],
  ['SET', 'k', 'v', 'PX', 'T'],
  ['SETEX', 'k', 'T', 'v'],
  ['PSETEX', 'k', 'T', 'v'],
  ['GETEX', 'k', 'EX', 'T'],
  ['GETEX', 'k', 'PX', 'T'],
  ['RESTORE', 'k', 'T', 'DUMP', 'REPLACE'],
] as const

describe.skipIf(missing('redis-server'))('times of expiry beside redis-server', DEEP, () => {
  let redis: RedisProcess
  let node: RunningNode
  let theirs: Wire
  let ours: Wire
  let dump: Uint8Array

  beforeAll(async () => {
    redis = await startRedis(OPTIONS)
    node = await open(...OPTIONS)
    theirs = await Wire.open(redis.port)
    ours = await Wire.open(Number(node.port))
    for (const wire of [theirs, ours]) await wire.run('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    await theirs.run('SET', 'k', 'v')
    const reply = await theirs.run('DUMP', 'k')
    dump = bytesOf(reply.slice(reply.indexOf('\r\n') + 2, -2))
  })
  afterAll(async () => {
    theirs?.close()
    ours?.close()
    await Promise.all([redis?.stop(), node?.stop()])
  })

  const lineOf = (template: readonly string[], time: string): Part[] =>
    template.map((part) => (part === 'T' ? time : part === 'DUMP' ? dump : part))

  /** What both say to a command and then about the key, which had another time or none. */
  const outcome = async (wire: Wire, before: readonly Part[] | null, line: readonly Part[]) => {
    const say = before === null ? [] : [before]
    await wire.run('DEL', 'k', 'copy', 'renamed')
    return await wire.exchange([
      ['SET', 'k', 'v'],
      ...say,
      line,
      ['PEXPIRETIME', 'k'],
      ['EXPIRETIME', 'k'],
      ['COPY', 'k', 'copy'],
      ['PEXPIRETIME', 'copy'],
      ['RENAME', 'copy', 'renamed'],
      ['PEXPIRETIME', 'renamed'],
      ['SET', 'k', 'other', 'KEEPTTL'],
      ['SETRANGE', 'k', 100_000, 'x'],
      ['PEXPIRETIME', 'k'],
    ])
  }

  test('absolute ones', async () => {
    const time = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...BOUNDARIES.filter(isFar)).map(String) },
      { weight: 2, arbitrary: fc.bigInt({ min: 2n ** 53n, max: MAX }).map(String) },
      { weight: 1, arbitrary: fc.constantFrom(...WORDS) },
    )
    const before = fc.option(time.map((at) => ['PEXPIREAT', 'k', at]))
    await holds(
      fc.asyncProperty(fc.constantFrom(...ABSOLUTE), time, before, async (template, at, first) => {
        const line = lineOf(template, at)
        expect(await outcome(ours, first, line)).toEqual(await outcome(theirs, first, line))
      }),
      runsOf(150),
    )
  })

  test('relative ones', async () => {
    const time = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...BOUNDARIES).map(String) },
      { weight: 1, arbitrary: fc.constantFrom(...WORDS) },
    )
    await holds(
      fc.asyncProperty(fc.constantFrom(...RELATIVE), time, async (template, span) => {
        // A sum that only one of the two clocks lets overflow, or a key that is gone on one side only.
        const value = /^-?\d+$/.test(span) ? BigInt(span) : 0n
        if (value > 0n && value < 3600n * 1000n) return
        for (const unit of [1n, 1000n]) {
          const over = value * unit + BigInt(Date.now()) - MAX
          if (over < TOLERANCE_MS && over > -TOLERANCE_MS) return
        }
        const line = lineOf(template, span)
        const [a, b] = [await outcome(ours, null, line), await outcome(theirs, null, line)]
        for (const [i, reply] of a.entries()) {
          if (reply[0] !== ':' || b[i]![0] !== ':') expect(reply).toBe(b[i])
          else {
            const apart = BigInt(reply.slice(1, -2)) - BigInt(b[i]!.slice(1, -2))
            expect(apart < TOLERANCE_MS && apart > -TOLERANCE_MS, `${reply} and ${b[i]}`).toBe(true)
          }
        }
      }),
      runsOf(150),
    )
  })

  /** Keys of several types with times that a double does not hold. */
  const TIMES = [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 60n + 1n, MAX - 1n, MAX, 4_000_000_000_001n]
  const fill = async (wire: Wire) => {
    await wire.run('FLUSHALL')
    for (const [i, at] of TIMES.entries()) {
      await wire.run('SET', `s${i}`, 'v', 'PXAT', at)
      await wire.run('RPUSH', `l${i}`, 'a', 'b')
      await wire.run('PEXPIREAT', `l${i}`, at)
      await wire.run('SADD', `t${i}`, ...Array.from({ length: 600 }, (_, n) => `member${n}`))
      await wire.run('PEXPIREAT', `t${i}`, at)
    }
  }
  const names = ['s', 'l', 't'].flatMap((type) => TIMES.map((_, i) => `${type}${i}`))
  const expected = ['s', 'l', 't'].flatMap(() => TIMES.map((at) => `:${at}\r\n`))
  const timesOf = async (wire: Wire) => await wire.exchange(names.map((name) => ['PEXPIRETIME', name]))
  const ok = async (wire: Wire, ...line: Part[]) => expect(await wire.run(...line)).toBe('+OK\r\n')

  test('files of each side, loaded by both', async () => {
    const folder = node.node.config.values.dir
    await fill(ours)
    expect(await timesOf(ours)).toEqual(expected)
    await ok(ours, 'DEBUG', 'RELOAD')
    expect(await timesOf(ours)).toEqual(expected)
    copyFileSync(join(folder, 'dump.rdb'), join(redis.directory, 'dump.rdb'))
    await ok(theirs, 'DEBUG', 'RELOAD', 'NOSAVE')
    expect(await timesOf(theirs)).toEqual(expected)
    await ok(theirs, 'SAVE')
    copyFileSync(join(redis.directory, 'dump.rdb'), join(folder, 'dump.rdb'))
    await ok(ours, 'FLUSHALL')
    await ok(ours, 'DEBUG', 'RELOAD', 'NOSAVE')
    expect(await timesOf(ours)).toEqual(expected)
  })

  test('append-only files, as they were written and rewritten', async () => {
    await fill(ours)
    await ok(ours, 'DEBUG', 'LOADAOF')
    expect(await timesOf(ours)).toEqual(expected)
    expect(await ours.run('BGREWRITEAOF')).toMatch(/^\+Background/)
    await expect
      .poll(async () => await ours.run('INFO', 'persistence'), { timeout: 20_000, interval: 5 })
      .toMatch(/aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n/)
    await ok(ours, 'DEBUG', 'LOADAOF')
    expect(await timesOf(ours)).toEqual(expected)
    const parts = join(node.node.config.values.dir, 'appendonlydir')
    const base = readdirSync(parts).find((name) => name.endsWith('.base.aof'))!
    await ok(theirs, 'FLUSHALL')
    await theirs.exchange(commandsIn(readFileSync(join(parts, base), 'latin1')).list)
    expect(await timesOf(theirs)).toEqual(expected)
  })

  test('MIGRATE and replicas, in both directions', async () => {
    const synced = async (wire: Wire) =>
      await expect.poll(async () => await timesOf(wire), { timeout: 20_000, interval: 20 }).toEqual(expected)
    await fill(ours)
    await ok(theirs, 'FLUSHALL')
    await ok(ours, 'MIGRATE', '127.0.0.1', redis.port, '', 0, 5000, 'COPY', 'KEYS', ...names)
    for (const [i, reply] of (await timesOf(theirs)).entries()) {
      // What a double holds goes as what is left of it, so that it may come a little later.
      const later = BigInt(reply.slice(1, -2)) - BigInt(expected[i]!.slice(1, -2))
      const isExact = TIMES[i % TIMES.length]! >= 2n ** 53n
      expect(later >= 0n && later < (isExact ? 1n : TOLERANCE_MS), `${reply} for ${expected[i]}`).toBe(true)
    }
    await ok(theirs, 'REPLICAOF', '127.0.0.1', node.port)
    await synced(theirs)
    await fill(ours)
    await synced(theirs)
    await ok(theirs, 'REPLICAOF', 'NO', 'ONE')
    await ok(ours, 'FLUSHALL')
    await ok(ours, 'REPLICAOF', '127.0.0.1', redis.port)
    await synced(ours)
    await fill(theirs)
    await synced(ours)
    await ok(ours, 'REPLICAOF', 'NO', 'ONE')
  })
})
