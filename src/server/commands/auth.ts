/** Who a connection is and how it speaks: AUTH, HELLO, RESET. */

import { NAME_BYTES_MAX, VALUE_BYTES_MAX } from '../../bytes/text-limits.js'
import {
  ALLOW_BUSY,
  type Command,
  FAST,
  LOADING,
  NO_AUTH,
  NOSCRIPT,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { SYNTAX } from '../../commands/errors.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { type Client, IS_MONITOR, IS_REPLICA, NEEDS_AUTH, NO_EVICT, NO_TOUCH, REPLY_OFF } from '../client.js'
import { textOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { REDIS_VERSION } from '../version.js'
import { clientNameError, setClientName } from './client.js'
import { declare } from './declare.js'

const ENTRANCE = NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY
const WRONG = 'WRONGPASS invalid username-password pair or user is disabled.'
const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. ' +
  'Are you sure your configuration is correct?'

const auth = serverCommand(
  declare('connection', 'AUTH', -2, ENTRANCE | SENTINEL, '1.0.0', 'Logs the connection in.', {
    complexity: 'O(N) where N is the number of passwords defined for the user',
    syntax: '[username] password',
    history: [['6.0.0', 'Takes a username.']],
  }),
  (node, client, args, reply) => {
    if (args.count > 3) return reply.error(SYNTAX)
    const { admin } = node
    if (admin === null) return reply.error(NO_PASSWORD)
    if (args.count === 2 && admin.users.get('default')!.nopass) return reply.error(NO_PASSWORD)
    const name = args.count === 2 ? 'default' : textOf(args.view(1), NAME_BYTES_MAX + 1)
    const password = textOf(args.view(args.count - 1), VALUE_BYTES_MAX + 1)
    if (admin.authenticate(client, name, password, 'AUTH')) reply.ok()
    else reply.error(WRONG)
  },
)

interface HelloOptions {
  readonly protocol: number
  readonly user?: string
  readonly password?: string
  readonly name?: string | null
}

function readHello(args: Args): HelloOptions | string {
  let options: HelloOptions = { protocol: 0 }
  if (args.count >= 2) {
    const protocol = args.integer(1)
    if (Number.isNaN(protocol)) return 'ERR Protocol version is not an integer or out of range'
    if (protocol < 2 || protocol > 3) return 'NOPROTO unsupported protocol version'
    options = { protocol }
  }
  for (let i = 2; i < args.count; i++) {
    const more = args.count - 1 - i
    if (args.is(i, 'auth') && more >= 2) {
      const user = textOf(args.view(i + 1), NAME_BYTES_MAX + 1)
      options = { ...options, user, password: textOf(args.view(i + 2), VALUE_BYTES_MAX + 1) }
      i += 2
    } else if (args.is(i, 'setname') && more >= 1) {
      const name = args.wholeText(i + 1, NAME_BYTES_MAX)
      const error = clientNameError(name)
      if (error !== undefined) return error
      options = { ...options, name }
      i++
    } else return `ERR Syntax error in HELLO option '${args.quoted(i)}'`
  }
  return options
}

function greet(node: ServerNode, client: Client, reply: Reply): void {
  const fields: [string, string | number][] = [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', client.protocol],
    ['id', client.id],
    ['mode', node.config.values['cluster-enabled'] ? 'cluster' : 'standalone'],
    ['role', node.isReplica ? 'replica' : 'master'],
  ]
  const zone = node.config.values['availability-zone']
  if (zone !== '') fields.push(['availability_zone', zone])
  reply.map(fields.length + 1)
  for (const [name, value] of fields) {
    reply.bulkText(name)
    if (typeof value === 'number') reply.int(value)
    else reply.bulkText(value)
  }
  reply.bulkText('modules')
  reply.array(0)
}

const hello = serverCommand(
  declare(
    'connection',
    'HELLO',
    -1,
    ENTRANCE | SENTINEL,
    '6.0.0',
    'Chooses the protocol, and introduces both sides.',
    {
      syntax: '[protover [AUTH username password] [SETNAME clientname]]',
      history: [['6.2.0', 'Without a version the protocol stays.']],
    },
  ),
  (node, client, args, reply) => {
    const options = readHello(args)
    if (typeof options === 'string') return reply.error(options)
    if (options.user !== undefined && options.password !== undefined) {
      if (node.admin?.authenticate(client, options.user, options.password, 'HELLO') === false) {
        return reply.error(WRONG)
      }
    }
    if ((client.special & NEEDS_AUTH) !== 0) {
      return reply.error(
        'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH ' +
          '<user> <pass> option can be used to authenticate the client and select the RESP protocol version at ' +
          'the same time',
      )
    }
    if (options.name !== undefined) setClientName(client, options.name)
    if (options.protocol !== 0) {
      client.protocol = options.protocol
      reply.protocol = options.protocol
    }
    greet(node, client, reply)
  },
)

const reset = serverCommand(
  declare('connection', 'RESET', 1, ENTRANCE, '6.2.0', 'Makes the connection as if it were new.'),
  (node, client, _args, reply) => {
    if ((client.special & IS_REPLICA) !== 0 || client.kind === 'master') {
      return reply.error('ERR can only reset normal client connections')
    }
    if ((client.special & IS_MONITOR) !== 0) node.admin?.monitors?.remove(client)
    node.discard(client)
    node.pubsub.forget(client)
    node.tracking?.end(client)
    client.kind = 'normal'
    client.db = 0
    client.protocol = 2
    reply.protocol = 2
    client.name = ''
    client.clusterFlags = 0
    client.special &= ~(REPLY_OFF | NO_EVICT | NO_TOUCH)
    node.admin?.logout(client)
    reply.simple('RESET')
  },
)

export const authCommands: readonly Command[] = [auth, hello, reset]
