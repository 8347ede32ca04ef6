/**
 * What arrives from a client: read from the node's one buffer, cut into commands, carried out. Only what cannot be carried out
 * yet is copied, into a buffer of the client's own; so an idle client costs no buffer. In that buffer commands are consumed
 * from the front, and it is compacted only when more than half of it is consumed: each byte is copied a constant number of times.
 *
 * A client gets a bounded share of each turn: one full read, TURN_OUTPUT_BYTES_MAX of output, and some milliseconds of its commands (share.ts). Then
 * it yields, and nothing is read from its socket until it has caught up; so what it sends meanwhile waits in the
 * kernel, whose window holds the sender back. A client that may not go on for another reason is read up to a limit.
 */

import { text } from '../bytes/ascii.js'
import { replyError } from '../commands/errors.js'
import type { Reply } from '../resp/reply.js'
import { MORE, PROTOCOL_ERROR, RequestParser } from '../resp/request.js'
import { clientInfo } from './admin/client-info.js'
import { AHEAD_MAX } from './ahead.js'
import { type Client, IN_MULTI, NEEDS_AUTH } from './client.js'
import { dispatch, dispatchFound, emptyCommand } from './dispatch.js'
import type { ServerNode } from './node.js'
import { TURN_OUTPUT_BYTES_MAX } from './turn.js'

const PENDING_BYTES_MIN = 1024
/** Buffers of this size go round among the clients: a pipeline ends in the middle of a command with nearly every read. */
const PENDING_BYTES_SHARED = 4096
const PENDING_KEPT_MAX = 32
/**
 * A buffer grows to what the command under way has announced, but never further than to twice what has arrived and this
 * much more: who announces must also send.
 */
const PENDING_AHEAD_BYTES_MAX = 8 * 1024 * 1024
/** A buffer with more than this many unused bytes is exchanged for a smaller one when it is compacted. */
const PENDING_WASTE_BYTES_MAX = 256 * 1024
/** A choked client with more input than this is not read until it has read its replies. */
const CHOKED_INPUT_BYTES_MAX = 1024 * 1024
/**
 * The same for a client that is blocked or paused, or that reads none of its replies: more is read from it, since the end of
 * the connection shows only behind its input, and since it may have to send all of it before it reads.
 */
const HELD_INPUT_BYTES_MAX = 64 * 1024 * 1024
/** How much of the input the log shows of a protocol error, and of a buffer that became too long. */
const SHOWN_BYTES_MAX = 128
const SHOWN_QUERY_BYTES_MAX = 64
const PARSERS_KEPT_MAX = 8
/** So much for one client is sent before its other commands are carried out. */
const EARLY_BYTES = 64 * 1024
/** A kept parser does not hold more memory than this for the arguments of the longest command it has seen. */
const PARSER_RANGES_MAX = 4096

/** `buf[start, end)` has arrived from `client`. */
export function receive(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): void {
  node.bytesIn += end - start
  client.bytesIn += end - start
  client.lastActive_ms = node.keyspace.now_ms
  if (client.closing) return
  let at = start
  if (client.pending === null) {
    if (!mustWait(client)) at = carryOut(node, client, buf, start, end)
    if (at < end && !client.closing) keep(node, client, buf, at, end)
  } else {
    append(node, client, buf, start, end)
    if (client.pendingLength > node.queryBufferMax) {
      closeTooLong(node, client)
      return
    }
    node.clients.account(client)
    if (!mustWait(client) && !client.gone) at += consume(node, client)
  }
  // A full read: the system has more. It is read when the other clients have been heard.
  if (end - start >= node.readBuffer.length && at > start && !client.yielded && !client.closing)
    node.yieldTurn(client)
  steerReading(client)
}

/** Whether the client's input waits: it is neither carried out nor read ahead. */
function mustWait(client: Client): boolean {
  return client.blocked !== null || client.paused || client.choked || client.yielded
}

/** Stops reading from a client that has enough to do, or reads on. */
export function steerReading(client: Client): void {
  const { link } = client
  if (link === null || client.gone) return
  const unread = hasEnough(client)
  if (unread === client.unread) return
  client.unread = unread
  if (unread) link.pause()
  else link.resume()
}

function hasEnough(client: Client): boolean {
  if (client.closing) return false
  const bytes = client.pendingLength
  if (client.choked) return bytes > (client.stalled ? HELD_INPUT_BYTES_MAX : CHOKED_INPUT_BYTES_MAX)
  if (client.blocked !== null || client.paused) return bytes > HELD_INPUT_BYTES_MAX
  return client.yielded
}

/** Carries out what is pending: after more has arrived, or when the client need not wait any more. */
export function goOn(node: ServerNode, client: Client): void {
  client.yielded = false
  if (client.pending !== null) consume(node, client)
  steerReading(client)
  if (client.ended && !client.closing && !client.yielded) {
    // Nothing can come any more that would end a wait or a command: only what was asked for is still answered.
    if (client.blocked === null && !client.paused) node.closeAfterReply(client)
    else node.close(client)
  }
}

