/** The table of nodes: looking up, adding, renaming and removing, with shards, replica lists and links kept true. */

import { resetManual } from './manual.js'
import { clearSlot } from './slots.js'
import type { ClusterNode, ClusterState, Link } from './state.js'
import { createNode, isReplica, MIGRATE_TO, NOADDR } from './state.js'
import type { Turn } from './turn.js'
import { TODO_CONNECT, TODO_STATE } from './turn.js'

/** Nodes that one state holds at most. Gossip about more is not believed. */
export const NODES_MAX = 16_384

/** A lost link is opened again after this time: at once would only meet the same trouble. */
const RELINK_MS = 20

const NAME = /^[a-z0-9]{40}$/
/** What nodes.conf can hold as an address: no white space, separators or quotes. */
const ADDRESS = /^[A-Za-z0-9._:%-]{0,45}$/
const HOSTNAME = /^[A-Za-z0-9.-]{0,255}$/
/** Redis's rule for names in nodes.conf is odd; this is the part of it that can do no harm. */
const HUMAN_NAME = /^[A-Za-z0-9._/-]{0,128}$/

export function isNodeName(text: string): boolean {
  return NAME.test(text)
}

export function isAddress(text: string): boolean {
  return ADDRESS.test(text)
}

export function isHostname(text: string): boolean {
  return HOSTNAME.test(text)
}

export function isHumanName(text: string): boolean {
  return HUMAN_NAME.test(text)
}

/** Forty hexadecimal digits. */
export function randomName(random: () => number): string {
  let name = ''
  for (let i = 0; i < 40; i++) name += Math.floor(random() * 16).toString(16)
  return name
}

export function lookup(state: ClusterState, name: string): ClusterNode | null {
  return state.nodes.get(name) ?? null
}

/** Makes a node and adds it; `name` null gives it a random one until its handshake is through. */
export function addNode(turn: Turn, name: string | null, flags: number): ClusterNode {
  const node = createNode(name ?? randomName(turn.random), randomName(turn.random), flags, turn.now_ms)
  turn.state.nodes.set(node.name, node)
  turn.state.nodeList.push(node)
  turn.todo |= TODO_CONNECT
  return node
}

export function renameNode(state: ClusterState, node: ClusterNode, name: string): void {
  state.nodes.delete(node.name)
  node.name = name
  state.nodes.set(name, node)
  addToShard(state, node)
}

/** Removes a node with everything that points at it. Never call it for myself. */
export function deleteNode(turn: Turn, node: ClusterNode): void {
  const { state } = turn
  for (const [slot, other] of state.importingFrom) if (other === node) state.importingFrom.delete(slot)
  for (const [slot, other] of state.migratingTo) if (other === node) state.migratingTo.delete(slot)
  if (node.slotCount > 0) {
    for (let slot = 0; slot < state.slotOwner.length; slot++) {
      if (state.slotOwner[slot] === node) clearSlot(turn, slot)
    }
  }
  state.servedStale = true
  for (const other of state.nodeList) removeReport(other, node)
  removeFromShard(state, node)
  for (const replica of node.replicas) replica.master = null
  if (isReplica(node) && node.master !== null) removeReplica(node.master, node)
  if (state.manual.replica === node) resetManual(turn)
  state.nodes.delete(node.name)
  const index = state.nodeList.indexOf(node)
  if (index >= 0) state.nodeList.splice(index, 1)
  if (node.link !== null) closeLink(turn, node.link)
  if (node.inbound !== null) closeLink(turn, node.inbound)
}

export interface Address {
  readonly ip: string
  readonly port: number
  readonly tlsPort: number
  readonly busPort: number
}

/** A node has moved: it is linked at its new address, by replication too (`refollow`). */
export function setAddress(turn: Turn, node: ClusterNode, address: Address): void {
  node.ip = address.ip
  node.port = address.port
  node.tlsPort = address.tlsPort
  node.busPort = address.busPort
  node.flags &= ~NOADDR
  if (node.link !== null) closeLink(turn, node.link)
  node.connectAt_ms = 0
  turn.ready.save = true
  turn.todo |= TODO_STATE | TODO_CONNECT
}

export function removeReport(node: ClusterNode, from: ClusterNode): boolean {
  const index = node.failReports.findIndex((report) => report.from === from)
  if (index < 0) return false
  node.failReports.splice(index, 1)
  return true
}

export function addReplica(master: ClusterNode, replica: ClusterNode): void {
  if (master.replicas.includes(replica)) return
  master.replicas.push(replica)
  master.flags |= MIGRATE_TO
}

export function removeReplica(master: ClusterNode, replica: ClusterNode): void {
  const index = master.replicas.indexOf(replica)
  if (index < 0) return
  master.replicas.splice(index, 1)
  if (master.replicas.length === 0) master.flags &= ~MIGRATE_TO
}

export function addToShard(state: ClusterState, node: ClusterNode): void {
  const shard = state.shards.get(node.shardId)
  if (shard === undefined) state.shards.set(node.shardId, [node])
  else if (!shard.includes(node)) shard.push(node)
}

export function removeFromShard(state: ClusterState, node: ClusterNode): void {
  const shard = state.shards.get(node.shardId)
  if (shard === undefined) return
  const index = shard.indexOf(node)
  if (index >= 0) shard.splice(index, 1)
  if (shard.length === 0) state.shards.delete(node.shardId)
}

/** Moves a node into a shard. A replica of ours follows its master: their ids may differ after an upgrade. */
export function setShard(turn: Turn, node: ClusterNode, shardId: string): void {
  const { state } = turn
  if (node.shardId !== shardId) {
    removeFromShard(state, node)
    node.shardId = shardId
    addToShard(state, node)
    turn.ready.save = true
  }
  const { myself } = state
  if (node !== myself && myself.master === node && myself.shardId !== shardId) {
    removeFromShard(state, myself)
    myself.shardId = shardId
    addToShard(state, myself)
    turn.ready.persist = true
  }
}

/** Forgets a link and has the shell close it. */
export function closeLink(turn: Turn, link: Link): void {
  dropLink(turn, link)
  turn.ready.close.push(link.id)
}

/** Forgets a link that is gone already. */
export function dropLink(turn: Turn, link: Link): void {
  turn.state.links.delete(link.id)
  const { node } = link
  if (node === null) return
  if (node.link === link) {
    node.link = null
    node.connectAt_ms = Math.max(node.connectAt_ms, turn.now_ms + RELINK_MS)
  }
  if (node.inbound === link) node.inbound = null
  turn.todo |= TODO_CONNECT
}
