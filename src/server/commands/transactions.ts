/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. */

import {
  ALLOW_BUSY,
  type Command,
  FAST,
  KEY_RO,
  keyRange,
  LOADING,
  NO_ASYNC_LOADING,
  NOSCRIPT,
  SKIP_SLOWLOG,
  STALE,
} from '../../commands/command.js'
import { RequestParser } from '../../resp/request.js'
import { type Client, IN_MULTI } from '../client.js'
import { run } from '../dispatch.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { Transaction } from '../transactions.js'

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
  (node, client, _args, reply) => {
    if ((client.special & IN_MULTI) !== 0) {
      reply.error('ERR MULTI calls can not be nested')
      return
    }
    client.transaction ??= new Transaction()
    client.transaction.open = true
    client.special |= IN_MULTI
    reply.ok()
    node.turn.schedule()
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
    const transaction = client.transaction
    if ((client.special & IN_MULTI) === 0 || transaction === null) {
      reply.error('ERR EXEC without MULTI')
      return
    }
    if (transaction.refused) {
      node.discard(client)
      reply.error('EXECABORT Transaction discarded because of previous errors.')
      return
    }
    if (transaction.spoiled || watchesExpired(node, transaction)) {
      node.discard(client)
      reply.nilArray()
      return
    }
    const commands = transaction.commands
    // What runs now is not queued again, and its own keys do not spoil it.
    node.discard(client)
    execute(node, client, commands)
  },
)

/** A watched key that has expired meanwhile, though nobody came upon it, counts as changed. */
function watchesExpired(node: ServerNode, transaction: Transaction): boolean {
  for (const { db, key } of transaction.watched) {
    const database = node.keyspace.databases[db]!
    const handle = database.peek(key, 0, key.length)
    if (handle !== 0 && database.hasExpired(handle) && !transaction.alreadyExpired(db, key)) return true
  }
  return false
}

function execute(node: ServerNode, client: Client, commands: readonly Uint8Array[]): void {
  const out = node.turn.outOf(client)
  const db = client.db
  out.array(commands.length)
  client.denyBlocking = true
  node.propagation.beginUnit()
  const parser = new RequestParser()
  for (const bytes of commands) {
    parser.parse(bytes, 0, bytes.length)
    const args = parser.args
    let entry = node.table.find(args.buf, args.start(0), args.end(0))!
    if (entry.subcommands.length > 0) entry = node.table.findSubcommand(entry, args) ?? entry
    run(node, client, entry, args)
  }
  client.denyBlocking = false
  // EXEC itself changes nothing: its commands have been handed on one by one.
  node.call.dirty = 0
  node.call.instead = null
  node.propagation.endUnit(db)
}

const watch = serverCommand(
  {
    name: 'WATCH',
    arity: -2,
    flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NO_ASYNC_LOADING,
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
    const database = node.keyspace.databases[client.db]!
    for (let i = 1; i < args.count; i++) {
      const key = args.view(i)
      const handle = database.peek(key, 0, key.length)
      if (handle !== 0 && database.hasExpired(handle)) client.transaction.noteExpired(client.db, key)
      node.watches.add(client, client.transaction, client.db, key)
    }
    node.keyspace.watchers = node.watches.count
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
      node.watches.remove(client, client.transaction)
      node.keyspace.watchers = node.watches.count
      client.transaction.spoiled = false
    }
    reply.ok()
  },
)

export const transactionCommands: readonly Command[] = [multi, exec, discard, watch, unwatch]
