/** CLIENT: what a connection is, and what may be done to others. */

import { NAME_BYTES_MAX } from '../../bytes/text-limits.js'
import {
  ADMIN,
  type Command,
  container,
  type Declaration,
  LOADING,
  NOSCRIPT,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../../commands/errors.js'
import { nearInteger, readTimeoutMs } from '../../commands/int64.js'
import type { Args } from '../../resp/args.js'
import { clientInfo } from '../admin/client-info.js'
import {
  type Client,
  type ClientKind,
  NO_EVICT,
  NO_TOUCH,
  REPLY_OFF,
  REPLY_SKIP,
  REPLY_SKIP_NEXT,
} from '../client.js'
import type { ServerNode } from '../node.js'
import { type ServerHandler, serverCommand } from '../server-command.js'
import { CLIENT_HELP } from './client-help.js'
import { declare, helpCommand, wrongCount } from './declare.js'
import { caching, redirection, tracking, trackingInfo } from './tracking.js'

const OWN = NOSCRIPT | LOADING | STALE | SENTINEL
const OTHERS = OWN | ADMIN
const ON_ALL = ['request_policy:all_nodes', 'response_policy:all_succeeded']
const LONG_NAME = `cannot be longer than ${NAME_BYTES_MAX} bytes.`
const BAD_NAME = 'cannot contain spaces, newlines or special characters.'

function sub(
  name: string,
  arity: number,
  flags: number,
  since: string,
  summary: string,
  handler: ServerHandler,
  more: Partial<Declaration> = {},
): Command {
  return serverCommand(declare('connection', name, arity, flags, since, summary, more), handler)
}

/** Whether a text can stand in CLIENT LIST: printable, without blanks. */
export function isPlainWord(text: string): boolean {
  return /^[!-~]*$/.test(text)
}

/** What is wrong with a connection's name; null stands for one that is too long to be kept. */
export function clientNameError(name: string | null): string | undefined {
  if (name === null) return `ERR Client names ${LONG_NAME}`
  return isPlainWord(name) ? undefined : `ERR Client names ${BAD_NAME}`
}

/** Names a connection; undefined, or the error reply. */
export function setClientName(client: Client, name: string | null): string | undefined {
  const error = clientNameError(name)
  if (error !== undefined) return error
  client.name = name!
  return undefined
}

const setInfo: ServerHandler = (_node, client, args, reply) => {
  const option = args.quoted(2)
  const value = args.wholeText(3, NAME_BYTES_MAX)
  const isName = args.is(2, 'lib-name')
  if (!isName && !args.is(2, 'lib-ver')) return reply.error(`ERR Unrecognized option '${option}'`)
  if (value === null) return reply.error(`ERR ${option} ${LONG_NAME}`)
  if (!isPlainWord(value)) return reply.error(`ERR ${option} ${BAD_NAME}`)
  if (isName) client.libraryName = value
  else client.libraryVersion = value
  reply.ok()
}

/** A kind of client by its name in CLIENT LIST and CLIENT KILL. */
function kindOf(name: string): ClientKind | undefined {
  if (name === 'slave') return 'replica'
  return name === 'normal' || name === 'replica' || name === 'pubsub' || name === 'master' ? name : undefined
}

const list: ServerHandler = (node, self, args, reply) => {
  let clients = [...node.clients.all()]
  if (args.count === 4 && args.is(2, 'type')) {
    const kind = kindOf(args.word(3))
    if (kind === undefined) return reply.error(`ERR Unknown client type '${args.quoted(3)}'`)
    clients = clients.filter((client) => client.kind === kind)
  } else if (args.count > 3 && args.is(2, 'id')) {
    clients = []
    for (let i = 3; i < args.count; i++) {
      const id = nearInteger(args, i)
      if (Number.isNaN(id)) return reply.error('ERR Invalid client ID')
      const client = node.clients.get(id)
      if (client !== undefined) clients.push(client)
    }
  } else if (args.count !== 2) {
    return reply.error(SYNTAX)
  }
  const running_bytes = (client: Client): number => (client === self ? args.rawEnd - args.rawStart : 0)
  reply.verbatim(clients.map((client) => `${clientInfo(node, client, running_bytes(client))}\n`).join(''))
}

interface Filter {
  id?: number
  kind?: ClientKind
  address?: string
  localAddress?: string
  user?: string
  skipMe: boolean
}

/** The options of CLIENT KILL in its newer form, or the error reply. */
function readFilter(node: ServerNode, args: Args): Filter | string {
  const filter: Filter = { skipMe: true }
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 >= args.count) return SYNTAX
    const value = args.text(i + 1, NAME_BYTES_MAX + 1)
    if (args.is(i, 'id')) {
      const id = nearInteger(args, i + 1)
      if (!(id >= 1)) return 'ERR client-id should be greater than 0'
      filter.id = id
    } else if (args.is(i, 'type')) {
      const kind = kindOf(args.word(i + 1))
      if (kind === undefined) return `ERR Unknown client type '${args.quoted(i + 1)}'`
      filter.kind = kind
    } else if (args.is(i, 'addr')) filter.address = value
    else if (args.is(i, 'laddr')) filter.localAddress = value
    else if (args.is(i, 'user')) {
      if (node.admin?.users.get(value) === undefined) return `ERR No such user '${args.quoted(i + 1)}'`
      filter.user = value
    } else if (args.is(i, 'skipme') && (args.is(i + 1, 'yes') || args.is(i + 1, 'no'))) {
      filter.skipMe = args.is(i + 1, 'yes')
    } else return SYNTAX
  }
  return filter
}

