/** Random commands on streams and their groups. IDs are given: what `*` makes is told by each side's clock. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { oneOf, some, words } from './grammar.js'

/** Keys of the type. */
export const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

const key = fc.constantFrom<Part>('a', 'a', 'a', 'a', ...KEYS, 'string')

const MAX = '18446744073709551615'
const oddIds = fc.constantFrom(
  '0-0',
  '0',
  '-',
  '+',
  '$',
  '>',
  '*',
  '(1',
  '(-',
  '1-',
  '-1',
  '1--1',
  '1-*',
  ' 1',
  '01-02',
  '+1',
  ' -1-1',
  '1- -1',
  '',
  'x',
  '1-x',
  `${MAX}-${MAX}`,
  MAX,
  `${MAX}0`,
  `1-${MAX}`,
  '4294967296-4294967295',
  '9007199254740993-1',
  '1\0x',
  '\0',
  '(0-0',
  `(${MAX}-${MAX}`,
  '((1',
)
const smallId = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 3 }))
      .map(([ms, seq]) => `${ms}-${seq}`),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 30 }).map(String) },
)
const id: fc.Arbitrary<Part> = fc.oneof({ weight: 20, arbitrary: smallId }, { weight: 1, arbitrary: oddIds })
/** XREAD takes `+` since Redis 7.4; the oracle refuses it. */
const readId = id.filter((one) => one !== '+')
const newId = fc.oneof(
  { weight: 10, arbitrary: smallId },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 31 }).map((ms) => `${ms}-*`) },
  // What `*` makes is told by each side's clock.
  { weight: 1, arbitrary: oddIds.filter((one) => one !== '*') },
)
const bound = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('-', '+', '-', '+') },
  { weight: 6, arbitrary: smallId },
  { weight: 3, arbitrary: smallId.map((one) => `(${one}`) },
  { weight: 1, arbitrary: oddIds },
)
const field: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('f', 'g', '1', '-70000') },
  { weight: 1, arbitrary: value },
)
const pairs = fc.oneof(
  { weight: 6, arbitrary: value.map((one): Part[] => ['f', one]) },
  { weight: 3, arbitrary: some(fc.tuple(field, value), 3, 1) },
  { weight: 1, arbitrary: some(field, 3) },
)
const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }).map(String) },
  { weight: 1, arbitrary: integer },
)
const trimming = fc
  .oneof(
    fc.tuple(
      oneOf('MAXLEN'),
      some(fc.constantFrom('~', '=', '~'), 1),
      count,
      some(fc.tuple(oneOf('LIMIT'), count), 1),
    ),
    fc.tuple(
      oneOf('MINID'),
      some(fc.constantFrom('~', '=', '~'), 1),
      id,
      some(fc.tuple(oneOf('LIMIT'), count), 1),
    ),
  )
  .map((all) => all.flat() as Part[])
const oddTrimming = some(
  fc.oneof(
    trimming,
    oneOf('NOMKSTREAM', 'bogus').map((word) => [word]),
  ),
  2,
)
const group = fc.constantFrom<Part>('g', 'g', 'g', 'h', '', 'no\0ne')
const consumer = fc.constantFrom<Part>('x', 'x', 'y', '', '\xff')
const idle = fc.oneof(
  { weight: 6, arbitrary: fc.constant('0') },
  fc.constantFrom('100000000', '-1', 'x', '9223372036854775807'),
)
const claimOption = fc.oneof(
  fc.tuple(
    oneOf('IDLE', 'TIME', 'RETRYCOUNT'),
    fc.constantFrom('0', '5', '1000', 'x', '-1', '9223372036854775807'),
  ),
  fc.tuple(oneOf('LASTID'), id),
  oneOf('FORCE', 'FORCE', 'JUSTID', 'bogus').map((word) => [word]),
)
const newEntries = fc.constantFrom<Part>('>', '>', '>', '>', '>', '>', '0', '$')

