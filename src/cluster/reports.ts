/** CLUSTER's read-only answers: NODES, INFO, SLOTS, SHARDS, LINKS, REPLICAS. */

import { SLOTS } from '../bytes/crc16.js'
import { describeNode } from './describe.js'
import type { Reply } from './reply.js'
import { array, bulk, error, int, map } from './reply.js'
import { slotRanges } from './slots.js'
import type { ClusterNode, ClusterState, Link, Viewer } from './state.js'
import { clientIp, clientPort, hasFailed, isReplica, isSuspected } from './state.js'
import { TYPE_NAMES } from './wire.js'

export function nodesText(state: ClusterState, viewer: Viewer): string {
  return state.nodeList.map((node) => `${describeNode(state, node, viewer)}\n`).join('')
}

/** The text of CLUSTER INFO. */
export function infoText(state: ClusterState): string {
  let assigned = 0
  let suspected = 0
  let failed = 0
  for (const owner of state.slotOwner) {
    if (owner === null) continue
    assigned++
    if (hasFailed(owner)) failed++
    else if (isSuspected(owner)) suspected++
  }
  const { myself } = state
  const epochOf = isReplica(myself) && myself.master !== null ? myself.master : myself
  const lines = [
    `cluster_state:${state.ok ? 'ok' : 'fail'}`,
    `cluster_slots_assigned:${assigned}`,
    `cluster_slots_ok:${assigned - failed - suspected}`,
    `cluster_slots_pfail:${suspected}`,
    `cluster_slots_fail:${failed}`,
    `cluster_known_nodes:${state.nodes.size}`,
    `cluster_size:${state.size}`,
    `cluster_current_epoch:${state.currentEpoch}`,
    `cluster_my_epoch:${epochOf.configEpoch}`,
    ...messageLines(state.sentCounts, 'sent'),
    ...messageLines(state.receivedCounts, 'received'),
    `total_cluster_links_buffer_limit_exceeded:${state.linksOverLimit}`,
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}

function messageLines(counts: readonly number[], what: string): string[] {
  const lines: string[] = []
  let total = 0
  for (const [type, count] of counts.entries()) {
    if (count === 0) continue
    total += count
    lines.push(`cluster_stats_messages_${TYPE_NAMES[type]}_${what}:${count}`)
  }
  return [...lines, `cluster_stats_messages_${what}:${total}`]
}

/** A node's offset as we know it; our own comes from the shell. */
function offsetOf(state: ClusterState, node: ClusterNode): number {
  return node === state.myself ? state.local.offset_bytes : node.offset_bytes
}

/** What clients are told to connect to. */
export function preferredEndpoint(state: ClusterState, node: ClusterNode, viewer: Viewer): string {
  switch (state.config.preferredEndpointType) {
    case 'ip':
      return clientIp(node, viewer)
    case 'hostname':
      return node.hostname === '' ? '?' : node.hostname
    case 'unknown-endpoint':
      return ''
  }
}

export function slotsReply(state: ClusterState, viewer: Viewer): Reply {
  const items: Reply[] = []
  let start = 0
  for (let slot = 1; slot <= SLOTS; slot++) {
    const owner = state.slotOwner[start]!
    if (slot < SLOTS && state.slotOwner[slot] === owner) continue
    if (owner !== null) {
      const available = owner.replicas.filter((node) => !hasFailed(node) && offsetOf(state, node) !== 0)
      const nodes = [owner, ...available].map((node) => endpointReply(state, node, viewer))
      items.push(array([int(start), int(slot - 1), ...nodes]))
    }
    start = slot
  }
  return array(items)
}

function endpointReply(state: ClusterState, node: ClusterNode, viewer: Viewer): Reply {
  const type = state.config.preferredEndpointType
  const endpoint: Reply =
    type === 'unknown-endpoint' ? { kind: 'null' } : bulk(preferredEndpoint(state, node, viewer))
  const more: [string, Reply][] = []
  if (type !== 'ip') more.push(['ip', bulk(clientIp(node, viewer))])
  if (type !== 'hostname' && node.hostname !== '') more.push(['hostname', bulk(node.hostname)])
  return array([endpoint, int(clientPort(node, viewer.tls)), bulk(node.name), map(more)])
}

export function shardsReply(state: ClusterState, viewer: Viewer): Reply {
  const items: Reply[] = []
  for (const nodes of state.shards.values()) {
    const first = nodes[0]!
    const owner = isReplica(first) && first.master !== null ? first.master : first
    const ranges = slotRanges(owner).flatMap(([from, to]) => [int(from), int(to)])
    items.push(
      map([
        ['slots', array(ranges)],
        ['nodes', array(nodes.map((node) => shardNodeReply(state, node, viewer)))],
      ]),
    )
  }
  return array(items)
}

function shardNodeReply(state: ClusterState, node: ClusterNode, viewer: Viewer): Reply {
  const offset = offsetOf(state, node)
  const entries: [string, Reply][] = [['id', bulk(node.name)]]
  if (node.port !== 0) entries.push(['port', int(node.port)])
  if (node.tlsPort !== 0) entries.push(['tls-port', int(node.tlsPort)])
  entries.push(
    ['ip', bulk(clientIp(node, viewer))],
    ['endpoint', bulk(preferredEndpoint(state, node, viewer))],
  )
  if (node.hostname !== '') entries.push(['hostname', bulk(node.hostname)])
  const loading = isReplica(node) && offset === 0
  entries.push(
    ['role', bulk(isReplica(node) ? 'replica' : 'master')],
    ['replication-offset', int(offset)],
    ['health', bulk(hasFailed(node) ? 'fail' : loading ? 'loading' : 'online')],
  )
  return map(entries)
}

export function linksReply(state: ClusterState): Reply {
  const items: Reply[] = []
  for (const node of state.nodeList) {
    if (node.link !== null) items.push(linkReply(state, node, node.link))
    if (node.inbound !== null) items.push(linkReply(state, node, node.inbound))
  }
  return array(items)
}

function linkReply(state: ClusterState, node: ClusterNode, link: Link): Reply {
  const queued = state.local.linkQueue_bytes(link.id)
  return map([
    ['direction', bulk(link.inbound ? 'from' : 'to')],
    ['node', bulk(node.name)],
    ['create-time', int(link.createdAt_ms)],
    ['events', bulk(`${link.connected ? 'r' : ''}${queued > 0 ? 'w' : ''}`)],
    ['send-buffer-allocated', int(queued)],
    ['send-buffer-used', int(queued)],
  ])
}

export function replicasReply(state: ClusterState, name: string, viewer: Viewer): Reply {
  const node = state.nodes.get(name)
  if (node === undefined) return error(`Unknown node ${name}`)
  if (isReplica(node)) return error('The specified node is not a master')
  return array(node.replicas.map((replica) => bulk(describeNode(state, replica, viewer))))
}
