/**
 * What changed goes out: to the append-only file, and to the replicas, in the order in which it happened. A command goes
 * as the range that arrived wherever it need not be rewritten; several that belong together go between MULTI and EXEC.
 */

import { ascii } from '../bytes/ascii.js'
import type { Call } from '../commands/call.js'
import type { Args } from '../resp/args.js'
import { encodeArgs, encodeCommand } from '../resp/encode.js'
import type { Feed } from './parts.js'

const MULTI = encodeCommand([ascii('MULTI')])
const EXEC = encodeCommand([ascii('EXEC')])

export class Propagation {
  /** Who gets the changes; the node's parts put themselves in. */
  readonly feeds: Feed[] = []
  /** Changes of the dataset since the last successful save. */
  dirty = 0
  private unit = 0
  private begun = false

  /** Begins a unit: what is fed until `endUnit` is applied together or not at all. Nests. */
  beginUnit(): void {
    if (this.unit++ === 0) this.begun = false
  }

  endUnit(db: number): void {
    if (--this.unit === 0 && this.begun) this.feed(db, EXEC, 0, EXEC.length)
  }

  /** The command in `args` has changed something, or wants something to go out. */
  command(call: Call, args: Args): void {
    this.dirty += call.dirty
    if (this.feeds.length === 0) return
    const db = call.db.index
    const instead = call.instead
    if (instead === null) {
      this.open(db)
      if (args.rawEnd > 0) {
        this.feed(db, args.buf, args.rawStart, args.rawEnd)
      } else {
        const bytes = encodeArgs(args)
        this.feed(db, bytes, 0, bytes.length)
      }
      return
    }
    // What one command became several must not come apart.
    const several = instead.length > 1
    if (several) this.beginUnit()
    for (const parts of instead) this.send(db, parts)
    if (several) this.endUnit(db)
  }

  /** A change that no command made: a key that expired, was evicted, or lost with its slot. */
  send(db: number, parts: readonly Uint8Array[]): void {
    if (this.feeds.length === 0) return
    this.open(db)
    const bytes = encodeCommand(parts)
    this.feed(db, bytes, 0, bytes.length)
  }

  private open(db: number): void {
    if (this.unit === 0 || this.begun) return
    this.begun = true
    this.feed(db, MULTI, 0, MULTI.length)
  }

  private feed(db: number, buf: Uint8Array, start: number, end: number): void {
    for (const feed of this.feeds) feed.feed(db, buf, start, end)
  }
}
