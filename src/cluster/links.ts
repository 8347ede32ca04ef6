/** Connections coming and going, and opening those that are missing. */

import { closeLink, dropLink } from './nodes.js'
import { sendPing } from './ping.js'
import type { ClusterNode, ClusterState, Link, LinkId } from './state.js'
import { inHandshake, MEETING, MYSELF, NOADDR } from './state.js'
import type { LinkEvent, Turn } from './turn.js'
import { log, shown, TODO_CONNECT } from './turn.js'
import { MEET, PING } from './wire.js'

/** Between two attempts to connect to the same node. */
const RECONNECT_MS = 100
/** A handshake is given up after one node timeout, but not before. */
const HANDSHAKE_MIN_MS = 1000
/** Where the other end has accepted our link it is there, only busy: it may take this many timeouts to answer. */
const HANDSHAKE_TIMEOUTS_CONNECTED = 4
/** Accepted connections that have not said yet who they are. Beyond, the newest is closed at once. */
export const UNNAMED_LINKS_MAX = 2000

function createLink(turn: Turn, id: LinkId, inbound: boolean, node: ClusterNode | null): Link {
  const link: Link = {
    id,
    inbound,
    node,
    createdAt_ms: turn.now_ms,
    connected: inbound,
    localIp: '',
    remoteIp: '',
  }
  turn.state.links.set(id, link)
  return link
}

export function handleLink(turn: Turn, event: LinkEvent): void {
  const { state } = turn
  if (event.event === 'accepted') {
    accept(turn, event)
    return
  }
  const link = state.links.get(event.link)
  // We have closed it ourselves already: the shell's news of it are late.
  if (link === undefined) return
  if (event.event === 'connected') {
    link.connected = true
    link.localIp = event.localIp ?? ''
    link.remoteIp = event.remoteIp ?? ''
    greet(turn, link)
    return
  }
  const { node } = link
  if (event.event === 'overflowed') {
    state.linksOverLimit++
    const direction = link.inbound ? 'from' : 'to'
    log(
      turn,
      'warning',
      `Freeing cluster link(${direction} node ${node?.name ?? ''}, used memory: ` +
        `${state.local.linkQueue_bytes(link.id)}) due to exceeding send buffer memory limit.`,
    )
  }
  dropLink(turn, link)
  if (event.event === 'failed' && node !== null) {
    // No ping could be sent: count from now, or failure detection would never begin.
    if (node.pingSentAt_ms === 0) node.pingSentAt_ms = turn.now_ms
    log(turn, 'debug', `Unable to connect to Cluster Node [${node.ip}]:${node.busPort}`)
  }
}

function accept(turn: Turn, event: LinkEvent): void {
  let unnamed = 0
  for (const link of turn.state.links.values()) if (link.inbound && link.node === null) unnamed++
  if (unnamed >= UNNAMED_LINKS_MAX) {
    turn.ready.close.push(event.link)
    return
  }
  const link = createLink(turn, event.link, true, null)
  link.localIp = event.localIp ?? ''
  link.remoteIp = event.remoteIp ?? ''
}

/**
 * The first packet on a link that we opened: a MEET to a node that the operator had us meet, a PING to all others. A link
 * that breaks before the node has answered may have lost the MEET, so the next link sends it again.
 */
function greet(turn: Turn, link: Link): void {
  const { node } = link
  if (node === null) return
  const waitingSince_ms = node.pingSentAt_ms
  sendPing(turn, link, (node.flags & MEETING) !== 0 ? MEET : PING)
  // An unanswered ping of the link before still counts.
  if (waitingSince_ms !== 0) node.pingSentAt_ms = waitingSince_ms
}

/** Ties an accepted link to the node that speaks over it; an older one from the same node is closed. */
export function bindInbound(turn: Turn, link: Link, node: ClusterNode): void {
  if (node.inbound !== null && node.inbound !== link) {
    log(turn, 'debug', `Replacing inbound link ${node.inbound.id} from node ${node.name} with ${link.id}`)
    closeLink(turn, node.inbound)
  }
  node.inbound = link
  node.awaitsInbound = false
  link.node = node
}

function wantsLink(state: ClusterState, node: ClusterNode): boolean {
  if (node.link !== null || node === state.myself) return false
  return (node.flags & (MYSELF | NOADDR)) === 0 && node.ip !== '' && node.busPort !== 0
}

/** Opens links to all nodes that have none, unless they were tried a moment ago. */
export function connectMissing(turn: Turn): void {
  const { state, now_ms } = turn
  turn.todo &= ~TODO_CONNECT
  for (const node of state.nodeList) {
    if (!wantsLink(state, node) || node.connectAt_ms > now_ms) continue
    node.connectAt_ms = now_ms + RECONNECT_MS
    const link = createLink(turn, state.nextLinkId++, false, node)
    node.link = link
    turn.ready.connect.push({ link: link.id, ip: node.ip, port: node.busPort })
  }
}

/** When the next missing link may be opened; Infinity when none is missing. */
export function connectDeadline_ms(state: ClusterState, node: ClusterNode): number {
  return wantsLink(state, node) ? node.connectAt_ms : Number.POSITIVE_INFINITY
}

function handshakeTimeout_ms(state: ClusterState): number {
  return Math.max(HANDSHAKE_MIN_MS, state.config.nodeTimeout_ms)
}

/** Whether a node's handshake has taken too long and is given up. */
export function handshakeExpired(state: ClusterState, node: ClusterNode, now_ms: number): boolean {
  if (!inHandshake(node)) return false
  const timeouts = node.link?.connected === true ? HANDSHAKE_TIMEOUTS_CONNECTED : 1
  return now_ms - node.createdAt_ms > handshakeTimeout_ms(state) * timeouts
}

/**
 * A handshake may succeed on our side only: the other node gave its half up while one of us was too busy. It then
 * ignores our pings, since it does not know us. No link from it within the handshake timeout is the sign of that, and
 * a MEET has it begin anew. Only after a handshake: a node that was told to forget us must not hear a MEET from us.
 */
export function meetAgain(turn: Turn, node: ClusterNode): void {
  const { state, now_ms } = turn
  if (!node.awaitsInbound || node.link?.connected !== true) return
  if (now_ms - node.metAt_ms <= handshakeTimeout_ms(state)) return
  node.metAt_ms = now_ms
  log(turn, 'notice', `Sending MEET message to node ${shown(node)} because there is no inbound link for it`)
  sendPing(turn, node.link, MEET)
}
