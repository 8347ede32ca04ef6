/** GEOSEARCH, GEOSEARCHSTORE, GEORADIUS and its kin: the members within a circle or a box. */

import { attach } from '../../keyspace/collections/value.js'
import { NO_EXPIRY, ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_ZSET } from '../host.js'
import { orderByKey } from '../key-sort.js'
import { findKey } from '../lookup.js'
import { sortPart } from '../partial-sort.js'
import { areasOf, type Shape } from './areas.js'
import { replyCoordinate, replyDistance } from './digits.js'
import { Distances, isClear, latitudeDistance, NEAR_ERROR, UNCERTAINTY_M } from './distance.js'
import { decodeScore, type Place } from './hash.js'
import { Matches } from './matches.js'
import { type Request, readRequest, type SearchKind } from './request.js'

/** With ANY members are looked at in slices, since most of them need not be. */
const SLICE = 64

/** How far a place may be away from the middle, or in a box to its sides, in metres. */
function limitOf({ isBox, radius, width, unit_m }: Shape): number {
  return isBox ? (width * unit_m) / 2 : radius * unit_m
}

/** How far it may be to the north and to the south: the only limit of a box there; no place of a circle is beyond. */
function latitudeLimitOf({ isBox, radius, height, unit_m }: Shape): number {
  return isBox ? (height * unit_m) / 2 : radius * unit_m + UNCERTAINTY_M
}

function storesDistances(request: Request): boolean {
  return request.store !== 0 && request.storeDistance
}

/** All members that the request covers, with their distances where these matter. */
function find(call: Call, handle: number, request: Request): Matches {
  const { zsets } = call.keyspace
  const { shape, order } = request
  const { isBox, middle } = shape
  const matches = new Matches()
  const distances = new Distances(middle.longitude, middle.latitude, limitOf(shape))
  const latitudeLimit = latitudeLimitOf(shape)
  const place: Place = { longitude: 0, latitude: 0 }
  const most = request.any ? request.count : Number.POSITIVE_INFINITY
  const measured = order !== 0 || request.withDistance || storesDistances(request)
  // What is stored is exact, and so is what decides who is among the nearest.
  matches.exact = storesDistances(request) || (order !== 0 && request.count > 0)
  const visit = (): void => {
    if (matches.count >= most) return
    const { score } = zsets
    decodeScore(score, place)
    const { longitude, latitude } = place
    if (latitudeDistance(latitude, middle.latitude) > latitudeLimit) return
    if (isBox ? distances.isBeyondSideways(longitude, latitude) : distances.isBeyond(longitude, latitude))
      return
    let distance_m = Number.NaN
    if (measured && matches.exact) distance_m = distances.to(longitude, latitude)
    else if (measured)
      distance_m = isBox ? distances.near(longitude, latitude) : distances.nearLast(longitude, latitude)
    matches.add(zsets.member, score, distance_m)
  }
  for (const scores of areasOf(shape)) {
    const end = zsets.countBelow(handle, scores.to, false)
    const step = request.any ? SLICE : end
    for (
      let at = zsets.countBelow(handle, scores.from, false);
      at < end && matches.count < most;
      at += step
    ) {
      zsets.range(handle, at, Math.min(end, at + step), false, visit)
    }
  }
  return matches
}

/** Whether two places that follow each other in this order are so close that nearly exact distances might have put them wrongly. */
function isDoubtful({ distances, scores }: Matches, order: Int32Array): boolean {
  for (let i = 1; i < order.length; i++) {
    const a = order[i - 1]!
    const b = order[i]!
    const distance_m = distances[b]!
    if (Math.abs(distances[a]! - distance_m) <= 4 * NEAR_ERROR * distance_m && scores[a] !== scores[b])
      return true
  }
  return false
}

/** Measures all matches exactly. */
function measure(matches: Matches, { middle }: Shape): void {
  const distances = new Distances(middle.longitude, middle.latitude, 0)
  const place: Place = { longitude: 0, latitude: 0 }
  for (let i = 0; i < matches.count; i++) {
    decodeScore(matches.scores[i]!, place)
    matches.distances[i] = distances.to(place.longitude, place.latitude)
  }
  matches.exact = true
}

