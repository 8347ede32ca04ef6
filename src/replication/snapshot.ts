/**
 * Full synchronisation, the master's side: one snapshot for all replicas that wait for one.
 *
 * The moment of the snapshot is its offset: `+FULLRESYNC <id> <offset>` says it to each replica, and from there on
 * the stream is collected for them. Streamed snapshots go to all of them at once while they are made, so nobody can
 * join later; those who come meanwhile wait for the next one. A snapshot in a file can be shared as long as it is
 * being made, since the stream since its moment is still there.
 */
import { holds } from './backlog.js'
import { type LinkId, log, send, type Turn } from './effects.js'
import { dropLink, refreshGoodReplicas, replicaName } from './links.js'
import { isMaster, type ReplicaLink, type Replication, snapshotInfo } from './state.js'
import { ascii } from './wire.js'

const BGSAVE_FAILED = "-ERR BGSAVE failed, replication can't continue\r\n"

/** A replica (already attached) needs a snapshot: which one, and when. */
export function joinSnapshot(r: Replication, link: ReplicaLink, turn: Turn): void {
  const { snapshot } = r
  if (snapshot?.target === 'disk') {
    joinDiskSnapshot(r, link, turn)
  } else if (snapshot !== null) {
    log(turn, 'notice', 'Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC')
  } else if (r.foreignSnapshot === 'rdb') {
    log(turn, 'notice', "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
  } else if (isDelayed(r) && link.capaEof) {
    log(turn, 'notice', 'Delay next BGSAVE for diskless SYNC')
  } else if (r.foreignSnapshot === 'none') {
    startSnapshot(r, link, turn)
  } else {
    log(
      turn,
      'notice',
      'No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed',
    )
  }
}

function isDelayed(r: Replication): boolean {
  return r.options.replDisklessSync && r.options.replDisklessSyncDelay_s > 0 && !r.snapshotIsCheap
}

/** Shares a file snapshot in the making, if the stream since its moment is there and it is what the replica needs. */
function joinDiskSnapshot(r: Replication, link: ReplicaLink, turn: Turn): void {
  const other = r.replicas.find((o) => o.state === 'waitEnd' && (!o.rdbOnly || link.rdbOnly))
  const able =
    other !== undefined &&
    (link.capaEof || !other.capaEof) &&
    (link.capaPsync2 || !other.capaPsync2) &&
    sameNeeds(link, other)
  if (!able || r.backlog === null || !holds(r.backlog, other.initialOffset + 1)) {
    log(turn, 'notice', "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
    return
  }
  setUpForFullSync(r, link, other.initialOffset, turn)
  log(turn, 'notice', 'Waiting for end of BGSAVE for SYNC')
}

function sameNeeds(a: ReplicaLink, b: ReplicaLink): boolean {
  return a.excludeData === b.excludeData && a.excludeFunctions === b.excludeFunctions
}

/** Starts the snapshot that replicas wait for, if it is time: the delay is over, or enough of them have come. */
export function startPendingSnapshot(r: Replication, turn: Turn): void {
  if (r.snapshot !== null || r.foreignSnapshot !== 'none') return
  const first = r.replicas.find((link) => link.state === 'waitStart')
  if (first === undefined) return
  if (turn.now_ms >= snapshotDueAt(r)) startSnapshot(r, first, turn)
}

/** When the snapshot that replicas wait for is to be started; Infinity if none waits. */
export function snapshotDueAt(r: Replication): number {
  if (r.snapshot !== null || r.foreignSnapshot !== 'none') return Number.POSITIVE_INFINITY
  const waiting = waitingLike(r)
  if (waiting.length === 0) return Number.POSITIVE_INFINITY
  const enough = r.options.replDisklessSyncMaxReplicas
  if (!isDelayed(r) || (enough > 0 && waiting.length >= enough)) return 0
  const longest = Math.min(...waiting.map((link) => link.attachedAt_ms))
  return longest + r.options.replDisklessSyncDelay_s * 1000
}

/** The replicas that wait and need the same as the first of them. */
function waitingLike(r: Replication): ReplicaLink[] {
  const first = r.replicas.find((link) => link.state === 'waitStart')
  if (first === undefined) return []
  return r.replicas.filter((link) => link.state === 'waitStart' && sameNeeds(link, first))
}

function startSnapshot(r: Replication, first: ReplicaLink, turn: Turn): void {
  const waiting = r.replicas.filter((link) => link.state === 'waitStart' && sameNeeds(link, first))
  const filtered = first.excludeData || first.excludeFunctions
  const allKnowMarks = waiting.every((link) => link.capaEof)
  const target = (r.options.replDisklessSync || filtered) && allKnowMarks ? 'socket' : 'disk'
  const targetName = target === 'socket' ? 'replicas sockets' : 'disk'
  log(turn, 'notice', `Starting BGSAVE for SYNC with target: ${targetName}`)
  const info = snapshotInfo(r)
  if (info === null) {
    log(
      turn,
      'warning',
      "BGSAVE for replication: replication information not available, can't generate the RDB file right now. " +
        'Try later.',
    )
    refuse(r, waiting, turn)
    return
  }
  const { excludeData, excludeFunctions } = first
  const mark = turn.randomId()
  r.snapshotsBegun++
  r.snapshot = { id: r.snapshotsBegun, target, excludeData, excludeFunctions, mark }
  turn.effects.push({ kind: 'startSnapshot', id: r.snapshot.id, target, excludeData, excludeFunctions, info })
  for (const link of waiting) {
    setUpForFullSync(r, link, r.offset, turn)
    if (target === 'socket') send(turn, link.id, ascii(`$EOF:${mark}\r\n`))
  }
}

/** Tells a replica from which offset it will go on, and begins to collect the stream for it from there. */
function setUpForFullSync(r: Replication, link: ReplicaLink, offset: number, turn: Turn): void {
  link.state = 'waitEnd'
  link.initialOffset = offset
  link.position = offset
  link.streaming = false
  // A replica that begins here does not know which database the stream had selected.
  if (isMaster(r)) r.selectedDb = -1
  if (!link.oldSync) send(turn, link.id, ascii(`+FULLRESYNC ${r.replid} ${offset}\r\n`))
}

function refuse(r: Replication, links: ReplicaLink[], turn: Turn): void {
  log(turn, 'warning', 'BGSAVE for replication failed')
  for (const link of links) {
    send(turn, link.id, ascii(BGSAVE_FAILED))
    dropLink(r, link, 'snapshot-failed', turn, true)
  }
}

/** Bytes of the streamed snapshot `id`, for all replicas that it is made for. */
export function snapshotChunk(
  r: Replication,
  id: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  turn: Turn,
): void {
  if (r.snapshot?.id !== id || start === end) return
  for (const link of r.replicas) {
    if (link.state !== 'waitEnd') continue
    turn.effects.push({ kind: 'send', to: link.id, bytes, start, end })
  }
}

/**
 * The snapshot `id` is complete: all its bytes have been handed over (`socket`), or the file is there with `size`
 * bytes (`disk`). Or it has failed.
 */
export function snapshotDone(
  r: Replication,
  id: number,
  result: { ok: true; size: number } | { ok: false },
  turn: Turn,
): void {
  const { snapshot } = r
  if (snapshot?.id !== id) return
  r.snapshot = null
  const waiting = r.replicas.filter((link) => link.state === 'waitEnd')
  if (snapshot.target === 'socket' && result.ok) {
    const up = waiting.length
    log(turn, 'notice', `Diskless rdb transfer, done reading from pipe, ${up} replicas still up.`)
  }
  for (const link of waiting) {
    if (!result.ok) {
      log(turn, 'warning', 'SYNC failed. BGSAVE child returned an error')
      dropLink(r, link, 'snapshot-failed', turn)
    } else if (snapshot.target === 'disk') {
      link.state = 'sendBulk'
      send(turn, link.id, ascii(`$${result.size}\r\n`))
      turn.effects.push({ kind: 'sendFile', to: link.id, id })
    } else {
      send(turn, link.id, ascii(snapshot.mark))
      log(
        turn,
        'notice',
        `Streamed RDB transfer with replica ${replicaName(link)} succeeded (socket). ` +
          'Waiting for REPLCONF ACK from replica to enable streaming',
      )
      putOnline(r, link, turn)
    }
  }
  startPendingSnapshot(r, turn)
}

/** The file of a snapshot has been handed to this replica's connection; the stream follows at once. */
export function fileSent(r: Replication, id: LinkId, turn: Turn): void {
  const link = r.links.get(id)
  if (link?.state !== 'sendBulk') return
  putOnline(r, link, turn)
  link.streaming = true
}

function putOnline(r: Replication, link: ReplicaLink, turn: Turn): void {
  if (link.rdbOnly) {
    link.state = 'rdbSent'
    log(
      turn,
      'notice',
      `RDB transfer completed, rdb only replica (${replicaName(link)}) should be disconnected asap`,
    )
    dropLink(r, link, 'rdb-only', turn, true)
    return
  }
  link.state = 'online'
  link.ackAt_ms = turn.now_ms // not to be taken for silent
  refreshGoodReplicas(r, turn.now_ms)
  log(turn, 'notice', `Synchronization with replica ${replicaName(link)} succeeded`)
}
