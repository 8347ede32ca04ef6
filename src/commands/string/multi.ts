/** MGET, MSET, MSETNX: many strings at once. */

import { NO_EXPIRY, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  FAST,
  KEY_ACCESS,
  KEY_INSERT,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  keyRange,
  READONLY,
  WRITE,
} from '../command.js'
import { findKey, readKey } from '../lookup.js'
import { store } from './get-set.js'

export const mget = command(
  {
    name: 'MGET',
    arity: -2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'string',
    summary: 'Returns the strings of all the keys, and nil for a key that holds none.',
    complexity: 'O(N) with N keys',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RO | KEY_ACCESS),
    tips: ['request_policy:multi_shard'],
  },
  (call, args, reply) => {
    const entries = call.db.entries
    reply.array(args.count - 1)
    for (let i = 1; i < args.count; i++) {
      const handle = readKey(call, args, i)
      if (handle === 0 || entries.type(handle) !== STRING) {
        reply.nil()
        continue
      }
      const at = entries.valueStart(handle)
      reply.bulkRange(entries.bytes(handle), at, at + entries.valueLength(handle))
    }
  },
)

export const mset = command(
  {
    name: 'MSET',
    arity: -3,
    flags: WRITE | DENYOOM,
    since: '1.0.1',
    group: 'string',
    summary: 'Puts a string under each of the keys, all at once.',
    complexity: 'O(N) with N keys',
    syntax: 'key value [key value ...]',
    keys: keyRange(1, -1, 2, KEY_OW | KEY_UPDATE),
    tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  },
  (call, args, reply) => {
    if ((args.count & 1) === 0) {
      reply.error("ERR wrong number of arguments for 'mset' command")
      return
    }
    storeAll(call, args)
    reply.ok()
  },
)

export const msetnx = command(
  {
    name: 'MSETNX',
    arity: -3,
    flags: WRITE | DENYOOM,
    since: '1.0.1',
    group: 'string',
    summary: 'Puts a string under each of the keys if none of them exists.',
    complexity: 'O(N) with N keys',
    syntax: 'key value [key value ...]',
    keys: keyRange(1, -1, 2, KEY_OW | KEY_INSERT),
  },
  (call, args, reply) => {
    if ((args.count & 1) === 0) {
      reply.error("ERR wrong number of arguments for 'msetnx' command")
      return
    }
    for (let i = 1; i < args.count; i += 2) {
      if (findKey(call, args, i) !== 0) {
        reply.int(0)
        return
      }
    }
    storeAll(call, args)
    reply.int(1)
  },
)

function storeAll(call: Call, args: Args): void {
  for (let i = 1; i < args.count; i += 2) store(call, args, i, i + 1, NO_EXPIRY)
}

export const MULTI_FAMILY = [mget, mset, msetnx]
