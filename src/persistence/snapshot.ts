/**
 * A snapshot without fork: the keyspace as it was at one moment, written in slices between requests. The walk goes
 * through the tables with their scan cursor. Whoever changes or removes an entry that the walk has not reached lets it
 * be saved first (`beforeWrite`); an entry made after the beginning carries the walk's generation from its birth and is
 * left out. So what is written is the moment of the beginning, whatever happens meanwhile, and nothing is copied.
 *
 * An entry tells by its generation byte whether it was saved, so that the cursor, which may show an entry twice when a
 * table changes its size, does not write it twice. Generations are a byte: before they come round, `Generations`
 * wipes out those that walks which were given up have left behind.
 */

import type { Database } from '../keyspace/database.js'
import { NO_EXPIRY, STRING } from '../keyspace/entries.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { writePexpireAt, writeSelect, writeSet } from './aof/record.js'
import type { RdbWriter } from './rdb/writer.js'
import { ByteSink, type SinkOptions } from './sink.js'
import type { ValueCodec } from './values/codec.js'
import { codecOf } from './values/index.js'

/** Where the entries of a walk go. */
export interface SnapshotTarget {
  /** What follows is of database `db`, which has so many keys. Called again whenever the database changes. */
  database(db: number, keys: number, expires: number): void
  /** One entry, which must be written before this returns: it may change right after. */
  entry(keyspace: Keyspace, handle: number): void
  /** All entries were written. */
  finish(): void
}

/** Generations that may pass without a whole walk before they would come round. */
const GENERATIONS_MAX = 250

/** Counts walks that were given up. One for each keyspace, shared by all its walks. */
export class Generations {
  private readonly keyspace: Keyspace
  private sinceWhole = 0

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }

  begin(): void {
    if (++this.sinceWhole >= GENERATIONS_MAX) {
      const { databases, entries } = this.keyspace
      for (const db of databases) {
        db.forEach((handle) => {
          entries.setGeneration(handle, 0)
        })
      }
      this.sinceWhole = 1
    }
    this.keyspace.beginSnapshot()
  }

  /** Every entry carries the walk's generation now, so that no older one is left. */
  whole(): void {
    this.keyspace.endSnapshot()
    this.sinceWhole = 0
  }

  givenUp(): void {
    this.keyspace.endSnapshot()
  }
}

interface Walked {
  db: Database
  index: number
  keys: number
  expires: number
}

export class SnapshotWalk {
  /** Entries written. */
  saved = 0
  /** Entries that there were at the beginning. */
  readonly total: number
  over = false
  private readonly keyspace: Keyspace
  private readonly generations: Generations
  private readonly target: SnapshotTarget
  private readonly generation: number
  private readonly databases: Walked[]
  private current: Walked | undefined
  private at = 0
  private cursor = 0

  /** Takes the moment. From now on `beforeWrite` must hear of what changes, until the walk is `over`. */
  constructor(keyspace: Keyspace, generations: Generations, target: SnapshotTarget) {
    this.keyspace = keyspace
    this.generations = generations
    this.target = target
    generations.begin()
    this.generation = keyspace.snapshot
    this.databases = keyspace.databases
      .map((db, index) => ({ db, index, keys: db.size, expires: db.expiring }))
      .filter((one) => one.keys > 0)
    this.total = this.databases.reduce((sum, one) => sum + one.keys, 0)
  }

  /** Writes some `entries` entries; true while there are more. After the last the target is finished. */
  step(entries: number): boolean {
    if (this.over) return false
    const enough = this.saved + entries
    const visit = (handle: number) => this.visit(handle)
    while (this.saved < enough) {
      const walked = this.databases[this.at]
      if (walked === undefined) {
        this.over = true
        this.generations.whole()
        this.target.finish()
        return false
      }
      this.cursor = walked.db.scan(this.cursor, visit)
      if (this.cursor === 0) this.at++
    }
    return true
  }

  /** An entry of an older generation is about to change; the keyspace then gives it this walk's. */
  beforeWrite(db: Database, handle: number): void {
    if (this.over) return
    const walked = this.databases.find((one) => one.db === db)
    if (walked !== undefined) this.save(walked, handle)
  }

  /** Gives the walk up; the target is left as it is. */
  abort(): void {
    if (this.over) return
    this.over = true
    this.generations.givenUp()
  }

  private visit(handle: number): void {
    const { entries } = this.keyspace
    if (entries.generation(handle) === this.generation) return
    entries.setGeneration(handle, this.generation)
    this.save(this.databases[this.at]!, handle)
  }

  private save(walked: Walked, handle: number): void {
    if (this.current !== walked) {
      this.current = walked
      this.target.database(walked.index, walked.keys, walked.expires)
    }
    this.target.entry(this.keyspace, handle)
    this.saved++
  }
}

/** What of an entry's access clock an RDB file keeps: what the eviction policy looks at. */
export type AccessClock = 'idle' | 'frequency' | 'none'

/** Writes entries as RDB. The header has been written by whoever knows what it says. */
export class RdbTarget implements SnapshotTarget {
  private readonly writer: RdbWriter
  private readonly clock: AccessClock
  private readonly sized = new Set<number>()

  constructor(writer: RdbWriter, clock: AccessClock) {
    this.writer = writer
    this.clock = clock
  }

  database(db: number, keys: number, expires: number): void {
    this.writer.selectDb(db)
    if (this.sized.has(db)) return
    this.sized.add(db)
    this.writer.resizeDb(keys, expires)
  }

  entry(keyspace: Keyspace, handle: number): void {
    const { entries } = keyspace
    const { writer, clock } = this
    const type = entries.type(handle)
    const expiry = entries.expiry(handle)
    const access = entries.access(handle)
    const idle_s = clock === 'idle' ? (keyspace.lruClock - access) & 0xffffff : -1
    const frequency = clock === 'frequency' ? access & 0xff : -1
    writer.attributes(expiry === NO_EXPIRY ? -1 : expiry, idle_s, frequency)
    const buf = entries.bytes(handle)
    const key = entries.keyStart(handle)
    const value = key + entries.keyLength(handle)
    if (type === STRING) {
      writer.stringEntry(buf, key, value, buf, value, value + entries.valueLength(handle))
      return
    }
    const codec = mustHaveCodec(type)
    writer.beginEntry(codec.rdbType(keyspace, handle, writer.version), buf, key, value)
    codec.write(writer, keyspace, handle)
  }

  finish(): void {
    this.writer.finish()
  }
}

/** Writes entries as commands: the base of an append-only file without RDB preamble. */
export class CommandTarget implements SnapshotTarget {
  readonly sink: ByteSink

  constructor(options: SinkOptions) {
    this.sink = new ByteSink(options)
  }

  database(db: number): void {
    writeSelect(this.sink, db)
  }

  entry(keyspace: Keyspace, handle: number): void {
    const { entries } = keyspace
    const type = entries.type(handle)
    const buf = entries.bytes(handle)
    const key = entries.keyStart(handle)
    const value = key + entries.keyLength(handle)
    if (type !== STRING) mustHaveCodec(type).rewrite(this.sink, keyspace, handle)
    else writeSet(this.sink, buf, key, value, buf, value, value + entries.valueLength(handle))
    const expiry = entries.expiry(handle)
    if (expiry !== NO_EXPIRY) writePexpireAt(this.sink, buf, key, value, expiry)
  }

  finish(): void {
    this.sink.flush()
  }
}

function mustHaveCodec(type: number): ValueCodec {
  const codec = codecOf(type)
  if (codec === undefined) throw new Error(`no way to save a value of type ${type}`)
  return codec
}
