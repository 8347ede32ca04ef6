/** CONFIG: the functions of config/ as commands. */

import { QUOTED_BYTES_MAX, VALUE_BYTES_MAX } from '../../bytes/text-limits.js'
import { ADMIN, type Command, container, LOADING, NOSCRIPT, STALE } from '../../commands/command.js'
import { SYNTAX } from '../../commands/errors.js'
import type { Args } from '../../resp/args.js'
import { rewriteConfigFile } from '../admin/config-file.js'
import { resetStatistics } from '../admin/reset.js'
import type { Client } from '../client.js'
import { fileWorld } from '../config/files.js'
import { CONFIG_HELP, configGet } from '../config/get.js'
import { configSet } from '../config/set.js'
import { bytesOf, textOf, wholeTextOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { declare, helpCommand } from './declare.js'

const CONTROL = ADMIN | NOSCRIPT | LOADING | STALE
const ON_ALL = ['request_policy:all_nodes', 'response_policy:all_succeeded']

const get = serverCommand(
  declare('server', 'GET', -3, CONTROL, '2.0.0', 'Returns the values of directives.', {
    complexity: 'O(N) when N is the number of configuration parameters provided',
    syntax: 'parameter [parameter ...]',
    history: [['7.0.0', 'Takes several patterns.']],
  }),
  (node, _client, args, reply) => {
    const patterns = Array.from({ length: args.count - 2 }, (_, i) =>
      textOf(args.view(i + 2), QUOTED_BYTES_MAX),
    )
    const found = configGet(node.config, patterns)
    reply.map(found.length)
    for (const [name, value] of found) {
      reply.bulk(bytesOf(name))
      reply.bulk(bytesOf(value))
    }
  },
)

/** Whether the client comes from this machine: such a one may do what is set to `local`. */
export function isLocal(client: Client): boolean {
  const address = client.link?.remoteAddress ?? ''
  return address === '' || address === '::1' || address.startsWith('127.')
}

/** Whether a client may do what is protected by a directive that is `no`, `yes` or `local`. */
export function mayProtected(setting: 'no' | 'yes' | 'local', client: Client): boolean {
  return setting === 'yes' || (setting === 'local' && isLocal(client))
}

/** Names with their values, or the error reply. */
function pairsOf(args: Args): [string, string][] | string {
  const pairs: [string, string][] = []
  for (let i = 2; i + 1 < args.count; i += 2) {
    const name = textOf(args.view(i), QUOTED_BYTES_MAX)
    const value = wholeTextOf(args.view(i + 1), VALUE_BYTES_MAX)
    if (value === null) {
      return `ERR CONFIG SET failed (possibly related to argument '${name}') - argument is longer than ${VALUE_BYTES_MAX} bytes`
    }
    pairs.push([name, value])
  }
  return pairs
}

/** Answers when somebody who must follow the change has done so: until then the client waits. */
function answerLater(node: ServerNode, client: Client, outcome: Promise<string | null>): void {
  let waits = true
  client.blocked = {
    kind: 'config',
    deadline_ms: 0,
    timeout: () => {},
    cancel: () => {
      waits = false
    },
  }
  outcome.then((error) => {
    if (!waits || client.gone) return
    const reply = node.turn.outOf(client)
    if (error === null) reply.ok()
    else {
      node.countError(error)
      reply.error(error)
    }
    node.unblock(client)
  })
}

const set = serverCommand(
  declare('server', 'SET', -4, CONTROL, '2.0.0', 'Sets directives of a running node, all or none.', {
    complexity: 'O(N) when N is the number of configuration parameters provided',
    syntax: 'parameter value [parameter value ...]',
    history: [['7.0.0', 'Sets several at once.']],
    tips: ON_ALL,
  }),
  (node, client, args, reply) => {
    if (args.count % 2 !== 0) return reply.error(SYNTAX)
    const pairs = pairsOf(args)
    if (typeof pairs === 'string') return reply.error(pairs)
    const outcome = configSet(node.config, pairs, {
      loading: node.loading || node.keyspace.beside !== null,
      mayProtected: mayProtected(node.config.values['enable-protected-configs'], client),
      changeDirectory: fileWorld(node.config.values.dir).changeDirectory,
      warn: (text) => node.log('warning', text),
    })
    if (outcome === null) reply.ok()
    else if (typeof outcome === 'string') reply.error(outcome)
    else if (client.denyBlocking) reply.ok()
    else answerLater(node, client, outcome)
  },
)

const rewrite = serverCommand(
  declare('server', 'REWRITE', 2, CONTROL, '2.8.0', 'Writes the configuration into its file.', {
    tips: ON_ALL,
  }),
  (node, _client, _args, reply) => {
    if (node.config.file === undefined) {
      return reply.error('ERR The server is running without a config file')
    }
    const error = rewriteConfigFile(node.config, node.config.file, node.admin?.users.describe())
    if (error === undefined) {
      node.log('notice', 'CONFIG REWRITE executed with success.')
      reply.ok()
    } else {
      node.log('warning', `CONFIG REWRITE failed: ${error}`)
      reply.error(`ERR Rewriting config file: ${error}`)
    }
  },
)

const resetStat = serverCommand(
  declare('server', 'RESETSTAT', 2, CONTROL, '2.0.0', "Sets INFO's counters back to zero.", { tips: ON_ALL }),
  (node, _client, _args, reply) => {
    resetStatistics(node)
    reply.ok()
  },
)

export const configCommand: Command = container(
  declare('server', 'CONFIG', -2, 0, '2.0.0', 'A container for commands about the configuration.', {
    complexity: 'Depends on subcommand.',
  }),
  [get, set, rewrite, resetStat, helpCommand('server', 'CONFIG', '5.0.0', CONFIG_HELP.slice(1, -2))],
)
