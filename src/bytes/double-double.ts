/**
 * Numbers as sums of two doubles, for results that are to be rounded once and rightly (T. J. Dekker, "A floating-point
 * technique for extending the available precision", 1971).
 */

const SPLITTER = 2 ** 27 + 1

/** What the product of two doubles lost when it was rounded to `product`: both together are exact. */
export function productError(a: number, b: number, product: number): number {
  const aSplit = a * SPLITTER
  const aHigh = aSplit - (aSplit - a)
  const aLow = a - aHigh
  const bSplit = b * SPLITTER
  const bHigh = bSplit - (bSplit - b)
  const bLow = b - bHigh
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
}

const HEAD_DIGITS = 15
const DIGITS_MAX = 19
const DECIMALS_MAX = 22
/** Powers of ten that a double holds exactly. */
const POWERS = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
]
/** Much more than the quotient below may be wrong by, relative to its second part. */
const DOUBT = 2 ** -40

/**
 * The double that `buf[start, end)` spells with up to nineteen digits, perhaps a sign in front and a point among them: what
 * programs write that give seventeen. NaN for anything else, and where it cannot be told which of two doubles is nearer.
 */
export function wideDouble(buf: Uint8Array, start: number, end: number): number {
  const negative = start < end && buf[start] === 0x2d
  let head = 0
  let tail = 0
  let digits = 0
  let point = -1
  let any = false
  for (let i = negative ? start + 1 : start; i < end; i++) {
    const digit = buf[i]! - 0x30
    if (digit === -2 && point < 0) point = i
    else if (digit < 0 || digit > 9) return Number.NaN
    else {
      any = true
      if (digits > 0 || digit > 0) digits++
      if (digits <= HEAD_DIGITS) head = head * 10 + digit
      else tail = tail * 10 + digit
    }
  }
  const decimals = point < 0 ? 0 : end - point - 1
  if (!any || digits > DIGITS_MAX || decimals > DECIMALS_MAX) return Number.NaN
  const scale = POWERS[Math.max(0, digits - HEAD_DIGITS)]!
  const product = head * scale
  const rest = productError(head, scale, product) + tail
  const whole = product + rest
  const value = quotient(whole, product - whole + rest, POWERS[decimals]!)
  return negative ? -value : value
}

/** The sum of a pair divided by a double, rounded once; NaN where the digits at hand do not tell how. */
function quotient(high: number, low: number, divisor: number): number {
  const near = high / divisor
  const product = near * divisor
  const correction = (high - product - productError(near, divisor, product) + low) / divisor
  const value = near + correction * (1 - DOUBT)
  return value === near + correction * (1 + DOUBT) ? value : Number.NaN
}
