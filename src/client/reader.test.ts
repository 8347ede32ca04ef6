import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cpu_ms } from '../../tests/support/processor.js'
import { encodeCommand } from './command.js'
import { feed, nextReply, REPLY_DEPTH_MAX, type ReplyReader, replyReader } from './reader.js'
import { type Reply, textOf } from './reply.js'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

function readAll(reader: ReplyReader): (Reply | string)[] {
  const out: (Reply | string)[] = []
  for (;;) {
    const read = nextReply(reader)
    if (read.state === 'more') return out
    if (read.state === 'broken') return [...out, read.reason]
    out.push(read.reply)
  }
}

/** The bytes of a reply, for the round trip: written here independently of the reader. */
function write(reply: Reply): Buffer {
  const line = (type: string, data: Uint8Array | string) =>
    Buffer.concat([Buffer.from(type), Buffer.from(data), Buffer.from('\r\n')])
  switch (reply.kind) {
    case 'simple':
      return line('+', reply.bytes)
    case 'error':
      return line('-', reply.bytes)
    case 'bulk':
      return Buffer.concat([line('$', String(reply.bytes.length)), reply.bytes, Buffer.from('\r\n')])
    case 'verbatim':
      return Buffer.concat([
        line('=', String(reply.bytes.length + 4)),
        Buffer.from(`${reply.format}:`),
        reply.bytes,
        Buffer.from('\r\n'),
      ])
    case 'bignum':
      return line('(', reply.bytes)
    case 'double':
      return line(',', reply.bytes)
    case 'integer':
      return line(':', String(reply.value))
    case 'bool':
      return line('#', reply.value ? 't' : 'f')
    case 'nil':
      return line('_', '')
    default: {
      const sign = { array: '*', set: '~', push: '>', map: '%' }[reply.kind]
      const count = reply.kind === 'map' ? reply.items.length / 2 : reply.items.length
      return Buffer.concat([line(sign, String(count)), ...reply.items.map(write)])
    }
  }
}

const anyBytes = fc.uint8Array({ maxLength: 40 })
const lineBytes = fc.string({ maxLength: 20 }).map((s) => bytes(s.replace(/[\r\n]/g, ' ')))
const { reply: anyReply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { depthSize: 'small' },
    lineBytes.map((b): Reply => ({ kind: 'simple', bytes: b })),
    lineBytes.map((b): Reply => ({ kind: 'error', bytes: b })),
    anyBytes.map((b): Reply => ({ kind: 'bulk', bytes: b })),
    anyBytes.map((b): Reply => ({ kind: 'verbatim', format: 'txt', bytes: b })),
    fc.maxSafeInteger().map((value): Reply => ({ kind: 'integer', value })),
    fc.boolean().map((value): Reply => ({ kind: 'bool', value })),
    fc.bigInt().map((n): Reply => ({ kind: 'bignum', bytes: bytes(String(n)) })),
    fc
      .double({ noNaN: true })
      .filter((d) => Number.isFinite(d))
      .map(
        (value): Reply => ({
          kind: 'double',
          value,
          bytes: bytes(Object.is(value, -0) ? '-0' : String(value)),
        }),
      ),
    fc.constant<Reply>({ kind: 'nil' }),
    fc
      .tuple(fc.constantFrom('array' as const, 'set' as const, 'push' as const), fc.array(tie('reply')))
      .map(([kind, items]): Reply => ({ kind, items })),
    fc
      .array(fc.tuple(tie('reply'), tie('reply')))
      .map((pairs): Reply => ({ kind: 'map', items: pairs.flat() })),
  ),
}))

