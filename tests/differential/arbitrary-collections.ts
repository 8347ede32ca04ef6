/** Random commands on hashes and sets: all options, wrong ones too; where chance has a say, only what does not show it. */

import fc from 'fast-check'
import { bytesOf, latin1, type Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { many, oneOf, some, words } from './grammar.js'

/** Keys that hold collections. */
export const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

export const key = fc.constantFrom<Part>(...KEYS, 'string')
const field: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 12 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('f', 'g', '', 'x'.repeat(64), 'y'.repeat(65), '\0\r\n') },
  { weight: 2, arbitrary: value },
)
const floating = fc.oneof(
  fc.constantFrom('0.1', '1e3', '-2.5', '3.0', '1e400', 'inf', 'nan', '-inf', '', ' 1', '0x10', '5e-20'),
  fc.integer({ min: -100_000, max: 100_000 }).map((cents) => (cents / 100).toFixed(2)),
  integer,
)

const scanOption = fc.oneof(
  fc.constantFrom<readonly Part[]>(['COUNT', '100000'], ['match', '*'], ['MATCH', '1*'], ['match', '[a-z]']),
  fc.constantFrom<readonly Part[]>(['COUNT', '0'], ['count', 'x'], ['COUNT'], ['TYPE', 'hash'], ['bogus']),
)
/** Counts for which chance has no say. */
const everything = fc.constantFrom<Part>(
  '0',
  '100000',
  'x',
  '',
  '-9223372036854775808',
  '9223372036854775808',
)

/** Too few arguments, or odd ones; but nothing that is there is drawn at random, or scanned from somewhere. */
const misformed = (...names: string[]) =>
  words(oneOf(...names), some(field, 2)).filter(
    ([name, first = '']) =>
      !/^(hrandfield|spop|srandmember|hscan|sscan)$/i.test(String(name)) ||
      !KEYS.includes(latin1(bytesOf(first))),
  )

export const hashCommand = fc.oneof(
  { weight: 4, arbitrary: words(oneOf('HSET', 'HMSET'), key, some(fc.tuple(field, value), 4, 1)) },
  words(
    'HSET',
    key,
    many((i) => [i % 2 === 0 ? i : `f${i}`, `value:${i}`]),
  ),
  words(
    'HDEL',
    key,
    many((i) => [i % 2 === 0 ? i : `f${i}`]),
  ),
  words(oneOf('HSET', 'HMSET'), key, some(field, 4, 2)),
  words('HSETNX', key, field, value),
  words('HGET', key, field),
  words('HMGET', key, some(field, 4, 1)),
  words(oneOf('HGETALL', 'HKEYS', 'HVALS', 'HLEN'), key),
  words(oneOf('HSTRLEN', 'HEXISTS'), key, field),
  { weight: 2, arbitrary: words('HDEL', key, some(field, 4, 1)) },
  { weight: 2, arbitrary: words('HINCRBY', key, field, integer) },
  { weight: 2, arbitrary: words('HINCRBYFLOAT', key, field, floating) },
  words('HRANDFIELD', key, everything, some(oneOf('WITHVALUES', 'bogus'), 1)),
  words('HSCAN', key, fc.constantFrom('0', '0', 'x'), fc.constant(['COUNT', '100000']), some(scanOption, 2)),
  words('SET', fc.constant('string'), value),
  misformed('HSET', 'HGET', 'HDEL', 'HINCRBY', 'HRANDFIELD', 'HSCAN'),
)

export const setCommand = fc.oneof(
  { weight: 4, arbitrary: words('SADD', key, some(field, 6, 1)) },
  words(
    'SADD',
    key,
    many((i) => [i * 7]),
  ),
  words(
    'SADD',
    key,
    many((i) => [`m${i}`]),
  ),
  words(
    'SREM',
    key,
    many((i) => [i % 2 === 0 ? i * 7 : `m${i}`]),
  ),
  { weight: 2, arbitrary: words('SREM', key, some(field, 4, 1)) },
  words(oneOf('SMEMBERS', 'SCARD'), key),
  words('SISMEMBER', key, field),
  words('SMISMEMBER', key, some(field, 4, 1)),
  words('SMOVE', key, key, field),
  words(oneOf('SINTER', 'SUNION', 'SDIFF'), some(key, 4, 1)),
  words(oneOf('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), some(key, 4, 2)),
  words('SINTERCARD', fc.oneof(integer, fc.constantFrom('1', '2')), some(key, 3, 1)),
  words('SINTERCARD', fc.constant('2'), key, key, oneOf('LIMIT'), integer),
  words('SPOP', key, everything),
  words('SRANDMEMBER', key, everything),
  words('SSCAN', key, fc.constant('0'), fc.constant(['COUNT', '100000']), some(scanOption, 2)),
  words('SET', fc.constant('string'), value),
  misformed('SADD', 'SREM', 'SPOP', 'SRANDMEMBER', 'SINTERCARD', 'SMOVE'),
)
