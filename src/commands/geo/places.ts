/** GEOADD, GEOPOS, GEOHASH, GEODIST: members of a sorted set whose scores are places. */

import { ascii } from '../../bytes/ascii.js'
import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import {
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { SYNTAX } from '../errors.js'
import { addScored, CH, NX, XX } from '../zset/members.js'
import { placeOf, readPlace, readUnit } from './arguments.js'
import { replyCoordinate, replyDistance } from './digits.js'
import { shownDistance } from './distance.js'
import { GEOHASH_LETTERS, type Place, scoreDigits, scoreOf, writeGeohash } from './hash.js'

const ZADD = ascii('zadd')

function optionOf(args: Args, index: number): number {
  if (args.is(index, 'nx')) return NX
  if (args.is(index, 'xx')) return XX
  return args.is(index, 'ch') ? CH : 0
}

/** Others get the scores, which they need not come to by themselves. The arguments are known to be right. */
function propagateScores(call: Call, args: Args, first: number, reply: Reply): void {
  const parts = [ZADD]
  for (let i = 1; i < first; i++) parts.push(args.view(i))
  const place: Place = { longitude: 0, latitude: 0 }
  for (let i = first; i < args.count; i += 3) {
    readPlace(args, i, place, reply)
    parts.push(scoreDigits(place.longitude, place.latitude), args.view(i + 2))
  }
  call.propagate(...parts)
}

export const geoadd = command(
  {
    name: 'GEOADD',
    arity: -5,
    flags: WRITE | DENYOOM,
    since: '3.2.0',
    group: 'geo',
    summary: 'Adds places with their names to a sorted set, or moves those that are there.',
    complexity: 'O(log(N)) for each place, with N members of the set',
    syntax: 'key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    elements: [-1, 3],
    history: [['6.2.0', 'Knows `CH`, `NX` and `XX`.']],
  },
  (call, args, reply) => {
    let first = 2
    let options = 0
    for (; first < args.count; first++) {
      const option = optionOf(args, first)
      if (option === 0) break
      options |= option
    }
    const left = args.count - first
    if (left === 0 || left % 3 !== 0 || (options & (NX | XX)) === (NX | XX)) {
      reply.error(SYNTAX)
      return
    }
    const scores: number[] = []
    const place: Place = { longitude: 0, latitude: 0 }
    for (let i = first; i < args.count; i += 3) {
      if (!readPlace(args, i, place, reply)) return
      scores.push(scoreOf(place.longitude, place.latitude))
    }
    addScored(call, args, options, scores, scores.length, first + 2, 3, reply)
    if (call.dirty > 0 && call.isHeard) propagateScores(call, args, first, reply)
  },
)

const READING = {
  flags: READONLY,
  since: '3.2.0',
  group: 'geo',
  keys: firstKey(KEY_RO | KEY_ACCESS),
  elements: [2, 1],
} as const

export const geopos = command(
  {
    ...READING,
    name: 'GEOPOS',
    arity: -2,
    summary: 'Returns the longitudes and latitudes of members.',
    complexity: 'O(1) for each member',
    syntax: 'key [member [member ...]]',
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    const { place, digits } = call.searching
    reply.array(args.count - 2)
    for (let i = 2; i < args.count; i++) {
      if (handle === 0 || !placeOf(call, args, handle, i, place)) {
        reply.nilArray()
        continue
      }
      reply.array(2)
      replyCoordinate(reply, place.longitude, digits)
      replyCoordinate(reply, place.latitude, digits)
    }
  },
)

export const geohash = command(
  {
    ...READING,
    name: 'GEOHASH',
    arity: -2,
    summary: 'Returns the places of members as the letters of geohash.org.',
    complexity: 'O(1) for each member',
    syntax: 'key [member [member ...]]',
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    const { place, letters } = call.searching
    reply.array(args.count - 2)
    for (let i = 2; i < args.count; i++) {
      if (handle === 0 || !placeOf(call, args, handle, i, place)) {
        reply.nil()
        continue
      }
      writeGeohash(place, letters)
      reply.bulkRange(letters, 0, GEOHASH_LETTERS)
    }
  },
)

export const geodist = command(
  {
    ...READING,
    name: 'GEODIST',
    arity: -4,
    summary: 'Returns the distance of two members.',
    complexity: 'O(1)',
    syntax: 'key member1 member2 [M | KM | FT | MI]',
  },
  (call, args, reply) => {
    if (args.count > 5) {
      reply.error(SYNTAX)
      return
    }
    const unit_m = args.count === 5 ? readUnit(args, 4, reply) : 1
    if (Number.isNaN(unit_m)) return
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    const { distances, place: from, other: to } = call.searching
    if (handle === 0 || !placeOf(call, args, handle, 2, from) || !placeOf(call, args, handle, 3, to)) {
      reply.nil()
      return
    }
    replyDistance(reply, shownDistance(distances, from, to, unit_m) / unit_m)
  },
)

export const PLACE_FAMILY = [geoadd, geopos, geohash, geodist]
