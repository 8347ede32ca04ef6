/**
 * Epochs: the cluster's logical clock. `currentEpoch` is the greatest that we have heard of; each master claims its
 * slots under a `configEpoch` of its own, and where two masters claim a slot the greater one has it.
 */

import type { ClusterNode, ClusterState } from './state.js'
import { isMaster } from './state.js'
import type { Turn } from './turn.js'
import { log } from './turn.js'

/** The greatest epoch known: of any node, or the current one. */
export function maxEpoch(state: ClusterState): number {
  let max = state.currentEpoch
  for (const node of state.nodeList) if (node.configEpoch > max) max = node.configEpoch
  return max
}

/**
 * Takes a new config epoch without asking anybody: when slots have been moved by hand, and for CLUSTER FAILOVER
 * TAKEOVER. Two nodes may do so at once; collisions are sorted out below. Answers whether there was a need to.
 */
export function bumpEpoch(turn: Turn): boolean {
  const { state } = turn
  const { myself } = state
  if (myself.configEpoch !== 0 && myself.configEpoch === maxEpoch(state)) return false
  state.currentEpoch++
  myself.configEpoch = state.currentEpoch
  turn.ready.persist = true
  log(turn, 'notice', `New configEpoch set to ${myself.configEpoch}`)
  return true
}

/**
 * Another master has our config epoch. The one with the smaller name moves on to a new one, so that with any number
 * of colliding masters all end up with different epochs.
 */
export function resolveCollision(turn: Turn, sender: ClusterNode): void {
  const { state } = turn
  const { myself } = state
  if (sender.configEpoch !== myself.configEpoch || !isMaster(sender) || !isMaster(myself)) return
  if (sender.name <= myself.name) return
  state.currentEpoch++
  myself.configEpoch = state.currentEpoch
  turn.ready.persist = true
  turn.state.announceOwed = true
  log(
    turn,
    'verbose',
    `WARNING: configEpoch collision with node ${sender.name} (${sender.humanName}). ` +
      `configEpoch set to ${myself.configEpoch}`,
  )
}
