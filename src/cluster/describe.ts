/** Nodes as text: the lines of CLUSTER NODES, which are also those of nodes.conf. */

import { slotRanges } from './slots.js'
import type { ClusterNode, ClusterState } from './state.js'
import {
  clientPort,
  FAILED,
  HANDSHAKE,
  isReplica,
  MASTER,
  MYSELF,
  NOADDR,
  NOFAILOVER,
  PFAIL,
  REPLICA,
} from './state.js'

export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [MYSELF, 'myself'],
  [MASTER, 'master'],
  [REPLICA, 'slave'],
  [PFAIL, 'fail?'],
  [FAILED, 'fail'],
  [HANDSHAKE, 'handshake'],
  [NOADDR, 'noaddr'],
  [NOFAILOVER, 'nofailover'],
]

export function flagNames(flags: number): string {
  const names = FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name)
  return names.length === 0 ? 'noflags' : names.join(',')
}

/**
 * One line, without its end:
 * `<id> <ip:port@bus-port[,hostname][,aux=value]*> <flags> <master> <ping> <pong> <epoch> <link> <slots>`.
 * `forFile` adds the auxiliary fields, which clients do not get to see.
 */
export function describeNode(state: ClusterState, node: ClusterNode, tls: boolean, forFile: boolean): string {
  let address = `${node.ip}:${clientPort(node, tls)}@${node.busPort}`
  if (node.hostname !== '') address += `,${node.hostname}`
  if (forFile) address += auxiliary(node, tls)
  const replicaOf = isReplica(node) ? node.master : null
  const epoch = replicaOf === null ? node.configEpoch : replicaOf.configEpoch
  const linked = node.link !== null || node === state.myself
  const parts = [
    node.name,
    address,
    flagNames(node.flags),
    node.master?.name ?? '-',
    String(node.pingSentAt_ms),
    String(node.pongReceivedAt_ms),
    String(epoch),
    linked ? 'connected' : 'disconnected',
  ]
  for (const [first, last] of slotRanges(node)) parts.push(first === last ? `${first}` : `${first}-${last}`)
  if (node === state.myself) parts.push(...movingSlots(state))
  return parts.join(' ')
}

function auxiliary(node: ClusterNode, tls: boolean): string {
  let text = node.hostname === '' ? ',' : ''
  text += tls ? `,tcp-port=${node.port}` : `,tls-port=${node.tlsPort}`
  if (node.humanName !== '') text += `,nodename=${node.humanName}`
  return `${text},shard-id=${node.shardId}`
}

function movingSlots(state: ClusterState): string[] {
  const moving: [number, string][] = []
  for (const [slot, node] of state.migratingTo) moving.push([slot, `[${slot}->-${node.name}]`])
  for (const [slot, node] of state.importingFrom) {
    if (!state.migratingTo.has(slot)) moving.push([slot, `[${slot}-<-${node.name}]`])
  }
  return moving.sort((a, b) => a[0] - b[0]).map(([, text]) => text)
}
