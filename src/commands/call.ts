/**
 * One command on its way: where it runs, and what it leaves behind for the append-only file, the replicas and those who
 * listen. A node owns one call and uses it for every command; nothing of it outlives the command.
 */

import { BitCombiner } from '../bytes/bit-combine.js'
import { BitCounter } from '../bytes/bit-count.js'
import { FixedPoint } from '../bytes/fixed-point.js'
import { Subsequence } from '../bytes/subsequence.js'
import { Registers } from '../keyspace/collections/registers.js'
import type { Database } from '../keyspace/database.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { DumpWriter } from '../persistence/rdb/dump.js'
import type { Args } from '../resp/args.js'
import { CommandWriter, type Replaced } from '../resp/encode.js'
import { SortSpace } from './generic/sort-space.js'
import { GeoSpace } from './geo/space.js'
import type { Host } from './host.js'

/** What commands may know of the client they serve. */
export interface Caller {
  readonly id: number
  /** The index of its database. */
  db: number
  /** 2 or 3. */
  protocol: number
  /** Whether it is our master's stream, or the append-only file: such a caller is not refused anything. */
  readonly trusted: boolean
  /** Whether the command stands in a transaction or a script: it must not block. */
  denyBlocking: boolean
  /** Whether a script asks: what has no order of its own must have one then. */
  readonly inScript?: boolean
}

const SOMEBODY = { length: 1 }

export class Call {
  readonly host: Host
  readonly keyspace: Keyspace
  /** The caller's database. */
  db: Database
  caller: Caller
  /** How many changes the command made; the dispatcher compares it with what it was before. */
  dirty = 0
  /** Which keyspace notifications are wanted: `notify-keyspace-events`. */
  notifyMask = 0
  /** What goes out instead of the command itself: null for the command as it came, an empty array for nothing. */
  instead: Uint8Array[][] | null = null
  /** Where it holds one, the command that goes out instead: see `writeInstead`. Whoever sends it sets its length to 0. */
  readonly written = new CommandWriter()

  /** What SORT uses again and again. */
  readonly sorting = new SortSpace()
  /** Where DUMP and MIGRATE make their payloads. */
  readonly dumping = new DumpWriter()
  readonly bitCounter = new BitCounter()
  /** What BITOP uses again and again. */
  readonly bits = new BitCombiner()
  /** What PFCOUNT and PFMERGE use again and again. */
  readonly registers = new Registers()
  /** What LCS uses again and again. */
  readonly subsequence = new Subsequence()
  /** The same for INCRBYFLOAT and HINCRBYFLOAT. */
  readonly floats = { sum: new FixedPoint(), by: new FixedPoint() }
  /** The same for places. */
  readonly searching = new GeoSpace()

  constructor(host: Host, keyspace: Keyspace, caller: Caller) {
    this.host = host
    this.keyspace = keyspace
    this.caller = caller
    this.db = keyspace.databases[0]!
  }

  /** Who hears of changes: the append-only file and the replicas. */
  listeners: { readonly length: number } = SOMEBODY

  /** Whether anybody hears of changes; if not, what would be propagated need not be made. */
  get isHeard(): boolean {
    return this.listeners.length > 0
  }

  /** Sends this command to the append-only file and the replicas instead of the one that runs; may be called again. */
  propagate(...parts: Uint8Array[]): void {
    if (this.instead === null) this.instead = []
    this.instead.push(parts)
  }

  /**
   * Sends a command of `count` arguments instead of the one that runs, as `propagate` does, without anything being made: they are to be
   * written, all of them, to what this returns; null where nobody would hear of it. Only for commands that change something, and only
   * once in each.
   */
  writeInstead(count: number): CommandWriter | null {
    if (!this.isHeard) return null
    this.written.begin(count)
    return this.written
  }

  /** Sends the command in `args` with some of its arguments replaced, in the same way. */
  propagateWith(args: Args, replaced: Replaced): void {
    const to = this.writeInstead(args.count)
    if (to === null) return
    for (let i = 0; i < args.count; i++) {
      const other = replaced[i]
      if (other === undefined) to.argument(args, i)
      else to.whole(other)
    }
  }

  /** Sends nothing to the append-only file and the replicas. */
  propagateNothing(): void {
    this.instead = []
  }

  /** Tells listeners what happened to a key. */
  notify(kind: number, event: string, key: Uint8Array, start: number, end: number): void {
    if ((this.notifyMask & kind) !== 0) this.host.notify(kind, event, this.db, key, start, end)
  }
}
