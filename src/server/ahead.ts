/**
 * Commands that arrived together are read together, and what the look-ups of their keys, and of elements of large collections, will
 * touch is brought near for all of them at once, before the first is carried out: Table.foresee tells why. Nothing else is
 * decided ahead: each command is looked at, and runs, only when those before it are over.
 */

import type { CommandTable, Entry } from '../commands/table.js'
import type { LargeValue } from '../keyspace/collections/large.js'
import { refOf } from '../keyspace/collections/value.js'
import type { Database } from '../keyspace/database.js'
import { HASHTABLE, SKIPLIST } from '../keyspace/entries.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { FAR_MIN, FORESEEN_MAX } from '../keyspace/table.js'
import { Args } from '../resp/args.js'
import { COMMAND, type RequestParser } from '../resp/request.js'

/** How many commands are read at once. */
export const AHEAD_MAX = 32
/** What the table of so many elements takes, at least. */
const FAR_BYTES_MIN = FAR_MIN * 4
/** Fewer look-ups are not worth the trouble. */
const LOOK_UPS_MIN = 3
/** So many keys with nothing that is far away, and the commands behind them are not looked at. */
const NEAR_KEYS_MAX = 2
/** Arguments do not keep more memory than this from the longest command that stood in them. */
const RANGES_MAX = 4096

export class Ahead {
  /** The commands that `read` has found; the parser's own arguments take turns with these. */
  private readonly commands: Args[] = Array.from({ length: AHEAD_MAX }, () => new Args())
  /** What they are in the table of commands; undefined where that has not been looked up. */
  private readonly entries: (Entry | null | undefined)[] = new Array(AHEAD_MAX).fill(undefined)
  /** Where in the buffer each ends. */
  private readonly ends = new Int32Array(AHEAD_MAX)
  /** Hashes that are still to be foreseen, and how many. */
  private readonly hashes = new Int32Array(FORESEEN_MAX)
  private gathered = 0
  private knows = false
  /** What was read in advance is put here, so that it is read. */
  seen = 0
  /** What the parser said last: COMMAND, or why there are no more commands. */
  status = COMMAND

  /** Reads the commands at `buf[start, end)`, at most `most`, itself at most AHEAD_MAX. Returns how many there are. */
  read(parser: RequestParser, buf: Uint8Array, start: number, end: number, most: number): number {
    let count = 0
    let at = start
    this.status = COMMAND
    while (count < most && at < end) {
      const status = parser.parse(buf, at, end)
      if (status !== COMMAND) {
        this.status = status
        break
      }
      at = parser.next
      const args = parser.args
      parser.args = this.commands[count]!
      this.commands[count] = args
      this.entries[count] = undefined
      this.ends[count++] = at
    }
    return count
  }

  /** Where the command `index` of those just read ends. */
  end(index: number): number {
    return this.ends[index]!
  }

  /** The arguments of the command `index` of those just read. */
  command(index: number): Args {
    return this.commands[index]!
  }

  /** What the command `index` is in the table, null if it is not there, undefined if nobody looked yet. */
  entry(index: number): Entry | null | undefined {
    return this.entries[index]
  }

  /** Brings near what the commands just read from `buf`, `count` of them, will look for in `db`. */
  foresee(table: CommandTable, keyspace: Keyspace, db: number, buf: Uint8Array, count: number): void {
    const database = keyspace.databases[db]!
    const isFar = database.size >= FAR_MIN
    const hasLarge = keyspace.large.bytes >= FAR_BYTES_MIN
    if (!isFar && !hasLarge) return
    if (count < LOOK_UPS_MIN && this.commands[0]!.count <= LOOK_UPS_MIN) return
    for (let i = 0; i < count; i++) {
      const args = this.commands[i]!
      this.entries[i] = args.count > 0 && args.buf === buf ? this.find(table, args) : undefined
    }
    this.knows = true
    if (isFar) this.foreseeKeys(database, count)
    if (hasLarge) this.foreseeElements(database, count, isFar)
  }

