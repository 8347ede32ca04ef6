/**
 * Streams between a Shoal node and redis-server: as replicas of each other, by files that the one wrote and the other loads, and
 * through append-only files of commands. What a digest does not tell, groups and what is pending, is compared by XINFO; without
 * when a consumer was seen, which replicas are not told.
 */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { missing, startRedis } from '../oracle.js'
import { open, type RunningNode } from '../support/node.js'
import { Wire } from '../support/wire.js'

const skip = missing('redis-server')

/** Streams of many kinds, some of them changed after they were made. */
async function fill(to: Wire, prefix: string): Promise<void> {
  const say = (line: string) => to.run(...line.replaceAll('~', prefix).split(' '))
  await say('XADD ~small * field value')
  await say('XADD ~small * other 12 field 70000')
  for (let i = 0; i < 350; i++) await say(`XADD ~long ${i + 1}-* n ${i} text some-text-that-is-longer`)
  await say('XDEL ~long 7-0 8-0 350-0 200-0')
  await say('XTRIM ~long MAXLEN 300')
  await say('XADD ~long MAXLEN ~ 150 * n last text x')
  await say('XGROUP CREATE ~long g 0')
  await say('XGROUP CREATE ~long late $ ENTRIESREAD 5')
  await say('XGROUP CREATE ~empty g 5-5 MKSTREAM')
  await say('XGROUP CREATECONSUMER ~empty g idle')
  await say('XREADGROUP GROUP g alice COUNT 20 STREAMS ~long >')
  await say('XREADGROUP GROUP g bob COUNT 10 STREAMS ~long >')
  await say('XREADGROUP GROUP g carol COUNT 3 NOACK STREAMS ~long >')
  await say('XACK ~long g 101-0 102-0 110-0')
  await say('XCLAIM ~long g bob 0 111-0 112-0 RETRYCOUNT 7 TIME 1600000000000')
  await say('XDEL ~long 113-0')
  await say('XAUTOCLAIM ~long g carol 0 113-0 COUNT 4 JUSTID')
  await say('XGROUP DELCONSUMER ~long g carol')
  await say('XREADGROUP GROUP g carol STREAMS ~small ~long > >')
  await say('XSETID ~empty 9-9 ENTRIESADDED 100 MAXDELETEDID 8-8')
  await say('XADD ~gone 1-1 f v')
  await say('XDEL ~gone 1-1')
  await say('COPY ~long ~copy')
  for (const line of [
    'MULTI',
    'XADD ~unit * a 1',
    'XADD ~unit * b 2',
    'SET ~not-a-stream 1',
    'DEL ~not-a-stream',
    'EXEC',
  ])
    await say(line)
}

test('a large stream is saved as it was, while it changes', async () => {
  const node = await open('--appendonly', 'yes', '--enable-debug-command', 'yes')
  const wire = await Wire.open(Number(node.port))
  const idle = () =>
    expect
      .poll(() => wire.run('INFO', 'persistence'), { timeout: 20_000 })
      .toMatch(/rdb_bgsave_in_progress:0[\s\S]*aof_rewrite_in_progress:0/)
  try {
    await idle()
    for (let i = 1; i <= 80; i++) {
      await wire.exchange(
        Array.from({ length: 100 }, (_, j) => ['XADD', 's', `${i}-${j}`, 'f', 'v'.repeat(30)]),
      )
    }
    await wire.run('XGROUP', 'CREATE', 's', 'g', '0')
    await wire.run('XREADGROUP', 'GROUP', 'g', 'me', 'COUNT', '50', 'STREAMS', 's', '>')
    for (const preamble of ['yes', 'no']) {
      await wire.run('CONFIG', 'SET', 'aof-use-rdb-preamble', preamble)
      expect(await wire.run('BGREWRITEAOF')).toMatch(/^\+/)
      for (let i = 0; i < 40; i++) {
        await wire.run('XADD', 's', 'MAXLEN', '~', 6000 - i * 50, '*', 'f', 'new')
        await wire.run('XDEL', 's', `${60 + i}-7`)
        await wire.run('XACK', 's', 'g', `1-${i}`)
      }
      await idle()
      const told = async () =>
        (await wire.run('XINFO', 'STREAM', 's', 'FULL')).replace(
          /seen-time\r\n:\d+|active-time\r\n:-?\d+/g,
          '',
        )
      const before = [await wire.run('DEBUG', 'DIGEST'), await told()]
      expect(await wire.run('DEBUG', 'LOADAOF')).toBe('+OK\r\n')
      expect(await wire.run('DEBUG', 'DIGEST')).toBe(before[0])
      if (preamble === 'yes') expect(await told()).toBe(before[1])
    }
  } finally {
    wire.close()
    await node.stop()
  }
})

