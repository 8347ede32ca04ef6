/**
 * Packets coming in. What is learned, in this order: who speaks, the epochs, our own address, the sender's address,
 * that it is alive, its role, its slots, collisions of epochs, and last its gossip about others.
 *
 * Only what comes from a node that we know is believed. A stranger gets a pong, and with a MEET a handshake.
 */

import { sendUpdate } from './announce.js'
import { considerVote, countVote } from './election.js'
import { believe, raiseEpoch, resolveCollision } from './epochs.js'
import { clearFailureIfFit, markFailed } from './failure.js'
import { takeExtensions, takeGossip } from './gossip.js'
import { bindInbound } from './links.js'
import { startManualAsMaster } from './manual.js'
import { HANDSHAKES_MAX } from './meet.js'
import {
  addNode,
  addReplica,
  deleteNode,
  isAddress,
  isNodeName,
  lookup,
  removeReplica,
  renameNode,
  setAddress,
  setShard,
} from './nodes.js'
import { mergeClaim } from './ownership.js'
import { sendPing } from './ping.js'
import { setAsMaster } from './roles.js'
import { clearSlotsOf, isUnclaimed, sameSlots, testBit } from './slots.js'
import type { ClusterNode, Link, LinkId } from './state.js'
import {
  clientPort,
  FAILED,
  HANDSHAKE,
  hasFailed,
  inHandshake,
  isMaster,
  isReplica,
  isSuspected,
  MASTER,
  MEETING,
  MIGRATE_TO,
  MYSELF,
  NOADDR,
  NOFAILOVER,
  PFAIL,
  REPLICA,
} from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_MANUAL, TODO_STATE } from './turn.js'
import type { Packet, PingPacket, UpdatePacket } from './wire.js'
import {
  AUTH_ACK,
  AUTH_REQUEST,
  FAIL,
  MEET,
  MFLAG_EXTENSIONS,
  MFLAG_PAUSED,
  MFSTART,
  PING,
  PONG,
  PUBLISH,
  PUBLISHSHARD,
  UPDATE,
} from './wire.js'

export function receive(turn: Turn, linkId: LinkId, received: Packet): void {
  const link = turn.state.links.get(linkId)
  // Closed by us while the packet was on its way.
  if (link === undefined) return
  turn.state.receivedCounts[received.type]!++
  const packet = believe(turn, link, received)
  if (packet === null) return
  const sender = findSender(turn, link, packet)
  if (sender !== null) {
    sender.dataReceivedAt_ms = turn.now_ms
    if (!inHandshake(sender)) takeHeader(turn, sender, packet)
  }
  switch (packet.type) {
    case PING:
    case PONG:
    case MEET:
      receivePing(turn, link, packet, sender)
      break
    case FAIL:
      receiveFail(turn, sender, packet.sender, packet.about)
      break
    case PUBLISH:
    case PUBLISHSHARD:
      if (sender === null) break
      turn.ready.facts.push({
        kind: 'published',
        channel: packet.channel,
        message: packet.message,
        sharded: packet.type === PUBLISHSHARD,
      })
      break
    case AUTH_REQUEST:
      if (sender !== null) considerVote(turn, sender, packet)
      break
    case AUTH_ACK:
      if (sender !== null) countVote(turn, sender, packet)
      break
    case MFSTART:
      if (sender === null || sender.master !== turn.state.myself) break
      startManualAsMaster(turn, sender)
      // A ping at once: it carries our offset, flagged as paused, for which the replica is waiting.
      sendPing(turn, link, PING)
      break
    case UPDATE:
      if (sender !== null) receiveUpdate(turn, sender, packet)
      break
  }
}

/** The node that speaks, if we know it. */
function findSender(turn: Turn, link: Link, packet: Packet): ClusterNode | null {
  const { node } = link
  if (node !== null && !inHandshake(node) && node.name === packet.sender) return node
  const sender = isNodeName(packet.sender) ? lookup(turn.state, packet.sender) : null
  // Nobody else may speak in our name; when we meet ourselves by accident, the handshake ends by our name.
  if (sender === turn.state.myself) return null
  if (!link.inbound) {
    // A link of ours to a node whose name turned out different: handled as a mismatch, whoever it is.
    return node !== null && inHandshake(node) ? sender : null
  }
  if (sender !== null && node !== sender) {
    if (node !== null) node.inbound = null
    bindInbound(turn, link, sender)
  }
  return sender
}

