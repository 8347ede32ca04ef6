/**
 * From arguments to a reply: finds the command, sees that it may run, runs it, and hands on what it changed.
 *
 * The hot path is `dispatch` and `run`: one look-up by bytes, three comparisons, the handler. Everything that is not so in
 * the normal case (a client that has not authenticated, a transaction, a full disk, a replica) sets a bit in
 * `client.special` or `node.gate`, and only then admit.ts looks closer, in the order in which Redis does.
 */

import { keySlot } from '../bytes/crc16.js'
import { FAST, TOUCHES_ARBITRARY_KEYS } from '../commands/command.js'
import { replyError } from '../commands/errors.js'
import { type Entry, findKeys } from '../commands/table.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import {
  isExec,
  isQueued,
  unknownCommand,
  unknownSubcommand,
  whyNever,
  whyNotNow,
  wrongArity,
} from './admit.js'
import {
  type Client,
  IN_MULTI,
  IS_REPLICA,
  NO_TOUCH,
  REPLY_OFF,
  REPLY_SKIP,
  REPLY_SKIP_NEXT,
} from './client.js'
import type { ServerNode } from './node.js'
import { criticalError, disownReply } from './replica-replies.js'
import { MANY_SLOTS, NO_SLOT } from './transactions.js'

/** One in so many of the commands that are over at once is timed; the others count as it did. A power of two. */
const TIMED_ONE_IN = 64
/** Longer commands are always timed: they may be slow because of their values. */
const LONG_COMMAND_BYTES = 64 * 1024

/** Carries out the command in `args` for `client`. */
export function dispatch(node: ServerNode, client: Client, args: Args): void {
  dispatchFound(node, client, node.table.find(args.buf, args.start(0), args.end(0)), args)
}

/** As `dispatch`, where the command has been looked up in the table. */
export function dispatchFound(node: ServerNode, client: Client, found: Entry | null, args: Args): void {
  client.commands++
  let entry = found
  if (entry === null) {
    if (isAttack(args)) closeAttacker(node, client)
    else refuse(node, client, null, unknownCommand(args), args)
    return
  }
  // COMMAND alone is a command, though it has subcommands.
  if (entry.subcommands.length > 0 && (args.count > 1 || entry.arity !== -1)) {
    if (args.count < 2) {
      refuse(node, client, entry, wrongArity(entry), args)
      return
    }
    const sub: Entry | null = node.table.findSubcommand(entry, args)
    if (sub === null) {
      refuse(node, client, null, unknownSubcommand(args), args)
      return
    }
    entry = sub
  }
  const arity = entry.arity
  if (arity > 0 ? args.count !== arity : args.count < -arity) {
    refuse(node, client, entry, wrongArity(entry), args)
    return
  }
  client.lastCommand = entry
  if (
    (entry.flags & node.gate) !== 0 ||
    node.gateAll ||
    client.special !== 0 ||
    node.router !== null ||
    node.paused !== 0
  ) {
    if (!admit(node, client, entry, args)) return
  }
  run(node, client, entry, args)
}

/** The closer look: true where the command is to run now; if not, the client has its answer, or waits. */
function admit(node: ServerNode, client: Client, entry: Entry, args: Args): boolean {
  const closer = (entry.flags & node.gate) !== 0 || node.gateAll || client.special !== 0
  if (closer) {
    const never = whyNever(node, client, entry, args)
    if (never !== null) return refuse(node, client, entry, never, args)
  }
  let slot = NO_SLOT
  if (node.router !== null && !client.trusted) {
    const { router } = node
    slot = slotOf(client, entry, args)
    client.slot = slot
    if (slot !== NO_SLOT && (slot === MANY_SLOTS || router.served[slot] !== 1)) {
      const elsewhere =
        slot === MANY_SLOTS
          ? "CROSSSLOT Keys in request don't hash to the same slot"
          : router.redirect(client, entry, args, slot)
      if (elsewhere !== null) return redirect(node, client, entry, elsewhere)
    }
  }
  if (closer) {
    const now = whyNotNow(node, client, entry)
    if (now !== null) return refuse(node, client, entry, now, args)
  }
  if (node.paused !== 0 && node.holds(client, entry)) return false
  if ((client.special & IN_MULTI) === 0 || client.transaction === null || !isQueued(entry)) return true
  client.transaction.queue(args, entry.flags, slot)
  node.slotStats?.commandQueued(slot, args)
  const out = node.turn.outOf(client)
  const mark = out.length
  out.simple('QUEUED')
  keepQuiet(client, client.special, mark)
  return false
}

