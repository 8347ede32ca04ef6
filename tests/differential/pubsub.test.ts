/**
 * Messages beside redis-server, in both protocols: clients of each server subscribe, publish and do other things in the
 * same order; all that each of them ever receives must be equal.
 *
 * Two things are left out, in which the redis-server of the tests differs from 7.2 or from itself: a client that publishes
 * to itself (7.2 sends its message behind the reply), and the order of several patterns that match.
 */

import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { open, type RunningNode } from '../support/node.js'
import { latin1 } from '../support/runner.js'
import { Wire } from '../support/wire.js'

const OPTIONS = ['--notify-keyspace-events', 'KEA']

class Listener {
  private readonly socket: Socket
  private received: Buffer[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.received.push(bytes))
  }

  static open(port: number): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(new Listener(socket)))
      socket.once('error', reject)
    })
  }

  say(command: string): void {
    this.socket.write(`${command}\r\n`)
  }

  heard(): string {
    return latin1(Buffer.concat(this.received))
  }

  close(): void {
    this.socket.destroy()
  }
}

type Step = readonly [client: number, command: string]

/** The last client publishes; the others listen. */
const PUBLISHER = 2

/** Messages leave before the publisher's reply, but arrive on sockets of their own: on a busy machine, later. */
const PATIENCE = { timeout: 15_000, interval: 2 }

interface Played {
  /** What each client has heard by now. */
  heard(): string[]
  close(): void
}

async function play(port: number, protocols: readonly number[], steps: readonly Step[]): Promise<Played> {
  const clock = await Wire.open(port)
  const clients: Listener[] = []
  await clock.run('FLUSHALL')
  for (const protocol of protocols) {
    const client = await Listener.open(port)
    clients.push(client)
    if (protocol === 3) client.say('HELLO 3')
    if (protocol === 3)
      await vi.waitFor(() => expect(client.heard()).toMatch(/modules\r\n\*0\r\n$/), PATIENCE)
  }
  const before = clients.map((client) => client.heard().length)
  for (const [client, command] of steps) {
    clients[client]!.say(command)
    // What was said before this was asked has been carried out, and its messages have left, before the answer is here.
    await clock.run('PING')
  }
  return {
    heard: () => clients.map((client, i) => client.heard().slice(before[i])),
    close() {
      for (const client of clients) client.close()
      clock.close()
    },
  }
}

describe.skipIf(missing('redis-server'))('messages beside redis-server', () => {
  let redis: RedisProcess
  let node: RunningNode

  beforeAll(async () => {
    redis = await startRedis(OPTIONS)
    node = await open(...OPTIONS)
  })

  afterAll(async () => {
    await Promise.all([redis?.stop(), node?.stop()])
  })

  async function same(protocols: readonly number[], steps: readonly Step[]): Promise<void> {
    const [expected, got] = await Promise.all([
      play(redis.port, protocols, steps),
      play(Number(node.port), protocols, steps),
    ])
    try {
      await vi.waitFor(() => expect(got.heard()).toEqual(expected.heard()), PATIENCE)
    } finally {
      expected.close()
      got.close()
    }
  }

  const listening = fc.constantFrom(
    'SUBSCRIBE a1',
    'SUBSCRIBE b1 a1',
    'UNSUBSCRIBE a1',
    'UNSUBSCRIBE nosuch b1',
    'PSUBSCRIBE b*',
    'PUNSUBSCRIBE b*',
    'PSUBSCRIBE __key*__:*',
    'SSUBSCRIBE s1',
    'SUNSUBSCRIBE s1',
    'SUNSUBSCRIBE',
    'PING',
    'PING hi',
    'GET k',
    'NOSUCH',
    'MULTI',
    'EXEC',
    'RESET',
    'CLIENT REPLY OFF',
    'CLIENT REPLY ON',
    'CLIENT REPLY SKIP',
  )
  const publishing = fc.constantFrom(
    'PUBLISH a1 one',
    'PUBLISH b1 two',
    'PUBLISH b2 ""',
    'SPUBLISH s1 three',
    'PUBLISH nosuch x',
    'SET k v',
    'SET k v EX 100',
    'DEL k',
    'RENAME k l',
    'PUBSUB CHANNELS a*',
    'PUBSUB NUMSUB a1 b1 x',
    'PUBSUB NUMPAT',
    'PUBSUB SHARDNUMSUB s1',
    'MULTI',
    'EXEC',
  )
  const step = fc.oneof(
    fc.tuple(fc.nat(PUBLISHER - 1), listening),
    fc.tuple(fc.constant(PUBLISHER), publishing),
  )

  test.each([[[2, 2, 2]], [[3, 3, 3]], [[2, 3, 2]]])('any sequence, protocols %j', async (protocols) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), async (steps) => {
        await same(protocols, steps)
      }),
      { numRuns: 40 },
    )
  })

  test('an error of a command that messages answer is not told after CLIENT REPLY OFF', async () => {
    for (const quiet of ['CLIENT REPLY OFF', 'CLIENT REPLY SKIP']) {
      await same(
        [2, 3, 2],
        [0, 1].flatMap((client): Step[] => [
          [client, 'MULTI'],
          [client, 'SSUBSCRIBE s1'],
          [client, 'EXEC'],
          [client, 'MULTI'],
          [client, quiet],
          [client, 'SSUBSCRIBE s1'],
          [client, 'SUBSCRIBE a1'],
          [client, 'EXEC'],
          [client, 'SUBSCRIBE'],
          [client, quiet],
          [client, 'SSUBSCRIBE'],
          [client, 'PING'],
        ]),
      )
    }
  })

  test('the end of all subscriptions', async () => {
    for (const protocol of [2, 3]) {
      await same(
        [protocol, 2, 2],
        [
          [0, 'UNSUBSCRIBE'],
          [0, 'SUBSCRIBE a1'],
          [0, 'PUNSUBSCRIBE'],
          [0, 'UNSUBSCRIBE'],
          [0, 'GET k'],
          [0, 'SUBSCRIBE a1'],
          [0, 'QUIT'],
          [2, 'PUBLISH a1 x'],
        ],
      )
    }
  })

  test('what a client causes for itself follows the reply (Redis 7.2)', async () => {
    const played = await play(
      Number(node.port),
      [3, 3, 3],
      [
        [0, 'SUBSCRIBE me'],
        [0, 'PUBLISH me hello'],
        [0, 'MULTI'],
        [0, 'PUBLISH me one'],
        [0, 'PUBLISH me two'],
        [0, 'EXEC'],
      ],
    )
    const message = (text: string) => `>3\r\n$7\r\nmessage\r\n$2\r\nme\r\n$${text.length}\r\n${text}\r\n`
    const expected =
      '>3\r\n$9\r\nsubscribe\r\n$2\r\nme\r\n:1\r\n' +
      `:1\r\n${message('hello')}` +
      `+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n${message('one')}${message('two')}`
    await vi.waitFor(() => expect(played.heard()[0]).toBe(expected), PATIENCE)
    played.close()
  })
})
