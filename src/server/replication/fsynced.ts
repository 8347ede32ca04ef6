/**
 * Which offset of the stream is on the disk: for WAITAOF here, and for what a replica tells its master (FACK). The
 * append-only file counts bytes of its own; at the end of each turn it is noted which of them belong to which offset.
 */

import type { Replication } from '../../replication/state.js'
import type { AppendOnly } from '../persistence/append-only.js'

/** Notes that wait for the disk; when there are more, the newest take in the later ones. */
const NOTES_MAX = 10_000
const NONE = -1

interface Note {
  fed_bytes: number
  offset: number
}

export class FsyncedOffset {
  private readonly r: Replication
  private readonly aof: AppendOnly
  private notes: Note[] = []
  private noted = NONE

  constructor(r: Replication, aof: AppendOnly) {
    this.r = r
    this.aof = aof
  }

  /** Another dataset, another history: nothing of it is on the disk yet. */
  forget(): void {
    this.notes = []
    this.noted = NONE
    this.r.fsyncedOffset = NONE
  }

  /** Everything up to the stream's offset has been fed to the append-only file. */
  note(): void {
    const { r, aof } = this
    if (aof.state === 'off' || r.offset === this.noted) return
    this.noted = r.offset
    const last = this.notes[this.notes.length - 1]
    if (last !== undefined && (last.fed_bytes === aof.fed_bytes || this.notes.length >= NOTES_MAX)) {
      last.fed_bytes = aof.fed_bytes
      last.offset = r.offset
    } else this.notes.push({ fed_bytes: aof.fed_bytes, offset: r.offset })
  }

  /** Looks what has reached the disk meanwhile. True if that is more than before. */
  look(): boolean {
    const { r, aof } = this
    const before = r.fsyncedOffset
    if (aof.state === 'off') {
      if (before !== NONE) this.forget()
      return false
    }
    // Until its base is there, the file means nothing.
    if (aof.state === 'waiting') return false
    let reached = 0
    while (reached < this.notes.length && this.notes[reached]!.fed_bytes <= aof.synced_bytes) {
      r.fsyncedOffset = this.notes[reached]!.offset
      reached++
    }
    if (reached > 0) this.notes.splice(0, reached)
    return r.fsyncedOffset !== before
  }
}
