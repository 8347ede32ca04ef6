/**
 * The clients that are, or want to become, our replicas: their names in the log, how they come and go.
 */

import { type CloseReason, type LinkId, log, type Turn } from './effects.js'
import { beginBacklog, changeReplid, clearReplid2, type ReplicaLink, type Replication } from './state.js'

/** The record of a client, made when it first says something about replication. */
export function linkOf(r: Replication, id: LinkId, peerIp: string): ReplicaLink {
  const known = r.links.get(id)
  if (known !== undefined) return known
  const link: ReplicaLink = {
    id,
    state: 'candidate',
    peerIp,
    announcedIp: '',
    listeningPort: 0,
    capaEof: false,
    capaPsync2: false,
    rdbOnly: false,
    excludeData: false,
    excludeFunctions: false,
    oldSync: false,
    attachedAt_ms: 0,
    initialOffset: 0,
    position: 0,
    streaming: false,
    unsent_bytes: 0,
    stalledSince_ms: 0,
    ackOffset: 0,
    aofAckOffset: 0,
    ackAt_ms: 0,
    softLimitSince_ms: 0,
  }
  r.links.set(id, link)
  return link
}

/** Whether this client is a replica of ours: it has asked to be synchronised. */
export function isReplica(r: Replication, id: LinkId): boolean {
  const link = r.links.get(id)
  return link !== undefined && link.state !== 'candidate'
}

/** The address under which others find this replica. */
export function replicaIp(link: ReplicaLink): string {
  return link.announcedIp !== '' ? link.announcedIp : link.peerIp
}

/** How the log calls a replica: `127.0.0.1:6380`. */
export function replicaName(link: ReplicaLink): string {
  const ip = replicaIp(link)
  if (ip === '') return `client id #${link.id}`
  if (link.listeningPort === 0) return `${ip}:<unknown-replica-port>`
  return ip.includes(':') ? `[${ip}]:${link.listeningPort}` : `${ip}:${link.listeningPort}`
}

/** The replica with this address, if there is one. */
export function findReplica(r: Replication, host: string, port: number): ReplicaLink | undefined {
  return r.replicas.find(
    (link) => replicaIp(link).toLowerCase() === host.toLowerCase() && link.listeningPort === port,
  )
}

/** A client becomes a replica. The first one brings the backlog into being, and with it a new history. */
export function attach(r: Replication, link: ReplicaLink, turn: Turn): void {
  link.attachedAt_ms = turn.now_ms
  r.replicas.push(link)
  if (r.replicas.length > 1 || r.backlog !== null) return
  changeReplid(r, turn)
  clearReplid2(r)
  beginBacklog(r)
  log(
    turn,
    'notice',
    `Replication backlog created, my new replication IDs are '${r.replid}' and '${r.replid2}'`,
  )
}

/** Whether the stream is collected for this replica: not before its snapshot has begun. */
export function isFed(link: ReplicaLink): boolean {
  return !link.rdbOnly && (link.state === 'waitEnd' || link.state === 'sendBulk' || link.state === 'online')
}

/** The connection of a client has ended, from whatever side. Nothing happens if it was no replica. */
export function linkClosed(r: Replication, id: LinkId, turn: Turn): void {
  const link = r.links.get(id)
  if (link === undefined) return
  r.links.delete(id)
  if (link.state === 'candidate') return
  log(turn, 'notice', `Connection with replica ${replicaName(link)} lost.`)
  r.replicas.splice(r.replicas.indexOf(link), 1)
  if (r.replicas.length === 0) r.noReplicasSince_ms = turn.now_ms
  refreshGoodReplicas(r, turn.now_ms)
  releaseSnapshot(r, turn)
}

/** Ends the connection of a replica. */
export function dropLink(
  r: Replication,
  link: ReplicaLink,
  why: CloseReason,
  turn: Turn,
  afterOutput = false,
): void {
  linkClosed(r, link.id, turn)
  turn.effects.push({ kind: 'closeLink', link: link.id, why, afterOutput })
}

/** All replicas have to come again: our history has changed. */
export function dropAllReplicas(r: Replication, turn: Turn): void {
  for (const link of [...r.replicas]) dropLink(r, link, 'history-changed', turn)
}

/** A snapshot for which nobody waits is not worth finishing. */
function releaseSnapshot(r: Replication, turn: Turn): void {
  const { snapshot } = r
  if (snapshot === null || r.replicas.some((link) => link.state === 'waitEnd')) return
  if (snapshot.target === 'socket') {
    log(turn, 'warning', 'Diskless rdb transfer, last replica dropped, killing fork child.')
  }
  r.snapshot = null
  turn.effects.push({ kind: 'cancelSnapshot', id: snapshot.id })
}

/** Counts anew the replicas that have been heard of within min-replicas-max-lag. */
export function refreshGoodReplicas(r: Replication, now_ms: number): void {
  const maxLag_s = r.options.minReplicasMaxLag_s
  r.goodReplicas = 0
  for (const link of r.replicas) {
    if (link.state === 'online' && Math.floor((now_ms - link.ackAt_ms) / 1000) <= maxLag_s) r.goodReplicas++
  }
}
