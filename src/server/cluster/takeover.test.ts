/**
 * Who may take over, and with what data: replicas that load while their master dies, failovers that follow each other
 * faster than an election expires, and restarts that should need no full copy.
 */

import { afterEach, expect, test } from 'vitest'
import {
  type CleanUp,
  clientOf,
  cluster,
  fill,
  form,
  info,
  isUp,
  linkOf,
  type Member,
  member,
  roleOf,
  until,
} from '../../../tests/support/shard.js'

const KEYS = 500
const TIME_LIMIT_MS = 240_000
const cleanUp: CleanUp = []

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean()
})

async function fourNodes(words: Record<string, string> = {}): Promise<[Member, Member, Member, Member]> {
  const nodes: Member[] = []
  for (let i = 0; i < 4; i++) nodes.push(await member(cleanUp, words))
  return nodes as [Member, Member, Member, Member]
}

const fails = (peer: Member, port: number) => async (): Promise<boolean> => {
  const lines = (await cluster(peer, 'NODES')).split('\n')
  return lines.some((line) => line.includes(`:${port}@`) && / (master|slave),fail /.test(line))
}

async function errorOf(reply: Promise<unknown>): Promise<string> {
  try {
    return `no error: ${String(await reply)}`
  } catch (error) {
    return (error as Error).message
  }
}

test.each([
  ['disabled', 'loading a file that is here'],
  ['on-empty-db', 'loading what arrives'],
])(
  'a master dies while its replica is %s: %s',
  async (mode) => {
    const words = {
      'cluster-replica-validity-factor': '0',
      'repl-diskless-load': mode,
      'enable-debug-command': 'yes',
    }
    const [a, b, c, replica] = await fourNodes(words)
    await form([a, b, c], [replica])
    await fill(a, KEYS)
    await a.client.call('SAVE')
    await replica.client.call('READONLY')
    await until('the keys on the replica', async () => (await replica.client.dbsize()) === KEYS)
    // So slow that it never ends by itself.
    if (mode === 'on-empty-db') {
      await a.client.config('SET', 'rdb-key-save-delay', '100000')
      await replica.client.call('CLUSTER', 'RESET')
      await cluster(replica, 'MEET', '127.0.0.1', String(a.port))
      // Before the transfer begins: while it lasts, CLUSTER answers LOADING.
      await until('all masters known', async () => isUp(replica))
      await cluster(replica, 'REPLICATE', await cluster(a, 'MYID'))
    } else {
      await replica.client.config('SET', 'key-load-delay', '10000000')
      await a.client.call('DEBUG', 'CHANGE-REPL-ID')
      await a.client.call('CLIENT', 'KILL', 'TYPE', 'replica')
    }
    await until('loading', async () => (await info(replica, 'loading')) === '1')
    expect(await errorOf(cluster(replica, 'FAILOVER', 'TAKEOVER'))).toMatch(/^LOADING/)
    await a.crash()
    await until('the master failing', fails(b, a.port))
    await until('no candidate', () => replica.log.some((line) => line.includes('is not complete')))
    expect(await roleOf(replica)).toBe('slave')
    if (mode === 'on-empty-db') {
      // What was loaded is gone with its master; nothing is left to be read, and no node may take over with that.
      expect(await errorOf(replica.client.dbsize())).toMatch(/^MASTERDOWN/)
      expect(await cluster(replica, 'FAILOVER', 'FORCE')).toBe('OK')
      await until('the end of the manual failover', () => replica.log.includes('Manual failover timed out.'))
      expect(await roleOf(replica)).toBe('slave')
    }
    expect(await info(replica, 'slave_priority')).toBe('0')
    const back = await member(cleanUp, words, a)
    await until('the master is back', async () => (await isUp(back)) && (await isUp(b)))
    if (mode !== 'on-empty-db') await replica.client.config('SET', 'key-load-delay', '0')
    expect(await back.client.dbsize()).toBe(KEYS)
    await replica.crash()
    const again = await member(cleanUp, words, replica)
    await again.client.call('READONLY')
    await until('the keys on the replica again', async () => (await again.client.dbsize()) === KEYS)
    expect(await back.client.dbsize()).toBe(KEYS)
    expect(await roleOf(back)).toBe('master')
  },
  TIME_LIMIT_MS,
)

test(
  'a replica whose new master is gone before they were linked does not replace it with the data of the old one',
  async () => {
    const [a, b, c, replica] = await fourNodes({ 'cluster-replica-validity-factor': '0' })
    await form([a, b, c], [replica])
    await fill(a, KEYS)
    await replica.client.call('READONLY')
    await until('the keys on the replica', async () => (await replica.client.dbsize()) === KEYS)
    const id = await cluster(b, 'MYID')
    await b.crash()
    await cluster(replica, 'REPLICATE', id)
    await until('the master failing', fails(a, b.port))
    const lines = /^Currently unable to failover: .* is not complete|^Starting a failover election/
    await until('a decision', () => replica.log.some((line) => lines.test(line)))
    expect(replica.log.filter((line) => line.startsWith('Starting a failover election'))).toEqual([])
    expect(await roleOf(replica)).toBe('slave')
    // Back to the old master's shard: the data were its own all the time.
    await cluster(replica, 'REPLICATE', await cluster(a, 'MYID'))
    await until('a linked replica', async () => (await linkOf(replica)) === 'connected')
    await cluster(replica, 'FAILOVER')
    await until('the promotion', async () => (await roleOf(replica)) === 'master')
    expect(await replica.client.dbsize()).toBe(KEYS)
  },
  TIME_LIMIT_MS,
)