/** What both say of all streams, alike. */
async function told(wire: Wire): Promise<string[]> {
  const all: string[] = []
  const keys = (await wire.run('KEYS', '*'))
    .split('\r\n')
    .filter((line) => line.includes(':') && line[0] !== ':')
  for (const key of keys.sort()) {
    const info = await wire.run('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)
    all.push(
      info
        .replace(/\$11\r\nactive-time\r\n:-?\d+\r\n/g, '')
        .replace(/(\$9\r\nseen-time\r\n):\d+/g, '$1:<ms>')
        .replace(/\*\d+\r\n(?=\$4\r\nname)/g, ''),
    )
  }
  expect(all.length).toBeGreaterThan(4)
  return all
}

async function becomesEqual(redis: Wire, shoal: Wire): Promise<void> {
  const digest = async (wire: Wire) => (await wire.run('DEBUG', 'DIGEST')).replace(/^(\+|\$\d+\r\n)/, '')
  await expect
    .poll(async () => (await digest(shoal)) === (await digest(redis)), { timeout: 20_000, interval: 100 })
    .toBe(true)
  // Groups follow in the same breath, but a digest does not see them.
  await expect
    .poll(async () => (await told(shoal)).join() === (await told(redis)).join(), { timeout: 5000 })
    .toBe(true)
}

async function withBoth(
  options: readonly string[],
  run: (shoal: Wire, redis: Wire, node: RunningNode, directory: string, port: number) => Promise<void>,
): Promise<void> {
  const process = await startRedis([
    '--enable-debug-command',
    'yes',
    '--repl-diskless-sync-delay',
    '0',
    ...options,
  ])
  const redis = await Wire.open(process.port)
  const node = await open('--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0', ...options)
  const shoal = await Wire.open(Number(node.port))
  try {
    await run(shoal, redis, node, process.directory, process.port)
  } finally {
    shoal.close()
    redis.close()
    await node.stop()
    await process.stop()
  }
}

test.skipIf(skip)('redis-server follows Shoal, then Shoal follows redis-server', async () => {
  await withBoth([], async (shoal, redis, node, _directory, port) => {
    await fill(shoal, 'first:')
    expect(await redis.run('REPLICAOF', '127.0.0.1', node.port)).toBe('+OK\r\n')
    await becomesEqual(redis, shoal)
    await fill(shoal, 'then:')
    await becomesEqual(redis, shoal)
    await redis.run('REPLICAOF', 'NO', 'ONE')
    await fill(redis, 'theirs:')
    await shoal.run('REPLICAOF', '127.0.0.1', port)
    await becomesEqual(redis, shoal)
    await fill(redis, 'and-then:')
    await becomesEqual(redis, shoal)
  })
})

test.skipIf(skip)('files of the one in the other', async () => {
  await withBoth([], async (shoal, redis, node, directory) => {
    const dir = node.node.config.values.dir
    await fill(shoal, 'a:')
    await shoal.run('SAVE')
    copyFileSync(join(dir, 'dump.rdb'), join(directory, 'dump.rdb'))
    expect(await redis.run('DEBUG', 'RELOAD', 'NOSAVE')).toBe('+OK\r\n')
    await becomesEqual(redis, shoal)
    await fill(redis, 'b:')
    expect(await redis.run('SAVE')).toBe('+OK\r\n')
    copyFileSync(join(directory, 'dump.rdb'), join(dir, 'dump.rdb'))
    expect(await shoal.run('DEBUG', 'RELOAD', 'NOSAVE')).toBe('+OK\r\n')
    await becomesEqual(redis, shoal)
  })
})

test.skipIf(skip)('an append-only file rewritten as commands', async () => {
  await withBoth(['--appendonly', 'yes', '--aof-use-rdb-preamble', 'no'], async (shoal, redis) => {
    const whole = async (wire: Wire) => {
      await fill(wire, 'a:')
      // What is pending but gone is not in a file of commands.
      await wire.run('XAUTOCLAIM', 'a:long', 'g', 'alice', 0, 0, 'COUNT', 1000, 'JUSTID')
      await wire.run('XTRIM', 'a:copy', 'MAXLEN', 0)
      await wire.run('XAUTOCLAIM', 'a:copy', 'g', 'alice', 0, 0, 'COUNT', 1000)
      const before = await told(wire)
      await wire.run('BGREWRITEAOF')
      await expect
        .poll(() => wire.run('INFO', 'persistence'), { timeout: 20_000 })
        .toMatch(/aof_rewrite_in_progress:0\r\n[\s\S]*aof_last_bgrewrite_status:ok/)
      expect(await wire.run('DEBUG', 'LOADAOF')).toBe('+OK\r\n')
      // How many listpacks there are is as the commands came.
      const keys = (all: string[]) => all.map((one) => one.replace(/radix-tree-(keys|nodes)\r\n:\d+/g, ''))
      expect(keys(await told(wire))).toEqual(keys(before))
    }
    await whole(redis)
    await whole(shoal)
  })
})

test('who waits is served, or told what has become of the group', async () => {
  const node = await open()
  const writer = await Wire.open(Number(node.port))
  const readers = [await Wire.open(Number(node.port)), await Wire.open(Number(node.port))]
  const waiting = (count: number) =>
    expect
      .poll(() => writer.run('INFO', 'clients'), { timeout: 10_000 })
      .toContain(`blocked_clients:${count}\r\n`)
  try {
    const [first, second] = readers as [Wire, Wire]
    await writer.run('XADD', 's', '1-1', 'f', 'old')
    await writer.run('XGROUP', 'CREATE', 's', 'g', '$')
    const one = first.run('XREAD', 'BLOCK', 0, 'STREAMS', 'other', 's', '$', '$')
    const two = second.run('XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>')
    await waiting(2)
    await writer.run('XADD', 's', '2-2', 'f', 'v')
    const entry = '*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n2-2\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n'
    expect([await one, await two]).toEqual([entry, entry])
    expect(await writer.run('XPENDING', 's', 'g')).toBe(
      '*4\r\n:1\r\n$3\r\n2-2\r\n$3\r\n2-2\r\n*1\r\n*2\r\n$2\r\nme\r\n$1\r\n1\r\n',
    )
    const nobody = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n"
    for (const change of [
      ['XGROUP', 'DESTROY', 's', 'g'],
      ['DEL', 's'],
    ]) {
      const third = first.run('XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>')
      await waiting(1)
      await writer.run(...change)
      expect(await third).toBe(nobody)
      await writer.run('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    }
    const fourth = second.run('XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', 0, 'STREAMS', 's', '>')
    await waiting(1)
    await writer.run('SET', 's', 'string')
    expect(await fourth).toBe('-WRONGTYPE Operation against a key holding the wrong kind of value\r\n')
    expect(await first.run('XREAD', 'BLOCK', 1, 'STREAMS', 'other', '$')).toBe('*-1\r\n')
  } finally {
    for (const wire of [writer, ...readers]) wire.close()
    await node.stop()
  }
})
