/** Random commands on strings and keys: all options, wrong ones too, and arguments at the limits of what is allowed. */

import fc from 'fast-check'
import { bytesOf, latin1, type Part } from '../support/runner.js'

const INTEGERS = [
  '0',
  '1',
  '-1',
  '7',
  '10',
  '100',
  '+1',
  '01',
  '-0',
  ' 1',
  '1 ',
  '',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740993',
  '9223372036854775806',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999',
  '2147483647',
  '2147483648',
  '-2147483649',
  'x',
  '1.5',
]

const FLOATS = [
  '0.1',
  '-0.1',
  '1e3',
  '1.5e-5',
  '3.14159265358979323846',
  '1e17',
  '123456789012345678',
  '1e400',
  '1e5000',
  '-1e5000',
  '1e-5000',
  'inf',
  '-inf',
  'nan',
  '0x1p3',
  '0x.8',
  '.5',
  '5.',
  '.',
  'e5',
  '1e',
  '--1',
  '1 ',
  '0.30000000000000004',
]

const VALUES = [
  '',
  'a',
  'foo',
  'Hello, World',
  '\0\r\n\xff',
  'ohmytext',
  'mynewtext',
  'x'.repeat(44),
  'y'.repeat(45),
]

export const key: fc.Arbitrary<Part> = fc.constantFrom('a', 'b', 'c', 'k', '', '\0\xff\r\n', 'key:1', '{t}x')
export const integer: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -30, max: 30 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom(...INTEGERS) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String) },
)
const floating: fc.Arbitrary<Part> = fc.oneof(
  fc.constantFrom(...FLOATS),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map(String),
  fc.integer({ min: -100_000, max: 100_000 }).map((cents) => (cents / 100).toFixed(2)),
  integer,
)
export const value: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 4, arbitrary: integer },
  { weight: 2, arbitrary: floating },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom('h'.repeat(5000), '\0'.repeat(70_000)) },
)
/** Far away or long ago, so that the two sides agree on what has expired; both sides of what 64 bits hold. */
const relative: fc.Arbitrary<Part> = fc.constantFrom(
  '20000',
  '100000',
  '5000000',
  '-1',
  '0',
  '-100',
  'x',
  '9007199254740991',
  '9223372036854775',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '922337203685477580',
)
const absolute: fc.Arbitrary<Part> = fc.constantFrom(
  '1',
  '2000000000',
  '2000000000000',
  '4102444800000',
  '0',
  '-5',
  '9223372036854775',
  '9223372036854775807',
  'soon',
)
const anyCase = (word: string): fc.Arbitrary<string> => fc.constantFrom(word, word.toLowerCase(), word)
const oneOf = (...words: string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? anyCase(part) : part)))
    .map((all) => all.flat() as Part[])
const some = (
  item: fc.Arbitrary<Part | readonly Part[]>,
  maxLength = 3,
  minLength = 0,
): fc.Arbitrary<Part[]> => fc.array(item, { minLength, maxLength }).map((all) => all.flat() as Part[])

const timeOption = fc.oneof(
  fc.tuple(oneOf('EX', 'PX'), relative),
  fc.tuple(oneOf('EXAT', 'PXAT'), absolute),
  oneOf('EX', 'KEEPTTL', 'PERSIST', 'bogus').map((word) => [word]),
)
const setOption = fc.oneof(
  timeOption,
  oneOf('NX', 'XX', 'GET', 'KEEPTTL').map((word) => [word]),
)

