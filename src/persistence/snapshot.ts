/**
 * A snapshot without fork: the keyspace as it was at one moment, written in slices between requests. The walk goes
 * through the tables with their scan cursor. Whoever changes or removes an entry that the walk has not reached lets it
 * be saved first (`beforeWrite`); an entry made after the beginning carries the walk's generation from its birth and is
 * left out. So what is written is the moment of the beginning, whatever happens meanwhile, and nothing is copied.
 *
 * An entry tells by its generation byte whether it was saved, so that the cursor, which may show an entry twice when a
 * table changes its size, does not write it twice. Generations are a byte: before they come round, `Generations`
 * wipes out those that walks which were given up have left behind.
 *
 * A large collection is not written at once either, but piece by piece (values/pieces.ts), and may change meanwhile: who changes
 * it has the old elements written first. In a file an entry is one piece of text, so what else must be saved while one is being
 * written waits aside, and so do the elements of a collection that changes before its turn has come.
 */

import { AssertionError } from '../bytes/assert.js'
import { refOf } from '../keyspace/collections/value.js'
import type { PieceWalk } from '../keyspace/collections/walks.js'
import type { Database } from '../keyspace/database.js'
import { INTSET, LISTPACK, NO_EXPIRY, STRING } from '../keyspace/entries.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { writePexpireAt, writeSelect, writeSet } from './aof/record.js'
import type { RdbWriter } from './rdb/writer.js'
import { BlockPool, ByteSink, type SinkOptions } from './sink.js'
import type { ValueCodec } from './values/codec.js'
import { codecOf } from './values/index.js'
import { CommandBatch, type Pieces, piecesOf } from './values/pieces.js'

/** Where the entries of a walk go. */
export interface SnapshotTarget {
  /** What follows is of database `db`, which has so many keys. Called again whenever the database changes. */
  database(db: number, keys: number, expires: number): void
  /** One entry, which must be written before this returns: it may change right after. */
  entry(keyspace: Keyspace, handle: number): void
  /** One entry whose value comes in pieces. They go aside, to `onBlock`, until `open` is called. */
  inPieces(keyspace: Keyspace, handle: number, pieces: Pieces, onBlock: OnBlock): EntryInPieces
  /** A target of the same kind whose bytes go to `onBlock`, to be put into this one later. */
  aside(onBlock: OnBlock): SnapshotTarget
  /** Hands out what is still held of a block. */
  flush(): void
  /** Takes a block that was put aside. */
  append(block: Uint8Array): void
  /** Takes a block back that was handed out, by this or by what was made aside, and is not needed any more. */
  recycle(block: Uint8Array): void
  /** All was handed out, and nothing is written any more. */
  retire(): void
  /** All entries were written. */
  finish(): void
}

export type OnBlock = (block: Uint8Array) => void

export interface EntryInPieces {
  piece(piece: number): void
  /** Hands out what is still held aside. */
  flush(): void
  /** All that was put aside is in the target: what comes from now on goes there, and nothing else does until `finish`. */
  open(): void
  finish(): void
}

/** What one entry counts for every so many bytes of its value, in entries. */
const WEIGHT_BYTES = 1024
/** Elements of a large collection that count as much as a small entry. */
const ELEMENTS_AN_ENTRY = 8
/** Work is counted in so small parts of a small entry: what a bucket costs that may be empty. */
const ENTRY_PARTS = 16
const ELEMENT_PARTS = ENTRY_PARTS / ELEMENTS_AN_ENTRY

/** The size of the blocks in which a collection waits for its turn: there may be very many that do. */
const ASIDE_BLOCK_BYTES = 4096

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

/** A large collection that is being saved, or waits for its turn. */
interface Partly {
  readonly walked: Walked
  readonly entry: EntryInPieces
  readonly walk: PieceWalk
  readonly weight: number
  /** What came before its turn. */
  readonly blocks: Uint8Array[]
  /** Its turn has come: nothing else may be written until it is finished. */
  begun: boolean
  isOpen: boolean
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
  /** The first is the one whose pieces go to the target, if it is open. */
  private readonly partly: Partly[] = []
  /** What has to be saved while something is being written that must not be interrupted. */
  private waiting: SnapshotTarget | null = null
  private waitingBlocks: Uint8Array[] = []
  private currentOfWaiting: Walked | undefined
  /** What waited, and is being put into the target, from the last to the first. */
  private backlog: Uint8Array[] = []
  /**
   * What is left of the work of the step under way, in parts of a small entry. A whole number, since a field that was an
   * integer and becomes a fraction makes V8 throw its code away.
   */
  private left = 0

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

