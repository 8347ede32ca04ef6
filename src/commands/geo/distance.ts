/**
 * Distances on a sphere of the earth's mean radius, by the haversine formula, in Redis's order of operations. Whether a place
 * is near enough is mostly known without its distance, to a metre.
 */

import type { Place } from './hash.js'
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

/** Beyond this no two places are from each other. */
const HALF_WAY_M = Math.PI * EARTH_RADIUS_M

/** What the haversine formula takes the arc sine of, squared, for a distance. */
function haversineOf(distance_m: number): number {
  if (distance_m <= 0) return 0
  const half = distance_m >= HALF_WAY_M ? 1 : Math.sin(distance_m / (2 * EARTH_RADIUS_M))
  return half * half
}

/** Up to here, two fifths of the way around the earth, the arc sine makes an error not much larger. */
export const NEAR_MAX = 0.9
/** `nearDistance` is right but for this part of itself, and a haversine too: ten times what their roundings add up to. */
export const NEAR_ERROR = 1e-14
/** What is shown has so many decimals … */
const SHOWN_UNITS = 1e4
/** … and is the same for all distances that are near, unless it is so near to where another begins. */
const CLEAR_OF_HALF = 0.01
/** Larger numbers of units may be wrong by more than that. */
const CLEAR_UNITS_MAX = (CLEAR_OF_HALF / NEAR_ERROR) * 0.5

/** The distance that belongs to a haversine, in metres, in about fifteen digits: NaN where that needs another way. */
export function nearDistance(haversine: number): number {
  return haversine < NEAR_MAX ? 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(haversine)) : Number.NaN
}

/** Whether a distance that is near is shown in the same digits as the exact one, in units of so many metres. */
export function isClear(near_m: number, unit_m: number): boolean {
  const scaled = (near_m / unit_m) * SHOWN_UNITS
  const rest = scaled - Math.floor(scaled)
  return scaled < CLEAR_UNITS_MAX && Math.abs(rest - 0.5) > CLEAR_OF_HALF
}

/** The distance of two places in metres, so exact that it is shown as Redis shows it in units of so many metres. */
export function shownDistance(distances: Distances, from: Place, to: Place, unit_m: number): number {
  distances.begin(from.longitude, from.latitude, 0)
  const near_m = nearDistance(distances.haversine(to.longitude, to.latitude))
  return isClear(near_m, unit_m) ? near_m : distances.to(to.longitude, to.latitude)
}

/** Distances from one place, and whether they exceed a limit. */
export class Distances {
  private readonly trigonometry = new Trigonometry()
  private lon = 0
  private lat = 0
  private lonRadians = 0
  private latRadians = 0
  /** Nearly exact. */
  private cosLat = 0
  /** NaN while nobody has asked. */
  private exactCosLat = Number.NaN
  /** Below the one a place is near enough, above the other too far away. */
  private surelyNear = 0
  private surelyFar = 0
  private limit_m = 0

  /** From here on it is distances from this place, and this limit. */
  begin(lon: number, lat: number, limit_m: number): void {
    this.lon = lon
    this.lat = lat
    this.lonRadians = radians(lon)
    this.latRadians = radians(lat)
    this.cosLat = Math.cos(this.latRadians)
    this.exactCosLat = Number.NaN
    this.limit_m = limit_m
    this.surelyNear = haversineOf(limit_m - UNCERTAINTY_M)
    this.surelyFar = limit_m + UNCERTAINTY_M >= HALF_WAY_M ? 2 : haversineOf(limit_m + UNCERTAINTY_M)
  }

  /** In metres, in the digits that Redis gives. */
  to(lon: number, lat: number): number {
    const { trigonometry } = this
    const v = trigonometry.sin((radians(lon) - this.lonRadians) / 2)
    if (v === 0) return latitudeDistance(this.lat, lat)
    const latRadians = radians(lat)
    const u = trigonometry.sin((latRadians - this.latRadians) / 2)
    if (Number.isNaN(this.exactCosLat)) this.exactCosLat = trigonometry.cos(this.latRadians)
    const a = u * u + this.exactCosLat * trigonometry.cos(latRadians) * v * v
    return 2 * EARTH_RADIUS_M * trigonometry.asin(Math.sqrt(a))
  }

  /** The squared sine of half the angle, which grows as the distance does: right but for NEAR_ERROR. */
  haversine(lon: number, lat: number): number {
    const latRadians = radians(lat)
    const v = Math.sin((radians(lon) - this.lonRadians) / 2)
    const u = Math.sin((latRadians - this.latRadians) / 2)
    return u * u + this.cosLat * Math.cos(latRadians) * v * v
  }

  /** Whether a place is further away than the limit; its haversine is known already. */
  isBeyond(lon: number, lat: number, haversine: number): boolean {
    if (haversine > this.surelyFar) return true
    if (haversine < this.surelyNear) return false
    return this.to(lon, lat) > this.limit_m
  }

  /** Whether a place is further to the east or west than the limit, on its own latitude. */
  isBeyondSideways(lon: number, lat: number): boolean {
    const sideways = Math.cos(radians(lat)) * Math.sin((radians(lon) - this.lonRadians) / 2)
    const a = sideways * sideways
    if (a > this.surelyFar) return true
    if (a < this.surelyNear) return false
    const others = new Distances()
    others.begin(lon, lat, 0)
    return others.to(this.lon, lat) > this.limit_m
  }
}
