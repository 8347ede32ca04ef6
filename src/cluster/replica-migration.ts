/**
 * Replica migration: a replica of a master that can spare it moves to a master that has lost all of its own. Of all
 * replicas that might move, the one with the smallest name does.
 */

import { replicate } from './roles.js'
import type { ClusterNode, ClusterState } from './state.js'
import { FAILED, hasFailed, isMaster, isReplica, MIGRATE_TO, PFAIL } from './state.js'
import type { Turn } from './turn.js'
import { log, TODO_STATE } from './turn.js'

/** A master must have been orphaned this long: its own replicas may just be on their way back. */
const MIGRATION_DELAY_MS = 5000

function workingReplicas(node: ClusterNode): number {
  let count = 0
  for (const replica of node.replicas) if (!hasFailed(replica)) count++
  return count
}

/** Looks for an orphaned master, and moves to it when that is our task. Called about ten times a second. */
export function considerMigration(turn: Turn): void {
  const { state } = turn
  const { config, myself } = state
  // A replica that is loading would begin all over again elsewhere, and its master would have none meanwhile.
  if (!isReplica(myself) || !config.allowReplicaMigration || state.local.loading) return
  let orphans = 0
  let most = 0
  let ours = 0
  for (const node of state.nodeList) {
    const fit = isMaster(node) && !hasFailed(node)
    const working = fit ? workingReplicas(node) : 0
    // Not only while we look for an orphan: a time that stayed would make the next wait too short.
    if (!fit || working > 0) node.orphanedAt_ms = 0
    if (!fit) continue
    if (working === 0 && node.slotCount > 0 && (node.flags & MIGRATE_TO) !== 0) orphans++
    most = Math.max(most, working)
    if (node === myself.master) ours = working
  }
  // Nobody can be spared where no master has two.
  if (orphans > 0 && most >= 2 && ours === most) migrate(turn, most)
}

function migrate(turn: Turn, most: number): void {
  const { state, now_ms } = turn
  const { config, myself } = state
  const { master } = myself
  if (!state.ok || master === null) return
  const remaining = master.replicas.filter((replica) => (replica.flags & (FAILED | PFAIL)) === 0).length
  if (remaining <= config.migrationBarrier) return
  const target = findOrphan(state, now_ms)
  if (target === null || now_ms - target.orphanedAt_ms <= MIGRATION_DELAY_MS) return
  if (smallestCandidate(state, most) !== myself) return
  log(turn, 'notice', `Migrating to orphaned master ${target.name}`)
  replicate(turn, target)
  turn.todo |= TODO_STATE
}

/** The first orphaned master; also keeps the times since when masters are orphaned. */
function findOrphan(state: ClusterState, now_ms: number): ClusterNode | null {
  let target: ClusterNode | null = null
  for (const node of state.nodeList) {
    const fit = !isReplica(node) && !hasFailed(node) && (node.flags & MIGRATE_TO) !== 0
    if (!fit || workingReplicas(node) > 0) {
      node.orphanedAt_ms = 0
      continue
    }
    if (target === null && node.slotCount > 0) target = node
    if (node.orphanedAt_ms === 0) node.orphanedAt_ms = now_ms
  }
  return target
}

function smallestCandidate(state: ClusterState, most: number): ClusterNode {
  let candidate = state.myself
  for (const node of state.nodeList) {
    if (!isMaster(node) || workingReplicas(node) !== most) continue
    for (const replica of node.replicas) if (replica.name < candidate.name) candidate = replica
  }
  return candidate
}