function matches(filter: Filter, client: Client, self: Client): boolean {
  return (
    (filter.address === undefined || client.address === filter.address) &&
    (filter.localAddress === undefined || client.localAddress === filter.localAddress) &&
    (filter.kind === undefined || client.kind === filter.kind) &&
    (filter.id === undefined || client.id === filter.id) &&
    (filter.user === undefined || client.user === filter.user) &&
    !(filter.skipMe && client === self)
  )
}

const kill: ServerHandler = (node, client, args, reply) => {
  const old = args.count === 3
  const filter = old ? { skipMe: false, address: args.text(2, NAME_BYTES_MAX) } : readFilter(node, args)
  if (typeof filter === 'string') return reply.error(filter)
  const victims = [...node.clients.all()].filter((other) => matches(filter, other, client))
  for (const victim of victims) if (victim !== client) node.close(victim)
  if (!old) reply.int(victims.length)
  else if (victims.length === 0) reply.error('ERR No such client')
  else reply.ok()
  if (victims.includes(client)) node.closeAfterReply(client)
}

const unblock: ServerHandler = (node, _client, args, reply) => {
  const error = args.count === 4 && args.is(3, 'error')
  if (args.count > 4) return reply.error(wrongCount(args))
  if (args.count === 4 && !error && !args.is(3, 'timeout')) {
    return reply.error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')
  }
  const id = nearInteger(args, 2)
  if (Number.isNaN(id)) return reply.error(NOT_AN_INTEGER)
  const target = node.clients.get(id)
  const blocked = target?.blocked ?? null
  if (target === undefined || blocked === null || blocked.fail === undefined) return reply.int(0)
  const told = 'UNBLOCKED client unblocked via CLIENT UNBLOCK'
  if (error) blocked.fail(told)
  else blocked.timeout()
  node.unblock(target)
  reply.int(1)
}

const replyMode: ServerHandler = (_node, client, args, reply) => {
  if (args.is(2, 'on')) {
    client.special &= ~(REPLY_OFF | REPLY_SKIP | REPLY_SKIP_NEXT)
    reply.ok()
  } else if (args.is(2, 'off')) {
    client.special |= REPLY_OFF
  } else if (args.is(2, 'skip')) {
    if ((client.special & REPLY_OFF) === 0) client.special |= REPLY_SKIP_NEXT
  } else {
    reply.error(SYNTAX)
  }
}

const pause: ServerHandler = (node, _client, args, reply) => {
  const writes = args.count === 4 && args.is(3, 'write')
  if (args.count > 4) return reply.error(wrongCount(args))
  if (args.count === 4 && !writes && !args.is(3, 'all')) {
    return reply.error('ERR CLIENT PAUSE mode must be WRITE or ALL')
  }
  const timeout_ms = readTimeoutMs(args, 2, node.keyspace.now_ms)
  if (typeof timeout_ms === 'string') return reply.error(timeout_ms)
  node.pause(!writes, node.keyspace.now_ms + timeout_ms)
  reply.ok()
}

