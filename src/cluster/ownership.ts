/**
 * Slots claimed by others, merged into our table: the heart of the cluster's agreement. A claim wins over the owner
 * that we know when it has a greater config epoch, or when that owner no longer claims the slot.
 */

import { SLOTS } from '../bytes/crc16.js'
import { replicate } from './roles.js'
import { assignSlot, clearBit, clearSlot, isUnclaimed, setBit, testBit } from './slots.js'
import type { ClusterNode } from './state.js'
import { isMaster } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_STATE } from './turn.js'

/** `claimer`, a master, owns `claimed` under `epoch`: as it said itself, or as an UPDATE said about it. */
export function mergeClaim(turn: Turn, claimer: ClusterNode, epoch: bigint, claimed: Uint8Array): void {
  const { state } = turn
  const { myself } = state
  if (claimer === myself) {
    log(turn, 'notice', 'Discarding UPDATE message about myself.')
    return
  }
  const ours = isMaster(myself) ? myself : myself.master
  const dirty: number[] = []
  let claimedCount = 0
  let takenFromOurs = 0
  for (let slot = 0; slot < SLOTS; slot++) {
    if (claimed[slot >> 3] === 0 && claimer.slots[slot >> 3] === 0) {
      slot |= 7
      continue
    }
    const owner = state.slotOwner[slot]!
    if (!testBit(claimed, slot)) {
      // The owner has let go of it. Keep it bound, so that clients are still sent somewhere, but do not vouch for it.
      if (owner === claimer) setBit(state.notClaimed, slot)
      continue
    }
    claimedCount++
    if (owner === claimer) {
      clearBit(state.notClaimed, slot)
      continue
    }
    if (!isUnclaimed(state, slot) && owner.configEpoch >= epoch) continue
    if (!importAllows(turn, slot, claimer)) continue
    if (owner === myself && state.local.keysInSlot(slot) > 0) dirty.push(slot)
    if (owner !== null && owner === ours) takenFromOurs++
    // The slot has left our shard: there is nothing to migrate any more.
    if (claimer.shardId !== myself.shardId) state.migratingTo.delete(slot)
    clearSlot(turn, slot)
    assignSlot(state, claimer, slot)
    turn.ready.persist = true
    turn.todo |= TODO_STATE
  }
  followTarget(turn, claimer, epoch)
  followOwnership(turn, claimer, ours, takenFromOurs, claimedCount, dirty)
}

/**
 * Whether a claim is taken although we may be importing the slot. Importing is ended by the operator, unless the claimer has
 * only taken the source's place: then it is the source from now on, and its slots are served.
 */
function importAllows(turn: Turn, slot: number, claimer: ClusterNode): boolean {
  const { importingFrom } = turn.state
  const source = importingFrom.get(slot)
  if (source === undefined || source === claimer) return true
  if (source.shardId !== claimer.shardId) return false
  importingFrom.set(slot, claimer)
  log(
    turn,
    'notice',
    `Failover occurred in migration source. Update importing source for slot ${slot} to node ` +
      `${shown(claimer)} in shard ${claimer.shardId}.`,
  )
  return true
}

/** Slots that we migrate to a master which `claimer`, of the same shard, has replaced go to `claimer`. */
function followTarget(turn: Turn, claimer: ClusterNode, epoch: bigint): void {
  const { migratingTo } = turn.state
  for (const [slot, target] of migratingTo) {
    if (target === claimer || target.shardId !== claimer.shardId) continue
    if (isMaster(target) && target.configEpoch >= epoch) continue
    migratingTo.set(slot, claimer)
    turn.ready.persist = true
    log(
      turn,
      'notice',
      `Failover occurred in migration target. Slot ${slot} is now being migrated to node ` +
        `${shown(claimer)} in shard ${claimer.shardId}.`,
    )
  }
}

/** After slots changed hands: whom do we replicate now, and which keys have to go? */
function followOwnership(
  turn: Turn,
  claimer: ClusterNode,
  ours: ClusterNode | null,
  takenFromOurs: number,
  claimedCount: number,
  dirty: readonly number[],
): void {
  const { config, myself } = turn.state
  const grandmaster = myself.master?.master ?? null
  const mayMove = config.allowReplicaMigration || claimedCount === takenFromOurs
  if (takenFromOurs > 0 && ours !== null && ours.slotCount === 0 && mayMove) {
    // We were replaced, or our master was: its successor is our master now. Keys need no deleting, a full or partial
    // synchronisation replaces them.
    log(
      turn,
      'notice',
      `Configuration change detected. Reconfiguring myself as a replica of ${shown(claimer)}`,
    )
    replicate(turn, claimer)
    turn.todo |= TODO_STATE
  } else if (grandmaster !== null && grandmaster !== myself) {
    log(
      turn,
      'notice',
      `I'm a sub-replica! Reconfiguring myself as a replica of grandmaster ${shown(grandmaster)}`,
    )
    replicate(turn, grandmaster)
    turn.todo |= TODO_STATE
  } else if (dirty.length > 0) {
    turn.ready.facts.push({ kind: 'slotsLost', slots: dirty })
  }
}
