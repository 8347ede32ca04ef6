/**
 * Manual failover: a replica asks its master to hold its clients back (MFSTART), waits until it has processed the
 * master's stream to the end, and is then elected with votes that are given although the master is up. Nothing that a
 * client was told is lost.
 */

import type { ClusterNode, ClusterState } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_FAILOVER } from './turn.js'

/** Votes that are given come within this time, or most probably never. */
const VOTES_MS = 500
/** The master holds its clients back for this many times the timeout, or until the outcome is known. */
const PAUSE_TIMEOUTS = 2

/**
 * Ends our candidacy with all that belongs to it. Called at its end, and whenever our role or our master changes:
 * votes are given to one candidate, for one epoch and one master, and must not count for anything else.
 */
export function endElection(state: ClusterState): void {
  const { election } = state
  if (state.faults.keepVotes) return
  election.at_ms = 0
  election.votes = 0
  election.voters.clear()
  election.asked = false
  election.rank = 0
  election.shardRank = 0
  election.epoch = 0n
}

/** Ends a manual failover, on either side, and the election that it may have led to. */
export function resetManual(turn: Turn): void {
  const { manual } = turn.state
  if (manual.replica !== null) turn.ready.facts.push({ kind: 'unpauseClients' })
  endElection(turn.state)
  clearManual(turn)
}

function clearManual(turn: Turn): void {
  const { manual } = turn.state
  manual.endsAt_ms = 0
  manual.canStart = false
  manual.replica = null
  manual.masterOffset_bytes = -1
}

/**
 * Whether a manual failover has just asked for votes. A second request then changes nothing: a new election would be
 * refused by the masters that have voted in this one.
 */
export function votesAreDue(turn: Turn): boolean {
  const { manual, election } = turn.state
  return manual.endsAt_ms !== 0 && election.asked && turn.now_ms - election.at_ms <= VOTES_MS
}

export function checkManualTimeout(turn: Turn): void {
  const { manual } = turn.state
  if (manual.endsAt_ms === 0 || manual.endsAt_ms >= turn.now_ms) return
  log(turn, 'warning', 'Manual failover timed out.')
  resetManual(turn)
}

/**
 * Our replica wants to take over: hold the clients back. Clients that an earlier attempt holds back are not let go in
 * between: the replica may already know the offset at which the stream rests, and would miss what they write.
 */
export function startManualAsMaster(turn: Turn, replica: ClusterNode): void {
  const { manual, config } = turn.state
  clearManual(turn)
  manual.endsAt_ms = turn.now_ms + config.manualFailoverTimeout_ms
  manual.replica = replica
  const until_ms = turn.now_ms + config.manualFailoverTimeout_ms * PAUSE_TIMEOUTS
  turn.ready.facts.push({ kind: 'pauseClients', until_ms })
  log(turn, 'notice', `Manual failover requested by replica ${shown(replica)}.`)
}

/**
 * On the replica: have we processed all that the paused master had sent? Without a link to the master our offset may
 * belong to another history, in which the same number means other data.
 */
export function advanceManual(turn: Turn): void {
  const { manual, local } = turn.state
  if (manual.endsAt_ms === 0 || manual.canStart || manual.masterOffset_bytes === -1) return
  if (manual.masterOffset_bytes !== local.offset_bytes || !local.linkUp) return
  manual.canStart = true
  log(turn, 'notice', 'All master replication stream processed, manual failover can start.')
  turn.todo |= TODO_FAILOVER
}

/** Whether the replica waits for its stream to reach the master's offset: look often. */
export function awaitsOffset(turn: Turn): boolean {
  const { manual } = turn.state
  return (
    manual.endsAt_ms !== 0 && manual.masterOffset_bytes !== -1 && (!manual.canStart || lacksData(turn.state))
  )
}

/** Whether the paused master has sent more than we have processed. */
export function lacksData(state: ClusterState): boolean {
  return state.manual.masterOffset_bytes > state.local.offset_bytes
}
