import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uncappedText as latin1 } from '../bytes/ascii.js'
import { createStream, readStream, type StreamEvent, unappliedBytes } from './stream.js'
import { ascii, concat, encodeCommand } from './wire.js'

/** Reads a text in the given pieces; the events as text, adjacent ranges of commands joined. */
function read(
  text: string,
  cuts: number[],
): { out: string; reason: string | null; rest: number; db: number } {
  const s = createStream(0)
  const bytes = ascii(text)
  let out = ''
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    const end = Math.min(bytes.length, Math.max(at, cut))
    // As from a socket: every piece in the same buffer, which is overwritten by the next.
    const buffer = new Uint8Array(end - at + 7).fill(0x2a)
    buffer.set(bytes.subarray(at, end), 3)
    const events: StreamEvent[] = []
    const reason = readStream(s, buffer, 3, 3 + end - at, events)
    for (const event of events) {
      const range = latin1(event.bytes, event.start, event.end)
      out += event.kind === 'getack' ? `<getack ${range}>` : range
    }
    if (reason !== null) return { out, reason, rest: unappliedBytes(s), db: s.db }
    at = end
  }
  return { out, reason: null, rest: unappliedBytes(s), db: s.db }
}

const argument = fc.string({ maxLength: 40 }).map((text) => text.replace(/[^\0-\xff]/g, '?'))
const plain = fc
  .array(argument, { minLength: 1, maxLength: 4 })
  .map((args) => latin1(encodeCommand('set', ...args)))
const transaction = fc
  .array(plain, { maxLength: 3 })
  .map((inside) => latin1(encodeCommand('MULTI')) + inside.join('') + latin1(encodeCommand('exec')))
const select = fc.integer({ min: 0, max: 15 }).map((db) => latin1(encodeCommand('SELECT', String(db))))

describe("the master's stream", () => {
  test('comes out as whole commands, whatever the pieces it comes in', () => {
    const input = fc.array(fc.oneof(plain, transaction, select), { maxLength: 12 })
    fc.assert(
      fc.property(input, fc.array(fc.nat(2000), { maxLength: 30 }), (parts, cuts) => {
        const text = parts.join('')
        cuts.sort((a, b) => a - b)
        expect(read(text, cuts)).toMatchObject({ out: text, reason: null, rest: 0 })
        for (let length = text.length - 1; length > 0 && length > text.length - 25; length--) {
          const { out } = read(text.slice(0, length), cuts)
          const complete = parts.filter((_, i) => parts.slice(0, i + 1).join('').length <= length)
          expect(out).toBe(complete.join(''))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a transaction is handed out whole, and its SELECT counts from its end', () => {
    const parts = [
      encodeCommand('SELECT', '3'),
      encodeCommand('MULTI'),
      encodeCommand('SELECT', '5'),
      encodeCommand('SET', 'a', '1'),
      encodeCommand('EXEC'),
    ].map((bytes) => latin1(bytes))
    const whole = parts.join('')
    expect(read(parts.slice(0, 4).join(''), [])).toMatchObject({ out: parts[0], db: 3 })
    expect(read(whole, [])).toMatchObject({ out: whole, db: 5, rest: 0 })
  })

  test('GETACK comes between what is before and after it', () => {
    const set = latin1(encodeCommand('SET', 'a', '1'))
    const getack = latin1(encodeCommand('REPLCONF', 'GETACK', '*'))
    expect(read(set + getack + set, [5, 20, 60]).out).toBe(`${set}<getack ${getack}>${set}`)
  })

  test('damage gives a reason', () => {
    expect(read('PING\r\n', []).reason).toBe('Master using the inline protocol. Desync?')
    expect(read('*x\r\n', []).reason).toBe('invalid multibulk length')
    expect(read('*1\r\n:4\r\n', []).reason).toBe("expected '$', got ':'")
    expect(read('*1\r\n$-1\r\n', []).reason).toBe('invalid bulk length')
    expect(read(`*1\r\n$${2 ** 40}\r\n`, []).reason).toBe('invalid bulk length')
    expect(read(`*${'1'.repeat(70_000)}`, []).reason).toBe('too big mbulk count string')
  })

  test('never throws, and never reads beyond what it was given', () => {
    const noise = fc.array(fc.constantFrom('*', '$', '1', '2', '\r\n', '\n', 'a', 'multi'), { maxLength: 40 })
    fc.assert(
      fc.property(noise, fc.array(fc.nat(80), { maxLength: 8 }), (parts, cuts) => {
        const text = parts.join('')
        const { out } = read(
          text,
          cuts.sort((a, b) => a - b),
        )
        expect(text.startsWith(out.replace(/<getack (.*?)>/gs, '$1'))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('a long value arrives in many pieces without being read again and again', () => {
    const s = createStream(0)
    const value = new Uint8Array(8 * 1024 * 1024)
    const bytes = concat([encodeCommand('SET', 'k', value), encodeCommand('PING')])
    const events: StreamEvent[] = []
    let handed = 0
    for (let at = 0; at < bytes.length; at += 65_536) {
      events.length = 0
      expect(readStream(s, bytes, at, Math.min(at + 65_536, bytes.length), events)).toBe(null)
      for (const event of events) handed += event.end - event.start
    }
    expect(handed).toBe(bytes.length)
  })
})
