import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newCrc64, updateCrc64, writeCrc64 } from '../../bytes/crc64.js'
import { moduleTypeName, notSupportedYet, RdbReader, type RdbVisitor, SHORT_READ } from './reader.js'
import { rdbLines, rdbProblemLine } from './render.js'

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url))

/** The file as lines, with the problem as the last; fed in pieces of `piece` bytes. */
function linesOf(bytes: Uint8Array, piece = bytes.length, options = { checksum: true }): string[] {
  const lines: string[] = []
  const reader = new RdbReader(
    rdbLines((line) => lines.push(line)),
    options,
  )
  for (let at = 0; at < bytes.length; at += Math.max(1, piece)) {
    reader.feed(bytes, at, Math.min(bytes.length, at + Math.max(1, piece)))
  }
  const problem = reader.end()
  if (problem !== undefined) lines.push(rdbProblemLine(problem))
  return lines
}

/** Magic, the bytes given, EOF and a right checksum where the version has one. */
function file(version: number, ...parts: (number[] | string)[]): Uint8Array {
  const all = [`REDIS${String(version).padStart(4, '0')}`, ...parts, [255]]
  const body = Buffer.concat(
    all.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  )
  if (version < 5) return body
  const crc = newCrc64()
  updateCrc64(crc, body, 0, body.length)
  const whole = new Uint8Array(body.length + 8)
  whole.set(body)
  writeCrc64(crc, whole, body.length)
  return whole
}

const str = (text: string) => [text.length, ...Buffer.from(text, 'latin1')]

test('a file of redis-server 7.0.15 with every type', () => {
  const lines = linesOf(fixture('redis-7.0.15-all-types.rdb'))
  expect(lines[0]).toBe('rdb version 10')
  expect(lines).toContain('aux redis-ver = "7.0.15"')
  expect(lines.filter((line) => line.startsWith('  "')).sort()).toMatchInlineSnapshot(`
    [
      "  "12345" string "numkey"",
      "  "big64" string "9007199254740993"",
      "  "bighash" hash (hashtable, 16 bytes serialized)",
      "  "biglist" list (quicklist, 219 bytes serialized)",
      "  "bigzset" zset (skiplist, 22 bytes serialized)",
      "  "binary" string "a\\x00\\xff\\r\\nb"",
      "  "empty" string """,
      "  "exp" string "v" expires 4102444800123",
      "  "hash" hash (listpack, 19 bytes serialized)",
      "  "hll" string "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\`\\xf3\\x80P\\xb1\\x84K\\xfb\\x80BZ"",
      "  "i16" string "1000"",
      "  "i32" string "2000000000"",
      "  "i8" string "-5"",
      "  "intset" set (intset, 21 bytes serialized)",
      "  "list" list (quicklist, 18 bytes serialized)",
      "  "lzf" string "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabca"... (450 bytes)",
      "  "other" string "db"",
      "  "plain" string "hello"",
      "  "quick" list (quicklist, 74 bytes serialized)",
      "  "set" set (hashtable, 7 bytes serialized)",
      "  "stream" stream (stream, 158 bytes serialized)",
      "  "zset" zset (listpack, 30 bytes serialized)",
    ]
  `)
  expect(lines.filter((line) => !line.startsWith('  ') && !line.startsWith('aux'))).toMatchInlineSnapshot(`
    [
      "rdb version 10",
      "function library "#!lua name=lib\\nredis.register_function(\\"f\\", function() return 1 "... (68 bytes)",
      "db 0",
      "db 3",
      "end, checksum read",
    ]
  `)
})

test('the same file in pieces of any size reads the same', () => {
  const bytes = fixture('redis-7.0.15-all-types.rdb')
  const whole = linesOf(bytes)
  for (let piece = 1; piece < 80; piece++) expect(linesOf(bytes, piece)).toEqual(whole)
})

test('idle time and frequency', () => {
  expect(linesOf(fixture('redis-7.0.15-lru.rdb')).filter((line) => line.startsWith('  "'))).toEqual([
    '  "lru" string "v" idle 0',
  ])
  const bytes = file(9, [254, 0, 249, 7], [0], str('k'), str('v'), [0], str('j'), str('w'))
  expect(linesOf(bytes).slice(2, 4)).toEqual(['  "k" string "v" freq 7', '  "j" string "w"'])
})

