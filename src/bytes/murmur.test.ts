import fc from 'fast-check'
import { expect, test } from 'vitest'
import { murmur64 } from './murmur.js'

const wide = (value: bigint) => BigInt.asUintN(64, value)

/** The algorithm as it is published, in BigInt. */
function reference(bytes: Uint8Array, seed: bigint): bigint {
  const m = 0xc6a4a7935bd1e995n
  let h = wide(seed ^ (BigInt(bytes.length) * m))
  const whole = bytes.length & ~7
  const number = (from: number, to: number) =>
    [...bytes.subarray(from, to)].reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n)
  for (let at = 0; at < whole; at += 8) {
    let k = wide(number(at, at + 8) * m)
    k = wide((k ^ (k >> 47n)) * m)
    h = wide((h ^ k) * m)
  }
  if (whole < bytes.length) h = wide((h ^ number(whole, bytes.length)) * m)
  h = wide((h ^ (h >> 47n)) * m)
  return h ^ (h >> 47n)
}

test('hashes as the reference does, wherever the bytes lie', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(9), fc.integer(), (bytes, front, seed) => {
      const buf = new Uint8Array(front + bytes.length + 9).fill(0xee)
      buf.set(bytes, front)
      let hash = 0n
      murmur64(buf, front, front + bytes.length, seed, (low, high) => {
        hash = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
        return 0
      })
      expect(hash).toBe(reference(bytes, BigInt(seed >>> 0)))
    }),
    { numRuns: 2000 },
  )
})
