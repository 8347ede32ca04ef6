import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cpu_ms } from '../../tests/support/processor.js'
import { ascii } from '../bytes/ascii.js'
import { encodeCommand } from './encode.js'
import { COMMAND, INLINE_BYTES_MAX, MORE, PROTOCOL_ERROR, RequestParser } from './request.js'

/** Feeds a stream in pieces as a connection does, keeping what is not whole; the commands it gives, or the error. */
function feed(pieces: readonly Uint8Array[], trusted = true): { commands: Buffer[][]; error: string | null } {
  const parser = new RequestParser()
  parser.trusted = trusted
  const commands: Buffer[][] = []
  let kept = new Uint8Array(0)
  for (const piece of pieces) {
    // A fresh buffer every time, as when a connection's own buffer moves.
    const buf = new Uint8Array(kept.length + piece.length)
    buf.set(kept)
    buf.set(piece, kept.length)
    parser.rebase(buf, 0)
    let at = 0
    for (;;) {
      const status = parser.parse(buf, at, buf.length)
      if (status === PROTOCOL_ERROR) return { commands, error: parser.error }
      if (status === MORE) break
      if (parser.args.count > 0) {
        commands.push(Array.from({ length: parser.args.count }, (_, i) => Buffer.from(parser.args.copy(i))))
      }
      at = parser.next
    }
    kept = buf.slice(at)
    parser.rebase(kept, at)
  }
  return { commands, error: null }
}

const command = fc.array(fc.uint8Array({ maxLength: 130 }), { minLength: 1, maxLength: 12 })

test('any pipeline in any fragmentation gives the same commands', () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 8 }),
      fc.array(fc.nat(400), { maxLength: 40 }),
      (commands, cuts) => {
        const stream = Buffer.concat(commands.map(encodeCommand))
        const pieces: Uint8Array[] = []
        let at = 0
        for (const cut of cuts) {
          pieces.push(stream.subarray(at, at + cut))
          at = Math.min(stream.length, at + cut)
        }
        pieces.push(stream.subarray(at))
        const got = feed(pieces)
        expect(got.error).toBe(null)
        expect(got.commands).toEqual(commands.map((parts) => parts.map((part) => Buffer.from(part))))
      },
    ),
  )
})

test('a range that came in RESP form can go on as it came', () => {
  const parser = new RequestParser()
  const stream = Buffer.concat([ascii('PING\r\n'), encodeCommand([ascii('SET'), ascii('k'), ascii('v')])])
  expect(parser.parse(stream, 0, stream.length)).toBe(COMMAND)
  expect(parser.args.rawEnd).toBe(0)
  expect(parser.parse(stream, parser.next, stream.length)).toBe(COMMAND)
  expect(stream.subarray(parser.args.rawStart, parser.args.rawEnd).toString()).toMatch(/^\*3.*v\r\n$/s)
})

test.each([
  ['*x\r\n', 'invalid multibulk length'],
  ['*2147483648\r\n', 'invalid multibulk length'],
  ['*1\r\n:3\r\n', "expected '$', got ':'"],
  ['*1\r\n$-1\r\n', 'invalid bulk length'],
  ['*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['*1\r\n$abc\r\n', 'invalid bulk length'],
  ['SET "a\r\n', 'unbalanced quotes in request'],
  ['SET "a"b\r\n', 'unbalanced quotes in request'],
  [`*${'1'.repeat(INLINE_BYTES_MAX + 1)}`, 'too big mbulk count string'],
  [`*1\r\n$${'1'.repeat(INLINE_BYTES_MAX + 1)}`, 'too big bulk count string'],
  ['a'.repeat(INLINE_BYTES_MAX + 1), 'too big inline request'],
])('what is no request: %.20j', (source, error) => {
  expect(feed([ascii(source)]).error).toBe(`Protocol error: ${error}`)
})

test('who has not authenticated may not send much', () => {
  expect(feed([ascii('*11\r\n')], false).error).toBe('Protocol error: unauthenticated multibulk length')
  expect(feed([ascii('*1\r\n$16385\r\n')], false).error).toBe('Protocol error: unauthenticated bulk length')
})

test('empty requests are passed over', () => {
  expect(feed([ascii('\r\n*0\r\n*-1\r\n   \r\nPING\r\n')]).commands).toEqual([[Buffer.from('PING')]])
})

test('inline commands take quotes and escapes', () => {
  const parts = (line: string) =>
    feed([ascii(`${line}\r\n`)]).commands[0]?.map((part) => part.toString('latin1'))
  expect(parts('set k "a b\\x41\\n\\"" \'it\\\'s\' ""')).toEqual(['set', 'k', 'a bA\n"', "it's", ''])
  expect(parts('get\tk')).toEqual(['get', 'k'])
})

test('any bytes give commands, a wait or an error: never a crash', () => {
  const soup = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(fc.constantFrom('*', '$', '1', '2', '-', '\r\n', '\n', 'a', '"', "'", '\\', '\0'), {
        maxLength: 60,
      })
      .map((p) => ascii(p.join(''))),
  )
  fc.assert(
    fc.property(fc.array(soup, { maxLength: 4 }), (pieces) => void feed(pieces)),
    { numRuns: 2000 },
  )
})

test('a command of very many arguments that comes in small pieces is read once', () => {
  const parts = Array.from({ length: 100_000 }, () => ascii('x'))
  const stream = encodeCommand(parts)
  const parser = new RequestParser()
  let end = 0
  let status = MORE
  const began = cpu_ms()
  while (status === MORE && end < stream.length) {
    end = Math.min(stream.length, end + 16)
    status = parser.parse(stream, 0, end)
  }
  expect(status).toBe(COMMAND)
  expect(parser.args.count).toBe(100_000)
  expect(cpu_ms() - began).toBeLessThan(5000)
})
