/**
 * Whether a command may run now, and the words in which it is told if not: the order of the questions is Redis's, since
 * the first that fails is the answer. Only commands that the dispatcher wants looked at more closely come here.
 */

import { SHOWN_BYTES_MAX } from '../bytes/text-limits.js'
import {
  ALLOW_BUSY,
  DENYOOM,
  LOADING,
  MAY_REPLICATE,
  NO_ASYNC_LOADING,
  NO_AUTH,
  NO_MULTI,
  READONLY,
  STALE,
  WRITE,
} from '../commands/command.js'
import type { Entry } from '../commands/table.js'
import type { Args } from '../resp/args.js'
import { type Client, IN_MULTI, IS_MONITOR, IS_REPLICA, LIMITED, NEEDS_AUTH, SUBSCRIBED } from './client.js'
import type { ServerNode } from './node.js'

/** Why the client may not have this command, wherever its keys are; null if it may. */
export function whyNever(node: ServerNode, client: Client, entry: Entry, args: Args): string | null {
  const special = client.special
  if ((special & NEEDS_AUTH) !== 0 && (entry.flags & NO_AUTH) === 0) return 'NOAUTH Authentication required.'
  if ((special & IN_MULTI) !== 0 && (entry.flags & NO_MULTI) !== 0) {
    return 'ERR Command not allowed inside a transaction'
  }
  if ((special & LIMITED) === 0) return null
  return node.access?.check(client, entry, args) ?? null
}

/** Why the command cannot run here at this moment; null if it can. */
export function whyNotNow(node: ServerNode, client: Client, entry: Entry): string | null {
  // Our master, and our own files, are not refused anything.
  if (client.trusted) return null
  const special = client.special
  const queueing = (special & IN_MULTI) !== 0 && !isExec(entry)
  // EXEC is judged by what it would run: has any of its commands a flag, have all of them.
  const { transaction } = client
  const whole = isExec(entry) && transaction !== null
  const flags = whole ? entry.flags | transaction.flags : entry.flags
  const common = whole ? entry.flags & transaction.commonFlags : entry.flags
  // A queue takes memory, whatever is queued.
  const mayGrow = (flags & DENYOOM) !== 0 || (queueing && isQueued(entry))
  if (mayGrow && node.outOfMemory()) return "OOM command not allowed when used memory > 'maxmemory'."
  if ((flags & WRITE) !== 0 || entry.fullName === 'ping') {
    const broken = node.diskError()
    if (broken !== null) return broken
  }
  if ((flags & WRITE) !== 0) {
    if (node.tooFewReplicas()) return 'NOREPLICAS Not enough good replicas to write.'
    if (node.isReplica && node.replicaReadOnly) return "READONLY You can't write against a read only replica."
  }
  if ((special & SUBSCRIBED) !== 0 && client.protocol === 2 && !WHILE_SUBSCRIBED.has(entry.fullName)) {
    return `ERR Can't execute '${entry.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`
  }
  if ((common & STALE) === 0 && node.masterIsDown()) {
    return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
  }
  if (node.loading && (common & LOADING) === 0) return LOADING_ERROR
  if (node.keyspace.beside !== null && (flags & NO_ASYNC_LOADING) !== 0) return LOADING_ERROR
  if (node.busy && (entry.flags & ALLOW_BUSY) === 0) {
    return 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'
  }
  if ((special & (IS_REPLICA | IS_MONITOR)) !== 0 && (flags & (WRITE | READONLY | MAY_REPLICATE)) !== 0) {
    return "ERR Replica can't interact with the keyspace"
  }
  return null
}

const LOADING_ERROR = 'LOADING Redis is loading the dataset in memory'

const WHILE_SUBSCRIBED = new Set([
  'ping',
  'subscribe',
  'ssubscribe',
  'sunsubscribe',
  'psubscribe',
  'unsubscribe',
  'punsubscribe',
  'quit',
  'reset',
])

/** Commands that run at once within a transaction. */
const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset'])

export function isQueued(entry: Entry): boolean {
  return !NOT_QUEUED.has(entry.fullName)
}

export function isExec(entry: Entry): boolean {
  return entry.fullName === 'exec'
}

export function wrongArity(entry: Entry): string {
  return `ERR wrong number of arguments for '${entry.fullName}' command`
}

/** As C's strings end. */
function upToZero(text: string): string {
  const zero = text.indexOf('\0')
  return zero < 0 ? text : text.slice(0, zero)
}

export function unknownCommand(args: Args): string {
  let shown = ''
  for (let i = 1; i < args.count && shown.length < SHOWN_BYTES_MAX; i++) {
    shown += `'${upToZero(args.text(i, SHOWN_BYTES_MAX - shown.length))}' `
  }
  const name = upToZero(args.shown(0))
  return `ERR unknown command '${name}', with args beginning with: ${shown}`
}

export function unknownSubcommand(args: Args): string {
  const name = upToZero(args.shown(1))
  return `ERR unknown subcommand '${name}'. Try ${args.word(0).toUpperCase()} HELP.`
}
