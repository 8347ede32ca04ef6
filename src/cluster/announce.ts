/** What we say about ourselves: the header of every packet, and the simple packets that have no gossip. */

import { slotsSnapshot, testBit } from './slots.js'
import type { ClusterNode, ClusterState } from './state.js'
import { HANDSHAKE, isMaster, isReplica, MYSELF } from './state.js'
import type { Turn } from './turn.js'
import { send } from './turn.js'
import type { Header, Packet } from './wire.js'
import { AUTH_ACK, AUTH_REQUEST, FAIL, MFLAG_FORCEACK, MFLAG_PAUSED, MFSTART, UPDATE } from './wire.js'

export const BUS_PORT_OFFSET = 10_000

/** Brings our own record in line with the configured ports. */
export function updateOwnPorts(state: ClusterState): void {
  const { config, myself } = state
  myself.port = config.announcePort || config.port
  myself.tlsPort = config.announceTlsPort || config.tlsPort
  const base = config.tlsCluster ? config.tlsPort : config.port
  myself.busPort = config.announceBusPort || config.busPort || base + BUS_PORT_OFFSET
}

/** The header of a packet sent now. A replica announces its master's slots and epoch; its flags say so. */
export function buildHeader(state: ClusterState): Header {
  const { config, myself } = state
  const owner = isReplica(myself) && myself.master !== null ? myself.master : myself
  return {
    sender: myself.name,
    port: config.tlsCluster ? myself.tlsPort : myself.port,
    otherPort: config.tlsCluster ? myself.port : myself.tlsPort,
    busPort: myself.busPort,
    ip: config.announceIp,
    flags: myself.flags,
    master: myself.master === null ? '' : myself.master.name,
    slots: slotsSnapshot(owner),
    currentEpoch: state.currentEpoch,
    configEpoch: owner.configEpoch,
    offset_bytes: state.local.offset_bytes,
    state: state.ok ? 0 : 1,
    mflags: isMaster(myself) && state.manual.endsAt_ms !== 0 ? MFLAG_PAUSED : 0,
  }
}

/** Sends one packet to every node that we know by name. */
export function broadcast(turn: Turn, packet: Packet): void {
  for (const node of turn.state.nodeList) {
    if ((node.flags & (MYSELF | HANDSHAKE)) === 0) send(turn, node.link, packet)
  }
}

export function broadcastFail(turn: Turn, node: ClusterNode): void {
  broadcast(turn, { ...buildHeader(turn.state), type: FAIL, about: node.name })
}

/** Tells one node that `about` owns slots which it still believes to be its own. Slots no longer claimed stay out. */
export function sendUpdate(turn: Turn, to: ClusterNode, about: ClusterNode): void {
  if (to.link === null) return
  const { notClaimed } = turn.state
  let slots = slotsSnapshot(about)
  if (notClaimed.some((byte) => byte !== 0)) {
    slots = slots.map((byte, i) => byte & ~notClaimed[i]!)
  }
  send(turn, to.link, {
    ...buildHeader(turn.state),
    type: UPDATE,
    about: about.name,
    aboutEpoch: about.configEpoch,
    aboutSlots: slots,
  })
}

export function broadcastAuthRequest(turn: Turn): void {
  const header = buildHeader(turn.state)
  if (turn.state.manual.endsAt_ms !== 0) header.mflags |= MFLAG_FORCEACK
  broadcast(turn, { ...header, type: AUTH_REQUEST })
}

export function sendAuthAck(turn: Turn, to: ClusterNode): void {
  send(turn, to.link, { ...buildHeader(turn.state), type: AUTH_ACK })
}

export function sendManualStart(turn: Turn, to: ClusterNode): void {
  send(turn, to.link, { ...buildHeader(turn.state), type: MFSTART })
}

/** The slots in a bitmap, for log lines and tests. */
export function countSlots(bitmap: Uint8Array): number {
  let count = 0
  for (let slot = 0; slot < bitmap.length * 8; slot++) if (testBit(bitmap, slot)) count++
  return count
}
