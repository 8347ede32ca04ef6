/** Random commands on places: many near each other, some at the edges of the map and beyond. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'
import { integer, value } from './arbitrary.js'
import { oneOf, some, words } from './grammar.js'

const key = fc.constantFrom<Part>('a', 'a', 'a', 'b', 'c', 'string')
const member: fc.Arbitrary<Part> = fc.oneof(
  { weight: 8, arbitrary: fc.nat(12).map(String) },
  { weight: 3, arbitrary: fc.constantFrom('Palermo', 'Catania', 'x'.repeat(70), '', '\0\r\n') },
  { weight: 1, arbitrary: value },
)

const degrees = (max: number) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -max * 1000, max: max * 1000 }).map((n) => String(n / 1000)) },
    { weight: 4, arbitrary: fc.integer({ min: -20, max: 20 }).map((n) => String(13 + n / 1000)) },
    { weight: 1, arbitrary: fc.double({ min: -max, max, noNaN: true }).map(String) },
  )
const longitude = fc.oneof(
  { weight: 20, arbitrary: degrees(180) },
  { weight: 3, arbitrary: fc.constantFrom('180', '-180', '179.9999', '-179.9999', '0') },
  { weight: 1, arbitrary: fc.constantFrom('181', '-180.0078125', '1e300', 'inf', '-inf', 'nan', 'x', '') },
)
const latitude = fc.oneof(
  { weight: 20, arbitrary: degrees(85) },
  { weight: 3, arbitrary: fc.constantFrom('85.05112878', '-85.05112878', '85', '-85', '0', '67', '81') },
  { weight: 1, arbitrary: fc.constantFrom('86', '-85.0512', '90.0234375', 'x') },
)
const unit = fc.oneof(
  { weight: 12, arbitrary: oneOf('m', 'km', 'ft', 'mi') },
  { weight: 1, arbitrary: fc.constantFrom('yd', '') },
)
const size = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.constantFrom('0', '1', '100', '2000', '5000', '30000', '500000', '2e6', '1e7', '3e7'),
  },
  { weight: 3, arbitrary: fc.double({ min: 0, max: 5e6, noNaN: true }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('-1', 'x', 'inf', 'nan', '') },
)
const place = fc.tuple(longitude, latitude)
const places = some(fc.tuple(longitude, latitude, member), 8, 1)
const count = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('1', '2', '3', '8', '100') },
  { weight: 1, arbitrary: integer },
)
const option: fc.Arbitrary<readonly Part[]> = fc.oneof(
  { weight: 6, arbitrary: oneOf('WITHDIST', 'WITHCOORD', 'WITHHASH').map((word) => [word]) },
  { weight: 6, arbitrary: oneOf('ASC', 'DESC').map((word) => [word]) },
  { weight: 4, arbitrary: words('COUNT', count) },
  { weight: 3, arbitrary: words('COUNT', count, oneOf('ANY')) },
  { weight: 1, arbitrary: oneOf('ANY', 'bogus', 'STOREDIST').map((word) => [word]) },
)
const from = fc.oneof(
  { weight: 4, arbitrary: words('FROMMEMBER', member) },
  { weight: 4, arbitrary: words('FROMLONLAT', longitude, latitude) },
  { weight: 1, arbitrary: fc.constant<Part[]>([]) },
)
const by = fc.oneof(
  { weight: 4, arbitrary: words('BYRADIUS', size, unit) },
  { weight: 4, arbitrary: words('BYBOX', size, size, unit) },
  { weight: 1, arbitrary: fc.constant<Part[]>([]) },
)
const storing = fc.oneof(option, words(oneOf('STORE', 'STORE', 'STOREDIST'), key))
export const geoCommand = fc.oneof(
  { weight: 10, arbitrary: words('GEOADD', key, places) },
  { weight: 3, arbitrary: words('GEOADD', key, some(oneOf('NX', 'XX', 'CH'), 2), places) },
  { weight: 2, arbitrary: words('GEOPOS', key, some(member, 4)) },
  { weight: 2, arbitrary: words('GEOHASH', key, some(member, 4)) },
  { weight: 4, arbitrary: words('GEODIST', key, member, member, some(unit, 1)) },
  { weight: 10, arbitrary: words('GEOSEARCH', key, from, by, some(option, 4)) },
  { weight: 3, arbitrary: words('GEOSEARCH', key, by, some(option, 1), from, some(from, 1), some(by, 1)) },
  { weight: 4, arbitrary: words('GEOSEARCHSTORE', key, key, from, by, some(option, 3)) },
  { weight: 4, arbitrary: words('GEORADIUS', key, place, size, unit, some(option, 3)) },
  { weight: 3, arbitrary: words('GEORADIUS', key, place, size, unit, some(storing, 3)) },
  { weight: 4, arbitrary: words('GEORADIUSBYMEMBER', key, member, size, unit, some(storing, 3)) },
  { weight: 2, arbitrary: words('GEORADIUS_RO', key, place, size, unit, some(storing, 2)) },
  { weight: 2, arbitrary: words('GEORADIUSBYMEMBER_RO', key, member, size, unit, some(storing, 2)) },
  { weight: 2, arbitrary: words('ZREM', key, some(member, 4, 1)) },
  {
    weight: 1,
    arbitrary: words(
      'ZADD',
      key,
      fc.constantFrom('-5', 'inf', '-inf', '4503599627370496', '1.5', '1e19'),
      member,
    ),
  },
  { weight: 1, arbitrary: words('SET', fc.constant('string'), value) },
  { weight: 1, arbitrary: words('ZRANGE', key, fc.constant('0'), fc.constant('-1'), oneOf('WITHSCORES')) },
  { weight: 1, arbitrary: words(oneOf('GEOADD', 'GEODIST', 'GEOSEARCH', 'GEORADIUS'), some(member, 6)) },
)
