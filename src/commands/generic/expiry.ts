/**
 * EXPIRE and its kin, TTL and its kin, PERSIST. A time that has passed already removes the key at once on a master, and goes
 * out as DEL; every other goes out as PEXPIREAT, since replicas may hear of it later.
 */

import { ascii } from '../../bytes/ascii.js'
import { addInt64, type Int64, normalInt64 } from '../../bytes/int64.js'
import { NO_EXPIRY } from '../../keyspace/entries.js'
import { EXPIRE_DELETE, EXPIRE_HIDE } from '../../keyspace/expiry.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  type Command,
  command,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, replyError } from '../errors.js'
import { NOTIFY_GENERIC } from '../host.js'
import { bigArgument, replyInt64, timeFromBig } from '../int64.js'
import { findKey, glanceAtKey } from '../lookup.js'

const DEL = ascii('DEL')
const UNLINK = ascii('UNLINK')
const PEXPIREAT = ascii('PEXPIREAT')

const NX = 1
const XX = 2
const GT = 4
const LT = 8

/** Whether a key with this expiry is to go at once: only a master decides so. */
export function isPast(call: Call, at_ms: Int64): boolean {
  return at_ms <= call.keyspace.now_ms && call.keyspace.expiry === EXPIRE_DELETE
}

/** Removes the key in argument 1, whose expiry lies in the past; goes out as DEL. */
export function expireAtOnce(call: Call, args: Args): void {
  const start = args.start(1)
  const end = args.end(1)
  call.db.delete(args.buf, start, end)
  call.dirty++
  call.propagate(call.host.configNumber('lazyfree-lazy-expire') !== 0 ? UNLINK : DEL, args.view(1))
  call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
}

/** The key of argument `index` has an expiry: a host that does not decide about that must know of it. */
export function tellExpiry(call: Call, args: Args, index: number): void {
  if (call.keyspace.expiry === EXPIRE_HIDE) {
    call.host.expirySet?.(call.db, args.buf, args.start(index), args.end(index))
  }
}

/** Gives the entry just found, that of argument 1, an expiry or takes it, and tells watchers and listeners. */
export function changeExpiry(call: Call, args: Args, handle: number, at_ms: Int64): void {
  const start = args.start(1)
  const end = args.end(1)
  // NO_EXPIRY is negative: on a replica a time may be anything.
  call.db.setExpiry(handle, at_ms === NO_EXPIRY || at_ms > 0 ? at_ms : 0)
  if (at_ms !== NO_EXPIRY) tellExpiry(call, args, 1)
  call.db.changed(args.buf, start, end)
  call.dirty++
  call.notify(NOTIFY_GENERIC, at_ms === NO_EXPIRY ? 'persist' : 'expire', args.buf, start, end)
}

function readConditions(args: Args, reply: Reply): number {
  let conditions = 0
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'nx')) conditions |= NX
    else if (args.is(i, 'xx')) conditions |= XX
    else if (args.is(i, 'gt')) conditions |= GT
    else if (args.is(i, 'lt')) conditions |= LT
    else {
      replyError(reply, `ERR Unsupported option ${args.quoted(i)}`)
      return -1
    }
  }
  if ((conditions & NX) !== 0 && conditions !== NX) {
    reply.error('ERR NX and XX, GT or LT options at the same time are not compatible')
    return -1
  }
  if ((conditions & (GT | LT)) === (GT | LT)) {
    reply.error('ERR GT and LT options at the same time are not compatible')
    return -1
  }
  return conditions
}

/** The time in argument 2, in milliseconds since 1970, or NaN after an error was replied. */
function readWhen(
  call: Call,
  args: Args,
  seconds: boolean,
  relative: boolean,
  name: string,
  reply: Reply,
): Int64 {
  const base_ms = relative ? call.keyspace.now_ms : 0
  const given = args.integer(2)
  const near_ms = (seconds ? given * 1000 : given) + base_ms
  if (Number.isSafeInteger(near_ms)) return near_ms
  const big = bigArgument(args, 2)
  if (big === null) {
    reply.error(NOT_AN_INTEGER)
    return Number.NaN
  }
  const at_ms = seconds ? timeFromBig(big * 1000n) : 0
  const sum_ms = at_ms === null ? null : timeFromBig((seconds ? big * 1000n : big) + BigInt(base_ms))
  if (sum_ms !== null) return sum_ms
  reply.error(`ERR invalid expire time in '${name}' command`)
  return Number.NaN
}

function holds(conditions: number, current_ms: Int64, at_ms: Int64): boolean {
  const has = current_ms !== NO_EXPIRY
  if ((conditions & NX) !== 0 && has) return false
  if ((conditions & XX) !== 0 && !has) return false
  if ((conditions & GT) !== 0 && (!has || at_ms <= current_ms)) return false
  return (conditions & LT) === 0 || !has || at_ms < current_ms
}

