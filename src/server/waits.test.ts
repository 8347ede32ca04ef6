/** Clients that wait for keys: who is served, when, in which order, and what ends a wait otherwise. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { commandsIn } from '../../tests/support/commands-in.js'
import { type Caller, open, type RunningNode } from '../../tests/support/node.js'
import { Wire } from '../../tests/support/wire.js'

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

async function client(node: RunningNode): Promise<Caller> {
  const made = await node.another()
  cleanups.push(() => made.connection.close())
  return made
}

async function wire(node: RunningNode): Promise<Wire> {
  const made = await Wire.open(Number(node.port))
  cleanups.push(() => made.close())
  return made
}

/** Resolves when so many clients wait. */
async function waiting(node: RunningNode, count: number): Promise<void> {
  await expect.poll(() => node.node.waits.count, { interval: 1 }).toBe(count)
}

/** Nothing is left of those who have waited. */
function expectNobody({ node }: RunningNode): void {
  expect(node.waits.count).toBe(0)
  expect(node.waits.keys).toBe(0)
  expect(node.waits.keysOnNoKey).toBe(0)
  expect(node.keyspace.watchers).toBe(0)
  expect(node.afterCommand).toBe(null)
}

async function infoOf(node: Caller, section: string, name: string): Promise<string | undefined> {
  const text = String(await node.call('INFO', section))
  return text
    .split('\r\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
}

describe('who waits', () => {
  test('is served first come first served', async () => {
    const node = await start()
    const [a, b] = [await client(node), await client(node)]
    const first = a.call('BLPOP', 'other', 'list', '0')
    await waiting(node, 1)
    const second = b.call('BRPOP', 'list', '0')
    await waiting(node, 2)
    expect(await node.call('RPUSH', 'list', '1', '2', '3')).toBe(3)
    expect(await first).toEqual(['list', '1'])
    expect(await second).toEqual(['list', '3'])
    expect(await node.call('LRANGE', 'list', '0', '-1')).toEqual(['2'])
    expectNobody(node)
  })

  test('is served by all that brings a key', async () => {
    const node = await start()
    const a = await client(node)
    await node.call('RPUSH', 'source', 'x')
    const dump = await node.connection.call('DUMP', 'source')
    if (dump.kind !== 'bulk') throw new Error(dump.kind)
    const ways: (string | Uint8Array)[][] = [
      ['LPUSH', 'k', 'x'],
      ['COPY', 'source', 'k'],
      ['RENAME', 'source', 'k'],
      ['RESTORE', 'k', '0', dump.bytes],
      ['LMOVE', 'source', 'k', 'LEFT', 'LEFT'],
    ]
    for (const way of ways) {
      await node.call('DEL', 'source')
      await node.call('RPUSH', 'source', 'x')
      const served = a.call('BLPOP', 'k', '0')
      await waiting(node, 1)
      await node.call(...way)
      expect(await served, String(way[0])).toEqual(['k', 'x'])
    }
    await node.call('ZADD', 'zset', '1', 'm')
    for (const way of [
      ['ZUNIONSTORE', 'k', '1', 'zset'],
      ['ZRANGESTORE', 'k', 'zset', '0', '-1'],
      ['ZINCRBY', 'k', '1', 'm'],
    ]) {
      const served = a.call('BZPOPMAX', 'k', '0')
      await waiting(node, 1)
      await node.call(...way)
      expect(await served, way[0]).toEqual(['k', 'm', '1'])
    }
    expectNobody(node)
  })

  test('in another database is served by MOVE and SWAPDB', async () => {
    const node = await start()
    const [a, b] = [await client(node), await client(node)]
    for (const each of [a, b]) await each.call('SELECT', '1')
    const first = a.call('BLPOP', 'k', '0')
    await waiting(node, 1)
    await node.call('RPUSH', 'k', '1')
    await node.call('MOVE', 'k', '1')
    expect(await first).toEqual(['k', '1'])
    const second = b.call('BZPOPMIN', 'z', '0')
    await waiting(node, 1)
    await node.call('ZADD', 'z', '1', 'm')
    await node.call('SWAPDB', '0', '1')
    expect(await second).toEqual(['z', 'm', '1'])
    expectNobody(node)
  })

  test('is not served by a key of another type, nor by one that has expired meanwhile', async () => {
    const node = await start('--enable-debug-command', 'yes')
    const a = await client(node)
    const served = a.call('BLPOP', 'k', '0')
    await waiting(node, 1)
    await node.call('ZADD', 'k', '1', 'm')
    await node.call('SET', 'k', 'v')
    await node.call('DEL', 'k')
    await node.call('MULTI')
    await node.call('RPUSH', 'k', 'short')
    await node.call('PEXPIRE', 'k', '1')
    await node.call('DEBUG', 'SLEEP', '0.01')
    await node.call('EXEC')
    expect(node.node.waits.count).toBe(1)
    await node.call('RPUSH', 'k', 'long')
    expect(await served).toEqual(['k', 'long'])
  })

  test('is served after the whole transaction, and never waits within one', async () => {
    const node = await start()
    const a = await client(node)
    const served = a.call('BLPOP', 'k', '0')
    await waiting(node, 1)
    const commands = [
      ['RPUSH', 'k', '1'],
      ['DEL', 'k'],
      ['BLPOP', 'k', '0'],
      ['BLMOVE', 'k', 'l', 'LEFT', 'LEFT', '0'],
      ['BZPOPMIN', 'z', '0'],
      ['RPUSH', 'k', '2', '3'],
      ['LLEN', 'k'],
    ]
    await node.call('MULTI')
    for (const command of commands) await node.call(...command)
    expect(await node.call('EXEC')).toEqual([1, 1, null, null, null, 2, 2])
    expect(await served).toEqual(['k', '2'])
  })

  test('has what it sends meanwhile carried out afterwards', async () => {
    const node = await start()
    const raw = await wire(node)
    raw.sendAll([
      ['BLPOP', 'k', '0'],
      ['RPUSH', 'behind', 'x'],
    ])
    await waiting(node, 1)
    raw.sendAll([['BRPOP', 'k', '0'], ['PING']])
    const other = await client(node)
    const second = other.call('BLPOP', 'behind', '0')
    await waiting(node, 2)
    await node.call('RPUSH', 'k', '1', '2')
    expect(await raw.next()).toBe('*2\r\n$1\r\nk\r\n$1\r\n1\r\n')
    expect(await raw.next()).toBe(':1\r\n')
    expect(await raw.next()).toBe('*2\r\n$1\r\nk\r\n$1\r\n2\r\n')
    expect(await raw.next()).toBe('+PONG\r\n')
    expect(await second).toEqual(['behind', 'x'])
    expectNobody(node)
  })

  test('passes elements on in chains', async () => {
    const node = await start()
    const [a, b, c] = [await client(node), await client(node), await client(node)]
    const last = c.call('BLPOP', 'l3', '0')
    await waiting(node, 1)
    const middle = b.call('BLMOVE', 'l2', 'l3', 'LEFT', 'RIGHT', '0')
    await waiting(node, 2)
    const first = a.call('BRPOPLPUSH', 'l1', 'l2', '0')
    await waiting(node, 3)
    await node.call('RPUSH', 'l1', 'x')
    expect(await Promise.all([first, middle, last])).toEqual(['x', 'x', ['l3', 'x']])
    expect(await node.call('DBSIZE')).toBe(0)
    expectNobody(node)
  })

  test('hears why it cannot be served', async () => {
    const node = await start()
    const [a, b] = [await client(node), await client(node)]
    await node.call('SET', 'string', 'x')
    const served = expect(a.call('BLMOVE', 'k', 'string', 'LEFT', 'LEFT', '0')).rejects.toThrow('WRONGTYPE')
    await waiting(node, 1)
    await node.call('RPUSH', 'k', '1')
    await served
    await node.call('DEL', 'k')
    await node.call('ACL', 'SETUSER', 'worker', 'on', 'nopass', '+@all', '~*')
    await b.call('AUTH', 'worker', '')
    const denied = expect(b.call('BLPOP', 'k', '0')).rejects.toThrow('NOPERM')
    await waiting(node, 1)
    await node.call('ACL', 'SETUSER', 'worker', '-blpop')
    await node.call('RPUSH', 'k', '1')
    await denied
    expect(await node.call('LLEN', 'k')).toBe(1)
    expectNobody(node)
  })

  test('is silent where CLIENT REPLY says so', async () => {
    const node = await start()
    const raw = await wire(node)
    raw.sendAll([['CLIENT', 'REPLY', 'SKIP'], ['BLPOP', 'k', '0'], ['PING']])
    await waiting(node, 1)
    await node.call('RPUSH', 'k', '1')
    expect(await raw.next()).toBe('+PONG\r\n')
    raw.sendAll([
      ['CLIENT', 'REPLY', 'SKIP'],
      ['BLPOP', 'k', '0.01'],
      ['ECHO', 'x'],
    ])
    expect(await raw.next()).toBe('$1\r\nx\r\n')
  })
})

describe('a wait ends', () => {
  test('when its time is over', async () => {
    const node = await start()
    expect(await node.call('BLPOP', 'list', '0.01')).toBe(null)
    expect(await node.call('BLMOVE', 'list', 'other', 'LEFT', 'LEFT', '0.01')).toBe(null)
    expect(await node.call('BZMPOP', '0.001', '2', 'a', 'b', 'MIN')).toBe(null)
    expectNobody(node)
  })

  test('never, where the time is none', async () => {
    const node = await start()
    for (const [timeout, why] of [
      ['-1', 'ERR timeout is negative'],
      ['-inf', 'ERR timeout is negative'],
      ['x', 'ERR timeout is not a float or out of range'],
      ['', 'ERR timeout is not a float or out of range'],
      ['nan', 'ERR timeout is not a float or out of range'],
      ['inf', 'ERR timeout is out of range'],
      ['0x7FFFFFFFFFFFFF', 'ERR timeout is out of range'],
      ['9223372036854775', 'ERR timeout is out of range'],
    ]) {
      await expect(node.call('BLPOP', 'k', timeout!), timeout).rejects.toThrow(why)
      await expect(node.call('BLMPOP', timeout!, '1', 'k', 'LEFT'), timeout).rejects.toThrow(why)
    }
    expectNobody(node)
  })

  test('by CLIENT UNBLOCK', async () => {
    const node = await start()
    const a = await client(node)
    const id = String(await a.call('CLIENT', 'ID'))
    expect(await node.call('CLIENT', 'UNBLOCK', id)).toBe(0)
    for (const how of [[], ['TIMEOUT']]) {
      const wait = a.call('BLPOP', 'k', '0')
      await waiting(node, 1)
      expect(await node.call('CLIENT', 'UNBLOCK', id, ...how)).toBe(1)
      expect(await wait).toBe(null)
    }
    const wait = expect(a.call('BLPOP', 'k', '0')).rejects.toThrow(
      'UNBLOCKED client unblocked via CLIENT UNBLOCK',
    )
    await waiting(node, 1)
    expect(await node.call('CLIENT', 'UNBLOCK', id, 'ERROR')).toBe(1)
    await wait
    expect(await infoOf(node, 'commandstats', 'cmdstat_blpop')).toMatch(/^calls=3,.*failed_calls=1$/)
    expect(await infoOf(node, 'errorstats', 'errorstat_UNBLOCKED')).toBe('count=1')
    expectNobody(node)
  })

  test('with the connection', async () => {
    const node = await start()
    const [gone, killed] = [await wire(node), await wire(node)]
    const id = (await killed.run('CLIENT', 'ID')).slice(1, -2)
    gone.send('BLPOP', 'k', 'l', '0')
    killed.send('BLPOP', 'k', 'k', 'm', '100')
    await waiting(node, 2)
    expect(node.node.waits.keys).toBe(3)
    expect(await node.call('CLIENT', 'KILL', 'ID', id)).toBe(1)
    await waiting(node, 1)
    gone.close()
    await waiting(node, 0)
    expectNobody(node)
    expect(await node.call('RPUSH', 'k', '1')).toBe(1)
    expect(await node.call('LLEN', 'k')).toBe(1)
  })

  test('when the node becomes a replica: it is told, and disconnected', async () => {
    const node = await start()
    const raw = await wire(node)
    raw.send('BLPOP', 'k', '0')
    await waiting(node, 1)
    await node.call('REPLICAOF', '127.0.0.1', '1')
    expect(await raw.next()).toBe(
      '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n',
    )
    await expect(raw.next()).rejects.toThrow('closed')
    expectNobody(node)
  })

  test('in a cluster, when its slot is served elsewhere or by nobody', async () => {
    const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
    const [node, other] = [await start(...cluster), await start(...cluster)]
    await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const id = String(await other.call('CLUSTER', 'MYID'))
    await node.call('CLUSTER', 'MEET', '127.0.0.1', other.port)
    await expect.poll(() => node.call('CLUSTER', 'NODES'), { timeout: 20_000 }).toContain(`${id} 127`)
    await expect.poll(() => node.call('CLUSTER', 'INFO'), { timeout: 20_000 }).toContain('cluster_state:ok')
    const [a, b] = [await client(node), await client(node)]
    // The errors may come before the OK of the command that causes them, which waits for the disk.
    const moved = expect(a.call('BLPOP', 'foo', '0')).rejects.toThrow(`MOVED 12182 127.0.0.1:${other.port}`)
    await waiting(node, 1)
    const down = expect(b.call('BZPOPMIN', 'bar', '0')).rejects.toThrow('CLUSTERDOWN')
    await waiting(node, 2)
    await node.call('CLUSTER', 'SETSLOT', '12182', 'NODE', id)
    await moved
    expect(node.node.waits.count).toBe(1)
    await node.call('CLUSTER', 'DELSLOTS', '5061')
    await down
    expectNobody(node)
  })
})

describe('who waits for a stream', () => {
  test('waits on with the old deadline where an entry is not the right one', async () => {
    const node = await start()
    const a = await client(node)
    const id = String(await a.call('CLIENT', 'ID'))
    const wait = a.call('XREAD', 'BLOCK', '100000', 'STREAMS', 's', '5-0')
    await waiting(node, 1)
    const ends_ms = () =>
      [...node.node.clients.all()].find(({ blocked }) => blocked !== null)?.blocked?.deadline_ms
    const before_ms = ends_ms()
    expect(before_ms).toBeGreaterThan(0)
    const now_ms = Date.now()
    await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(now_ms + 5)
    await node.call('XADD', 's', '1-0', 'f', 'v')
    expect(ends_ms()).toBe(before_ms)
    await node.call('CLIENT', 'UNBLOCK', id)
    expect(await wait).toBe(null)
    expectNobody(node)
  })

  test('hears that the stream, or the group, is gone', async () => {
    const node = await start()
    const a = await client(node)
    const ways = [
      ['DEL', 's'],
      ['XGROUP', 'DESTROY', 's', 'g'],
      ['SET', 's', 'string'],
      ['RENAME', 'other', 's'],
      ['PEXPIRE', 's', '-1'],
      ['FLUSHDB'],
      ['FLUSHALL', 'ASYNC'],
      ['SWAPDB', '0', '1'],
    ]
    for (const way of ways) {
      await node.call('FLUSHALL')
      await node.call('RPUSH', 'other', 'x')
      await node.call('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
      const wait = a.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>')
      await waiting(node, 1)
      expect(node.node.waits.keysOnNoKey).toBe(1)
      await node.call('XGROUP', 'CREATE', 's', 'h', '$')
      await node.call('XGROUP', 'CREATECONSUMER', 's', 'g', 'd')
      expect(node.node.waits.count).toBe(1)
      await node.call(...way)
      await expect(wait, way.join(' ')).rejects.toThrow(/^NOGROUP|^WRONGTYPE/)
      expectNobody(node)
    }
  })

  test('hears of a stream that has expired by itself', async () => {
    const node = await start()
    const a = await client(node)
    await node.call('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    const waits = a.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>')
    const ended = expect(waits).rejects.toThrow('NOGROUP')
    await waiting(node, 1)
    await node.call('PEXPIRE', 's', '5')
    await ended
    expectNobody(node)
  })

  test('of a replica is served by what comes from its master', async () => {
    const node = await start()
    const replica = await start('--replicaof', `127.0.0.1 ${node.port}`)
    await expect.poll(() => infoOf(replica, 'replication', 'master_link_status')).toBe('up')
    const a = await client(replica)
    const wait = a.call('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$')
    await waiting(replica, 1)
    await node.call('MULTI')
    await node.call('XADD', 's', '1-0', 'f', '1')
    await node.call('XADD', 's', '2-0', 'f', '2')
    await node.call('EXEC')
    const entries = [
      ['1-0', ['f', '1']],
      ['2-0', ['f', '2']],
    ]
    expect(await wait).toEqual([['s', entries]])
    expectNobody(replica)
  })
})

describe('while clients wait', () => {
  test('INFO and CLIENT LIST tell', async () => {
    const node = await start()
    const a = await client(node)
    const wait = a.call('BLPOP', 'k', 'l', '0')
    await waiting(node, 1)
    expect(await infoOf(node, 'clients', 'blocked_clients')).toBe('1')
    expect(await infoOf(node, 'clients', 'total_blocking_keys')).toBe('2')
    expect(await infoOf(node, 'clients', 'total_blocking_keys_on_nokey')).toBe('0')
    expect(await infoOf(node, 'commandstats', 'cmdstat_blpop')).toBe(undefined)
    expect(String(await node.call('CLIENT', 'LIST'))).toMatch(/ flags=b .* cmd=blpop /)
    await node.call('RPUSH', 'k', 'x')
    await wait
    expect(await infoOf(node, 'commandstats', 'cmdstat_blpop')).toMatch(/^calls=1,/)
    expect(await infoOf(node, 'clients', 'blocked_clients')).toBe('0')
    expect(await infoOf(node, 'clients', 'total_blocking_keys')).toBe('0')
  })

  test('a monitor sees their commands once, when they come', async () => {
    const node = await start()
    const [monitor, a] = [await wire(node), await client(node)]
    await monitor.run('MONITOR')
    const wait = a.call('BLPOP', 'k', '0')
    await waiting(node, 1)
    await node.call('RPUSH', 'k', 'x')
    await wait
    await node.call('PING')
    const seen: string[] = []
    while (!seen.at(-1)?.includes('PING')) seen.push(await monitor.next())
    expect(seen.map((line) => /"(\w+)"/.exec(line)?.[1])).toEqual(['BLPOP', 'RPUSH', 'PING'])
  })

  test('a pause holds back who could be served, and what it has sent since', async () => {
    const node = await start()
    const raw = await wire(node)
    raw.sendAll([['BLPOP', 'k', '0'], ['PING']])
    await waiting(node, 1)
    await node.call('MULTI')
    await node.call('RPUSH', 'k', '1')
    await node.call('CLIENT', 'PAUSE', '100000', 'WRITE')
    await node.call('EXEC')
    expect(await node.call('LLEN', 'k')).toBe(1)
    expect(await infoOf(node, 'clients', 'blocked_clients')).toBe('1')
    await node.call('CLIENT', 'UNPAUSE')
    expect(await raw.next()).toBe('*2\r\n$1\r\nk\r\n$1\r\n1\r\n')
    expect(await raw.next()).toBe('+PONG\r\n')
    expectNobody(node)
  })

  test('one element costs as many look-ups with many as with few', async () => {
    const node = await start()
    const lookups = vi.spyOn(node.node.keyspace.databases[0]!, 'peek')
    const served: Promise<unknown>[] = []
    const costs: number[] = []
    for (const count of [3, 100]) {
      while (node.node.waits.count < count) {
        const each = await client(node)
        served.push(each.call('BLPOP', 'k', '0'))
        await waiting(node, node.node.waits.count + 1)
      }
      lookups.mockClear()
      await node.call('RPUSH', 'k', 'x')
      costs.push(lookups.mock.calls.length)
    }
    expect(costs[1]).toBe(costs[0])
    await node.call('RPUSH', 'k', ...Array.from({ length: node.node.waits.count }, () => 'x'))
    await Promise.all(served)
    expectNobody(node)
  })

  test('those of one key do not disturb those of others, and writes pay nothing when they have gone', async () => {
    const node = await start()
    const many = await Promise.all(Array.from({ length: 50 }, () => client(node)))
    const waits = many.map((each, i) => each.call('BLPOP', `k${i}`, 'all', '0'))
    await waiting(node, 50)
    expect(node.node.waits.keys).toBe(51)
    await node.call('RPUSH', 'k7', 'x')
    expect(await waits[7]).toEqual(['k7', 'x'])
    expect(node.node.waits.count).toBe(49)
    await node.call('RPUSH', 'all', ...Array.from({ length: 49 }, (_, i) => String(i)))
    const got = await Promise.all(waits)
    expect(got.filter((_, i) => i !== 7).every((reply) => Array.isArray(reply) && reply[0] === 'all')).toBe(
      true,
    )
    expectNobody(node)
  })
})

describe('what was served', () => {
  async function written(directory: string): Promise<string[]> {
    const folder = join(directory, 'appendonlydir')
    const file = readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!
    const { list } = commandsIn(readFileSync(join(folder, file), 'latin1'))
    return list.map((words) => words.join(' '))
  }

  test('goes out as the command that was carried out, after the unit that made the key ready', async () => {
    const node = await start('--appendonly', 'yes', '--appendfsync', 'always')
    const replica = await start('--replicaof', `127.0.0.1 ${node.port}`)
    await expect.poll(() => infoOf(replica, 'replication', 'master_link_status')).toBe('up')
    const others = await Promise.all(Array.from({ length: 5 }, () => client(node)))
    const commands = [
      ['BLPOP', 'k', '0'],
      ['BLMPOP', '0', '1', 'k', 'RIGHT', 'COUNT', '2'],
      ['BLMOVE', 'k', 'm', 'left', 'RIGHT', '0'],
      ['BRPOPLPUSH', 'm', 'n', '0'],
      ['BZMPOP', '0', '1', 'z', 'MAX', 'COUNT', '9'],
    ]
    const served: Promise<unknown>[] = []
    for (const [i, command] of commands.entries()) {
      served.push(others[i]!.call(...command))
      await waiting(node, i + 1)
    }
    await node.call('MULTI')
    await node.call('RPUSH', 'k', '1', '2', '3', '4')
    await node.call('ZADD', 'z', '1', 'a', '2', 'b')
    await node.call('EXEC')
    await Promise.all(served)
    expect(await node.call('BZPOPMIN', 'none', '0.001')).toBe(null)
    expect(await written(String(node.node.config.values.dir))).toEqual([
      'MULTI',
      'SELECT 0',
      'RPUSH k 1 2 3 4',
      'ZADD z 1 a 2 b',
      'EXEC',
      'LPOP k',
      'RPOP k 2',
      'LMOVE k m left RIGHT',
      'ZPOPMAX z 2',
      'RPOPLPUSH m n',
    ])
    await expect.poll(() => replica.call('LRANGE', 'n', '0', '-1')).toEqual(['2'])
    expect(await replica.call('DBSIZE')).toBe(1)
  })
})
