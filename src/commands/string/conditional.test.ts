/** SET IFEQ and its kin, DELEX, DELIFEQ, DIGEST, MSETEX: what Redis 8.4 and Valkey 9 reply, and that any replica can follow. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'

const NOW = 1_700_000_000_000
const HELLO = '9555e8555c62dcfd'
const OTHER = '0000000000000000'
const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value'
const BAD_DIGEST = '-ERR must be exactly 16 hexadecimal characters'

/** A key that holds `hello`, none that is called `missing`, and a list. */
function newRunner(): Runner {
  const runner = new Runner({ now_ms: NOW })
  runner.say('SET k hello')
  runner.say('RPUSH l a')
  return runner
}

test('SET on conditions', () => {
  const cases: readonly (readonly [string, string, string[] | null])[] = [
    ['SET k world IFEQ hello', '+OK', ['SET k world']],
    ['SET k world ifeq hello EX 10', '+OK', [`SET k world PXAT ${NOW + 10_000}`]],
    ['SET k world PXAT 1800000000000 IFEQ hello', '+OK', ['SET k world PXAT 1800000000000']],
    ['SET k world IFEQ hello KEEPTTL', '+OK', ['SET k world KEEPTTL']],
    ['SET k world IFEQ get GET', '$5 hello', null],
    ['SET k world IFEQ hello GET', '$5 hello', ['SET k world']],
    ['SET k world IFEQ other', '$-1', null],
    ['SET missing world IFEQ hello', '$-1', null],
    ['SET k world IFNE other', '+OK', ['SET k world']],
    ['SET k world IFNE hello', '$-1', null],
    ['SET missing world IFNE hello', '+OK', ['SET missing world']],
    ['SET missing world IFNE hello GET', '$-1', ['SET missing world']],
    [`SET k world IFDEQ ${HELLO}`, '+OK', ['SET k world']],
    [`SET k world IFDEQ ${HELLO.toUpperCase()}`, '+OK', ['SET k world']],
    [`SET k world IFDEQ ${OTHER}`, '$-1', null],
    [`SET k world IFDNE ${OTHER}`, '+OK', ['SET k world']],
    [`SET k world IFDNE ${HELLO}`, '$-1', null],
    ['SET missing world IFDEQ 12', '$-1', null],
    ['SET missing world IFDNE 12', '+OK', ['SET missing world']],
    ['SET k world IFDEQ 12', BAD_DIGEST, null],
    ['SET k world IFDNE 12 GET', BAD_DIGEST, null],
    // The last of a condition that is repeated counts.
    ['SET k world IFEQ other IFEQ hello', '+OK', ['SET k world']],
    ['SET k world IFEQ IFEQ', '$-1', null],
    ['SET l world IFEQ hello', WRONGTYPE, null],
    ['SET l world IFDNE 12', WRONGTYPE, null],
    ['SET k world IFEQ', '-ERR syntax error', null],
    ['SET k world IFEQ hello IFNE hello', '-ERR syntax error', null],
    ['SET k world NX IFEQ hello', '-ERR syntax error', null],
    ['SET k world IFEQ hello XX', '-ERR syntax error', null],
    ['SET k world IFEQ hello EX 1 PX 1', '-ERR syntax error', null],
    ['GETEX k IFEQ hello', '-ERR syntax error', null],
  ]
  for (const [line, reply, propagated] of cases) {
    const runner = newRunner()
    expect(runner.say(line), line).toBe(reply)
    expect(runner.propagated, line).toEqual(propagated)
    const set = propagated !== null
    expect(runner.say('GET k'), line).toBe(set && line.startsWith('SET k') ? '$5 world' : '$5 hello')
  }
})

test('KEEPTTL on a condition keeps the time', () => {
  const runner = newRunner()
  runner.say('PEXPIRE k 5000')
  runner.say('SET k world IFEQ hello KEEPTTL')
  expect(runner.say('PTTL k')).toBe(':5000')
  runner.say('SET k hello IFEQ world')
  expect(runner.say('PTTL k')).toBe(':-1')
})

