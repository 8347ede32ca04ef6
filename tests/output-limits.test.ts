/**
 * client-output-buffer-limit beside redis-server: which replies are sent, which are dropped with the connection, and what
 * was carried out all the same. Limits times sizes of replies times the ways in which output gathers.
 */

import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from './oracle.js'
import { open, type RunningNode } from './support/node.js'

/** A raw connection that counts what it hears. */
class Hearing {
  heard = 0
  closed = false
  private readonly socket: Socket
  private wake: () => void = () => {}

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (bytes) => {
      this.heard += bytes.length
      this.wake()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.closed = true
      this.wake()
    })
  }

  send(commands: string): void {
    this.socket.write(commands)
  }

  /** Resolves when the given number of bytes was received in all, or the connection is closed. */
  async until(bytes: number): Promise<void> {
    while (!this.closed && this.heard < bytes) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  end(): void {
    this.socket.destroy()
  }
}

interface Outcome {
  readonly heard: number
  readonly closed: boolean
  readonly after: string
}

const bulkBytes = (size: number) => `$${size}\r\n\r\n`.length + size
const ACKNOWLEDGED = '+OK\r\n'.length
const QUEUED = '+QUEUED\r\n'.length
const PIECES = 10

/** Sends one thing and hears what comes of it; `whole` is the length of what comes without a limit. */
async function hear(port: number, commands: string, whole: number): Promise<Hearing> {
  const client = new Hearing(port)
  client.send(commands)
  await client.until(whole)
  return client
}

type Way = (port: number, size: number) => Promise<Hearing>

/** The ways in which output gathers. All commands of a way are shorter than what Redis reads at once. */
const WAYS: Record<string, Way> = {
  'one reply': (port, size) => hear(port, `GET v${size}\r\n`, bulkBytes(size)),
  'one reply of many small ones': (port, size) =>
    hear(port, `LRANGE l${size} 0 -1\r\n`, `*${size / 100}\r\n`.length + (size / 100) * bulkBytes(100)),
  'a pipeline': (port, size) =>
    hear(
      port,
      `${`GET v${size / PIECES}\r\n`.repeat(PIECES)}INCR after\r\n`,
      PIECES * bulkBytes(size / PIECES) + 4,
    ),
  'a transaction': (port, size) =>
    hear(
      port,
      `MULTI\r\n${`GET v${size / PIECES}\r\n`.repeat(PIECES)}INCR after\r\nEXEC\r\n`,
      ACKNOWLEDGED + (PIECES + 1) * QUEUED + '*11\r\n'.length + PIECES * bulkBytes(size / PIECES) + 4,
    ),
  'a message': async (port, size) => {
    const confirmed = '*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n'.length
    const client = await hear(port, 'SUBSCRIBE ch\r\n', confirmed)
    const sender = new Hearing(port)
    sender.send(`*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$${size}\r\n${'x'.repeat(size)}\r\n`)
    await sender.until(4)
    sender.end()
    await client.until(confirmed + '*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n'.length + bulkBytes(size))
    return client
  },
  'many messages of one transaction': async (port, size) => {
    const confirmed = '*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n'.length
    const client = await hear(port, 'SUBSCRIBE ch\r\n', confirmed)
    const sender = new Hearing(port)
    sender.send(`MULTI\r\n${`PUBLISH ch ${'x'.repeat(size / 100)}\r\n`.repeat(100)}EXEC\r\n`)
    const replies = ACKNOWLEDGED + 100 * QUEUED + '*100\r\n'.length
    await sender.until(replies + 100 * 4)
    sender.end()
    const one = '*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n'.length + bulkBytes(size / 100)
    await client.until(confirmed + 100 * one)
    return client
  },
  'a monitor': async (port, size) => {
    const client = await hear(port, 'MONITOR\r\n', ACKNOWLEDGED)
    const sender = new Hearing(port)
    sender.send(`*2\r\n$4\r\nECHO\r\n$${size}\r\n${'x'.repeat(size)}\r\n`)
    // The sender's own reply may be over the limit too.
    await sender.until(bulkBytes(size))
    sender.end()
    await client.until(ACKNOWLEDGED + size)
    return client
  },
}

/** Far from what blocks of memory round up to, which depends on Redis's allocator. */
const LIMITS = ['0 0 0', '1 2 3', '1000 0 0', '50000 0 0', '256kb 0 0', '5mb 0 0']
const SIZES = [1000, 8000, 15_000, 100_000, 1_000_000]

async function outcome(
  port: number,
  control: Control,
  way: Way,
  limit: string,
  size: number,
): Promise<Outcome> {
  await control('SET', 'after', '0')
  await control('CONFIG', 'SET', 'client-output-buffer-limit', `normal ${limit} pubsub ${limit}`)
  const client = await way(port, size)
  const { closed } = client
  // What a monitor hears has the time and a port in it.
  const heard = way === WAYS['a monitor'] ? Math.floor(client.heard / 1000) : client.heard
  client.end()
  await control('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0 pubsub 0 0 0')
  return { heard, closed, after: String(await control('GET', 'after')) }
}

type Control = (...words: string[]) => Promise<unknown>

describe.skipIf(missing('redis-server'))('output limits beside redis-server', () => {
  let node: RunningNode
  let redis: RedisProcess
  let redisControl: Awaited<ReturnType<typeof open>>['connection']

  beforeAll(async () => {
    node = await open()
    redis = await startRedis()
    const { connect: connectClient } = await import('../src/client/index.js')
    redisControl = await connectClient({ host: '127.0.0.1', port: redis.port })
    for (const control of [callShoal, callRedis]) {
      for (const size of SIZES) {
        await control('SET', `v${size}`, 'x'.repeat(size))
        await control('SET', `v${size / PIECES}`, 'x'.repeat(size / PIECES))
        await control('RPUSH', `l${size}`, ...Array.from({ length: size / 100 }, () => 'y'.repeat(100)))
      }
    }
  })
  afterAll(async () => {
    redisControl?.close()
    await redis?.stop()
    await node?.stop()
  })

  const callShoal: Control = (...words) => node.call(...words)
  const callRedis: Control = async (...words) => {
    const reply = await redisControl.call(...words)
    return 'bytes' in reply ? Buffer.from(reply.bytes).toString('latin1') : ''
  }

  for (const [name, way] of Object.entries(WAYS)) {
    test(name, async () => {
      for (const limit of LIMITS) {
        for (const size of SIZES) {
          const expected = await outcome(redis.port, callRedis, way, limit, size)
          const got = await outcome(Number(node.port), callShoal, way, limit, size)
          expect({ limit, size, ...got }).toEqual({ limit, size, ...expected })
        }
      }
    }, 120_000)
  }
})
