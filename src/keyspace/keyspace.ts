/**
 * The keyspace of a node: its databases, the heap they share, and what all of them must know: the time, who decides
 * about expiry, whether a snapshot is being walked, and who wants to hear of changes.
 */

import { ByteHeap } from '../bytes/heap.js'
import { FieldTimes } from './collections/field-times.js'
import { Hashes } from './collections/hash.js'
import { Intsets } from './collections/intset.js'
import { LargeValues } from './collections/large.js'
import { type CollectionLimit, defaultLimit } from './collections/limits.js'
import { Lists } from './collections/list.js'
import { Listpacks } from './collections/listpack.js'
import { PLAIN_BYTES_MIN } from './collections/quicklist.js'
import { Sets } from './collections/set.js'
import { SeveralSets } from './collections/several-sets.js'
import { Streams } from './collections/stream.js'
import { SortedSets } from './collections/zset.js'
import { Database } from './database.js'
import { Entries, HASH, LIST, SET, STREAM, STRING, ZSET } from './entries.js'
import { EXPIRE_DELETE } from './expiry.js'
import { NEVER_USED, newFrequency, usedAgain } from './frequency.js'
import { Graveyard } from './graveyard.js'
import { FORESEEN_MAX } from './table.js'

/** What the world above wants to hear of. All are called synchronously, the entry still (or already) in place. */
export interface KeyspaceHooks {
  /** The entry's time has come: it is removed after this returns. */
  expired(db: Database, handle: number): void
  /** The key's value, or whether it exists, changed. Called only while `watchers` is positive. */
  changed(db: Database, key: Uint8Array, start: number, end: number): void
  /** A snapshot is under way and has not seen this entry, which is about to change: it must be saved now. */
  beforeWrite(db: Database, handle: number): void
  /** The time of a field of a hash has come: it is removed after this returns. */
  fieldExpired?(db: Database, key: Uint8Array, field: Uint8Array): void
}

export interface KeyspaceOptions {
  databases: number
  /** Whether keys are linked by slot. */
  cluster: boolean
  /** Uniform 32-bit integers. */
  random32: () => number
}

/** Frees what an entry of a type owns beyond its own block. */
export type Releaser = (keyspace: Keyspace, handle: number) => void

const NO_HOOKS: KeyspaceHooks = { expired() {}, changed() {}, beforeWrite() {} }

export class Keyspace {
  readonly heap = new ByteHeap()
  readonly entries: Entries
  readonly databases: Database[]
  /** A second set of databases on the same heap, which is being filled and is to take the place of the first. */
  beside: Database[] | null = null
  readonly cluster: boolean
  readonly random32: () => number
  readonly listpacks = new Listpacks(this.heap)
  readonly intsets = new Intsets(this.heap)
  /** Large values that are gone, and whose memory is freed bit by bit. */
  readonly graveyard = new Graveyard()
  /** Collections in their large form. */
  readonly large = new LargeValues(this.graveyard)
  /** Which hashes have fields that expire. */
  readonly fieldTimes = new FieldTimes(this.heap, this.large)
  readonly hashes: Hashes
  readonly lists: Lists
  readonly sets: Sets
  readonly zsets: SortedSets
  /** For commands that look at several sets, or sorted sets, at once. */
  readonly several: SeveralSets
  readonly streams: Streams
  /** Up to which size collections stay small: the configuration's word, asked every time, since it may change. */
  limit: (name: CollectionLimit) => number = defaultLimit
  hooks: KeyspaceHooks = NO_HOOKS
  /** Entries changed, made or removed, keys that expired aside. The dispatcher sets it to 0 before a command. */
  edits = 0
  /** From how many bytes on an element of a large list has a node of its own; tests make it small. */
  plainBytesMin = PLAIN_BYTES_MIN
  /** A test hands in payloads that it has damaged: they are read as if their checksums were right. */
  skipsChecksums = false

  /** The time of the running command, in milliseconds since 1970: set by whoever runs commands. */
  now_ms = 0
  /** What a look-up writes into an entry: the low 24 bits of the time in seconds. */
  lruClock = 0
  /** Whether entries keep how often they are used (maxmemory-policy …-lfu; frequency.ts), not when they last were. */
  get lfu(): boolean {
    return this.countsUse
  }

  set lfu(on: boolean) {
    this.countsUse = on
    this.asksForClock = on || this.untouched
  }

  /** While true, looking a key up does not count as using it: CLIENT NO-TOUCH. */
  set leavesClocks(on: boolean) {
    this.untouched = on
    this.asksForClock = on || this.countsUse
  }