  /** Does the work of some `entries` small entries; true while there is more. After the last the target is finished. */
  step(entries: number): boolean {
    if (this.over) return false
    this.left = entries * ENTRY_PARTS
    while (this.left > 0) {
      const block = this.backlog.pop()
      if (block !== undefined) {
        this.append(block)
        if (this.backlog.length === 0) this.takeWaiting()
        continue
      }
      const first = this.partly[0]
      if (first !== undefined) {
        this.goOn(first)
        continue
      }
      const walked = this.databases[this.at]
      if (walked === undefined) {
        this.over = true
        this.generations.whole()
        this.target.finish()
        return false
      }
      this.cursor = walked.db.scan(this.cursor, this.visit)
      // Buckets may be empty.
      this.left--
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
    for (const { walk } of this.partly) walk.end()
    this.partly.length = 0
    this.generations.givenUp()
  }

  private readonly visit = (handle: number): void => {
    const { entries } = this.keyspace
    if (entries.generation(handle) === this.generation) return
    entries.setGeneration(handle, this.generation)
    this.save(this.databases[this.at]!, handle)
  }

  private save(walked: Walked, handle: number): void {
    const { keyspace } = this
    // Strings, and most else, are written at once.
    const pieces = keyspace.entries.type(handle) === STRING ? undefined : piecesOf(keyspace, handle)
    if (pieces !== undefined) {
      this.begin(walked, handle, pieces)
      return
    }
    this.left -= partsOf(keyspace, handle)
    this.saved++
    if (this.partly.length > 0 && this.mustWait()) this.saveAside(walked, handle)
    else if (this.backlog.length > 0) this.saveAside(walked, handle)
    else {
      if (this.current !== walked) this.enter(walked)
      this.target.entry(keyspace, handle)
    }
  }

  /** Whether something is being written that must not be interrupted. */
  private mustWait(): boolean {
    return this.partly[0]!.begun
  }

  private begin(walked: Walked, handle: number, pieces: Pieces): void {
    const blocks: Uint8Array[] = []
    const entry = this.target.inPieces(this.keyspace, handle, pieces, (block) => blocks.push(block))
    const walk = pieces.walk((piece) => entry.piece(piece))
    this.partly.push({ walked, entry, walk, weight: pieces.weight, blocks, begun: false, isOpen: false })
  }

  private saveAside(walked: Walked, handle: number): void {
    const waiting = this.waiting ?? this.wait()
    if (this.currentOfWaiting !== walked) {
      this.currentOfWaiting = walked
      waiting.database(walked.index, walked.keys, walked.expires)
    }
    waiting.entry(this.keyspace, handle)
  }

  private wait(): SnapshotTarget {
    const blocks = this.waitingBlocks
    const waiting = this.target.aside((block) => blocks.push(block))
    this.waiting = waiting
    return waiting
  }

  private enter(walked: Walked): void {
    this.current = walked
    this.target.database(walked.index, walked.keys, walked.expires)
  }

  /** Writes some more of a large collection. */
  private goOn(partly: Partly): void {
    const { entry, walk, weight, blocks } = partly
    if (!partly.begun) {
      if (this.current !== partly.walked) this.enter(partly.walked)
      partly.begun = true
    }
    if (!partly.isOpen) {
      if (blocks.length === 0) entry.flush()
      const block = blocks.shift()
      if (block !== undefined) {
        this.append(block)
        return
      }
      entry.open()
      partly.isOpen = true
    }
    const pieces = Math.max(1, Math.floor(this.left / ELEMENT_PARTS / weight))
    this.left -= pieces * weight * ELEMENT_PARTS
    if (walk.step(pieces)) return
    walk.end()
    entry.finish()
    this.partly.shift()
    this.saved++
    this.takeWaiting()
  }

  private append(block: Uint8Array): void {
    this.target.append(block)
    this.left -= partsOfBytes(block.length)
    this.target.recycle(block)
  }

  /** What had to wait can go to the target now. */
  private takeWaiting(): void {
    const { waiting } = this
    if (waiting === null) return
    waiting.flush()
    waiting.retire()
    this.backlog = this.waitingBlocks.reverse()
    this.waiting = null
    this.waitingBlocks = []
    this.currentOfWaiting = undefined
    // It changes the database.
    this.current = undefined
  }
}

/** What saving an entry costs, in parts of a small one. */
function partsOf(keyspace: Keyspace, handle: number): number {
  const { entries, heap } = keyspace
  if (entries.type(handle) === STRING) return ENTRY_PARTS + partsOfBytes(entries.valueLength(handle))
  const encoding = entries.encoding(handle)
  if (encoding !== LISTPACK && encoding !== INTSET) return ENTRY_PARTS * ELEMENTS_AN_ENTRY
  return ENTRY_PARTS + partsOfBytes(heap.sizeOf(refOf(entries, handle)) * 4)
}

function partsOfBytes(bytes: number): number {
  return Math.floor((bytes * ENTRY_PARTS) / WEIGHT_BYTES)
}

/** What of an entry's access clock an RDB file keeps: what the eviction policy looks at. */
export type AccessClock = 'idle' | 'frequency' | 'none'

/** Writes entries as RDB. The header has been written by whoever knows what it says. */
export class RdbTarget implements SnapshotTarget {
  private readonly writer: RdbWriter
  private readonly clock: AccessClock
  private readonly sized: Set<number>
  private readonly asidePool: BlockPool

  /** `sized`: of which databases the size was said already. */
  constructor(writer: RdbWriter, clock: AccessClock, sized = new Set<number>()) {
    this.writer = writer
    this.clock = clock
    this.sized = sized
    this.asidePool = asidePool(writer.sink)
  }

