/**
 * Which keys a slot holds, in cluster mode: the entries of a slot are linked through themselves, so that they can be
 * counted at once, listed in time proportional to their number, and nothing is allocated for it.
 */

import { keySlot, SLOTS } from '../bytes/crc16.js'
import type { Entries } from './entries.js'

export class SlotIndex {
  private readonly head = new Uint32Array(SLOTS)
  private readonly counts = new Uint32Array(SLOTS)
  private readonly entries: Entries

  constructor(entries: Entries) {
    this.entries = entries
  }

  count(slot: number): number {
    return this.counts[slot]!
  }

  /** The first entry of the slot, 0 if there is none; go on with `entries.nextInSlot`. */
  first(slot: number): number {
    return this.head[slot]!
  }

  slotOf(handle: number): number {
    const entries = this.entries
    const start = entries.keyStart(handle)
    return keySlot(entries.bytes(handle), start, start + entries.keyLength(handle))
  }

  add(handle: number): void {
    const slot = this.slotOf(handle)
    const first = this.head[slot]!
    this.entries.setNextInSlot(handle, first)
    this.entries.setPreviousInSlot(handle, 0)
    if (first !== 0) this.entries.setPreviousInSlot(first, handle)
    this.head[slot] = handle
    this.counts[slot]!++
  }

  remove(handle: number): void {
    const slot = this.slotOf(handle)
    const next = this.entries.nextInSlot(handle)
    const previous = this.entries.previousInSlot(handle)
    if (next !== 0) this.entries.setPreviousInSlot(next, previous)
    if (previous !== 0) this.entries.setNextInSlot(previous, next)
    else this.head[slot] = next
    this.counts[slot]!--
  }

  /** The entry `from` was copied to `to`, links included, and `from` is about to be freed. */
  moved(from: number, to: number): void {
    const next = this.entries.nextInSlot(from)
    const previous = this.entries.previousInSlot(from)
    this.entries.setNextInSlot(to, next)
    this.entries.setPreviousInSlot(to, previous)
    if (next !== 0) this.entries.setPreviousInSlot(next, to)
    if (previous !== 0) this.entries.setNextInSlot(previous, to)
    else this.head[this.slotOf(from)] = to
  }

  clear(): void {
    this.head.fill(0)
    this.counts.fill(0)
  }
}
