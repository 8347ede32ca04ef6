/**
 * Epochs: the cluster's logical clock. `currentEpoch` is the greatest that we have heard of; each master claims its
 * slots under a `configEpoch` of its own, and where two masters claim a slot the greater one has it.
 *
 * An epoch is a u64, on the wire and in files, and a bigint here, so that a peer's epoch beyond 2^53 (Redis takes any) is
 * known exactly and elections go on from there. The bus knows no secrets: anybody can connect and speak in a member's
 * name. So an epoch that jumps far above ours is taken only over a link that we opened to the member's address, where it
 * repeats what it says with every pong; elsewhere it is not taken, and logged. The rest of such a packet still counts,
 * except for what is decided by its epoch (UPDATE, votes).
 *
 * *currentEpoch is never less than a config epoch that is known*, or the next election's winner could not have its slots.
 */

import type { ClusterNode, ClusterState, Link } from './state.js'
import { isMaster } from './state.js'
import type { Turn } from './turn.js'
import { log } from './turn.js'
import type { Packet } from './wire.js'
import { AUTH_ACK, AUTH_REQUEST, UPDATE } from './wire.js'

/** An epoch that is more than this above our current one jumps: no cluster holds this many elections while a node is away. */
export const EPOCH_JUMP = 1n << 32n
/** No jump goes further, and none from a file: this many epochs stay for elections. */
export const EPOCH_MAX = (1n << 64n) - EPOCH_JUMP
/** Epochs that are not taken are logged at most once in this time. */
const REFUSAL_LOG_MS = 60_000

function isCredible(state: ClusterState, epoch: bigint, link: Link): boolean {
  if (epoch - state.currentEpoch <= EPOCH_JUMP) return true
  return !link.inbound && epoch <= EPOCH_MAX
}

/** The packet as far as its epochs can be believed: itself, one without the others, or null when nothing is left of it. */
export function believe(turn: Turn, link: Link, packet: Packet): Packet | null {
  const { state, now_ms } = turn
  const current = isCredible(state, packet.currentEpoch, link)
  const config = isCredible(state, packet.configEpoch, link)
  const about = packet.type !== UPDATE || isCredible(state, packet.aboutEpoch, link)
  if (current && config && about) return packet
  if (now_ms - state.epochRefusedAt_ms >= REFUSAL_LOG_MS) {
    state.epochRefusedAt_ms = now_ms
    const refused = !current
      ? packet.currentEpoch
      : packet.type === UPDATE && !about
        ? packet.aboutEpoch
        : packet.configEpoch
    log(
      turn,
      'warning',
      `Ignoring epoch ${refused} of node ${packet.sender}: too far above our current epoch ${state.currentEpoch}`,
    )
  }
  if (packet.type === UPDATE || packet.type === AUTH_REQUEST || packet.type === AUTH_ACK) return null
  const sender = state.nodes.get(packet.sender)
  const owner = sender === undefined || packet.master === '' ? sender : state.nodes.get(packet.master)
  return {
    ...packet,
    currentEpoch: current ? packet.currentEpoch : 0n,
    configEpoch: config ? packet.configEpoch : (owner?.configEpoch ?? 0n),
  }
}

/** Another node has reached `epoch`, as `from` says. */
export function raiseEpoch(turn: Turn, epoch: bigint, from: ClusterNode): void {
  const { state } = turn
  const jump = epoch - state.currentEpoch
  if (jump <= 0n) return
  state.currentEpoch = epoch
  turn.ready.persist = true
  if (jump <= EPOCH_JUMP) return
  log(
    turn,
    'warning',
    `Epoch jumps to ${epoch}, ${jump} further, as node ${from.name} (${from.humanName}) says`,
  )
  // It may have been forged in our name where we do not see it: a newer config epoch wins our slots back there.
  if (isMaster(state.myself) && state.myself.slotCount > 0) bumpEpoch(turn)
}

/** The greatest epoch known: of any node, or the current one. */
export function maxEpoch(state: ClusterState): bigint {
  let max = state.currentEpoch
  for (const node of state.nodeList) if (node.configEpoch > max) max = node.configEpoch
  return max
}

/**
 * Takes a new config epoch without asking anybody: when slots have been moved by hand, and for CLUSTER FAILOVER
 * TAKEOVER. Two nodes may do so at once; collisions are sorted out below. Answers whether there was a need to.
 */
export function bumpEpoch(turn: Turn): boolean {
  const { state } = turn
  const { myself } = state
  if (myself.configEpoch !== 0n && myself.configEpoch === maxEpoch(state)) return false
  state.currentEpoch++
  myself.configEpoch = state.currentEpoch
  turn.ready.persist = true
  log(turn, 'notice', `New configEpoch set to ${myself.configEpoch}`)
  return true
}

/**
 * Another master has our config epoch. The one with the smaller name moves on to a new one, so that with any number
 * of colliding masters all end up with different epochs.
 */
export function resolveCollision(turn: Turn, sender: ClusterNode): void {
  const { state } = turn
  const { myself } = state
  if (sender.configEpoch !== myself.configEpoch || !isMaster(sender) || !isMaster(myself)) return
  if (sender.name <= myself.name) return
  state.currentEpoch++
  myself.configEpoch = state.currentEpoch
  turn.ready.persist = true
  turn.state.announceOwed = true
  log(
    turn,
    'verbose',
    `WARNING: configEpoch collision with node ${sender.name} (${sender.humanName}). ` +
      `configEpoch set to ${myself.configEpoch}`,
  )
}
