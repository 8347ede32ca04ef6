/**
 * The digits that redis-server 7.2 writes for a double, by Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and
 * Accurately with Integers", 2010). They always read back as the same double. They are nearly always the fewest, and those
 * nearest to the value; about one double in some hundred gets another last digit, or one digit more, than `String` gives it.
 *
 * The algorithm scales the value and the two ends of its rounding interval by one cached power of ten, in 64-bit integers.
 * It writes the digits of the upper end until the rest lies within the interval, then decrements the last digit while that
 * comes nearer to the value. JavaScript has no fast 64-bit integers, so each is two 32-bit words here: `…Hi` and `…Lo`.
 * That is ten times slower than `String`: `shortest.ts` asks only for the doubles that need it.
 */

const WORD = 0x1_0000_0000
const HALF = 0x1_0000
/** The exponent of the first cached power of ten, and the distance to the next. */
const FIRST_POWER = -348
const POWER_STEP = 8
const POWERS = 87
/** The exponent of a scaled value lies between these: its whole part fits one word, and ten times its rest fits two. */
const SCALED_EXPONENT_MIN = -60
const SCALED_EXPONENT_MAX = -32
const LOG10_OF_2 = 0.30102999566398114
/** The first value of a normal double's exponent; below it the mantissa has leading zeros. */
const NORMAL_EXPONENT_MIN = -1022
const HIDDEN_BIT = 2 ** 52
/** Added to the power of ten of the last digit, which is at least -18, so that it is not negative. */
const KAPPA_BIAS = 32
const TENS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000]
/** Added to the power of ten of the last digit, which is between -324 and 308, so that it is not negative. */
export const POWER_BIAS = 512

interface CachedPowers {
  readonly hi: Uint32Array
  readonly lo: Uint32Array
  /** 10^k is about (hi, lo) * 2^exponent, with the highest bit set. */
  readonly exponents: Int32Array
}

/** Powers of ten rounded to 64 bits. */
function cachedPowers(): CachedPowers {
  const hi = new Uint32Array(POWERS)
  const lo = new Uint32Array(POWERS)
  const exponents = new Int32Array(POWERS)
  for (let i = 0; i < POWERS; i++) {
    const power = FIRST_POWER + i * POWER_STEP
    const ten = 10n ** BigInt(Math.abs(power))
    const bits = ten.toString(2).length
    let exponent = power >= 0 ? bits - 64 : -bits - 63
    let fraction = power >= 0 ? rounded(ten, 1n, exponent) : rounded(1n, ten, exponent)
    if (fraction < 1n << 63n) {
      exponent--
      fraction = power >= 0 ? rounded(ten, 1n, exponent) : rounded(1n, ten, exponent)
    }
    hi[i] = Number(fraction >> 32n)
    lo[i] = Number(fraction & 0xffffffffn)
    exponents[i] = exponent
  }
  return { hi, lo, exponents }
}

/** above / below / 2^exponent, rounded to the nearest integer. */
function rounded(above: bigint, below: bigint, exponent: number): bigint {
  const over = exponent < 0 ? above << BigInt(-exponent) : above
  const under = exponent < 0 ? below : below << BigInt(exponent)
  return (2n * over + under) / (2n * under)
}

const CACHED = cachedPowers()

/** The index of the cached power that brings a value with this binary exponent into the scaled range. */
function powerFor(exponent: number): number {
  let index = Math.trunc((Math.trunc(-(exponent + POWERS) * LOG10_OF_2) - FIRST_POWER) / POWER_STEP)
  for (;;) {
    const scaled = exponent + CACHED.exponents[index]! + 64
    if (scaled < SCALED_EXPONENT_MIN) index++
    else if (scaled > SCALED_EXPONENT_MAX) index--
    else return index
  }
}

/** The upper 32 bits of the product of two words. */
function productHigh(a: number, b: number): number {
  return Math.floor((a * (b >>> 16) + Math.floor((a * (b & 0xffff)) / HALF)) / HALF)
}