function expireCommand(
  name: string,
  since: string,
  summary: string,
  unit: string,
  seconds: boolean,
  relative: boolean,
): Command {
  const lower = name.toLowerCase()
  const asItCame = !seconds && !relative
  return command(
    {
      name,
      arity: -3,
      flags: WRITE | FAST,
      since,
      group: 'generic',
      summary,
      complexity: 'O(1)',
      syntax: `key ${unit} [NX | XX | GT | LT]`,
      keys: firstKey(KEY_RW | KEY_UPDATE),
      categories: ['keyspace'],
      history: [['7.0.0', 'Knows `NX`, `XX`, `GT` and `LT`.']],
    },
    (call, args, reply) => {
      const conditions = args.count > 3 ? readConditions(args, reply) : 0
      if (conditions < 0) return
      const at_ms = readWhen(call, args, seconds, relative, lower, reply)
      if (Number.isNaN(at_ms)) return
      const handle = findKey(call, args, 1)
      if (
        handle === 0 ||
        (conditions !== 0 && !holds(conditions, call.db.entries.exactExpiry(handle), at_ms))
      ) {
        reply.int(0)
        return
      }
      if (isPast(call, at_ms)) {
        expireAtOnce(call, args)
      } else {
        changeExpiry(call, args, handle, at_ms)
        if (!asItCame) propagateExpiry(call, args, at_ms, args.count)
      }
      reply.int(1)
    },
  )
}

/** Sends PEXPIREAT, with those of the command's first `count` arguments that follow the time. */
export function propagateExpiry(call: Call, args: Args, at_ms: Int64, count: number): void {
  const to = call.writeInstead(count)
  if (to === null) return
  to.whole(PEXPIREAT)
  to.argument(args, 1)
  to.integer(at_ms)
  for (let i = 3; i < count; i++) to.argument(args, i)
}

export const expire = expireCommand(
  'EXPIRE',
  '1.0.0',
  'Lets a key expire after some seconds.',
  'seconds',
  true,
  true,
)
export const pexpire = expireCommand(
  'PEXPIRE',
  '2.6.0',
  'Lets a key expire after some milliseconds.',
  'milliseconds',
  false,
  true,
)
export const expireat = expireCommand(
  'EXPIREAT',
  '1.2.0',
  'Lets a key expire at a time, given in seconds since 1970.',
  'unix-time-seconds',
  true,
  false,
)
export const pexpireat = expireCommand(
  'PEXPIREAT',
  '2.6.0',
  'Lets a key expire at a time, given in milliseconds since 1970.',
  'unix-time-milliseconds',
  false,
  false,
)

/** Milliseconds that are not negative, rounded to seconds. */
function inSeconds(ms: Int64): Int64 {
  return typeof ms === 'number' ? Math.floor((ms + 500) / 1000) : normalInt64((ms + 500n) / 1000n)
}

function ttlCommand(
  name: string,
  since: string,
  summary: string,
  seconds: boolean,
  relative: boolean,
): Command {
  return command(
    {
      name,
      arity: 2,
      flags: READONLY | FAST,
      since,
      group: 'generic',
      summary,
      complexity: 'O(1)',
      syntax: 'key',
      keys: firstKey(KEY_RO | KEY_ACCESS),
      categories: ['keyspace'],
      ...(relative
        ? {
            tips: ['nondeterministic_output'],
            history: [['2.8.0', 'Replies -2 where there is no such key.']] as const,
          }
        : {}),
    },
    (call, args, reply) => {
      const handle = glanceAtKey(call, args, 1)
      if (handle === 0) {
        reply.int(-2)
        return
      }
      const at_ms = call.db.entries.exactExpiry(handle)
      if (at_ms === NO_EXPIRY) {
        reply.int(-1)
        return
      }
      const left_ms = relative ? addInt64(at_ms, -call.keyspace.now_ms) : at_ms
      const shown_ms = left_ms > 0 ? left_ms : 0
      replyInt64(reply, seconds ? inSeconds(shown_ms) : shown_ms)
    },
  )
}

export const ttl = ttlCommand('TTL', '1.0.0', 'Says in how many seconds a key expires.', true, true)
export const pttl = ttlCommand('PTTL', '2.6.0', 'Says in how many milliseconds a key expires.', false, true)
export const expiretime = ttlCommand(
  'EXPIRETIME',
  '7.0.0',
  'Says when a key expires, in seconds since 1970.',
  true,
  false,
)
export const pexpiretime = ttlCommand(
  'PEXPIRETIME',
  '7.0.0',
  'Says when a key expires, in milliseconds since 1970.',
  false,
  false,
)

export const persist = command(
  {
    name: 'PERSIST',
    arity: 2,
    flags: WRITE | FAST,
    since: '2.2.0',
    group: 'generic',
    summary: 'Takes the expiry from a key.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    categories: ['keyspace'],
  },
  (call, args, reply) => {
    const handle = findKey(call, args, 1)
    if (handle === 0 || call.db.entries.expiry(handle) === NO_EXPIRY) {
      reply.int(0)
      return
    }
    changeExpiry(call, args, handle, NO_EXPIRY)
    reply.int(1)
  },
)

export const EXPIRY_FAMILY = [
  expire,
  pexpire,
  expireat,
  pexpireat,
  ttl,
  pttl,
  expiretime,
  pexpiretime,
  persist,
]
