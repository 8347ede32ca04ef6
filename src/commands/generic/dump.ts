/** DUMP and RESTORE: a value as bytes that any Redis takes, and back. */

import { ascii } from '../../bytes/ascii.js'
import { addInt64, type Int64 } from '../../bytes/int64.js'
import { attach } from '../../keyspace/collections/value.js'
import { NO_EXPIRY, STRING } from '../../keyspace/entries.js'
import { knownFrequency } from '../../keyspace/frequency.js'
import { type DumpReading, readDump } from '../../persistence/rdb/dump.js'
import * as format from '../../persistence/rdb/format.js'
import { UNKNOWN_VALUE } from '../../persistence/values/codec.js'
import { codecForRdb } from '../../persistence/values/index.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  ASKING,
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { NOTIFY_GENERIC, NOTIFY_NEW } from '../host.js'
import { int64Argument, integerBytes, nearInteger } from '../int64.js'
import { findKey, readKey } from '../lookup.js'
import { kindOf, typeName } from '../types.js'
import { isPast } from './expiry.js'

const ABSTTL = ascii('ABSTTL')
const DEL = ascii('DEL')
const UNLINK = ascii('UNLINK')
const CLOCK_MASK = 0xffffff
/** What the log calls the forms that are one string with a structure of its own. */
const INTEGRITY: ReadonlyMap<number, string> = new Map([
  [format.TYPE_HASH_ZIPMAP, 'Zipmap'],
  [format.TYPE_LIST_ZIPLIST, 'List ziplist'],
  [format.TYPE_SET_INTSET, 'Intset'],
  [format.TYPE_ZSET_ZIPLIST, 'Zset ziplist'],
  [format.TYPE_HASH_ZIPLIST, 'Hash ziplist'],
  [format.TYPE_LIST_QUICKLIST, 'Ziplist'],
  [format.TYPE_LIST_QUICKLIST_2, 'Listpack'],
  [format.TYPE_HASH_LISTPACK, 'Hash listpack'],
  [format.TYPE_ZSET_LISTPACK, 'Zset listpack'],
  [format.TYPE_SET_LISTPACK, 'Set listpack'],
  [format.TYPE_STREAM_LISTPACKS, 'Stream listpack'],
  [format.TYPE_STREAM_LISTPACKS_2, 'Stream listpack'],
  [format.TYPE_STREAM_LISTPACKS_3, 'Stream listpack'],
])

/** Makes the payload of an entry's value in `call.dumping`; false for a type that cannot be dumped. */
export function dumpEntry(call: Call, handle: number): boolean {
  const kind = kindOf(call.db.entries.type(handle))
  if (kind === undefined) return false
  kind.dump(call.dumping, call.keyspace, handle, call.host.configNumber('rdbcompression') !== 0)
  return true
}

export const dump = command(
  {
    name: 'DUMP',
    arity: 2,
    flags: READONLY,
    since: '2.6.0',
    group: 'generic',
    summary: 'Returns the value of a key as bytes that RESTORE takes.',
    complexity: 'O(N) with N bytes or elements of the value',
    syntax: 'key',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    categories: ['keyspace'],
    tips: ['nondeterministic_output'],
  },
  (call, args, reply) => {
    const handle = readKey(call, args, 1)
    if (handle === 0) reply.nil()
    else if (dumpEntry(call, handle)) reply.bulkRange(call.dumping.buf, 0, call.dumping.length)
    else reply.error(`ERR Values of type ${typeName(call.db.entries.type(handle))} cannot be dumped`)
  },
)

interface RestoreOptions {
  replace: boolean
  absolute: boolean
  /** Seconds, -1 if not given. */
  idle_s: number
  /** 0 to 255, -1 if not given. */
  frequency: number
}

/** The options, or what is wrong with them. */
function readOptions(args: Args): RestoreOptions | string {
  const options = { replace: false, absolute: false, idle_s: -1, frequency: -1 }
  for (let i = 4; i < args.count; i++) {
    const more = i + 1 < args.count
    if (args.is(i, 'replace')) {
      options.replace = true
    } else if (args.is(i, 'absttl')) {
      options.absolute = true
    } else if (more && options.frequency < 0 && args.is(i, 'idletime')) {
      options.idle_s = nearInteger(args, ++i)
      if (Number.isNaN(options.idle_s)) return NOT_AN_INTEGER
      if (options.idle_s < 0) return 'ERR Invalid IDLETIME value, must be >= 0'
    } else if (more && options.idle_s < 0 && args.is(i, 'freq')) {
      options.frequency = nearInteger(args, ++i)
      if (Number.isNaN(options.frequency)) return NOT_AN_INTEGER
      if (options.frequency < 0 || options.frequency > 255) {
        return 'ERR Invalid FREQ value, must be >= 0 and <= 255'
      }
    } else {
      return SYNTAX
    }
  }
  return options
}

