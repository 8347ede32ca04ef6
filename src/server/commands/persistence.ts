/** SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE. */

import {
  ADMIN,
  type Command,
  FAST,
  LOADING,
  NO_ASYNC_LOADING,
  NO_MULTI,
  NOSCRIPT,
  STALE,
} from '../../commands/command.js'
import { serverCommand } from '../server-command.js'

const NOT_HERE = 'ERR This instance has persistence switched off'

const save = serverCommand(
  {
    name: 'SAVE',
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    since: '1.0.0',
    group: 'server',
    summary: 'Writes the dataset to disk while everything else waits.',
    complexity: 'O(N) where N is the total number of keys in all databases',
    categories: [],
  },
  (node, _client, _args, reply) => {
    if (node.persistence === null) return reply.error(NOT_HERE)
    if (node.persistence.rdb.running) return reply.error('ERR Background save already in progress')
    if (node.persistence.rdb.save()) reply.ok()
    else reply.error('ERR')
  },
)

const bgsave = serverCommand(
  {
    name: 'BGSAVE',
    arity: -1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    since: '1.0.0',
    group: 'server',
    summary: 'Writes the dataset to disk in the background.',
    complexity: 'O(1)',
    categories: [],
    syntax: '[SCHEDULE]',
  },
  (node, client, args, reply) => {
    const { persistence } = node
    if (args.count > 2 || (args.count === 2 && !args.is(1, 'schedule')))
      return reply.error('ERR syntax error')
    if (persistence === null) return reply.error(NOT_HERE)
    const { rdb } = persistence
    if (rdb.running) return reply.error('ERR Background save already in progress')
    if (client.denyBlocking || (args.count === 2 && persistence.runner.kind !== null)) {
      rdb.scheduled = true
      return reply.simple('Background saving scheduled')
    }
    const outcome = rdb.start()
    if (outcome === 'started') return reply.simple('Background saving started')
    if (outcome === 'failed') return reply.error('ERR')
    reply.error(
      "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to " +
        'schedule a BGSAVE whenever possible.',
    )
  },
)

const bgrewriteaof = serverCommand(
  {
    name: 'BGREWRITEAOF',
    arity: 1,
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    since: '1.0.0',
    group: 'server',
    summary: 'Writes the append-only file anew in the background.',
    complexity: 'O(1)',
    categories: [],
  },
  (node, client, _args, reply) => {
    if (node.persistence === null) return reply.error(NOT_HERE)
    switch (node.persistence.rewriteAof(client.denyBlocking)) {
      case 'running':
        return reply.error('ERR Background append only file rewriting already in progress')
      case 'scheduled':
        return reply.simple('Background append only file rewriting scheduled')
      case 'started':
        return reply.simple('Background append only file rewriting started')
      default:
        reply.error(
          "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
        )
    }
  },
)

const lastsave = serverCommand(
  {
    name: 'LASTSAVE',
    arity: 1,
    flags: LOADING | STALE | FAST,
    since: '1.0.0',
    group: 'server',
    summary: 'Tells when the dataset was last written to disk.',
    complexity: 'O(1)',
    tips: ['nondeterministic_output'],
    categories: ['admin', 'dangerous'],
  },
  (node, _client, _args, reply) => {
    reply.int(node.persistence === null ? 0 : node.persistence.rdb.lastSave_s)
  },
)

export const persistenceCommands: readonly Command[] = [save, bgsave, bgrewriteaof, lastsave]
