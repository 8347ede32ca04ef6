/** Slots: who owns them, which are being moved, and which this node serves. */

import { SLOTS } from '../bytes/crc16.js'
import type { ClusterNode, ClusterState } from './state.js'
import { isMaster, isReplica, MIGRATE_TO } from './state.js'
import type { Turn } from './turn.js'
import { SLOT_BYTES } from './wire.js'

export function testBit(bitmap: Uint8Array, slot: number): boolean {
  return (bitmap[slot >> 3]! & (1 << (slot & 7))) !== 0
}

export function setBit(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3]! |= 1 << (slot & 7)
}

export function clearBit(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3]! &= ~(1 << (slot & 7))
}

/** Compares two bitmaps, four bytes at a time where both are aligned: every ping comes by here. */
export function sameSlots(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (((a.byteOffset | b.byteOffset) & 3) === 0) {
    const x = new Uint32Array(a.buffer, a.byteOffset, SLOT_BYTES / 4)
    const y = new Uint32Array(b.buffer, b.byteOffset, SLOT_BYTES / 4)
    for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
    return true
  }
  for (let i = 0; i < SLOT_BYTES; i++) if (a[i] !== b[i]) return false
  return true
}

/** A copy of the node's slots that packets may share: it is made once, and anew only after a change. */
export function slotsSnapshot(node: ClusterNode): Uint8Array {
  node.slotsSnapshot ??= node.slots.slice()
  return node.slotsSnapshot
}

/** Gives a slot that nobody owns to `node`. */
export function assignSlot(state: ClusterState, node: ClusterNode, slot: number): void {
  if (state.slotOwner[slot] !== null) return
  setBit(node.slots, slot)
  node.slotsSnapshot = null
  node.rangesText = null
  node.slotCount++
  state.slotOwner[slot] = node
  state.staleSlots.push(slot)
  // A master's first slot makes it a target for migrating replicas, unless no master at all has replicas.
  if (node.slotCount === 1 && mastersHaveReplicas(state)) node.flags |= MIGRATE_TO
}

/** Takes a slot from its owner, if it has one. */
export function clearSlot(turn: Turn, slot: number): boolean {
  const { state } = turn
  const owner = state.slotOwner[slot]
  if (owner === null || owner === undefined) return false
  clearBit(owner.slots, slot)
  owner.slotsSnapshot = null
  owner.rangesText = null
  owner.slotCount--
  state.slotOwner[slot] = null
  clearBit(state.notClaimed, slot)
  state.staleSlots.push(slot)
  turn.rebound.push(slot)
  return true
}

export function clearSlotsOf(turn: Turn, node: ClusterNode): void {
  if (node.slotCount === 0) return
  for (let slot = 0; slot < SLOTS; slot++) if (turn.state.slotOwner[slot] === node) clearSlot(turn, slot)
}

/** Nobody owns the slot, or its owner no longer claims it. */
export function isUnclaimed(state: ClusterState, slot: number): boolean {
  return state.slotOwner[slot] === null || testBit(state.notClaimed, slot)
}

/** Ends all moving of slots. */
export function closeAllSlots(state: ClusterState): void {
  state.migratingTo.clear()
  state.importingFrom.clear()
  state.servedStale = true
}

function mastersHaveReplicas(state: ClusterState): boolean {
  return state.nodeList.some((node) => !isReplica(node) && node.replicas.length > 0)
}

/** Makes `served` true again: where all is stale every slot, otherwise those that changed. Answers whether anything did. */
export function refreshServed(state: ClusterState): boolean {
  const { servedStale, staleSlots } = state
  let changed = false
  if (servedStale) {
    for (let slot = 0; slot < SLOTS; slot++) if (refreshSlot(state, slot)) changed = true
  } else {
    for (const slot of staleSlots) if (refreshSlot(state, slot)) changed = true
  }
  state.servedStale = false
  staleSlots.length = 0
  return changed
}

function refreshSlot(state: ClusterState, slot: number): boolean {
  const { served, slotOwner, myself, migratingTo, importingFrom } = state
  let value = state.ok && slotOwner[slot] === myself && isMaster(myself) ? 1 : 0
  // The maps are asked for the slots that we own only: a search in them costs more than the rest.
  if (value === 1 && (migratingTo.has(slot) || importingFrom.has(slot))) value = 0
  if (served[slot] === value) return false
  served[slot] = value
  return true
}

/** Ranges of owned slots, first and last of each, ascending. */
export function slotRanges(node: ClusterNode): [number, number][] {
  const ranges: [number, number][] = []
  if (node.slotCount === 0) return ranges
  const { slots } = node
  let start = -1
  for (let slot = 0; slot < SLOTS; slot++) {
    const byte = slots[slot >> 3]!
    // Whole bytes that change nothing are passed over: most bitmaps are a few long runs.
    if ((slot & 7) === 0 && byte === (start < 0 ? 0 : 255)) {
      slot += 7
      continue
    }
    const owned = (byte & (1 << (slot & 7))) !== 0
    if (owned && start < 0) start = slot
    if (!owned && start >= 0) {
      ranges.push([start, slot - 1])
      start = -1
    }
  }
  if (start >= 0) ranges.push([start, SLOTS - 1])
  return ranges
}

/** The ranges as CLUSTER NODES shows them: each with a space before it. Made anew only after a change. */
export function rangesText(node: ClusterNode): string {
  if (node.rangesText !== null) return node.rangesText
  let text = ''
  for (const [first, last] of slotRanges(node)) text += first === last ? ` ${first}` : ` ${first}-${last}`
  node.rangesText = text
  return text
}
