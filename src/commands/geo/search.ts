/** GEOSEARCH, GEOSEARCHSTORE, GEORADIUS and its kin: the members within a circle or a box. */

import type { Ranking } from '../../keyspace/collections/ranking.js'
import { attach } from '../../keyspace/collections/value.js'
import type { SortedSets } from '../../keyspace/collections/zset.js'
import { NO_EXPIRY, ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_ZSET } from '../host.js'
import { findKey } from '../lookup.js'
import { areasOf, type Scores, type Shape } from './areas.js'
import { replyCoordinate, replyDistance } from './digits.js'
import { isClear, latitudeDistance, nearDistance, UNCERTAINTY_M } from './distance.js'
import { decodeScore } from './hash.js'
import { orderAll, orderFirst } from './nearest.js'
import { type Request, readRequest, type SearchKind } from './request.js'
import type { GeoSpace } from './space.js'

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

/** Finds all members that the request covers, with their haversines where distances matter. */
class Search {
  private readonly space: GeoSpace
  private readonly isBox: boolean
  private readonly isMeasured: boolean
  private readonly latitude: number
  private readonly latitudeLimit: number
  private readonly most: number
  /** Of the last place that `covers` said yes to, where distances matter. */
  private haversine = Number.NaN

  constructor(space: GeoSpace, request: Request) {
    const { shape } = request
    const { middle } = shape
    this.space = space
    this.isBox = shape.isBox
    this.latitude = middle.latitude
    this.latitudeLimit = latitudeLimitOf(shape)
    this.isMeasured = request.order !== 0 || request.withDistance || storesDistances(request)
    this.most = request.any ? request.count : Number.POSITIVE_INFINITY
    space.distances.begin(middle.longitude, middle.latitude, limitOf(shape))
  }

  run(zsets: SortedSets, handle: number, areas: readonly Scores[]): void {
    const { matches } = this.space
    const ranking = zsets.isSmall(handle) ? null : zsets.ranking(handle)
    matches.begin(ranking)
    for (const { from, to } of areas) {
      const first = zsets.countBelow(handle, from, false)
      const end = zsets.countBelow(handle, to, false)
      if (first >= end) continue
      if (ranking === null) this.searchSmall(zsets, handle, first, end)
      else this.searchLarge(ranking, zsets.elements, first, end)
      if (matches.count >= this.most) return
    }
  }

  private searchSmall(zsets: SortedSets, handle: number, from: number, to: number): void {
    const { matches } = this.space
    const { member } = zsets
    zsets.range(handle, from, to, false, () => {
      const { score } = zsets
      if (matches.count < this.most && this.covers(score)) matches.addNamed(member, score, this.haversine)
    })
  }

  private searchLarge(ranking: Ranking, elements: Uint32Array, from: number, to: number): void {
    const { matches } = this.space
    ranking.seek(from)
    for (let left = to - from; left > 0; ) {
      const many = ranking.takeMany(elements, left, false)
      if (many === 0) return
      for (let i = 0; i < many; i++) {
        const element = elements[i]!
        const score = ranking.score(element)
        if (!this.covers(score)) continue
        matches.add(element, score, this.haversine)
        if (matches.count >= this.most) return
      }
      left -= many
    }
  }

  /** Whether the place of a score lies within the shape. */
  private covers(score: number): boolean {
    const { distances, place } = this.space
    decodeScore(score, place)
    const { longitude, latitude } = place
    if (latitudeDistance(latitude, this.latitude) > this.latitudeLimit) return false
    if (this.isBox) {
      if (distances.isBeyondSideways(longitude, latitude)) return false
      if (this.isMeasured) this.haversine = distances.haversine(longitude, latitude)
      return true
    }
    const haversine = distances.haversine(longitude, latitude)
    this.haversine = haversine
    return !distances.isBeyond(longitude, latitude, haversine)
  }
}

/** The matches that are wanted, in the order that is wanted, by their numbers. */
function chosen({ matches, distances }: GeoSpace, { order, count }: Request): Int32Array {
  const many = count === 0 ? matches.count : Math.min(count, matches.count)
  if (order !== 0 && many === matches.count) return orderAll(matches, distances, order)
  if (order !== 0) return orderFirst(matches, distances, order, many)
  const all = new Int32Array(many)
  for (let i = 0; i < many; i++) all[i] = i
  return all
}

function replyMatches(space: GeoSpace, request: Request, order: Int32Array, reply: Reply): void {
  const { withDistance, withScore, withPlace, shape } = request
  const { matches, place, member, digits } = space
  const options = Number(withDistance) + Number(withScore) + Number(withPlace)
  reply.array(order.length)
  for (let i = 0; i < order.length; i++) {
    const match = order[i]!
    if (options > 0) reply.array(options + 1)
    matches.name(match, member)
    reply.bulkRange(member.buf, member.start, member.end)
    if (withDistance) replyDistance(reply, distanceOf(space, match, shape.unit_m) / shape.unit_m)
    if (withScore) replyScore(reply, matches.scores[match]!)
    if (!withPlace) continue
    decodeScore(matches.scores[match]!, place)
    reply.array(2)
    replyCoordinate(reply, place.longitude, digits)
    replyCoordinate(reply, place.latitude, digits)
  }
}

/** The distance of a match in metres, as it is to be shown. */
function distanceOf({ matches, distances }: GeoSpace, match: number, unit_m: number): number {
  const near_m = nearDistance(matches.haversines[match]!)
  return isClear(near_m, unit_m) ? near_m : matches.distance(match, distances)
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
  { matches, distances, member }: GeoSpace,
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
    const score = request.storeDistance
      ? matches.distance(match, distances) / request.shape.unit_m
      : matches.scores[match]!
    matches.name(match, member)
    zsets.set(made, member.buf, member.start, member.end, score)
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
  const space = call.searching
  new Search(space, request).run(call.keyspace.zsets, handle, areasOf(request.shape))
  const order = chosen(space, request)
  if (request.store === 0) replyMatches(space, request, order, reply)
  else {
    const event = kind.middle === 'options' ? 'geosearchstore' : 'georadiusstore'
    store(call, args, request, space, order, event, reply)
  }
  space.matches.end()
}