test('versions before 5 end without a checksum, and expire in seconds', () => {
  const bytes = file(1, [254, 0, 253, 0x80, 0xce, 0x10, 0x73], [0], str('k'), str('v'))
  expect(linesOf(bytes)).toEqual([
    'rdb version 1',
    'db 0',
    '  "k" string "v" expires 1930481280000',
    'end, no checksum',
  ])
})

test('types that only old or young servers write are framed to the byte', () => {
  const id = [...new Array(15).fill(0), 1]
  const time = new Array(8).fill(1)
  const group3 = [1, ...str('g'), 1, 1, 2, 1, ...id, ...time, 1, 1, ...str('c'), ...time, ...time, 1, ...id]
  const parts: [string, number, number[]][] = [
    ['list', 1, [2, ...str('a'), 0xc0, 5]],
    ['set', 2, [1, ...str('a')]],
    ['zset', 3, [3, ...str('a'), 3, 0x31, 0x2e, 0x35, ...str('b'), 254, ...str('c'), 253]],
    ['hash', 4, [1, ...str('f'), ...str('v')]],
    ['zset2', 5, [1, ...str('m'), ...time]],
    ['module', 7, [0x81, 1, 2, 3, 4, 5, 6, 7, 8, 1, 5, 2, 6, 3, 0, 0, 0, 0, 4, ...time, 5, ...str('x'), 0]],
    ['zipmap', 9, str('\x01\x01a\x01\x00b\xff')],
    ['quicklist', 14, [2, ...str('zl1'), ...str('zl2')]],
    ['stream1', 15, [1, ...str('i'), ...str('lp'), 1, 1, 1, 1, ...str('g'), 1, 1, 0, 0]],
    ['quicklist2', 18, [2, 1, ...str('plain'), 2, ...str('lp')]],
    ['setlp', 20, str('lp')],
    ['stream3', 21, [1, ...str('i'), ...str('lp'), 1, 1, 1, 1, 1, 0, 0, 1, ...group3]],
    ['hashttl', 24, [...time, 1, 9, ...str('f'), ...str('v')]],
    ['hashttlpre', 22, [1, 9, ...str('f'), ...str('v')]],
    ['lpex', 25, [...time, ...str('lp')]],
    ['nothing', 2, [0]],
  ]
  const bytes = file(
    12,
    [244, 7, 16, 1],
    [247, 0x81, 1, 2, 3, 4, 5, 6, 7, 8, 2, 1, 2, 9, 0],
    ...parts.map(([name, type, value]) => [type, ...str(name), ...value]),
  )
  const raw = new Map<string, string>()
  const visitor: RdbVisitor = {
    onEntry: (entry) => {
      const key = Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)).toString()
      raw.set(key, Buffer.from(entry.value.subarray(entry.valueStart, entry.valueEnd)).toString('hex'))
      expect(entry.empty).toBe(key === 'nothing')
      return undefined
    },
  }
  const reader = new RdbReader(visitor, { checksum: true })
  expect(reader.feed(bytes, 0, bytes.length)).toBe(bytes.length)
  expect(reader.end()).toBeUndefined()
  for (const [name, , value] of parts) expect(raw.get(name)).toBe(Buffer.from(value).toString('hex'))
  expect(raw.size).toBe(parts.length)
  for (const piece of [1, 2, 3, 7]) expect(linesOf(bytes, piece)).toEqual(linesOf(bytes))
})