/** Carries out a command that may run. */
export function run(node: ServerNode, client: Client, entry: Entry, args: Args): void {
  const { call, propagation, keyspace } = node
  const out = node.turn.outOf(client)
  const { special } = client
  const mark = out.length
  const { errors } = out
  const outer = node.running
  call.caller = client
  call.db = keyspace.databases[client.db]!
  call.dirty = 0
  call.instead = null
  keyspace.expiry = client.trusted ? node.trustedExpiry : node.clientExpiry
  node.running = entry
  if (outer === null) keyspace.edits = 0
  propagation.beginUnit((entry.flags & TOUCHES_ARBITRARY_KEYS) !== 0)
  const isShort = entry.sampled && !node.timesAll && args.rawEnd - args.rawStart <= LONG_COMMAND_BYTES
  if (!isShort || (entry.calls & (TIMED_ONE_IN - 1)) === 0 || (special & NO_TOUCH) !== 0)
    runClosely(node, client, entry, args, out, isShort)
  else entry.handler(call, args, out)
  entry.calls++
  if (out.errors !== errors) {
    // Whoever ran this command, EXEC or a script, has not failed with it.
    node.countError(out.lastError)
    entry.failed++
    out.errors = errors
  }
  if (call.dirty > 0 || call.instead !== null) propagation.command(call, args)
  propagation.endUnit()
  if (node.monitors > 0) node.monitor(client, entry, args)
  node.running = outer
  if (client.special !== 0) afterSpecial(node, client, entry, args, special, mark)
  if (outer !== null) return
  if (node.slotStats !== null) node.slotStats.commandRan(client.slot, args, out.length - mark)
  if (client.special !== 0) {
    turnSilence(client)
    if (client.tracking !== null) node.tracking!.commandOver(client, entry)
  }
  if (node.heldMessages !== null) node.releaseMessages(client)
  if (node.afterCommand !== null) node.afterCommand()
}

/** Runs a command and takes its time; `isShort` for one that stands for TIMED_ONE_IN. */
function runClosely(
  node: ServerNode,
  client: Client,
  entry: Entry,
  args: Args,
  out: Reply,
  isShort: boolean,
): void {
  const timed = !isShort || (entry.calls & (TIMED_ONE_IN - 1)) === 0
  const began_us = timed ? node.clock.monotonic_us() : 0
  const untouched = (client.special & NO_TOUCH) !== 0 && entry.fullName !== 'touch'
  if (untouched) node.keyspace.leavesClocks = true
  entry.handler(node.call, args, out)
  if (untouched) node.keyspace.leavesClocks = false
  // A command that waits for keys is counted when it has been served.
  if (!timed || client.blocked?.kind === 'keys') return
  const usec = node.clock.monotonic_us() - began_us
  const times = isShort ? TIMED_ONE_IN : 1
  entry.usec += usec * times
  node.share.spend(usec)
  if (node.slotStats !== null) node.slotStats.took_us = usec
  if (node.times !== null && client.blocked === null) node.times.add(entry, usec, times)
  if (usec >= node.slow_us) node.wasSlow(client, entry, args, usec)
  if (usec >= node.late_us) node.wasLate((entry.flags & FAST) === 0 ? 'command' : 'fast-command', usec)
}

/** What follows a command of a client that is not served the plain way. `special` and `mark` are from before it. */
function afterSpecial(
  node: ServerNode,
  client: Client,
  entry: Entry,
  args: Args,
  special: number,
  mark: number,
): void {
  if (client.tracking !== null) node.tracking!.commandRan(client, entry, args)
  if (!answersForItself(entry)) silence(client, special, mark)
  if ((special & IS_REPLICA) !== 0) disownReply(node, client, entry, mark)
}

/** Commands whose reply is a message, and as such is not subject to CLIENT REPLY. */
const ANSWERED_BY_MESSAGES = new Set([
  'subscribe',
  'psubscribe',
  'ssubscribe',
  'unsubscribe',
  'punsubscribe',
  'sunsubscribe',
])

export function isAnsweredByMessages(entry: Entry): boolean {
  return ANSWERED_BY_MESSAGES.has(entry.fullName)
}

