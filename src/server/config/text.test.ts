import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesOf, quoted, splitWords, uncappedTextOf as textOf } from './text.js'

describe('text that may hold any bytes', () => {
  test('any bytes become text and come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(bytesOf(textOf(bytes))).toEqual(bytes)
      }),
    )
  })
  test('valid UTF-8 is plain text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(textOf(new TextEncoder().encode(text))).toBe(text)
      }),
    )
  })
})

describe('words of a line', () => {
  test.each([
    ['port 7000', ['port', '7000']],
    ['  a\t b  ', ['a', 'b']],
    ['a "b c" \'d e\'', ['a', 'b c', 'd e']],
    ['"\\n\\r\\t\\b\\a\\x41\\q\\\\"', ['\n\r\t\b\x07Aq\\']],
    ["'\\n\\''", ["\\n'"]],
    ['"\\xzz\\x4"', ['xzzx4']],
    ['ab"cd"', ['abcd']],
    ['"\\xe6\\x97\\xa5" 本', ['日', '本']],
    ['""', ['']],
    ['', []],
  ])('%j', (line, words) => expect(splitWords(line)).toEqual(words))

  test.each(['"', "'", '"a"b', "'a'b", '"a\\"', 'x "unclosed'])('unbalanced: %j', (line) => {
    expect(splitWords(line)).toBeUndefined()
  })

  test('a quoted text reads back as itself', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = textOf(bytes)
        expect(splitWords(`x ${quoted(text)} y`)).toEqual(['x', text, 'y'])
        expect(quoted(text)).toMatch(/^[ -~]*$/)
      }),
    )
  })
})