/**
 * The lower word of the rounded upper 64 bits of a product of two 64-bit integers, and above it what it carries to the upper
 * word, which is `productHigh(aHi, bHi)` without that.
 */
function productMiddle(aHi: number, aLo: number, bHi: number, bLo: number): number {
  const rest = (Math.imul(aHi, bLo) >>> 0) + (Math.imul(aLo, bHi) >>> 0) + productHigh(aLo, bLo) + 0x8000_0000
  return (Math.imul(aHi, bHi) >>> 0) + productHigh(aHi, bLo) + productHigh(aLo, bHi) + Math.floor(rest / WORD)
}

/** Whether a 64-bit integer is less than another. */
function isLess(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi < bHi || (aHi === bHi && aLo < bLo)
}

/**
 * Writes the digits of a positive double at `at`. Returns how many there are, times 1024, plus POWER_BIAS, plus the power of
 * ten of the last one. Needs room for 18 bytes.
 */
export function writeGrisu(buf: Uint8Array, at: number, value: number): number {
  let exponent = Math.floor(Math.log2(value))
  // 2^(52 - exponent) itself may be more than a double holds.
  const half = Math.trunc((52 - exponent) / 2)
  let mantissa = value * 2 ** half * 2 ** (52 - exponent - half)
  // The logarithm is rounded.
  if (mantissa < HIDDEN_BIT) {
    mantissa *= 2
    exponent--
  } else if (mantissa >= 2 * HIDDEN_BIT) {
    mantissa /= 2
    exponent++
  }
  return writeScaled(buf, at, mantissa, exponent)
}

/** As `writeGrisu`, of mantissa * 2^(exponent - 52), where the mantissa has 53 bits. */
function writeScaled(buf: Uint8Array, at: number, mantissa: number, exponent: number): number {
  // As 64-bit integers with the highest bit set, whose unit is 2^(exponent - 63): the value, and the ends of what rounds to it.
  const valueHi = Math.floor(mantissa / 0x20_0000)
  const valueLo = ((mantissa % 0x20_0000) * 0x800) >>> 0
  // Half a unit of the mantissa's last place; a subnormal's last place lies higher.
  const missing = exponent < NORMAL_EXPONENT_MIN ? NORMAL_EXPONENT_MIN - exponent : 0
  const half = 1024 * 2 ** missing
  const halfHi = Math.floor(half / WORD)
  const halfLo = half >>> 0
  const below = mantissa === HIDDEN_BIT && missing === 0 ? half / 2 : half
  const belowHi = Math.floor(below / WORD)
  const belowLo = below >>> 0
  const upperLo = (valueLo + halfLo) >>> 0
  const upperHi = (valueHi + halfHi + (valueLo + halfLo >= WORD ? 1 : 0)) >>> 0
  const lowerLo = (valueLo - belowLo) >>> 0
  const lowerHi = (valueHi - belowHi - (valueLo < belowLo ? 1 : 0)) >>> 0

  const index = powerFor(exponent - 63)
  const powerHi = CACHED.hi[index]!
  const powerLo = CACHED.lo[index]!
  const scale = -(exponent - 63 + CACHED.exponents[index]! + 64)

  const valueMiddle = productMiddle(valueHi, valueLo, powerHi, powerLo)
  const upperMiddle = productMiddle(upperHi, upperLo, powerHi, powerLo) - 1
  const lowerMiddle = productMiddle(lowerHi, lowerLo, powerHi, powerLo) + 1
  const topHi = productHigh(upperHi, powerHi) + Math.floor(upperMiddle / WORD)
  const topLo = upperMiddle >>> 0
  const middleLo = valueMiddle >>> 0
  const bottomLo = lowerMiddle >>> 0
  const distanceHi = topHi - productHigh(valueHi, powerHi) - Math.floor(valueMiddle / WORD)
  const widthHi = topHi - productHigh(lowerHi, powerHi) - Math.floor(lowerMiddle / WORD)
  const generated = generate(
    buf,
    at,
    topHi,
    topLo,
    widthHi - (topLo < bottomLo ? 1 : 0),
    (topLo - bottomLo) >>> 0,
    distanceHi - (topLo < middleLo ? 1 : 0),
    (topLo - middleLo) >>> 0,
    scale,
  )
  const digits = generated >>> 6
  const power = (generated & 63) - KAPPA_BIAS - FIRST_POWER - index * POWER_STEP
  return digits * 1024 + POWER_BIAS + power
}

