import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reply } from '../../resp/reply.js'
import { replyDistance } from './digits.js'
import { Distances, NEAR_ERROR, nearDistance, shownDistance } from './distance.js'
import { LATITUDE_MAX } from './hash.js'

function shown(distance: number): string {
  const reply = new Reply()
  replyDistance(reply, distance)
  return Buffer.from(reply.buf.subarray(0, reply.pos)).toString('latin1')
}

/** Below this squares vanish. No two places that a score can name are so close. */
const TINY_M = 1e-140

const place = fc.record({
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  latitude: fc.double({ min: -LATITUDE_MAX, max: LATITUDE_MAX, noNaN: true }),
})
/** Somewhere, or close to the first. */
const places = fc.tuple(place, place, fc.constantFrom(0, 1e-9, 1e-6, 1e-3, 1)).map(([a, b, scale]) => ({
  a,
  b:
    scale === 1
      ? b
      : {
          longitude: a.longitude + b.longitude * scale,
          latitude: a.latitude * (1 - scale) + b.latitude * scale,
        },
}))

test('a distance is shown in the digits of the exact one, and a near one is nearly it', () => {
  fc.assert(
    fc.property(places, fc.constantFrom(1, 1000, 0.3048, 1609.34), ({ a, b }, unit_m) => {
      const distances = new Distances()
      distances.begin(a.longitude, a.latitude, 0)
      const exact = distances.to(b.longitude, b.latitude)
      expect(shown(shownDistance(new Distances(), a, b, unit_m) / unit_m)).toBe(shown(exact / unit_m))
      const near = nearDistance(distances.haversine(b.longitude, b.latitude))
      if (Number.isNaN(near)) return
      expect(Math.abs(near - exact)).toBeLessThanOrEqual((exact * NEAR_ERROR) / 4 + TINY_M)
    }),
    { numRuns: 3000 },
  )
})

test('distances as they are shown', () => {
  expect(shown(0)).toBe('$6\r\n0.0000\r\n')
  expect(shown(0.00004)).toBe('$6\r\n0.0000\r\n')
  expect(shown(166274.15156960033)).toBe('$11\r\n166274.1516\r\n')
  expect(shown(9.99996)).toBe('$7\r\n10.0000\r\n')
  expect(shown(31)).toBe('$7\r\n31.0000\r\n')
  expect(shown(99999.99995)).toBe('$11\r\n100000.0000\r\n')
  expect(shown(2147483647.9999)).toBe('$15\r\n2147483647.9999\r\n')
  expect(shown(2147483648)).toBe('$15\r\n2147483648.0000\r\n')
  expect(shown(2 ** 49)).toBe('$20\r\n562949953421312.0000\r\n')
  expect(shown(Number.NaN)).toBe('$21\r\n-922337203685477.5808\r\n')
})
