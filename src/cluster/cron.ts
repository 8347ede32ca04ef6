/**
 * What time alone brings about: pings that are due, nodes that have not answered, handshakes given up, elections and
 * manual failovers to be moved on. Redis does this ten times a second; so do we, and in addition exactly when
 * something falls due, so that a failover does not lose tenths of seconds here and there.
 */

import { advanceFailover, electionDeadline_ms } from './election.js'
import { failIfAgreed } from './failure.js'
import { healthDeadline_ms, updateHealth } from './health.js'
import { connectDeadline_ms, connectMissing, handshakeExpired, meetAgain } from './links.js'
import { checkManualTimeout } from './manual.js'
import { closeLink, deleteNode } from './nodes.js'
import { broadcastPong, sendPing } from './ping.js'
import { considerMigration } from './replica-migration.js'
import { refollow } from './roles.js'
import type { ClusterNode, ClusterState } from './state.js'
import { FAILED, HANDSHAKE, isMaster, isReplica, MYSELF, NOADDR, PFAIL } from './state.js'
import type { Turn } from './turn.js'
import { log, TODO_STATE } from './turn.js'
import { PING } from './wire.js'

const CRON_MS = 100
/** No silence shorter than this is suspicious, however short the node timeout: an answer takes its time. */
const SILENCE_MIN_MS = 100
const RANDOM_PING_MS = 1000
/** Of this many nodes picked at random, the one that we have not heard for longest is pinged. */
const RANDOM_PING_CANDIDATES = 5
/** Least time between two announcements of our own changed configuration ... */
const ANNOUNCE_MIN_MS = 100
/** ... and, since each costs every node a packet, this much for each node: 200 packets a second in and out. */
const ANNOUNCE_NODE_MS = 5
/** Masters that are pinged at once when a node has just become suspect, so that they hear of it. */
const SUSPICION_PINGS_MAX = 16

export function cron(turn: Turn): void {
  const { state, now_ms } = turn
  state.nextCron_ms = now_ms + CRON_MS
  state.pfailCount = 0
  for (let i = state.nodeList.length - 1; i >= 0; i--) {
    const node = state.nodeList[i]!
    if ((node.flags & PFAIL) !== 0) state.pfailCount++
    if (handshakeExpired(state, node, now_ms)) deleteNode(turn, node)
  }
  connectMissing(turn)
  if (now_ms >= state.nextRandomPing_ms) {
    state.nextRandomPing_ms = now_ms + RANDOM_PING_MS
    pingRandom(turn)
  }
  const suspects: ClusterNode[] = []
  for (const node of state.nodeList) if (watch(turn, node)) suspects.push(node)
  if (suspects.length > 0) spreadSuspicion(turn, suspects)
  const { myself } = state
  refollow(turn)
  checkManualTimeout(turn)
  if (isReplica(myself)) {
    advanceFailover(turn)
    considerMigration(turn)
  }
  if (!state.ok || suspects.length > 0) updateHealth(turn)
}

function pingRandom(turn: Turn): void {
  const { nodeList } = turn.state
  let oldest: ClusterNode | null = null
  for (let i = 0; i < RANDOM_PING_CANDIDATES; i++) {
    const node = nodeList[Math.floor(turn.random() * nodeList.length)]!
    if (node.link === null || !node.link.connected || node.pingSentAt_ms !== 0) continue
    if ((node.flags & (MYSELF | HANDSHAKE)) !== 0) continue
    if (oldest === null || oldest.pongReceivedAt_ms > node.pongReceivedAt_ms) oldest = node
  }
  if (oldest !== null) sendPing(turn, oldest.link, PING)
}

