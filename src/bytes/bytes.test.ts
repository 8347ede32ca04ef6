import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ascii,
  compareBytes,
  integerLength,
  isWord,
  parseInt64,
  parseInteger,
  uncappedText as text,
  utf8,
  writeInteger,
  writeWords,
} from './ascii.js'
import { globMatch } from './glob.js'
import { halfSipHash, halfSipHashIn, halfSipHashWords } from './siphash.js'

test('an integer written is the integer read', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const buf = new Uint8Array(32)
      const end = writeInteger(buf, 3, value)
      expect(text(buf, 3, end)).toBe(String(value))
      expect(end - 3).toBe(integerLength(value))
      expect(parseInteger(buf, 3, end)).toBe(value)
    }),
  )
})

test('64-bit integers, and what is none', () => {
  const parse = (s: string) => parseInt64(ascii(s), 0, s.length)
  expect(parse('9223372036854775807')).toBe(9223372036854775807n)
  expect(parse('-9223372036854775808')).toBe(-9223372036854775808n)
  for (const bad of [
    '',
    '-',
    '+1',
    '01',
    '-0',
    ' 1',
    '1 ',
    '9223372036854775808',
    '-9223372036854775809',
    '1e3',
  ]) {
    expect(parse(bad), bad).toBe(null)
  }
})

test('utf8 agrees with the platform', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (s) => {
      expect(Buffer.from(utf8(s))).toEqual(Buffer.from(s))
    }),
  )
})

test('words are compared without case', () => {
  expect(isWord(ascii('xGeTx'), 1, 4, 'get')).toBe(true)
  expect(isWord(ascii('get\u0000'), 0, 4, 'get')).toBe(false)
})

test('bytes are ordered as memcmp orders them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (a, b) => {
      expect(Math.sign(compareBytes(a, 0, a.length, b, 0, b.length))).toBe(Buffer.compare(a, b))
    }),
  )
})

test('glob patterns', () => {
  const match = (p: string, s: string, nocase = false) =>
    globMatch(ascii(p), 0, p.length, ascii(s), 0, s.length, nocase)
  for (const [pattern, subject] of [
    ['h?llo', 'hello'],
    ['h*llo', 'heeeello'],
    ['h[ae]llo', 'hallo'],
    ['h[^e]llo', 'hallo'],
    ['h[a-b]llo', 'hbllo'],
    ['a\\*b', 'a*b'],
    ['*a*b*c', 'xaxbxc'],
    ['[\\]]', ']'],
    ['a*', 'a'],
    ['[c-a]', 'b'],
  ] as const)
    expect(match(pattern, subject), pattern).toBe(true)
  for (const [pattern, subject] of [
    ['', 'a'],
    ['*', ''], // as redis-server has it
    ['h?llo', 'hllo'],
    ['h[^e]llo', 'hello'],
    ['a\\*b', 'axb'],
    ['A', 'a'],
    ['a', 'ab'],
    ['*b', 'a'],
  ] as const)
    expect(match(pattern, subject), pattern).toBe(false)
  expect(match('CONFIG-*', 'config-file', true)).toBe(true)
})

test('many stars do not take for ever', () => {
  const pattern = ascii('a*'.repeat(100))
  const subject = ascii(`${'a'.repeat(5000)}b`)
  expect(globMatch(pattern, 0, pattern.length, subject, 0, subject.length)).toBe(true)
  const never = ascii(`${'a*'.repeat(100)}c`)
  expect(globMatch(never, 0, never.length, subject, 0, subject.length)).toBe(false)
})

test('the hash depends on every byte, on the length and on the key', () => {
  const seen = new Set<number>()
  for (let length = 0; length < 64; length++) seen.add(halfSipHash(new Uint8Array(64), 0, length, 1, 2))
  for (let i = 0; i < 64 * 8; i++) {
    const buf = new Uint8Array(64)
    buf[i >> 3] = 1 << (i & 7)
    seen.add(halfSipHash(buf, 0, 64, 1, 2))
  }
  seen.add(halfSipHash(new Uint8Array(64), 0, 64, 2, 2))
  seen.add(halfSipHash(new Uint8Array(64), 0, 64, 1, 3))
  expect(seen.size).toBe(64 + 512 + 2)
})

test('the hash of words is that of their bytes', () => {
  const words = Uint32Array.from({ length: 20 }, (_, i) => Math.imul(i + 1, 0x9e3779b1))
  const buf = new Uint8Array(words.buffer)
  for (let word = 0; word < 3; word++) {
    for (let length = 0; length <= 64; length++) {
      const start = word * 4
      expect(halfSipHashWords(words, word, length, 3, 4)).toBe(halfSipHash(buf, start, start + length, 3, 4))
    }
  }
  // Up to the last byte: what stands behind it is not read.
  for (let start = 0; start < 9; start++) {
    for (let length = 0; start + length <= buf.length; length++) {
      expect(halfSipHashIn(words, start, length, 3, 4)).toBe(halfSipHash(buf, start, start + length, 3, 4))
    }
  }
})

test('integers beyond 2^53 are written with the digits of the double, and words with those of 64 bits', () => {
  const buf = new Uint8Array(32)
  const doubles = fc.oneof(
    fc.double({ min: -(2 ** 63), max: 2 ** 63, noNaN: true }).map((value) => Math.trunc(value) + 0),
    fc.constantFrom(
      1e9,
      1e9 - 1,
      1e17 - 16,
      2 ** 53,
      2 ** 53 + 2,
      2 ** 63,
      -(2 ** 63),
      2 ** 64 - 2048,
      1e18,
      1e19,
    ),
    fc.maxSafeInteger(),
  )
  fc.assert(
    fc.property(doubles, (value) => {
      const digits = BigInt(value).toString()
      expect(text(buf, 0, writeInteger(buf, 0, value))).toBe(digits)
      expect(integerLength(value)).toBe(digits.length)
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const end = writeWords(buf, 0, Number(value >> 32n), Number(value & 0xffffffffn))
      expect(text(buf, 0, end)).toBe(value.toString())
    }),
    { numRuns: 1000 },
  )
})
