/** A client in one line, as CLIENT LIST, CLIENT INFO and ACL LOG show it. */

import { type Client, IN_MULTI, IS_MONITOR, NO_EVICT, NO_TOUCH, READONLY_MODE, TRACKING } from '../client.js'
import type { ServerNode } from '../node.js'
import { outputBlocks, outputUsage, UNCOUNTED_OUTPUT_BYTES } from '../output.js'

/** The letters of `flags=`, in Redis's order; N for none. */
function flagLetters(client: Client): string {
  const { special } = client
  const letters = [
    [(special & IS_MONITOR) !== 0, 'O'],
    [client.kind === 'replica' && (special & IS_MONITOR) === 0, 'S'],
    [client.kind === 'master', 'M'],
    [client.kind === 'pubsub', 'P'],
    [(special & IN_MULTI) !== 0, 'x'],
    [client.blocked !== null, 'b'],
    [(special & TRACKING) !== 0, 't'],
    [client.tracking?.broken === true, 'R'],
    [client.tracking?.bcast === true, 'B'],
    [client.transaction?.spoiled === true, 'd'],
    [client.closing, 'c'],
    [client.link !== null && client.link.remotePort === 0, 'U'],
    [(client.clusterFlags & READONLY_MODE) !== 0, 'r'],
    [(special & NO_EVICT) !== 0, 'e'],
    [(special & NO_TOUCH) !== 0, 'T'],
  ] as const
  const set = letters.flatMap(([is, letter]) => (is ? [letter] : []))
  return set.length === 0 ? 'N' : set.join('')
}

/** The number by which the system knows the connection; -1 where it is gone. */
function descriptorOf(client: Client): number {
  const socket = client.link?.socket as unknown as { _handle?: { fd?: number } | null } | undefined
  return socket?._handle?.fd ?? -1
}

/** Bytes a client holds: input that is not a command yet, a command that waits, replies, queued commands. */
export function clientBytes(client: Client): number {
  const output = (client.out?.heldBytes ?? 0) + (client.link?.pendingBytes ?? 0)
  const { transaction, subscriptions } = client
  const kept = transaction === null ? 0 : transaction.bytes + transaction.watchedBytes
  const waits = client.blocked?.held_bytes ?? 0
  const listens = (subscriptions?.bytes ?? 0) + (client.tracking?.bytes ?? 0)
  return (client.pending?.length ?? 0) + output + kept + waits + listens
}

/** The line, without its newline. `running_bytes`: the length of the command that the client is running just now. */
export function clientInfo(node: ServerNode, client: Client, running_bytes = 0): string {
  const now_ms = node.keyspace.now_ms
  const seconds = (since_ms: number): number => Math.max(0, Math.floor((now_ms - since_ms) / 1000))
  const subscriptions = client.subscriptions
  const unix = client.link !== null && client.link.remotePort === 0
  const path = `${node.config.values.unixsocket}:0`
  const inMulti = (client.special & IN_MULTI) !== 0
  const out = client.out
  const unsent = node.clients.unsentBytes(client)
  const fields: [string, string | number][] = [
    ['id', client.id],
    ['addr', unix ? path : client.address],
    ['laddr', unix ? path : client.localAddress],
    ['fd', descriptorOf(client)],
    ['name', client.name],
    ['age', seconds(client.createdAt_ms)],
    ['idle', seconds(client.lastActive_ms)],
    ['flags', flagLetters(client)],
    ['db', client.db],
    ['sub', subscriptions?.channels.size ?? 0],
    ['psub', subscriptions?.patterns.size ?? 0],
    ['ssub', subscriptions?.shards.size ?? 0],
    ['multi', inMulti ? (client.transaction?.commands.length ?? 0) : -1],
    ['qbuf', Math.max(client.pendingLength, running_bytes)],
    ['qbuf-free', (client.pending?.length ?? 0) - client.pendingLength],
    ['argv-mem', client.blocked?.held_bytes ?? 0],
    ['multi-mem', client.transaction?.bytes ?? 0],
    ['rbs', out?.buf.length ?? 0],
    ['rbp', 0],
    ['obl', Math.min(unsent, UNCOUNTED_OUTPUT_BYTES)],
    ['oll', outputBlocks(unsent)],
    ['omem', outputUsage(client, unsent)],
    ['tot-mem', clientBytes(client) + running_bytes],
    ['events', client.link === null ? '' : 'r'],
    ['cmd', client.lastCommand?.fullName ?? 'NULL'],
    ['user', client.user],
    ['redir', client.tracking?.redirect ?? -1],
    ['resp', client.protocol],
    ['lib-name', client.libraryName],
    ['lib-ver', client.libraryVersion],
  ]
  return fields.map(([name, value]) => `${name}=${value}`).join(' ')
}
