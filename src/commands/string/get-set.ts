/** GET, SET and their forerunners: a whole string is read, or put in the place of whatever a key held. */

import { ascii } from '../../bytes/ascii.js'
import type { Int64 } from '../../bytes/int64.js'
import { NO_EXPIRY, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_INSERT,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
  READONLY,
  WRITE,
} from '../command.js'
import { SYNTAX, WRONGTYPE } from '../errors.js'
import { tellExpiry } from '../generic/expiry.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_STRING } from '../host.js'
import { findKey, readKey } from '../lookup.js'
import { meets } from './conditional.js'
import {
  ANY_CONDITION,
  conditionIndex,
  EX,
  GET,
  KEEPTTL,
  NX,
  PX,
  PXAT,
  readOptions,
  readTime,
  timeIndex,
  XX,
} from './expiry-option.js'

const SET_NAME = ascii('SET')
const PXAT_NAME = ascii('PXAT')
const KEEPTTL_NAME = ascii('KEEPTTL')

/** Replies with the string of argument `index`, or nil; false where the key holds something else, which is an error. */
export function replyString(call: Call, args: Args, index: number, reply: Reply): boolean {
  const handle = readKey(call, args, index)
  if (handle === 0) {
    reply.nil()
    return true
  }
  const entries = call.db.entries
  if (entries.type(handle) !== STRING) {
    reply.error(WRONGTYPE)
    return false
  }
  const at = entries.valueStart(handle)
  reply.bulkRange(entries.bytes(handle), at, at + entries.valueLength(handle))
  return true
}

/** Puts argument `value` under the key in argument `key`, whatever stood there, and tells listeners. */
export function store(call: Call, args: Args, key: number, value: number, expiry_ms: Int64): void {
  const buf = args.buf
  const start = args.start(key)
  const end = args.end(key)
  // Only listeners care whether the key is new, or had expired: without them there is no look-up.
  const known = call.notifyMask === 0 || call.db.find(buf, start, end) !== 0
  call.db.setString(buf, start, end, buf, args.start(value), args.end(value), expiry_ms)
  call.dirty++
  if (!known) call.notify(NOTIFY_NEW, 'new', buf, start, end)
  call.notify(NOTIFY_STRING, 'set', buf, start, end)
}

/** As `store`, with an expiry, which goes out as a point in time: replicas may hear of it later. */
function storeUntil(call: Call, args: Args, value: number, at_ms: Int64, asItCame: boolean): void {
  store(call, args, 1, value, at_ms)
  tellExpiry(call, args, 1)
  if (!asItCame) propagateUntil(call, args, value, at_ms)
  call.notify(NOTIFY_GENERIC, 'expire', args.buf, args.start(1), args.end(1))
}

function propagateUntil(call: Call, args: Args, value: number, at_ms: Int64): void {
  const to = call.writeInstead(5)
  if (to === null) return
  to.whole(SET_NAME)
  to.argument(args, 1)
  to.argument(args, value)
  to.whole(PXAT_NAME)
  to.integer(at_ms)
}

export const get = command(
  {
    name: 'GET',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'string',
    summary: 'Returns the string that a key holds.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    replyString(call, args, 1, reply)
  },
)

export const set = command(
  {
    name: 'SET',
    arity: -3,
    flags: WRITE | DENYOOM,
    since: '1.0.0',
    group: 'string',
    summary: 'Puts a string under a key, whatever it held before, if need be with conditions and an expiry.',
    complexity: 'O(1)',
    syntax:
      'key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS),
    history: [
      ['2.6.12', 'Knows `EX`, `PX`, `NX` and `XX`.'],
      ['6.0.0', 'Knows `KEEPTTL`.'],
      ['6.2.0', 'Knows `GET`, `EXAT` and `PXAT`.'],
      ['7.0.0', '`NX` and `GET` may stand together.'],
      ['8.4.0', 'Knows `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`.'],
    ],
  },
  (call, args, reply) => {
    if (args.count === 3) {
      store(call, args, 1, 2, NO_EXPIRY)
      reply.ok()
      return
    }
    setWithOptions(call, args, reply)
  },
)

