/**
 * The feed: what a master writes into the stream, and how the stream reaches the replicas.
 *
 * Writing appends to the backlog and does nothing else; so a command costs one copy, however many replicas there
 * are. Once a turn of the event loop `flush` hands to each replica what it has not got yet. A replica whose
 * connection does not take more is left alone until it does; what it misses stays in the backlog, and counts
 * against client-output-buffer-limit.
 */
import { appendBytes, pieceFrom, trimBacklog } from './backlog.js'
import type { Turn } from './effects.js'
import { dropLink, isFed } from './links.js'
import { isMaster, type ReplicaLink, type Replication } from './state.js'
import { encodeCommand } from './wire.js'

/** As long as a connection has this much to send, the stream waits in the backlog. */
export const LINK_UNSENT_BYTES_MAX = 1024 * 1024

/** Whether commands are to be fed at all. A replica's own writes are not: it passes on its master's stream. */
export function wantsFeed(r: Replication): boolean {
  return r.backlog !== null && r.master.host === null
}

/**
 * Writes into the stream the bytes of a command as it arrived: `bytes[start, end)`, in the form of an array of bulk
 * strings (several commands in one range are welcome, if they belong to one database).
 * `db` is the database it was run in; -1 for what belongs to none (PING, REPLCONF, MULTI).
 */
export function feed(
  r: Replication,
  db: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  turn: Turn,
): void {
  if (r.master.host !== null) return
  if (r.backlog === null) {
    // Nobody listens, but the append-only file asks by this number how far it is on disk.
    if (r.options.appendonly) r.offset += 1
    return
  }
  if (db !== -1 && db !== r.selectedDb) {
    const select = encodeCommand('SELECT', String(db))
    r.selectedDb = db
    append(r, select, 0, select.length, turn)
  }
  append(r, bytes, start, end, turn)
}

/** Writes a command into the stream that did not arrive as it is to be repeated (a rewritten or an own one). */
export function feedCommand(r: Replication, db: number, args: (string | Uint8Array)[], turn: Turn): void {
  const bytes = encodeCommand(...args)
  feed(r, db, bytes, 0, bytes.length, turn)
}

/** Passes on what came from our master, the very same bytes, to the backlog and to our own replicas. */
export function proxy(r: Replication, bytes: Uint8Array, start: number, end: number, turn: Turn): void {
  if (r.backlog === null) r.offset += end - start
  else append(r, bytes, start, end, turn)
}

function append(r: Replication, bytes: Uint8Array, start: number, end: number, turn: Turn): void {
  const backlog = r.backlog!
  r.offset += end - start
  // Limits are looked at once a chunk: often enough even inside one long transaction, and never for a short command.
  if (!appendBytes(backlog, bytes, start, end)) return
  dropSlowReplicas(r, turn)
  trim(r)
}

/** Keeps the backlog at its size, and beyond it only what replicas still have to be sent. */
export function trim(r: Replication): void {
  if (r.backlog === null) return
  let heldFrom = Number.POSITIVE_INFINITY
  for (const link of r.replicas) if (isFed(link) && link.position < heldFrom) heldFrom = link.position
  trimBacklog(r.backlog, heldFrom)
}

/** Bytes that are kept for this replica, in the backlog and in its connection. */
export function pendingBytes(r: Replication, link: ReplicaLink): number {
  return (isFed(link) ? r.offset - link.position : 0) + link.unsent_bytes
}

/**
 * Ends the connections of replicas that are above client-output-buffer-limit: at once above the hard limit, after a
 * while above the soft one. A hard limit below the backlog's size is taken for that size: up to there a replica
 * costs nothing, and it could come back for just these bytes.
 */
export function dropSlowReplicas(r: Replication, turn: Turn): void {
  const { outputHardLimit, outputSoftLimit, outputSoftLimit_s, replBacklogSize } = r.options
  for (const link of [...r.replicas]) {
    const pending = pendingBytes(r, link)
    const hard = outputHardLimit > 0 && pending >= Math.max(outputHardLimit, replBacklogSize)
    let soft = outputSoftLimit > 0 && pending >= outputSoftLimit
    if (!soft) link.softLimitSince_ms = 0
    else if (link.softLimitSince_ms === 0) {
      link.softLimitSince_ms = turn.now_ms
      soft = false
    } else soft = turn.now_ms - link.softLimitSince_ms > outputSoftLimit_s * 1000
    if (hard || soft) dropLink(r, link, 'output-limit', turn)
  }
}

/** Hands the replicas what they have not got, as far as their connections take it. Once a turn of the event loop. */
export function flush(r: Replication, turn: Turn): void {
  if (r.ackWanted && !r.quiet) {
    r.ackWanted = false
    if (isMaster(r) && r.replicas.length > 0) feedCommand(r, -1, ['REPLCONF', 'GETACK', '*'], turn)
  }
  for (const link of r.replicas) flushLink(r, link, turn)
}

function flushLink(r: Replication, link: ReplicaLink, turn: Turn): void {
  if (link.state !== 'online' || !link.streaming || r.backlog === null) return
  while (link.position < r.offset && link.unsent_bytes < LINK_UNSENT_BYTES_MAX) {
    const room = LINK_UNSENT_BYTES_MAX - link.unsent_bytes
    const piece = pieceFrom(r.backlog, link.position + 1, room)
    if (piece === null) return // not kept any more: cannot happen while the position holds it
    const count = piece.end - piece.start
    link.position += count
    link.unsent_bytes += count
    turn.effects.push({ kind: 'send', to: link.id, ...piece })
  }
}

/**
 * The server says how many bytes the connection of a replica still has to send: whenever some have left, and now
 * and then while none do. Then more may follow.
 */
export function linkSent(r: Replication, id: number, unsent_bytes: number, turn: Turn): void {
  const link = r.links.get(id)
  if (link === undefined) return
  if (unsent_bytes === 0 || unsent_bytes < link.unsent_bytes) link.stalledSince_ms = 0
  else if (link.stalledSince_ms === 0) link.stalledSince_ms = turn.now_ms
  link.unsent_bytes = unsent_bytes
  flushLink(r, link, turn)
  trim(r)
}
