/**
 * The parts that a node is put together from, as the node sees them. Each is optional: a node without persistence, without
 * replicas, outside of a cluster has nothing there, and pays nothing for it.
 */

import type { Entry } from '../commands/table.js'
import type { Args } from '../resp/args.js'
import type { Client } from './client.js'

/** Gets every change of the dataset, in order, in the form of commands. */
export interface Feed {
  /** Whether messages (PUBLISH) are none of its business: it keeps the dataset and nothing else. */
  readonly keepsDataOnly?: boolean
  /**
   * `buf[start, end)` is one command in RESP form that changed database `db`; the bytes are the node's afterwards. `db` is
   * -1 for MULTI and EXEC, which belong to none.
   */
  feed(db: number, buf: Uint8Array, start: number, end: number): void
}

/** Looks after the disk. */
export interface Durability extends Feed {
  /**
   * The turn is over, replies are about to leave: writes what was fed. True if they may leave now; otherwise `release` is
   * called when what was fed up to now is safe (appendfsync always).
   */
  endTurn(release: () => void): boolean
}

/** Looks after the slots. */
export interface SlotRouter {
  /** For each slot 1 if its keys are served here without ado. */
  readonly served: Uint8Array
  /**
   * What to answer for a command with keys that is not simply served here; null to carry it out. `slot` is the first
   * key's; -1 where the command's keys lie in different slots.
   */
  redirect(client: Client, entry: Entry, args: Args, slot: number): string | null
}

/** Something that wants to be called regularly, ten times a second or so (`hz`). */
export interface Regular {
  cron(now_ms: number): void
}

/** Knows users and what they may do. */
export interface Access {
  /** Why the client's user may not run this command; null if it may. */
  check(client: Client, entry: Entry, args: Args): string | null
  /** What of a queued command it may not: `command`, `key`, `channel`; null if it may run. */
  denial(client: Client, entry: Entry, args: Args): string | null
  /** Whether the client's user may run the command, and with it read any key: also one that no argument names. */
  readsAnyKey(client: Client, entry: Entry): boolean
}

/** Ends the process that a node has to itself. */
export interface Stopper {
  /** Resolves when the process is not going to end, since something could not be saved or the stop was aborted. */
  request(wish: StopWish): Promise<void>
  /** SHUTDOWN ABORT: true if there was a stop to be aborted. */
  abort(): boolean
}

/** How a node is to stop: SHUTDOWN's options, or what shutdown-on-sigterm says. */
export interface StopWish {
  /** Write an RDB file, or not; undefined for what the save points ask for. */
  readonly save: boolean | undefined
  /** Without waiting for replicas. */
  readonly now: boolean
  /** Even where something cannot be saved. */
  readonly force: boolean
}
