/**
 * What an exception ends. While a client is served it ends that client, and the others do not notice; it ends the node where the
 * data may be wrong:
 *
 *   an AssertionError                     an invariant broke                                      the node
 *   any, after the keyspace was changed   the change may be half done, and was not handed on      the node
 *   any, in the master's stream or a      leaving it out would make this node's data differ       the node
 *     file that is loaded
 *   any, in cron, the end of a turn,      what it left undone is unknown                          the node
 *     the cluster's state machine
 *   any, while a bus packet is decoded    the packet is not what it claims                        the link
 *   any other                             strings and buffers that cannot be that large, no       the client
 *                                         memory for them, mistakes in what reads and reports
 *
 * "Changed" is counted from the beginning of the command, of all of EXEC where that runs it (`keyspace.edits`): an EXEC whose
 * second command fails has applied its first, and half a transaction must not be served or sent to replicas. What commands before
 * it changed is whole, in the append-only file and on its way to replicas. The failing client gets nothing more, neither half a
 * reply nor replies to earlier commands that have not been sent: as after a broken connection it does not know what was done.
 */

import { AssertionError } from '../bytes/assert.js'
import { clientInfo } from './admin/client-info.js'
import type { Client } from './client.js'
import { goOn } from './input.js'
import type { ServerNode } from './node.js'

/** Something threw while what `client` had sent was carried out, in a socket's callback or at the end of a turn. */
export function inputFailed(node: ServerNode, client: Client, error: unknown): void {
  commandFailed(node, client, error)
  if (node.failed) return
  // The commands that were read with it go with their client.
  node.parser.reset()
  node.ahead.abandon(node.keyspace)
}

/** Carries out what `client` has sent meanwhile. */
export function letGoOn(node: ServerNode, client: Client): void {
  try {
    goOn(node, client)
  } catch (error) {
    inputFailed(node, client, error)
  }
}

/** Something threw while a command of `client` was carried out, or what it waited for was answered. */
export function commandFailed(node: ServerNode, client: Client, error: unknown): void {
  if (node.failed) return
  const { running, call, keyspace } = node
  const isWhole = running === null || (keyspace.edits === 0 && call.dirty === 0)
  if (error instanceof AssertionError || client.trusted || !isWhole) {
    node.fail(error)
    return
  }
  try {
    node.running = null
    node.heldMessages = null
    keyspace.leavesClocks = false
    call.dirty = 0
    call.instead = null
    call.written.length = 0
    node.propagation.abandonUnit()
    tell(node, client, running === null ? 'none' : running.fullName, error)
    client.out = null
    node.close(client)
  } catch (second) {
    node.fail(second)
  }
}

function tell(node: ServerNode, client: Client, command: string, error: unknown): void {
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
  node.log('warning', `Closing client after an exception, command ${command}: ${clientInfo(node, client)}`)
  for (const line of trace.split('\n')) node.log('warning', line)
}

/** `work`, such that what it throws ends the node: for callbacks that serve no client. */
export function endsNode<Given extends readonly unknown[]>(
  node: ServerNode,
  work: (...given: Given) => void,
): (...given: Given) => void {
  return (...given) => {
    if (node.failed) return
    try {
      work(...given)
    } catch (error) {
      node.fail(error)
    }
  }
}
