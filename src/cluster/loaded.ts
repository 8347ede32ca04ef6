/**
 * After the data have been loaded: keys in slots that are not ours. A slot that nobody owns becomes ours; one that
 * somebody else owns is marked as being imported, so that tools see the matter and can put it right.
 */

import { assignSlot } from './slots.js'
import { isReplica } from './state.js'
import type { Turn } from './turn.js'
import { log, TODO_STATE } from './turn.js'

export function checkLoadedData(turn: Turn): void {
  const { state } = turn
  // A replica's data follow its master's.
  if (isReplica(state.myself)) return
  for (let slot = 0; slot < state.slotOwner.length; slot++) {
    if (state.local.keysInSlot(slot) === 0) continue
    const owner = state.slotOwner[slot] ?? null
    if (owner === state.myself || state.importingFrom.has(slot)) continue
    if (owner === null) {
      log(turn, 'notice', `I have keys for unassigned slot ${slot}. Taking responsibility for it.`)
      assignSlot(state, state.myself, slot)
    } else {
      log(
        turn,
        'notice',
        `I have keys for slot ${slot}, but the slot is assigned to another node. Setting it to importing state.`,
      )
      state.importingFrom.set(slot, owner)
    }
    state.servedStale = true
    turn.ready.persist = true
    turn.todo |= TODO_STATE
  }
}
