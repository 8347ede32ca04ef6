/**
 * Pings, pongs and meets going out: the header about ourselves, gossip about a few others, and extensions. A tenth of
 * the nodes (three at least) is picked at random into each packet; nodes that we suspect are in every one, so that the
 * suspicion reaches the majority soon.
 */

import { buildHeader } from './announce.js'
import type { ClusterNode, ClusterState, Link } from './state.js'
import { HANDSHAKE, inHandshake, isReplica, NOADDR, PFAIL } from './state.js'
import type { Turn } from './turn.js'
import { send } from './turn.js'
import type { Extension, Gossip } from './wire.js'
import {
  EXT_CLIENT_IPV4,
  EXT_CLIENT_IPV6,
  EXT_FORGOTTEN_NODE,
  EXT_HOSTNAME,
  EXT_HUMAN_NODENAME,
  EXT_SHARD_ID,
  type MEET,
  MFLAG_EXTENSIONS,
  PING,
  PONG,
} from './wire.js'

const GOSSIP_MIN = 3
/** Gossip entries in one packet at most, so that the count fits its field with room to spare. */
const GOSSIP_MAX = 20_000

export function sendPing(turn: Turn, link: Link | null, type: typeof PING | typeof PONG | typeof MEET): void {
  if (link === null) return
  const { state } = turn
  if (!link.inbound && type === PING && link.node !== null) link.node.pingSentAt_ms = turn.now_ms
  const header = buildHeader(state)
  // The flag alone says that we understand extensions; nodes that do not know it ignore it.
  header.mflags |= MFLAG_EXTENSIONS
  send(turn, link, { ...header, type, gossip: pickGossip(turn), extensions: pickExtensions(turn, link.node) })
}

/** Sends a pong to all, or to the replicas of our own shard only: it carries our configuration, asked or not. */
export function broadcastPong(turn: Turn, whom: 'all' | 'own replicas'): void {
  const { myself, nodeList } = turn.state
  for (const node of nodeList) {
    if (node.link === null || node === myself || inHandshake(node)) continue
    if (whom === 'own replicas') {
      const ours = isReplica(node) && node.master !== null
      if (!ours || (node.master !== myself && node.master !== myself.master)) continue
    }
    sendPing(turn, node.link, PONG)
  }
}

function pickGossip(turn: Turn): Gossip[] {
  const { state, random } = turn
  const { nodeList, myself } = state
  const entries: Gossip[] = []
  const round = ++state.pingsSent
  let fresh = nodeList.length - 2
  const wanted = Math.min(Math.max(GOSSIP_MIN, Math.floor(nodeList.length / 10)), fresh)
  for (let tries = wanted * 3; tries > 0 && fresh > 0 && entries.length < wanted; tries--) {
    const node = nodeList[Math.floor(random() * nodeList.length)]!
    if (node === myself || (node.flags & PFAIL) !== 0) continue
    const unfit = (node.flags & (HANDSHAKE | NOADDR)) !== 0 || (node.link === null && node.slotCount === 0)
    if (unfit) {
      fresh--
      continue
    }
    if (node.lastGossip === round) continue
    node.lastGossip = round
    entries.push(gossipAbout(state, node))
    fresh--
  }
  if (state.pfailCount > 0) {
    for (const node of nodeList) {
      if (entries.length >= GOSSIP_MAX) break
      if ((node.flags & PFAIL) === 0 || inHandshake(node)) continue
      entries.push(gossipAbout(state, node))
    }
  }
  return entries
}

function gossipAbout(state: ClusterState, node: ClusterNode): Gossip {
  const tls = state.config.tlsCluster
  return {
    name: node.name,
    pingSent_s: Math.floor(node.pingSentAt_ms / 1000),
    pongReceived_s: Math.floor(node.pongReceivedAt_ms / 1000),
    ip: node.ip,
    port: tls ? node.tlsPort : node.port,
    busPort: node.busPort,
    flags: node.flags,
    otherPort: tls ? node.port : node.tlsPort,
  }
}

/**
 * Extensions for a packet to `to`. Redis before 7.0 drops packets with extensions, and 7.0 warns about those that came
 * with 7.2, so all but the hostname wait until the receiver has shown that it knows them.
 */
function pickExtensions(turn: Turn, to: ClusterNode | null): Extension[] {
  const { myself, forgotten } = turn.state
  const extensions: Extension[] = []
  if (myself.hostname !== '') extensions.push({ type: EXT_HOSTNAME, text: myself.hostname })
  if (to === null || !to.takesExtensions) return extensions
  if (myself.humanName !== '') extensions.push({ type: EXT_HUMAN_NODENAME, text: myself.humanName })
  if (myself.clientIpv4 !== '') extensions.push({ type: EXT_CLIENT_IPV4, text: myself.clientIpv4 })
  if (myself.clientIpv6 !== '') extensions.push({ type: EXT_CLIENT_IPV6, text: myself.clientIpv6 })
  for (const [name, until_ms] of forgotten) {
    if (until_ms <= turn.now_ms) continue
    extensions.push({ type: EXT_FORGOTTEN_NODE, name, ttl_s: Math.ceil((until_ms - turn.now_ms) / 1000) })
  }
  extensions.push({ type: EXT_SHARD_ID, shardId: myself.shardId })
  return extensions
}
