/** The numbers that SORT sorts by: what strtod takes, nearly all of it plain. */

import { wholeTextToZero } from '../../bytes/ascii.js'
import { parseDouble, plainDouble } from '../../bytes/double.js'
import { wideDouble } from '../../bytes/double-double.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'

/** Less than the smallest double of full precision, strtod says that the number is out of range. */
const NORMAL_MIN = 2.2250738585072014e-308

/** The number that a string spells for strtod: blanks in front, and nothing at all for 0, are right; NaN for none. */
export function scoreOf(buf: Uint8Array, start: number, end: number): number {
  const plain = plainDouble(buf, start, end)
  if (!Number.isNaN(plain)) return plain
  const wide = wideDouble(buf, start, end)
  if (!Number.isNaN(wide)) return wide
  const whole = wholeTextToZero(buf, start, end, NUMBER_BYTES_MAX)
  if (whole === null) return Number.NaN
  if (whole === '') return 0
  const source = whole.replace(/^[ \t\n\v\f\r]+/, '')
  const value = parseDouble(source)
  if (value === null) return Number.NaN
  if (!Number.isFinite(value)) return /^[+-]?inf/i.test(source) ? value : Number.NaN
  const mantissa = source.replace(/^[+-]?0x/i, '').replace(/[ep].*$/i, '')
  const vanishes = Math.abs(value) < NORMAL_MIN && /[1-9a-f]/i.test(mantissa)
  return vanishes ? Number.NaN : value
}