test('any replies, cut anywhere, are read as they were written', () => {
  fc.assert(
    fc.property(
      fc.array(anyReply, { maxLength: 5 }),
      fc.array(fc.nat(60), { maxLength: 30 }),
      (replies, cuts) => {
        const wire = Buffer.concat(replies.map(write))
        const reader = replyReader()
        const got: (Reply | string)[] = []
        let at = 0
        for (const cut of cuts) {
          feed(reader, wire.subarray(at, at + cut))
          at = Math.min(at + cut, wire.length)
          got.push(...readAll(reader))
        }
        feed(reader, wire.subarray(at))
        got.push(...readAll(reader))
        expect(got).toEqual(replies)
      },
    ),
  )
})

test('a damaged stream gives replies or a reason, never an exception', () => {
  const mutated = fc
    .tuple(fc.array(anyReply, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(255), fc.nat())
    .map(([replies, where, byte, cut]) => {
      const wire = Buffer.concat(replies.map(write))
      wire[where % wire.length] = byte
      return wire.subarray(0, cut % (wire.length + 1))
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (wire) => {
      const reader = replyReader()
      feed(reader, wire)
      for (const one of readAll(reader)) if (typeof one === 'string') expect(one).not.toBe('')
      expect(reader.start).toBeLessThanOrEqual(reader.end)
    }),
    { numRuns: 500 },
  )
})

test('limits and malformed numbers are reasons', () => {
  const reasonOf = (wire: string) => {
    const reader = replyReader({ bulkMax_bytes: 100 })
    feed(reader, bytes(wire))
    return readAll(reader).at(-1)
  }
  expect(reasonOf('$101\r\n')).toBe('Bulk string length out of range')
  expect(reasonOf('$-2\r\n')).toBe('Bulk string length out of range')
  expect(reasonOf('*99999999999\r\n')).toBe('Multi-bulk length out of range')
  expect(reasonOf(':12a\r\n')).toBe('Bad integer value')
  expect(reasonOf(':9223372036854775808\r\n')).toBe('Bad integer value')
  expect(reasonOf('#x\r\n')).toBe('Bad bool value')
  expect(reasonOf(',1.2.3\r\n')).toBe('Bad double value')
  expect(reasonOf('(12e\r\n')).toBe('Bad bignum value')
  expect(reasonOf('=3\r\ntxt\r\n')).toMatch(/^Verbatim/)
  expect(reasonOf('$2\r\nabcd\r\n')).toBe('Bulk string without its CR LF')
  expect(reasonOf('!x\r\n')).toBe('Protocol error, got "!" as reply type byte')
  expect(reasonOf('*1\r\n'.repeat(REPLY_DEPTH_MAX + 1))).toBe('Replies nested too deep')
  expect(reasonOf(':-9223372036854775808\r\n')).toEqual({ kind: 'integer', value: -9223372036854775808n })
  expect(reasonOf('|1\r\n+ttl\r\n:3\r\n+kept\r\n')).toEqual({ kind: 'simple', bytes: bytes('kept') })
  expect(reasonOf('*-1\r\n')).toEqual({ kind: 'nil' })
})

test('a huge value in small pieces is read in time proportional to its size', () => {
  const reader = replyReader()
  const value = new Uint8Array(8 * 1024 * 1024).fill(13)
  const wire = Buffer.concat([bytes(`*2\r\n$${value.length}\r\n`), value, bytes('\r\n+end\r\n')])
  const start = cpu_ms()
  for (let at = 0; at < wire.length; at += 4096) {
    feed(reader, wire.subarray(at, at + 4096))
    const read = nextReply(reader)
    if (at + 4096 < wire.length) expect(read.state).toBe('more')
    else expect(read.state === 'reply' && 'items' in read.reply && textOf(read.reply.items[1])).toBe('end')
  }
  expect(cpu_ms() - start).toBeLessThan(5000)
})

test('a command is written as an array of bulk strings', () => {
  const wire = encodeCommand(['SET', new Uint8Array([0, 255]), 12, 'é'])
  expect(Buffer.from(wire).toString('latin1')).toBe(
    '*4\r\n$3\r\nSET\r\n$2\r\n\0\xff\r\n$2\r\n12\r\n$2\r\n\xc3\xa9\r\n',
  )
})
