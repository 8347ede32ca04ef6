import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeScore, LATITUDE_MAX, LONGITUDE_MAX, scoreOf } from './hash.js'

/** The middle of a part of a range, as it is written down. */
function middle(part: number, max: number): number {
  const edge = (at: number) => -max + (at / 2 ** 26) * (max - -max)
  return (edge(part) + edge(part + 1)) / 2
}

test('a score has the bits of both coordinates in turns', () => {
  const part = fc.oneof(fc.integer({ min: 0, max: 2 ** 26 - 1 }), fc.constantFrom(0, 1, 2 ** 26 - 1))
  fc.assert(
    fc.property(part, part, (latitude, longitude) => {
      let score = 0
      for (let bit = 25; bit >= 0; bit--) {
        score = score * 4 + ((longitude >>> bit) & 1) * 2 + ((latitude >>> bit) & 1)
      }
      const place = { longitude: 0, latitude: 0 }
      decodeScore(score, place)
      expect(place).toEqual({
        latitude: middle(latitude, LATITUDE_MAX),
        longitude: middle(longitude, LONGITUDE_MAX),
      })
      expect(scoreOf(place.longitude, place.latitude)).toBe(score)
      decodeScore(score + 0.25, place)
      expect(scoreOf(place.longitude, place.latitude)).toBe(score)
    }),
    { numRuns: 2000 },
  )
})

test('a score that is no place has one all the same', () => {
  const place = { longitude: 0, latitude: 0 }
  for (const score of [2 ** 52, 2 ** 60, 2 ** 64, -1, -(2 ** 63), -(2 ** 70), Infinity, -Infinity]) {
    decodeScore(score, place)
    expect(Math.abs(place.longitude)).toBeLessThanOrEqual(LONGITUDE_MAX)
    expect(Math.abs(place.latitude)).toBeLessThanOrEqual(LATITUDE_MAX)
  }
})