export const stringCommand: fc.Arbitrary<Part[]> = fc.oneof(
  words('GET', key),
  words('SET', key, value),
  words('SET', key, value, some(setOption)),
  words(oneOf('SETNX', 'GETSET', 'APPEND'), key, value),
  words(oneOf('SETEX', 'PSETEX'), key, relative, value),
  words('GETDEL', key),
  words('GETEX', key, some(timeOption, 2)),
  words('STRLEN', key),
  words('SETRANGE', key, fc.oneof(integer, fc.constantFrom('0', '3', '600000000', '70000')), value),
  words(oneOf('GETRANGE', 'SUBSTR'), key, integer, integer),
  words(oneOf('INCR', 'DECR'), key),
  words(oneOf('INCRBY', 'DECRBY'), key, integer),
  words('INCRBYFLOAT', key, floating),
  words('MGET', some(key, 4)),
  words(oneOf('MSET', 'MSETNX'), some(fc.tuple(key, value), 3)),
  words(oneOf('MSET', 'MSETNX'), some(key, 5)),
)

export const lcsCommand: fc.Arbitrary<Part[]> = words(
  'LCS',
  fc.constantFrom('a', 'b', 'c'),
  fc.constantFrom('a', 'b', 'c'),
  some(
    fc.oneof(
      oneOf('IDX', 'LEN', 'WITHMATCHLEN').map((word) => [word]),
      fc.tuple(oneOf('MINMATCHLEN'), integer),
    ),
    3,
  ),
)

const condition = oneOf('NX', 'XX', 'GT', 'LT', 'NX', 'bogus', '\xe9', 'x\r\n', '\nx')

export const genericCommand: fc.Arbitrary<Part[]> = fc.oneof(
  words(oneOf('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), some(key, 4)),
  words(oneOf('EXPIRE', 'PEXPIRE'), key, relative, some(condition, 2)),
  words(oneOf('EXPIREAT', 'PEXPIREAT'), key, absolute, some(condition, 2)),
  words(oneOf('TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME', 'PERSIST', 'TYPE'), key),
  words(oneOf('RENAME', 'RENAMENX'), key, key),
  words(
    'COPY',
    key,
    key,
    some(
      fc.oneof(
        oneOf('REPLACE', 'DB', 'bogus').map((word) => [word]),
        fc.tuple(oneOf('DB'), fc.oneof(integer, fc.constantFrom('0', '1', '15', '16'))),
      ),
      2,
    ),
  ),
  words('MOVE', key, fc.oneof(integer, fc.constantFrom('0', '1', '15', '16'))),
  words('SWAPDB', fc.oneof(integer, fc.constantFrom('0', '1')), fc.oneof(integer, fc.constantFrom('0', '1'))),
  // Not REFCOUNT: a copied integer is not shared in Redis until it is written again.
  words('OBJECT', oneOf('ENCODING', 'FREQ'), key),
  words('OBJECT', oneOf('ENCODING', 'bogus', 'FREQ'), some(key, 2)),
  words('DBSIZE', some(key, 1)),
  words(oneOf('FLUSHDB', 'FLUSHALL'), some(oneOf('ASYNC', 'SYNC', 'bogus'), 2)),
  words('SELECT', fc.constantFrom('0', '1')),
  words(
    'RESTORE',
    key,
    fc.oneof(relative, fc.constantFrom('0')),
    fc.constantFrom('', 'short', '\0\x03foo\x09\0\0\0\0\0\0\0\0\x01'),
    some(
      fc.oneof(
        oneOf('REPLACE', 'ABSTTL', 'bogus').map((word) => [word]),
        fc.tuple(oneOf('IDLETIME', 'FREQ'), integer),
      ),
      2,
    ),
  ),
)

/** Zeros are a payload without a fault: an empty string of version 0, whose checksum is 0; restored, it expires at once. */
const isPayload = ([name, , , payload]: readonly Part[]) =>
  /^restore/i.test(String(name)) && payload !== undefined && /^\0+$/.test(latin1(bytesOf(payload)))

/** Any command of ours with arguments that mean nothing: what it says of their number and of their form. */
export const nonsense = (names: readonly string[]): fc.Arbitrary<Part[]> =>
  words(fc.constantFrom(...names), some(fc.oneof(key, integer, value), 5)).filter((line) => !isPayload(line))
