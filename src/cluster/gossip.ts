/** Gossip and extensions coming in: what a known node tells about others, and more about itself. */

import { addReport, countReports, failIfAgreed, withdrawReport } from './failure.js'
import { forgetName, isForgotten } from './forget.js'
import {
  addNode,
  addToShard,
  deleteNode,
  isAddress,
  isHostname,
  isHumanName,
  isNodeName,
  lookup,
  NODES_MAX,
  setAddress,
  setShard,
} from './nodes.js'
import type { ClusterNode } from './state.js'
import {
  FAILED,
  isMaster,
  isReplica,
  MASTER,
  MIGRATE_TO,
  NOADDR,
  NOFAILOVER,
  PFAIL,
  REPLICA,
} from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_STATE } from './turn.js'
import type { Gossip, PingPacket } from './wire.js'
import {
  EXT_CLIENT_IPV4,
  EXT_CLIENT_IPV6,
  EXT_FORGOTTEN_NODE,
  EXT_HOSTNAME,
  EXT_HUMAN_NODENAME,
  EXT_SHARD_ID,
} from './wire.js'

/** Flags that a third party may say about a node. The others are ours to set. */
const GOSSIP_FLAGS = MASTER | REPLICA | PFAIL | FAILED | NOFAILOVER | MIGRATE_TO
/** A pong time that another clock gives may be this far in our future. */
const CLOCK_TOLERANCE_MS = 500

/** Gossip of a node that we know. (A stranger's is passed in, as null, only where the simulator wants that bug.) */
export function takeGossip(turn: Turn, packet: PingPacket, sender: ClusterNode | null): void {
  for (const entry of packet.gossip) {
    // A name and an address that we have already need no second look.
    const node = lookup(turn.state, entry.name)
    if (node !== null) {
      if (node.ip === entry.ip || isAddress(entry.ip)) updateKnown(turn, node, entry, sender)
    } else if (isNodeName(entry.name) && isAddress(entry.ip)) {
      addUnknown(turn, entry)
    }
  }
}

function updateKnown(turn: Turn, node: ClusterNode, entry: Gossip, sender: ClusterNode | null): void {
  const { state, now_ms } = turn
  const down = (entry.flags & (FAILED | PFAIL)) !== 0
  if (sender !== null && isMaster(sender) && node !== state.myself) {
    if (down) {
      if (addReport(node, sender, now_ms)) {
        log(turn, 'verbose', `Node ${shown(sender)} reported node ${shown(node)} as not reachable.`)
      }
      failIfAgreed(turn, node)
    } else if (withdrawReport(state, node, sender, now_ms)) {
      log(turn, 'verbose', `Node ${shown(sender)} reported node ${shown(node)} is back online.`)
    }
  }
  if (!down && node.pingSentAt_ms === 0 && countReports(state, node, now_ms) === 0) {
    // Somebody else has heard it more recently: we need not ping it so soon.
    const pong_ms = entry.pongReceived_s * 1000
    if (pong_ms <= now_ms + CLOCK_TOLERANCE_MS && pong_ms > node.pongReceivedAt_ms)
      node.pongReceivedAt_ms = pong_ms
  }
  const lost = (node.flags & (FAILED | PFAIL | NOADDR)) !== 0
  if (lost && !down && (entry.flags & NOADDR) === 0) moveTo(turn, node, entry)
}

/** We cannot reach it or have no address of it, and the sender reaches it at another one: try there. */
function moveTo(turn: Turn, node: ClusterNode, entry: Gossip): void {
  const tls = turn.state.config.tlsCluster
  const port = tls ? entry.otherPort : entry.port
  const tlsPort = tls ? entry.port : entry.otherPort
  const same =
    node.ip.toLowerCase() === entry.ip.toLowerCase() &&
    node.port === port &&
    node.tlsPort === tlsPort &&
    node.busPort === entry.busPort
  if (same || node === turn.state.myself) return
  setAddress(turn, node, { ip: entry.ip, port, tlsPort, busPort: entry.busPort })
}

