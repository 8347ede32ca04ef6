/**
 * What arrives from a client: read from the node's one buffer, cut into commands, carried out. Only the beginning of a
 * command whose end has not arrived is copied, into a buffer of the client's own; so an idle client costs no buffer.
 */

import { COMMAND, PROTOCOL_ERROR, RequestParser } from '../resp/request.js'
import { type Client, NEEDS_AUTH } from './client.js'
import { dispatch } from './dispatch.js'
import type { ServerNode } from './node.js'

const PENDING_BYTES_MIN = 1024

/** `buf[start, end)` has arrived from `client`. */
export function receive(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): void {
  node.bytesIn += end - start
  client.bytesIn += end - start
  client.lastActive_ms = node.keyspace.now_ms
  if (client.closing) return
  if (client.pending === null) {
    if (client.blocked === null && !client.paused) {
      const at = carryOut(node, client, buf, start, end)
      if (at < end && !client.closing) keep(node, client, buf, at, end)
    } else {
      keep(node, client, buf, start, end)
    }
    return
  }
  append(client, buf, start, end)
  if (client.blocked === null && !client.paused) goOn(node, client)
  if (client.pendingLength > node.queryBufferMax) {
    node.log('warning', `Closing client that reached max query buffer length: ${client.address}`)
    node.close(client)
  }
}

/** Carries out what is pending: after more has arrived, or when the client need not wait any more. */
export function goOn(node: ServerNode, client: Client): void {
  const buf = client.pending
  if (buf === null) return
  const length = client.pendingLength
  const at = carryOut(node, client, buf, 0, length)
  if (client.closing || at === length) {
    client.pending = null
    client.pendingLength = 0
    return
  }
  if (at > 0) {
    const parser = client.parser
    buf.copyWithin(0, at, length)
    parser?.rebase(buf, at)
    client.pendingLength = length - at
  }
}

/** Carries out the commands in `buf[start, end)`; returns where the first that is not whole begins. */
function carryOut(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): number {
  const parser = client.parser ?? node.parser
  parser.trusted = (client.special & NEEDS_AUTH) === 0
  parser.bulkBytesMax = node.bulkBytesMax
  node.tick()
  let at = start
  while (at < end) {
    const status = parser.parse(buf, at, end)
    if (status !== COMMAND) {
      if (status === PROTOCOL_ERROR) {
        protocolError(node, client, parser.error)
        return end
      }
      // The parser knows how far it came; it goes with the client until the rest arrives.
      if (parser.suspended && client.parser === null) {
        client.parser = parser
        node.parser = node.spareParser()
      }
      return at
    }
    const begin = at
    at = parser.next
    if (parser.args.count === 0) continue
    dispatch(node, client, parser.args)
    if (client.paused) {
      at = begin // it has not run: it comes again when the pause is over
      break
    }
    if (client.blocked !== null || client.closing) break
  }
  if (client.parser !== null) {
    node.giveBackParser(client.parser)
    client.parser = null
  }
  return at
}

/** Keeps the beginning of a command until its end arrives. */
function keep(node: ServerNode, client: Client, buf: Uint8Array, start: number, end: number): void {
  const parser = client.parser
  const room = Math.max(PENDING_BYTES_MIN, end - start, parser === null ? 0 : parser.bytesNeeded)
  const own = new Uint8Array(Math.min(room, node.bulkBytesMax + 64))
  own.set(buf.subarray(start, end))
  parser?.rebase(own, start)
  client.pending = own
  client.pendingLength = end - start
}

function append(client: Client, buf: Uint8Array, start: number, end: number): void {
  let own = client.pending!
  const length = client.pendingLength + end - start
  if (length > own.length) {
    const needed = client.parser === null ? 0 : client.parser.bytesNeeded
    const bigger = new Uint8Array(Math.max(length, Math.min(length * 2, 1 << 26), needed))
    bigger.set(own.subarray(0, client.pendingLength))
    own = bigger
    client.pending = own
    client.parser?.rebase(own, 0)
  }
  own.set(buf.subarray(start, end), client.pendingLength)
  client.pendingLength = length
}

function protocolError(node: ServerNode, client: Client, error: string): void {
  node.log('verbose', `Protocol error (${error.slice(16)}) from client: ${client.address}`)
  node.turn.outOf(client).error(`ERR ${error}`)
  node.countError('ERR')
  node.closeAfterReply(client)
}

/** Parsers that connections have finished with. */
export class ParserPool {
  private readonly free: RequestParser[] = []

  take(): RequestParser {
    return this.free.pop() ?? new RequestParser()
  }

  giveBack(parser: RequestParser): void {
    parser.reset()
    if (this.free.length < 8) this.free.push(parser)
  }
}