/** Epochs and offset, which every packet carries. */
function takeHeader(turn: Turn, sender: ClusterNode, packet: Packet): void {
  const { state, now_ms } = turn
  const { manual } = state
  if (packet.configEpoch > sender.configEpoch) {
    sender.configEpoch = packet.configEpoch
    turn.ready.persist = true
  }
  raiseEpoch(
    turn,
    packet.configEpoch > packet.currentEpoch ? packet.configEpoch : packet.currentEpoch,
    sender,
  )
  sender.offset_bytes = packet.offset_bytes
  sender.offsetAt_ms = now_ms
  const paused = (packet.mflags & MFLAG_PAUSED) !== 0
  if (manual.endsAt_ms === 0 || !paused || !isReplica(state.myself) || state.myself.master !== sender) return
  if (manual.masterOffset_bytes === -1 && !manual.canStart) {
    manual.masterOffset_bytes = packet.offset_bytes
    turn.todo |= TODO_MANUAL
    log(
      turn,
      'notice',
      `Received replication offset for paused master manual failover: ${packet.offset_bytes}`,
    )
  } else if (manual.masterOffset_bytes !== -1 && packet.offset_bytes > manual.masterOffset_bytes) {
    // The first packet was sent in an attempt before this one; the master's clients wrote in between.
    manual.masterOffset_bytes = packet.offset_bytes
  }
}

function receivePing(turn: Turn, link: Link, packet: PingPacket, known: ClusterNode | null): void {
  let sender = known
  if (sender !== null && (packet.mflags & MFLAG_EXTENSIONS) !== 0) sender.takesExtensions = true
  if (packet.type !== PONG) greetBack(turn, link, packet, sender)
  if (!link.inbound && link.node !== null) {
    const shaking = inHandshake(link.node)
    if (!checkName(turn, link, link.node, packet, sender)) return
    if (shaking) {
      // The handshake is through: from here on this is a packet of a node that we know.
      sender = link.node
      takeHeader(turn, sender, packet)
      turn.state.announceOwed = true
    }
  }
  if (sender !== null) {
    sender.flags = (sender.flags & ~NOFAILOVER) | (packet.flags & NOFAILOVER)
    if (packet.type === PING && !inHandshake(sender) && takeAddress(turn, sender, link, packet)) {
      turn.ready.save = true
      turn.todo |= TODO_STATE
    }
  }
  if (!link.inbound && packet.type === PONG && link.node !== null) takePong(turn, link.node)
  if (sender === null) return
  takeRole(turn, sender, packet)
  takeSlots(turn, sender, packet)
  const { myself } = turn.state
  if (isMaster(myself) && isMaster(sender) && packet.configEpoch === myself.configEpoch) {
    resolveCollision(turn, sender)
  }
  takeGossip(turn, packet, sender)
  takeExtensions(turn, packet, sender)
}

/** Answers a ping or meet; a stranger's meet begins a handshake. Our own address may be learned on the way. */
function greetBack(turn: Turn, link: Link, packet: PingPacket, sender: ClusterNode | null): void {
  const { state } = turn
  const { myself, config } = state
  const wanted = packet.type === MEET || myself.ip === ''
  if (wanted && config.announceIp === '' && link.localIp !== '' && link.localIp !== myself.ip) {
    // The peer reached us at this address, so it is one of ours: NAT aside, the way to learn it.
    myself.ip = link.localIp
    log(turn, 'notice', `IP address for this node updated to ${myself.ip}`)
    turn.ready.save = true
  }
  if (sender === null && packet.type === MEET && packet.sender !== myself.name) {
    beginHandshake(turn, link, packet)
    if (state.faults.trustStrangers) takeGossip(turn, packet, null)
  }
  sendPing(turn, link, PONG)
}

