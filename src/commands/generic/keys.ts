/** DEL, UNLINK, EXISTS, TOUCH, TYPE: keys whatever they hold. */

import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { command, FAST, firstKey, KEY_DELETE, KEY_RM, KEY_RO, keyRange, READONLY, WRITE } from '../command.js'
import { NOTIFY_GENERIC } from '../host.js'
import { glanceAtKey, readKey } from '../lookup.js'
import { typeName } from '../types.js'

const SUM_OF_SHARDS = ['request_policy:multi_shard', 'response_policy:agg_sum'] as const

function remove(call: Call, args: Args, reply: Reply): void {
  let removed = 0
  for (let i = 1; i < args.count; i++) {
    if (!call.db.delete(args.buf, args.start(i), args.end(i))) continue
    call.notify(NOTIFY_GENERIC, 'del', args.buf, args.start(i), args.end(i))
    removed++
  }
  call.dirty += removed
  reply.int(removed)
}

export const del = command(
  {
    name: 'DEL',
    arity: -2,
    flags: WRITE,
    since: '1.0.0',
    group: 'generic',
    summary: 'Removes keys.',
    complexity: 'O(N) with N keys; a key that holds a collection adds the number of its elements',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RM | KEY_DELETE),
    categories: ['keyspace'],
    tips: SUM_OF_SHARDS,
  },
  remove,
)

export const unlink = command(
  {
    name: 'UNLINK',
    arity: -2,
    flags: WRITE | FAST,
    since: '4.0.0',
    group: 'generic',
    summary: 'Removes keys, leaving the work of freeing large values for later.',
    complexity: 'O(1) for each key',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RM | KEY_DELETE),
    categories: ['keyspace'],
    tips: SUM_OF_SHARDS,
  },
  remove,
)

export const exists = command(
  {
    name: 'EXISTS',
    arity: -2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'generic',
    summary: 'Counts how many of the keys exist; a key named twice counts twice.',
    complexity: 'O(N) with N keys',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RO),
    categories: ['keyspace'],
    tips: SUM_OF_SHARDS,
    history: [['3.0.3', 'Takes several keys.']],
  },
  (call, args, reply) => {
    let count = 0
    for (let i = 1; i < args.count; i++) if (glanceAtKey(call, args, i) !== 0) count++
    reply.int(count)
  },
)

export const touch = command(
  {
    name: 'TOUCH',
    arity: -2,
    flags: READONLY | FAST,
    since: '3.2.1',
    group: 'generic',
    summary: 'Notes that keys are in use, and counts how many of them exist.',
    complexity: 'O(N) with N keys',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RO),
    categories: ['keyspace'],
    tips: SUM_OF_SHARDS,
  },
  (call, args, reply) => {
    let count = 0
    for (let i = 1; i < args.count; i++) if (readKey(call, args, i) !== 0) count++
    reply.int(count)
  },
)

export const type = command(
  {
    name: 'TYPE',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'generic',
    summary: 'Says what kind of value a key holds.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
    categories: ['keyspace'],
  },
  (call, args, reply) => {
    const handle = glanceAtKey(call, args, 1)
    reply.simple(handle === 0 ? 'none' : typeName(call.db.entries.type(handle)))
  },
)

export const KEY_FAMILY = [del, unlink, exists, touch, type]
