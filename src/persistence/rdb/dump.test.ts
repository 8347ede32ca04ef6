import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DumpWriter, dumpRaw, readDump } from './dump.js'
import { TYPE_STRING } from './format.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The payload of a string. */
function dumpString(writer: DumpWriter, value: Uint8Array, compress: boolean): Uint8Array {
  writer.begin(TYPE_STRING, compress).string(value, 0, value.length)
  writer.end()
  return writer.take()
}

test('the payload of "hello" at version 9, as Redis 5 and 6 make it', () => {
  expect(hex(dumpString(new DumpWriter(), Buffer.from('hello'), true))).toMatchInlineSnapshot(
    `"000568656c6c6f0900b3808eba31b243bb"`,
  )
})

test('payloads that redis-server 7.0.15 made', () => {
  const read = (made: string) => {
    const payload = Buffer.from(made, 'hex')
    const reading = readDump(payload, 0, payload.length)
    if (!reading.ok) return reading.error
    return `${reading.version} ${Buffer.from(reading.value.subarray(reading.start, reading.end))}`
  }
  expect(read('00c00a0a006e9f57450eae63bb')).toBe('10 10')
  expect(read('000568656c6c6f0a006372df766534200a')).toBe('10 hello')
  expect(read('000568656c6c6f0a006372df766534200b')).toBe('DUMP payload version or checksum are wrong')
})

test('what is dumped is read, whatever the bytes', () => {
  const writer = new DumpWriter()
  const times = fc.oneof({ weight: 20, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constant(1000) })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), times, fc.boolean(), (part, times, compress) => {
      const value = Buffer.concat(Array.from({ length: times }, () => part))
      const payload = dumpString(writer, value, compress)
      // Nothing of what was made before is in it.
      expect(hex(payload)).toBe(hex(dumpString(new DumpWriter(), value, compress)))
      const read = readDump(payload, 0, payload.length)
      if (!read.ok) throw new Error(read.error)
      expect(read.type).toBe(0)
      expect(Buffer.from(read.value.subarray(read.start, read.end)).equals(value)).toBe(true)
    }),
  )
})

test('damage is found', () => {
  const payload = dumpString(new DumpWriter(), Buffer.from('some value'), true)
  fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Uint8Array.from(payload)
      damaged[at]! ^= change
      expect(readDump(damaged, 0, damaged.length)).toEqual({
        ok: false,
        error: 'DUMP payload version or checksum are wrong',
      })
    }),
  )
  expect(readDump(payload, 0, 9).ok).toBe(false)
})

test('a right checksum over bad data', () => {
  fc.assert(
    fc.property(fc.nat(30), fc.uint8Array({ maxLength: 60 }), (type, data) => {
      const payload = dumpRaw(type, data, 0, data.length)
      const read = readDump(payload, 0, payload.length)
      if (!read.ok) expect(read.error).toBe('Bad data format')
    }),
  )
  const short = dumpRaw(0, Uint8Array.of(5, 1), 0, 2)
  expect(readDump(short, 0, short.length)).toEqual({ ok: false, error: 'Bad data format' })
})
