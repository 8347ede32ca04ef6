/** XXH3 against digests that the reference implementation gave. */

import { expect, test } from 'vitest'
import { Xxh3 } from './xxh3.js'

/** A generator that the vectors were made with, too: the upper bytes of a linear congruence. */
function sample(length: number): Uint8Array {
  const bytes = new Uint8Array(length + 3)
  let x = 0x9e3779b1
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    bytes[i + 2] = x >>> 24
  }
  return bytes
}

/** Lengths around every border between the algorithm's ways, and their digests by xxHash 0.8. */
const VECTORS: readonly (readonly [number, string])[] = [
  [0, '2d06800538d394c2'],
  [1, '74d3766ca02423f3'],
  [2, '52a4e47d9348fa36'],
  [3, '9e77e470a7018920'],
  [4, '093645744145d7e3'],
  [5, '8030fd917e4cbf5a'],
  [7, '88a1647440a9b56c'],
  [8, '854c59bc83f9a7b7'],
  [9, 'fb2102f80bd05046'],
  [12, '144939e7611fe0a5'],
  [15, '2c15c43df633db07'],
  [16, '294d5381d3d9f990'],
  [17, '79770199644b19d3'],
  [31, '2ca9ccc7a97f2562'],
  [32, '01adb610690b30e5'],
  [33, '47485c2c29c37a79'],
  [64, 'e64d3d0ef69415a8'],
  [65, 'fa0c3fffe196c471'],
  [96, 'bd031f5852866924'],
  [97, '26be75dcd91851cb'],
  [128, '7a255dc3181c5ede'],
  [129, '074f486ff94b8e7d'],
  [144, 'a161d6f8544ca8ee'],
  [160, '569a0e9dbf9f0feb'],
  [193, '94e9286aad228475'],
  [239, '040dcfa50e41eafe'],
  [240, '414bbb0678ea02e0'],
  [241, 'ef60a4fc8b25f1cc'],
  [255, '65c755610182b9c9'],
  [256, 'ddf43fdda4785f38'],
  [320, '3ceb07e77c1dbd3a'],
  [512, 'b68df51d0f0b428b'],
  [1024, '53de00d98ba8bad5'],
  [1025, 'de126c62f3f1d23e'],
  [1088, '3e236c374f22b41b'],
  [1089, '1e3f1eace339e22f'],
  [2048, '317d259e9c5489f8'],
  [2049, '7d64a65c9a497324'],
  [5000, 'a52a690f621ce365'],
]

function digest(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const hash = new Xxh3()
  hash.digest(bytes, start, end)
  return hash.hex()
}

test('every length has its digest, wherever the bytes stand', () => {
  for (const [length, expected] of VECTORS) expect(digest(sample(length), 2, length + 2)).toBe(expected)
})

test('what Redis says of some strings', () => {
  const of = (text: string) => digest(Uint8Array.from(Buffer.from(text)))
  expect(of('hello')).toBe('9555e8555c62dcfd')
  expect(of('')).toBe('2d06800538d394c2')
  expect(of('123')).toBe('404a763b3f4c8c9a')
  // Leading zeros stay.
  expect(of('v8')).toBe('0cc76dbb41381419')
  const long = 'v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd'
  expect(of(long)).toBe('00006c38adf31777')
})

test('one object takes many digests', () => {
  const hash = new Xxh3()
  for (const [length, expected] of [...VECTORS].reverse()) {
    hash.digest(sample(length), 2, length + 2)
    expect(hash.hex()).toBe(expected)
  }
})
