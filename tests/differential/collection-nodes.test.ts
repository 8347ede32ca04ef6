/**
 * Hashes, sets and sorted sets between a Shoal node and redis-server: as replicas of each other, by files that the one wrote and the
 * other loads, and through each one's own append-only file.
 */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { missing, startRedis } from '../oracle.js'
import { open, type RunningNode } from '../support/node.js'
import { digestOfDatasetIn70 } from '../support/redis70.js'
import { Wire } from '../support/wire.js'

const skip = missing('redis-server')

type Say = (...args: string[]) => Promise<unknown>

/** Hashes, sets and sorted sets of all forms, some of them changed after they were made. */
async function fill(say: Say, prefix: string): Promise<void> {
  const numbers = Array.from({ length: 700 }, (_, i) => String(i * 7919 - 2_000_000))
  const members = (count: number) => Array.from({ length: count }, (_, i) => `member:${i}`)
  await say('HSET', `${prefix}small`, 'a', '1', 'b', '-70000', 'c', 'x y', '', '')
  await say('HSET', `${prefix}large`, ...members(1200))
  await say('HSET', `${prefix}long`, 'f', 'v'.repeat(5000))
  await say('HINCRBY', `${prefix}small`, 'a', '41')
  await say('HINCRBYFLOAT', `${prefix}small`, 'b', '0.1')
  await say('HDEL', `${prefix}large`, ...members(300))
  await say('SADD', `${prefix}ints`, ...numbers.slice(0, 100), '9007199254740993')
  await say('SADD', `${prefix}many ints`, ...numbers)
  await say('SADD', `${prefix}words`, ...members(50))
  await say('SADD', `${prefix}many words`, ...members(800))
  await say('SPOP', `${prefix}many words`, '13')
  await say('SPOP', `${prefix}words`)
  await say('SUNIONSTORE', `${prefix}union`, `${prefix}ints`, `${prefix}words`)
  await say('SMOVE', `${prefix}words`, `${prefix}ints`, 'member:7')
  const ranked = members(400).flatMap((member, i) => [
    String((i * 37) % 100) + (i % 3 === 0 ? '.1' : ''),
    member,
  ])
  await say(
    'ZADD',
    `${prefix}few`,
    '-inf',
    'a',
    'inf',
    'b',
    '0.1',
    '',
    '-1e-7',
    'd',
    '12345678901234567000',
    'e',
  )
  await say('ZADD', `${prefix}ranked`, ...ranked)
  await say('ZADD', `${prefix}long member`, '1', 'm'.repeat(100))
  await say('ZINCRBY', `${prefix}ranked`, '0.2', 'member:3')
  await say('ZPOPMAX', `${prefix}ranked`, '7')
  await say('ZMPOP', '2', `${prefix}nothing`, `${prefix}ranked`, 'MIN', 'COUNT', '5')
  await say('ZREMRANGEBYRANK', `${prefix}ranked`, '100', '120')
  await say('ZUNIONSTORE', `${prefix}sum`, '2', `${prefix}few`, `${prefix}words`, 'WEIGHTS', '0.3', '2')
  await say('ZRANGESTORE', `${prefix}part`, `${prefix}ranked`, '(10', '50', 'BYSCORE', 'LIMIT', '5', '40')
  await say('PEXPIREAT', `${prefix}union`, '4000000000000')
}

async function digestOf(redis: Wire): Promise<string> {
  return (await redis.run('DEBUG', 'DIGEST')).slice(1).trim()
}

async function becomesEqual(redis: Wire, shoal: RunningNode): Promise<void> {
  await expect
    .poll(async () => digestOfDatasetIn70(shoal.node.keyspace) === (await digestOf(redis)), {
      timeout: 20_000,
      interval: 100,
    })
    .toBe(true)
  expect(await digestOf(redis)).not.toBe('0'.repeat(40))
}

async function withBoth(
  options: readonly string[],
  run: (shoal: RunningNode, redis: Wire, process: Awaited<ReturnType<typeof startRedis>>) => Promise<void>,
): Promise<void> {
  const process = await startRedis(['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'])
  const redis = await Wire.open(process.port)
  const shoal = await open('--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0', ...options)
  try {
    await run(shoal, redis, process)
  } finally {
    redis.close()
    await shoal.stop()
    await process.stop()
  }
}

test.skipIf(skip)('redis-server follows Shoal, then Shoal follows redis-server', async () => {
  await withBoth([], async (shoal, redis, process) => {
    const toShoal: Say = (...args) => shoal.call(...args)
    await fill(toShoal, 'first:')
    expect(await redis.run('REPLICAOF', '127.0.0.1', shoal.port)).toBe('+OK\r\n')
    await becomesEqual(redis, shoal)
    await fill(toShoal, 'then:')
    await becomesEqual(redis, shoal)
    await redis.run('REPLICAOF', 'NO', 'ONE')
    await fill((...args) => redis.run(...args), 'theirs:')
    await shoal.call('REPLICAOF', '127.0.0.1', String(process.port))
    await becomesEqual(redis, shoal)
    await fill((...args) => redis.run(...args), 'and then:')
    await becomesEqual(redis, shoal)
  })
})

test.skipIf(skip)('files of the one in the other, and append-only files rewritten as commands', async () => {
  await withBoth(['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no'], async (shoal, redis, process) => {
    const dir = shoal.node.config.values.dir
    await fill((...args) => shoal.call(...args), 'a:')
    await shoal.call('SAVE')
    copyFileSync(join(dir, 'dump.rdb'), join(process.directory, 'dump.rdb'))
    expect(await redis.run('DEBUG', 'RELOAD', 'NOSAVE')).toBe('+OK\r\n')
    await becomesEqual(redis, shoal)
    await fill((...args) => redis.run(...args), 'b:')
    expect(await redis.run('SAVE')).toBe('+OK\r\n')
    copyFileSync(join(process.directory, 'dump.rdb'), join(dir, 'dump.rdb'))
    expect(await shoal.call('DEBUG', 'RELOAD', 'NOSAVE')).toBe('OK')
    await becomesEqual(redis, shoal)
    await shoal.call('BGREWRITEAOF')
    await expect
      .poll(async () => String(await shoal.call('INFO', 'persistence')), { timeout: 20_000 })
      .toMatch(/aof_rewrite_in_progress:0\r\n[\s\S]*aof_last_bgrewrite_status:ok/)
    await fill((...args) => shoal.call(...args), 'c:')
    const before = await shoal.call('DEBUG', 'DIGEST')
    expect(await shoal.call('DEBUG', 'LOADAOF')).toBe('OK')
    expect(await shoal.call('DEBUG', 'DIGEST')).toBe(before)
  })
})
