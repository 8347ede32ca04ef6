/** What concerns a connection and nothing else: PING, ECHO, SELECT, QUIT, READONLY, READWRITE, ASKING. */

import {
  ALLOW_BUSY,
  type Command,
  command,
  FAST,
  LOADING,
  NO_AUTH,
  NOSCRIPT,
  STALE,
} from '../../commands/command.js'
import { NOT_AN_INTEGER } from '../../commands/errors.js'
import { ASKING, type Client, READONLY_MODE, SUBSCRIBED } from '../client.js'
import { setAsking } from '../cluster/asking.js'
import { serverCommand } from '../server-command.js'

/** Declared as a command about keys is, a call less: how fast it is answered is what people measure first. */
const ping = command(
  {
    name: 'PING',
    arity: -1,
    flags: FAST,
    since: '1.0.0',
    group: 'connection',
    summary: 'Answers PONG, or what it was given.',
    complexity: 'O(1)',
    syntax: '[message]',
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  },
  (call, args, reply) => {
    const client = call.caller as Client
    if (args.count > 2) {
      reply.error("ERR wrong number of arguments for 'ping' command")
    } else if ((client.special & SUBSCRIBED) !== 0 && client.protocol === 2) {
      reply.array(2)
      reply.bulkText('pong')
      if (args.count === 1) reply.bulkText('')
      else reply.bulk(args.view(1))
    } else if (args.count === 1) {
      reply.pong()
    } else {
      reply.bulk(args.view(1))
    }
  },
)

const echo = serverCommand(
  {
    name: 'ECHO',
    arity: 2,
    flags: LOADING | STALE | FAST,
    since: '1.0.0',
    group: 'connection',
    summary: 'Answers what it was given.',
    complexity: 'O(1)',
    syntax: 'message',
  },
  (_node, _client, args, reply) => reply.bulk(args.view(1)),
)

const select = serverCommand(
  {
    name: 'SELECT',
    arity: 2,
    flags: LOADING | STALE | FAST,
    since: '1.0.0',
    group: 'connection',
    summary: "Changes the connection's database.",
    complexity: 'O(1)',
    syntax: 'index',
  },
  (node, client, args, reply) => {
    const index = args.integer(1)
    if (Number.isNaN(index)) reply.error(NOT_AN_INTEGER)
    else if (index !== (index | 0))
      reply.error(`ERR value is out of range, value must between ${-0x8000_0000} and ${0x7fff_ffff}`)
    else if (node.config.values['cluster-enabled'] && index !== 0)
      reply.error('ERR SELECT is not allowed in cluster mode')
    else if (index < 0 || index >= node.keyspace.databases.length) reply.error('ERR DB index is out of range')
    else {
      client.db = index
      reply.ok()
    }
  },
)

const quit = serverCommand(
  {
    name: 'QUIT',
    arity: -1,
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    since: '1.0.0',
    group: 'connection',
    summary: 'Closes the connection.',
    complexity: 'O(1)',
    deprecated: { since: '7.2.0', replacedBy: 'just closing the connection' },
  },
  (node, client, _args, reply) => {
    reply.ok()
    node.closeAfterReply(client)
  },
)

function clusterMode(name: string, summary: string, set: number, clear: number, since: string): Command {
  return serverCommand(
    {
      name,
      arity: 1,
      flags: (name === 'ASKING' ? 0 : LOADING | STALE) | FAST,
      since,
      group: 'cluster',
      summary,
      complexity: 'O(1)',
      categories: ['connection'],
    },
    (node, client, _args, reply) => {
      if (!node.config.values['cluster-enabled']) {
        reply.error('ERR This instance has cluster support disabled')
        return
      }
      client.clusterFlags = (client.clusterFlags | set) & ~clear
      if (set === ASKING) setAsking(client)
      reply.ok()
    },
  )
}

export const connectionCommands: readonly Command[] = [
  ping,
  echo,
  select,
  quit,
  clusterMode('READONLY', 'Lets this connection read from a replica.', READONLY_MODE, 0, '3.0.0'),
  clusterMode('READWRITE', 'Sends this connection to masters again.', 0, READONLY_MODE, '3.0.0'),
  clusterMode('ASKING', 'Lets the next command use a slot that is being imported.', ASKING, 0, '3.0.0'),
]