/** EXEC looks after its commands' replies one by one. */
function answersForItself(entry: Entry): boolean {
  return isExec(entry) || isAnsweredByMessages(entry)
}

/** CLIENT REPLY: whether the client is not to be answered. */
export function isSilent(client: Client): boolean {
  return (client.special & (REPLY_OFF | REPLY_SKIP)) !== 0
}

/** CLIENT REPLY: what must not be answered is taken back. `before` is `special` before the command ran. */
function silence(client: Client, before: number, mark: number): void {
  const silent = (client.special & (REPLY_OFF | (before & REPLY_SKIP))) !== 0
  if (silent && client.out !== null) client.out.rewind(mark)
}

/**
 * An empty line, or an array of no arguments: a command that does nothing. What ASKING, CLIENT REPLY SKIP and CLIENT CACHING say of
 * the next command, they have said of this one.
 */
export function emptyCommand(client: Client): void {
  turnSilence(client)
  if ((client.special & IN_MULTI) !== 0) return
  client.commands++
  if (client.tracking !== null) client.tracking.caching = false
}

/** CLIENT REPLY SKIP: after this command it is the next one's turn to be silent, after that no one's. */
function turnSilence(client: Client): void {
  const { special } = client
  if ((special & (REPLY_SKIP | REPLY_SKIP_NEXT)) === 0) return
  client.special &= ~(REPLY_SKIP | REPLY_SKIP_NEXT)
  if ((special & REPLY_SKIP_NEXT) !== 0) client.special |= REPLY_SKIP
}

function keepQuiet(client: Client, before: number, mark: number): void {
  silence(client, before, mark)
  turnSilence(client)
}

/** Answers with an error a command that did not run, and spoils the transaction it would have been part of. */
function refuse(node: ServerNode, client: Client, entry: Entry | null, message: string, args: Args): false {
  if (entry === null || !isExec(entry)) return answer(node, client, entry, message)
  // EXEC that cannot run ends the transaction, and it tells why.
  node.discard(client)
  answer(node, client, entry, `EXECABORT Transaction discarded because of: ${message.replace(/^ERR /, '')}`)
  // Whoever looks on has seen MULTI, and is to see that it is over.
  if (node.monitors > 0) node.monitor(client, entry, args)
  return false
}

/** Sends a client elsewhere. */
function redirect(node: ServerNode, client: Client, entry: Entry, message: string): false {
  if (isExec(entry)) node.discard(client)
  return answer(node, client, entry, message)
}

function answer(node: ServerNode, client: Client, entry: Entry | null, message: string): false {
  const out = node.turn.outOf(client)
  const mark = out.length
  const errors = out.errors
  replyError(out, message)
  out.errors = errors
  node.countError(message)
  if (entry !== null) entry.rejected++
  if ((client.special & IN_MULTI) !== 0 && client.transaction !== null) client.transaction.refused = true
  if (client.special !== 0) keepQuiet(client, client.special, mark)
  if ((client.special & IS_REPLICA) !== 0) {
    node.log('warning', criticalError(message, entry))
    disownReply(node, client, entry, mark)
  }
  return false
}

/** Cluster mode: where the keys of a command, or of the commands that EXEC is to run, lie. */
function slotOf(client: Client, entry: Entry, args: Args): number {
  if (entry.singleKey) return keySlot(args.buf, args.start(entry.firstKey), args.end(entry.firstKey))
  const { command } = entry
  if (command.keyFinder === undefined && (command.keys === undefined || command.keys.length === 0)) {
    return isExec(entry) && client.transaction !== null ? client.transaction.slot : NO_SLOT
  }
  let slot = NO_SLOT
  findKeys(command, args, (index) => {
    const next = keySlot(args.buf, args.start(index), args.end(index))
    if (slot === NO_SLOT) slot = next
    else if (slot !== next) slot = MANY_SLOTS
  })
  return slot
}

/** What a browser says first to a server that it takes for one of its kind. */
function isAttack(args: Args): boolean {
  return args.is(0, 'host:') || args.is(0, 'post')
}

function closeAttacker(node: ServerNode, client: Client): void {
  node.log(
    'warning',
    'Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is ' +
      'likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. ' +
      `Connection from ${client.address} aborted.`,
  )
  node.close(client)
}
