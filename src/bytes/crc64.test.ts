import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc64Text, matchesCrc64, newCrc64, updateCrc64, writeCrc64 } from './crc64.js'

/** The definition, bit by bit. */
function slowly(bytes: Uint8Array): bigint {
  let crc = 0n
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n
  }
  return crc
}

test('the check value of the polynomial', () => {
  const crc = newCrc64()
  updateCrc64(crc, Buffer.from('123456789'), 0, 9)
  expect(crc64Text(crc)).toBe('e9c6d914c4b8d9ca')
})

test('any bytes, in any pieces, from any offset, as the definition says', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000 }),
      fc.integer({ min: 0, max: 9 }),
      fc.nat(2000),
      (data, shift, cut) => {
        const bytes = new Uint8Array(data.length + shift)
        bytes.set(data, shift)
        const crc = newCrc64()
        const middle = shift + Math.min(cut, data.length)
        updateCrc64(crc, bytes, shift, middle)
        updateCrc64(crc, bytes, middle, bytes.length)
        expect(crc64Text(crc)).toBe(slowly(data).toString(16))
      },
    ),
  )
})

test('eight bytes, least significant first', () => {
  const crc = newCrc64()
  updateCrc64(crc, Buffer.from('123456789'), 0, 9)
  const bytes = new Uint8Array(9)
  writeCrc64(crc, bytes, 1)
  expect(Buffer.from(bytes).toString('hex')).toBe('00cad9b8c414d9c6e9')
  expect(matchesCrc64(crc, bytes, 1)).toBe(true)
  bytes[8]! ^= 1
  expect(matchesCrc64(crc, bytes, 1)).toBe(false)
})
