/**
 * Doubles in few digits, laid out and chosen as redis-server 7.2 does: `0.1`, `1e-7`, `61258777823457990000`, `1e+21`. The digits
 * are those of Grisu2 (`grisu.ts`), which are nearly always the shortest ones. So two faster ways are tried first:
 *
 *     1. a decimal of few places, found by multiplying with powers of ten
 *     2. what `String` says, which is the shortest, and of those the nearest to the value
 *
 * Grisu2 computes with 64 bits. It finds the shortest digits unless they lie at the very edge of what rounds to the value, or
 * others of that length are as near to it. How far they lie from the value, is computed with a hundred bits
 * (T. J. Dekker, "A Floating-Point Technique for Extending the Available Precision", 1971). Near an edge Grisu2 decides.
 */

import { writeInteger } from './ascii.js'
import { productError } from './double-double.js'
import { POWER_BIAS, writeGrisu } from './grisu.js'

/** The longest text that `writeShortest` writes. */
export const SHORTEST_BYTES_MAX = 25
/** As many zeros are written rather than an exponent: behind the digits, or as places behind the point. */
const PLAIN_ZEROS = 7
/** Below this size of the exponent no exponent is written if there are places behind the point. */
const PLAIN_EXPONENTS = 4
/** The most places behind the point that are looked for by multiplying. */
const PLACES_MAX = 6
/** The most digits of a decimal that is looked for so: it and the power of ten are exact. */
const DECIMAL_MAX = 1e15
/** A little more of a double than half the distance to the next, and less than that distance. */
const OVER_HALF_ULP = 2 ** -53 * (1 + 2 ** -50)
/** The most that rounding has added to or taken from a product, relative to it. */
const ROUNDING = 2 ** -52
/** Within this part of half that distance, Grisu2 may decide in another way. It is off by less than a four hundredth. */
const MARGIN = 2 ** -7
/** `String` never has more but for zeros that it appends. The first ones are an integer of one word. */
const DIGITS_MAX = 17
const FRONT_DIGITS = 9
/** Powers of ten from 10^-POWER_MAX to 10^POWER_MAX are known to a hundred bits. */
const POWER_MAX = 40
const BITS = 400n

/** 10^power, rounded to a double, and what that leaves. */
function powersOfTen(): { readonly high: Float64Array; readonly low: Float64Array } {
  const high = new Float64Array(2 * POWER_MAX + 1)
  const low = new Float64Array(2 * POWER_MAX + 1)
  for (let power = -POWER_MAX; power <= POWER_MAX; power++) {
    const rounded = Number(`1e${power}`)
    const exact = power < 0 ? (1n << BITS) / 10n ** BigInt(-power) : (10n ** BigInt(power)) << BITS
    // A multiple of 2^-190: 10^-40 is above 2^-133 and has 53 bits.
    const shown = BigInt(rounded * 2 ** 190) << (BITS - 190n)
    high[power + POWER_MAX] = rounded
    low[power + POWER_MAX] = Number(exact - shown) * 2 ** -Number(BITS)
  }
  return { high, low }
}

const TEN = powersOfTen()

/**
 * Writes the finite double `value`, which is not zero, at `at`: plain up to PLAIN_ZEROS zeros, else with an exponent. Returns the position
 * behind it. Needs room for SHORTEST_BYTES_MAX bytes.
 */
export function writeShortest(buf: Uint8Array, at: number, value: number): number {
  let magnitude = value
  let start = at
  if (value < 0) {
    buf[start++] = 0x2d
    magnitude = -value
  }
  if (magnitude < DECIMAL_MAX && magnitude > 1 / DECIMAL_MAX) {
    const scale = placesOf(magnitude)
    if (scale > 0) {
      const decimal = Math.round(magnitude * TEN.high[scale + POWER_MAX]!)
      return layOut(buf, start, writeInteger(buf, start, decimal) - start, -scale)
    }
  }
  return writeKnown(buf, start, magnitude)
}

