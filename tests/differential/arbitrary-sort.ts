/** Random SORTs, and the keys that they read: weights, hashes, all kinds of elements. */

import fc from 'fast-check'
import { bytesOf, latin1, type Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { oneOf, some, words } from './grammar.js'

const number: fc.Arbitrary<Part> = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: -15, max: 30 }).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '1.5',
      '1.50',
      '-0',
      '1e3',
      'inf',
      '-inf',
      '0x10',
      '1e300',
      '9007199254740993',
      '3.',
    ),
  },
)
/** No number that is out of range: Redis looks at an errno that it never clears, and then takes every number for one. */
const strange = fc.constantFrom<Part>(
  '',
  ' 7',
  '7 ',
  'nan',
  '5\0x',
  '5\0y',
  '\0',
  'x->y',
  '*',
  'abcdefg',
  'abcdefh',
)
const element: fc.Arbitrary<Part> = fc.oneof(
  { weight: 20, arbitrary: number },
  { weight: 1, arbitrary: strange },
)
const anyElement: fc.Arbitrary<Part> = fc.oneof(
  number,
  strange,
  value.filter((one) => !/e[+-]?\d{2}/i.test(latin1(bytesOf(one)))),
)
const key = fc.constantFrom<Part>('list', 'list', 'other', 'set', 'zset', 'string', 'none')
const pattern = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.constantFrom<Part>('w_*', 'w_*', 'h_*->f', 'h_*->g', '*', 'nosort', '#', 'w_*x', 'h_*->'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Part>(
      '',
      '*_w*',
      'h_*->f->g',
      'h_->*',
      'w_\0*',
      'list*->x',
      '#*',
      '##',
      'w_*\0x',
      '->*',
    ),
  },
)
const bound = fc.oneof(fc.integer({ min: -2, max: 14 }).map(String), integer)
const option: fc.Arbitrary<readonly Part[]> = fc.oneof(
  { weight: 4, arbitrary: oneOf('ASC', 'DESC', 'DESC').map((word) => [word]) },
  { weight: 3, arbitrary: oneOf('ALPHA').map((word) => [word]) },
  { weight: 4, arbitrary: words('LIMIT', bound, bound) },
  { weight: 5, arbitrary: words('BY', pattern) },
  { weight: 4, arbitrary: words('GET', pattern) },
  { weight: 2, arbitrary: words('STORE', fc.constantFrom('to', 'list')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<readonly Part[]>(['bogus'], ['LIMIT', '1'], ['GET'], ['BY'], ['STORE']),
  },
)
const small = fc.integer({ min: -15, max: 30 }).map(String)
export const filling = fc.oneof(
  { weight: 5, arbitrary: words('RPUSH', fc.constantFrom('list', 'other'), some(element, 20, 1)) },
  { weight: 1, arbitrary: words('RPUSH', fc.constantFrom('list', 'other'), some(anyElement, 9, 1)) },
  { weight: 3, arbitrary: words('SADD', fc.constant('set'), some(element, 9, 1)) },
  { weight: 3, arbitrary: words('ZADD', fc.constant('zset'), some(fc.tuple(small, element), 6, 1)) },
  {
    weight: 12,
    arbitrary: fc.tuple(small, element).map(([of, weight]): Part[] => ['SET', `w_${of}`, weight]),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(small, fc.constantFrom('f', 'g', 'f->g'), element)
      .map(([of, field, weight]): Part[] => ['HSET', `h_${of}`, field, weight]),
  },
  { weight: 1, arbitrary: fc.constant<Part[]>(['SET', 'string', '1']) },
)
export const sorting = fc.oneof(
  { weight: 8, arbitrary: words('SORT', key, some(option, 5)) },
  { weight: 2, arbitrary: words('SORT_RO', key, some(option, 4)) },
)
export const looking = fc.oneof(
  words('LRANGE', fc.constantFrom('to', 'list'), fc.constant('0'), fc.constant('-1')),
  words('DEL', fc.constantFrom('list', 'set', 'to')),
)
