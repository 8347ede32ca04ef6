/**
 * Sine, cosine and arc sine rounded to the nearest double. JavaScript's own may be one unit off in the last place, in two or three of
 * a hundred cases, and then a distance that is stored as a score has other digits than Redis's, whose C library rounds correctly
 * but for one case in a thousand. So the series are summed up in pairs of doubles, their heads at least; the tails, which are
 * small, in single ones.
 *
 * Arguments are those that distances on a sphere need: up to pi for the sine, up to half of it for the others.
 */

import { productError } from '../../bytes/double-double.js'

/** (-1)^k / (2k + 1)! for k = 1, 2, …: the nearest doubles. */
const SINE = [
  -0.16666666666666666, 0.008333333333333333, -0.0001984126984126984, 2.7557319223985893e-6,
  -2.505210838544172e-8, 1.6059043836821613e-10, -7.647163731819816e-13, 2.8114572543455206e-15,
  -8.22063524662433e-18, 1.9572941063391263e-20, -3.868170170630684e-23, 6.446950284384474e-26,
  -9.183689863795546e-29,
]
/** What is missing to the exact values of those that are used in pairs. */
const SINE_REST = [
  -9.25185853854297e-18, 1.1564823173178714e-19, -1.7209558293420705e-22, -1.858393274046472e-22,
  1.448814070935912e-24, 1.2585294588752098e-26,
]
/** (-1)^k / (2k)! */
const COSINE = [
  -0.5, 0.041666666666666664, -0.001388888888888889, 2.48015873015873e-5, -2.755731922398589e-7,
  2.08767569878681e-9, -1.1470745597729725e-11, 4.779477332387385e-14, -1.5619206968586225e-16,
  4.110317623312165e-19, -8.896791392450574e-22, 1.6117375710961184e-24, -2.4795962632247976e-27,
]
const COSINE_REST = [
  0, 2.3129646346357427e-18, 5.300543954373577e-20, 2.1511947866775882e-23, -2.3767714622250297e-23,
  -1.20734505911326e-25,
]
/**
 * How many terms are added up, and how many of them in pairs, for squares of angles up to a limit: so many that the first one that is
 * left out is less than 2^-70 of the whole, and the first single one less than 2^-15.
 */
const EFFORTS: readonly { readonly below: number; readonly pairs: number; readonly terms: number }[] = [
  { below: 1e-3, pairs: 2, terms: 6 },
  { below: 0.1, pairs: 4, terms: 9 },
  { below: Number.POSITIVE_INFINITY, pairs: 6, terms: 13 },
]
/** Pi is Math.PI and these two. */
const PI_SECOND = 1.2246467991473532e-16
const PI_THIRD = -2.9947698097183397e-33

export class Trigonometry {
  // A pair that a method below leaves behind: the sum of both, the second less than half a unit of the first.
  private high = 0
  private low = 0

  sin(x: number): number {
    this.sinPair(x)
    return this.high
  }

  cos(x: number): number {
    const square = x * x
    this.series(square, productError(x, x, square), COSINE, COSINE_REST)
    return this.high
  }

  asin(x: number): number {
    const near = Math.asin(x)
    if (!(x > 0 && x < 1)) return near
    // One step of Newton's method, from a value that is right but for its last bits.
    this.sinPair(near)
    return near + (x - this.high - this.low) / Math.cos(near)
  }

  private sinPair(x: number): void {
    let high = x
    let low = 0
    if (Math.abs(x) > Math.PI / 2) {
      // The same sine, from the other side: pi - x, in as many digits.
      const sign = x < 0 ? -1 : 1
      const rest = Math.PI - Math.abs(x)
      high = rest + PI_SECOND
      low = (rest - high + PI_SECOND + PI_THIRD) * sign
      high *= sign
    }
    const square = high * high
    this.series(square, productError(high, high, square) + 2 * high * low, SINE, SINE_REST)
    const product = high * this.high
    const error = productError(high, this.high, product) + high * this.low + low * this.high
    this.high = product + error
    this.low = product - this.high + error
  }

  /** 1 + c1 z + c2 z^2 + …, where z is a pair. */
  private series(z: number, zLow: number, terms: readonly number[], rests: readonly number[]): void {
    let effort = EFFORTS[0]!
    for (let i = 1; z >= effort.below; i++) effort = EFFORTS[i]!
    let high = 0
    for (let k = effort.terms - 1; k >= effort.pairs; k--) high = high * z + terms[k]!
    let low = 0
    for (let k = effort.pairs - 1; k >= -1; k--) {
      const product = high * z
      const error = productError(high, z, product) + high * zLow + low * z
      const term = k < 0 ? 1 : terms[k]!
      const sum = term + product
      // The term is the larger one, but for the cosine of large angles, where this adds the parts in the other order.
      const lost = Math.abs(term) >= Math.abs(product) ? term - sum + product : product - sum + term
      const rest = lost + error + (k < 0 ? 0 : rests[k]!)
      high = sum + rest
      low = sum - high + rest
    }
    this.high = high
    this.low = low
  }
}
