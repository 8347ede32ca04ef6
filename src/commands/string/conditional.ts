/**
 * What the newest Redis and Valkey can do on conditions: DIGEST and DELEX (Redis 8.4), DELIFEQ (Valkey 9), and what SET's IFEQ, IFNE,
 * IFDEQ and IFDNE ask. Whatever met its condition goes out as what came of it (DEL, SET), so that any replica can follow.
 */

import { ascii, sameBytes } from '../../bytes/ascii.js'
import { Xxh3 } from '../../bytes/xxh3.js'
import { STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RM,
  KEY_RO,
  KEY_RW,
  READONLY,
  WRITE,
} from '../command.js'
import { WRONGTYPE } from '../errors.js'
import { NOTIFY_GENERIC } from '../host.js'
import { findKey, readKey } from '../lookup.js'
import { conditionOption, IFDEQ, IFDNE, IFEQ } from './expiry-option.js'

const DEL = ascii('DEL')
const DIGEST_LENGTH = 16
const BAD_DIGEST = `ERR must be exactly ${DIGEST_LENGTH} hexadecimal characters`

/** The digest of the string in an entry. */
function digestOf(call: Call, handle: number): string {
  const { entries } = call.db
  const at = entries.valueStart(handle)
  const hash = new Xxh3()
  hash.digest(entries.bytes(handle), at, at + entries.valueLength(handle))
  return hash.hex()
}

/** Whether the string in an entry is argument `index`, or has it as its digest; or what is wrong with that digest. */
function compare(call: Call, args: Args, handle: number, condition: number, index: number): boolean | string {
  const { entries } = call.db
  if (condition === IFDEQ || condition === IFDNE) {
    // As in Redis only the length is looked at: what is no digest equals none.
    if (args.length(index) !== DIGEST_LENGTH) return BAD_DIGEST
    return (args.word(index) === digestOf(call, handle)) === (condition === IFDEQ)
  }
  const at = entries.valueStart(handle)
  const end = at + entries.valueLength(handle)
  const same = sameBytes(entries.bytes(handle), at, end, args.buf, args.start(index), args.end(index))
  return same === (condition === IFEQ)
}

/**
 * Whether the key of argument 1 meets SET's condition, argument `index` being what it is compared with; or an error. A key
 * that does not exist differs from anything.
 */
export function meets(call: Call, args: Args, condition: number, index: number): boolean | string {
  const handle = findKey(call, args, 1)
  if (handle === 0) return condition !== IFEQ && condition !== IFDEQ
  if (call.db.entries.type(handle) !== STRING) return WRONGTYPE
  return compare(call, args, handle, condition, index)
}

/** Removes the key of argument 1, if there is one, and replies with how many there were. */
function remove(call: Call, args: Args, reply: Reply): void {
  const start = args.start(1)
  const end = args.end(1)
  if (!call.db.delete(args.buf, start, end)) {
    reply.int(0)
    return
  }
  call.dirty++
  call.propagate(DEL, args.view(1))
  call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
  reply.int(1)
}

export const digest = command(
  {
    name: 'DIGEST',
    arity: 2,
    flags: READONLY | FAST,
    since: '8.4.0',
    group: 'string',
    summary: 'Returns the XXH3 digest of a string, in hexadecimal digits.',
    complexity: 'O(N) with N bytes of the string',
    syntax: 'key',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const handle = readKey(call, args, 1)
    if (handle === 0) reply.nil()
    else if (call.db.entries.type(handle) !== STRING) reply.error(WRONGTYPE)
    else reply.bulkText(digestOf(call, handle))
  },
)

export const delex = command(
  {
    name: 'DELEX',
    arity: -2,
    flags: WRITE | FAST,
    since: '8.4.0',
    group: 'string',
    summary: 'Removes a key, if need be only where its string is, or is not, what is expected.',
    complexity: 'O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE with N bytes of the string',
    syntax: 'key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]',
    keys: firstKey(KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    if (args.count !== 2 && args.count !== 4) {
      reply.error("ERR wrong number of arguments for 'delex' command")
      return
    }
    const handle = args.count === 4 ? findKey(call, args, 1) : 0
    if (handle === 0) {
      remove(call, args, reply)
      return
    }
    const condition = conditionOption(args, 2)
    if (call.db.entries.type(handle) !== STRING) {
      reply.error('ERR Key should be of string type if conditions are specified')
      return
    }
    const met =
      condition === 0
        ? 'ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE'
        : compare(call, args, handle, condition, 3)
    if (typeof met === 'string') reply.error(met)
    else if (met) remove(call, args, reply)
    else reply.int(0)
  },
)

export const delifeq = command(
  {
    name: 'DELIFEQ',
    arity: 3,
    flags: WRITE,
    since: '9.0.0',
    group: 'string',
    summary: 'Removes a key if its string is the one given. A command of Valkey.',
    complexity: 'O(1)',
    syntax: 'key value',
    keys: firstKey(KEY_RM | KEY_ACCESS | KEY_DELETE),
  },
  (call, args, reply) => {
    const met = meets(call, args, IFEQ, 2)
    if (typeof met === 'string') reply.error(met)
    else if (met) remove(call, args, reply)
    else reply.int(0)
  },
)

export const CONDITIONAL_FAMILY = [digest, delex, delifeq]
