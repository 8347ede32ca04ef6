/**
 * The matches of a search by their distance. What decides is the distance in Redis's own digits, which is expensive; but
 * haversines tell nearly every two places apart, and where they do not, only these places are measured.
 */

import { orderByKey } from '../key-sort.js'
import { sortPart } from '../partial-sort.js'
import { type Distances, NEAR_ERROR, NEAR_MAX } from './distance.js'
import type { Matches } from './matches.js'

/** Haversines that are further apart than this part of them belong to distances whose order is theirs: a distance differs by half of it, or more. */
const APART = 10 * NEAR_ERROR

/** Whether it needs more than the haversines to say which of two matches is nearer. The second haversine is not the smaller one. */
function isDoubtful(near: number, far: number): boolean {
  return far - near <= APART * far || near >= NEAR_MAX
}

/** All matches, the nearest first, or the furthest where `order` is -1; those at one distance as they were found. */
export function orderAll(matches: Matches, distances: Distances, order: number): Int32Array {
  const { count, scores, haversines } = matches
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) keys[i] = order * haversines[i]!
  const all = orderByKey(keys)
  for (let from = 0; from < count; ) {
    let to = from + 1
    let differ = false
    for (; to < count; to++) {
      const a = all[to - 1]!
      const b = all[to]!
      if (!isDoubtful(haversines[order > 0 ? a : b]!, haversines[order > 0 ? b : a]!)) break
      differ = differ || scores[a] !== scores[b]
    }
    if (differ) orderExactly(matches, distances, order, all.subarray(from, to))
    from = to
  }
  return all
}

/** Some of the matches by their measured distances. */
function orderExactly(matches: Matches, distances: Distances, order: number, some: Int32Array): void {
  const found = some.slice().sort()
  const keys = new Float64Array(found.length)
  for (let i = 0; i < found.length; i++) keys[i] = order * matches.distance(found[i]!, distances)
  const sorted = orderByKey(keys)
  for (let i = 0; i < found.length; i++) some[i] = found[sorted[i]!]!
}

/** The first `many` matches in the same order, but those at one distance as `sortPart` leaves them. */
export function orderFirst(matches: Matches, distances: Distances, order: number, many: number): Int32Array {
  const { count, scores, haversines } = matches
  const compare = (a: number, b: number): number => {
    if (scores[a] === scores[b]) return 0
    const x = haversines[a]!
    const y = haversines[b]!
    if (!(x < y ? isDoubtful(x, y) : isDoubtful(y, x))) return x < y ? -order : order
    const difference = matches.distance(a, distances) - matches.distance(b, distances)
    return difference === 0 ? 0 : difference < 0 ? -order : order
  }
  const all = new Int32Array(count)
  for (let i = 0; i < count; i++) all[i] = i
  sortPart(all, 0, many - 1, compare)
  return all.subarray(0, many)
}