export const adding = fc.oneof(
  { weight: 10, arbitrary: words('XADD', key, newId, pairs) },
  { weight: 2, arbitrary: words('XADD', key, trimming, newId, pairs) },
  words('XADD', key, oddTrimming, newId, pairs),
)
/** Not below what XDEL may have removed: that is refused since 7.2 only. */
const lastId = fc.constantFrom('31-0', '31-5', '40-1', '33', 'x', '', '-', '$', `${MAX}-${MAX}`)
export const changing = fc.oneof(
  { weight: 4, arbitrary: words('XDEL', key, some(fc.oneof(smallId, fc.constantFrom('x', '-', '')), 4, 1)) },
  { weight: 2, arbitrary: words('XTRIM', key, trimming) },
  words('XTRIM', key, oddTrimming),
  words(
    'XSETID',
    key,
    lastId,
    some(fc.oneof(fc.tuple(oneOf('ENTRIESADDED'), integer), fc.tuple(oneOf('MAXDELETEDID'), id)), 2),
  ),
  words('SET', fc.constant('string'), value),
)
export const grouped = fc.oneof(
  {
    weight: 3,
    arbitrary: words(
      'XGROUP',
      oneOf('CREATE'),
      key,
      group,
      fc.oneof(id, fc.constantFrom('0', '$', '0')),
      some(
        fc.oneof(
          oneOf('MKSTREAM').map((w) => [w]),
          fc.tuple(oneOf('ENTRIESREAD'), integer),
        ),
        2,
      ),
    ),
  },
  words(
    'XGROUP',
    oneOf('SETID'),
    key,
    group,
    fc.oneof(id, fc.constantFrom('0', '$', '0')),
    some(fc.tuple(oneOf('ENTRIESREAD'), integer), 1),
  ),
  words('XGROUP', oneOf('DESTROY'), key, group),
  words('XGROUP', oneOf('CREATECONSUMER', 'DELCONSUMER'), key, group, consumer),
  words('XGROUP', oneOf('CREATE', 'SETID', 'DESTROY', 'DELCONSUMER', 'HELP', 'bogus'), some(field, 4, 1)),
  {
    weight: 8,
    arbitrary: words(
      'XREADGROUP',
      oneOf('GROUP'),
      group,
      consumer,
      some(fc.tuple(oneOf('COUNT'), count), 1),
      some(oneOf('NOACK'), 1),
      oneOf('STREAMS'),
      key,
      newEntries,
    ),
  },
  words('XREADGROUP', oneOf('GROUP'), group, consumer, oneOf('STREAMS'), key, key, newEntries, id),
  words('XREADGROUP', oneOf('GROUP'), group, consumer, oneOf('COUNT'), count, oneOf('STREAMS'), key, id),
  { weight: 3, arbitrary: words('XACK', key, group, some(id, 4, 1)) },
  { weight: 4, arbitrary: words('XCLAIM', key, group, consumer, idle, some(id, 3, 1), some(claimOption, 3)) },
  {
    weight: 4,
    arbitrary: words(
      'XAUTOCLAIM',
      key,
      group,
      consumer,
      idle,
      bound,
      some(
        fc.oneof(
          fc.tuple(oneOf('COUNT'), count),
          oneOf('JUSTID').map((w) => [w]),
        ),
        2,
      ),
    ),
  },
)
export const reading = fc.oneof(
  words('XLEN', key),
  {
    weight: 3,
    arbitrary: words(
      oneOf('XRANGE', 'XREVRANGE'),
      key,
      bound,
      bound,
      some(fc.tuple(oneOf('COUNT', 'COUNT', 'bogus'), count), 1),
    ),
  },
  {
    weight: 2,
    arbitrary: words('XREAD', some(fc.tuple(oneOf('COUNT'), count), 1), oneOf('STREAMS'), key, readId),
  },
  words('XREAD', oneOf('STREAMS'), key, key, readId, readId),
  words('XREAD', some(fc.oneof(key, readId, oneOf('STREAMS', 'GROUP', 'NOACK', 'COUNT')), 5, 3)),
  { weight: 2, arbitrary: words('XPENDING', key, group) },
  {
    weight: 2,
    arbitrary: words(
      'XPENDING',
      key,
      group,
      some(fc.tuple(oneOf('IDLE'), idle), 1),
      bound,
      bound,
      count,
      some(consumer, 1),
    ),
  },
  words('XPENDING', key, group, some(bound, 7)),
  words('XINFO', oneOf('STREAM'), key, some(fc.tuple(oneOf('FULL'), oneOf('COUNT'), count), 1)),
  words('XINFO', oneOf('STREAM'), key, some(oneOf('FULL', 'COUNT'), 2)),
  words('XINFO', oneOf('GROUPS'), key),
  words('XINFO', oneOf('CONSUMERS'), key, group),
  words(
    oneOf('XADD', 'XTRIM', 'XDEL', 'XRANGE', 'XPENDING', 'XCLAIM', 'XAUTOCLAIM', 'XREADGROUP', 'XSETID'),
    some(fc.oneof(field, id), 6),
  ),
)
