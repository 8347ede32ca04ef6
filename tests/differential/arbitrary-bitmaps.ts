/** Random commands on bits and bit fields, in strings that stay small. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { oneOf, some, words } from './grammar.js'

/** Keys of the type. */
export const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

const key = fc.constantFrom<Part>(...KEYS, 'list')

/** None that is allowed and large: the strings would be, too. */
const offset = fc.oneof(
  { weight: 8, arbitrary: fc.nat(90).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '1000',
      '4097',
      '-1',
      '4294967296',
      'x',
      '',
      '01',
      ' 1',
      '1e1',
      String(2n ** 63n),
    ),
  },
)
const position = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -40, max: 120 }).map(String) },
  { weight: 1, arbitrary: integer },
)
const unit = some(oneOf('BYTE', 'BIT', 'BIT', 'bogus'), 1)
const bitmap: fc.Arbitrary<Part> = fc.oneof(
  fc.uint8Array({ maxLength: 70 }),
  fc
    .tuple(fc.constantFrom(0, 255), fc.nat(90), fc.uint8Array({ maxLength: 3 }))
    .map(([byte, count, rest]) => Uint8Array.from([...new Array<number>(count).fill(byte), ...rest])),
  value,
)
const type = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constantFrom('i', 'u'), fc.integer({ min: 1, max: 63 })) },
  { weight: 6, arbitrary: fc.constantFrom(['i', 64], ['u', 63], ['i', 63], ['u', 32], ['i', 8], ['u', 53]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['u', 64],
      ['i', 65],
      ['i', 0],
      ['x', 8],
      ['', ''],
      ['u', ''],
      ['u', '08'],
      ['I', 8],
    ),
  },
)
const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: offset },
  { weight: 4, arbitrary: fc.nat(9).map((count) => `#${count}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '#',
      '#-1',
      '##1',
      '#01',
      '#4611686018427387904',
      '#9223372036854775807',
      '#4294967296',
    ),
  },
)
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -300, max: 300 }).map(String) },
  { weight: 4, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(63), fc.constantFrom(1n, -1n), fc.constantFrom(-1n, 0n, 1n))
      .map(([bits, sign, more]) => String(BigInt.asIntN(64, sign * 2n ** BigInt(bits) + more))),
  },
  { weight: 1, arbitrary: integer },
)
const fieldType = type.map(([letter, bits]) => `${letter}${bits}`)
const operation: fc.Arbitrary<readonly Part[]> = fc.oneof(
  { weight: 3, arbitrary: words('GET', fieldType, fieldOffset) },
  { weight: 4, arbitrary: words('SET', fieldType, fieldOffset, number) },
  { weight: 4, arbitrary: words('INCRBY', fieldType, fieldOffset, number) },
  { weight: 3, arbitrary: words('OVERFLOW', oneOf('WRAP', 'SAT', 'SAT', 'FAIL')) },
  { weight: 1, arbitrary: fc.constantFrom(['OVERFLOW', 'x'], ['GET', 'u8'], ['SET', 'u8', '0'], ['bogus']) },
)
export const bitCommand = fc.oneof(
  { weight: 5, arbitrary: words('SETBIT', key, offset, fc.constantFrom('0', '1', '1', '0', '1', '2', 'x')) },
  { weight: 2, arbitrary: words('GETBIT', key, offset) },
  { weight: 2, arbitrary: words('BITCOUNT', key) },
  { weight: 5, arbitrary: words('BITCOUNT', key, position, position, unit) },
  { weight: 5, arbitrary: words('BITPOS', key, fc.constantFrom('0', '1', '0', '1', '2'), some(position, 2)) },
  { weight: 3, arbitrary: words('BITPOS', key, fc.constantFrom('0', '1'), position, position, unit) },
  { weight: 5, arbitrary: words('BITOP', oneOf('AND', 'OR', 'XOR', 'NOT'), key, some(key, 4, 1)) },
  { weight: 2, arbitrary: words('BITOP', oneOf('NOT'), key, key) },
  { weight: 1, arbitrary: words('BITOP', oneOf('AND', 'bogus'), key, key) },
  { weight: 5, arbitrary: words('SET', key, bitmap) },
  { weight: 1, arbitrary: words('SET', key, integer) },
  { weight: 2, arbitrary: words('GET', key) },
  { weight: 1, arbitrary: words('OBJECT', oneOf('ENCODING'), fc.constantFrom(...KEYS)) },
  { weight: 1, arbitrary: words(oneOf('DEL', 'PERSIST', 'STRLEN'), key) },
  { weight: 1, arbitrary: words('PEXPIRE', key, fc.constant('100000')) },
  { weight: 1, arbitrary: words(oneOf('SETBIT', 'BITCOUNT', 'BITPOS', 'BITOP'), some(offset, 5)) },
  { weight: 1, arbitrary: fc.constant<Part[]>(['RPUSH', 'list', '1']) },
)
export const fieldCommand = fc.oneof(
  { weight: 8, arbitrary: words('BITFIELD', key, some(operation, 6)) },
  { weight: 2, arbitrary: words('BITFIELD_RO', key, some(operation, 3)) },
  { weight: 1, arbitrary: words('BITFIELD_RO', key, some(words('GET', fieldType, fieldOffset), 3)) },
  { weight: 1, arbitrary: words('SET', key, bitmap) },
  { weight: 2, arbitrary: words('GET', key) },
)
