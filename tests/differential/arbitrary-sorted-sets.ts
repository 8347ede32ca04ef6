/** Random commands on sorted sets: by score, rank and bytes, all options, wrong ones too. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { many, oneOf, some, words } from './grammar.js'

/** Keys of the type. */
export const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

const WRONG_SCORES = [
  'x',
  '',
  ' 1',
  '1 ',
  'nan',
  '-nan',
  '1e400',
  '-1e400',
  '1e-400',
  '--1',
  '1e',
  '(1',
  '1\0',
]

export const key = fc.constantFrom<Part>(...KEYS, 'string', 'set')
const member: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 9 }).map(String) },
  { weight: 3, arbitrary: fc.constantFrom('f', 'g', '', 'x'.repeat(64), 'y'.repeat(65), '\0\r\n', '\xff') },
  { weight: 1, arbitrary: value },
)
const goodScore = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -6, max: 6 }).map(String) },
  { weight: 3, arbitrary: fc.integer({ min: -40, max: 40 }).map((eighths) => String(eighths / 8)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('inf', '-inf', '+inf', 'Infinity', '1e3', '0x10', '9007199254740991', '5.'),
  },
  {
    weight: 2,
    arbitrary: fc
      .double({ noNaN: true })
      .map(String)
      .filter((text) => text !== '0'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '0.1',
      '1e17',
      '-1e17',
      '9007199254740993',
      '1.7976931348623157e308',
      '5e-324',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('9223372036854775807', '-9223372036854775808', '1e21', '1e-7'),
  },
)
const score = fc.oneof(
  { weight: 9, arbitrary: goodScore },
  { weight: 1, arbitrary: fc.constantFrom(...WRONG_SCORES) },
)
const bound = fc.oneof(
  { weight: 6, arbitrary: goodScore },
  { weight: 4, arbitrary: goodScore.map((one) => `(${one}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '(', '((1', 'x', ' 1', '( 2', '1 ', 'nan', '1e400', '-1e400', '1\0x'),
  },
)
const lexBound: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('-', '+', '-', '+') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '[',
      '(',
      '[a',
      '(a',
      '[3',
      '(3',
      '[m',
      '(m',
      '[m2',
      '(m35',
      '[\xff',
      '[x',
      '(\0',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'a', '+a', '-a', '+\0a', ']a') },
)
const rank = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -12, max: 12 }).map(String) },
  { weight: 1, arbitrary: fc.integer({ min: -700, max: 700 }).map(String) },
  { weight: 1, arbitrary: integer },
)

const withScores = some(oneOf('WITHSCORES', 'WITHSCORES', 'bogus'), 1)
const limitOption = fc.tuple(oneOf('LIMIT'), rank, rank)
const rangeOption = fc.oneof(
  oneOf('REV', 'BYSCORE', 'BYLEX', 'WITHSCORES', 'LIMIT').map((word) => [word]),
  limitOption,
)
const scanOption = fc.oneof(
  fc.constantFrom<readonly Part[]>(['COUNT', '100000'], ['match', '*'], ['MATCH', '1*'], ['match', '[a-z]']),
  fc.constantFrom<readonly Part[]>(['COUNT', '0'], ['count', 'x'], ['COUNT'], ['TYPE', 'zset'], ['bogus']),
)
const pairs = some(fc.tuple(score, member), 5, 1)
const addOption = oneOf('NX', 'XX', 'GT', 'LT', 'CH', 'INCR')
const numberedKeys = fc
  .array(key, { minLength: 1, maxLength: 3 })
  .map((keys): Part[] => [String(keys.length), ...keys])
const combineOption = fc.oneof(
  fc.tuple(oneOf('AGGREGATE'), oneOf('SUM', 'MIN', 'MAX', 'bogus')),
  fc.tuple(oneOf('WEIGHTS'), score, score),
  fc.tuple(oneOf('WEIGHTS'), score),
  oneOf('WITHSCORES').map((word) => [word]),
)

export const changing = fc.oneof(
  { weight: 6, arbitrary: words('ZADD', key, some(addOption, 1), pairs) },
  { weight: 2, arbitrary: words('ZADD', key, some(addOption, 3), score, member) },
  words(
    'ZADD',
    key,
    many((i) => [(i * 37) % 50, `m${i}`]),
  ),
  words(
    'ZADD',
    key,
    oneOf('XX', 'NX', 'GT'),
    many((i) => [i / 8, `m${i}`]),
  ),
  words(
    'ZREM',
    key,
    many((i) => [`m${i}`]),
  ),
  words('ZADD', key, some(member, 3, 2)),
  { weight: 2, arbitrary: words('ZINCRBY', key, score, member) },
  { weight: 2, arbitrary: words('ZREM', key, some(member, 4, 1)) },
  words('ZREMRANGEBYRANK', key, rank, rank),
  words('ZREMRANGEBYSCORE', key, bound, bound),
  words(oneOf('ZPOPMIN', 'ZPOPMAX'), key, some(fc.constantFrom('0', '1', '3', '-1', 'x'), 1)),
  words('ZMPOP', numberedKeys, oneOf('MIN', 'MAX'), some(fc.tuple(oneOf('COUNT'), rank), 1)),
  words('ZRANGESTORE', key, key, rank, rank),
  words('ZRANGESTORE', key, key, bound, bound, oneOf('BYSCORE'), some(rangeOption, 1)),
  words(oneOf('ZUNIONSTORE', 'ZINTERSTORE'), key, numberedKeys, some(combineOption, 2)),
  words('ZDIFFSTORE', key, numberedKeys),
  words('SET', fc.constant('string'), value),
  words('SADD', fc.constant('set'), some(member, 3, 1)),
)
export const reading = fc.oneof(
  words('ZCARD', key),
  words('ZSCORE', key, member),
  words('ZMSCORE', key, some(member, 3, 1)),
  words(oneOf('ZRANK', 'ZREVRANK'), key, member),
  words('ZCOUNT', key, bound, bound),
  words('ZRANGE', key, rank, rank, some(rangeOption, 2)),
  words('ZRANGE', key, bound, bound, oneOf('BYSCORE'), some(rangeOption, 2)),
  words('ZREVRANGE', key, rank, rank, withScores),
  words(oneOf('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE'), key, bound, bound, withScores, some(limitOption, 1)),
  words(oneOf('ZUNION', 'ZINTER'), numberedKeys, some(combineOption, 2)),
  words('ZDIFF', numberedKeys, withScores),
  words('ZINTERCARD', numberedKeys, some(fc.tuple(oneOf('LIMIT'), rank), 1)),
  // Counts for which chance has no say.
  words('ZRANDMEMBER', key, fc.constantFrom('0', 'x', '-9223372036854775808'), withScores),
  words('ZSCAN', key, fc.constantFrom('0', '0', 'x'), fc.constant(['COUNT', '100000']), some(scanOption, 2)),
  words('ZSCAN', fc.constant('none'), some(member, 3, 1)),
  words(
    oneOf('ZADD', 'ZREM', 'ZPOPMIN', 'ZMPOP', 'ZRANGE', 'ZUNION', 'ZINTERCARD', 'ZUNIONSTORE', 'ZDIFFSTORE'),
    some(fc.oneof(member, integer), 4),
  ),
)
/** By bytes, which means something only where all scores are equal. */
export const lexical = fc.oneof(
  {
    weight: 5,
    arbitrary: words(
      'ZADD',
      key,
      some(
        member.map((one) => ['0', one]),
        6,
        1,
      ),
    ),
  },
  words(
    'ZADD',
    key,
    many((i) => ['0', `m${i}`]),
  ),
  words('ZREM', key, some(member, 2, 1)),
  words('ZLEXCOUNT', key, lexBound, lexBound),
  words(oneOf('ZRANGEBYLEX', 'ZREVRANGEBYLEX'), key, lexBound, lexBound, some(limitOption, 1)),
  words('ZRANGE', key, lexBound, lexBound, oneOf('BYLEX'), some(rangeOption, 2)),
  words('ZRANGESTORE', key, key, lexBound, lexBound, oneOf('BYLEX'), some(rangeOption, 1)),
  words('ZREMRANGEBYLEX', key, lexBound, lexBound),
)
