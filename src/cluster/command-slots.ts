/** CLUSTER subcommands that change who owns which slots. */

import { SLOTS } from '../bytes/crc16.js'
import { bumpEpoch } from './epochs.js'
import { parseInteger } from './integer.js'
import { lookup } from './nodes.js'
import { broadcastPong } from './ping.js'
import type { Reply } from './reply.js'
import { error, OK } from './reply.js'
import { replicate } from './roles.js'
import { assignSlot, clearSlot, clearSlotsOf } from './slots.js'
import type { ClusterNode } from './state.js'
import { isReplica } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_STATE } from './turn.js'

const BAD_SLOT = error('Invalid or out of range slot')

function parseSlot(text: string): number | null {
  const slot = parseInteger(text)
  return slot === null || slot < 0 || slot >= SLOTS ? null : slot
}

function configChanged(turn: Turn): void {
  turn.ready.persist = true
  turn.todo |= TODO_STATE
  turn.state.announceOwed = true
}

/** ADDSLOTS and DELSLOTS: all of the slots, or none and an error. */
export function changeSlots(turn: Turn, texts: readonly string[], remove: boolean): Reply {
  const slots: number[] = []
  for (const text of texts) {
    const slot = parseSlot(text)
    if (slot === null) return BAD_SLOT
    slots.push(slot)
  }
  const chosen = new Set<number>()
  for (const slot of slots) {
    const problem = choose(turn, chosen, slot, remove)
    if (problem !== null) return problem
  }
  return apply(turn, chosen, remove)
}

/** ADDSLOTSRANGE and DELSLOTSRANGE: pairs of first and last slot. */
export function changeRanges(turn: Turn, texts: readonly string[], remove: boolean): Reply {
  const chosen = new Set<number>()
  for (let i = 0; i < texts.length; i += 2) {
    const first = parseSlot(texts[i]!)
    const last = parseSlot(texts[i + 1]!)
    if (first === null || last === null) return BAD_SLOT
    if (first > last) return error(`start slot number ${first} is greater than end slot number ${last}`)
    for (let slot = first; slot <= last; slot++) {
      const problem = choose(turn, chosen, slot, remove)
      if (problem !== null) return problem
    }
  }
  return apply(turn, chosen, remove)
}

function choose(turn: Turn, chosen: Set<number>, slot: number, remove: boolean): Reply | null {
  const owned = turn.state.slotOwner[slot] !== null
  if (remove && !owned) return error(`Slot ${slot} is already unassigned`)
  if (!remove && owned) return error(`Slot ${slot} is already busy`)
  if (chosen.has(slot)) return error(`Slot ${slot} specified multiple times`)
  chosen.add(slot)
  return null
}

function apply(turn: Turn, chosen: ReadonlySet<number>, remove: boolean): Reply {
  const { state } = turn
  for (const slot of chosen) {
    state.importingFrom.delete(slot)
    state.staleSlots.push(slot)
    if (remove) clearSlot(turn, slot)
    else assignSlot(state, state.myself, slot)
  }
  configChanged(turn)
  return OK
}

export function flushSlots(turn: Turn): Reply {
  const { state } = turn
  if (state.local.keyCount() !== 0) return error('DB must be empty to perform CLUSTER FLUSHSLOTS.')
  clearSlotsOf(turn, state.myself)
  configChanged(turn)
  return OK
}

/** SETSLOT slot MIGRATING|IMPORTING|NODE id, SETSLOT slot STABLE. */
export function setSlot(turn: Turn, args: readonly string[]): Reply {
  const { state } = turn
  if (isReplica(state.myself)) return error('Please use SETSLOT only with masters.')
  const slot = parseSlot(args[0]!)
  if (slot === null) return BAD_SLOT
  const reply = dispatch(turn, slot, args[1]!.toLowerCase(), args.slice(2))
  if (reply === OK) {
    state.staleSlots.push(slot)
    configChanged(turn)
  }
  return reply
}

function dispatch(turn: Turn, slot: number, action: string, rest: readonly string[]): Reply {
  const { state } = turn
  if (action === 'stable' && rest.length === 0) {
    state.importingFrom.delete(slot)
    state.migratingTo.delete(slot)
    return OK
  }
  if (rest.length === 1) {
    if (action === 'migrating') return setMigrating(turn, slot, rest[0]!)
    if (action === 'importing') return setImporting(turn, slot, rest[0]!)
    if (action === 'node') return setOwner(turn, slot, rest[0]!)
  }
  return error('Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP')
}

function setMigrating(turn: Turn, slot: number, name: string): Reply {
  const { state } = turn
  if (state.slotOwner[slot] !== state.myself) return error(`I'm not the owner of hash slot ${slot}`)
  const node = lookup(state, name)
  if (node === null) return error(`I don't know about node ${name}`)
  if (isReplica(node)) return error('Target node is not a master')
  state.migratingTo.set(slot, node)
  return OK
}

function setImporting(turn: Turn, slot: number, name: string): Reply {
  const { state } = turn
  if (state.slotOwner[slot] === state.myself) return error(`I'm already the owner of hash slot ${slot}`)
  const node = lookup(state, name)
  if (node === null) return error(`I don't know about node ${name}`)
  if (isReplica(node)) return error('Target node is not a master')
  state.importingFrom.set(slot, node)
  return OK
}

function setOwner(turn: Turn, slot: number, name: string): Reply {
  const { state } = turn
  const { myself, local } = state
  const node = lookup(state, name)
  if (node === null) return error(`Unknown node ${name}`)
  if (isReplica(node)) return error('Target node is not a master')
  const wasMine = state.slotOwner[slot] === myself
  const keys = local.keysInSlot(slot)
  if (wasMine && node !== myself && keys !== 0) {
    return error(
      `Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`,
    )
  }
  if (keys === 0) state.migratingTo.delete(slot)
  clearSlot(turn, slot)
  assignSlot(state, node, slot)
  if (wasMine && node !== myself && myself.slotCount === 0 && state.config.allowReplicaMigration) {
    becomeReplicaOfHeir(turn, node)
  }
  if (node === myself && state.importingFrom.has(slot)) finishImport(turn, slot)
  return OK
}

/** Our last slot has gone to `heir`: follow it. */
function becomeReplicaOfHeir(turn: Turn, heir: ClusterNode): void {
  log(turn, 'notice', `Configuration change detected. Reconfiguring myself as a replica of ${shown(heir)}`)
  replicate(turn, heir)
}

/** The slot has been moved to us by hand: claim it under a new epoch, so that the claim wins, and say so at once. */
function finishImport(turn: Turn, slot: number): void {
  if (bumpEpoch(turn)) log(turn, 'notice', `configEpoch updated after importing slot ${slot}`)
  turn.state.importingFrom.delete(slot)
  broadcastPong(turn, 'all')
}
