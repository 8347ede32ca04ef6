/** Random commands on HyperLogLogs, sound ones and damaged ones. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { value } from './arbitrary.js'
import { oneOf, some, words } from './grammar.js'

/** Keys of the type. */
export const KEYS = ['a', 'b', 'c', 'd']

const key = fc.constantFrom<Part>(...KEYS)

const element: fc.Arbitrary<Part> = fc.oneof(fc.nat(500).map(String), value, fc.uint8Array({ maxLength: 40 }))
/** Many elements at once. */
const many = fc
  .tuple(fc.nat(5000), fc.constantFrom(20, 200, 1000))
  .map(([from, count]) => Array.from({ length: count }, (_, i) => `e${from + i}`))
const header = (encoding: number, count: number) =>
  Uint8Array.of(0x48, 0x59, 0x4c, 0x4c, encoding, 0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0x80)
/** Runs that end where they should, or not. */
const run = fc.oneof(
  fc.nat(63).map((byte) => [byte]),
  fc.tuple(fc.nat(63), fc.nat(255)).map(([high, low]) => [0x40 | high, low]),
  fc.nat(127).map((byte) => [0x80 | byte]),
)
const damaged: fc.Arbitrary<Part> = fc.oneof(
  fc.array(run, { maxLength: 30 }).map((runs) => Uint8Array.from([...header(1, 0), ...runs.flat()])),
  fc.array(run, { maxLength: 12 }).map((runs) => {
    const bytes = runs.flat()
    let registers = 0
    for (const [first, low] of runs) {
      if (first! >= 0x80) registers += (first! & 3) + 1
      else if (first! >= 0x40) registers += (((first! & 63) << 8) | low!) + 1
      else registers += first! + 1
    }
    const rest = 16384 - registers
    const last = rest > 0 ? [0x40 | ((rest - 1) >> 8), (rest - 1) & 255] : []
    return Uint8Array.from([...header(1, 7), ...bytes, ...last])
  }),
  fc
    .uint8Array({ minLength: 12288, maxLength: 12288 })
    .map((bytes) => Uint8Array.from([...header(0, 1), ...bytes])),
  fc.constant(Uint8Array.from([...header(0, 1), ...new Uint8Array(12288)])),
  fc.constant(Uint8Array.from([...header(0, 1), ...new Uint8Array(12287)])),
  fc.constantFrom<Part>(header(1, 0), header(2, 0), 'HYLL', 'HYLL0123456789012345', '12345678901234567'),
)
export const command = fc.oneof(
  { weight: 6, arbitrary: words('PFADD', key, some(element, 6)) },
  { weight: 3, arbitrary: words('PFADD', key, many) },
  { weight: 4, arbitrary: words('PFCOUNT', key) },
  { weight: 3, arbitrary: words('PFCOUNT', some(key, 4, 1)) },
  { weight: 4, arbitrary: words('PFMERGE', some(key, 4, 1)) },
  { weight: 2, arbitrary: words('PFDEBUG', oneOf('ENCODING', 'DECODE', 'TODENSE', 'bogus'), key) },
  { weight: 1, arbitrary: words('PFDEBUG', oneOf('GETREG'), key) },
  { weight: 2, arbitrary: words('GET', key) },
  { weight: 1, arbitrary: words('SET', key, damaged) },
  { weight: 1, arbitrary: words(oneOf('DEL', 'OBJECT'), key) },
  { weight: 1, arbitrary: words('PEXPIRE', key, fc.constant('100000')) },
  { weight: 1, arbitrary: fc.constant<Part[]>(['RPUSH', 'd', '1']) },
)
