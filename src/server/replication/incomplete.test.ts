/**
 * Full synchronisations that do not end: what the replica shows, offers and saves meanwhile and afterwards, for each way
 * of repl-diskless-load.
 */

import { afterEach, expect, test } from 'vitest'
import { type CleanUp, info, linkOf, type Member, member, until } from '../../../tests/support/shard.js'

const KEYS = 300
const TIME_LIMIT_MS = 120_000
const ALONE = { 'cluster-enabled': 'no', 'enable-debug-command': 'yes', 'repl-timeout': '3600' }
const cleanUp: CleanUp = []

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean()
})

async function filledMaster(): Promise<Member> {
  const master = await member(cleanUp, { ...ALONE, 'repl-backlog-size': '16384' })
  for (let i = 0; i < KEYS; i++) await master.client.set(`key ${i}`, `value ${i}`)
  return master
}

async function follow(replica: Member, master: Member): Promise<void> {
  expect(await replica.client.replicaof('127.0.0.1', String(master.port))).toBe('OK')
}

async function errorOf(reply: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${String(await reply)}`
  } catch (error) {
    return (error as Error).message
  }
}

test(
  'what a broken synchronisation leaves is no data: for readers, for replicas, for a Sentinel',
  async () => {
    const master = await filledMaster()
    await master.client.config('SET', 'rdb-key-save-delay', '100000')
    const replica = await member(cleanUp, { ...ALONE, 'repl-diskless-load': 'on-empty-db' })
    const before = await info(replica, 'master_replid')
    await follow(replica, master)
    await until('loading', async () => (await info(replica, 'loading')) === '1')
    expect(await info(replica, 'slave_priority')).toBe('0')
    expect(await errorOf(replica.client.call('PSYNC', '?', '-1'))).toMatch(/^LOADING/)
    expect(await errorOf(replica.client.replicaof('NO', 'ONE'))).toMatch(/^LOADING/)
    await master.crash()
    await until('the end of loading', async () => (await info(replica, 'loading')) === '0')
    expect(await errorOf(replica.client.get('key 1'))).toMatch(/^MASTERDOWN/)
    expect(await info(replica, 'slave_priority')).toBe('0')
    expect(await info(replica, 'master_replid')).not.toBe(before)
    expect(await errorOf(replica.client.call('PSYNC', before, '1'))).toMatch(/^MASTERDOWN/)
    expect(await errorOf(replica.client.call('PSYNC', before, '1', 'FAILOVER'))).toMatch(/^MASTERDOWN/)
    // An operator who says so gets a master without keys, in a history of its own.
    expect(await replica.client.replicaof('NO', 'ONE')).toBe('OK')
    expect(await replica.client.dbsize()).toBe(0)
    expect(await info(replica, 'master_replid2')).toBe('0'.repeat(40))
  },
  TIME_LIMIT_MS,
)

test(
  'a node that stops while it loads keeps the file that it has',
  async () => {
    const master = await filledMaster()
    const words = { ...ALONE, save: '3600 1' }
    const replica = await member(cleanUp, { ...words, 'key-load-delay': '10000000' })
    for (let i = 0; i < 10; i++) await replica.client.set(`own ${i}`, 'x')
    await replica.client.call('SAVE')
    await follow(replica, master)
    await until('loading', async () => (await info(replica, 'loading')) === '1')
    await replica.crash()
    const again = await member(cleanUp, words, replica)
    expect(await again.client.dbsize()).toBe(10)
    expect(await again.client.get('own 1')).toBe('x')
  },
  TIME_LIMIT_MS,
)

test(
  'swapdb: the old data are read until the new ones are whole, in one history; then all are there at once',
  async () => {
    const master = await filledMaster()
    const replica = await member(cleanUp, { ...ALONE, 'repl-diskless-load': 'swapdb' })
    await follow(replica, master)
    await until('a link', async () => (await linkOf(replica)) === 'connected')
    const watcher = replica.client.duplicate()
    cleanUp.push(() => watcher.disconnect())
    await watcher.watch('key 1')
    await master.client.config('SET', 'rdb-key-save-delay', '20000')
    // More than the backlog holds, in the turn in which the link is lost.
    const large = 'x'.repeat(100_000)
    await master.client.multi().call('CLIENT', 'KILL', 'TYPE', 'replica').set('key 1', large).exec()
    await until('loading', async () => (await info(replica, 'async_loading')) === '1')
    expect(await info(replica, 'loading')).toBe('0')
    expect(await replica.client.get('key 1')).toBe('value 1')
    expect(await errorOf(replica.client.config('SET', 'appendonly', 'yes'))).toMatch(/LOADING/)
    expect(await replica.client.dbsize()).toBe(KEYS)
    expect(await errorOf(replica.client.call('PSYNC', '?', '-1'))).toMatch(/^LOADING/)
    expect(await errorOf(replica.client.replicaof('NO', 'ONE'))).toMatch(/^LOADING/)
    await master.client.config('SET', 'rdb-key-save-delay', '0')
    await until('the new data', async () => (await replica.client.strlen('key 1')) === large.length)
    expect(await info(replica, 'async_loading')).toBe('0')
    expect(await replica.client.dbsize()).toBe(KEYS)
    expect(await watcher.multi().get('key 1').exec()).toBeNull()
    await master.client.set('after', 'y')
    await until('the stream', async () => (await replica.client.get('after')) === 'y')
    expect(await replica.client.call('DEBUG', 'DIGEST')).toBe(await master.client.call('DEBUG', 'DIGEST'))
  },
  TIME_LIMIT_MS,
)

test(
  'swapdb: when the master is lost meanwhile, the old data are as they were',
  async () => {
    const master = await filledMaster()
    const replica = await member(cleanUp, { ...ALONE, 'repl-diskless-load': 'swapdb' })
    await replica.client.set('own', 'kept')
    await master.client.config('SET', 'rdb-key-save-delay', '100000')
    await follow(replica, master)
    await until('loading', async () => (await info(replica, 'loading')) === '1')
    expect(await errorOf(replica.client.get('own'))).toMatch(/^LOADING/)
    await master.crash()
    await until('the end of loading', async () => (await info(replica, 'loading')) === '0')
    expect(await replica.client.get('own')).toBe('kept')
    expect(await replica.client.dbsize()).toBe(1)
    expect(await info(replica, 'slave_priority')).toBe('100')
    expect(await replica.client.replicaof('NO', 'ONE')).toBe('OK')
    expect(await replica.client.flushall()).toBe('OK')
  },
  TIME_LIMIT_MS,
)