/**
 * A node that we had not heard of. It is taken by the name and address given, no handshake: its address may meanwhile
 * belong to a member of another cluster, which we must not join by accident.
 */
function addUnknown(turn: Turn, entry: Gossip): void {
  const { state } = turn
  if ((entry.flags & NOADDR) !== 0 || isForgotten(state, entry.name, turn.now_ms)) return
  if (state.nodes.size >= NODES_MAX) return
  const node = addNode(turn, entry.name, entry.flags & GOSSIP_FLAGS)
  if ((node.flags & FAILED) !== 0) node.failedAt_ms = turn.now_ms
  const tls = state.config.tlsCluster
  node.ip = entry.ip
  node.port = tls ? entry.otherPort : entry.port
  node.tlsPort = tls ? entry.port : entry.otherPort
  node.busPort = entry.busPort
  addToShard(state, node)
}

/** What the sender's extensions say. One that is missing means that the sender has nothing to say there. */
export function takeExtensions(turn: Turn, packet: PingPacket, sender: ClusterNode): void {
  let hostname = ''
  let humanName = ''
  let shardId = ''
  let clientIpv4 = ''
  let clientIpv6 = ''
  for (const extension of packet.extensions) {
    switch (extension.type) {
      case EXT_HOSTNAME:
        hostname = extension.text
        break
      case EXT_HUMAN_NODENAME:
        humanName = extension.text
        break
      case EXT_CLIENT_IPV4:
        clientIpv4 = extension.text
        break
      case EXT_CLIENT_IPV6:
        clientIpv6 = extension.text
        break
      case EXT_SHARD_ID:
        shardId = extension.shardId
        break
      case EXT_FORGOTTEN_NODE:
        forgetAsTold(turn, extension.name, extension.ttl_s)
        break
      default:
        log(turn, 'warning', `Received unknown extension type ${extension.code}`)
    }
  }
  setHostname(turn, sender, hostname)
  setHumanName(turn, sender, humanName)
  setClientIps(turn, sender, clientIpv4, clientIpv6)
  if (isReplica(sender) && sender.master !== null) {
    // A replica's shard is its master's, whatever it says: senders before 7.2 have no shard ids, so the replicas of
    // such a master each made one up; and Redis does not take a nodes.conf in which the two differ.
    setShard(turn, sender, sender.master.shardId)
  } else if (shardId === sender.shardId || isNodeName(shardId)) {
    setShard(turn, sender, shardId)
    for (const replica of sender.replicas) setShard(turn, replica, shardId)
  }
}

/** FORGET was given to another node; it spreads. */
function forgetAsTold(turn: Turn, name: string, ttl_s: number): void {
  const { state, now_ms } = turn
  const node = lookup(state, name)
  if (node === null || node === state.myself || state.myself.master === node) return
  forgetName(state, name, now_ms + Math.min(ttl_s, 3600) * 1000, now_ms)
  deleteNode(turn, node)
  // It may have been the other end of a slot that is being moved here, which packets and replies tell.
  turn.ready.persist = true
  turn.todo |= TODO_STATE
}

export function setHostname(turn: Turn, node: ClusterNode, hostname: string): void {
  if (node.hostname === hostname || !isHostname(hostname)) return
  node.hostname = hostname
  turn.ready.save = true
}

export function setHumanName(turn: Turn, node: ClusterNode, humanName: string): void {
  if (node.humanName === humanName || !isHumanName(humanName)) return
  node.humanName = humanName
  turn.ready.save = true
}

export function setClientIps(turn: Turn, node: ClusterNode, ipv4: string, ipv6: string): void {
  if (node.clientIpv4 === ipv4 && node.clientIpv6 === ipv6) return
  if (!isAddress(ipv4) || !isAddress(ipv6)) return
  node.clientIpv4 = ipv4
  node.clientIpv6 = ipv6
  turn.ready.save = true
}