/** Carries out what is pending as far as possible, and frees its room. Returns how many bytes that were. */
function consume(node: ServerNode, client: Client): number {
  const buf = client.pending!
  const from = client.pendingFrom
  const length = client.pendingLength
  const at = carryOut(node, client, buf, from, from + length)
  if (client.closing || at === from + length) {
    client.pending = null
    client.pendingFrom = 0
    client.pendingLength = 0
    if (node.parser.args.buf === buf) node.parser.args.forget()
    node.pendingBuffers.giveBack(buf)
  } else if (client.pending === buf) {
    client.pendingFrom = at
    client.pendingLength = from + length - at
    if (at > client.pendingLength && buf.length - client.pendingLength > PENDING_WASTE_BYTES_MAX)
      compact(client)
  }
  return at - from
}

/** Carries out the commands in `buf[start, end)`; returns where the first that is not whole, or has to wait, begins. */
function carryOut(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): number {
  const parser = client.parser ?? node.parser
  const { ahead } = node
  parser.trusted = (client.special & NEEDS_AUTH) === 0
  parser.bulkBytesMax = node.bulkBytesMax
  node.tick()
  node.share.begin()
  const written = client.outBase + (client.out === null ? 0 : client.out.length)
  let at = start
  while (at < end) {
    // What a client may send depends on whether it has authenticated: until then nothing is read ahead.
    const count = ahead.read(parser, buf, at, end, parser.trusted ? AHEAD_MAX : 1)
    if (count > 0) {
      const went = carryOutRead(node, client, buf, count, at, written)
      ahead.forget(node.keyspace, count)
      const isAll = went === ahead.end(count - 1)
      at = went
      if (!isAll || isHeld(client)) {
        parser.reset() // it may have begun with a command behind these
        break
      }
      parser.trusted = (client.special & NEEDS_AUTH) === 0
      // What is wrong with the next command is found again, now that those before it are over.
      if (ahead.status !== MORE) continue
    } else if (ahead.status === PROTOCOL_ERROR) {
      protocolError(node, client, parser.error, buf.subarray(at, end))
      return end
    }
    // The parser knows how far it came; it goes with the client until the rest arrives.
    if (parser.suspended && client.parser === null) {
      client.parser = parser
      node.parser = node.spareParser()
    }
    if (parser.suspended || client.parser === null) return at
    break
  }
  if (client.parser !== null) {
    node.giveBackParser(client.parser)
    client.parser = null
  }
  return at
}

/**
 * Carries out the `count` commands that were read from `start` on. Returns where the first that has to wait begins. `written`: how
 * many bytes had been written for the client, ever, when its share of the turn began.
 */
function carryOutRead(
  node: ServerNode,
  client: Client,
  buf: Uint8Array,
  count: number,
  start: number,
  written: number,
): number {
  const { ahead, keyspace } = node
  const lookBytes = node.clients.lookBytes
  ahead.foresee(node.table, keyspace, client.db, buf, count)
  let at = start
  for (let i = 0; i < count; i++) {
    const args = ahead.command(i)
    if (args.count > 0) {
      const entry = ahead.entry(i)
      if (entry === undefined) dispatch(node, client, args)
      else dispatchFound(node, client, entry, args)
      if (client.paused) return at // it has not run: it comes again when the pause is over
    } else emptyCommand(client)
    at = ahead.end(i)
    if (isHeld(client)) return at
    const out = client.out
    if (out !== null && out.length >= EARLY_BYTES) {
      if (sendOrLook(node, client, out, lookBytes, written)) return at
    } else if (node.share.isUsedUp) {
      node.yieldTurn(client)
      return at
    }
  }
  return at
}

/** There is much output. True where the client's next command has to wait. */
function sendOrLook(
  node: ServerNode,
  client: Client,
  out: Reply,
  lookBytes: number,
  written: number,
): boolean {
  const { clients } = node
  const isLimited = clients.isLimited(client)
  // With a limit all that this input's commands write counts together, as in Redis.
  if ((isLimited || !node.turn.sendEarly(client)) && out.length >= lookBytes) {
    clients.checkMuch(client)
    if (client.closing) return true
    if (client.choked) {
      client.yielded = true
      return true
    }
  }
  const more = client.outBase + (client.out === null ? 0 : client.out.length) - written
  if ((isLimited || more < TURN_OUTPUT_BYTES_MAX) && !node.share.isUsedUp) return false
  node.yieldTurn(client)
  return true
}

/** Whether the client's next command has to wait. */
function isHeld(client: Client): boolean {
  return client.blocked !== null || client.closing || client.yielded || client.choked
}

/** Keeps the beginning of a command until its end arrives. */
function keep(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): void {
  const parser = client.parser
  const length = end - start
  const own = node.pendingBuffers.take(Math.max(PENDING_BYTES_MIN, roomFor(client, length)))
  own.set(buf.subarray(start, end))
  parser?.rebase(own, start)
  client.pending = own
  client.pendingFrom = 0
  client.pendingLength = length
}

