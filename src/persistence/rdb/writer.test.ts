import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Int64 } from '../../bytes/int64.js'
import { oldestRdbVersion } from './format.js'
import { RdbReader } from './reader.js'
import { RdbWriter, type RdbWriterOptions } from './writer.js'

const info = { redisVersion: '7.2.4', created_s: 1700000000, usedMemory_bytes: 1000000, aofBase: false }

function write(options: RdbWriterOptions, fill: (writer: RdbWriter) => void): Buffer {
  const blocks: Uint8Array[] = []
  const writer = new RdbWriter({ ...options, onBlock: (block) => blocks.push(block) })
  fill(writer)
  writer.finish()
  const all = Buffer.concat(blocks)
  expect(writer.sink.total).toBe(all.length)
  return all
}

const put = (writer: RdbWriter, key: Uint8Array, value: Uint8Array) =>
  writer.stringEntry(key, 0, key.length, value, 0, value.length)

test('the bytes of a small file', () => {
  const bytes = write({ checksum: true }, (writer) => {
    writer.header(info)
    writer.selectDb(0)
    writer.resizeDb(1, 1)
    writer.attributes(1700000000123, -1, -1)
    put(writer, Buffer.from('key'), Buffer.from('-129'))
  })
  expect(bytes.toString('latin1').replace(/[^\x20-\x7e]/g, '.')).toMatchInlineSnapshot(
    `"REDIS0009..redis-ver.7.2.4..redis-bits.@..ctime...Se..used-mem.@B....aof-base........{h........key....<;./@..d"`,
  )
  expect(bytes.toString('hex')).toMatchInlineSnapshot(
    `"524544495330303039fa0972656469732d76657205372e322e34fa0a72656469732d62697473c040fa056374696d65c200f15365fa08757365642d6d656dc240420f00fa08616f662d62617365c000fe00fb0101fc7b68e5cf8b01000000036b6579c17fffff3c3ba92f40f4f764"`,
  )
})

test('without checksum the file ends in zeros', () => {
  expect(write({}, () => undefined).toString('hex')).toBe('ff0000000000000000')
})

const text = fc.oneof(
  fc.uint8Array({ maxLength: 90 }),
  fc.maxSafeInteger().map((n) => Buffer.from(String(n))),
  fc.integer().map((n) => Buffer.from(String(n))),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(3000))
    .map(([part, n]) => Buffer.alloc(n, part)),
)

test('what is written is read, in blocks and pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text, text, fc.option(fc.nat(2 ** 42))), { maxLength: 30 }),
      fc.boolean(),
      fc.integer({ min: 64, max: 5000 }),
      fc.integer({ min: 1, max: 5000 }),
      (entries, compress, blockBytes, piece) => {
        const bytes = write({ compress, checksum: true, blockBytes }, (writer) => {
          writer.header({ ...info, replication: { db: 0, id: 'f'.repeat(40), offset: 12345678901 } })
          writer.selectDb(300)
          writer.resizeDb(70000, 5e9)
          for (const [key, value, at_ms] of entries) {
            writer.attributes(at_ms ?? -1, -1, -1)
            put(writer, key, value)
          }
        })
        const seen: [Buffer, Buffer, Int64 | null][] = []
        const aux: Record<string, string> = {}
        const reader = new RdbReader(
          {
            onAux: (key, value) => {
              const of = (s: typeof key) => Buffer.from(s.buf.subarray(s.start, s.end)).toString()
              aux[of(key)] = of(value)
              return undefined
            },
            onSelectDb: (db) => (db === 300 ? undefined : 'db'),
            onResizeDb: (keys, expires) => (keys === 70000 && expires === 5e9 ? undefined : 'sizes'),
            onEntry: (entry) => {
              seen.push([
                Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)),
                Buffer.from(entry.value.subarray(entry.valueStart, entry.valueEnd)),
                entry.expireAt_ms < 0 ? null : entry.expireAt_ms,
              ])
              return undefined
            },
          },
          { checksum: true },
        )
        for (let at = 0; at < bytes.length; at += piece)
          reader.feed(bytes, at, Math.min(bytes.length, at + piece))
        expect(reader.end()).toBeUndefined()
        expect(aux['repl-offset']).toBe('12345678901')
        expect(seen).toEqual(entries.map(([key, value, at]) => [Buffer.from(key), Buffer.from(value), at]))
      },
    ),
    { numRuns: 60 },
  )
})

test('a block that comes back is used again', () => {
  const blocks = new Set<ArrayBufferLike>()
  const writer: RdbWriter = new RdbWriter({
    blockBytes: 100,
    onBlock: (block) => {
      blocks.add(block.buffer)
      writer.sink.recycle(block)
    },
  })
  const value = Buffer.alloc(5000, 1)
  put(writer, Buffer.from('k'), value)
  expect(blocks.size).toBeLessThanOrEqual(2)
})

test('a value younger than the version is a mistake of the program', () => {
  const writer = new RdbWriter()
  const none = new Uint8Array(1)
  expect(() => writer.rawEntry(20, none, 0, 0, none, 0, 1)).toThrow('RDB version 9 cannot hold type 20')
  expect(() => writer.functionLibrary(none, 0, 0)).toThrow('RDB version 9 cannot hold')
  expect(oldestRdbVersion([0, 5], false)).toBe(9)
  expect(oldestRdbVersion([0, 18], false)).toBe(10)
  expect(oldestRdbVersion([0, 20], true)).toBe(11)
  expect(oldestRdbVersion([], true)).toBe(10)
  expect(oldestRdbVersion([25], false)).toBe(12)
})
