/**
 * Clients that track keys, beside redis-server: three clients of each server say the same in the same order, and hear the
 * same, messages included, each where it stands among the replies. The third one has subscribed and gets what is redirected.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { open, type RunningNode } from '../support/node.js'
import { Wire } from '../support/wire.js'

const RUNS = runsOf(60)
const OPTIONS = ['--enable-debug-command', 'yes']
const LISTENER = 2

type Step = readonly [client: number, command: string]

describe.skipIf(missing('redis-server'))('tracking beside redis-server', DEEP, () => {
  let redis: RedisProcess
  let node: RunningNode

  beforeAll(async () => {
    redis = await startRedis(OPTIONS)
    node = await open(...OPTIONS)
  })
  afterAll(async () => {
    await Promise.all([redis?.stop(), node?.stop()])
  })

  const isMessage = (reply: string) => reply.startsWith('>') || reply.startsWith('*3\r\n$7\r\nmessage')

  /** What each of three new clients hears, step by step. Words like `#2` stand for the number of a client. */
  async function told(port: number, steps: readonly Step[]): Promise<string[]> {
    const wires: Wire[] = []
    const ids: string[] = []
    const heard: string[] = []
    // Redis writes the null of RESP3 into a message of RESP2 where its cause spoke RESP3.
    const known = (reply: string) =>
      reply
        .replace(/\$\d\r\n7\.\d+\.\d+\r\n/, '<version>')
        .replace('__redis__:invalidate\r\n_\r\n', '__redis__:invalidate\r\n$-1\r\n')
    /** Everything up to the reply that is none of the messages. Which of two keys of one command comes first is nothing. */
    const listen = async (i: number) => {
      const messages: string[] = []
      for (;;) {
        const reply = `${i} ${known(await wires[i]!.next())}`
        if (isMessage(reply.slice(2))) messages.push(reply)
        else {
          heard.push(...messages.sort(), reply)
          return
        }
      }
    }
    try {
      for (let i = 0; i < 3; i++) {
        wires.push(await Wire.open(port))
        ids.push((await wires[i]!.run('CLIENT', 'ID')).slice(1, -2))
      }
      await wires[0]!.run('FLUSHALL')
      for (let i = 0; i < 2; i++) await wires[i]!.run('HELLO', '3')
      await wires[LISTENER]!.run('SUBSCRIBE', '__redis__:invalidate')
      for (const [client, command] of steps) {
        heard.push(`${client} ${command}:`)
        // HELLO tells of the server.
        const hello = command.startsWith('HELLO')
        const words = command.split(' ').map((word) => word.replace(/^#(\d)$/, (_, i) => ids[Number(i)]!))
        wires[client]!.send(...words)
        if (hello) {
          while (isMessage(await wires[client]!.next())) {}
        } else await listen(client)
        for (let i = 0; i < 3; i++) {
          wires[i]!.send('PING')
          await listen(i)
        }
      }
      return heard
    } finally {
      for (const wire of wires) wire.close()
    }
  }

  /** The number of the next client of each server becomes the same, so that replies with such numbers are compared as they are. */
  async function alignIds(): Promise<void> {
    const ports = [redis.port, Number(node.port)]
    const ids = [0, 0]
    do {
      for (const [i, port] of ports.entries()) {
        if (ids[i]! > ids[1 - i]!) continue
        const wire = await Wire.open(port)
        ids[i] = Number((await wire.run('CLIENT', 'ID')).slice(1, -2))
        wire.close()
      }
    } while (ids[0] !== ids[1])
  }

  async function same(steps: readonly Step[]): Promise<string[]> {
    await alignIds()
    const [expected, got] = await Promise.all([told(redis.port, steps), told(Number(node.port), steps)])
    expect(got).toEqual(expected)
    return got
  }

  // Nothing is redirected to who changes keys: Redis would write it before, or into, the reply to that.
  const key = fc.constantFrom('a', 'b', 'ab', 'c')
  const words = (...parts: (string | fc.Arbitrary<string>)[]) =>
    fc
      .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
      .map((all) => all.filter((word) => word !== '').join(' '))
  const option = fc.constantFrom('BCAST', 'NOLOOP', 'OPTIN', 'OPTOUT', 'REDIRECT #2', 'PREFIX a')
  const options = fc.array(fc.oneof(option, fc.constantFrom('PREFIX b', 'PREFIX', 'REDIRECT 0', 'bogus')), {
    maxLength: 3,
  })
  const command = fc.oneof(
    {
      weight: 3,
      arbitrary: words(
        'CLIENT TRACKING on',
        options.map((all) => all.join(' ')),
      ),
    },
    words('CLIENT TRACKING', fc.constantFrom('off', 'maybe', 'OFF BCAST')),
    { weight: 2, arbitrary: words('CLIENT CACHING', fc.constantFrom('yes', 'no', 'yes', 'no', 'maybe')) },
    fc.constantFrom('CLIENT TRACKINGINFO', 'CLIENT GETREDIR', 'HELLO 2', 'HELLO 3', 'RESET', 'UNWATCH'),
    { weight: 4, arbitrary: words(fc.constantFrom('GET', 'STRLEN', 'TTL', 'EXISTS'), key) },
    { weight: 2, arbitrary: words('MGET', key, key, key) },
    { weight: 5, arbitrary: words(fc.constantFrom('SET', 'APPEND', 'SETNX', 'GETSET'), key, '1') },
    { weight: 2, arbitrary: words(fc.constantFrom('DEL', 'INCR', 'PERSIST', 'UNLINK'), key) },
    words(fc.constantFrom('RENAME', 'COPY'), key, key),
    words('EXPIRE', key, '100'),
    words('MSET', key, '1', key, '2'),
    { weight: 3, arbitrary: fc.constantFrom('MULTI', 'EXEC', 'MULTI', 'EXEC', 'DISCARD') },
    fc.constantFrom('FLUSHALL', 'FLUSHDB', 'SWAPDB 0 1', 'NOSUCH', 'GET'),
  )
  const steps = fc.array(fc.tuple(fc.nat(1), command), { minLength: 5, maxLength: 30, size: 'max' })

  test('any sequence', async () => {
    await holds(
      fc.asyncProperty(steps, async (given) => {
        await same(given)
      }),
      RUNS,
      [{ seed: 2136128172, path: '2' }],
    )
  })

  test('a reply that is the number of a client stays what it is', async () => {
    const counting = Array.from({ length: 150 }, (): Step => [0, 'INCR a'])
    expect(await same(counting)).toContain('0 :150\r\n')
    expect(
      await same([
        [0, 'CLIENT TRACKING on REDIRECT #1'],
        [0, 'CLIENT GETREDIR'],
      ]),
    ).toHaveLength(10)
  })

  test('messages come behind the reply, and once', async () => {
    const heard = await same([
      [0, 'CLIENT TRACKING on'],
      [0, 'GET a'],
      [0, 'SET a 1'],
      [1, 'SET a 2'],
      [0, 'MGET a b'],
      [0, 'MULTI'],
      [0, 'SET a 3'],
      [0, 'GET b'],
      [0, 'EXEC'],
    ])
    expect(heard.filter((line) => line.includes('invalidate'))).toHaveLength(2)
  })

  test('a connection that was to get the messages is gone', async () => {
    const heard = await same([
      [0, 'CLIENT TRACKING on REDIRECT #1'],
      [0, 'GET a'],
      [1, 'CLIENT TRACKING on REDIRECT #2 BCAST PREFIX x'],
      [1, 'SET xy 1'],
      [1, 'CLIENT TRACKINGINFO'],
    ])
    expect(heard.some((line) => line.startsWith('2 *3\r\n$7\r\nmessage'))).toBe(true)
    const tracker = await Wire.open(Number(node.port))
    const other = await Wire.open(Number(node.port))
    await tracker.run('HELLO', '3')
    const id = (await other.run('CLIENT', 'ID')).slice(1, -2)
    await tracker.run('CLIENT', 'TRACKING', 'on', 'REDIRECT', id)
    await tracker.run('GET', 'a')
    expect(await other.run('QUIT')).toBe('+OK\r\n')
    await node.call('SET', 'a', '1')
    expect(await tracker.next()).toBe(`>2\r\n$21\r\ntracking-redir-broken\r\n:${id}\r\n`)
    expect(await tracker.run('CLIENT', 'TRACKINGINFO')).toContain('broken_redirect')
    tracker.close()
    other.close()
  })

  test('keys that expire, and keys that are too many', async () => {
    const tracker = await Wire.open(Number(node.port))
    await tracker.run('HELLO', '3')
    await tracker.run('CLIENT', 'TRACKING', 'on', 'NOLOOP')
    // A key that is gone before it is read is not tracked.
    do await node.call('SET', 'soon', '1', 'PX', '50')
    while ((await tracker.run('GET', 'soon')) !== '$1\r\n1\r\n')
    expect(await tracker.next()).toBe('>2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\nsoon\r\n')
    for (let i = 0; i < 5; i++) await tracker.run('GET', `k${i}`)
    expect(await node.call('INFO', 'stats')).toMatch(/tracking_total_keys:5\r\ntracking_total_items:5\r\n/)
    expect(await tracker.run('CONFIG', 'SET', 'tracking-table-max-keys', '2')).toBe('+OK\r\n')
    for (let i = 0; i < 3; i++)
      expect(await tracker.next()).toMatch(/^>2\r\n\$10\r\ninvalidate\r\n\*1\r\n\$2\r\nk/)
    expect(await node.call('INFO', 'stats')).toMatch(/tracking_total_keys:2\r\n/)
    tracker.close()
    await expect.poll(async () => await node.call('INFO', 'clients')).toMatch(/tracking_clients:0\r\n/)
    expect(node.node.keyspace.watchers).toBe(0)
  })
})
