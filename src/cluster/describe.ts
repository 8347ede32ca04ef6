/** Nodes as text: the lines of CLUSTER NODES, which are also those of nodes.conf. */

import { rangesText } from './slots.js'
import type { ClusterNode, ClusterState, Viewer } from './state.js'
import {
  clientIp,
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
 * One line of CLUSTER NODES, without its end:
 * `<id> <ip:port@bus-port[,hostname]> <flags> <master> <ping> <pong> <epoch> <link> <slots>`.
 */
export function describeNode(state: ClusterState, node: ClusterNode, viewer: Viewer): string {
  return describe(state, node, `${clientIp(node, viewer)}:${clientPort(node, viewer.tls)}`, '')
}

/** One line of nodes.conf: auxiliary fields (`,name=value`) follow the host name. */
export function describeForFile(state: ClusterState, node: ClusterNode): string {
  return describe(state, node, `${node.ip}:${clientPort(node, false)}`, auxiliary(node))
}

function describe(state: ClusterState, node: ClusterNode, endpoint: string, auxiliary: string): string {
  let address = `${endpoint}@${node.busPort}`
  if (node.hostname !== '') address += `,${node.hostname}`
  address += auxiliary
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
  const line = parts.join(' ') + rangesText(node)
  if (node !== state.myself) return line
  const moving = movingSlots(state)
  return moving.length === 0 ? line : `${line} ${moving.join(' ')}`
}

function auxiliary(node: ClusterNode): string {
  let text = node.hostname === '' ? ',' : ''
  text += `,tls-port=${node.tlsPort}`
  if (node.clientIpv4 !== '') text += `,client-ipv4=${node.clientIpv4}`
  if (node.clientIpv6 !== '') text += `,client-ipv6=${node.clientIpv6}`
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
