/**
 * HEXPIRE and its kin, HTTL and its kin, HPERSIST: fields that expire, as in Redis 7.4. A field whose time has passed already goes at
 * once on a master, and as HDEL to replicas and the append-only file; every other goes out as HPEXPIREAT, with the fields that
 * met the condition.
 *
 * Valkey 9 differs where we follow Redis: it removes what has expired only in the background, replies `hexpired` events where
 * Redis says `hdel`, and has other words for errors.
 */

import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import { HASH } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToChange, collectionToRead, removeEmpty, WRONG } from '../collection.js'
import {
  type Command,
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOTIFY_HASH } from '../host.js'
import { integerBytes } from '../int64.js'
import {
  DELETED,
  expireAt,
  FIELDS,
  FIELDS_POSITIVE,
  HPEXPIREAT,
  NO_FIELD,
  readFields,
  readFieldTime,
  SET,
  UNMET,
} from './times.js'

const NX = 1
const XX = 2
const GT = 3
const LT = 4
const NO_TTL = -1

const COMMON = {
  since: '7.4.0',
  group: 'hash',
  complexity: 'O(N) with N fields that are named',
} as const

/** The condition in argument `index`, 0 for none. */
function readCondition(args: Args, index: number): number {
  if (args.is(index, 'nx')) return NX
  if (args.is(index, 'xx')) return XX
  if (args.is(index, 'gt')) return GT
  return args.is(index, 'lt') ? LT : 0
}

function meets(condition: number, current_ms: number, at_ms: number): boolean {
  if (current_ms === NO_FIELD_EXPIRY) return condition !== XX && condition !== GT
  if (condition === GT) return at_ms > current_ms
  if (condition === LT) return at_ms < current_ms
  return condition !== NX
}

function expireCommand(
  name: string,
  summary: string,
  unit: string,
  seconds: boolean,
  relative: boolean,
): Command {
  const lower = name.toLowerCase()
  return command(
    {
      ...COMMON,
      name,
      arity: -6,
      flags: WRITE | DENYOOM | FAST,
      summary,
      syntax: `key ${unit} [NX | XX | GT | LT] <FIELDS numfields field [field ...]>`,
      keys: firstKey(KEY_RW | KEY_UPDATE),
    },
    (call, args, reply) => {
      const handle = collectionToChange(call, args, 1, HASH, reply)
      if (handle === WRONG) return
      const at_ms = readFieldTime(call, args, 2, seconds, relative, lower, reply)
      if (Number.isNaN(at_ms)) return
      const condition = readCondition(args, 3)
      const positive = 'ERR Parameter `numFields` should be greater than 0'
      const from = readFields(args, condition === 0 ? 3 : 4, positive, reply)
      if (from === 0) return
      expireEach(call, args, handle, at_ms, condition, from, !seconds && !relative, reply)
    },
  )
}

/**
 * Lets the fields from argument `from` on expire, as far as they meet the condition. `asItCame`: where all do, the command goes out
 * unchanged.
 */
function expireEach(
  call: Call,
  args: Args,
  handle: number,
  at_ms: number,
  condition: number,
  from: number,
  asItCame: boolean,
  reply: Reply,
): void {
  const { hashes } = call.keyspace
  reply.array(args.count - from)
  if (handle !== 0) hashes.makeTimed(call.db, handle)
  const set: number[] = []
  let deleted = 0
  for (let i = from; i < args.count; i++) {
    const outcome = expireOne(call, args, handle, i, at_ms, condition)
    if (outcome === SET) set.push(i)
    if (outcome === DELETED) deleted++
    reply.int(outcome)
  }
  if (set.length === 0) call.propagateNothing()
  else if (!asItCame || set.length < args.count - from) {
    const shown = condition === 0 ? [] : [args.view(3)]
    const fields = set.map((index) => args.view(index))
    const head = [HPEXPIREAT, args.view(1), integerBytes(at_ms), ...shown, FIELDS, integerBytes(set.length)]
    call.propagate(...head, ...fields)
  }
  if (set.length + deleted === 0) return
  call.db.changed(args.buf, args.start(1), args.end(1))
  call.notify(NOTIFY_HASH, deleted > 0 ? 'hdel' : 'hexpire', args.buf, args.start(1), args.end(1))
  if (hashes.size(handle) === 0) removeEmpty(call, args, 1)
}

