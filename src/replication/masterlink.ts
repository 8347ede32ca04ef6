/**
 * The link to our master as a thing that is opened, lost and opened again; what is said on it is handshake.ts's.
 */
import { log, type Turn } from './effects.js'
import type { Replication } from './state.js'
import { encodeCommand } from './wire.js'

/** A connection that did not even last this long is not opened again at once, but with the next cron. */
const RETRY_AT_ONCE_AFTER_ms = 1000

/** Opens a connection to the master. Its outcome comes back as an event with this attempt's number. */
export function connect(r: Replication, turn: Turn): void {
  const { master } = r
  master.attempt++
  master.state = 'connecting'
  master.lastIo_ms = turn.now_ms
  master.openedAt_ms = turn.now_ms
  master.line = ''
  turn.effects.push({ kind: 'connect', attempt: master.attempt, host: master.host!, port: master.port })
  log(turn, 'notice', 'MASTER <-> REPLICA sync started')
}

/** What is known of a link that is no more in use. */
function forgetLink(r: Replication): void {
  const { master } = r
  master.line = ''
  master.transfer = null
  master.loading = false
  master.held = []
  master.held_bytes = 0
  master.closedEarly = false
  master.stream = null
}

/**
 * Breaks off a connection attempt, a handshake or a transfer; `again`: and begins anew. Nothing happens to a link
 * that is in use.
 */
export function cancelSync(r: Replication, again: boolean, turn: Turn): void {
  const { master } = r
  if (master.state === 'none' || master.state === 'connect' || master.state === 'connected') return
  turn.effects.push({ kind: 'closeMaster', attempt: master.attempt })
  if (master.state === 'transfer') turn.effects.push({ kind: 'transferAbort' })
  forgetLink(r)
  master.state = 'connect'
  if (!again || turn.now_ms - master.openedAt_ms < RETRY_AT_ONCE_AFTER_ms) return
  log(turn, 'notice', `Reconnecting to MASTER ${master.host}:${master.port} after failure`)
  connect(r, turn)
}

/**
 * The link in use is lost, or given up: where we stand is kept, to go on from there. With `keep` false it is not:
 * what the master sent made no sense.
 */
export function loseMaster(r: Replication, keep: boolean, turn: Turn): void {
  const { master } = r
  if (master.state !== 'connected') return
  log(turn, 'notice', 'Connection with master lost.')
  if (keep && !master.oldSync && master.stream !== null) {
    log(turn, 'notice', 'Caching the disconnected master state.')
    master.cached = { replid: r.replid, offset: r.offset, db: master.stream.db }
  }
  forgetLink(r)
  master.state = 'connect'
  master.downSince_ms = turn.now_ms
  turn.effects.push({ kind: 'closeMaster', attempt: master.attempt })
  turn.effects.push({ kind: 'masterLink', up: false, full: false })
}

/** Opens the link again, as long as there is a master to be linked with. */
export function reconnect(r: Replication, turn: Turn): void {
  const { master } = r
  if (master.host === null || master.state !== 'connect') return
  if (turn.now_ms - master.openedAt_ms < RETRY_AT_ONCE_AFTER_ms) return
  log(turn, 'notice', `Reconnecting to MASTER ${master.host}:${master.port}`)
  connect(r, turn)
}

export function sendToMaster(r: Replication, bytes: Uint8Array, turn: Turn): void {
  turn.effects.push({ kind: 'sendMaster', attempt: r.master.attempt, bytes })
}

/** Tells the master how far we have come. */
export function sendAck(r: Replication, turn: Turn): void {
  if (r.master.state !== 'connected' || r.master.oldSync) return
  const ack = ['REPLCONF', 'ACK', String(r.offset)]
  if (r.fsyncedOffset !== -1) ack.push('FACK', String(r.fsyncedOffset))
  sendToMaster(r, encodeCommand(...ack), turn)
}

/** Where the master's stream was at when we last had it: what elections and INFO compare. */
export function replicaOffset(r: Replication): number {
  // An offset in another shard's history would rank us before replicas that have the master's data.
  if (r.master.host === null || r.foreign) return 0
  return r.master.stream !== null || r.master.cached !== null ? r.offset : 0
}
