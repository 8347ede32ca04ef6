/**
 * From arguments to a reply: finds the command, sees that it may run, runs it, and hands on what it changed.
 *
 * The hot path is `dispatch` and `run`: one look-up by bytes, three comparisons, the handler. Everything that is not so in
 * the normal case (a client that has not authenticated, a transaction, a full disk, a replica) sets a bit in
 * `client.special` or `node.gate`, and only then `admit` looks closer, in the order in which Redis does.
 */

import { keySlot } from '../bytes/crc16.js'
import {
  ALLOW_BUSY,
  DENYOOM,
  FAST,
  LOADING,
  MAY_REPLICATE,
  NO_AUTH,
  NO_MULTI,
  STALE,
  WRITE,
} from '../commands/command.js'
import { type Entry, findKeys } from '../commands/table.js'
import type { Args } from '../resp/args.js'
import {
  type Client,
  IN_MULTI,
  IS_REPLICA,
  LIMITED,
  NEEDS_AUTH,
  REPLY_OFF,
  REPLY_SKIP,
  REPLY_SKIP_NEXT,
  SUBSCRIBED,
} from './client.js'
import type { ServerNode } from './node.js'

/** One FAST command in so many is timed; the others count as it did. A power of two. */
const TIMED_ONE_IN = 64
const NAME_SHOWN_BYTES_MAX = 128

/** Carries out the command in `args` for `client`. */
export function dispatch(node: ServerNode, client: Client, args: Args): void {
  let entry = node.table.find(args.buf, args.start(0), args.end(0))
  if (entry === null) {
    refuse(node, client, null, unknownCommand(args))
    return
  }
  // COMMAND alone is a command, though it has subcommands.
  if (entry.subcommands.length > 0 && (args.count > 1 || entry.arity !== -1)) {
    if (args.count < 2) {
      refuse(node, client, entry, wrongArity(entry))
      return
    }
    const sub: Entry | null = node.table.findSubcommand(entry, args)
    if (sub === null) {
      refuse(node, client, entry, unknownSubcommand(entry, args))
      return
    }
    entry = sub
  }
  const arity = entry.arity
  if (arity > 0 ? args.count !== arity : args.count < -arity) {
    refuse(node, client, entry, wrongArity(entry))
    return
  }
  client.commands++
  client.lastCommand = entry
  if ((entry.flags & node.gate) !== 0 || node.gateAll || client.special !== 0) {
    if (!admit(node, client, entry, args)) return
  }
  if (node.router !== null && hasKeys(entry)) {
    const elsewhere = whereElse(node, client, entry, args)
    if (elsewhere !== null) {
      refuse(node, client, entry, elsewhere)
      return
    }
  }
  if (client.special !== 0 && (client.special & IN_MULTI) !== 0 && queues(node, client, entry, args)) return
  if (node.paused !== 0 && node.holds(client, entry, args)) return
  run(node, client, entry, args)
}

function hasKeys(entry: Entry): boolean {
  const { command } = entry
  return entry.firstKey !== 0 || command.keyFinder !== undefined || (command.keys?.length ?? 0) > 0
}

/** Carries out a command that may run. */
export function run(node: ServerNode, client: Client, entry: Entry, args: Args): void {
  const call = node.call
  const out = node.turn.outOf(client)
  const special = client.special
  const mark = out.pos
  const errors = out.errors
  call.caller = client
  call.db = node.keyspace.databases[client.db]!
  call.dirty = 0
  call.instead = null
  node.keyspace.expiry = client.trusted ? node.trustedExpiry : node.clientExpiry
  if (node.monitors > 0) node.monitor(client, entry, args)
  const timed = (entry.flags & FAST) === 0 || (entry.calls & (TIMED_ONE_IN - 1)) === 0
  const began_us = timed ? node.clock.monotonic_us() : 0
  entry.handler(call, args, out)
  entry.calls++
  if (timed) {
    const usec = node.clock.monotonic_us() - began_us
    entry.usec += (entry.flags & FAST) === 0 ? usec : usec * TIMED_ONE_IN
    if (usec >= node.slow_us) node.wasSlow(client, entry, args, usec)
  }
  if (out.errors !== errors) failed(node, entry, out.lastError)
  if (call.dirty > 0 || call.instead !== null) node.propagation.command(call, args)
  if (special !== 0 || client.special !== 0) afterSpecial(client, special, mark)
  if (node.afterCommand !== null) node.afterCommand(client)
}

/** CLIENT REPLY: what must not be answered is taken back. */
function afterSpecial(client: Client, before: number, mark: number): void {
  const out = client.out
  if (out !== null && (before & (REPLY_OFF | REPLY_SKIP)) !== 0 && (client.special & SUBSCRIBED) === 0)
    out.pos = mark
  client.special &= ~REPLY_SKIP
  if ((client.special & REPLY_SKIP_NEXT) !== 0) {
    client.special = (client.special & ~REPLY_SKIP_NEXT) | REPLY_SKIP
    if (out !== null) out.pos = mark
  } else if ((client.special & REPLY_OFF) !== 0 && out !== null && (before & REPLY_OFF) === 0) {
    out.pos = mark
  }
}

function failed(node: ServerNode, entry: Entry, message: string): void {
  entry.failed++
  node.countError(message)
}

