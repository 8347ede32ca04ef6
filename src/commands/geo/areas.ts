/**
 * Where on the map to look: the box that a search's middle lies in and its eight neighbours, of a size such that all that is looked for
 * is in them. Each box is one range of scores. Their order is Redis's, since results come in it where none is asked for.
 */

import { degrees, EARTH_RADIUS_M, radians } from './distance.js'
import { interleave, LATITUDE_MAX, LONGITUDE_MAX, type Place, partOf, STEPS_MAX } from './hash.js'

/** What is searched: a circle of a radius, or a box of a width and a height, in a unit of so many metres. */
export interface Shape {
  readonly middle: Place
  isBox: boolean
  radius: number
  width: number
  height: number
  unit_m: number
}

/** Half of the map's width in Mercator's projection, in metres. */
const MERCATOR_MAX_M = 20037726.37

/** A box: which part of the latitudes and longitudes it is, cut into 2^steps parts. */
interface Box {
  readonly latitude: number
  readonly longitude: number
  readonly steps: number
}

interface Limits {
  readonly south: number
  readonly north: number
  readonly west: number
  readonly east: number
}

function stepsFor(range_m: number, latitude: number): number {
  if (range_m === 0) return STEPS_MAX
  let steps = 1
  for (let range = range_m; range < MERCATOR_MAX_M; range *= 2) steps++
  steps -= 2
  // Towards the poles the same distance is more degrees.
  if (latitude > 66 || latitude < -66) steps--
  if (latitude > 80 || latitude < -80) steps--
  return Math.min(STEPS_MAX, Math.max(1, steps))
}

/** What the shape's outermost points are. */
function limitsOf({ middle, isBox, radius, width, height, unit_m }: Shape): Limits {
  const { longitude, latitude } = middle
  const upwards = unit_m * (isBox ? height / 2 : radius)
  const sideways = unit_m * (isBox ? width / 2 : radius)
  const rise = degrees(upwards / EARTH_RADIUS_M)
  // The side that is nearer to its pole has the wider angle.
  const edge = latitude < 0 ? latitude - rise : latitude + rise
  const spread = degrees(sideways / EARTH_RADIUS_M / Math.cos(radians(edge)))
  return {
    west: longitude - spread,
    east: longitude + spread,
    south: latitude - rise,
    north: latitude + rise,
  }
}

function boxOf({ longitude, latitude }: Place, steps: number): Box {
  return {
    latitude: partOf(latitude, -LATITUDE_MAX, LATITUDE_MAX, steps),
    longitude: partOf(longitude, -LONGITUDE_MAX, LONGITUDE_MAX, steps),
    steps,
  }
}

/** The box so many further to the north and to the east, around the earth where it ends. */
function neighbour(box: Box, north: number, east: number): Box {
  const mask = (1 << box.steps) - 1
  return {
    latitude: north === 0 ? box.latitude : (box.latitude + north) & mask,
    longitude: east === 0 ? box.longitude : (box.longitude + east) & mask,
    steps: box.steps,
  }
}

function edgesOf({ latitude, longitude, steps }: Box): Limits {
  const parts = 1 << steps
  const edge = (part: number, max: number) => -max + (part / parts) * (max - -max)
  return {
    south: edge(latitude, LATITUDE_MAX),
    north: edge(latitude + 1, LATITUDE_MAX),
    west: edge(longitude, LONGITUDE_MAX),
    east: edge(longitude + 1, LONGITUDE_MAX),
  }
}

/** Whether the box and those around it do not reach as far as the shape. */
function isTooSmall(box: Box, limits: Limits): boolean {
  return (
    edgesOf(neighbour(box, 1, 0)).north < limits.north ||
    edgesOf(neighbour(box, -1, 0)).south > limits.south ||
    edgesOf(neighbour(box, 0, 1)).east < limits.east ||
    edgesOf(neighbour(box, 0, -1)).west > limits.west
  )
}

/** North and east of the middle, in the order of the search. */
const DIRECTIONS: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
  [1, 1],
  [1, -1],
  [-1, 1],
  [-1, -1],
]

/** Scores [from, to). */
export interface Scores {
  readonly from: number
  readonly to: number
}

/** The ranges of scores in which everything lies that the shape covers, in the order in which they are to be searched. */
export function areasOf(shape: Shape): Scores[] {
  const { middle, isBox } = shape
  const width = shape.width / 2
  const height = shape.height / 2
  const reach = isBox ? Math.sqrt(width * width + height * height) : shape.radius
  const limits = limitsOf(shape)
  let steps = stepsFor(reach * shape.unit_m, middle.latitude)
  let box = boxOf(middle, steps)
  if (steps > 1 && isTooSmall(box, limits)) box = boxOf(middle, --steps)
  const edges = edgesOf(box)
  const useless = (north: number, east: number) =>
    steps >= 2 &&
    ((north < 0 && edges.south < limits.south) ||
      (north > 0 && edges.north > limits.north) ||
      (east < 0 && edges.west < limits.west) ||
      (east > 0 && edges.east > limits.east))
  const side = 1 << (STEPS_MAX - steps)
  const size = side * side
  const areas: Scores[] = []
  let last: Box | null = null
  for (const [north, east] of DIRECTIONS) {
    if (useless(north, east)) continue
    const next = neighbour(box, north, east)
    // Boxes that are large parts of the earth have the same neighbour on both sides.
    if (last !== null && last !== box && sameBox(last, next)) continue
    const from = interleave(next.latitude, next.longitude) * size
    areas.push({ from, to: from + size })
    last = areas.length === 1 ? box : next
  }
  return areas
}

function sameBox(a: Box, b: Box): boolean {
  return a.latitude === b.latitude && a.longitude === b.longitude
}
