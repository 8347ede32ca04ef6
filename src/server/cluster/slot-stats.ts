/**
 * What each slot's commands cost this node (cluster-slot-stats-enabled): processor time, and bytes in and out. Three columns
 * of one number a slot; there while the directive is on. A command counts for the slot of its keys; EXEC counts for its
 * commands, once. After Valkey 8, src/cluster_slot_stats.c.
 */

import { SLOTS } from '../../bytes/crc16.js'
import type { Args } from '../../resp/args.js'

export class SlotStats {
  readonly cpu_us = new Float64Array(SLOTS)
  readonly bytesIn = new Float64Array(SLOTS)
  readonly bytesOut = new Float64Array(SLOTS)

  /** How long the command under way took; 0 while it waits for its keys. */
  took_us = 0

  /** A command of a client has run, with all that it ran itself. `slot`: of its keys, negative for none. */
  commandRan(slot: number, args: Args, bytesOut: number): void {
    if (slot >= 0) {
      this.cpu_us[slot]! += this.took_us
      this.bytesIn[slot]! += args.rawEnd - args.rawStart
      this.bytesOut[slot]! += bytesOut
    }
    this.took_us = 0
  }

  /** A command waits for EXEC. */
  commandQueued(slot: number, args: Args): void {
    if (slot >= 0) this.bytesIn[slot]! += args.rawEnd - args.rawStart
  }

  /** Slots that came or went begin anew. */
  forget(slots: readonly number[]): void {
    for (const slot of slots) this.cpu_us[slot] = this.bytesIn[slot] = this.bytesOut[slot] = 0
  }

  reset(): void {
    this.cpu_us.fill(0)
    this.bytesIn.fill(0)
    this.bytesOut.fill(0)
  }
}
