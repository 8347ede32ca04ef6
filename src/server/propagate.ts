/**
 * What changed goes out: to the append-only file, and to the replicas, in the order in which it happened. A command goes
 * as the range that arrived wherever it need not be rewritten. What one command (or one EXEC) sends is a unit: when it
 * turns out to be more than one command, it goes between MULTI and EXEC, so that nobody ever has half of it.
 */

import { ascii } from '../bytes/ascii.js'
import type { Call } from '../commands/call.js'
import type { Args } from '../resp/args.js'
import { encodeArgs, encodeCommand } from '../resp/encode.js'
import type { Feed } from './parts.js'

const MULTI = encodeCommand([ascii('MULTI')])
const EXEC = encodeCommand([ascii('EXEC')])
/** MULTI and EXEC belong to no database: they need no SELECT. */
const NO_DB = -1

/** The first command of a unit, until it is known whether more follow. */
interface Held {
  readonly db: number
  readonly bytes: Uint8Array
  readonly isMessage: boolean
}

export class Propagation {
  /** Who gets the changes; the node's parts put themselves in. */
  readonly feeds: Feed[] = []
  /** While a file is read back (DEBUG RELOAD) nothing of it goes out. */
  muted = false
  /** Changes of the dataset since the last successful save. */
  dirty = 0
  /** The unit is one whose commands stand for themselves (a key that SCAN found expired): no MULTI around them. */
  private loose = false
  private depth = 0
  private held: Held | null = null
  private begun = false

  /** Begins a unit: what is fed until `endUnit` is applied together or not at all. Nests; the outermost counts. */
  beginUnit(loose: boolean): void {
    if (this.depth++ === 0) this.loose = loose
  }

  endUnit(): void {
    if (--this.depth === 0 && (this.held !== null || this.begun)) this.settle()
  }

  /** The command under way threw, before it changed anything: what had expired for it still goes out. */
  abandonUnit(): void {
    if (this.depth === 0) return
    this.depth = 1
    this.endUnit()
  }

  /** The command in `args` has changed something, or wants something to go out. */
  command(call: Call, args: Args): void {
    this.dirty += call.dirty
    if (this.feeds.length === 0) return
    // Not the database's own index, which SWAPDB has changed by now.
    const db = call.caller.db
    const instead = call.instead
    const { written } = call
    if (instead !== null) {
      written.length = 0
      for (const parts of instead) this.add(db, encodeCommand(parts), false)
      return
    }
    const { length } = written
    if (length > 0) {
      written.length = 0
      if (this.depth <= 1 && this.held === null && !this.begun) this.feed(db, written.buf, 0, length, false)
      else this.add(db, written.buf.slice(0, length), false)
      return
    }
    // A command's own change is the last of its unit, so alone it can go at once and as it came.
    if (args.rawEnd > 0 && this.depth <= 1 && this.held === null && !this.begun) {
      this.feed(db, args.buf, args.rawStart, args.rawEnd, false)
    } else {
      this.add(db, args.rawEnd > 0 ? args.buf.slice(args.rawStart, args.rawEnd) : encodeArgs(args), false)
    }
  }

  /** A change that no command made: a key that expired, was evicted, or lost with its slot. */
  send(db: number, parts: readonly Uint8Array[]): void {
    if (this.feeds.length > 0) this.add(db, encodeCommand(parts), false)
  }

  /** Something for the replicas alone, which changes no data: a published message. */
  message(db: number, parts: readonly Uint8Array[]): void {
    // Where nobody takes it, it does not count as a command of its unit either.
    if (this.feeds.some((feed) => feed.keepsDataOnly !== true)) this.add(db, encodeCommand(parts), true)
  }

  private add(db: number, bytes: Uint8Array, isMessage: boolean): void {
    if (this.depth === 0 || this.loose) {
      this.feed(db, bytes, 0, bytes.length, isMessage)
    } else if (this.begun) {
      this.feed(db, bytes, 0, bytes.length, isMessage)
    } else if (this.held === null) {
      this.held = { db, bytes, isMessage }
    } else {
      this.begun = true
      this.feed(NO_DB, MULTI, 0, MULTI.length, false)
      this.release(this.held)
      this.feed(db, bytes, 0, bytes.length, isMessage)
    }
  }

  private settle(): void {
    if (this.begun) this.feed(NO_DB, EXEC, 0, EXEC.length, false)
    else if (this.held !== null) this.release(this.held)
    this.begun = false
  }

  private release(held: Held): void {
    this.held = null
    this.feed(held.db, held.bytes, 0, held.bytes.length, held.isMessage)
  }

  private feed(db: number, buf: Uint8Array, start: number, end: number, isMessage: boolean): void {
    if (this.muted) return
    for (const feed of this.feeds)
      if (!isMessage || feed.keepsDataOnly !== true) feed.feed(db, buf, start, end)
  }
}
