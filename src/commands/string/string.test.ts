/** What the comparison with redis-server (tests/differential) cannot show: other types, roles, watchers, limits. */

import { expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'
import { EXPIRE_HIDE, EXPIRE_IGNORE } from '../../keyspace/expiry.js'

const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value'

test('a key that holds another type is an error, or as good as none', () => {
  const runner = new Runner()
  runner.say('RPUSH l x')
  const refused = [
    'GET l',
    'SET l x GET',
    'GETSET l x',
    'GETDEL l',
    'GETEX l PERSIST',
    'APPEND l x',
    'STRLEN l',
    'SETRANGE l 0 x',
    'SETRANGE l 0 ',
    'GETRANGE l 0 -1',
    'INCR l',
    'INCRBY l 9223372036854775807',
    'INCRBYFLOAT l 1',
  ]
  for (const line of refused) {
    expect(runner.say(line), line).toBe(WRONGTYPE)
    expect(runner.propagated, line).toBe(null)
  }
  expect(runner.say('LCS l x')).toBe('-ERR The specified keys must contain string values')
  expect(runner.say('MGET l nothing')).toBe('*2 $-1 $-1')
  expect(runner.say('TYPE l')).toBe('+list')
  expect(runner.say('SETNX l x')).toBe(':0')
  expect(runner.say('SET l x')).toBe('+OK')
  expect(runner.say('TYPE l')).toBe('+string')
})

test('what changed is what watchers hear of', () => {
  const runner = new Runner()
  runner.keyspace.watchers = 1
  const heard = (line: string): string[] => {
    runner.changed.length = 0
    runner.say(line)
    return [...runner.changed]
  }
  expect(heard('SET a 1')).toEqual(['a'])
  expect(heard('SET a 1 NX')).toEqual([])
  expect(heard('INCR a')).toEqual(['a'])
  expect(heard('APPEND a x')).toEqual(['a'])
  expect(heard('INCR a')).toEqual([]) // no integer any more
  expect(heard('SETRANGE a 5 ')).toEqual([])
  expect(heard('MSET b 1 c 2')).toEqual(['b', 'c'])
  expect(heard('GETEX a')).toEqual([])
  expect(heard('GETEX a EX 10')).toEqual(['a'])
  expect(heard('EXPIRE a 20')).toEqual(['a'])
  expect(heard('EXPIRE a 10 GT')).toEqual([])
  expect(heard('PERSIST a')).toEqual(['a'])
  expect(heard('PERSIST a')).toEqual([])
  expect(heard('RENAME a d')).toEqual(['d', 'a'])
  expect(heard('COPY d e')).toEqual(['e'])
  expect(heard('DEL d e nothing')).toEqual(['d', 'e'])
  expect(heard('EXISTS b')).toEqual([])
})

test('a replica hides what has expired, and leaves it for its master to remove', () => {
  const runner = new Runner()
  runner.say('SET a x PX 100')
  runner.now_ms += 1000
  runner.keyspace.expiry = EXPIRE_HIDE
  expect(runner.say('GET a')).toBe('$-1')
  expect(runner.say('EXISTS a')).toBe(':0')
  expect(runner.say('TTL a')).toBe(':-2')
  expect(runner.say('KEYS *')).toBe('*0')
  expect(runner.say('DBSIZE')).toBe(':1')
  expect(runner.propagated).toBe(null)
  // From the master: no clock is asked, and a time in the past is just kept.
  runner.keyspace.expiry = EXPIRE_IGNORE
  expect(runner.say('APPEND a y')).toBe(':2')
  expect(runner.say('PEXPIREAT a 1')).toBe(':1')
  expect(runner.say('DBSIZE')).toBe(':1')
  expect(runner.say('PEXPIREAT a -5')).toBe(':1')
  expect(runner.say('PEXPIRETIME a')).toBe(':0')
})

test('a key that has expired goes out as DEL before what comes in its place', () => {
  const runner = new Runner()
  runner.say('SET a 5 PX 100')
  runner.now_ms += 101
  expect(runner.say('INCR a')).toBe(':1')
  expect(runner.propagated).toEqual(['DEL a', 'INCR a'])
  runner.say('SET a 5 PX 100')
  runner.now_ms += 100
  expect(runner.say('GET a')).toBe('$1 5') // still there at the very millisecond
  runner.now_ms += 1
  expect(runner.say('GET a')).toBe('$-1')
  expect(runner.propagated).toEqual(['DEL a'])
})

test('strings may not outgrow proto-max-bulk-len, but for a master', () => {
  const runner = new Runner()
  runner.host.config.set('proto-max-bulk-len', 10)
  const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'
  runner.say('SET a 123456')
  expect(runner.say('APPEND a 12345')).toBe(tooLong)
  expect(runner.say('APPEND a 1234')).toBe(':10')
  expect(runner.say('SETRANGE a 10 x')).toBe(tooLong)
  expect(runner.say('SETRANGE nothing 9223372036854775807 x')).toBe(tooLong)
  expect(runner.say('LCS a a')).toBe(
    '-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  )
  runner.caller.trusted = true
  expect(runner.say('SETRANGE a 10 x')).toBe(':11')
})

test('a string that grows and shrinks keeps its bytes, its neighbours and its expiry', () => {
  const runner = new Runner()
  runner.say('SET before x')
  runner.say('SET s 0 EX 100')
  runner.say('SET after y')
  let expected = '0'
  for (let i = 1; i <= 12; i++) {
    const part = String(i % 10).repeat(3 ** Math.min(i, 9))
    expected += part
    expect(runner.run('APPEND', 's', part)).toBe(`:${expected.length}\r\n`)
  }
  expect(runner.run('GET', 's')).toBe(`$${expected.length}\r\n${expected}\r\n`)
  expect(runner.say('TTL s')).toBe(':100')
  expect(runner.say('SETRANGE s 100000 end')).toBe(':100003')
  expect(runner.run('GETRANGE', 's', expected.length, 99_999)).toBe(
    `$${100_000 - expected.length}\r\n${'\0'.repeat(100_000 - expected.length)}\r\n`,
  )
  expect(runner.say('MGET before after')).toBe('*2 $1 x $1 y')
  runner.say('SET s 99')
  expect(runner.say('INCR s')).toBe(':100')
  expect(runner.say('DECR s')).toBe(':99')
  expect(runner.say('GET s')).toBe('$2 99')
})

test('RESP3 has its own way to say nothing, and to pair', () => {
  const runner = new Runner()
  runner.caller.protocol = 3
  expect(runner.say('GET nothing')).toBe('_')
  expect(runner.say('MGET nothing')).toBe('*1 _')
  runner.say('MSET a x b x')
  expect(runner.say('LCS a b IDX')).toBe('%2 $7 matches *1 *2 *2 :0 :0 *2 :0 :0 $3 len :1')
})
