/**
 * Failure detection. A node that does not answer within the node timeout is suspected (PFAIL), by us alone. Masters'
 * suspicions reach us as gossip and are kept as reports that age; when those of a majority agree with our own, the
 * node has failed (FAIL), and we tell everybody.
 */

import { broadcastFail } from './announce.js'
import { removeReport } from './nodes.js'
import type { ClusterNode, ClusterState } from './state.js'
import { FAILED, hasFailed, isMaster, isReplica, isSuspected, PFAIL, quorum } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_FAILOVER, TODO_STATE } from './turn.js'

/** A report counts for this many node timeouts. */
const REPORT_VALIDITY_TIMEOUTS = 2
/** A reachable master that nobody replaced is well again after this many node timeouts. */
const UNDO_TIMEOUTS = 2

/** Takes note that `from` finds `node` failing. Answers whether that is news. */
export function addReport(node: ClusterNode, from: ClusterNode, now_ms: number): boolean {
  const known = node.failReports.find((report) => report.from === from)
  if (known !== undefined) {
    known.at_ms = now_ms
    return false
  }
  node.failReports.push({ from, at_ms: now_ms })
  return true
}

/** Takes note that `from` finds `node` well. Answers whether it had said otherwise. */
export function withdrawReport(
  state: ClusterState,
  node: ClusterNode,
  from: ClusterNode,
  now_ms: number,
): boolean {
  if (node.failReports.length === 0 || !removeReport(node, from)) return false
  countReports(state, node, now_ms)
  return true
}

/** Reports that are still fresh, of masters: a node that has become a replica since has no say any more. */
export function countReports(state: ClusterState, node: ClusterNode, now_ms: number): number {
  const { failReports } = node
  const maxAge_ms = state.config.nodeTimeout_ms * REPORT_VALIDITY_TIMEOUTS
  for (let i = failReports.length - 1; i >= 0; i--) {
    const { from, at_ms } = failReports[i]!
    if (now_ms - at_ms > maxAge_ms || isReplica(from)) failReports.splice(i, 1)
  }
  return failReports.length
}

/** Turns a suspicion into a failure once enough masters share it. */
export function failIfAgreed(turn: Turn, node: ClusterNode): void {
  const { state } = turn
  if (!isSuspected(node) || hasFailed(node)) return
  const agreed = countReports(state, node, turn.now_ms) + (isMaster(state.myself) ? 1 : 0)
  if (agreed < quorum(state)) return
  log(turn, 'notice', `Marking node ${shown(node)} as failing (quorum reached).`)
  markFailed(turn, node)
  broadcastFail(turn, node)
}

export function markFailed(turn: Turn, node: ClusterNode): void {
  node.flags = (node.flags & ~PFAIL) | FAILED
  node.failedAt_ms = turn.now_ms
  turn.ready.save = true
  turn.todo |= TODO_STATE | TODO_FAILOVER
}

/** A failed node answers again: forgive it when that is safe. */
export function clearFailureIfFit(turn: Turn, node: ClusterNode): void {
  const { nodeTimeout_ms } = turn.state.config
  if (isReplica(node) || node.slotCount === 0) {
    const what = isReplica(node) ? 'replica' : 'master without slots'
    log(turn, 'notice', `Clear FAIL state for node ${shown(node)}:${what} is reachable again.`)
    clearFailure(turn, node)
  } else if (turn.now_ms - node.failedAt_ms > nodeTimeout_ms * UNDO_TIMEOUTS) {
    // A master that still owns its slots: nobody was elected in its place for long enough.
    log(
      turn,
      'notice',
      `Clear FAIL state for node ${shown(node)}: is reachable again and nobody is serving its slots after some time.`,
    )
    clearFailure(turn, node)
  }
}

function clearFailure(turn: Turn, node: ClusterNode): void {
  node.flags &= ~FAILED
  turn.ready.save = true
  turn.todo |= TODO_STATE
}