test('DELEX and DELIFEQ', () => {
  const arity = "-ERR wrong number of arguments for 'delex' command"
  const cases: readonly (readonly [string, string])[] = [
    ['DELEX k', ':1'],
    ['DELEX l', ':1'],
    ['DELEX missing', ':0'],
    ['DELEX k IFEQ hello', ':1'],
    ['DELEX k IFEQ other', ':0'],
    ['DELEX k IFNE other', ':1'],
    ['DELEX k ifne hello', ':0'],
    [`DELEX k IFDEQ ${HELLO}`, ':1'],
    [`DELEX k IFDEQ ${'z'.repeat(16)}`, ':0'],
    [`DELEX k IFDNE ${'z'.repeat(16)}`, ':1'],
    [`DELEX k IFDNE ${HELLO.toUpperCase()}`, ':0'],
    [`DELEX k IFDEQ 0${HELLO}`, BAD_DIGEST],
    ['DELEX k IFDNE 12', BAD_DIGEST],
    ['DELEX missing IFDEQ 12', ':0'],
    ['DELEX missing FOO bar', ':0'],
    ['DELEX k FOO bar', '-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE'],
    ['DELEX l FOO bar', '-ERR Key should be of string type if conditions are specified'],
    ['DELEX l IFEQ a', '-ERR Key should be of string type if conditions are specified'],
    ['DELEX k IFEQ', arity],
    ['DELEX missing IFEQ a b', arity],
    ['DELIFEQ k hello', ':1'],
    ['DELIFEQ k other', ':0'],
    ['DELIFEQ missing hello', ':0'],
    ['DELIFEQ l a', WRONGTYPE],
  ]
  for (const [line, reply] of cases) {
    const runner = newRunner()
    const events = runner.listen()
    events.length = 0
    const key = line.split(' ')[1]!
    expect(runner.say(line), line).toBe(reply)
    expect(runner.propagated, line).toEqual(reply === ':1' ? [`DEL ${key}`] : null)
    expect(events, line).toEqual(reply === ':1' ? [`del 0 ${key}`] : [])
  }
})

test('DIGEST', () => {
  const runner = newRunner()
  expect(runner.say('DIGEST k')).toBe(`$16 ${HELLO}`)
  expect(runner.say('DIGEST missing')).toBe('$-1')
  expect(runner.say('DIGEST l')).toBe(WRONGTYPE)
  // An integer has the digest of its digits.
  runner.say('SET k 123')
  expect(runner.say('DIGEST k')).toBe('$16 404a763b3f4c8c9a')
})

test('whatever a key holds, its digest is its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700, size: 'max' }), (value) => {
      const runner = new Runner()
      runner.run('SET', 'k', value)
      const digest = runner.run('DIGEST', 'k').split('\r\n')[1]!
      expect(runner.run('SET', 'k', 'x', 'IFDNE', digest)).toBe('$-1\r\n')
      expect(runner.run('DELEX', 'k', 'IFDEQ', digest)).toBe(':1\r\n')
    }),
    { numRuns: 100 },
  )
})

test('MSETEX', () => {
  const cases: readonly (readonly [string, string, string[] | null])[] = [
    ['MSETEX 2 a 1 b 2', ':1', ['SET a 1', 'SET b 2']],
    ['MSETEX 2 a 1 b 2 EX 5', ':1', [`SET a 1 PXAT ${NOW + 5000}`, `SET b 2 PXAT ${NOW + 5000}`]],
    ['MSETEX 1 a 1 PXAT 1800000000000', ':1', ['SET a 1 PXAT 1800000000000']],
    ['MSETEX 2 a 1 k 2 KEEPTTL XX', ':0', null],
    ['MSETEX 1 k 2 KEEPTTL XX', ':1', ['SET k 2 KEEPTTL']],
    ['MSETEX 2 a 1 k 2 NX', ':0', null],
    ['MSETEX 1 l 2 EX 5', ':1', [`SET l 2 PXAT ${NOW + 5000}`]],
    ['MSETEX 2 a 1 b 2 NX PX 5', ':1', [`SET a 1 PXAT ${NOW + 5}`, `SET b 2 PXAT ${NOW + 5}`]],
    ['MSETEX a 1 b', '-ERR invalid numkeys value', null],
    ['MSETEX 0 a 1', '-ERR invalid numkeys value', null],
    ['MSETEX 2147483648 a 1', '-ERR invalid numkeys value', null],
    ['MSETEX 2147483647 a 1', '-ERR wrong number of key-value pairs', null],
    ['MSETEX 2 a 1 b', '-ERR wrong number of key-value pairs', null],
    ['MSETEX 1 a 1 GET', '-ERR syntax error', null],
    ['MSETEX 1 a 1 IFEQ 1', '-ERR syntax error', null],
    ['MSETEX 1 a 1 NX XX', '-ERR syntax error', null],
    ['MSETEX 1 a 1 KEEPTTL EX 5', '-ERR syntax error', null],
    ['MSETEX 1 a 1 EX 0', "-ERR invalid expire time in 'msetex' command", null],
    ['MSETEX 1 a 1 EX x', '-ERR value is not an integer or out of range', null],
  ]
  for (const [line, reply, propagated] of cases) {
    const runner = newRunner()
    expect(runner.say(line), line).toBe(reply)
    expect(runner.propagated, line).toEqual(propagated)
  }
  const runner = newRunner()
  runner.say('PEXPIRE k 700')
  runner.say('MSETEX 2 k x a y KEEPTTL')
  expect(runner.say('PTTL k')).toBe(':700')
  expect(runner.say('PTTL a')).toBe(':-1')
})
