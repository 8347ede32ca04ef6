/** Places, lengths and units in arguments. */

import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { replyError } from '../errors.js'
import { readScore } from '../zset/bounds.js'
import { fixed } from './digits.js'
import { decodeScore, LATITUDE_MAX, LONGITUDE_MAX, type Place } from './hash.js'

/** The longitude in argument `index` and the latitude behind it; false after an error was replied. */
export function readPlace(args: Args, index: number, place: Place, reply: Reply): boolean {
  const longitude = readScore(args, index, reply)
  if (Number.isNaN(longitude)) return false
  const latitude = readScore(args, index + 1, reply)
  if (Number.isNaN(latitude)) return false
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    reply.error(`ERR invalid longitude,latitude pair ${fixed(longitude, 6)},${fixed(latitude, 6)}`)
    return false
  }
  place.longitude = longitude
  place.latitude = latitude
  return true
}

/** The place of the member in argument `index`; false where it is not there. */
export function placeOf(call: Call, args: Args, handle: number, index: number, place: Place): boolean {
  const { zsets } = call.keyspace
  if (!zsets.find(handle, args.buf, args.start(index), args.end(index))) return false
  decodeScore(zsets.score, place)
  return true
}

const UNITS: readonly (readonly [string, number])[] = [
  ['m', 1],
  ['km', 1000],
  ['ft', 0.3048],
  ['mi', 1609.34],
]

/** The metres of the unit in argument `index`; NaN after an error was replied. */
export function readUnit(args: Args, index: number, reply: Reply): number {
  for (const [name, metres] of UNITS) if (args.is(index, name)) return metres
  replyError(reply, 'ERR unsupported unit provided. please use M, KM, FT, MI')
  return Number.NaN
}

/** The radius in argument `index`, its unit behind it; null after an error was replied. */
export function readRadius(
  args: Args,
  index: number,
  reply: Reply,
): { radius: number; unit_m: number } | null {
  const radius = readScore(args, index, reply, 'ERR need numeric radius')
  if (Number.isNaN(radius)) return null
  if (radius < 0) {
    reply.error('ERR radius cannot be negative')
    return null
  }
  const unit_m = readUnit(args, index + 1, reply)
  return Number.isNaN(unit_m) ? null : { radius, unit_m }
}

/** The width in argument `index`, height and unit behind it; null after an error was replied. */
export function readBox(
  args: Args,
  index: number,
  reply: Reply,
): { width: number; height: number; unit_m: number } | null {
  const width = readScore(args, index, reply, 'ERR need numeric width')
  if (Number.isNaN(width)) return null
  const height = readScore(args, index + 1, reply, 'ERR need numeric height')
  if (Number.isNaN(height)) return null
  if (width < 0 || height < 0) {
    reply.error('ERR height or width cannot be negative')
    return null
  }
  const unit_m = readUnit(args, index + 2, reply)
  return Number.isNaN(unit_m) ? null : { width, height, unit_m }
}
