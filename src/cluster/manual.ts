/**
 * Manual failover: a replica asks its master to hold its clients back (MFSTART), waits until it has processed the
 * master's stream to the end, and is then elected with votes that are given although the master is up. Nothing that a
 * client was told is lost.
 */

import type { ClusterNode } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_FAILOVER } from './turn.js'

/** The master holds its clients back for this many times the timeout, or until the outcome is known. */
const PAUSE_TIMEOUTS = 2

/** Ends a manual failover, on either side. */
export function resetManual(turn: Turn): void {
  const { manual } = turn.state
  if (manual.replica !== null) turn.ready.facts.push({ kind: 'unpauseClients' })
  manual.endsAt_ms = 0
  manual.canStart = false
  manual.replica = null
  manual.masterOffset_bytes = -1
}

export function checkManualTimeout(turn: Turn): void {
  const { manual } = turn.state
  if (manual.endsAt_ms === 0 || manual.endsAt_ms >= turn.now_ms) return
  log(turn, 'warning', 'Manual failover timed out.')
  resetManual(turn)
}

/** Our replica wants to take over: hold the clients back. */
export function startManualAsMaster(turn: Turn, replica: ClusterNode): void {
  const { manual, config } = turn.state
  resetManual(turn)
  manual.endsAt_ms = turn.now_ms + config.manualFailoverTimeout_ms
  manual.replica = replica
  const until_ms = turn.now_ms + config.manualFailoverTimeout_ms * PAUSE_TIMEOUTS
  turn.ready.facts.push({ kind: 'pauseClients', until_ms })
  log(turn, 'notice', `Manual failover requested by replica ${shown(replica)}.`)
}

/** On the replica: have we processed all that the paused master had sent? */
export function advanceManual(turn: Turn): void {
  const { manual, local } = turn.state
  if (manual.endsAt_ms === 0 || manual.canStart || manual.masterOffset_bytes === -1) return
  if (manual.masterOffset_bytes !== local.offset_bytes) return
  manual.canStart = true
  log(turn, 'notice', 'All master replication stream processed, manual failover can start.')
  turn.todo |= TODO_FAILOVER
}

/** Whether the replica waits for its stream to reach the master's offset: look often. */
export function awaitsOffset(turn: Turn): boolean {
  const { manual } = turn.state
  return manual.endsAt_ms !== 0 && !manual.canStart && manual.masterOffset_bytes !== -1
}