function setWithOptions(call: Call, args: Args, reply: Reply): void {
  const options = readOptions(args, 3, true)
  if (options < 0) {
    reply.error(SYNTAX)
    return
  }
  const index = timeIndex(options)
  let expiry_ms: Int64 = NO_EXPIRY
  if (index !== 0) {
    expiry_ms = readTime(call, args, index, options, 'set', reply)
    if (Number.isNaN(expiry_ms)) return
  }
  const wantsOld = (options & GET) !== 0
  const condition = options & ANY_CONDITION
  const met = condition === 0 || meets(call, args, condition, conditionIndex(args, 3))
  if (typeof met === 'string') {
    reply.error(met)
    return
  }
  if (wantsOld && !replyString(call, args, 1, reply)) return
  if (!met) {
    if (!wantsOld) reply.nil()
    return
  }
  if ((options & (NX | XX | KEEPTTL)) !== 0) {
    const old = findKey(call, args, 1)
    if ((options & (old !== 0 ? NX : XX)) !== 0) {
      if (!wantsOld) reply.nil()
      return
    }
    if ((options & KEEPTTL) !== 0 && old !== 0) expiry_ms = call.db.entries.exactExpiry(old)
  }
  if (index !== 0) {
    storeUntil(call, args, 2, expiry_ms, (options & PXAT) !== 0 && condition === 0)
  } else {
    store(call, args, 1, 2, expiry_ms)
    // What has met its condition here is set everywhere, also where nobody knows of such conditions.
    if (condition !== 0) {
      call.propagate(
        SET_NAME,
        args.view(1),
        args.view(2),
        ...((options & KEEPTTL) !== 0 ? [KEEPTTL_NAME] : []),
      )
    } else if (wantsOld) propagateWithoutGet(call, args)
  }
  if (!wantsOld) reply.ok()
}

function propagateWithoutGet(call: Call, args: Args): void {
  let words = 0
  for (let i = 3; i < args.count; i++) if (args.is(i, 'get')) words++
  const to = call.writeInstead(args.count - words)
  if (to === null) return
  for (let i = 0; i < args.count; i++) if (i < 3 || !args.is(i, 'get')) to.argument(args, i)
}

export const setnx = command(
  {
    name: 'SETNX',
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: '1.0.0',
    group: 'string',
    summary: 'Puts a string under a key that does not exist yet.',
    complexity: 'O(1)',
    syntax: 'key value',
    keys: firstKey(KEY_OW | KEY_INSERT),
    deprecated: { since: '2.6.12', replacedBy: '`SET` with the `NX` argument' },
  },
  (call, args, reply) => {
    if (findKey(call, args, 1) !== 0) {
      reply.int(0)
      return
    }
    store(call, args, 1, 2, NO_EXPIRY)
    reply.int(1)
  },
)

export const setex = command(
  {
    name: 'SETEX',
    arity: 4,
    flags: WRITE | DENYOOM,
    since: '2.0.0',
    group: 'string',
    summary: 'Puts a string under a key, to expire after some seconds.',
    complexity: 'O(1)',
    syntax: 'key seconds value',
    keys: firstKey(KEY_OW | KEY_UPDATE),
    deprecated: { since: '2.6.12', replacedBy: '`SET` with the `EX` argument' },
  },
  (call, args, reply) => {
    const at_ms = readTime(call, args, 2, EX, 'setex', reply)
    if (Number.isNaN(at_ms)) return
    storeUntil(call, args, 3, at_ms, false)
    reply.ok()
  },
)

export const psetex = command(
  {
    name: 'PSETEX',
    arity: 4,
    flags: WRITE | DENYOOM,
    since: '2.6.0',
    group: 'string',
    summary: 'Puts a string under a key, to expire after some milliseconds.',
    complexity: 'O(1)',
    syntax: 'key milliseconds value',
    keys: firstKey(KEY_OW | KEY_UPDATE),
    deprecated: { since: '2.6.12', replacedBy: '`SET` with the `PX` argument' },
  },
  (call, args, reply) => {
    const at_ms = readTime(call, args, 2, PX, 'psetex', reply)
    if (Number.isNaN(at_ms)) return
    storeUntil(call, args, 3, at_ms, false)
    reply.ok()
  },
)

export const getset = command(
  {
    name: 'GETSET',
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: '1.0.0',
    group: 'string',
    summary: 'Puts a string under a key and returns the one that stood there.',
    complexity: 'O(1)',
    syntax: 'key value',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
    deprecated: { since: '6.2.0', replacedBy: '`SET` with the `!GET` argument' },
  },
  (call, args, reply) => {
    if (!replyString(call, args, 1, reply)) return
    store(call, args, 1, 2, NO_EXPIRY)
    call.propagate(SET_NAME, args.view(1), args.view(2))
  },
)

export const SET_FAMILY = [get, set, setnx, setex, psetex, getset]
