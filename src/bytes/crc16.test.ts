import keySlotOfOthers from 'cluster-key-slot'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc16, keySlot } from './crc16.js'

const slotOf = (text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return keySlot(bytes, 0, bytes.length)
}

test('the specification gives 0x31c3 for 123456789', () => {
  expect(crc16(Buffer.from('123456789'), 0, 9)).toBe(0x31c3)
})

test('known keys', () => {
  expect(slotOf('name')).toBe(5798)
  expect(slotOf('')).toBe(0)
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
  expect(slotOf('foo{}{bar}')).toBe(crc16(Buffer.from('foo{}{bar}'), 0, 10) & 16383)
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'))
})

test('any key hashes as another implementation says', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('{', '}', 'a', 'b', '\u00e9'), { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      // An empty tag hashes the whole key; the other implementation looks for a later `}` instead.
      const open = text.indexOf('{')
      fc.pre(open < 0 || text[open + 1] !== '}')
      const key = Buffer.from(text)
      expect(slotOf(key)).toBe(keySlotOfOthers(key))
    }),
  )
})