/** What was read, ready to be put under a key: 0 for a string, a bare entry for a collection; or why it cannot be. */
function readyValue(call: Call, read: DumpReading): number | string {
  if (!read.ok) return `ERR ${read.error}`
  if (read.type === format.TYPE_STRING) return 0
  if (read.empty) return 'ERR Bad data format'
  const codec = codecForRdb(read.type)
  const bare = codec?.read(call.keyspace, read.type, read.value, read.start, read.end, true) ?? UNKNOWN_VALUE
  if (bare > 0) return bare
  if (bare !== UNKNOWN_VALUE) {
    const what = INTEGRITY.get(read.type)
    if (what !== undefined)
      call.host.log('warning', `Internal error in RDB reading -> ${what} integrity check failed.`)
    return 'ERR Bad data format'
  }
  return `ERR Values of type ${format.VALUE_TYPES.get(read.type)?.name} cannot be restored`
}

function restoreKey(call: Call, args: Args, reply: Reply): void {
  const options = readOptions(args)
  if (typeof options === 'string') {
    reply.error(options)
    return
  }
  if (!options.replace && findKey(call, args, 1) !== 0) {
    reply.error('BUSYKEY Target key name already exists.')
    return
  }
  let ttl_ms = int64Argument(args, 2)
  if (ttl_ms === null || ttl_ms < 0) {
    reply.error(ttl_ms === null ? NOT_AN_INTEGER : 'ERR Invalid TTL value, must be >= 0')
    return
  }
  const read = readDump(args.buf, args.start(3), args.end(3), call.keyspace.skipsChecksums)
  const ready = readyValue(call, read)
  if (typeof ready === 'string' || !read.ok) {
    reply.error(String(ready))
    return
  }
  const { db } = call
  const start = args.start(1)
  const end = args.end(1)
  const existed = options.replace && db.delete(args.buf, start, end)
  const expires = ttl_ms !== 0
  // The sum may wrap around: then it lies in the past, as in Redis.
  if (expires && !options.absolute) ttl_ms = addInt64(ttl_ms, call.keyspace.now_ms)
  if (expires && isPast(call, ttl_ms)) {
    if (ready !== 0) call.keyspace.release(ready)
    if (existed) {
      call.dirty++
      call.propagate(call.host.configNumber('lazyfree-lazy-server-del') !== 0 ? UNLINK : DEL, args.view(1))
      call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
    }
    reply.ok()
    return
  }
  const expiry_ms = expires ? ttl_ms : NO_EXPIRY
  const made =
    ready === 0
      ? db.setString(args.buf, start, end, read.value, read.start, read.end, expiry_ms)
      : attach(db, args.buf, start, end, ready, expiry_ms)
  setClock(call, made, options)
  call.dirty++
  if (expires && !options.absolute) propagateAbsolute(call, args, ttl_ms)
  call.notify(NOTIFY_NEW, 'new', args.buf, start, end)
  if (db.entries.type(made) !== STRING) call.host.keyReady(db, args.buf, start, end)
  call.notify(NOTIFY_GENERIC, 'restore', args.buf, start, end)
  reply.ok()
}

/** Notes when, or how often, the key was used where it comes from. */
function setClock(call: Call, handle: number, options: RestoreOptions): void {
  const { entries } = call.db
  if (call.keyspace.lfu) {
    const { frequency } = options
    if (frequency >= 0) entries.setAccess(handle, knownFrequency(call.keyspace, frequency))
  } else if (options.idle_s >= 0) {
    const used = call.keyspace.lruClock - options.idle_s
    entries.setAccess(handle, (used >= 0 ? used : used + CLOCK_MASK) & CLOCK_MASK)
  }
}

function propagateAbsolute(call: Call, args: Args, at_ms: Int64): void {
  const parts: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) parts.push(i === 2 ? integerBytes(at_ms) : args.view(i))
  call.propagate(...parts, ABSTTL)
}

const RESTORE = {
  arity: -4,
  flags: WRITE | DENYOOM,
  summary: 'Makes a key from the bytes that DUMP returned.',
  complexity: 'O(N) with N bytes or elements of the value',
  syntax: 'key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]',
  keys: firstKey(KEY_OW | KEY_UPDATE),
  categories: ['keyspace', 'dangerous'],
  history: [
    ['3.0.0', 'Knows `REPLACE`.'],
    ['5.0.0', 'Knows `ABSTTL`.'],
    ['5.0.0', 'Knows `IDLETIME` and `FREQ`.'],
  ],
} as const

export const restore = command({ ...RESTORE, name: 'RESTORE', since: '2.6.0', group: 'generic' }, restoreKey)

export const restoreAsking = command(
  {
    ...RESTORE,
    name: 'RESTORE-ASKING',
    flags: WRITE | DENYOOM | ASKING,
    since: '3.0.0',
    group: 'server',
    summary: 'RESTORE into a slot that is being imported: what MIGRATE sends in a cluster.',
  },
  restoreKey,
)

export const DUMP_FAMILY = [dump, restore, restoreAsking]
