import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameWords, wordsAre, wordsAreIn } from './words.js'

const bytes = fc.uint8Array({ maxLength: 40 })

/** The bytes as a block of the heap has them: from a word on, with something behind them. */
function stored(content: Uint8Array, word: number): Uint32Array {
  const u32 = new Uint32Array(word + Math.ceil(content.length / 4) + 1).fill(0xa5a5a5a5)
  new Uint8Array(u32.buffer).set(content, word * 4)
  return u32
}

describe('wordsAre', () => {
  it('finds bytes equal to themselves wherever they stand', () => {
    fc.assert(
      fc.property(bytes, fc.nat(5), fc.nat(5), fc.nat(5), (content, word, before, behind) => {
        const buf = new Uint8Array(before + content.length + behind).fill(0x5a)
        buf.set(content, before)
        expect(wordsAre(stored(content, word), word, buf, before, before + content.length)).toBe(true)
      }),
    )
  })

  it('sees any one byte that differs', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (content, at, by) => {
          const other = content.slice()
          other[at % content.length]! ^= by
          expect(wordsAre(stored(content, 2), 2, other, 0, other.length)).toBe(false)
        },
      ),
    )
  })
})

describe('wordsAreIn', () => {
  const at = (content: Uint8Array, byte: number): Uint32Array => {
    const buf = new Uint8Array((byte + content.length + 3) & ~3).fill(0xc3)
    buf.set(content, byte)
    return new Uint32Array(buf.buffer)
  }

  it('finds bytes equal to themselves wherever they stand, to the very end of what there is', () => {
    fc.assert(
      fc.property(bytes, fc.nat(5), fc.nat(9), (content, word, byte) => {
        expect(wordsAreIn(stored(content, word), word, at(content, byte), byte, content.length)).toBe(true)
      }),
    )
  })

  it('sees any one byte that differs', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(9),
        (content, place, by, byte) => {
          const other = content.slice()
          other[place % content.length]! ^= by
          expect(wordsAreIn(stored(content, 2), 2, at(other, byte), byte, other.length)).toBe(false)
        },
      ),
    )
  })
})

describe('sameWords', () => {
  it('looks at all bytes that belong to the ranges, and at none behind them', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(3), fc.nat(3), (one, other, at, from) => {
        const length = Math.min(one.length, other.length)
        const equal = Buffer.compare(one.subarray(0, length), other.subarray(0, length)) === 0
        expect(sameWords(stored(one, at), at, stored(other, from), from, length)).toBe(equal)
        expect(sameWords(stored(one, at), at, stored(one.slice(), from), from, length)).toBe(true)
      }),
    )
  })

  it('sees any one byte that differs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (content, at) => {
        const other = content.slice()
        other[at % content.length]! ^= 0x80
        expect(sameWords(stored(content, 1), 1, stored(other, 2), 2, content.length)).toBe(false)
      }),
    )
  })
})
