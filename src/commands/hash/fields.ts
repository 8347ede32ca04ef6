/** HSET, HMSET, HSETNX, HGET, HMGET, HDEL, HEXISTS, HLEN, HSTRLEN: fields by their names. */

import { LP_HEADER_BYTES } from '../../keyspace/collections/listpack.js'
import { HASH } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  collectionChanged,
  collectionToChange,
  collectionToRead,
  putNew,
  removeEmpty,
  WRONG,
} from '../collection.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOTIFY_HASH } from '../host.js'
import { hasField, replyField, tellExpired } from './lookup.js'

/** Sets the fields of arguments `from`, `from + 2` … to the arguments behind them; returns how many are new. */
function setFields(call: Call, args: Args, handle: number, from: number): number {
  return call.keyspace.hashes.setPairs(handle, args.buf, args.ranges, from << 1, args.count << 1)
}

/** The hash of argument 1 or a new one, with room for the fields and values from argument `from` on; or WRONG. */
export function hashToChange(call: Call, args: Args, from: number, reply: Reply): number {
  let handle = collectionToChange(call, args, 1, HASH, reply)
  if (handle === WRONG) return WRONG
  const { hashes } = call.keyspace
  if (handle === 0) handle = putNew(call, args, 1, hashes.create())
  if (!hashes.isSmall(handle)) return handle
  let longest = 0
  let bytes = 0
  for (let i = from; i < args.count; i++) {
    const length = args.length(i)
    if (length > longest) longest = length
    bytes += length
  }
  hashes.makeRoom(handle, (args.count - from) >>> 1, longest, bytes)
  return handle
}

function setAll(call: Call, args: Args, name: string, reply: Reply): number {
  if (args.count % 2 === 1) {
    reply.error(`ERR wrong number of arguments for '${name}' command`)
    return WRONG
  }
  let handle = collectionToChange(call, args, 1, HASH, reply)
  if (handle === WRONG) return WRONG
  if (handle === 0) handle = putNew(call, args, 1, call.keyspace.hashes.create())
  const created = setFields(call, args, handle, 2)
  collectionChanged(call, args, 1, NOTIFY_HASH, 'hset', (args.count - 2) >>> 1)
  return created
}

const SETTING = {
  arity: -4,
  flags: WRITE | DENYOOM | FAST,
  since: '2.0.0',
  group: 'hash',
  syntax: 'key field value [field value ...]',
  keys: firstKey(KEY_RW | KEY_UPDATE),
  elements: [2, 2],
} as const

export const hset = command(
  {
    ...SETTING,
    name: 'HSET',
    summary: 'Sets fields of a hash, and counts those that are new.',
    complexity: 'O(N) with N fields that are set',
    history: [['4.0.0', 'Takes several fields with their values.']],
  },
  (call, args, reply) => {
    const created = setAll(call, args, 'hset', reply)
    if (created !== WRONG) reply.int(created)
  },
)

export const hmset = command(
  {
    ...SETTING,
    name: 'HMSET',
    summary: 'Sets fields of a hash.',
    complexity: 'O(N) with N fields that are set',
    deprecated: { since: '4.0.0', replacedBy: '`HSET` with multiple field-value pairs' },
  },
  (call, args, reply) => {
    if (setAll(call, args, 'hmset', reply) !== WRONG) reply.ok()
  },
)

export const hsetnx = command(
  {
    name: 'HSETNX',
    arity: 4,
    flags: WRITE | DENYOOM | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Sets a field of a hash if it is not there yet.',
    complexity: 'O(1)',
    syntax: 'key field value',
    keys: firstKey(KEY_RW | KEY_INSERT),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { expiredFields } = call.keyspace
    if (hasField(call, args, handle, 2)) {
      reply.int(0)
      return
    }
    tellExpired(call, args, handle, expiredFields)
    setFields(call, args, hashToChange(call, args, 2, reply), 2)
    reply.int(1)
    collectionChanged(call, args, 1, NOTIFY_HASH, 'hset', 1)
  },
)

export const hget = command(
  {
    name: 'HGET',
    arity: 3,
    flags: READONLY | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the value of a field of a hash.',
    complexity: 'O(1)',
    syntax: 'key field',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { expiredFields } = call.keyspace
    if (!replyField(call, args, handle, 2, reply)) tellExpired(call, args, handle, expiredFields)
  },
)

export const hmget = command(
  {
    name: 'HMGET',
    arity: -3,
    flags: READONLY | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Returns the values of fields of a hash, and nil for those that are not there.',
    complexity: 'O(N) with N fields that are asked for',
    syntax: 'key field [field ...]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    elements: [2, 1],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { expiredFields } = call.keyspace
    const { hashes } = call.keyspace
    reply.array(args.count - 2)
    for (let i = 2, from = LP_HEADER_BYTES; i < args.count; i++, from = hashes.after) {
      replyField(call, args, handle, i, reply, from)
    }
    tellExpired(call, args, handle, expiredFields)
  },
)

export const hdel = command(
  {
    name: 'HDEL',
    arity: -3,
    flags: WRITE | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Removes fields of a hash, and the hash with its last one; counts those that were there.',
    complexity: 'O(N) with N fields to be removed',
    syntax: 'key field [field ...]',
    keys: firstKey(KEY_RW | KEY_DELETE),
    elements: [2, 1],
    history: [['2.4.0', 'Takes several fields.']],
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { hashes } = call.keyspace
    let deleted = 0
    let left = handle === 0 ? 0 : hashes.size(handle)
    for (let i = 2; i < args.count && left > 0; i++) {
      if (!hashes.delete(handle, args.buf, args.start(i), args.end(i))) continue
      deleted++
      left--
    }
    if (deleted > 0) {
      collectionChanged(call, args, 1, NOTIFY_HASH, 'hdel', deleted)
      if (left === 0) removeEmpty(call, args, 1)
    }
    reply.int(deleted)
  },
)

export const hexists = command(
  {
    name: 'HEXISTS',
    arity: 3,
    flags: READONLY | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Says whether a hash has a field.',
    complexity: 'O(1)',
    syntax: 'key field',
    keys: firstKey(KEY_RO),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { expiredFields } = call.keyspace
    const has = hasField(call, args, handle, 2)
    reply.int(has ? 1 : 0)
    if (!has) tellExpired(call, args, handle, expiredFields)
  },
)

export const hlen = command(
  {
    name: 'HLEN',
    arity: 2,
    flags: READONLY | FAST,
    since: '2.0.0',
    group: 'hash',
    summary: 'Counts the fields of a hash.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle !== WRONG) reply.int(handle === 0 ? 0 : call.keyspace.hashes.size(handle))
  },
)

export const hstrlen = command(
  {
    name: 'HSTRLEN',
    arity: 3,
    flags: READONLY | FAST,
    since: '3.2.0',
    group: 'hash',
    summary: 'Returns how many bytes the value of a field has.',
    complexity: 'O(1)',
    syntax: 'key field',
    keys: firstKey(KEY_RO),
    elements: [2, 0],
  },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { expiredFields } = call.keyspace
    const has = hasField(call, args, handle, 2)
    reply.int(has ? call.keyspace.hashes.value.length : 0)
    if (!has) tellExpired(call, args, handle, expiredFields)
  },
)

export const FIELD_FAMILY = [hset, hmset, hsetnx, hget, hmget, hdel, hexists, hlen, hstrlen]
