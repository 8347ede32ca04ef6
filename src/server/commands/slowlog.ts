/** SLOWLOG: which commands took long. */

import { ADMIN, type Command, container, LOADING, STALE } from '../../commands/command.js'
import { nearInteger } from '../../commands/int64.js'
import { serverCommand } from '../server-command.js'
import { declare, helpCommand, wrongCount } from './declare.js'

const READ = ADMIN | LOADING | STALE
const NODES = 'request_policy:all_nodes'

const get = serverCommand(
  declare('server', 'GET', -2, READ, '2.2.12', 'Returns entries of the slow log.', {
    complexity: 'O(N) where N is the number of entries returned',
    syntax: '[count]',
    tips: [NODES, 'nondeterministic_output'],
    history: [['4.0.0', "Tells the client's address and name."]],
  }),
  (node, _client, args, reply) => {
    if (args.count > 3) return reply.error(wrongCount(args))
    const count = args.count === 3 ? nearInteger(args, 2) : 10
    if (!(count >= -1)) return reply.error('ERR count should be greater than or equal to -1')
    const log = node.admin?.slowLog
    const entries = log?.newest(count === -1 ? log.length : count) ?? []
    reply.array(entries.length)
    for (const entry of entries) {
      reply.array(6)
      reply.int(entry.id)
      reply.int(entry.at_s)
      reply.int(entry.usec)
      reply.array(entry.words.length)
      for (const word of entry.words) reply.bulk(word)
      reply.bulkText(entry.address)
      reply.bulkText(entry.name)
    }
  },
)

const len = serverCommand(
  declare('server', 'LEN', 2, READ, '2.2.12', 'Counts the entries of the slow log.', {
    tips: [NODES, 'response_policy:agg_sum', 'nondeterministic_output'],
  }),
  (node, _client, _args, reply) => reply.int(node.admin?.slowLog.length ?? 0),
)

const reset = serverCommand(
  declare('server', 'RESET', 2, READ, '2.2.12', 'Empties the slow log.', {
    complexity: 'O(N) where N is the number of entries in the slowlog',
    tips: [NODES, 'response_policy:all_succeeded'],
  }),
  (node, _client, _args, reply) => {
    node.admin?.slowLog.reset()
    reply.ok()
  },
)

const slowlog: Command = container(
  declare('server', 'SLOWLOG', -2, 0, '2.2.12', 'A container for commands about the slow log.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    get,
    len,
    reset,
    helpCommand('server', 'SLOWLOG', '6.2.0', [
      'GET [<count>]',
      '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
      '    Entries are made of:',
      '    id, timestamp, time in microseconds, arguments array, client IP and port,',
      '    client name',
      'LEN',
      '    Return the length of the slowlog.',
      'RESET',
      '    Reset the slowlog.',
    ]),
  ],
)

export const slowCommands: readonly Command[] = [slowlog]
