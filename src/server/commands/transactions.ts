/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. */

import {
  ALLOW_BUSY,
  type Command,
  FAST,
  KEY_RO,
  keyRange,
  LOADING,
  NOSCRIPT,
  SKIP_SLOWLOG,
  STALE,
} from '../../commands/command.js'
import type { Reply } from '../../resp/reply.js'
import { type Client, IN_MULTI, LIMITED } from '../client.js'
import { isSilent, run } from '../dispatch.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { Transaction, WATCH_BYTES } from '../transactions.js'

const CONTROL = NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY

const multi = serverCommand(
  {
    name: 'MULTI',
    arity: 1,
    flags: CONTROL,
    since: '1.2.0',
    group: 'transactions',
    summary: 'Begins a transaction: what follows is queued until EXEC.',
    complexity: 'O(1)',
    categories: ['transaction'],
  },
  (_node, client, _args, reply) => {
    if ((client.special & IN_MULTI) !== 0) {
      reply.error('ERR MULTI calls can not be nested')
      return
    }
    client.transaction ??= new Transaction()
    client.special |= IN_MULTI
    reply.ok()
  },
)

const discard = serverCommand(
  {
    name: 'DISCARD',
    arity: 1,
    flags: CONTROL,
    since: '2.0.0',
    group: 'transactions',
    summary: 'Forgets the queued commands and ends the transaction.',
    complexity: 'O(N), when N is the number of queued commands',
    categories: ['transaction'],
  },
  (node, client, _args, reply) => {
    if ((client.special & IN_MULTI) === 0) {
      reply.error('ERR DISCARD without MULTI')
      return
    }
    node.discard(client)
    reply.ok()
  },
)

const exec = serverCommand(
  {
    name: 'EXEC',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG,
    since: '1.2.0',
    group: 'transactions',
    summary: 'Carries out the queued commands.',
    complexity: 'Depends on commands in the transaction',
    categories: ['transaction'],
  },
  (node, client, _args, reply) => {
    const mark = reply.length
    const transaction = client.transaction
    if ((client.special & IN_MULTI) === 0 || transaction === null) {
      reply.error('ERR EXEC without MULTI')
    } else if (transaction.refused) {
      reply.error('EXECABORT Transaction discarded because of previous errors.')
      node.discard(client)
    } else if (
      transaction.spoiled ||
      node.watches.haveExpired(transaction.watched, node.keyspace.databases)
    ) {
      reply.nilArray()
      node.discard(client)
    } else {
      node.unwatch(transaction)
      execute(node, client, transaction.commands, reply)
      node.discard(client)
      return
    }
    if (isSilent(client)) reply.rewind(mark)
  },
)

/** Why a user's rights, which have changed since the command was queued, now forbid it. */
const DENIED: Readonly<Record<string, string>> = {
  command: 'no permission to execute the command or subcommand',
  key: 'no permission to touch the specified keys',
  channel: 'no permission to access one of the channels used as arguments to the command',
}

function execute(node: ServerNode, client: Client, commands: readonly Uint8Array[], out: Reply): void {
  const { call, propagation } = node
  if (!isSilent(client)) out.array(commands.length)
  const denied = client.denyBlocking
  client.denyBlocking = true
  propagation.beginUnit(false)
  const parser = node.spareParser()
  parser.bulkBytesMax = Number.MAX_SAFE_INTEGER
  for (const bytes of commands) {
    parser.parse(bytes, 0, bytes.length)
    const args = parser.args
    let entry = node.table.find(args.buf, args.start(0), args.end(0))!
    if (entry.subcommands.length > 0) entry = node.table.findSubcommand(entry, args) ?? entry
    const why = (client.special & LIMITED) === 0 ? null : (node.access?.denial(client, entry, args) ?? null)
    if (why === null) {
      run(node, client, entry, args)
    } else {
      out.error(
        'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. ' +
          `This command is no longer allowed for the following reason: ${DENIED[why] ?? why}`,
      )
    }
  }
  node.giveBackParser(parser)
  client.denyBlocking = denied
  // EXEC itself changes nothing: its commands have been handed on one by one.
  call.dirty = 0
  call.instead = null
  propagation.endUnit()
}

const watch = serverCommand(
  {
    name: 'WATCH',
    arity: -2,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    since: '2.2.0',
    group: 'transactions',
    summary: 'Lets EXEC do nothing if one of the keys changes until then.',
    complexity: 'O(1) for every key.',
    syntax: 'key [key ...]',
    keys: keyRange(1, -1, 1, KEY_RO),
    categories: ['transaction'],
  },
  (node, client, args, reply) => {
    if ((client.special & IN_MULTI) !== 0) {
      reply.error('ERR WATCH inside MULTI is not allowed')
      return
    }
    client.transaction ??= new Transaction()
    const { transaction } = client
    const database = node.keyspace.databases[client.db]!
    for (let i = 1; i < args.count; i++) {
      if (!node.watches.add(transaction.watched, database, args.view(i))) continue
      transaction.watchedBytes += args.length(i) + WATCH_BYTES
    }
    node.updateWatchers()
    reply.ok()
  },
)

const unwatch = serverCommand(
  {
    name: 'UNWATCH',
    arity: 1,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    since: '2.2.0',
    group: 'transactions',
    summary: 'Forgets all watched keys.',
    complexity: 'O(1)',
    categories: ['transaction'],
  },
  (node, client, _args, reply) => {
    if (client.transaction !== null) {
      node.unwatch(client.transaction)
      client.transaction.spoiled = false
    }
    reply.ok()
  },
)

export const transactionCommands: readonly Command[] = [multi, exec, discard, watch, unwatch]