/** Answers with an error a command that did not run, and spoils the transaction it would have been part of. */
export function refuse(node: ServerNode, client: Client, entry: Entry | null, message: string): void {
  const out = node.turn.outOf(client)
  const mark = out.pos
  out.error(message)
  node.countError(message)
  if (entry !== null) entry.rejected++
  if ((client.special & IN_MULTI) !== 0 && client.transaction !== null) {
    if (entry === null || !isExec(entry)) client.transaction.refused = true
  }
  if (client.special !== 0) afterSpecial(client, client.special, mark)
}

/** Whether the command may run now, as far as keys do not matter; if not, the client has its answer. */
function admit(node: ServerNode, client: Client, entry: Entry, args: Args): boolean {
  const reason = whyNot(node, client, entry, args)
  if (reason === null) return true
  if (isExec(entry) && client.transaction !== null) {
    node.discard(client)
    refuse(node, client, entry, `EXECABORT Transaction discarded because of: ${reason.replace(/^-/, '')}`)
  } else {
    refuse(node, client, entry, reason)
  }
  return false
}

function isExec(entry: Entry): boolean {
  return entry.fullName === 'exec'
}

function whyNot(node: ServerNode, client: Client, entry: Entry, args: Args): string | null {
  const special = client.special
  if ((special & NEEDS_AUTH) !== 0 && (entry.flags & NO_AUTH) === 0) return 'NOAUTH Authentication required.'
  if ((special & LIMITED) !== 0) {
    const denied = node.access?.check(client, entry, args) ?? null
    if (denied !== null) return denied
  }
  if ((special & IN_MULTI) !== 0 && (entry.flags & NO_MULTI) !== 0) {
    return 'ERR Command not allowed inside a transaction'
  }
  if ((special & IS_REPLICA) !== 0 && (entry.flags & (WRITE | DENYOOM)) !== 0 && !client.trusted) {
    return "ERR Replica can't interact with the keyspace"
  }
  if (client.trusted) return null
  // Where a key is served comes before everything that is only true here: a replica sends a writer to its master.
  if (node.router !== null && hasKeys(entry)) {
    const elsewhere = whereElse(node, client, entry, args)
    if (elsewhere !== null) return elsewhere
  }
  // A transaction is judged by what it holds.
  const flags =
    isExec(entry) && client.transaction !== null ? client.transaction.flags | entry.flags : entry.flags
  if ((flags & DENYOOM) !== 0 && node.outOfMemory()) {
    return "OOM command not allowed when used memory > 'maxmemory'."
  }
  if ((flags & (WRITE | MAY_REPLICATE)) !== 0 || entry.fullName === 'ping') {
    const broken = node.diskError()
    if (broken !== null) return broken
  }
  if ((flags & WRITE) !== 0) {
    if (node.isReplica && node.replicaReadOnly) return "READONLY You can't write against a read only replica."
    if (node.tooFewReplicas()) return 'NOREPLICAS Not enough good replicas to write.'
  }
  if ((special & SUBSCRIBED) !== 0 && client.protocol === 2 && !allowedWhileSubscribed(entry)) {
    return `ERR Can't execute '${entry.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`
  }
  if (node.masterIsDown() && (flags & STALE) === 0) {
    return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
  }
  if (node.loading && (flags & LOADING) === 0) return 'LOADING Redis is loading the dataset in memory'
  if (node.busy && (flags & ALLOW_BUSY) === 0) {
    return 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'
  }
  return null
}

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

function allowedWhileSubscribed(entry: Entry): boolean {
  return WHILE_SUBSCRIBED.has(entry.fullName)
}

/** Cluster mode: null if the command's keys are served here, otherwise what tells the client where to go. */
function whereElse(node: ServerNode, client: Client, entry: Entry, args: Args): string | null {
  const router = node.router!
  if (client.trusted) return null
  let slot = -2
  if (entry.singleKey) {
    slot = keySlot(args.buf, args.start(entry.firstKey), args.end(entry.firstKey))
    if (router.served[slot] === 1) return null
  } else {
    findKeys(entry.command, args, (index) => {
      const next = keySlot(args.buf, args.start(index), args.end(index))
      if (slot === -2) slot = next
      else if (slot !== next) slot = -1
    })
    if (slot === -2) return null
    if (slot >= 0 && router.served[slot] === 1) return null
  }
  if (slot === -1) return "CROSSSLOT Keys in request don't hash to the same slot"
  return router.redirect(client, entry, args, slot)
}

const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset'])

/** In a transaction: keeps the command for EXEC. False for the few that run at once. */
function queues(node: ServerNode, client: Client, entry: Entry, args: Args): boolean {
  if (client.transaction === null || NOT_QUEUED.has(entry.fullName)) return false
  client.transaction.queue(args, entry.flags)
  const out = node.turn.outOf(client)
  const mark = out.pos
  out.simple('QUEUED')
  afterSpecial(client, client.special, mark)
  return true
}

function wrongArity(entry: Entry): string {
  return `ERR wrong number of arguments for '${entry.fullName}' command`
}

function unknownCommand(args: Args): string {
  let shown = ''
  for (let i = 1; i < args.count && shown.length < NAME_SHOWN_BYTES_MAX; i++) {
    shown += `'${args.text(i).slice(0, NAME_SHOWN_BYTES_MAX - shown.length)}' `
  }
  return `ERR unknown command '${args.text(0).slice(0, NAME_SHOWN_BYTES_MAX)}', with args beginning with: ${shown}`
}

function unknownSubcommand(entry: Entry, args: Args): string {
  const name = args.text(1).slice(0, NAME_SHOWN_BYTES_MAX)
  return `ERR unknown subcommand '${name}'. Try ${entry.fullName.toUpperCase()} HELP.`
}
