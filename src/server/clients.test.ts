/** Clients of a node at their limits: too much input, too much output, too many, too quiet, too early gone. */

import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'
import { converse } from '../../tests/support/raw.js'
import { Wire } from '../../tests/support/wire.js'
import type { Client } from './client.js'

const MEGABYTE = 1024 * 1024

let nodes: RunningNode[] = []
let sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(nodes.map((node) => node.stop()))
  nodes = []
  sockets = []
})

async function start(...options: string[]): Promise<RunningNode> {
  const node = await open(...options)
  nodes.push(node)
  return node
}

/** A client that sends and never reads, as the node sees it. */
async function silent(node: RunningNode, bytes: string): Promise<Client> {
  let client: Client | undefined
  const { newClient } = node.node
  node.node.newClient = (one) => {
    client = one
    newClient(one)
  }
  const socket = connect(Number(node.port), '127.0.0.1')
  sockets.push(socket)
  socket.pause()
  socket.on('error', () => {})
  socket.write(bytes)
  await until(() => client !== undefined && client.bytesIn > 0)
  node.node.newClient = newClient
  return client!
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 2000) throw new Error('this never came true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const bulk = (value: string) => `$${value.length}\r\n${value}\r\n`

test('a hundred thousand commands at once', async () => {
  const node = await start()
  const replies = await converse(Number(node.port), ['INCR n\r\n'.repeat(100_000)])
  expect(replies.length).toBe(
    Array.from({ length: 100_000 }, (_, i) => String(i + 1).length + 3).reduce((a, b) => a + b),
  )
  expect(replies.endsWith(':100000\r\n')).toBe(true)
})

test('a hundred megabytes, in pieces, there and back', async () => {
  const node = await start()
  const value = Buffer.alloc(100 * MEGABYTE)
  const chunk = randomBytes(MEGABYTE)
  for (let i = 0; i < 100; i++) chunk.copy(value, i * MEGABYTE)
  const socket = connect(Number(node.port), '127.0.0.1')
  sockets.push(socket)
  const hash = createHash('md5')
  let got = 0
  const head = `+OK\r\n$${value.length}\r\n`
  socket.on('data', (bytes: Buffer) => {
    const skipped = Math.max(0, head.length - got)
    const end = head.length + value.length - got
    hash.update(bytes.subarray(Math.min(skipped, bytes.length), Math.max(0, Math.min(end, bytes.length))))
    got += bytes.length
  })
  socket.write(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n`)
  for (let at = 0; at < value.length; at += 7 * MEGABYTE) socket.write(value.subarray(at, at + 7 * MEGABYTE))
  socket.write('\r\nGET big\r\n')
  await until(() => got === head.length + value.length + 2)
  expect(hash.digest('hex')).toBe(createHash('md5').update(value).digest('hex'))
  const client = [...node.node.clients.all()].at(-1)!
  expect(client.pending).toBeNull()
})

test('who announces must also send', async () => {
  const node = await start()
  const client = await silent(node, '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\nabc')
  expect(client.pendingLength).toBeGreaterThan(0)
  expect(client.pending!.length).toBeLessThan(16 * MEGABYTE)
})

test('a slow reader gets everything, in order, and others do not wait for it', async () => {
  const node = await start()
  await node.call('SET', 'v', 'x'.repeat(MEGABYTE))
  const slow = converse(Number(node.port), [`GET v\r\nINCR n\r\n`.repeat(100)], { readsAfter_ms: 200 })
  await until(async () => Number(await node.call('GET', 'n')) > 0)
  expect(await node.call('PING')).toBe('PONG')
  const one = bulk('x'.repeat(MEGABYTE))
  let at = 0
  const replies = await slow
  for (let i = 1; i <= 100; i++) {
    expect(replies.startsWith(one, at)).toBe(true)
    at += one.length
    const count = `:${i}\r\n`
    expect(replies.slice(at, at + count.length)).toBe(count)
    at += count.length
  }
  expect(replies.length).toBe(at)
})

test('commands that write much share the turns with others', async () => {
  const node = await start()
  await node.call('SET', 'v', 'x'.repeat(MEGABYTE))
  // Of one turn's output; the rest of the commands waits for the next one.
  const client = await silent(node, `${'GET v\r\n'.repeat(60)}SET last 1\r\n`)
  let yields = 0
  const { yieldTurn } = node.node
  node.node.yieldTurn = (which) => {
    if (which === client) yields++
    yieldTurn.call(node.node, which)
  }
  await until(async () => (await node.call('EXISTS', 'last')) === 1)
  expect(yields).toBeGreaterThan(5)
})

test('who does not read gets no more carried out, until it reads', async () => {
  const node = await start()
  await node.call('SET', 'v', 'x'.repeat(4 * MEGABYTE))
  const count = 40
  const commands = 'INCR n\r\nGET v\r\n'.repeat(count)
  const client = await silent(node, commands)
  await until(() => client.choked)
  expect(Number(await node.call('GET', 'n'))).toBeLessThan(30)
  expect(node.node.clients.unsentBytes(client)).toBeLessThan(80 * MEGABYTE)
  const reading = sockets.at(-1)!
  let got = 0
  reading.on('data', (bytes) => {
    got += bytes.length
  })
  reading.resume()
  const one = `$${4 * MEGABYTE}\r\n\r\n`.length + 4 * MEGABYTE
  await until(() => got >= count * one)
  expect(await node.call('GET', 'n')).toBe(String(count))
})

/** Connects a socket that reads nothing until it is resumed; the client as the node sees it. */
async function paused(node: RunningNode): Promise<{ socket: Socket; client: Client }> {
  const client = await silent(node, 'PING\r\n')
  return { socket: sockets.at(-1)!, client }
}

const sent = (socket: Socket, bytes: string | Buffer) =>
  new Promise<void>((resolve) => socket.write(bytes, () => resolve()))

/** Counts what arrives from now on. */
function counted(socket: Socket): { bytes: number; tail: string } {
  const got = { bytes: 0, tail: '' }
  socket.on('data', (bytes: Buffer) => {
    got.bytes += bytes.length
    got.tail = (got.tail + bytes.toString('latin1')).slice(-64)
  })
  socket.resume()
  return got
}

test('a pipeline of many megabytes waits in the kernel, not in the node', async () => {
  const node = await start()
  await node.call('SET', 'k', 'x'.repeat(2000))
  const { socket, client } = await paused(node)
  const got = counted(socket)
  const count = 300_000
  const done = sent(socket, 'GET k\r\n'.repeat(count))
  let most = 0
  let written = 0
  const total = '+PONG\r\n'.length + count * bulk('x'.repeat(2000)).length
  await until(() => {
    most = Math.max(most, client.pending?.length ?? 0)
    written = Math.max(written, node.node.clients.unsentBytes(client))
    return got.bytes >= total
  })
  await done
  expect(got.bytes).toBe(total)
  expect(most).toBeLessThan(1.5 * MEGABYTE)
  expect(written).toBeLessThan(8 * MEGABYTE)
  expect(client.pending).toBeNull()
})

test('a client that sends all before it reads anything gets everything', async () => {
  const node = await start()
  const value = 'x'.repeat(100_000)
  await node.call('SET', 'v', value)
  const { socket, client } = await paused(node)
  // Far more output than it may have while others wait for it to read, then more input than sockets hold.
  const padding = `SET pad ${'p'.repeat(990)}\r\n`
  const writes = 24_000
  await sent(socket, `${'GET v\r\n'.repeat(150) + padding.repeat(writes)}INCR n\r\n`)
  expect(client.stalled || client.pending === null).toBe(true)
  const got = counted(socket)
  const total = '+PONG\r\n'.length + 150 * bulk(value).length + writes * 5 + 4
  await until(() => got.bytes >= total)
  expect(got.bytes).toBe(total)
  expect(got.tail.endsWith('+OK\r\n:1\r\n')).toBe(true)
})

test('a client that never reads and never stops sending is held back, and can be killed', async () => {
  const node = await start()
  const value = 'x'.repeat(MEGABYTE)
  await node.call('SET', 'v', value)
  const { socket, client } = await paused(node)
  let taken = false
  const endless = Buffer.from('GET v\r\n'.repeat(MEGABYTE))
  void sent(socket, endless)
    .then(() => sent(socket, Buffer.alloc(80 * MEGABYTE, 'GET v\r\n')))
    .then(() => {
      taken = true
    })
  await until(() => client.unread && client.stalled)
  expect(taken).toBe(false)
  expect(client.pendingLength).toBeLessThan(66 * MEGABYTE)
  expect(node.node.clients.unsentBytes(client)).toBeLessThan(72 * MEGABYTE)
  expect(await node.call('PING')).toBe('PONG')
  expect(await node.call('CLIENT', 'KILL', 'ID', String(client.id))).toBe(1)
  await until(() => client.gone)
})

test('a client that is gone while its commands wait for it to read is noticed', async () => {
  const node = await start()
  await node.call('SET', 'v', 'x'.repeat(MEGABYTE))
  const { socket, client } = await paused(node)
  await sent(socket, 'GET v\r\n'.repeat(100))
  await until(() => client.choked)
  socket.destroy()
  await until(() => client.gone)
})

test('a blocked client with much input is noticed when it is gone', async () => {
  const node = await start()
  const { socket, client } = await paused(node)
  void sent(socket, `BLPOP nothing 0\r\n${'SET a b\r\n'.repeat(400_000)}`)
  await until(() => client.blocked !== null && client.pendingLength > 3_000_000)
  socket.end()
  await until(() => client.gone)
  expect(await node.call('EXISTS', 'a')).toBe(0)
})

test('commands that take long share the turns with others', async () => {
  const node = await start('--enable-debug-command', 'yes')
  let yields = 0
  const { yieldTurn } = node.node
  node.node.yieldTurn = (which) => {
    yields++
    yieldTurn.call(node.node, which)
  }
  const replies = await converse(Number(node.port), ['DEBUG SLEEP 0.01\r\n'.repeat(10)])
  expect(replies).toBe('+OK\r\n'.repeat(10))
  expect(yields).toBeGreaterThanOrEqual(4)
})

test('a transaction that a monitor hears is bounded', async () => {
  const node = await start('--client-output-buffer-limit', 'normal 2mb 0 0')
  const client = await silent(node, 'MONITOR\r\n')
  let most = 0
  const { turn } = node.node
  const { outOf } = turn
  turn.outOf = (which) => {
    const out = outOf.call(turn, which)
    if (which === client) most = Math.max(most, out.length)
    return out
  }
  const echo = `SET k ${'m'.repeat(1000)}\r\n`
  const replies = await converse(Number(node.port), [`MULTI\r\n${echo.repeat(10_000)}EXEC\r\n`])
  await until(() => client.gone)
  expect(most).toBeGreaterThan(MEGABYTE)
  expect(most).toBeLessThan(3 * MEGABYTE)
  expect(replies.endsWith('+OK\r\n')).toBe(true)
})

test('a hard limit closes who does not read, even within one turn', async () => {
  const node = await start('--client-output-buffer-limit', 'normal 3mb 0 0')
  await node.call('SET', 'v', 'x'.repeat(100_000))
  const client = await silent(node, 'GET v\r\n'.repeat(2000))
  await until(() => client.gone)
  expect(
    node.log.some((line) =>
      /^Client id=.* scheduled to be closed ASAP for overcoming of output buffer limits\.$/.test(line),
    ),
  ).toBe(true)
  expect(node.node.stats.outputLimitDisconnections).toBe(1)
  expect(await node.call('PING')).toBe('PONG')
})

test('who asks for a billion random fields is closed at its limit, not when all are drawn', async () => {
  const node = await start('--client-output-buffer-limit', 'normal 1mb 0 0')
  await node.call('HSET', 'hash', 'a', 'b')
  await node.call('SADD', 'set', 'a')
  await node.call('ZADD', 'zset', '1', 'a')
  for (const command of ['HRANDFIELD hash', 'SRANDMEMBER set', 'ZRANDMEMBER zset']) {
    const client = await silent(node, `${command} -999999999\r\n`)
    await until(() => client.gone)
  }
  expect(node.node.stats.outputLimitDisconnections).toBe(3)
  expect(await node.call('PING')).toBe('PONG')
})

test('a soft limit closes who does not read for some time', async () => {
  const node = await start('--client-output-buffer-limit', 'normal 0 1mb 1')
  await node.call('SET', 'v', 'x'.repeat(16 * MEGABYTE))
  const began = Date.now()
  const client = await silent(node, 'GET v\r\n')
  await until(() => client.gone)
  expect(Date.now() - began).toBeGreaterThan(1000)
  expect(await node.call('PING')).toBe('PONG')
})

test('a subscriber that never reads holds no more than its limit', async () => {
  const node = await start('--client-output-buffer-limit', 'pubsub 8mb 0 0')
  const subscriber = await silent(node, 'SUBSCRIBE ch\r\n')
  let most = 0
  for (let i = 0; i < 100 && !subscriber.gone; i++) {
    await node.call('PUBLISH', 'ch', 'm'.repeat(MEGABYTE))
    most = Math.max(most, node.node.clients.unsentBytes(subscriber))
  }
  await until(() => subscriber.gone)
  expect(most).toBeLessThan(10 * MEGABYTE)
  expect(await node.call('PUBLISH', 'ch', 'x')).toBe(0)
})

test('many small messages to who does not read take no more memory than they are long', async () => {
  const node = await start()
  const subscriber = await silent(node, 'SUBSCRIBE ch\r\n')
  // Fill what the system itself holds for the connection; then each message comes in a turn of its own.
  while (node.node.clients.unsentBytes(subscriber) < MEGABYTE)
    await node.call('PUBLISH', 'ch', 'm'.repeat(200_000))
  const before = node.node.clients.unsentBytes(subscriber)
  for (let i = 0; i < 500; i++) await node.call('PUBLISH', 'ch', 'tiny')
  const grown = node.node.clients.unsentBytes(subscriber) - before
  expect(grown).toBeLessThan(500 * 100)
  expect(subscriber.out!.buf.length).toBeLessThan(4 * MEGABYTE)
  // All of it waits here, none of it in small pieces in the socket.
  expect(subscriber.link!.pendingBytes).toBeLessThanOrEqual(before)
})

test('a transaction of messages is bounded too', async () => {
  const node = await start('--client-output-buffer-limit', 'pubsub 2mb 0 0')
  const client = await silent(node, 'SUBSCRIBE ch\r\n')
  const publish = `PUBLISH ch ${'m'.repeat(1000)}\r\n`
  const replies = await converse(Number(node.port), [`MULTI\r\n${publish.repeat(20_000)}EXEC\r\n`])
  await until(() => client.gone)
  expect(replies.endsWith(':0\r\n')).toBe(true)
})

test('a query buffer has a limit', async () => {
  const node = await start('--client-query-buffer-limit', '1mb')
  const said = await converse(
    Number(node.port),
    [`*2\r\n$4\r\nECHO\r\n$3000000\r\n${'x'.repeat(2 * MEGABYTE)}`],
    {
      stays: true,
    },
  )
  expect(said).toBe('')
  const line = node.log.find((text) =>
    text.startsWith('Closing client that reached max query buffer length: id='),
  )
  expect(line).toContain('(qbuf initial bytes: "*2..$4..ECHO..$3000000..xx')
  expect(node.node.stats.queryLimitDisconnections).toBe(1)
})

test('clients wait blocked with their input, within its limit', async () => {
  const node = await start('--client-query-buffer-limit', '1mb')
  await node.call('CLIENT', 'PAUSE', '100000', 'ALL')
  const said = await converse(Number(node.port), ['PING\r\n', `ECHO ${'x'.repeat(60_000)}\r\n`.repeat(30)], {
    stays: true,
  })
  expect(said).toBe('')
})

test('maxclients', async () => {
  const node = await start('--maxclients', '2')
  const second = await Wire.open(Number(node.port))
  expect(await second.run('PING')).toBe('+PONG\r\n')
  const third = await converse(Number(node.port), [], { stays: true })
  expect(third).toBe('-ERR max number of clients reached\r\n')
  expect(node.node.stats.rejectedConnections).toBe(1)
  second.close()
  await until(() => node.node.clients.count === 1)
  const fourth = await Wire.open(Number(node.port))
  expect(await fourth.run('PING')).toBe('+PONG\r\n')
  fourth.close()
})

test('an idle client is closed, a subscriber is not', async () => {
  const node = await start('--timeout', '1', '--loglevel', 'verbose')
  const subscriber = await Wire.open(Number(node.port))
  await subscriber.run('SUBSCRIBE', 'ch')
  const idle = await converse(Number(node.port), ['PING\r\n'], { stays: true })
  expect(idle).toBe('+PONG\r\n')
  expect(node.log).toContain('Closing idle client')
  expect(await subscriber.run('PING')).toContain('pong')
  subscriber.close()
})

test('who has said all still hears the answers, also when the disk must answer first', async () => {
  const node = await start('--appendonly', 'yes', '--appendfsync', 'always')
  const commands = Array.from({ length: 50 }, (_, i) => `SET k${i} ${i}\r\nGET k${i}\r\n`).join('')
  const replies = await converse(Number(node.port), [commands, 'PING\r\n'])
  expect(replies.endsWith('$2\r\n49\r\n+PONG\r\n')).toBe(true)
  expect(replies.match(/\+OK/g)).toHaveLength(50)
  await until(() => node.node.clients.count === 1)
})

test('who waits and is gone is forgotten', async () => {
  const node = await start()
  await node.call('CLIENT', 'PAUSE', '100000', 'ALL')
  expect(await converse(Number(node.port), ['SET a 1\r\n'])).toBe('')
  await until(() => node.node.clients.count === 1)
  node.node.unpause()
  expect(await node.call('EXISTS', 'a')).toBe(0)
})

test('quit without a reply closes all the same', async () => {
  const node = await start()
  expect(await converse(Number(node.port), ['CLIENT REPLY OFF\r\nQUIT\r\n'], { stays: true })).toBe('')
})

test('on a socket in the file system, and on IPv6', async () => {
  const node = await start(
    '--unixsocket',
    'shoal.sock',
    '--unixsocketperm',
    '700',
    '--bind',
    '127.0.0.1',
    '-::1',
  )
  const path = `${node.node.config.values.dir}/shoal.sock`
  const socket = connect(path)
  sockets.push(socket)
  socket.write('PING\r\nCLIENT INFO\r\n')
  let told = ''
  socket.on('data', (bytes) => {
    told += bytes.toString()
  })
  await until(() => told.endsWith('\r\n') && told.includes('lib-ver'))
  expect(told).toMatch(/^\+PONG\r\n\$\d+\r\nid=\d+ addr=.*shoal\.sock:0 .* flags=U /)
})

test('maxmemory-clients: the largest go first, and only as many as must', async () => {
  const node = await start('--maxmemory-clients', '8mb')
  const half = (bytes: number) => `*2\r\n$4\r\nECHO\r\n$${bytes + 1000}\r\n${'x'.repeat(bytes)}`
  const small = await silent(node, half(2 * MEGABYTE))
  await until(() => small.pendingLength >= 2 * MEGABYTE)
  const transaction = await silent(node, `MULTI\r\nSET k ${'v'.repeat(60_000)}\r\n`)
  const large = await silent(node, half(7 * MEGABYTE))
  await until(() => large.gone)
  expect(small.gone).toBe(false)
  expect(transaction.gone).toBe(false)
  expect(node.node.stats.evictedClients).toBe(1)
  expect(node.log.some((line) => line.startsWith('Evicting client: id='))).toBe(true)
  await node.call('CONFIG', 'SET', 'maxmemory-clients', '1mb')
  expect(small.gone).toBe(true)
  await node.call('CLIENT', 'NO-EVICT', 'ON')
  expect(await node.call('ECHO', 'x'.repeat(2 * MEGABYTE))).toHaveLength(2 * MEGABYTE)
})

test('a slow reader, and a disk that must answer first: everything, in order', async () => {
  const node = await start('--appendonly', 'yes', '--appendfsync', 'always')
  const value = 'x'.repeat(300_000)
  const commands = Array.from({ length: 60 }, (_, i) => `SET k ${i}\r\nGET v\r\nGET k\r\nINCR n\r\n`)
  await node.call('SET', 'v', value)
  const replies = await converse(Number(node.port), commands, { readsAfter_ms: 150 })
  const expected = Array.from(
    { length: 60 },
    (_, i) => `+OK\r\n${bulk(value)}${bulk(String(i))}:${i + 1}\r\n`,
  )
  expect(replies === expected.join('')).toBe(true)
})
