/** What the comparison with redis-server (tests/differential) cannot show: clocks, databases, MIGRATE, whole walks. */

import { expect, test } from 'vitest'
import { latin1, Runner } from '../../../tests/support/runner.js'
import type { MigrateRequest } from '../host.js'

test('values come under other names and into other databases with all that belongs to them', () => {
  const runner = new Runner()
  runner.say('SET a 12345 EX 100')
  expect(runner.say('RENAME a b')).toBe('+OK')
  expect(runner.say('OBJECT ENCODING b')).toBe('$3 int')
  expect(runner.say('TTL b')).toBe(':100')
  expect(runner.say('COPY b c DB 3')).toBe(':1')
  expect(runner.say('MOVE b 5')).toBe(':1')
  expect(runner.say('DBSIZE')).toBe(':0')
  runner.caller.db = 3
  expect(runner.say('GET c')).toBe('$5 12345')
  expect(runner.say('TTL c')).toBe(':100')
  expect(runner.say('SWAPDB 3 5')).toBe('+OK')
  expect(runner.say('KEYS *')).toBe('*1 $1 b')
  expect(runner.say('TTL b')).toBe(':100')
})

test('the other database may hold an expired key of that name, which goes first', () => {
  const runner = new Runner()
  const events = runner.listen()
  runner.caller.db = 1
  runner.say('SET a old PX 10')
  runner.caller.db = 0
  runner.say('SET a new')
  runner.now_ms += 1000
  events.length = 0
  expect(runner.say('MOVE a 1')).toBe(':1')
  expect(events).toEqual(['expired 1 a', 'new 1 a', 'move_from 0 a', 'move_to 1 a'])
})

test('in a cluster there is one database', () => {
  const runner = new Runner({ cluster: true })
  runner.say('SET a x')
  expect(runner.say('MOVE a 1')).toBe('-ERR MOVE is not allowed in cluster mode')
  expect(runner.say('SWAPDB 0 1')).toBe('-ERR SWAPDB is not allowed in cluster mode')
  expect(runner.say('COPY a b DB 1')).toBe('-ERR Copying to another database is not allowed in cluster mode')
  expect(runner.say('COPY a b')).toBe(':1')
  expect(runner.say('RENAME b c')).toBe('+OK')
  expect(runner.say('GET c')).toBe('$1 x')
})

test('idle time is what nobody used a key for: looking from outside does not count as use', () => {
  const runner = new Runner()
  runner.say('SET a x')
  runner.now_ms += 30_000
  for (const line of ['TTL a', 'TYPE a', 'EXISTS a', 'OBJECT ENCODING a']) runner.say(line)
  expect(runner.say('OBJECT IDLETIME a')).toBe(':30')
  runner.say('TOUCH a')
  expect(runner.say('OBJECT IDLETIME a')).toBe(':0')
  expect(runner.say('OBJECT IDLETIME nothing')).toBe('$-1')
  runner.keyspace.lfu = true
  expect(runner.say('OBJECT IDLETIME a')).toContain('-ERR An LFU maxmemory policy is selected')
})

test('RESTORE sets how long a key was idle, or how often it was used', () => {
  const runner = new Runner()
  runner.say('SET a x')
  const payload = runner.bytes('DUMP', 'a').slice(5, -2)
  expect(runner.run('RESTORE', 'b', 0, payload, 'IDLETIME', 1000)).toBe('+OK\r\n')
  expect(runner.say('OBJECT IDLETIME b')).toBe(':1000')
  runner.keyspace.lfu = true
  expect(runner.run('RESTORE', 'c', 0, payload, 'FREQ', 100)).toBe('+OK\r\n')
  expect(runner.say('OBJECT FREQ c')).toBe(':100')
  runner.now_ms += 120_000
  expect(runner.say('OBJECT FREQ c')).toBe(':98')
})

test('RESTORE goes out with a point in time', () => {
  const runner = new Runner()
  runner.say('SET a x')
  const payload = runner.bytes('DUMP', 'a').slice(5, -2)
  runner.run('RESTORE', 'b', 5000, payload, 'REPLACE')
  expect(runner.propagated).toEqual([`RESTORE b ${runner.now_ms + 5000} ${latin1(payload)} REPLACE ABSTTL`])
  expect(runner.say('PTTL b')).toBe(':5000')
  expect(runner.run('RESTORE', 'b', 0, payload)).toBe('-BUSYKEY Target key name already exists.\r\n')
  expect(runner.run('RESTORE', 'b', 1, payload, 'REPLACE', 'ABSTTL')).toBe('+OK\r\n')
  expect(runner.propagated).toEqual(['DEL b'])
})

test('a flush tells its host first, and goes out even from nothing', () => {
  const runner = new Runner()
  for (const line of ['FLUSHDB', 'FLUSHALL', 'FLUSHALL ASYNC', 'flushdb sync']) {
    runner.say('SET a x')
    runner.caller.db = 1
    runner.say('SET b x')
    runner.caller.db = 0
    expect(runner.say(line)).toBe('+OK')
    expect(runner.propagated).toEqual([line])
    expect(runner.say(line)).toBe('+OK')
    expect(runner.propagated).toEqual([line])
    expect(runner.say('DBSIZE')).toBe(':0')
    runner.caller.db = 1
    expect(runner.say('DBSIZE')).toBe(/all/i.test(line) ? ':0' : ':1')
    runner.caller.db = 0
  }
})

