/** INFO, TIME, MONITOR, LOLWUT: what a node tells of itself. */

import {
  ADMIN,
  type Command,
  FAST,
  LOADING,
  NOSCRIPT,
  READONLY,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { serverCommand } from '../server-command.js'
import { REDIS_VERSION, SHOAL_VERSION } from '../version.js'
import { declare } from './declare.js'

const info = serverCommand(
  declare(
    'server',
    'INFO',
    -1,
    LOADING | STALE | SENTINEL,
    '1.0.0',
    'Tells the state of the node in numbers.',
    {
      syntax: '[section [section ...]]',
      categories: ['dangerous'],
      tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
      history: [['7.0.0', 'Takes several sections.']],
    },
  ),
  (node, _client, args, reply) => {
    const asked = Array.from({ length: args.count - 1 }, (_, i) => args.word(i + 1))
    reply.verbatim(node.info.text(asked))
  },
)

const time = serverCommand(
  declare(
    'server',
    'TIME',
    1,
    LOADING | STALE | FAST,
    '2.6.0',
    'Returns the time: seconds, and microseconds.',
    {
      tips: ['nondeterministic_output'],
    },
  ),
  (node, _client, _args, reply) => {
    const now_ms = node.clock.now_ms()
    reply.array(2)
    reply.bulkInt(Math.floor(now_ms / 1000))
    reply.bulkInt((now_ms % 1000) * 1000)
  },
)

const monitor = serverCommand(
  declare(
    'server',
    'MONITOR',
    1,
    ADMIN | NOSCRIPT | LOADING | STALE,
    '1.0.0',
    'Shows all commands as they come.',
  ),
  (node, client, _args, reply) => {
    if (client.denyBlocking) return reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client")
    node.admin?.monitors?.add(client)
    reply.ok()
  },
)

const SHOAL = [
  '        ><>      ><>   ><>',
  '   ><>      ><>     ><>    ><>',
  '      ><>  ><>   ><>   ><>',
  '   ><>   ><>   ><>    ><>',
  '            ><>    ><>',
]

const lolwut = serverCommand(
  declare('server', 'LOLWUT', -1, READONLY | FAST, '5.0.0', 'Shows a picture, and the version.', {
    syntax: '[VERSION version]',
  }),
  (_node, _client, _args, reply) => {
    reply.verbatim(`${SHOAL.join('\n')}\n\nShoal ver. ${SHOAL_VERSION}, Redis ver. ${REDIS_VERSION}\n`)
  },
)

export const infoCommands: readonly Command[] = [info, time, monitor, lolwut]
