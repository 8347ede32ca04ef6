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
function haversine(distance_m: number): number {
  if (distance_m <= 0) return 0
  const half = distance_m >= HALF_WAY_M ? 1 : Math.sin(distance_m / (2 * EARTH_RADIUS_M))
  return half * half
}

/** Up to here, two fifths of the way around the earth, the arc sine makes an error not much larger. */
const NEAR_MAX = 0.9
/** `nearDistance` is right but for this part of itself: ten times what its roundings add up to. */
export const NEAR_ERROR = 1e-14
/** What is shown has so many decimals … */
const SHOWN_UNITS = 1e4
/** … and is the same for all distances that are near, unless it is so near to where another begins. */
const CLEAR_OF_HALF = 0.01
/** Larger numbers of units may be wrong by more than that. */
const CLEAR_UNITS_MAX = (CLEAR_OF_HALF / NEAR_ERROR) * 0.5

/** The distance of two places in metres, in about fifteen digits: NaN where that needs another way. */
function nearDistance(
  lonRadians: number,
  latRadians: number,
  otherLonRadians: number,
  otherLatRadians: number,
): number {
  const v = Math.sin((otherLonRadians - lonRadians) / 2)
  const u = Math.sin((otherLatRadians - latRadians) / 2)
  const a = u * u + Math.cos(latRadians) * Math.cos(otherLatRadians) * v * v
  return a < NEAR_MAX ? 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(a)) : Number.NaN
}

/** Whether a distance that is near is shown in the same digits as the exact one, in units of so many metres. */
export function isClear(near_m: number, unit_m: number): boolean {
  const scaled = (near_m / unit_m) * SHOWN_UNITS
  const rest = scaled - Math.floor(scaled)
  return scaled < CLEAR_UNITS_MAX && Math.abs(rest - 0.5) > CLEAR_OF_HALF
}

/** The distance of two places in metres, so exact that it is shown as Redis shows it in units of so many metres. */
export function shownDistance(from: Place, to: Place, unit_m: number): number {
  const near_m = nearDistance(
    radians(from.longitude),
    radians(from.latitude),
    radians(to.longitude),
    radians(to.latitude),
  )
  if (isClear(near_m, unit_m)) return near_m
  return new Distances(from.longitude, from.latitude, 0).to(to.longitude, to.latitude)
}

/** Distances from one place, and whether they exceed a limit. */
export class Distances {
  private readonly trigonometry = new Trigonometry()
  private readonly lon: number
  private readonly lat: number
  private readonly lonRadians: number
  private readonly latRadians: number
  private readonly cosLat: number
  /** Below the one a place is near enough, above the other too far away. */
  private readonly surelyNear: number
  private readonly surelyFar: number
  private readonly limit_m: number
  /** What `isBeyond` found last, before the arc sine. */
  private last = 0

  constructor(lon: number, lat: number, limit_m: number) {
    this.lon = lon
    this.lat = lat
    this.lonRadians = radians(lon)
    this.latRadians = radians(lat)
    this.cosLat = this.trigonometry.cos(this.latRadians)
    this.limit_m = limit_m
    this.surelyNear = haversine(limit_m - UNCERTAINTY_M)
    this.surelyFar = limit_m + UNCERTAINTY_M >= HALF_WAY_M ? 2 : haversine(limit_m + UNCERTAINTY_M)
  }

  /** In metres, in the digits that Redis gives. */
  to(lon: number, lat: number): number {
    const { trigonometry } = this
    const v = trigonometry.sin((radians(lon) - this.lonRadians) / 2)
    if (v === 0) return latitudeDistance(this.lat, lat)
    const latRadians = radians(lat)
    const u = trigonometry.sin((latRadians - this.latRadians) / 2)
    const a = u * u + this.cosLat * trigonometry.cos(latRadians) * v * v
    return 2 * EARTH_RADIUS_M * trigonometry.asin(Math.sqrt(a))
  }

  /** In metres; exact, or else right but for NEAR_ERROR. */
  near(lon: number, lat: number): number {
    const near_m = nearDistance(this.lonRadians, this.latRadians, radians(lon), radians(lat))
    return Number.isNaN(near_m) ? this.to(lon, lat) : near_m
  }

  /** Whether a place is further away than the limit. */
  isBeyond(lon: number, lat: number): boolean {
    const latRadians = radians(lat)
    const v = Math.sin((radians(lon) - this.lonRadians) / 2)
    const u = Math.sin((latRadians - this.latRadians) / 2)
    const a = u * u + this.cosLat * Math.cos(latRadians) * v * v
    this.last = a
    if (a > this.surelyFar) return true
    if (a < this.surelyNear) return false
    return this.to(lon, lat) > this.limit_m
  }

  /** As `near`, for the place that `isBeyond` was just asked about. */
  nearLast(lon: number, lat: number): number {
    return this.last < NEAR_MAX ? 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(this.last)) : this.to(lon, lat)
  }

  /** Whether a place is further to the east or west than the limit, on its own latitude. */
  isBeyondSideways(lon: number, lat: number): boolean {
    const sideways = Math.cos(radians(lat)) * Math.sin((radians(lon) - this.lonRadians) / 2)
    const a = sideways * sideways
    if (a > this.surelyFar) return true
    if (a < this.surelyNear) return false
    return new Distances(lon, lat, 0).to(this.lon, lat) > this.limit_m
  }
}
