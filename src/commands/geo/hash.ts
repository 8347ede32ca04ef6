/**
 * Places on earth as scores of a sorted set: longitude and latitude, each cut to 26 bits, with their bits in turns, so that places
 * near each other mostly have scores near each other. 52 bits, which a double holds; at the very edge of the map one or two
 * bits more. Halves of 32 bits are used where bits are moved.
 */

import { ascii } from '../../bytes/ascii.js'
import { integerBytes } from '../int64.js'

export const STEPS_MAX = 26
export const LATITUDE_MAX = 85.05112878
export const LONGITUDE_MAX = 180
/** Into so many parts each coordinate is cut. */
const PARTS = 0x4000000
/** As many scores there are of places within the map. */
const SCORES = 0x10000000000000
const WORD = 0x100000000

/** Bits 0 to 15 of `value`, moved to the even places of a word. */
function spread(value: number): number {
  let x = value & 0xffff
  x = (x | (x << 8)) & 0x00ff00ff
  x = (x | (x << 4)) & 0x0f0f0f0f
  x = (x | (x << 2)) & 0x33333333
  return (x | (x << 1)) & 0x55555555
}

/** The even bits of a word, moved together. */
function gather(word: number): number {
  let x = word & 0x55555555
  x = (x | (x >>> 1)) & 0x33333333
  x = (x | (x >>> 2)) & 0x0f0f0f0f
  x = (x | (x >>> 4)) & 0x00ff00ff
  return (x | (x >>> 8)) & 0xffff
}

/** The upper half of the bits of two numbers in turns. */
function upperHalf(latitude: number, longitude: number): number {
  return (spread(latitude >>> 16) | (spread(longitude >>> 16) << 1)) >>> 0
}

function lowerHalf(latitude: number, longitude: number): number {
  return (spread(latitude) | (spread(longitude) << 1)) >>> 0
}

/** Where a coordinate lies in a range that is cut into 2^steps equal parts. */
export function partOf(value: number, min: number, max: number, steps: number): number {
  return Math.floor(((value - min) / (max - min)) * (1 << steps))
}

/** The number that has the bits of both in turns, as a double: rounded where it has more than 53 bits. */
export function interleave(latitude: number, longitude: number): number {
  return upperHalf(latitude, longitude) * WORD + lowerHalf(latitude, longitude)
}

function latitudePart(latitude: number): number {
  return partOf(latitude, -LATITUDE_MAX, LATITUDE_MAX, STEPS_MAX)
}

function longitudePart(longitude: number): number {
  return partOf(longitude, -LONGITUDE_MAX, LONGITUDE_MAX, STEPS_MAX)
}

/** The score of a place. */
export function scoreOf(longitude: number, latitude: number): number {
  return interleave(latitudePart(latitude), longitudePart(longitude))
}

/** The score's decimal digits, all of them exact. */
export function scoreDigits(longitude: number, latitude: number): Uint8Array {
  const score = scoreOf(longitude, latitude)
  if (Number.isSafeInteger(score)) return integerBytes(score)
  const lat = latitudePart(latitude)
  const lon = longitudePart(longitude)
  return ascii(((BigInt(upperHalf(lat, lon)) << 32n) | BigInt(lowerHalf(lat, lon))).toString())
}

/** A place. */
export interface Place {
  longitude: number
  latitude: number
}

const EXPONENT_63 = 0x8000000000000000

/** A double as C on x86 makes a 64-bit integer of it, in halves; any score may be asked for a place. */
function upperWord(score: number): number {
  if (score >= EXPONENT_63 * 2) return 0
  if (score < -EXPONENT_63) return 0x80000000
  return Math.floor(Math.trunc(score) / WORD) >>> 0
}

function lowerWord(score: number): number {
  if (score >= EXPONENT_63 * 2 || score < -EXPONENT_63) return 0
  return Math.trunc(score) >>> 0
}

/** The middle of a part of a range. */
function middle(part: number, max: number): number {
  const scale = max - -max
  const from = -max + (part / PARTS) * scale
  const to = -max + (((part + 1) >>> 0) / PARTS) * scale
  return Math.min(max, Math.max(-max, (from + to) / 2))
}

/** As `middle`, for a part that is one. */
function middleWithin(part: number, max: number): number {
  const scale = max - -max
  return (-max + (part / PARTS) * scale + (-max + ((part + 1) / PARTS) * scale)) / 2
}

/** The even bits of a word in its lower half, the odd ones in the upper. */
function unshuffle(word: number): number {
  let x = word
  let moved = (x ^ (x >>> 1)) & 0x22222222
  x ^= moved ^ (moved << 1)
  moved = (x ^ (x >>> 2)) & 0x0c0c0c0c
  x ^= moved ^ (moved << 2)
  moved = (x ^ (x >>> 4)) & 0x00f000f0
  x ^= moved ^ (moved << 4)
  moved = (x ^ (x >>> 8)) & 0x0000ff00
  return x ^ moved ^ (moved << 8)
}

/** Writes the place of a score to `place`. */
export function decodeScore(score: number, place: Place): void {
  if (!(score >= 0 && score < SCORES)) {
    decodeAny(score, place)
    return
  }
  const upperBits = (score / WORD) | 0
  const lower = unshuffle((score - upperBits * WORD) | 0)
  const upper = unshuffle(upperBits)
  place.latitude = middleWithin((lower & 0xffff) | (upper << 16), LATITUDE_MAX)
  place.longitude = middleWithin((lower >>> 16) | (upper & 0xffff0000), LONGITUDE_MAX)
}

/** The same for scores that are no places. */
function decodeAny(score: number, place: Place): void {
  const upper = upperWord(score)
  const lower = lowerWord(score)
  const latitude = (gather(lower) | (gather(upper) << 16)) >>> 0
  const longitude = (gather(lower >>> 1) | (gather(upper >>> 1) << 16)) >>> 0
  place.latitude = middle(latitude, LATITUDE_MAX)
  place.longitude = middle(longitude, LONGITUDE_MAX)
}

const ALPHABET = ascii('0123456789bcdefghjkmnpqrstuvwxyz')
export const GEOHASH_LETTERS = 11

/** Writes the eleven letters by which geohash.org knows a place; its latitudes go up to the poles, and of the last letter nothing is known. */
export function writeGeohash({ longitude, latitude }: Place, to: Uint8Array): void {
  const lat = partOf(latitude, -90, 90, STEPS_MAX)
  const lon = partOf(longitude, -180, 180, STEPS_MAX)
  const upper = upperHalf(lat, lon)
  const lower = lowerHalf(lat, lon)
  let at = 0
  for (let shift = 47; shift >= 2; shift -= 5) {
    const bits =
      shift >= 32 ? upper >>> (shift - 32) : (lower >>> shift) | (shift > 27 ? upper << (32 - shift) : 0)
    to[at++] = ALPHABET[bits & 31]!
  }
  to[at] = ALPHABET[0]!
}