/** ON sets a bit of the client, OFF takes it away. */
function toggle(bit: number): ServerHandler {
  return (_node, client, args, reply) => {
    if (args.is(2, 'on')) client.special |= bit
    else if (args.is(2, 'off')) client.special &= ~bit
    else return reply.error(SYNTAX)
    reply.ok()
  }
}

const all = { complexity: 'O(N) where N is the number of client connections' }

export const clientCommand: Command = container(
  declare('connection', 'CLIENT', -2, SENTINEL, '2.4.0', 'A container for commands about connections.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    sub('ID', 2, OWN, '5.0.0', 'Returns the number of the connection.', (_n, client, _a, reply) => {
      reply.int(client.id)
    }),
    sub('GETNAME', 2, OWN, '2.6.9', 'Returns the name of the connection.', (_n, client, _a, reply) => {
      if (client.name === '') reply.nil()
      else reply.bulkText(client.name)
    }),
    sub(
      'SETNAME',
      3,
      OWN,
      '2.6.9',
      'Names the connection.',
      (_n, client, args, reply) => {
        const error = setClientName(client, args.wholeText(2, NAME_BYTES_MAX))
        if (error === undefined) reply.ok()
        else reply.error(error)
      },
      { syntax: 'connection-name', tips: ON_ALL },
    ),
    sub('SETINFO', 4, OWN, '7.2.0', "Tells the client's library and its version.", setInfo, {
      syntax: 'LIB-NAME libname | LIB-VER libver',
      tips: ON_ALL,
    }),
    sub(
      'INFO',
      2,
      OWN,
      '6.2.0',
      'Describes the connection.',
      (node, client, args, reply) =>
        reply.verbatim(`${clientInfo(node, client, args.rawEnd - args.rawStart)}\n`),
      { tips: ['nondeterministic_output'] },
    ),
    sub('LIST', -2, OTHERS, '2.4.0', 'Describes all connections, or some.', list, {
      ...all,
      syntax: '[TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id [client-id ...]]',
      tips: ['nondeterministic_output'],
    }),
    sub('KILL', -3, OTHERS, '2.4.0', 'Closes connections.', kill, {
      ...all,
      syntax:
        'ip:port | [ID client-id] [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [USER username] ' +
        '[ADDR ip:port] [LADDR ip:port] [SKIPME YES | NO]',
    }),
    sub('UNBLOCK', -3, OTHERS, '5.0.0', 'Ends the waiting of a blocked connection.', unblock, {
      complexity: 'O(log N) where N is the number of client connections',
      syntax: 'client-id [TIMEOUT | ERROR]',
    }),
    sub('PAUSE', -3, OTHERS, '3.0.0', 'Holds back commands for a while.', pause, {
      syntax: 'timeout [WRITE | ALL]',
      history: [['6.2.0', 'WRITE holds back only what writes.']],
    }),
    sub(
      'UNPAUSE',
      2,
      OTHERS,
      '6.2.0',
      'Ends a pause.',
      (node, _client, _args, reply) => {
        node.unpause()
        reply.ok()
      },
      { complexity: 'O(N) Where N is the number of paused clients' },
    ),
    sub('REPLY', 3, OWN, '3.2.0', 'Says whether commands are to be answered.', replyMode, {
      syntax: 'ON | OFF | SKIP',
    }),
    sub('NO-EVICT', 3, OTHERS, '7.0.0', 'Protects the connection from eviction.', toggle(NO_EVICT), {
      syntax: 'ON | OFF',
    }),
    sub(
      'NO-TOUCH',
      3,
      NOSCRIPT | LOADING | STALE,
      '7.2.0',
      "Keeps the connection's reads from counting as use of a key.",
      toggle(NO_TOUCH),
      { syntax: 'ON | OFF' },
    ),
    sub('TRACKING', -3, OWN, '6.0.0', 'Tells a client which keys it has read change.', tracking, {
      complexity: 'O(1). Some options may introduce additional complexity.',
      syntax:
        'ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]',
    }),
    sub('TRACKINGINFO', 2, OWN, '6.2.0', 'Describes the tracking of this connection.', trackingInfo),
    sub('GETREDIR', 2, OWN, '6.0.0', 'Returns where notes about changed keys go.', redirection),
    sub('CACHING', 3, OWN, '6.0.0', 'Tracks the keys of the next command.', caching, { syntax: 'YES | NO' }),
    helpCommand('connection', 'CLIENT', '5.0.0', CLIENT_HELP),
  ],
)
