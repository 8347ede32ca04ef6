/** SHUTDOWN: the end of the process, with what must be saved and told before. */

import {
  ADMIN,
  ALLOW_BUSY,
  type Command,
  LOADING,
  NO_MULTI,
  NOSCRIPT,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { SYNTAX } from '../../commands/errors.js'
import { serverCommand } from '../server-command.js'
import { declare } from './declare.js'

const OPTIONS = ['nosave', 'save', 'now', 'force', 'abort']
const FAILED = 'ERR Errors trying to SHUTDOWN. Check logs.'

export const shutdownCommand: Command = serverCommand(
  declare(
    'server',
    'SHUTDOWN',
    -1,
    ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | SENTINEL | ALLOW_BUSY,
    '1.0.0',
    'Saves what must be saved and ends the process.',
    {
      complexity:
        'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
      syntax: '[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]',
      history: [['7.0.0', 'Knows `NOW`, `FORCE` and `ABORT`.']],
    },
  ),
  (node, client, args, reply) => {
    const given = new Set<string>()
    for (let i = 1; i < args.count; i++) given.add(args.word(i))
    const unknown = [...given].some((option) => !OPTIONS.includes(option))
    const clash = given.has('save') && given.has('nosave')
    if (unknown || clash || (given.has('abort') && given.size > 1)) return reply.error(SYNTAX)
    if (given.has('abort')) {
      const aborted = node.stopper?.abort() ?? node.replication?.abortShutdown()
      if (aborted === true) return reply.ok()
      return reply.error('ERR No shutdown in progress.')
    }
    if (!given.has('now') && client.denyBlocking) {
      return reply.error("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client")
    }
    if (node.stopper === null) return reply.error('ERR This node is part of a process that others end')
    const save = given.has('save') ? true : given.has('nosave') ? false : undefined
    client.blocked = { kind: 'shutdown', deadline_ms: 0, timeout: () => {}, cancel: () => {} }
    node.stopper.request({ save, now: given.has('now'), force: given.has('force') }).then(() => {
      if (client.gone) return
      node.countError(FAILED)
      node.turn.outOf(client).error(FAILED)
      node.unblock(client)
    })
  },
)
