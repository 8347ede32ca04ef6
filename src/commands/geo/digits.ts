/** Numbers as the commands on places show them: distances with four decimals, coordinates as exactly as 17 decimals can. */

import { ascii } from '../../bytes/ascii.js'
import type { Reply } from '../../resp/reply.js'
import { integerBytes } from '../int64.js'

/** What C makes of a number that is none when it rounds it to an integer. */
const NO_NUMBER = '-922337203685477.5808'
const DISTANCE_DECIMALS = 4
const POINT = 0x2e
const ZERO = 0x30

/** A distance. */
export function replyDistance(reply: Reply, distance: number): void {
  const scaled = distance * 10 ** DISTANCE_DECIMALS
  if (!(scaled < 2 ** 63)) {
    reply.bulkText(NO_NUMBER)
    return
  }
  let units = Math.floor(scaled)
  const rest = scaled - units
  if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++
  const digits = integerBytes(units)
  const whole = Math.max(1, digits.length - DISTANCE_DECIMALS)
  const bytes = new Uint8Array(whole + 1 + DISTANCE_DECIMALS).fill(ZERO)
  bytes[whole] = POINT
  // From the last digit on: the point is passed over.
  for (let from = digits.length - 1, to = bytes.length - 1; from >= 0; from--, to--) {
    if (to === whole) to--
    bytes[to] = digits[from]!
  }
  reply.bulk(bytes)
}

/** A number with so many decimals, as C's printf rounds it: to even where it stands in the middle. */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : value < 0 ? '-inf' : 'nan'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.${'0'.repeat(decimals)}`
  const halves = magnitude * 2 ** (decimals + 1)
  if (!Number.isInteger(halves)) return sign + magnitude.toFixed(decimals)
  // Few binary places: the decimal ones are known exactly, twice over.
  const twice = BigInt(halves) * 5n ** BigInt(decimals)
  const down = twice >> 1n
  const units = (twice & 1n) === 1n && (down & 1n) === 1n ? down + 1n : down
  const digits = units.toString().padStart(decimals + 1, '0')
  const point = digits.length - decimals
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

const COORDINATE_DECIMALS = 17

/** A longitude or latitude: RESP3 has a type for it. */
export function replyCoordinate(reply: Reply, value: number): void {
  const text = fixed(value, COORDINATE_DECIMALS).replace(/\.?0+$/, '')
  const shown = text === '-0' ? '0' : text
  if (reply.protocol === 2) reply.bulk(ascii(shown))
  else reply.raw(ascii(`,${shown}\r\n`))
}
