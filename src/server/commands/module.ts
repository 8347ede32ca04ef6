/**
 * MODULE: there are no modules here, and none can be loaded, since they are libraries for redis-server's process. Clients and tools ask for
 * the list, which is empty. The others reply what redis-server does where the library cannot be loaded.
 */

import { SHOWN_BYTES_MAX } from '../../bytes/text-limits.js'
import {
  ADMIN,
  type Command,
  container,
  NO_ASYNC_LOADING,
  NOSCRIPT,
  PROTECTED,
} from '../../commands/command.js'
import type { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { mayProtected } from './config.js'
import { declare, helpCommand } from './declare.js'

const LOADS = ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED
const NOT_ALLOWED =
  'ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a local ' +
  'connection, otherwise you need to set this option in the configuration file, and then restart the server.'
const LOADING_FAILED = 'ERR Error loading the extension. Please check the server logs.'
const NO_SUCH_MODULE = 'ERR Error unloading module: no such module with that name'

const mayLoad = (node: ServerNode, client: Client): boolean =>
  mayProtected(node.config.values['enable-module-command'], client)

function loadCommand(name: string, since: string, summary: string, syntax: string): Command {
  return serverCommand(
    declare('server', name, -3, LOADS, since, summary, { syntax }),
    (node, client, args, reply) => {
      if (!mayLoad(node, client)) return reply.error(NOT_ALLOWED)
      node.log('warning', `Module ${args.text(2, SHOWN_BYTES_MAX)} failed to load: modules are not supported`)
      reply.error(LOADING_FAILED)
    },
  )
}

const list = serverCommand(
  declare(
    'server',
    'LIST',
    2,
    ADMIN | NOSCRIPT,
    '4.0.0',
    'Lists the loaded modules, of which there are none.',
    {
      complexity: 'O(N) where N is the number of loaded modules.',
      tips: ['nondeterministic_output_order'],
    },
  ),
  (_node, _client, _args, reply) => reply.array(0),
)

const unload = serverCommand(
  declare('server', 'UNLOAD', 3, LOADS, '4.0.0', 'Unloads a module.', { syntax: 'name' }),
  (node, client, _args, reply) => reply.error(mayLoad(node, client) ? NO_SUCH_MODULE : NOT_ALLOWED),
)

export const moduleCommand: Command = container(
  declare('server', 'MODULE', -2, 0, '4.0.0', 'A container for commands about modules.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    loadCommand('LOAD', '4.0.0', 'Loads a module.', 'path [arg [arg ...]]'),
    loadCommand(
      'LOADEX',
      '7.0.0',
      'Loads a module with configuration.',
      'path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]',
    ),
    unload,
    helpCommand('server', 'MODULE', '5.0.0', [
      'LIST',
      '    Return a list of loaded modules.',
      'LOAD <path> [<arg> ...]',
      '    Load a module library from <path>, passing to it any optional arguments.',
      'LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]',
      '    Load a module library from <path>, while passing it module configurations and optional arguments.',
      'UNLOAD <name>',
      '    Unload a module.',
    ]),
    list,
  ],
)