  database(db: number, keys: number, expires: number): void {
    this.writer.selectDb(db)
    if (this.sized.has(db)) return
    this.sized.add(db)
    this.writer.resizeDb(keys, expires)
  }

  entry(keyspace: Keyspace, handle: number): void {
    const { entries } = keyspace
    const { writer } = this
    const type = entries.type(handle)
    this.attributes(writer, keyspace, handle)
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

  inPieces(keyspace: Keyspace, handle: number, pieces: Pieces, onBlock: OnBlock): EntryInPieces {
    const { entries } = keyspace
    const aside = this.writer.aside(onBlock, this.asidePool)
    this.attributes(aside, keyspace, handle)
    const key = entries.keyStart(handle)
    const type = mustHaveCodec(entries.type(handle)).rdbType(keyspace, handle, aside.version)
    aside.beginEntry(type, entries.bytes(handle), key, key + entries.keyLength(handle))
    pieces.head?.(aside)
    aside.length(pieces.count(aside.version))
    const tail = pieces.tail?.(aside.version)
    let writer = aside
    return {
      piece: (piece) => pieces.write(writer, piece),
      flush: () => aside.sink.flush(),
      open: () => {
        aside.sink.retire()
        writer = this.writer
      },
      finish: () => {
        if (tail !== undefined) this.writer.sink.bytes(tail, 0, tail.length)
      },
    }
  }

  aside(onBlock: OnBlock): SnapshotTarget {
    return new RdbTarget(this.writer.aside(onBlock, this.writer.sink.pool), this.clock, this.sized)
  }

  flush(): void {
    this.writer.sink.flush()
  }

  append(block: Uint8Array): void {
    this.writer.sink.bytes(block, 0, block.length)
  }

  recycle(block: Uint8Array): void {
    const { sink } = this.writer
    sink.recycle(block)
    if (this.asidePool !== sink.pool) this.asidePool.give(block)
  }

  retire(): void {
    this.writer.sink.retire()
  }

  finish(): void {
    this.writer.finish()
  }

  private attributes(writer: RdbWriter, keyspace: Keyspace, handle: number): void {
    const { entries } = keyspace
    const { clock } = this
    const expiry = entries.exactExpiry(handle)
    const access = entries.access(handle)
    const idle_s = clock === 'idle' ? (keyspace.lruClock - access) & 0xffffff : -1
    const frequency = clock === 'frequency' ? access & 0xff : -1
    writer.attributes(expiry === NO_EXPIRY ? -1 : expiry, idle_s, frequency)
  }
}

/** Writes entries as commands: the base of an append-only file without RDB preamble. */
export class CommandTarget implements SnapshotTarget {
  readonly sink: ByteSink
  private readonly asidePool: BlockPool

  constructor(options: SinkOptions) {
    this.sink = new ByteSink(options)
    this.asidePool = asidePool(this.sink)
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
    const expiry = entries.exactExpiry(handle)
    if (expiry !== NO_EXPIRY) writePexpireAt(this.sink, buf, key, value, expiry)
  }

  inPieces(keyspace: Keyspace, handle: number, pieces: Pieces, onBlock: OnBlock): EntryInPieces {
    const { entries } = keyspace
    const key = entries.key(handle).slice()
    const expiry = entries.exactExpiry(handle)
    const aside = new ByteSink({ onBlock, pool: this.asidePool })
    const batch = new CommandBatch(aside, pieces.command, key)
    const tail = pieces.tailCommands?.()
    return {
      piece: (piece) => pieces.rewrite(batch, piece),
      flush: () => aside.flush(),
      open: () => {
        aside.retire()
        batch.sink = this.sink
      },
      finish: () => {
        batch.flush()
        if (tail !== undefined) this.sink.bytes(tail, 0, tail.length)
        if (expiry !== NO_EXPIRY) writePexpireAt(this.sink, key, 0, key.length, expiry)
      },
    }
  }

  aside(onBlock: OnBlock): SnapshotTarget {
    return new CommandTarget({ onBlock, pool: this.sink.pool })
  }

  flush(): void {
    this.sink.flush()
  }

  append(block: Uint8Array): void {
    this.sink.bytes(block, 0, block.length)
  }

  recycle(block: Uint8Array): void {
    const { sink, asidePool } = this
    sink.recycle(block)
    if (asidePool !== sink.pool) asidePool.give(block)
  }

  retire(): void {
    this.sink.retire()
  }

  finish(): void {
    this.sink.flush()
  }
}

/** Blocks for collections aside, of no more than the size of a sink's own. */
function asidePool(sink: ByteSink): BlockPool {
  const { pool } = sink
  return pool !== undefined && pool.blockBytes <= ASIDE_BLOCK_BYTES ? pool : new BlockPool(ASIDE_BLOCK_BYTES)
}

function mustHaveCodec(type: number): ValueCodec {
  const codec = codecOf(type)
  if (codec === undefined) throw new AssertionError(`no way to save a value of type ${type}`)
  return codec
}
