/** Numbers as the commands on places show them: distances with four decimals, coordinates as exactly as 17 decimals can. */

import { ascii, integerLength, text } from '../../bytes/ascii.js'
import type { FixedPoint } from '../../bytes/fixed-point.js'
import type { Reply } from '../../resp/reply.js'
import { integerBytes } from '../int64.js'

/** What C makes of a number that is none when it rounds it to an integer. */
const NO_NUMBER = '-922337203685477.5808'
const DISTANCE_DECIMALS = 4
const SHOWN_UNITS = 10 ** DISTANCE_DECIMALS
const SHORT_UNITS = 0x80000000 * SHOWN_UNITS
/** What stands around a bulk string, at most. */
const HEAD_BYTES_MAX = 26
const POINT = 0x2e
const ZERO = 0x30

/** A distance. */
export function replyDistance(reply: Reply, distance: number): void {
  const scaled = distance * SHOWN_UNITS
  if (!(scaled < 2 ** 63)) {
    reply.bulkText(NO_NUMBER)
    return
  }
  let units = Math.floor(scaled)
  const rest = scaled - units
  if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++
  if (units < SHORT_UNITS) replyShort(reply, units)
  else replyLong(reply, units)
}

/** A distance of less than 2^31 whole ones: what is below that is divided as integers are, which is much cheaper. */
function replyShort(reply: Reply, units: number): void {
  let whole = (units / SHOWN_UNITS) | 0
  let decimals = (units - whole * SHOWN_UNITS) | 0
  const length = integerLength(whole) + 1 + DISTANCE_DECIMALS
  reply.ensure(length + HEAD_BYTES_MAX)
  const { buf } = reply
  let pos = reply.pos
  buf[pos++] = 0x24
  if (length >= 10) buf[pos++] = 0x31
  buf[pos] = ZERO + (length >= 10 ? length - 10 : length)
  buf[pos + 1] = 0x0d
  buf[pos + 2] = 0x0a
  pos += 3
  const end = pos + length
  const point = end - 1 - DISTANCE_DECIMALS
  for (let i = end - 1; i > point; i--) {
    const quotient = (decimals / 10) | 0
    buf[i] = ZERO + (decimals - quotient * 10)
    decimals = quotient
  }
  buf[point] = POINT
  for (let i = point - 1; i >= pos; i--) {
    const quotient = (whole / 10) | 0
    buf[i] = ZERO + (whole - quotient * 10)
    whole = quotient
  }
  buf[end] = 0x0d
  buf[end + 1] = 0x0a
  reply.pos = end + 2
}

/** A distance that is longer than any on earth, or nearly. */
function replyLong(reply: Reply, units: number): void {
  const digits = integerBytes(units)
  const whole = digits.length - DISTANCE_DECIMALS
  const bytes = new Uint8Array(digits.length + 1)
  bytes.set(digits.subarray(0, whole))
  bytes[whole] = POINT
  bytes.set(digits.subarray(whole), whole + 1)
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

/** A longitude or latitude, written with the help of `digits`: RESP3 has a type for it. */
export function replyCoordinate(reply: Reply, value: number, digits: FixedPoint): void {
  if (digits.set(value)) {
    digits.format()
    if (reply.protocol === 2) {
      reply.bulkRange(digits.text, 0, digits.length)
      return
    }
    reply.raw(ascii(`,${text(digits.text, 0, digits.length, digits.length)}\r\n`))
    return
  }
  const trimmed = fixed(value, COORDINATE_DECIMALS).replace(/\.?0+$/, '')
  const shown = trimmed === '-0' ? '0' : trimmed
  if (reply.protocol === 2) reply.bulk(ascii(shown))
  else reply.raw(ascii(`,${shown}\r\n`))
}
