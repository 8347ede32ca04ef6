/** What the arguments of a search ask for. */

import { WORD_BYTES_MAX } from '../../bytes/text-limits.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { NOT_AN_INTEGER, replyError, SYNTAX } from '../errors.js'
import { nearInteger } from '../int64.js'
import type { Shape } from './areas.js'
import { placeOf, readBox, readPlace, readRadius } from './arguments.js'

/** Which of the commands it is: their arguments differ. */
export interface SearchKind {
  /** GEORADIUS and GEORADIUSBYMEMBER say the middle and the radius first; GEOSEARCH by options. */
  readonly middle: 'place' | 'member' | 'options'
  /** The argument that is the set's key. */
  readonly key: number
  /** May be told to store what it finds, by STORE and STOREDIST. */
  readonly mayStore: boolean
  /** Stores what it finds, under the key in argument 1. */
  readonly stores: boolean
}

export interface Request {
  readonly shape: Shape
  withDistance: boolean
  withScore: boolean
  withPlace: boolean
  /** 1 from the nearest on, -1 from the furthest on, 0 as they come. */
  order: number
  /** How many at most; 0 for all. */
  count: number
  /** The first ones found will do. */
  any: boolean
  /** The argument with the key to store under, 0 for none. */
  store: number
  storeDistance: boolean
}

interface Reading {
  readonly call: Call
  readonly args: Args
  readonly reply: Reply
  readonly kind: SearchKind
  /** The set, or 0. */
  readonly handle: number
  readonly request: Request
  fromMember: boolean
  fromPlace: boolean
  byRadius: boolean
  byBox: boolean
}

const MISSING_MEMBER = 'ERR could not decode requested zset member'

function readMember(reading: Reading, index: number): boolean {
  const { call, args, reply, handle, request } = reading
  // Without a set there is nothing to be found, but the other arguments are still looked at.
  if (handle === 0 || placeOf(call, args, handle, index, request.shape.middle)) return true
  reply.error(MISSING_MEMBER)
  return false
}

function takeRadius(reading: Reading, index: number): boolean {
  const found = readRadius(reading.args, index, reading.reply)
  if (found === null) return false
  const { shape } = reading.request
  shape.isBox = false
  shape.radius = found.radius
  shape.unit_m = found.unit_m
  return true
}

function takeBox(reading: Reading, index: number): boolean {
  const found = readBox(reading.args, index, reading.reply)
  if (found === null) return false
  const { shape } = reading.request
  shape.isBox = true
  shape.width = found.width
  shape.height = found.height
  shape.unit_m = found.unit_m
  return true
}

/** Middle and radius of GEORADIUS and GEORADIUSBYMEMBER; where the options begin, 0 after an error was replied. */
function readFront(reading: Reading): number {
  const { args, reply, kind, handle, request } = reading
  if (kind.middle === 'options') return kind.key + 1
  if (kind.middle === 'place') {
    return readPlace(args, 2, request.shape.middle, reply) && takeRadius(reading, 4) ? 6 : 0
  }
  if (handle === 0) return 5
  return readMember(reading, 2) && takeRadius(reading, 3) ? 5 : 0
}

/** Options without values. */
function readFlag(reading: Reading, i: number): boolean {
  const { args, kind, request } = reading
  if (args.is(i, 'withdist')) request.withDistance = true
  else if (args.is(i, 'withhash')) request.withScore = true
  else if (args.is(i, 'withcoord')) request.withPlace = true
  else if (args.is(i, 'any')) request.any = true
  else if (args.is(i, 'asc')) request.order = 1
  else if (args.is(i, 'desc')) request.order = -1
  else if (kind.stores && args.is(i, 'storedist')) request.storeDistance = true
  else return false
  return true
}

function readCount(reading: Reading, index: number): boolean {
  const { args, reply, request } = reading
  const count = nearInteger(args, index)
  request.count = count
  if (count > 0) return true
  reply.error(Number.isNaN(count) ? NOT_AN_INTEGER : 'ERR COUNT must be > 0')
  return false
}

/** Options with values; where the next one stands, 0 after an error was replied, -1 for one that is not known. */
function readOption(reading: Reading, i: number): number {
  const { args, reply, kind, request } = reading
  const left = args.count - i - 1
  if (left >= 1 && args.is(i, 'count')) return readCount(reading, i + 1) ? i + 2 : 0
  if (kind.mayStore && left >= 1 && (args.is(i, 'store') || args.is(i, 'storedist'))) {
    request.store = i + 1
    request.storeDistance = args.is(i, 'storedist')
    return i + 2
  }
  if (kind.middle !== 'options') return -1
  if (left >= 1 && args.is(i, 'frommember') && !reading.fromPlace) {
    reading.fromMember = true
    return readMember(reading, i + 1) ? i + 2 : 0
  }
  if (left >= 2 && args.is(i, 'fromlonlat') && !reading.fromMember) {
    reading.fromPlace = true
    return readPlace(args, i + 1, request.shape.middle, reply) ? i + 3 : 0
  }
  if (left >= 2 && args.is(i, 'byradius') && !reading.byBox) {
    reading.byRadius = true
    return takeRadius(reading, i + 1) ? i + 3 : 0
  }
  if (left >= 3 && args.is(i, 'bybox') && !reading.byRadius) {
    reading.byBox = true
    return takeBox(reading, i + 1) ? i + 4 : 0
  }
  return -1
}

/** What is wrong with the options together, '' for nothing. */
function complaint(reading: Reading): string {
  const { args, kind, request } = reading
  const shows = request.withDistance || request.withScore || request.withPlace
  if (request.store !== 0 && shows) {
    const who = kind.stores ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS'
    return `ERR ${who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`
  }
  if (kind.middle === 'options') {
    const name = args.text(0, WORD_BYTES_MAX)
    if (!reading.fromMember && !reading.fromPlace) {
      return `ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`
    }
    if (!reading.byRadius && !reading.byBox) {
      return `ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`
    }
  }
  return request.any && request.count === 0 ? 'ERR the ANY argument requires COUNT argument' : ''
}

/** The request, null after an error was replied. `handle` is the set, or 0 where there is none. */
export function readRequest(
  call: Call,
  args: Args,
  kind: SearchKind,
  handle: number,
  reply: Reply,
): Request | null {
  const middle = { longitude: 0, latitude: 0 }
  const shape: Shape = { middle, isBox: false, radius: 0, width: 0, height: 0, unit_m: 1 }
  const request: Request = {
    shape,
    withDistance: false,
    withScore: false,
    withPlace: false,
    order: 0,
    count: 0,
    any: false,
    store: kind.stores ? 1 : 0,
    storeDistance: false,
  }
  const nothing = { fromMember: false, fromPlace: false, byRadius: false, byBox: false }
  const reading: Reading = { call, args, reply, kind, handle, request, ...nothing }
  let i = readFront(reading)
  if (i === 0) return null
  while (i < args.count) {
    i = readFlag(reading, i) ? i + 1 : readOption(reading, i)
    if (i > 0) continue
    if (i < 0) reply.error(SYNTAX)
    return null
  }
  const problem = complaint(reading)
  if (problem !== '') {
    replyError(reply, problem)
    return null
  }
  // The nearest so many: there is no way to know them but by distance.
  if (request.count > 0 && request.order === 0 && !request.any) request.order = 1
  return request
}