  private countsUse = false
  private untouched = false
  /** Whether a look-up writes what `accessNow` says; else, as always but in the two cases above, `lruClock`. */
  asksForClock = false
  /** Whether keys are evicted by their access clocks: Redis then shares no integers, as OBJECT REFCOUNT tells. */
  evictsByClock = false
  lfuLogFactor = 10
  lfuDecayTime_min = 1
  expiry = EXPIRE_DELETE
  /** Positive while somebody watches keys. */
  watchers = 0
  /** The generation of the snapshot under way, 1 to 255; 0 while there is none. */
  snapshot = 0

  hits = 0
  misses = 0
  expiredKeys = 0
  expiredFields = 0

  /** Room for Database.foresee. */
  readonly foreseen = new Uint32Array(FORESEEN_MAX)
  private readonly releasers: (Releaser | undefined)[] = []
  private lastSnapshot = 0

  constructor(options: KeyspaceOptions) {
    this.cluster = options.cluster
    this.random32 = options.random32
    this.entries = new Entries(this.heap, options.random32(), options.random32())
    this.databases = Array.from({ length: options.databases }, (_, index) => new Database(this, index))
    this.hashes = new Hashes(this)
    this.lists = new Lists(this)
    this.sets = new Sets(this)
    this.zsets = new SortedSets(this)
    this.several = new SeveralSets(this)
    this.streams = new Streams(this)
    this.onRelease(HASH, (keyspace, handle) => keyspace.hashes.release(handle))
    this.onRelease(LIST, (keyspace, handle) => keyspace.lists.release(handle))
    this.onRelease(SET, (keyspace, handle) => keyspace.sets.release(handle))
    this.onRelease(ZSET, (keyspace, handle) => keyspace.zsets.release(handle))
    this.onRelease(STREAM, (keyspace, handle) => keyspace.streams.release(handle))
  }

  /** Sets the time of the commands that follow. */
  setTime(now_ms: number): void {
    this.now_ms = now_ms
    this.lruClock = Math.floor(now_ms / 1000) & 0xffffff
  }

  /** The access clock of an entry that is used now; `old` is its clock before, or NEVER_USED for a new one. */
  accessNow(old: number): number {
    if (this.untouched && old !== NEVER_USED) return old
    if (!this.countsUse) return this.lruClock
    return old === NEVER_USED ? newFrequency(this) : usedAgain(this, old)
  }

  /** Says how values of a type are freed; for types whose values own blocks. */
  onRelease(type: number, releaser: Releaser): void {
    this.releasers[type] = releaser
  }

  /** Frees the entry's block and all that its value owns. The entry must be in no table any more. */
  release(handle: number): void {
    const type = this.entries.type(handle)
    if (type !== STRING) this.releasers[type]?.(this, handle)
    this.heap.free(handle)
  }

  /** Begins a snapshot: from now on `hooks.beforeWrite` hears of entries of another generation. Returns its own. */
  beginSnapshot(): number {
    this.lastSnapshot = (this.lastSnapshot % 255) + 1
    this.snapshot = this.lastSnapshot
    return this.snapshot
  }

  endSnapshot(): void {
    this.snapshot = 0
  }

  /** Empties all databases at once. No snapshot may be under way. Returns how many keys there were. */
  flushAll(): number {
    let count = 0
    this.edits++
    if (this.beside !== null) {
      // What is being loaded is in the same heap.
      for (const db of this.databases) count += db.flush(true)
      return count
    }
    for (const db of this.databases) count += db.forgetAll()
    this.heap.clear()
    this.graveyard.clear()
    this.large.clear()
    this.streams.clear()
    this.fieldTimes.clear()
    return count
  }

  /** Exchanges two databases, so that clients of one see the other's keys. */
  swap(a: number, b: number): void {
    this.edits++
    const first = this.databases[a]!
    const second = this.databases[b]!
    this.databases[a] = second
    this.databases[b] = first
    first.index = b
    second.index = a
  }

  /** Makes empty databases beside the present ones. */
  beginBeside(): Database[] {
    this.dropBeside()
    this.beside = this.databases.map((_, index) => new Database(this, index))
    return this.beside
  }

  /**
   * The databases beside take the place of the present ones, whose memory is freed from the graveyard. `swapped` is
   * called for each pair in between. No snapshot may be under way.
   */
  swapBeside(swapped: (db: Database, old: Database) => void): void {
    const { beside } = this
    if (beside === null) return
    this.beside = null
    for (const [index, db] of beside.entries()) {
      const old = this.databases[index]!
      this.databases[index] = db
      swapped(db, old)
      old.flush(true)
    }
  }

  dropBeside(): void {
    for (const db of this.beside ?? []) db.flush(true)
    this.beside = null
  }

  get size(): number {
    let count = 0
    for (const db of this.databases) count += db.size
    return count
  }
}