/** How many places behind the point `value` has, if it is a decimal of at most PLACES_MAX places that Grisu2 finds; or 0. */
function placesOf(value: number): number {
  for (let places = 1; places <= PLACES_MAX; places++) {
    const scaled = value * TEN.high[places + POWER_MAX]!
    const decimal = Math.round(scaled)
    const off = scaled - decimal
    if (off <= scaled * ROUNDING && -off <= scaled * ROUNDING) {
      const found = decimal < DECIMAL_MAX && decimal % 10 !== 0 && isFound(value, -places, decimal, 0)
      return found ? places : 0
    }
  }
  return 0
}

/**
 * Whether Grisu2 finds the digits of (high + low) * 10^power for `value`, where those are the shortest, and the nearest of that length.
 * `high` and `low` are integers that a double holds.
 */
function isFound(value: number, power: number, high: number, low: number): boolean {
  const ten = TEN.high[POWER_MAX - power]!
  const product = value * ten
  const rest = productError(value, ten, product) + value * TEN.low[POWER_MAX - power]!
  const difference = product - high - low + rest
  const off = difference < 0 ? -difference : difference
  // Half the distance to the nearer neighbour, which is the lower one of a power of two.
  const step = value * OVER_HALF_ULP
  const above = value + step - value
  const below = value - (value - step)
  const edge = (below < above ? below : above) * 0.5 * ten
  return off < edge * (1 - MARGIN) && 1 - 2 * off > edge * MARGIN
}

/** As `writeShortest`, for a positive value: takes the digits of `String` if Grisu2 finds the same. */
function writeKnown(buf: Uint8Array, at: number, value: number): number {
  const shown = String(value)
  const length = shown.length
  let digits = 0
  let power = 0
  let step = 0
  let front = 0
  let back = 0
  let scale = 1
  for (let i = 0; i < length; i++) {
    const digit = shown.charCodeAt(i) - 0x30
    if (digit >= 0 && digit <= 9) {
      power -= step
      if (digit === 0 && digits === 0) continue
      buf[at + digits++] = 0x30 + digit
      if (digits <= FRONT_DIGITS) front = front * 10 + digit
      else {
        back = back * 10 + digit
        scale *= 10
      }
    } else if (digit === -2) step = 1
    else {
      power += Number(shown.slice(i + 1))
      break
    }
  }
  // Digits of large numbers may end in zeros, which are none of the shortest ones.
  while (buf[at + digits - 1] === 0x30 && digits > 1) {
    digits--
    power++
    if (digits < FRONT_DIGITS) front /= 10
    else {
      back /= 10
      scale /= 10
    }
  }
  const mayBeFound = power >= -POWER_MAX && power <= POWER_MAX && digits <= DIGITS_MAX
  if (mayBeFound && isFound(value, power, front * scale, back)) return layOut(buf, at, digits, power)
  const written = writeGrisu(buf, at, value)
  return layOut(buf, at, written >>> 10, (written & 1023) - POWER_BIAS)
}

/** Lays out the number whose `digits` digits stand at `at`, the last of them worth 10^power. Returns the position behind it. */
function layOut(buf: Uint8Array, at: number, digits: number, power: number): number {
  const exponent = power + digits - 1
  const size = exponent < 0 ? -exponent : exponent
  let end = at + digits
  if (power >= 0 && size < digits + PLAIN_ZEROS) {
    for (let zeros = power; zeros > 0; zeros--) buf[end++] = 0x30
    return end
  }
  if (power < 0 && (power > -PLAIN_ZEROS || size < PLAIN_EXPONENTS)) {
    if (exponent >= 0) return insertPoint(buf, at + exponent + 1, end)
    const zeros = 1 - exponent
    for (let i = end - 1; i >= at; i--) buf[i + zeros] = buf[i]!
    for (let i = at; i < at + zeros; i++) buf[i] = 0x30
    buf[at + 1] = 0x2e
    return end + zeros
  }
  if (digits > 1) end = insertPoint(buf, at + 1, end)
  buf[end++] = 0x65
  buf[end++] = exponent < 0 ? 0x2d : 0x2b
  if (size > 99) buf[end++] = 0x30 + Math.floor(size / 100)
  if (size > 9) buf[end++] = 0x30 + (Math.floor(size / 10) % 10)
  buf[end++] = 0x30 + (size % 10)
  return end
}

function insertPoint(buf: Uint8Array, at: number, end: number): number {
  for (let i = end; i > at; i--) buf[i] = buf[i - 1]!
  buf[at] = 0x2e
  return end + 1
}
