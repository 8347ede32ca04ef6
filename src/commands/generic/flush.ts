/** FLUSHDB, FLUSHALL, SWAPDB: whole databases. */

import type { Database } from '../../keyspace/database.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { command, FAST, WRITE } from '../command.js'
import { SYNTAX } from '../errors.js'
import { readInt32 } from './database-index.js'

const SHARDS = ['request_policy:all_shards', 'response_policy:all_succeeded'] as const
const HISTORY = [
  ['4.0.0', 'Knows `ASYNC`.'],
  ['6.2.0', 'Knows `SYNC`.'],
] as const

/** Removes all keys of `db`, or with null of all databases, as the option asks. */
function flush(call: Call, args: Args, reply: Reply, db: Database | null): void {
  const later =
    args.count === 1 ? call.host.configNumber('lazyfree-lazy-user-flush') !== 0 : args.is(1, 'async')
  if (args.count > 2 || (args.count === 2 && !later && !args.is(1, 'sync'))) {
    reply.error(SYNTAX)
    return
  }
  const { keyspace } = call
  call.host.beforeFlush?.(db)
  // To forget a whole heap is quicker than to free what is in it. Nobody need wait for the freeing, SYNC or not: what is
  // short of memory frees it first.
  const whole = db === null || db.size === keyspace.size
  if (db !== null && (later || !whole)) call.dirty += db.flush(true)
  else if (later) for (const each of keyspace.databases) call.dirty += each.flush(true)
  else call.dirty += keyspace.flushAll()
  // Goes out even where there was nothing to remove: a replica may know better.
  const parts: Uint8Array[] = []
  for (let i = 0; i < args.count; i++) parts.push(args.view(i))
  call.propagate(...parts)
  if (db === null) call.host.afterFlushAll?.()
  reply.ok()
}

export const flushdb = command(
  {
    name: 'FLUSHDB',
    arity: -1,
    flags: WRITE,
    since: '1.0.0',
    group: 'server',
    summary: 'Removes all keys of the database.',
    complexity: 'O(N) with N keys in the database',
    syntax: '[ASYNC | SYNC]',
    categories: ['keyspace', 'dangerous'],
    tips: SHARDS,
    history: HISTORY,
  },
  (call, args, reply) => flush(call, args, reply, call.db),
)

export const flushall = command(
  {
    name: 'FLUSHALL',
    arity: -1,
    flags: WRITE,
    since: '1.0.0',
    group: 'server',
    summary: 'Removes all keys of all databases.',
    complexity: 'O(N) with N keys in all databases',
    syntax: '[ASYNC | SYNC]',
    categories: ['keyspace', 'dangerous'],
    tips: SHARDS,
    history: HISTORY,
  },
  (call, args, reply) => flush(call, args, reply, null),
)

export const swapdb = command(
  {
    name: 'SWAPDB',
    arity: 3,
    flags: WRITE | FAST,
    since: '4.0.0',
    group: 'server',
    summary: 'Exchanges two databases: clients of one see at once what was in the other.',
    complexity: 'O(N) with N clients that watch or wait for keys of the two',
    syntax: 'index1 index2',
    categories: ['keyspace', 'dangerous'],
  },
  (call, args, reply) => {
    const { keyspace } = call
    if (keyspace.cluster) {
      reply.error('ERR SWAPDB is not allowed in cluster mode')
      return
    }
    const a = readInt32(args, 1, reply, 'ERR invalid first DB index')
    if (Number.isNaN(a)) return
    const b = readInt32(args, 2, reply, 'ERR invalid second DB index')
    if (Number.isNaN(b)) return
    if (keyspace.databases[a] === undefined || keyspace.databases[b] === undefined) {
      reply.error('ERR DB index is out of range')
      return
    }
    if (a !== b) {
      keyspace.swap(a, b)
      call.host.swapped?.(a, b)
    }
    call.dirty++
    reply.ok()
  },
)

export const FLUSH_FAMILY = [flushdb, flushall, swapdb]
