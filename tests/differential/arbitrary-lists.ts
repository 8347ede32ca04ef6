/** Random commands on lists: all options, wrong ones too, elements and indexes at their limits. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { many, oneOf, some, words } from './grammar.js'

/** Keys of the type. */
export const KEYS = ['a', 'b', '\0\xff\r\n']

const key = fc.constantFrom<Part>(...KEYS, ...KEYS, 'string')
const element: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -2, max: 6 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('f', '', 'x'.repeat(64), 'y'.repeat(5000), '\0\r\n', '01') },
  { weight: 2, arbitrary: value },
)
const index: fc.Arbitrary<Part> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -9, max: 9 }).map(String) },
  fc.integer({ min: -700, max: 700 }).map(String),
  integer,
)
const end = oneOf('LEFT', 'RIGHT', 'LEFT', 'RIGHT', 'UP')

/** LPOS with this RANK is an error only since 7.2. */
const LEAST = '-9223372036854775808'

export const listCommand = fc.oneof(
  { weight: 8, arbitrary: words(oneOf('LPUSH', 'RPUSH'), key, some(element, 8, 1)) },
  words(
    oneOf('LPUSH', 'RPUSH'),
    key,
    many((i) => [i % 3 === 0 ? `element:${i}` : i]),
  ),
  words(oneOf('LPUSHX', 'RPUSHX'), key, some(element, 3, 1)),
  { weight: 2, arbitrary: words(oneOf('LPOP', 'RPOP'), key) },
  { weight: 2, arbitrary: words(oneOf('LPOP', 'RPOP'), key, index) },
  words('LLEN', key),
  words('LINDEX', key, index),
  { weight: 3, arbitrary: words('LRANGE', key, index, index) },
  { weight: 2, arbitrary: words('LSET', key, index, element) },
  { weight: 3, arbitrary: words('LINSERT', key, oneOf('BEFORE', 'AFTER'), element, element) },
  { weight: 2, arbitrary: words('LREM', key, index, element) },
  words('LTRIM', key, index, index),
  {
    weight: 2,
    arbitrary: words(
      'LPOS',
      key,
      element,
      some(
        fc
          .tuple(oneOf('RANK', 'COUNT', 'MAXLEN', 'bogus'), index)
          .filter(([option, number]) => option.toUpperCase() !== 'RANK' || number !== LEAST),
        3,
      ),
    ),
  },
  { weight: 2, arbitrary: words('LMOVE', key, key, end, end) },
  words('RPOPLPUSH', key, key),
  words(
    'LMPOP',
    fc.constantFrom('1', '2', '0', 'x'),
    some(key, 2, 1),
    end,
    some(fc.tuple(oneOf('COUNT'), index), 2),
  ),
  words('SET', fc.constant('string'), value),
  words(
    oneOf('LPUSH', 'LPOP', 'LSET', 'LINDEX', 'LRANGE', 'LREM', 'LTRIM', 'LPOS', 'LMOVE', 'LMPOP', 'LINSERT'),
    some(element, 4),
  ),
)