function append(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): void {
  const own = client.pending!
  const from = client.pendingFrom
  const length = client.pendingLength + end - start
  if (from + length > own.length) {
    if (length <= own.length && from >= client.pendingLength) compact(client)
    else {
      const bigger = node.pendingBuffers.take(Math.max(length + (length >> 1), roomFor(client, length)))
      moveTo(client, bigger)
      node.pendingBuffers.giveBack(own)
    }
  }
  client.pending!.set(buf.subarray(start, end), client.pendingFrom + client.pendingLength)
  client.pendingLength = length
}

/** How large a buffer should be that holds `length` bytes of a command under way. */
function roomFor(client: Client, length: number): number {
  const needed = client.parser === null ? 0 : client.parser.bytesNeeded
  return Math.max(length, Math.min(needed, length * 2 + PENDING_AHEAD_BYTES_MAX))
}

/** Moves what is pending to the front of its buffer, or of a smaller one where most of it is unused. */
function compact(client: Client): void {
  const buf = client.pending!
  const room = Math.max(PENDING_BYTES_MIN, roomFor(client, client.pendingLength))
  moveTo(client, buf.length - room > PENDING_WASTE_BYTES_MAX ? new Uint8Array(room) : buf)
}

/** Moves what is pending to the front of `target`. */
function moveTo(client: Client, target: Uint8Array): void {
  const buf = client.pending!
  const from = client.pendingFrom
  const end = from + client.pendingLength
  if (target === buf) buf.copyWithin(0, from, end)
  else target.set(buf.subarray(from, end))
  client.parser?.rebase(target, from)
  client.pending = target
  client.pendingFrom = 0
}

/** What the log shows in place of input with hide-user-data-from-log. */
const HIDDEN = '*redacted*'

function hidesUserData(node: ServerNode): boolean {
  return node.config.values['hide-user-data-from-log']
}

function printable(bytes: Uint8Array): string {
  return text(bytes, 0, bytes.length, SHOWN_BYTES_MAX).replace(/[^ -~]/g, '.')
}

function closeTooLong(node: ServerNode, client: Client): void {
  const from = client.pendingFrom
  const begin = client.pending!.subarray(from, from + SHOWN_QUERY_BYTES_MAX)
  const shown = hidesUserData(node) ? HIDDEN : JSON.stringify(printable(begin))
  node.log(
    'warning',
    `Closing client that reached max query buffer length: ${clientInfo(node, client)} (qbuf initial bytes: ${shown})`,
  )
  node.stats.queryLimitDisconnections++
  node.close(client)
}

function protocolError(node: ServerNode, client: Client, error: string, input: Uint8Array): void {
  const half = SHOWN_BYTES_MAX / 2
  const more = input.length - SHOWN_BYTES_MAX
  const shown = hidesUserData(node)
    ? HIDDEN
    : more < 0
      ? `'${printable(input)}'`
      : `'${printable(input.subarray(0, half))}' (... more ${more} bytes ...) '${printable(input.subarray(-half))}'`
  const what = error.slice('Protocol error: '.length)
  node.log(
    'verbose',
    `Protocol error (${what}) from client: ${clientInfo(node, client)}. Query buffer during protocol error: ${shown}`,
  )
  // A transaction is not carried out, whatever follows.
  if ((client.special & IN_MULTI) !== 0 && client.transaction !== null) client.transaction.refused = true
  const message = `ERR ${error}`
  replyError(node.turn.outOf(client), message)
  node.countError(message)
  node.closeAfterReply(client)
}

/**
 * Buffers for the beginnings of commands. To make one for each would leave thousands a second to the collector, all of
 * them memory that the system's allocator has to find and to sweep together again.
 */
export class PendingBuffers {
  private readonly free: Uint8Array[] = []

  /** A buffer of at least so many bytes; what is in it is undefined. */
  take(bytes: number): Uint8Array {
    if (bytes > PENDING_BYTES_SHARED) return new Uint8Array(bytes)
    return this.free.pop() ?? new Uint8Array(PENDING_BYTES_SHARED)
  }

  /** Nobody reads or writes the buffer any more. */
  giveBack(buf: Uint8Array): void {
    if (buf.length === PENDING_BYTES_SHARED && this.free.length < PENDING_KEPT_MAX) this.free.push(buf)
  }
}

/** Parsers that connections have finished with. */
export class ParserPool {
  private readonly free: RequestParser[] = []

  take(): RequestParser {
    return this.free.pop() ?? new RequestParser()
  }

  giveBack(parser: RequestParser): void {
    parser.reset()
    parser.args.forget()
    if (parser.args.room <= PARSER_RANGES_MAX && this.free.length < PARSERS_KEPT_MAX) this.free.push(parser)
  }
}
