/**
 * The 80-bit floating point numbers of x86 (a mantissa of 64 bits, an exponent of 15), which Redis adds in INCRBYFLOAT
 * and HINCRBYFLOAT: JavaScript's doubles would give other digits. A number is an exact product of a BigInt and a power of
 * two; reading, adding and writing round as the C library does: to nearest, ties to even. On machines where C's
 * `long double` is 64 or 128 bits wide, Redis itself gives other last digits.
 */

/** mantissa * 2 ** exponent, the mantissa of at most 64 bits; or an infinity, named by its sign. */
export type LongDouble =
  | { readonly mantissa: bigint; readonly exponent: number }
  | { readonly infinite: 1 | -1 }

const MANTISSA_BITS = 64
/** The exponents of the lowest bit of the smallest number, and of one bit above the largest. */
const EXPONENT_MIN = -16445
const EXPONENT_END = 16384
/** Texts at least so long are no numbers to Redis. */
const LONG_DOUBLE_TEXT_BYTES_MAX = 5 * 1024
/** A decimal exponent beyond this gives zero or infinity whatever digits a text of that length has. */
const DECIMAL_EXPONENT_MAX = 20_000
const FRACTION_DIGITS = 17
/** So many digits are an integer that a double holds exactly. */
const SHORT_DIGITS = 15

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
const HEX = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/
const INFINITE = /^([+-]?)inf(?:inity)?$/i

/** The number that `source` spells for strtold, all of it; null for none, NaN, and what is too large or too near to 0. */
export function parseLongDouble(source: string): LongDouble | null {
  if (source.length >= LONG_DOUBLE_TEXT_BYTES_MAX) return null
  const infinite = INFINITE.exec(source)
  if (infinite !== null) return { infinite: infinite[1] === '-' ? -1 : 1 }
  const decimal = DECIMAL.exec(source)
  const found = decimal ?? HEX.exec(source)
  if (found === null) return null
  const whole = found[2] ?? ''
  const fraction = found[3] ?? ''
  if (whole.length + fraction.length === 0) return null
  const digits = integerOf(decimal === null, whole + fraction)
  if (digits === 0n) return { mantissa: 0n, exponent: 0 }
  const given = Number(found[4] ?? 0)
  // strtold says ERANGE, and Redis refuses, where nothing of the number is left.
  if (Math.abs(given) > DECIMAL_EXPONENT_MAX * 4) return null
  let rounded: LongDouble
  if (decimal === null) {
    rounded = round(digits, given - 4 * fraction.length)
  } else {
    const power = given - fraction.length
    if (Math.abs(power) > DECIMAL_EXPONENT_MAX + LONG_DOUBLE_TEXT_BYTES_MAX) return null
    rounded = power >= 0 ? round(digits * powerOfTen(power), 0) : divide(digits, powerOfTen(-power))
  }
  if ('infinite' in rounded || rounded.mantissa === 0n) return null
  return found[1] === '-' ? { mantissa: -rounded.mantissa, exponent: rounded.exponent } : rounded
}

function integerOf(isHex: boolean, digits: string): bigint {
  if (isHex) return BigInt(`0x${digits}`)
  return digits.length <= SHORT_DIGITS ? BigInt(Number(digits)) : BigInt(digits)
}

/** The sum, rounded; null where it is no number (an infinity and its opposite). */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | null {
  if ('infinite' in a) return 'infinite' in b && a.infinite !== b.infinite ? null : a
  if ('infinite' in b) return b
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent))
  if (sum >= 0n) return round(sum, exponent)
  const rounded = round(-sum, exponent)
  if ('infinite' in rounded) return { infinite: -1 }
  return { mantissa: -rounded.mantissa, exponent: rounded.exponent }
}

/** As people read numbers: up to 17 digits behind the point, no zeros at their end, no exponent. */
export function formatLongDouble(value: LongDouble): string {
  if ('infinite' in value) return value.infinite < 0 ? '-inf' : 'inf'
  const negative = value.mantissa < 0n
  const scaled = (negative ? -value.mantissa : value.mantissa) * powerOfTen(FRACTION_DIGITS)
  const whole = value.exponent >= 0 ? scaled << BigInt(value.exponent) : shiftRounded(scaled, -value.exponent)
  const digits = whole.toString().padStart(FRACTION_DIGITS + 1, '0')
  const point = digits.length - FRACTION_DIGITS
  let end = digits.length
  while (end > point && digits.charCodeAt(end - 1) === 0x30) end--
  const text =
    end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`
  return negative && text !== '0' ? `-${text}` : text
}

const WORD = 2 ** 32
const TWO_WORDS = 2 ** 64

/** How many bits a positive integer has. */
function bitLength(value: bigint): number {
  let near = Number(value)
  if (near === Number.POSITIVE_INFINITY) {
    const hex = value.toString(16)
    return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0]!, 16)))
  }
  let bits = 0
  for (; near >= TWO_WORDS; near /= TWO_WORDS) bits += 64
  if (near >= WORD) {
    near /= WORD
    bits += 32
  }
  const top = 31 - Math.clz32(near)
  bits += top + 1
  // The double is a power of two: it may have been rounded up to that.
  return near === (1 << top) >>> 0 && value < 1n << BigInt(bits - 1) ? bits - 1 : bits
}

/** The powers of ten up to this are kept. */
const POWERS_KEPT = 40
const POWERS_OF_TEN: readonly bigint[] = Array.from({ length: POWERS_KEPT }, (_, i) => 10n ** BigInt(i))

function powerOfTen(exponent: number): bigint {
  return POWERS_OF_TEN[exponent] ?? 10n ** BigInt(exponent)
}

/** value / 2 ** bits to the nearest integer, ties to even. */
function shiftRounded(value: bigint, bits: number): bigint {
  const shift = BigInt(bits)
  const quotient = value >> shift
  const rest = value - (quotient << shift)
  const half = 1n << (shift - 1n)
  return rest > half || (rest === half && (quotient & 1n) === 1n) ? quotient + 1n : quotient
}

/** The positive number value * 2 ** exponent, rounded to what an 80-bit number can hold. */
function round(value: bigint, exponent: number): LongDouble {
  if (value === 0n) return { mantissa: 0n, exponent: 0 }
  const bits = bitLength(value)
  const excess = Math.max(bits - MANTISSA_BITS, EXPONENT_MIN - exponent)
  const mantissa = excess > 0 ? shiftRounded(value, excess) : value
  const scaled = excess > 0 ? exponent + excess : exponent
  if (mantissa !== 0n && bitLength(mantissa) + scaled > EXPONENT_END) return { infinite: 1 }
  return { mantissa, exponent: scaled }
}

/** a / b, both positive, rounded once: more bits than needed, and one that says whether any were left behind. */
function divide(a: bigint, b: bigint): LongDouble {
  const shift = Math.max(0, MANTISSA_BITS + 3 - (bitLength(a) - bitLength(b)))
  const shifted = a << BigInt(shift)
  const quotient = shifted / b
  const sticky = quotient * b === shifted ? 0n : 1n
  return round((quotient << 1n) | sticky, -shift - 1)
}