/**
 * Writes the digits of an integer between `top` minus `width` and `top`, as near to `top` minus `distance` as the last digit allows, all in units
 * of 2^-scale. Returns how many digits there are, times 64, plus KAPPA_BIAS, plus the power of ten of the last digit.
 */
function generate(
  buf: Uint8Array,
  at: number,
  topHi: number,
  topLo: number,
  width_hi: number,
  width_lo: number,
  distance_hi: number,
  distance_lo: number,
  scale: number,
): number {
  const shift = scale - 32
  const mask = (1 << shift) - 1
  let whole = topHi >>> shift
  let restHi = topHi & mask
  let restLo = topLo
  let digits = 0
  let kappa = 10
  while (kappa > 0) {
    const ten = TENS[--kappa]!
    const digit = Math.floor(whole / ten)
    if (digit !== 0 || digits !== 0) buf[at + digits++] = 0x30 + digit
    whole -= digit * ten
    const leftHi = ((whole << shift) >>> 0) + restHi
    if (!isLess(width_hi, width_lo, leftHi, restLo)) {
      const unitHi = ten * 2 ** shift
      comeNearer(buf, at + digits - 1, width_hi, width_lo, leftHi, restLo, unitHi, distance_hi, distance_lo)
      return digits * 64 + KAPPA_BIAS + kappa
    }
  }
  let widthHi = width_hi
  let widthLo = width_lo
  let distanceHi = distance_hi
  let distanceLo = distance_lo
  for (;;) {
    restHi = restHi * 10 + Math.floor((restLo * 10) / WORD)
    restLo = (restLo * 10) >>> 0
    widthHi = widthHi * 10 + Math.floor((widthLo * 10) / WORD)
    widthLo = (widthLo * 10) >>> 0
    distanceHi = distanceHi * 10 + Math.floor((distanceLo * 10) / WORD)
    distanceLo = (distanceLo * 10) >>> 0
    kappa--
    const digit = restHi >>> shift
    if (digit !== 0 || digits !== 0) buf[at + digits++] = 0x30 + digit
    restHi &= mask
    if (isLess(restHi, restLo, widthHi, widthLo)) {
      comeNearer(buf, at + digits - 1, widthHi, widthLo, restHi, restLo, 2 ** shift, distanceHi, distanceLo)
      return digits * 64 + KAPPA_BIAS + kappa
    }
  }
}

/**
 * Decrements the digit at `last` as long as the number stays within the interval and comes nearer to the value. A unit of the
 * digit is `unitHi` in the upper word, and 0 in the lower.
 */
function comeNearer(
  buf: Uint8Array,
  last: number,
  widthHi: number,
  widthLo: number,
  left_hi: number,
  leftLo: number,
  unitHi: number,
  distanceHi: number,
  distanceLo: number,
): void {
  let leftHi = left_hi
  while (isLess(leftHi, leftLo, distanceHi, distanceLo)) {
    // Units have no lower word, so differences with them need no more than this borrow.
    if (widthHi - leftHi - (widthLo < leftLo ? 1 : 0) < unitHi) return
    const nextHi = leftHi + unitHi
    if (!isLess(nextHi, leftLo, distanceHi, distanceLo)) {
      const beforeHi = distanceHi - leftHi - (distanceLo < leftLo ? 1 : 0)
      const beforeLo = (distanceLo - leftLo) >>> 0
      const behindHi = nextHi - distanceHi - (leftLo < distanceLo ? 1 : 0)
      if (!isLess(behindHi, (leftLo - distanceLo) >>> 0, beforeHi, beforeLo)) return
    }
    buf[last]!--
    leftHi = nextHi
  }
}