/** The matches that are wanted, in the order that is wanted, by their numbers. */
function chosen(matches: Matches, request: Request): Int32Array {
  const { order, count } = request
  const many = count === 0 ? matches.count : Math.min(count, matches.count)
  // The nearest first, or the furthest, which has the lowest of the opposites.
  const keys = matches.distances.slice(0, order === 0 ? 0 : matches.count)
  if (order < 0) for (let i = 0; i < keys.length; i++) keys[i] = -keys[i]!
  if (order !== 0 && many === matches.count) {
    const all = orderByKey(keys)
    if (matches.exact || !isDoubtful(matches, all)) return all
    measure(matches, request.shape)
    return chosen(matches, request)
  }
  const all = new Int32Array(matches.count)
  for (let i = 0; i < all.length; i++) all[i] = i
  if (order !== 0)
    sortPart(all, 0, many - 1, (a, b) => (keys[a] === keys[b] ? 0 : keys[a]! > keys[b]! ? 1 : -1))
  return all.subarray(0, many)
}

function replyMatches(request: Request, matches: Matches, order: Int32Array, reply: Reply): void {
  const { withDistance, withScore, withPlace, shape } = request
  const options = Number(withDistance) + Number(withScore) + Number(withPlace)
  const place: Place = { longitude: 0, latitude: 0 }
  reply.array(order.length)
  for (const match of order) {
    if (options > 0) reply.array(options + 1)
    reply.bulkRange(matches.names, matches.start(match), matches.end(match))
    if (withDistance) replyDistance(reply, distanceOf(matches, match, shape) / shape.unit_m)
    if (withScore) replyScore(reply, matches.scores[match]!)
    if (!withPlace) continue
    decodeScore(matches.scores[match]!, place)
    reply.array(2)
    replyCoordinate(reply, place.longitude)
    replyCoordinate(reply, place.latitude)
  }
}

/** The distance of a match in metres, as it is to be shown. */
function distanceOf({ distances, scores, exact }: Matches, match: number, { middle, unit_m }: Shape): number {
  const distance_m = distances[match]!
  if (exact || isClear(distance_m, unit_m)) return distance_m
  const place: Place = { longitude: 0, latitude: 0 }
  decodeScore(scores[match]!, place)
  return new Distances(middle.longitude, middle.latitude, 0).to(place.longitude, place.latitude)
}

const INT64_MIN = -(2n ** 63n)

/** As C on x86 makes an integer of a double. */
function replyScore(reply: Reply, score: number): void {
  const whole = Math.trunc(score)
  if (Number.isSafeInteger(whole)) reply.int(whole === 0 ? 0 : whole)
  else reply.bigint(Math.abs(score) < 2 ** 63 ? BigInt(whole) : INT64_MIN)
}

/** Removes the key of argument `index`, and replies that it holds nothing. */
function storeNothing(call: Call, args: Args, index: number, reply: Reply): void {
  const start = args.start(index)
  const end = args.end(index)
  if (call.db.delete(args.buf, start, end)) {
    call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
    call.dirty++
  }
  reply.int(0)
}

function store(
  call: Call,
  args: Args,
  request: Request,
  matches: Matches,
  order: Int32Array,
  event: string,
  reply: Reply,
): void {
  const { db } = call
  const { zsets } = call.keyspace
  const index = request.store
  if (order.length === 0) {
    storeNothing(call, args, index, reply)
    return
  }
  const made = zsets.createLarge()
  for (const match of order) {
    const { distances, scores } = matches
    const score = request.storeDistance ? distances[match]! / request.shape.unit_m : scores[match]!
    zsets.set(made, matches.names, matches.start(match), matches.end(match), score)
  }
  zsets.shrink(made)
  const known = findKey(call, args, index) !== 0
  attach(db, args.buf, args.start(index), args.end(index), made, NO_EXPIRY)
  if (!known) call.notify(NOTIFY_NEW, 'new', args.buf, args.start(index), args.end(index))
  call.notify(NOTIFY_ZSET, event, args.buf, args.start(index), args.end(index))
  call.dirty += order.length
  call.host.keyReady(db, args.buf, args.start(index), args.end(index))
  reply.int(order.length)
}

/** Carries out any of the searches. */
export function search(call: Call, args: Args, kind: SearchKind, reply: Reply): void {
  const handle = collectionToRead(call, args, kind.key, ZSET, reply)
  if (handle === WRONG) return
  const request = readRequest(call, args, kind, handle, reply)
  if (request === null) return
  if (handle === 0) {
    if (request.store === 0) reply.array(0)
    else storeNothing(call, args, request.store, reply)
    return
  }
  const matches = find(call, handle, request)
  const order = chosen(matches, request)
  if (request.store === 0) replyMatches(request, matches, order, reply)
  else {
    const event = kind.middle === 'options' ? 'geosearchstore' : 'georadiusstore'
    store(call, args, request, matches, order, event, reply)
  }
}
