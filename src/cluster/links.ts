/** Connections coming and going, and opening those that are missing. */

import { closeLink, dropLink } from './nodes.js'
import { sendPing } from './ping.js'
import type { ClusterNode, ClusterState, Link, LinkId } from './state.js'
import { inHandshake, MEETING, MYSELF, NOADDR } from './state.js'
import type { LinkEvent, Turn } from './turn.js'
import { log, TODO_CONNECT } from './turn.js'
import { MEET, PING } from './wire.js'

/** Between two attempts to connect to the same node. */
const RECONNECT_MS = 100
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

/** The first packet on a link that we opened: a MEET to a stranger, a PING to everyone else. */
function greet(turn: Turn, link: Link): void {
  const { node } = link
  if (node === null) return
  const waitingSince_ms = node.pingSentAt_ms
  sendPing(turn, link, (node.flags & MEETING) !== 0 ? MEET : PING)
  // An unanswered ping of the link before still counts.
  if (waitingSince_ms !== 0) node.pingSentAt_ms = waitingSince_ms
  node.flags &= ~MEETING
}

/** Ties an accepted link to the node that speaks over it; an older one from the same node is closed. */
export function bindInbound(turn: Turn, link: Link, node: ClusterNode): void {
  if (node.inbound !== null && node.inbound !== link) {
    log(turn, 'debug', `Replacing inbound link ${node.inbound.id} from node ${node.name} with ${link.id}`)
    closeLink(turn, node.inbound)
  }
  node.inbound = link
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

/** A node whose handshake has taken too long is given up; answers whether this one has. */
export function handshakeExpired(state: ClusterState, node: ClusterNode, now_ms: number): boolean {
  return inHandshake(node) && now_ms - node.createdAt_ms > Math.max(1000, state.config.nodeTimeout_ms)
}