test('SCAN meets every key that stays, though others come and go between its calls', () => {
  const runner = new Runner()
  for (let i = 0; i < 500; i++) runner.say(`SET stays:${i} x`)
  const met = new Set<string>()
  let cursor = '0'
  let round = 0
  do {
    const words = runner.say(`SCAN ${cursor} COUNT 7`).split(' ')
    for (const word of words) if (word.startsWith('stays:')) met.add(word)
    cursor = words[2]!
    round++
    // Two rounds put a hundred keys in, two take them out, so that the table grows and shrinks.
    for (let i = 0; i < 100; i++) {
      const key = `other:${(round % 2) * 100 + i}`
      runner.say(round % 4 < 2 ? `SET ${key} x` : `DEL ${key}`)
    }
  } while (cursor !== '0')
  expect(met.size).toBe(500)
})

test('SCAN and RANDOMKEY do not show what has expired, and remove it', () => {
  const runner = new Runner()
  for (let i = 0; i < 50; i++) runner.say(`SET old:${i} x PX 10`)
  runner.say('SET new x')
  runner.now_ms += 1000
  expect(runner.say('RANDOMKEY')).toBe('$3 new')
  const gone = [...(runner.propagated ?? [])]
  expect(runner.say('SCAN 0 COUNT 1000')).toBe('*2 $1 0 *1 $3 new')
  gone.push(...(runner.propagated ?? []))
  expect(gone.filter((line) => /^DEL old:\d+$/.test(line)).length).toBe(50)
  expect(gone.length).toBe(50)
  expect(runner.say('DBSIZE')).toBe(':1')
  runner.say('DEL new')
  expect(runner.say('RANDOMKEY')).toBe('$-1')
})

/** What MIGRATE asked of its host. */
function migration(runner: Runner, line: string): MigrateRequest {
  runner.host.migrations.length = 0
  expect(runner.say(line)).toBe('')
  return runner.host.migrations[0]!
}

/** Lets a request end as its host would. */
function finish(runner: Runner, request: MigrateRequest, outcomes: (string | null)[], failed: string | null) {
  const { call, reply } = runner
  reply.pos = 0
  call.dirty = 0
  call.instead = null
  request.finish(call, reply, outcomes, failed)
  const out = (call.instead as Uint8Array[][] | null)?.map((parts) => parts.map(latin1).join(' ')) ?? []
  return { reply: latin1(reply.buf.subarray(0, reply.pos)), out }
}

test('MIGRATE: what was taken there is removed here, and goes out as DEL', () => {
  const runner = new Runner()
  runner.say('MSET a 1 b 2 c 3')
  runner.say('EXPIRE b 100')
  const request = migration(runner, 'MIGRATE host 7001  0 5000 REPLACE AUTH2 user secret KEYS a nothing b c')
  expect(request).toMatchObject({ host: 'host', port: 7001, db: 0, timeout_ms: 5000, replace: true })
  expect(request.auth.map(latin1)).toEqual(['user', 'secret'])
  expect(request.keys.map(({ key }) => latin1(key))).toEqual(['a', 'b', 'c'])
  expect(request.keys.map(({ expiry_ms }) => expiry_ms)).toEqual([-1, runner.now_ms + 100_000, -1])
  const refused = 'BUSYKEY Target key name already exists.'
  expect(finish(runner, request, [null, refused, null], null)).toEqual({
    reply: `-ERR Target instance replied with error: ${refused}\r\n`,
    out: ['DEL a c'],
  })
  expect(runner.say('KEYS *')).toBe('*1 $1 b')
})

test('MIGRATE: a link that breaks removes only what was acknowledged; COPY removes nothing', () => {
  const runner = new Runner()
  runner.say('MSET a 1 b 2')
  const broken = 'IOERR error or timeout reading from target instance'
  const first = migration(runner, 'MIGRATE host 7001  0 0 KEYS a b')
  expect(first.timeout_ms).toBe(1000)
  expect(finish(runner, first, [null], broken)).toEqual({ reply: `-${broken}\r\n`, out: ['DEL a'] })
  const second = migration(runner, 'MIGRATE host 7001 b 0 0 COPY')
  expect(finish(runner, second, [null], null)).toEqual({ reply: '+OK\r\n', out: [] })
  expect(runner.say('EXISTS b')).toBe(':1')
})

test('MIGRATE: mistakes', () => {
  const runner = new Runner()
  runner.say('SET a 1')
  expect(runner.say('MIGRATE host 7001 nothing 0 0')).toBe('+NOKEY')
  expect(runner.say('MIGRATE host 7001 a x 0')).toBe('-ERR value is not an integer or out of range')
  for (const options of ['AUTH', 'AUTH2 user', 'BOGUS']) {
    expect(runner.say(`MIGRATE host 7001 a 0 0 ${options}`)).toBe('-ERR syntax error')
  }
  expect(runner.say('MIGRATE host 7001 a 0 0 KEYS a')).toBe(
    '-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
  )
})
