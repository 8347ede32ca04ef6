import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sortPart } from '../partial-sort.js'
import { Distances } from './distance.js'
import { decodeScore, LATITUDE_MAX, scoreOf } from './hash.js'
import { Matches } from './matches.js'
import { orderAll, orderFirst } from './nearest.js'

/** On both sides of the middle, above and below it: pairs whose distances differ in the last digits, if at all; and anywhere. */
const place = fc.oneof(
  fc.record({
    longitude: fc.constantFrom(-2, -1, -0.5, 0, 0.5, 1, 2),
    latitude: fc.constantFrom(-2, -1, 0, 1, 2),
  }),
  fc.record({
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
    latitude: fc.double({ min: -LATITUDE_MAX, max: LATITUDE_MAX, noNaN: true }),
  }),
  // Next to the opposite side.
  fc.record({
    longitude: fc.constantFrom(179.9999, 179.9998, -179.9999),
    latitude: fc.constantFrom(0, 1e-4),
  }),
)

function matchesOf(places: readonly { longitude: number; latitude: number }[], distances: Distances) {
  const matches = new Matches()
  matches.begin(null)
  const found = { longitude: 0, latitude: 0 }
  for (const { longitude, latitude } of places) {
    const score = scoreOf(longitude, latitude)
    decodeScore(score, found)
    matches.add(0, score, distances.haversine(found.longitude, found.latitude))
  }
  return matches
}

test('the order is that of distances in all their digits', () => {
  const several = fc.array(place, { maxLength: 60 })
  fc.assert(
    fc.property(several, fc.constantFrom(0, 1e-9, 0.25), fc.constantFrom(1, -1), (places, off, order) => {
      const distances = new Distances()
      distances.begin(off, 0, 0)
      const matches = matchesOf(places, distances)
      const exact = places.map((_, i) => order * matches.distance(i, distances))
      const expected = exact.map((_, i) => i).sort((a, b) => exact[a]! - exact[b]!)
      const fresh = matchesOf(places, distances)
      expect([...orderAll(fresh, distances, order)]).toEqual(expected)
      for (const many of [1, 7, 30]) {
        if (many >= places.length) continue
        const all = Int32Array.from(exact.keys())
        sortPart(all, 0, many - 1, (a, b) => Math.sign(exact[a]! - exact[b]!))
        const first = orderFirst(matchesOf(places, distances), distances, order, many)
        expect([...first]).toEqual([...all.subarray(0, many)])
      }
    }),
    { numRuns: 1000 },
  )
})

test('most distances are not measured', () => {
  const distances = new Distances()
  distances.begin(0, 0, 0)
  const places = Array.from({ length: 500 }, (_, i) => ({ longitude: i * 0.01, latitude: i * 0.017 }))
  const matches = matchesOf(places, distances)
  let measured = 0
  const to = distances.to.bind(distances)
  distances.to = (longitude, latitude) => {
    measured++
    return to(longitude, latitude)
  }
  orderAll(matches, distances, 1)
  orderFirst(matches, distances, -1, 10)
  expect(measured).toBe(0)
})