  private find(table: CommandTable, args: Args): Entry | null {
    return table.find(args.buf, args.start(0), args.end(0))
  }

  private foreseeKeys(database: Database, count: number): void {
    for (let i = 0; i < count; i++) {
      const entry = this.entries[i]
      if (entry === null || entry === undefined || entry.firstKey === 0) continue
      const args = this.commands[i]!
      const last = entry.lastKey < 0 ? args.count + entry.lastKey : entry.lastKey
      for (let k = entry.firstKey; k <= last && k < args.count; k += entry.keyStep) {
        this.hashes[this.gathered++] = database.entries.knowHash(args.buf, args.start(k), args.end(k))
        if (this.gathered === FORESEEN_MAX) this.flushKeys(database)
      }
    }
    this.flushKeys(database)
  }

  private flushKeys(database: Database): void {
    if (this.gathered >= LOOK_UPS_MIN) this.seen ^= database.foresee(this.hashes, this.gathered)
    this.gathered = 0
  }

  private foreseeElements(database: Database, count: number, keysKnown: boolean): void {
    const { entries } = database
    let collection: LargeValue | null = null
    let known = false
    let last = 0
    let near = 0
    for (let i = 0; i < count; i++) {
      const entry = this.entries[i]
      if (entry === null || entry === undefined || entry.elementFrom === 0) continue
      const args = this.commands[i]!
      if (args.count < 3) continue
      // Another key with the same hash would cost a few reads for nothing.
      const start = args.start(1)
      const end = args.end(1)
      const hash = keysKnown ? entries.hash(args.buf, start, end) : entries.knowHash(args.buf, start, end)
      if (!known || hash !== last) {
        this.flushElements(collection, database.keyspace)
        collection = farCollection(database, args)
        // Commands on many small collections, each another one, have nothing that could be brought near.
        if (collection === null && ++near === NEAR_KEYS_MAX) return
        known = true
        last = hash
      }
      if (collection !== null) this.gatherElements(collection, database, entry, args)
    }
    this.flushElements(collection, database.keyspace)
  }

  private gatherElements(collection: LargeValue, database: Database, entry: Entry, args: Args): void {
    const { keyspace } = database
    const forward = entry.elementFrom > 0
    const step = forward ? entry.elementStep : -entry.elementStep
    let k = forward ? entry.elementFrom : args.count + entry.elementFrom
    while (k > 1 && k < args.count) {
      this.hashes[this.gathered++] = keyspace.entries.knowHash(args.buf, args.start(k), args.end(k))
      if (this.gathered === FORESEEN_MAX) this.flushElements(collection, keyspace)
      if (step === 0) return
      k += step
    }
  }

  private flushElements(collection: LargeValue | null, keyspace: Keyspace): void {
    if (collection !== null && this.gathered >= LOOK_UPS_MIN)
      this.seen ^= collection.foresee!(this.hashes, this.gathered, keyspace.foreseen)
    this.gathered = 0
  }

  /** What was read is not carried out: a command of it threw. */
  abandon(keyspace: Keyspace): void {
    this.gathered = 0
    this.forget(keyspace, AHEAD_MAX)
  }

  /** The buffer is about to be read into, or dropped: nothing here is to know or keep its bytes. */
  forget(keyspace: Keyspace, count: number): void {
    if (this.knows) keyspace.entries.forgetHashes()
    this.knows = false
    for (let i = 0; i < count; i++) {
      const args = this.commands[i]!
      if (args.room > RANGES_MAX) this.commands[i] = new Args()
      else args.forget()
    }
  }
}

/** The collection under the command's first key, if it is one of which parts are far away. */
function farCollection(database: Database, args: Args): LargeValue | null {
  const handle = database.peek(args.buf, args.start(1), args.end(1))
  if (handle === 0) return null
  const { entries, keyspace } = database
  const encoding = entries.encoding(handle)
  if (encoding !== HASHTABLE && encoding !== SKIPLIST) return null
  const value = keyspace.large.get(refOf(entries, handle))
  return (value.size ?? 0) >= FAR_MIN && value.foresee !== undefined ? value : null
}
