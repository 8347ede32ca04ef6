/** HGETEX, HSETEX, HGETDEL: fields are read, set or taken, and what becomes of their expiry is said with it. As in Redis 8. */

import { ascii } from '../../bytes/ascii.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import { HASH } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToChange, removeEmpty, WRONG } from '../collection.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RW,
  KEY_UPDATE,
  WRITE,
} from '../command.js'
import { replyError } from '../errors.js'
import { NOTIFY_HASH } from '../host.js'
import { integerBytes, nearInteger } from '../int64.js'
import { hashToChange } from './fields.js'
import { hasField, replyField, tellExpired } from './lookup.js'
import { DELETED, expireAt, FIELDS, FIELDS_POSITIVE, HPEXPIREAT, readFields, readFieldTime } from './times.js'

const HDEL = ascii('HDEL')
const HPERSIST = ascii('HPERSIST')
const HSETEX = ascii('HSETEX')
const PXAT = ascii('PXAT')
const COUNT_MAX = 2 ** 31 - 1

const TIMES = 'EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds'

/** Whether argument `index` is EX, PX, EXAT or PXAT. */
function isTime(args: Args, index: number): boolean {
  return args.is(index, 'ex') || args.is(index, 'px') || args.is(index, 'exat') || args.is(index, 'pxat')
}

/** The time behind the option in argument `index`; NaN after an error was replied. */
function readTime(call: Call, args: Args, index: number, name: string, reply: Reply): number {
  const seconds = args.is(index, 'ex') || args.is(index, 'exat')
  const relative = args.is(index, 'ex') || args.is(index, 'px')
  return readFieldTime(call, args, index + 1, seconds, relative, name, reply)
}

/** Tells watchers and listeners what happened to the hash of argument 1, and removes it where it has no fields any more. */
function tell(call: Call, args: Args, handle: number, ...events: string[]): void {
  call.db.changed(args.buf, args.start(1), args.end(1))
  for (const event of events) call.notify(NOTIFY_HASH, event, args.buf, args.start(1), args.end(1))
  if (call.keyspace.hashes.size(handle) === 0) removeEmpty(call, args, 1)
}

export const hgetdel = command(
  {
    name: 'HGETDEL',
    arity: -5,
    flags: WRITE | FAST,
    since: '8.0.0',
    group: 'hash',
    summary: 'Returns the values of fields of a hash and removes the fields.',
    complexity: 'O(N) with N fields that are named',
    syntax: 'key <FIELDS numfields field [field ...]>',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE),
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const from = readFields(args, 2, FIELDS_POSITIVE, reply)
    if (from === 0) return
    const { hashes, expiredFields } = call.keyspace
    const deleted: Uint8Array[] = []
    reply.array(args.count - from)
    for (let i = from; i < args.count; i++) {
      if (!replyField(call, args, handle, i, reply)) continue
      hashes.delete(handle, args.buf, args.start(i), args.end(i))
      deleted.push(args.view(i))
    }
    const expired = call.keyspace.expiredFields > expiredFields
    if (deleted.length > 0) {
      call.dirty += deleted.length
      call.propagate(HDEL, args.view(1), ...deleted)
    }
    if (expired || deleted.length > 0) {
      tell(call, args, handle, ...(expired ? ['hexpired'] : []), ...(deleted.length > 0 ? ['hdel'] : []))
    }
  },
)

export const hgetex = command(
  {
    name: 'HGETEX',
    arity: -5,
    flags: WRITE | FAST,
    since: '8.0.0',
    group: 'hash',
    summary: 'Returns the values of fields of a hash, and gives the fields another expiry or none.',
    complexity: 'O(N) with N fields that are named',
    syntax: `key [${TIMES} | PERSIST] <FIELDS numfields field [field ...]>`,
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const timed = isTime(args, 2)
    const at_ms = timed ? readTime(call, args, 2, 'hgetex', reply) : NO_FIELD_EXPIRY
    if (Number.isNaN(at_ms)) return
    const persist = args.is(2, 'persist')
    const from = readFields(args, timed ? 4 : persist ? 3 : 2, FIELDS_POSITIVE, reply)
    if (from === 0) return
    getEach(call, args, handle, from, timed, persist, at_ms, reply)
  },
)

function getEach(
  call: Call,
  args: Args,
  handle: number,
  from: number,
  timed: boolean,
  persist: boolean,
  at_ms: number,
  reply: Reply,
): void {
  const { hashes, expiredFields } = call.keyspace
  const set: Uint8Array[] = []
  let deleted = 0
  reply.array(args.count - from)
  if (timed && handle !== 0) hashes.makeTimed(call.db, handle)
  for (let i = from; i < args.count; i++) {
    if (!replyField(call, args, handle, i, reply)) continue
    if (!timed && !(persist && hashes.expiry !== NO_FIELD_EXPIRY)) continue
    hashes.lookUp(handle, args.buf, args.start(i), args.end(i))
    if (expireAt(call, args, handle, i, timed ? at_ms : NO_FIELD_EXPIRY) === DELETED) deleted++
    else set.push(args.view(i))
  }
  const expired = call.keyspace.expiredFields - expiredFields > deleted
  if (set.length > 0) {
    const head = persist ? [HPERSIST, args.view(1)] : [HPEXPIREAT, args.view(1), integerBytes(at_ms)]
    call.propagate(...head, FIELDS, integerBytes(set.length), ...set)
  } else call.propagateNothing()
  const event = set.length > 0 ? (persist ? 'hpersist' : 'hexpire') : deleted > 0 ? 'hdel' : null
  if (!expired && event === null) return
  tell(call, args, handle, ...(expired ? ['hexpired'] : []), ...(event === null ? [] : [event]))
}