test('errors in the words of Redis', () => {
  const last = (bytes: Uint8Array) => linesOf(bytes).at(-1)
  expect(last(Buffer.from('RADIS0009\xff'))).toBe(
    'error at offset 0: Wrong signature trying to load DB from file',
  )
  expect(last(Buffer.from('REDIS0013'))).toBe("error at offset 0: Can't handle RDB format version 13")
  expect(last(Buffer.from('REDISabcd'))).toBe("error at offset 0: Can't handle RDB format version 0")
  expect(last(Buffer.from('REDIS'))).toContain(`offset 0: ${SHORT_READ}`)
  const good = file(9, [0], str('k'), str('v'))
  expect(last(good.subarray(0, good.length - 9))).toContain(SHORT_READ)
  const bad = Uint8Array.from(good)
  bad[good.length - 8]! ^= 0x10
  expect(last(bad)).toMatch(
    /Wrong RDB checksum expected: \([0-9a-f]+\) but got \([0-9a-f]+\)\. Aborting now\./,
  )
  expect(linesOf(bad, bad.length, { checksum: false }).at(-1)).toBe('end, checksum read')
  expect(last(file(9, [8], str('k'), str('v')))).toContain('Unknown RDB encoding type 8')
  expect(last(file(9, [6], str('k'), str('v')))).toContain('Pre-release module format not supported')
  expect(last(file(9, [0, 0xc4, 1], str('v')))).toContain('Unknown RDB string encoding type 4')
  expect(last(file(9, [0, 0x82, 1], str('v')))).toContain('Unknown length encoding')
  expect(last(file(9, [0], str('k'), [0xc3, 2, 5, 0x20, 0]))).toContain('Invalid LZF compressed string')
  expect(last(file(10, [246], str('k')))).toContain('Pre-release function format not supported.')
})

test('a visitor can refuse, and a type that cannot be held is told with its key', () => {
  const bytes = file(
    9,
    [0],
    str('k'),
    str('v'),
    [4],
    str('h\x00'),
    [1],
    str('f'),
    str('v'),
    [0],
    str('z'),
    str('v'),
  )
  const seen: number[] = []
  const reader = new RdbReader({
    onEntry: (entry) => {
      seen.push(entry.type)
      return entry.type === 0 ? undefined : notSupportedYet(entry)
    },
  })
  reader.feed(bytes, 0, bytes.length)
  expect(seen).toEqual([0, 4])
  expect(reader.end()?.kind).toBe('refused')
  expect(reader.problem?.text).toBe('Values of type hash (hashtable) are not supported yet: key "h\\x00"')
})

test('where the data ends in a piece is told, so that what follows can be read', () => {
  const bytes = file(9, [0], str('k'), str('v'))
  const more = Buffer.concat([bytes, Buffer.from('*1\r\n$4\r\nPING\r\n')])
  for (let cut = 0; cut < more.length; cut++) {
    const reader = new RdbReader({ onEntry: () => undefined }, { checksum: true })
    const first = reader.feed(more, 0, cut)
    const stop = reader.state === 'done' ? first : reader.feed(more, cut, more.length)
    expect([reader.state, stop]).toEqual(['done', bytes.length])
  }
})

test('a length of 2^40 makes no room', () => {
  const huge = [0x81, 0, 0, 1, 0, 0, 0, 0, 0]
  const before = process.memoryUsage().arrayBuffers
  for (const value of [huge, [0xc3, 5, ...huge], [0xc3, ...huge, ...huge], [0xc3, ...huge, 5]]) {
    const bytes = file(9, [0], str('k'), value, str('rest'))
    expect(linesOf(bytes).at(-1)).toContain(SHORT_READ)
  }
  for (const type of [1, 2, 3, 4, 5, 14, 15, 18, 19, 21]) {
    expect(linesOf(file(11, [type], str('k'), huge, str('rest'))).at(-1)).toContain(SHORT_READ)
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
})

test('damaged files give an error value or other content, never a throw', () => {
  const bytes = fixture('redis-7.0.15-all-types.rdb')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: bytes.length }),
      fc.integer({ min: 1, max: 300 }),
      (changes, length, piece) => {
        const damaged = Uint8Array.from(bytes.subarray(0, length))
        for (const [at, value] of changes) if (at < length) damaged[at] = value
        const same = Buffer.from(damaged).equals(bytes)
        const end = linesOf(damaged, piece).at(-1)
        if (!same) expect(end).toMatch(/^error at offset \d+: |^end, /)
      },
    ),
    { numRuns: 500 },
  )
})

test('arbitrary bytes after the header', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (data, piece) => {
      const bytes = Buffer.concat([Buffer.from('REDIS0011'), data])
      expect(linesOf(bytes, piece)).toEqual(linesOf(bytes))
    }),
    { numRuns: 300 },
  )
})

test('the name in a module type id', () => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let id = 0n
  for (const letter of 'ReJSON-RL') id = (id << 6n) | BigInt(letters.indexOf(letter))
  id = (id << 10n) | 3n
  expect(moduleTypeName(Number(id >> 32n), Number(id & 0xffffffffn))).toBe('ReJSON-RL')
})
