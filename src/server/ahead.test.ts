/** Commands that are read together: what they do must not tell. */

import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'
import { converse } from '../../tests/support/raw.js'
import { bytesOf } from '../../tests/support/runner.js'
import { Wire } from '../../tests/support/wire.js'
import { encodeCommand } from '../resp/encode.js'

/** So many that look-ups are foreseen. */
const KEYS = '20000'

const nodes: RunningNode[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})

async function start(...options: string[]): Promise<RunningNode> {
  const node = await open('--enable-debug-command', 'yes', ...options)
  nodes.push(node)
  await node.call('DEBUG', 'POPULATE', KEYS)
  const all = Array.from({ length: Number(KEYS) }, (_, i) => i)
  await node.call('SADD', 'set', ...all.map((i) => `m:${i}`))
  await node.call('HSET', 'hash', ...all.flatMap((i) => [`m:${i}`, `v:${i}`]))
  await node.call('ZADD', 'zset', ...all.flatMap((i) => [`${i % 100}`, `m:${i}`]))
  return node
}

function encode(commands: readonly (readonly string[])[]): Buffer {
  return Buffer.concat(commands.map((parts) => encodeCommand(parts.map(bytesOf))))
}

const key = fc.oneof(
  fc.nat(30).map((n) => `key:${n}`),
  fc.nat(5).map((n) => `new:${n}`),
)
const member = fc.oneof(
  fc.nat(30).map((n) => `m:${n}`),
  fc.nat(5).map((n) => `new:${n}`),
)
const value = fc.constantFrom('1', 'abc', 'x'.repeat(200))
const command: fc.Arbitrary<readonly string[]> = fc.oneof(
  fc.tuple(fc.constantFrom('GET', 'DEL', 'TYPE', 'INCR', 'PERSIST', 'GETDEL'), key),
  fc.tuple(fc.constantFrom('SET', 'APPEND', 'SETNX', 'LPUSH'), key, value),
  fc.tuple(fc.constantFrom('MGET', 'RENAME', 'COPY'), key, key),
  fc.tuple(fc.constant('MSET'), key, value, key, value),
  fc.tuple(fc.constantFrom('SADD', 'SREM', 'SMISMEMBER'), fc.constantFrom('set', 'hash'), member, member),
  fc.tuple(fc.constantFrom('HMGET', 'HDEL', 'HSTRLEN'), fc.constant('hash'), member),
  fc.tuple(fc.constant('HSET'), fc.constantFrom('hash', 'new:hash'), member, value, member, value),
  fc.tuple(fc.constantFrom('ZRANK', 'ZREM', 'ZSCORE'), fc.constant('zset'), member),
  fc.tuple(fc.constant('ZADD'), fc.constantFrom('zset', 'set'), fc.constantFrom('5', 'x'), member),
  fc.tuple(
    fc.constantFrom('SADD', 'SISMEMBER', 'SREM'),
    fc.constantFrom('few:1', 'few:2', 'few:3', 'set'),
    member,
  ),
  fc.tuple(fc.constant('EXPIRE'), key, fc.constantFrom('100', '-1')),
  fc
    .constantFrom(...'PING,SELECT 1,SELECT 0,MULTI,EXEC,NOSUCH x,GET'.split(','))
    .map((line) => line.split(' ')),
)

test('a pipeline does what its commands do one by one, in whatever pieces it comes', async () => {
  const [piped, single] = [await start(), await start()]
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 1, maxLength: 120 }),
      fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 3 }),
      async (commands, cuts) => {
        const bytes = encode(commands)
        const edges = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length]
        const pieces = edges.slice(1).map((to, i) => bytes.subarray(edges[i], to))
        const one = await Wire.open(Number(single.port))
        let expected = ''
        for (const parts of commands) expected += await one.run(...parts)
        one.close()
        expect(await converse(Number(piped.port), pieces)).toBe(expected)
      },
    ),
    { numRuns: 40 },
  )
})

test('what a client may send is decided when those before it are over', async () => {
  const node = await open('--requirepass', 'secret', '--proto-max-bulk-len', '2mb')
  nodes.push(node)
  const long = ['ECHO', 'x'.repeat(20_000)]
  const replies = await converse(Number(node.port), [encode([['AUTH', 'secret'], long])])
  expect(replies).toBe(`+OK\r\n$20000\r\n${long[1]}\r\n`)
  const refused = await converse(Number(node.port), [encode([['PING'], long])])
  expect(refused).toBe(
    '-NOAUTH Authentication required.\r\n-ERR Protocol error: unauthenticated bulk length\r\n',
  )
})

test('what is wrong behind a pipeline is answered behind it', async () => {
  const node = await start()
  const bytes = Buffer.concat([encode([['GET', 'key:1'], ['QUIT']]), Buffer.from('*1\r\n!')])
  expect(await converse(Number(node.port), [bytes])).toBe('$7\r\nvalue:1\r\n+OK\r\n')
  const wrong = Buffer.concat([
    encode([
      ['GET', 'key:1'],
      ['GET', 'key:2'],
    ]),
    Buffer.from('*1\r\n!4\r\nPING\r\n'),
  ])
  expect(await converse(Number(node.port), [wrong])).toBe(
    "$7\r\nvalue:1\r\n$7\r\nvalue:2\r\n-ERR Protocol error: expected '$', got '!'\r\n",
  )
})

test('a pause in the midst of a pipeline holds the rest of it', async () => {
  const node = await start()
  const wire = await Wire.open(Number(node.port))
  const pipeline = [
    ['SET', 'a', '1'],
    ['CLIENT', 'PAUSE', '100000', 'WRITE'],
    ['GET', 'a'],
    ['SET', 'a', '2'],
    ['GET', 'a'],
  ]
  wire.sendAll(pipeline)
  expect([await wire.next(), await wire.next(), await wire.next()]).toEqual([
    '+OK\r\n',
    '+OK\r\n',
    '$1\r\n1\r\n',
  ])
  expect(await node.call('GET', 'a')).toBe('1')
  await node.call('CLIENT', 'UNPAUSE')
  expect([await wire.next(), await wire.next()]).toEqual(['+OK\r\n', '$1\r\n2\r\n'])
  wire.close()
})
