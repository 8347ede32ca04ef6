/**
 * Time: what replication does when nothing arrives. `afterEvents` belongs at the end of every turn of the event
 * loop, `tick` wherever `wakeAt` says, and neither does harm when called more often.
 */
import { settleWaits } from './acks.js'
import { resizeBacklog } from './backlog.js'
import { log, send, type Turn } from './effects.js'
import { dropSlowReplicas, feedCommand, flush, trim } from './feed.js'
import { dropLink, refreshGoodReplicas, replicaName } from './links.js'
import { cancelSync, connect, loseMaster, reconnect, sendAck, sendToMaster } from './masterlink.js'
import { updateFailover } from './role.js'
import { snapshotDueAt, startPendingSnapshot } from './snapshot.js'
import { changeReplid, clearReplid2, isMaster, type Replication } from './state.js'
import { ascii } from './wire.js'

const CRON_PERIOD_ms = 1000
const NEWLINE = ascii('\n')

/** The end of a turn: replicas get what was written in it, and who has waited long enough is answered. */
export function afterEvents(r: Replication, turn: Turn): void {
  updateFailover(r, turn)
  flush(r, turn)
  trim(r)
  settleWaits(r, turn)
}

/** When `tick` is wanted next; Infinity if nothing is going on. */
export function wakeAt(r: Replication): number {
  let at = snapshotDueAt(r)
  if (r.failover.state === 'waitSync' && r.failover.until_ms > 0) at = Math.min(at, r.failover.until_ms)
  for (const wait of r.waits) at = Math.min(at, wait.until_ms)
  const idle = isMaster(r) && r.replicas.length === 0 && r.backlog === null
  return idle ? at : Math.min(at, r.cronAt_ms)
}

export function tick(r: Replication, turn: Turn): void {
  startPendingSnapshot(r, turn)
  if (turn.now_ms >= r.cronAt_ms) {
    r.cronAt_ms = turn.now_ms + CRON_PERIOD_ms
    cron(r, turn)
  }
  afterEvents(r, turn)
}

function cron(r: Replication, turn: Turn): void {
  updateFailover(r, turn)
  watchMaster(r, turn)
  ping(r, turn)
  watchReplicas(r, turn)
  dropSlowReplicas(r, turn)
  giveUpBacklog(r, turn)
  refreshGoodReplicas(r, turn.now_ms)
}

/** Our link to the master: silence, the next attempt, the regular acknowledgement. */
function watchMaster(r: Replication, turn: Turn): void {
  const { master } = r
  if (master.host === null) return
  const silent = turn.now_ms - master.lastIo_ms > r.options.replTimeout_s * 1000
  if (silent && !master.loading) {
    if (master.state === 'transfer') {
      log(
        turn,
        'warning',
        'Timeout receiving bulk data from MASTER... If the problem persists try to set the ' +
          "'repl-timeout' parameter in redis.conf to a larger value.",
      )
      cancelSync(r, true, turn)
    } else if (master.state === 'connected') {
      log(turn, 'warning', 'MASTER timeout: no data nor PING received...')
      loseMaster(r, true, turn)
      reconnect(r, turn)
    } else if (master.state !== 'connect') {
      log(turn, 'warning', 'Timeout connecting to the MASTER...')
      cancelSync(r, true, turn)
    }
  }
  if (master.state === 'connect') {
    log(turn, 'notice', `Connecting to MASTER ${master.host}:${master.port}`)
    connect(r, turn)
  }
  loadingAlive(r, turn)
  sendAck(r, turn)
}

/** While we empty or load a dataset, an empty line now and then tells the master that we are alive. */
export function loadingAlive(r: Replication, turn: Turn): void {
  const { master } = r
  if (!master.loading || master.closedEarly || turn.now_ms - master.newlineAt_ms < CRON_PERIOD_ms) return
  master.newlineAt_ms = turn.now_ms
  sendToMaster(r, NEWLINE, turn)
}

/**
 * A PING in the stream from time to time: whoever hears nothing for repl-timeout takes us for dead. The times are
 * multiples of repl-ping-replica-period since the node's beginning, as Redis counts them: not since a replica came.
 */
function ping(r: Replication, turn: Turn): void {
  const period_s = r.options.replPingReplicaPeriod_s
  const beat = Math.floor((turn.now_ms - r.startedAt_ms) / (period_s * 1000))
  const due = period_s === r.pingPeriod_s && beat !== r.pingBeat
  r.pingPeriod_s = period_s
  r.pingBeat = beat
  const resting = r.quiet || r.failover.until_ms > 0
  if (due && r.replicas.length > 0 && !resting) feedCommand(r, -1, ['PING'], turn)
}

/** Empty lines for replicas whose snapshot is not on its way; an end to those that have fallen silent. */
function watchReplicas(r: Replication, turn: Turn): void {
  const timeout_ms = r.options.replTimeout_s * 1000
  for (const link of [...r.replicas]) {
    const preparing =
      link.state === 'waitStart' || (link.state === 'waitEnd' && r.snapshot?.target !== 'socket')
    if (preparing) send(turn, link.id, NEWLINE)
    if (link.state === 'online' && !link.oldSync && turn.now_ms - link.ackAt_ms > timeout_ms) {
      log(turn, 'warning', `Disconnecting timedout replica (streaming sync): ${replicaName(link)}`)
      dropLink(r, link, 'timeout', turn)
    } else if (
      link.state === 'waitEnd' &&
      r.snapshot?.target === 'socket' &&
      link.stalledSince_ms > 0 &&
      turn.now_ms - link.stalledSince_ms > timeout_ms
    ) {
      log(turn, 'warning', `Disconnecting timedout replica (full sync): ${replicaName(link)}`)
      dropLink(r, link, 'timeout', turn)
    }
  }
}

/**
 * Without replicas for repl-backlog-ttl, a master gives up the backlog. And with it the history's name: without a
 * backlog writes are not counted, so the same name and offset could later mean two different datasets.
 */
function giveUpBacklog(r: Replication, turn: Turn): void {
  const ttl_s = r.options.replBacklogTtl_s
  if (r.backlog === null || !isMaster(r) || r.replicas.length > 0 || ttl_s === 0) return
  if (turn.now_ms - r.noReplicasSince_ms <= ttl_s * 1000) return
  changeReplid(r, turn)
  clearReplid2(r)
  r.backlog = null
  log(turn, 'notice', `Replication backlog freed after ${ttl_s} seconds without connected replicas.`)
}

/** After CONFIG SET repl-backlog-size. */
export function backlogSizeChanged(r: Replication): void {
  if (r.backlog === null) return
  resizeBacklog(r.backlog, r.options.replBacklogSize)
  trim(r)
}