function beginHandshake(turn: Turn, link: Link, packet: PingPacket): void {
  const { state } = turn
  const ip = senderIp(link, packet)
  if (ip === '' || packet.busPort === 0) return
  const known = state.nodeList.filter(inHandshake)
  if (known.length >= HANDSHAKES_MAX) return
  if (known.some((node) => node.ip === ip && node.busPort === packet.busPort)) return
  const node = addNode(turn, null, HANDSHAKE)
  node.ip = ip
  const tls = state.config.tlsCluster
  node.port = tls ? packet.otherPort : packet.port
  node.tlsPort = tls ? packet.port : packet.otherPort
  node.busPort = packet.busPort
  turn.ready.save = true
}

/** Where the sender can be reached: the address it announces, or the one it comes from. */
function senderIp(link: Link, packet: Packet): string {
  if (packet.ip !== '') return isAddress(packet.ip) ? packet.ip : ''
  return link.remoteIp
}

/**
 * A packet over a link that we opened to `node`: is the other end who we think? Ends a handshake. False: the link, and
 * perhaps the node, has gone.
 */
function checkName(
  turn: Turn,
  link: Link,
  node: ClusterNode,
  packet: PingPacket,
  sender: ClusterNode | null,
): boolean {
  const { state } = turn
  if (inHandshake(node)) {
    if (sender !== null || packet.sender === state.myself.name || !isNodeName(packet.sender)) {
      if (sender !== null) {
        log(
          turn,
          'verbose',
          `Handshake: we already know node ${shown(sender)}, updating the address if needed.`,
        )
        if (takeAddress(turn, sender, link, packet)) {
          turn.ready.save = true
          turn.todo |= TODO_STATE
        }
      }
      deleteNode(turn, node)
      return false
    }
    renameNode(state, node, packet.sender)
    log(turn, 'debug', `Handshake with node ${node.name} completed.`)
    node.flags = (node.flags & ~(HANDSHAKE | MEETING)) | (packet.flags & (MASTER | REPLICA))
    node.awaitsInbound = node.inbound === null
    node.metAt_ms = turn.now_ms
    if ((packet.mflags & MFLAG_EXTENSIONS) !== 0) node.takesExtensions = true
    turn.ready.save = true
    return true
  }
  if (node.name === packet.sender) return true
  log(
    turn,
    'debug',
    `PONG contains mismatching sender ID. About node ${node.name}, having flags ${node.flags}`,
  )
  const ip = node.ip
  setAddress(turn, node, { ip: '', port: 0, tlsPort: 0, busPort: 0 })
  node.flags |= NOADDR
  foundElsewhere(turn, ip, packet)
  return false
}

/** At an address where we expected another node a member has answered: if we lost sight of it, it has moved there. */
function foundElsewhere(turn: Turn, ip: string, packet: PingPacket): void {
  const { state } = turn
  const node = isNodeName(packet.sender) ? lookup(state, packet.sender) : null
  if (node === null || node === state.myself || inHandshake(node)) return
  const lost = (node.flags & (PFAIL | FAILED | NOADDR)) !== 0
  if (!lost && node.link?.connected === true) return
  const tls = state.config.tlsCluster
  const port = tls ? packet.otherPort : packet.port
  const tlsPort = tls ? packet.port : packet.otherPort
  setAddress(turn, node, { ip, port, tlsPort, busPort: packet.busPort })
  log(turn, 'notice', `Address updated for node ${shown(node)}, now ${ip}:${clientPort(node, tls)}`)
}

/** Takes over the address that the sender shows on a link which it opened. True when it was another. */
function takeAddress(turn: Turn, sender: ClusterNode, link: Link, packet: PingPacket): boolean {
  const { state } = turn
  if (link === sender.link) return false
  const ip = senderIp(link, packet)
  if (ip === '') return false
  const tls = state.config.tlsCluster
  const port = tls ? packet.otherPort : packet.port
  const tlsPort = tls ? packet.port : packet.otherPort
  const same = sender.port === port && sender.busPort === packet.busPort && sender.tlsPort === tlsPort
  if (same && sender.ip === ip) return false
  setAddress(turn, sender, { ip, port, tlsPort, busPort: packet.busPort })
  log(turn, 'notice', `Address updated for node ${shown(sender)}, now ${ip}:${clientPort(sender, tls)}`)
  return true
}