interface SetOptions {
  /** Only if all fields are there, or only if none is. */
  readonly condition: 'fxx' | 'fnx' | null
  readonly keep: boolean
  /** Where EX, PX, EXAT or PXAT stands, 0 for nowhere. */
  readonly timeAt: number
  readonly at_ms: number
  /** The first field. */
  readonly from: number
}

const ONE_CONDITION = 'ERR Only one of FXX or FNX arguments can be specified'
const ONE_EXPIRY = 'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'
const WRONG_ARITY = "ERR wrong number of arguments for 'hsetex' command"

/** The options, or null after an error was replied. */
function readSetOptions(call: Call, args: Args, reply: Reply): SetOptions | null {
  let condition: SetOptions['condition'] = null
  let keep = false
  let timeAt = 0
  let at_ms = 0
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'fields')) {
      const from = readPairs(args, i, reply)
      return from === 0 ? null : { condition, keep, timeAt, at_ms, from }
    }
    const time = isTime(args, i)
    if (time || args.is(i, 'keepttl')) {
      if (keep || timeAt !== 0) return refuse(reply, ONE_EXPIRY)
      if (!time) keep = true
      else {
        if (i + 1 >= args.count) return refuse(reply, 'ERR missing expire time')
        timeAt = i
        at_ms = readTime(call, args, i++, 'hsetex', reply)
        if (Number.isNaN(at_ms)) return null
      }
    } else if (args.is(i, 'fxx') || args.is(i, 'fnx')) {
      if (condition !== null) return refuse(reply, ONE_CONDITION)
      condition = args.is(i, 'fxx') ? 'fxx' : 'fnx'
    } else {
      return refuse(reply, `ERR unknown argument: ${args.quoted(i)}`)
    }
  }
  return refuse(reply, WRONG_ARITY)
}

function refuse(reply: Reply, error: string): null {
  replyError(reply, error)
  return null
}

/** Reads `FIELDS numfields field value [field value ...]`; the index of the first field, or 0 after an error was replied. */
function readPairs(args: Args, index: number, reply: Reply): number {
  const rest = args.count - index - 2
  const count = rest >= 2 ? nearInteger(args, index + 1) : 0
  if (rest >= 2 && !(count >= 1 && count <= COUNT_MAX)) reply.error('ERR invalid number of fields')
  else if (rest < 2 || count * 2 !== rest) reply.error(WRONG_ARITY)
  else return index + 2
  return 0
}

export const hsetex = command(
  {
    name: 'HSETEX',
    arity: -6,
    flags: WRITE | DENYOOM | FAST,
    since: '8.0.0',
    group: 'hash',
    summary:
      'Sets fields of a hash and when they expire, if need be only where all or none of them are there.',
    complexity: 'O(N) with N fields that are set',
    syntax: `key [FNX | FXX] [${TIMES} | KEEPTTL] <FIELDS numfields <field value> [<field value> ...]>`,
    keys: firstKey(KEY_RW | KEY_UPDATE),
  },
  (call, args, reply) => {
    const options = readSetOptions(call, args, reply)
    if (options === null) return
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    if (!meetsCondition(call, args, handle, options)) {
      reply.int(0)
      return
    }
    setEach(call, args, hashToChange(call, args, options.from, reply), options)
    reply.int(1)
  },
)

/** Whether the fields are all there, or all missing, if that is asked. Fields that have expired are removed on the way. */
function meetsCondition(call: Call, args: Args, handle: number, { condition, from }: SetOptions): boolean {
  if (condition === null) return true
  const wanted = condition === 'fxx'
  if (handle === 0) return !wanted
  const { expiredFields } = call.keyspace
  let met = true
  for (let i = from; i < args.count && met; i += 2) met = hasField(call, args, handle, i) === wanted
  tellExpired(call, args, handle, expiredFields)
  return met
}

function setEach(call: Call, args: Args, handle: number, options: SetOptions): void {
  const { hashes } = call.keyspace
  const { from, timeAt, at_ms } = options
  const { buf } = args
  const keep = options.keep || timeAt !== 0
  let deleted = 0
  if (timeAt !== 0) hashes.makeTimed(call.db, handle)
  for (let i = from; i < args.count; i += 2) {
    hashes.set(handle, buf, args.start(i), args.end(i), buf, args.start(i + 1), args.end(i + 1), keep)
    call.dirty++
    if (timeAt === 0) continue
    hashes.lookUp(handle, buf, args.start(i), args.end(i))
    if (expireAt(call, args, handle, i, at_ms) === DELETED) deleted++
  }
  if (deleted > 0) call.propagateNothing()
  else if (timeAt !== 0 && !args.is(timeAt, 'pxat')) {
    const parts: Uint8Array[] = [HSETEX]
    for (let i = 1; i < args.count; i++) {
      parts.push(i === timeAt ? PXAT : i === timeAt + 1 ? integerBytes(at_ms) : args.view(i))
    }
    call.propagate(...parts)
  }
  const event = timeAt === 0 ? [] : [deleted > 0 ? 'hdel' : 'hexpire']
  tell(call, args, handle, 'hset', ...event)
}

export const FIELD_VALUE_FAMILY = [hgetdel, hgetex, hsetex]
