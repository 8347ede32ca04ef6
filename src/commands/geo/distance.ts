/**
 * Distances on a sphere of the earth's mean radius, by the haversine formula, in Redis's order of operations. `roughly` may
 * differ from `exactly` in the last digits: it says who need not be looked at more closely.
 */

import { Trigonometry } from './trigonometry.js'

export const EARTH_RADIUS_M = 6372797.560856
const RADIANS = Math.PI / 180

export const radians = (degrees: number): number => degrees * RADIANS
export const degrees = (angle: number): number => angle / RADIANS

/** The distance of two latitudes on one meridian, in metres. */
export function latitudeDistance(a: number, b: number): number {
  return EARTH_RADIUS_M * Math.abs(radians(b) - radians(a))
}

/** Next to the opposite side of the earth the formula is this uncertain, in metres; everywhere else far less. */
export const UNCERTAINTY_M = 1

/** In metres, next to the truth. */
function roughly(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const v = Math.sin((radians(lon2) - radians(lon1)) / 2)
  const u = Math.sin((radians(lat2) - radians(lat1)) / 2)
  const a = u * u + Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * v * v
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(Math.min(1, a)))
}

export class Distances {
  private readonly trigonometry = new Trigonometry()

  /** In metres, in the digits that Redis gives. */
  exactly(lon1: number, lat1: number, lon2: number, lat2: number): number {
    const { trigonometry } = this
    const v = trigonometry.sin((radians(lon2) - radians(lon1)) / 2)
    if (v === 0) return latitudeDistance(lat1, lat2)
    const lat1r = radians(lat1)
    const lat2r = radians(lat2)
    const u = trigonometry.sin((lat2r - lat1r) / 2)
    const a = u * u + trigonometry.cos(lat1r) * trigonometry.cos(lat2r) * v * v
    return 2 * EARTH_RADIUS_M * trigonometry.asin(Math.sqrt(a))
  }

  /** Whether two places are further from each other than so many metres. */
  exceed(limit_m: number, lon1: number, lat1: number, lon2: number, lat2: number): boolean {
    const near = roughly(lon1, lat1, lon2, lat2)
    if (near > limit_m + UNCERTAINTY_M) return true
    if (near < limit_m - UNCERTAINTY_M) return false
    return this.exactly(lon1, lat1, lon2, lat2) > limit_m
  }
}