function takePong(turn: Turn, node: ClusterNode): void {
  node.pongReceivedAt_ms = turn.now_ms
  node.pingSentAt_ms = 0
  if (isSuspected(node)) {
    node.flags &= ~PFAIL
    turn.ready.save = true
    turn.todo |= TODO_STATE
  } else if (hasFailed(node)) {
    clearFailureIfFit(turn, node)
  }
}

function takeRole(turn: Turn, sender: ClusterNode, packet: PingPacket): void {
  const { state } = turn
  if (packet.master === '') {
    setAsMaster(turn, sender)
    return
  }
  if (isMaster(sender)) {
    clearSlotsOf(turn, sender)
    sender.flags = (sender.flags & ~(MASTER | MIGRATE_TO)) | REPLICA
    turn.ready.save = true
    turn.todo |= TODO_STATE
  } else {
    sender.flags |= REPLICA
  }
  const master = isNodeName(packet.master) ? lookup(state, packet.master) : null
  if (master === null || master === sender || sender.master === master) return
  if (sender.master !== null) removeReplica(sender.master, sender)
  addReplica(master, sender)
  sender.master = master
  setShard(turn, sender, master.shardId)
  turn.ready.save = true
}

/** Slots that the sender claims: ours to learn, or, when it is behind, ours to correct. */
function takeSlots(turn: Turn, sender: ClusterNode, packet: PingPacket): void {
  const { state } = turn
  const owner = isMaster(sender) ? sender : sender.master
  if (owner === null) return
  // It has lost an epoch in a crash, or we were told a false one in its name: what we hold counts here, and no replica
  // of it could be elected by us before it knows.
  if (owner.configEpoch > packet.configEpoch) sendUpdate(turn, sender, owner)
  if (sameSlots(owner.slots, packet.slots)) return
  if (isMaster(sender)) mergeClaim(turn, sender, packet.configEpoch, packet.slots)
  for (let slot = 0; slot < state.slotOwner.length; slot++) {
    if (!testBit(packet.slots, slot)) {
      if (packet.slots[slot >> 3] === 0) slot |= 7
      continue
    }
    const holder = state.slotOwner[slot]!
    if (holder === sender || isUnclaimed(state, slot) || holder.configEpoch <= packet.configEpoch) continue
    log(
      turn,
      'verbose',
      `Node ${sender.name} has old slots configuration, sending an UPDATE message about ${holder.name}`,
    )
    sendUpdate(turn, sender, holder)
    return
  }
}

function receiveFail(turn: Turn, sender: ClusterNode | null, senderName: string, about: string): void {
  if (sender === null) {
    log(turn, 'notice', `Ignoring FAIL message from unknown node ${senderName} about ${about}`)
    return
  }
  const failing = isNodeName(about) ? lookup(turn.state, about) : null
  if (failing === null || (failing.flags & (FAILED | MYSELF)) !== 0) return
  log(turn, 'notice', `FAIL message received from ${shown(sender)} about ${shown(failing)}`)
  markFailed(turn, failing)
}

/** Somebody tells us that a node owns slots under a greater epoch than we know. */
function receiveUpdate(turn: Turn, sender: ClusterNode, packet: UpdatePacket): void {
  const { state } = turn
  const about = isNodeName(packet.about) ? lookup(state, packet.about) : null
  if (about === null || about.configEpoch >= packet.aboutEpoch) return
  if (about !== state.myself) setAsMaster(turn, about)
  else if (isReplica(about)) return
  else state.announceOwed = true
  about.configEpoch = packet.aboutEpoch
  turn.ready.persist = true
  raiseEpoch(turn, packet.aboutEpoch, sender)
  mergeClaim(turn, about, packet.aboutEpoch, packet.aboutSlots)
}