test(
  'with swapdb the old data stay until the new ones are whole: they can still take over',
  async () => {
    const words = { 'cluster-replica-validity-factor': '0', 'repl-diskless-load': 'swapdb' }
    const [a, b, c, replica] = await fourNodes({ ...words, 'enable-debug-command': 'yes' })
    await form([a, b, c], [replica])
    await fill(a, KEYS)
    await replica.client.call('READONLY')
    await until('the keys on the replica', async () => (await replica.client.dbsize()) === KEYS)
    await a.client.config('SET', 'rdb-key-save-delay', '100000')
    await a.client.call('DEBUG', 'CHANGE-REPL-ID')
    await a.client.call('CLIENT', 'KILL', 'TYPE', 'replica')
    // In another history: what is here may be other data, and is not shown.
    await until('loading', async () => (await info(replica, 'loading')) === '1')
    expect(await errorOf(replica.client.get('{bar}:1'))).toMatch(/^LOADING/)
    await a.crash()
    await until('the promotion', async () => (await roleOf(replica)) === 'master')
    expect(await replica.client.dbsize()).toBe(KEYS)
    expect(await replica.client.get('{bar}:1')).toBe('value 1')
  },
  TIME_LIMIT_MS,
)

/** Writes one key after the other to whichever of two nodes takes it, and remembers what was acknowledged. */
class Writer {
  readonly acknowledged: string[] = []
  private readonly clients
  private going = true
  private readonly done: Promise<void>

  constructor(ports: readonly number[]) {
    this.clients = ports.map(clientOf)
    this.done = this.write()
  }

  private async write(): Promise<void> {
    let at = 0
    for (let i = 0; this.going; ) {
      const key = `{bar}:w${i}`
      try {
        await this.clients[at]!.set(key, i)
        this.acknowledged.push(key)
        i++
      } catch {
        at = 1 - at
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  async stop(): Promise<void> {
    this.going = false
    await this.done
    for (const client of this.clients) client.disconnect()
  }
}

test(
  'failovers by hand that follow each other at once: each is elected, no acknowledged write is lost',
  async () => {
    const [a, b, c, replica] = await fourNodes()
    await form([a, b, c], [replica])
    const writer = new Writer([a.port, replica.port])
    cleanUp.push(() => writer.stop())
    let [master, other] = [a, replica]
    for (let round = 0; round < 8; round++) {
      const before = writer.acknowledged.length
      await until('writes', () => writer.acknowledged.length > before)
      await until('a replica that is linked', async () => (await linkOf(other)) === 'connected')
      // Masters vote again for a replica of the same master after two node timeouts; before, the attempt fails.
      let asked_ms = 0
      await until(`failover ${round}`, async () => {
        if ((await roleOf(other)) === 'master') return true
        if (Date.now() - asked_ms < 700) return false
        asked_ms = Date.now()
        const answer = await errorOf(cluster(other, 'FAILOVER'))
        expect(answer).toMatch(/^(no error: OK|ERR You should send)/)
        return false
      })
      await until('the old master following', async () => (await roleOf(master)) === 'slave')
      ;[master, other] = [other, master]
    }
    await writer.stop()
    const values = await master.client.mget(writer.acknowledged)
    expect(writer.acknowledged.filter((_key, i) => values[i] === null)).toEqual([])
    // As many elections as were won: the same epoch never twice.
    const lines = [...a.log, ...replica.log]
    const won = lines.filter((line) => line.startsWith('Failover election won'))
    const epochs = lines.filter((line) => /^configEpoch set to \d+ after successful failover/.test(line))
    expect(won).toHaveLength(8)
    expect(new Set(epochs).size).toBe(8)
  },
  TIME_LIMIT_MS,
)

test(
  'a replica that restarts goes on where its file ends',
  async () => {
    const [a, b, c, replica] = await fourNodes()
    await form([a, b, c], [replica])
    await fill(a, KEYS)
    await replica.client.call('READONLY')
    await until('the keys on the replica', async () => (await replica.client.dbsize()) === KEYS)
    await replica.client.call('SAVE')
    await replica.crash()
    await a.client.set('{bar}:later', 'x')
    await a.client.config('RESETSTAT')
    const again = await member(cleanUp, {}, replica)
    await again.client.call('READONLY')
    await until('the later key', async () => (await again.client.get('{bar}:later')) === 'x')
    expect(await info(a, 'sync_full')).toBe('0')
    expect(await info(a, 'sync_partial_ok')).toBe('1')
    expect(await again.client.dbsize()).toBe(KEYS + 1)
  },
  TIME_LIMIT_MS,
)

test(
  'a master that was replaced while it was down goes on in the history that it shares with its successor',
  async () => {
    const [a, b, c, replica] = await fourNodes()
    await form([a, b, c], [replica])
    await fill(a, KEYS)
    await replica.client.call('READONLY')
    await until('the keys on the replica', async () => (await replica.client.dbsize()) === KEYS)
    await a.client.call('SAVE')
    await a.client.set('{bar}:after the file', 'x')
    await until('that, too', async () => (await replica.client.exists('{bar}:after the file')) === 1)
    await a.crash()
    await until('the replica promoted', async () => (await roleOf(replica)) === 'master')
    await until('the cluster up', async () => isUp(replica))
    await replica.client.set('{bar}:later', 'y')
    const back = await member(cleanUp, {}, a)
    await back.client.call('READONLY')
    await until('a linked replica', async () => (await linkOf(back)) === 'connected')
    await until('the later key', async () => (await back.client.get('{bar}:later')) === 'y')
    expect(await back.client.dbsize()).toBe(KEYS + 2)
    expect(await info(replica, 'sync_full')).toBe('0')
    expect(await info(replica, 'sync_partial_ok')).toBe('1')
  },
  TIME_LIMIT_MS,
)
