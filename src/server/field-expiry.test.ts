/** Fields that expire, in nodes: in the background, on replicas, and through their files. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'

const running: RunningNode[] = []

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function start(...words: string[]): Promise<RunningNode> {
  const node = await open('--enable-debug-command', 'yes', ...words)
  running.push(node)
  return node
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 30_000, interval: 10 })
}

test('fields go in the background, and hashes with their last; replicas hear of each', async () => {
  const master = await start()
  const replica = await start()
  await replica.call('REPLICAOF', '127.0.0.1', master.port)
  await until(() => replica.log.some((line) => line.includes('Finished with success')))
  await master.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  for (let i = 0; i < 300; i++) {
    await master.call('HSET', `h${i}`, 'a', '1', ...(i % 2 === 0 ? ['b', '2'] : []))
    await master.call('HPEXPIRE', `h${i}`, '1', 'FIELDS', '1', 'a')
  }
  await until(() => replica.node.keyspace.size === 300)
  // Its time has come there as well, but to remove it is for the master.
  await until(async () => (await replica.call('HGET', 'h0', 'a')) === null)
  expect(await replica.call('HGETALL', 'h1')).toEqual([])
  expect(await replica.call('HLEN', 'h1')).toBe(1)
  expect(await replica.call('EXISTS', 'h1')).toBe(1)
  expect(replica.node.keyspace.fieldTimes.size).toBe(300)
  await master.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1')
  await until(() => master.node.keyspace.fieldTimes.size === 0)
  expect(await master.call('DBSIZE')).toBe(150)
  await until(() => replica.node.keyspace.fieldTimes.size === 0 && replica.node.keyspace.size === 150)
  expect(await master.call('DEBUG', 'DIGEST')).toBe(await replica.call('DEBUG', 'DIGEST'))
  expect(String(await master.call('INFO', 'stats'))).toContain('\r\nexpired_subkeys:300\r\n')
})

test('listeners hear of what went in the background', async () => {
  const node = await start()
  await node.call('CONFIG', 'SET', 'notify-keyspace-events', 'KEA')
  const heard: string[] = []
  const { pubsub } = node.node
  const publish = pubsub.publish.bind(pubsub)
  pubsub.publish = (channel, message, ...rest) => {
    heard.push(`${Buffer.from(channel)} ${Buffer.from(message)}`)
    return publish(channel, message, ...rest)
  }
  await node.call('HSET', 'h', 'a', '1', 'b', '2')
  await node.call('HPEXPIRE', 'h', '20', 'FIELDS', '2', 'a', 'b')
  await until(() => heard.includes('__keyevent@0__:del h'))
  expect(heard.filter((line) => line.startsWith('__keyspace'))).toEqual(
    ['new', 'hset', 'hexpire', 'hexpired', 'del'].map((event) => `__keyspace@0__:h ${event}`).slice(1),
  )
})

test('fields keep their times through files, whose version is as old as can be', async () => {
  const node = await start('--appendonly', 'yes')
  const dir = node.node.config.values.dir
  const version = () => readFileSync(join(dir, 'dump.rdb')).subarray(0, 9).toString()
  const times = () => node.call('HPEXPIRETIME', 'h', 'FIELDS', '3', 'a', 'b', 'c')
  await node.call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3')
  await node.call('SAVE')
  expect(version()).toBe('REDIS0009')
  await node.call('HPEXPIREAT', 'h', '4000000000000', 'FIELDS', '1', 'a')
  await node.call('HPEXPIREAT', 'h', '4000000000001', 'FIELDS', '1', 'b')
  await node.call('SAVE')
  expect(version()).toBe('REDIS0012')
  const expected = [4_000_000_000_000, 4_000_000_000_001, -1]
  expect(await times()).toEqual(expected)
  await node.call('DEBUG', 'RELOAD')
  expect(await times()).toEqual(expected)
  await node.call('DEBUG', 'LOADAOF')
  expect(await times()).toEqual(expected)
  for (const preamble of ['no', 'yes']) {
    await node.call('CONFIG', 'SET', 'aof-use-rdb-preamble', preamble)
    await node.call('BGREWRITEAOF')
    await until(async () =>
      String(await node.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'),
    )
    const base = readdirSync(join(dir, 'appendonlydir')).filter((name) => name.includes('.base.'))
    expect(base.at(-1)!.endsWith(preamble === 'yes' ? '.rdb' : '.aof')).toBe(true)
    await node.call('DEBUG', 'LOADAOF')
    expect(await times()).toEqual(expected)
  }
  expect(String(await node.call('INFO', 'keyspace'))).toContain('subexpiry=1')
  await node.call('HPERSIST', 'h', 'FIELDS', '2', 'a', 'b')
  expect(String(await node.call('INFO', 'keyspace'))).not.toContain('subexpiry')
  await node.call('SAVE')
  expect(version()).toBe('REDIS0009')
})