/** Pings one node when that is due, renews a dead link, and suspects it when it is silent. True: newly suspected. */
function watch(turn: Turn, node: ClusterNode): boolean {
  const { state, now_ms } = turn
  if ((node.flags & (MYSELF | HANDSHAKE)) !== 0) return false
  // A node without an address cannot be asked, and is as silent as one that does not answer.
  if ((node.flags & NOADDR) !== 0 && node.pingSentAt_ms === 0) node.pingSentAt_ms = now_ms
  if (node.awaitsInbound) meetAgain(turn, node)
  const timeout_ms = Math.max(state.config.nodeTimeout_ms, SILENCE_MIN_MS)
  const { manual } = state
  const silent_ms = Math.min(now_ms - node.pingSentAt_ms, now_ms - node.dataReceivedAt_ms)
  const waiting = node.pingSentAt_ms !== 0
  const { link } = node
  if (link !== null && waiting && silent_ms > timeout_ms / 2 && now_ms - link.createdAt_ms > timeout_ms) {
    // Perhaps only the connection is broken: a new one is opened below.
    closeLink(turn, link)
  }
  const open = node.link?.connected === true
  if (open && !waiting && now_ms - node.pongReceivedAt_ms > timeout_ms / 2) {
    sendPing(turn, node.link, PING)
    return false
  }
  if (open && manual.endsAt_ms !== 0 && isMaster(state.myself) && manual.replica === node) {
    sendPing(turn, node.link, PING)
    return false
  }
  // A link that is still being opened carries no ping yet, but a node that takes no connection is silent, too.
  if (!waiting && node.link !== null && !open && now_ms - node.link.createdAt_ms > CRON_MS) {
    node.pingSentAt_ms = node.link.createdAt_ms
  }
  if (!waiting || silent_ms <= timeout_ms || (node.flags & (PFAIL | FAILED)) !== 0) return false
  log(turn, 'debug', `*** NODE ${node.name} possibly failing`)
  node.flags |= PFAIL
  state.pfailCount++
  return true
}

/**
 * Every packet from now on carries the suspicion. Where masters have reported the node already, ours may complete the
 * majority; and a ping to some masters lets them hear it now, not in up to half a node timeout.
 */
function spreadSuspicion(turn: Turn, suspects: readonly ClusterNode[]): void {
  const { state } = turn
  for (const node of suspects) failIfAgreed(turn, node)
  let left = SUSPICION_PINGS_MAX
  for (const node of state.nodeList) {
    if (left === 0) return
    if (!isMaster(node) || node.slotCount === 0 || (node.flags & (MYSELF | PFAIL | FAILED | NOADDR)) !== 0)
      continue
    if (node.link === null || !node.link.connected || node.pingSentAt_ms !== 0) continue
    sendPing(turn, node.link, PING)
    left--
  }
}

/** Sends the announcement that is owed, unless the last one was a moment ago. */
export function announceIfOwed(turn: Turn): void {
  const { state, now_ms } = turn
  if (!state.announceOwed || now_ms < announceDeadline_ms(state)) return
  state.announceOwed = false
  state.announcedAt_ms = now_ms
  broadcastPong(turn, 'all')
}

function announceDeadline_ms(state: ClusterState): number {
  return state.announcedAt_ms + Math.max(ANNOUNCE_MIN_MS, ANNOUNCE_NODE_MS * state.nodeList.length)
}

/**
 * When the next tick is due. After a packet that closed and opened no link the nodes need not be looked at: it moves their
 * deadlines to later only, and a ping that was sent is due after the next regular tick.
 */
export function nextWake_ms(turn: Turn, afterPacket: boolean): number {
  const { state, now_ms, ready } = turn
  let wake_ms = Math.min(state.nextCron_ms, electionDeadline_ms(turn))
  const health_ms = healthDeadline_ms(state)
  if (health_ms > now_ms) wake_ms = Math.min(wake_ms, health_ms)
  if (state.announceOwed) wake_ms = Math.min(wake_ms, announceDeadline_ms(state))
  if (!afterPacket || ready.close.length > 0 || ready.connect.length > 0) {
    state.nodesWake_ms = nodesDeadline_ms(state)
  }
  return Math.max(Math.min(wake_ms, state.nodesWake_ms), now_ms + 1)
}

/** When the first node is to be suspected, or tried again. */
export function nodesDeadline_ms(state: ClusterState): number {
  let deadline_ms = Number.POSITIVE_INFINITY
  for (const node of state.nodeList) deadline_ms = Math.min(deadline_ms, nodeDeadline_ms(state, node))
  return deadline_ms
}

/** When this node is to be suspected, or tried again. */
function nodeDeadline_ms(state: ClusterState, node: ClusterNode): number {
  if (node.link === null) return connectDeadline_ms(state, node)
  if (node.pingSentAt_ms === 0 || (node.flags & (PFAIL | FAILED)) !== 0) return Number.POSITIVE_INFINITY
  const timeout_ms = Math.max(state.config.nodeTimeout_ms, SILENCE_MIN_MS)
  return Math.max(node.pingSentAt_ms, node.dataReceivedAt_ms) + timeout_ms + 1
}

/** The evaluation that a turn owes at its end. */
export function finishHealth(turn: Turn): void {
  if ((turn.todo & TODO_STATE) !== 0) updateHealth(turn)
}
