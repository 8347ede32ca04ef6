import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from '../bytes/ascii.js'
import { formatDouble, parseDouble } from '../bytes/double.js'
import { Reply } from './reply.js'

function written(protocol: number, write: (reply: Reply) => void): string {
  const reply = new Reply(4)
  reply.protocol = protocol
  write(reply)
  return Buffer.from(reply.buf.subarray(0, reply.pos)).toString('latin1')
}

test.each([
  [(r: Reply) => r.ok(), '+OK\r\n', '+OK\r\n'],
  [(r: Reply) => r.int(-42), ':-42\r\n', ':-42\r\n'],
  [(r: Reply) => r.bigint(9223372036854775807n), ':9223372036854775807\r\n', ':9223372036854775807\r\n'],
  [(r: Reply) => r.bulk(ascii('abc')), '$3\r\nabc\r\n', '$3\r\nabc\r\n'],
  [(r: Reply) => r.bulkInt(1234567890123), '$13\r\n1234567890123\r\n', '$13\r\n1234567890123\r\n'],
  [(r: Reply) => r.nil(), '$-1\r\n', '_\r\n'],
  [(r: Reply) => r.nilArray(), '*-1\r\n', '_\r\n'],
  [(r: Reply) => r.map(2), '*4\r\n', '%2\r\n'],
  [(r: Reply) => r.set(2), '*2\r\n', '~2\r\n'],
  [(r: Reply) => r.push(3), '*3\r\n', '>3\r\n'],
  [(r: Reply) => r.bool(true), ':1\r\n', '#t\r\n'],
  [(r: Reply) => r.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
  [(r: Reply) => r.verbatim('hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
  [(r: Reply) => r.error('ERR a\r\nb'), '-ERR a  b\r\n', '-ERR a  b\r\n'],
])('both protocols %#', (write, two, three) => {
  expect(written(2, write)).toBe(two)
  expect(written(3, write)).toBe(three)
})

test('a head that is known last comes first', () => {
  const text = written(3, (reply) => {
    reply.int(1)
    const mark = reply.length
    for (let i = 0; i < 12; i++) reply.int(i)
    reply.arrayAt(mark, 12)
  })
  expect(text.startsWith(':1\r\n*12\r\n:0\r\n:1\r\n')).toBe(true)
  expect(text.endsWith(':11\r\n')).toBe(true)
})

/** Everything that was written, sealed chunks included. */
function all(reply: Reply): string {
  const parts: Uint8Array[] = []
  const { length } = reply
  for (let chunk = reply.chunk; chunk !== null; chunk = reply.chunk) {
    parts.push(chunk)
    reply.dropChunk()
  }
  parts.push(reply.buf.subarray(0, reply.pos))
  const bytes = Buffer.concat(parts)
  expect(bytes.length).toBe(length)
  return bytes.toString('latin1')
}

test('what is written in many chunks is what is written in one', () => {
  const simple = fc.oneof(
    fc.tuple(fc.constant('bulk'), fc.nat(300)),
    fc.tuple(fc.constant('int'), fc.integer()),
    fc.tuple(fc.constantFrom('array', 'map', 'set', 'scan', 'guessed', 'rewound'), fc.nat(40)),
  )
  const run = (reply: Reply, steps: readonly (readonly [string, number])[]): string => {
    const bulk = (n: number) => reply.bulk(ascii('x'.repeat(n)))
    for (const [what, n] of steps) {
      const mark = what === 'scan' ? reply.leaveGap() : reply.length
      if (what === 'bulk') bulk(n)
      else if (what === 'int') reply.int(n)
      else {
        if (what === 'guessed') reply.array(100)
        for (let i = 0; i < n; i++) bulk(i)
        if (what === 'array') reply.arrayAt(mark, n)
        else if (what === 'map') reply.mapAt(mark, n)
        else if (what === 'set') reply.setAt(mark, n)
        else if (what === 'scan') reply.scanHead(mark, n * 1000, n)
        else if (what === 'guessed') reply.replaceAt(mark, 6, () => reply.array(n))
        else reply.rewind(mark)
      }
    }
    return all(reply)
  }
  fc.assert(
    fc.property(fc.array(simple, { maxLength: 20 }), fc.integer({ min: 1, max: 400 }), (steps, chunk) => {
      expect(run(new Reply(16, chunk), steps)).toBe(run(new Reply(16), steps))
    }),
    { numRuns: 500 },
  )
})

test('replies appended to others keep their chunks, and cleared ones are empty', () => {
  const held = new Reply(16, 64)
  for (let i = 0; i < 50; i++) held.bulkText(`message ${i}`)
  const whole = new Reply()
  whole.append(held)
  const expected = all(whole)
  expect(expected.endsWith('message 49\r\n')).toBe(true)
  const other = new Reply(16, 64)
  other.append(held)
  expect(all(other)).toBe(expected)
  held.clear()
  expect(held.length).toBe(0)
  expect(held.chunk).toBeNull()
})

test('values of any size come out whole', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 }), (values) => {
      const text = written(2, (reply) => {
        for (const value of values) reply.bulk(value)
      })
      expect(text).toBe(
        values.map((v) => `$${v.length}\r\n${Buffer.from(v).toString('latin1')}\r\n`).join(''),
      )
    }),
  )
})

test('doubles are written in the shortest form that reads back', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      expect(parseDouble(formatDouble(value))).toBe(value)
    }),
  )
  for (const [value, text] of [
    [3, '3'],
    [0.1, '0.1'],
    [1e20, '1e+20'],
    [1e-7, '1e-7'],
    [123456789.125, '123456789.125'],
    [Number.POSITIVE_INFINITY, 'inf'],
  ] as const) {
    expect(formatDouble(value)).toBe(text)
  }
  for (const bad of ['', ' 1', '1 ', '1x', 'nan', '0x', '--1', '1e']) expect(parseDouble(bad), bad).toBe(null)
  expect(parseDouble('0x10')).toBe(16)
  expect(parseDouble('+1.5e3')).toBe(1500)
})