/** As Redis, this looks at fields that have expired as if they had not. */
function expireOne(
  call: Call,
  args: Args,
  handle: number,
  index: number,
  at_ms: number,
  condition: number,
): number {
  const { hashes } = call.keyspace
  if (handle === 0) return NO_FIELD
  if (!hashes.lookUp(handle, args.buf, args.start(index), args.end(index))) return NO_FIELD
  return meets(condition, hashes.expiry, at_ms) ? expireAt(call, args, handle, index, at_ms) : UNMET
}

export const hexpire = expireCommand(
  'HEXPIRE',
  'Lets fields of a hash expire after some seconds.',
  'seconds',
  true,
  true,
)
export const hpexpire = expireCommand(
  'HPEXPIRE',
  'Lets fields of a hash expire after some milliseconds.',
  'milliseconds',
  false,
  true,
)
export const hexpireat = expireCommand(
  'HEXPIREAT',
  'Lets fields of a hash expire at a time, given in seconds since 1970.',
  'unix-time-seconds',
  true,
  false,
)
export const hpexpireat = expireCommand(
  'HPEXPIREAT',
  'Lets fields of a hash expire at a time, given in milliseconds since 1970.',
  'unix-time-milliseconds',
  false,
  false,
)

function ttlCommand(name: string, summary: string, seconds: boolean, relative: boolean): Command {
  return command(
    {
      ...COMMON,
      name,
      arity: -5,
      flags: READONLY | FAST,
      summary,
      syntax: 'key <FIELDS numfields field [field ...]>',
      keys: firstKey(KEY_RO | KEY_ACCESS),
      ...(relative ? { tips: ['nondeterministic_output'] } : {}),
    },
    (call, args, reply) => {
      const handle = collectionToRead(call, args, 1, HASH, reply)
      if (handle === WRONG) return
      const from = readFields(args, 2, FIELDS_POSITIVE, reply)
      if (from === 0) return
      const { hashes } = call.keyspace
      const base_ms = relative ? call.keyspace.now_ms : 0
      reply.array(args.count - from)
      for (let i = from; i < args.count; i++) {
        const has = handle !== 0 && hashes.get(handle, args.buf, args.start(i), args.end(i))
        if (!has) reply.int(NO_FIELD)
        else if (hashes.expiry === NO_FIELD_EXPIRY) reply.int(NO_TTL)
        else {
          const ms = Math.max(0, hashes.expiry - base_ms)
          reply.int(seconds ? Math.ceil(ms / 1000) : ms)
        }
      }
    },
  )
}

export const httl = ttlCommand('HTTL', 'Says in how many seconds fields of a hash expire.', true, true)
export const hpttl = ttlCommand(
  'HPTTL',
  'Says in how many milliseconds fields of a hash expire.',
  false,
  true,
)
export const hexpiretime = ttlCommand(
  'HEXPIRETIME',
  'Says when fields of a hash expire, in seconds since 1970.',
  true,
  false,
)
export const hpexpiretime = ttlCommand(
  'HPEXPIRETIME',
  'Says when fields of a hash expire, in milliseconds since 1970.',
  false,
  false,
)

export const hpersist = command(
  {
    ...COMMON,
    name: 'HPERSIST',
    arity: -5,
    flags: WRITE | FAST,
    summary: 'Takes the expiry from fields of a hash.',
    syntax: 'key <FIELDS numfields field [field ...]>',
    keys: firstKey(KEY_RW | KEY_UPDATE),
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const from = readFields(args, 2, FIELDS_POSITIVE, reply)
    if (from === 0) return
    const { hashes } = call.keyspace
    reply.array(args.count - from)
    let changed = false
    for (let i = from; i < args.count; i++) {
      const has = handle !== 0 && hashes.get(handle, args.buf, args.start(i), args.end(i))
      const timed = has && hashes.expiry !== NO_FIELD_EXPIRY
      if (timed) {
        hashes.setExpiry(handle, args.buf, args.start(i), args.end(i), NO_FIELD_EXPIRY)
        changed = true
      }
      reply.int(timed ? SET : has ? NO_TTL : NO_FIELD)
    }
    if (!changed) return
    call.dirty++
    call.db.changed(args.buf, args.start(1), args.end(1))
    call.notify(NOTIFY_HASH, 'hpersist', args.buf, args.start(1), args.end(1))
  },
)

export const FIELD_EXPIRY_FAMILY = [
  hexpire,
  hpexpire,
  hexpireat,
  hpexpireat,
  httl,
  hpttl,
  hexpiretime,
  hpexpiretime,
  hpersist,
]
