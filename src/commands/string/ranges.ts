/** APPEND, STRLEN, SETRANGE, GETRANGE, SUBSTR: parts of a string. */

import { NO_EXPIRY, RAW, STRING } from '../../keyspace/entries.js'
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
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, WRONGTYPE } from '../errors.js'
import { bigArgument, nearInteger } from '../int64.js'
import { findKey, readKey } from '../lookup.js'
import { mayBeLong, stringChanged, stringOfLength } from './in-place.js'

const NO_BYTES = new Uint8Array(0)

export const append = command(
  {
    name: 'APPEND',
    arity: 3,
    flags: WRITE | DENYOOM | FAST,
    since: '2.0.0',
    group: 'string',
    summary: 'Adds a string to the end of the one that a key holds; makes the key where it does not exist.',
    complexity: 'O(1) on average, since a string that grows is given room to grow into',
    syntax: 'key value',
    keys: firstKey(KEY_RW | KEY_INSERT),
  },
  (call, args, reply) => {
    const { db } = call
    const entries = db.entries
    const more = args.length(2)
    const handle = findKey(call, args, 1)
    if (handle === 0) {
      db.setString(args.buf, args.start(1), args.end(1), args.buf, args.start(2), args.end(2), NO_EXPIRY)
      stringChanged(call, args, true, 'append')
      reply.int(more)
      return
    }
    if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const length = entries.valueLength(handle)
    if (!mayBeLong(call, length + more, reply)) return
    const made = stringOfLength(call, args, handle, length + more, RAW)
    entries.bytes(made).set(args.view(2), entries.valueStart(made) + length)
    stringChanged(call, args, false, 'append')
    reply.int(length + more)
  },
)

export const strlen = command(
  {
    name: 'STRLEN',
    arity: 2,
    flags: READONLY | FAST,
    since: '2.2.0',
    group: 'string',
    summary: 'Returns how many bytes the string of a key has.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const handle = readKey(call, args, 1)
    if (handle === 0) reply.int(0)
    else if (call.db.entries.type(handle) !== STRING) reply.error(WRONGTYPE)
    else reply.int(call.db.entries.valueLength(handle))
  },
)

export const setrange = command(
  {
    name: 'SETRANGE',
    arity: 4,
    flags: WRITE | DENYOOM,
    since: '2.2.0',
    group: 'string',
    summary:
      'Writes over a part of a string, which grows where it is too short: with zero bytes up to the part.',
    complexity: 'O(M) with M bytes written, and as many as the string must grow by',
    syntax: 'key offset value',
    keys: firstKey(KEY_RW | KEY_UPDATE),
  },
  (call, args, reply) => {
    const entries = call.db.entries
    const offset = nearInteger(args, 2)
    if (!(offset >= 0)) {
      reply.error(Number.isNaN(offset) ? NOT_AN_INTEGER : 'ERR offset is out of range')
      return
    }
    const handle = findKey(call, args, 1)
    if (handle !== 0 && entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const old = handle === 0 ? 0 : entries.valueLength(handle)
    const more = args.length(3)
    if (more === 0) {
      reply.int(old)
      return
    }
    if (!mayBeLong(call, offset + more, reply)) return
    const length = Math.max(old, offset + more)
    const made = stringOfLength(call, args, handle, length, RAW)
    const bytes = entries.bytes(made)
    const at = entries.valueStart(made)
    if (offset > old) bytes.fill(0, at + old, at + offset)
    bytes.set(args.view(3), at + offset)
    stringChanged(call, args, handle === 0, 'setrange')
    reply.int(length)
  },
)

function replyRange(call: Call, args: Args, reply: Reply): void {
  let start = nearInteger(args, 2)
  let end = nearInteger(args, 3)
  if (Number.isNaN(start) || Number.isNaN(end)) {
    reply.error(NOT_AN_INTEGER)
    return
  }
  const handle = readKey(call, args, 1)
  if (handle === 0) {
    reply.bulk(NO_BYTES)
    return
  }
  const entries = call.db.entries
  if (entries.type(handle) !== STRING) {
    reply.error(WRONGTYPE)
    return
  }
  const length = entries.valueLength(handle)
  const nothing = start < 0 && end < 0 && isAfter(args, start, end)
  if (start < 0) start = Math.max(0, length + start)
  if (end < 0) end = Math.max(0, length + end)
  if (end >= length) end = length - 1
  if (nothing || length === 0 || start > end) {
    reply.bulk(NO_BYTES)
    return
  }
  const at = entries.valueStart(handle)
  reply.bulkRange(entries.bytes(handle), at + start, at + end + 1)
}

/** Whether argument 2 is greater than argument 3; as doubles two large ones may seem equal. */
function isAfter(args: Args, start: number, end: number): boolean {
  if (start !== end || Number.isSafeInteger(start)) return start > end
  return bigArgument(args, 2)! > bigArgument(args, 3)!
}

export const getrange = command(
  {
    name: 'GETRANGE',
    arity: 4,
    flags: READONLY,
    since: '2.4.0',
    group: 'string',
    summary: 'Returns a part of a string; negative positions count from its end.',
    complexity: 'O(N) with N bytes returned',
    syntax: 'key start end',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  replyRange,
)

export const substr = command(
  {
    name: 'SUBSTR',
    arity: 4,
    flags: READONLY,
    since: '1.0.0',
    group: 'string',
    summary: 'Returns a part of a string; the older name of GETRANGE.',
    complexity: 'O(N) with N bytes returned',
    syntax: 'key start end',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    deprecated: { since: '2.0.0', replacedBy: '`GETRANGE`' },
  },
  replyRange,
)

export const RANGE_FAMILY = [append, strlen, setrange, getrange, substr]
