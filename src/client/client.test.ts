import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../../tests/oracle.js'
import { ClusterClient } from './cluster.js'
import { type Connection, ConnectionError, connect } from './connection.js'
import { errorOf, fieldOf, itemsOf, type Reply, textOf } from './reply.js'
import { addressText, parseAddress, parseRedirect, slotMapOfShards, slotMapOfSlots } from './slots.js'

const bulk = (text: string): Reply => ({ kind: 'bulk', bytes: Buffer.from(text) })
const integer = (value: number): Reply => ({ kind: 'integer', value })
const array = (...items: Reply[]): Reply => ({ kind: 'array', items })

describe.skipIf(missing('redis-server'))('against redis-server', () => {
  let redis: RedisProcess
  beforeAll(async () => {
    redis = await startRedis(['--requirepass', 'hidden', '--unixsocket', 'redis.sock'])
  })
  afterAll(() => redis?.stop())
  const to = () => ({ port: redis.port, password: 'hidden' })

  test('a pipeline keeps its order, whatever the replies are', async () => {
    const connection = await connect({ ...to(), db: 3 })
    const value = new Uint8Array(300_000).map((_, i) => i * 7)
    const replies = await connection.pipeline([
      ['SET', 'k', value],
      ['GET', 'k'],
      ['LPUSH', 'k', 1],
      ['INCR', 'n'],
      ['GET', 'none'],
      ...Array.from({ length: 2000 }, (_, i) => ['ECHO', i] as const),
    ])
    expect(textOf(replies[0])).toBe('OK')
    expect(replies[1]).toEqual({ kind: 'bulk', bytes: value })
    expect(errorOf(replies[2]!)).toMatch(/^WRONGTYPE /)
    expect(replies[3]).toEqual(integer(1))
    expect(replies[4]).toEqual({ kind: 'nil' })
    expect(replies.slice(5).map(textOf)).toEqual(Array.from({ length: 2000 }, (_, i) => String(i)))
    expect(textOf(await connection.call('CLIENT', 'INFO'))).toContain(' db=3 ')
    connection.close()
  })

  test('RESP3, its pushes, and a unix socket', async () => {
    const pushes: Reply[] = []
    const connection = await connect({
      password: 'hidden',
      path: `${redis.directory}/redis.sock`,
      protocol: 3,
      onPush: (push) => pushes.push(push),
    })
    await connection.pipeline([['CLIENT', 'TRACKING', 'ON'], ['GET', 'a'], ['SET', 'a', 1], ['PING']])
    expect(pushes.map((push) => textOf(itemsOf(push)[0]))).toEqual(['invalidate'])
    expect(textOf(fieldOf(await connection.call('CONFIG', 'GET', 'port'), 'port'))).toBe(String(redis.port))
    expect((await connection.call('CONFIG', 'GET', 'port')).kind).toBe('map')
    connection.close()
  })

  test('what fails is a ConnectionError with the words of the system or the server', async () => {
    await expect(connect({ port: redis.port, password: 'wrong' })).rejects.toMatchObject({
      code: 'REPLY',
      message: 'WRONGPASS invalid username-password pair or user is disabled.',
    })
    await expect(connect({ port: 1 })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: 'Connection refused',
    })
    await expect(connect({ path: '/none' })).rejects.toMatchObject({ message: 'No such file or directory' })
    await expect(connect({ port: 70_000 })).rejects.toBeInstanceOf(ConnectionError)
    const connection = await connect(to())
    const other = await connect(to())
    const lost = expect(connection.call('BLPOP', 'never', 0)).rejects.toMatchObject({
      code: 'EOF',
      message: 'Server closed the connection',
    })
    const id = (await other.call('CLIENT', 'LIST', 'TYPE', 'normal')) as { bytes: Uint8Array }
    const line = Buffer.from(id.bytes)
      .toString()
      .split('\n')
      .find((l) => l.includes('cmd=blpop'))!
    await other.call('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(line)![1]!)
    await lost
    await expect(connection.call('PING')).rejects.toMatchObject({ code: 'EOF' })
    other.close()
  })

  test('a server that is silent runs into the timeout', async () => {
    const connection = await connect({ ...to(), replyTimeout_ms: 30 })
    await expect(connection.call('BLPOP', 'never', 0)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })
})

test('slots from CLUSTER SLOTS and CLUSTER SHARDS', () => {
  const slots = slotMapOfSlots(
    array(
      array(
        integer(0),
        integer(8191),
        array(bulk(''), integer(7000)),
        array(bulk('10.0.0.2'), integer(7001)),
      ),
      array(integer(8192), integer(16383), array({ kind: 'nil' }, integer(7002))),
    ),
    '10.0.0.9',
  )!
  expect(slots.shards.map((shard) => addressText(shard.master))).toEqual(['10.0.0.9:7000', '10.0.0.9:7002'])
  expect(slots.shards[0]!.replicas).toEqual([{ host: '10.0.0.2', port: 7001 }])
  expect([slots.owner[0], slots.owner[8191], slots.owner[8192], slots.owner[16383]]).toEqual([0, 0, 1, 1])
  const node = (role: string, port: number) =>
    array(
      ...[bulk('port'), integer(port), bulk('endpoint'), bulk('::1'), bulk('role'), bulk(role)],
      ...[bulk('health'), bulk('online')],
    )
  const shards = slotMapOfShards(
    array(
      array(
        bulk('slots'),
        array(integer(5), integer(6)),
        bulk('nodes'),
        array(node('master', 1), node('replica', 2)),
      ),
    ),
    'x',
  )!
  expect(shards.shards).toEqual([{ master: { host: '::1', port: 1 }, replicas: [{ host: '::1', port: 2 }] }])
  expect([...shards.owner.slice(4, 8)]).toEqual([0xffff, 0, 0, 0xffff])
  expect(slotMapOfSlots({ kind: 'error', bytes: Buffer.from('ERR') }, 'x')).toBeUndefined()
})

test('addresses and redirects', () => {
  expect(parseAddress('[::1]:7000@17000,host')).toEqual({ host: '::1', port: 7000 })
  expect(parseAddress('fe80::1:7000')).toEqual({ host: 'fe80::1', port: 7000 })
  expect(parseAddress('host')).toBeUndefined()
  expect(parseAddress('host:99999')).toBeUndefined()
  expect(parseRedirect('ASK 1 :7001')).toEqual({ kind: 'ASK', slot: 1, to: { host: '', port: 7001 } })
  expect(parseRedirect('MOVED 12 nowhere')).toBeUndefined()
})

describe('a cluster client', () => {
  /** Nodes that answer by a script: what a real cluster does only for moments. */
  const servers: Server[] = []
  let client: ClusterClient | undefined
  afterEach(async () => {
    client?.close()
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
  })
  async function node(answer: (line: string, port: number) => string, seen: string[] = []): Promise<number> {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => {
        for (const command of data.toString().split(/(?=\*\d+\r\n)/)) {
          const line = command
            .split('\r\n')
            .filter((_, i) => i > 0 && i % 2 === 0)
            .join(' ')
          seen.push(line)
          socket.write(answer(line, port))
        }
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return port
  }
  const known = (line: string, port: number) => {
    if (line === 'CLUSTER SLOTS') return `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`
    if (line.startsWith('COMMAND INFO')) return '*1\r\n*4\r\n+get\r\n:2\r\n*0\r\n:1\r\n'
    return undefined
  }

  test('follows ASK with ASKING, waits out TRYAGAIN, gives up on a circle', async () => {
    const askedLines: string[] = []
    let tries = 0
    const target = await node((line) => (line === 'ASKING' ? '+OK\r\n' : '$5\r\nthere\r\n'), askedLines)
    const port = await node((line, own) => {
      if (line === 'GET circle') return `-MOVED 1 127.0.0.1:${own}\r\n`
      if (line === 'GET ask') return `-ASK 1 127.0.0.1:${target}\r\n`
      if (line === 'GET busy') return ++tries < 3 ? '-TRYAGAIN Multiple keys request\r\n' : '$2\r\nok\r\n'
      return known(line, own) ?? '-ERR\r\n'
    })
    client = new ClusterClient([{ host: '127.0.0.1', port }])
    expect(textOf(await client.call(['GET', 'ask']))).toBe('there')
    expect(askedLines).toEqual(['ASKING', 'GET ask'])
    expect(textOf(await client.call(['GET', 'busy']))).toBe('ok')
    expect(tries).toBe(3)
    expect(errorOf(await client.call(['GET', 'circle']))).toMatch(/^MOVED /)
  })

  test('CLUSTERDOWN is waited for only as long as allowed', async () => {
    const port = await node((line, own) => known(line, own) ?? '-CLUSTERDOWN The cluster is down\r\n')
    client = new ClusterClient([{ host: '127.0.0.1', port }], { retryTime_ms: 60 })
    expect(errorOf(await client.call(['GET', 'a']))).toBe('CLUSTERDOWN The cluster is down')
  })

  test('a command that may have been executed is not sent twice', async () => {
    let incremented = 0
    const port = await node((line, own) => {
      if (line.startsWith('INCR')) {
        incremented++
        queueMicrotask(
          () => void client?.node({ host: '127.0.0.1', port: own }).then((c: Connection) => c.close()),
        )
        return ''
      }
      return known(line, own) ?? '-ERR\r\n'
    })
    client = new ClusterClient([{ host: '127.0.0.1', port }])
    await expect(client.call(['INCR', 'n'])).rejects.toBeInstanceOf(ConnectionError)
    expect(incremented).toBe(1)
  })
})
