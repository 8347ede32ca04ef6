/**
 * Emptying sparse chunks of the byte heap. Blocks that lie in chunks which are to be emptied (ByteHeap.beginLeaving) are
 * moved: a new block, a copy, and whoever names the old one learns of the new. So it goes through all keys, as a
 * snapshot does, in slices; when it has been everywhere, chunks that are empty have gone back to the system.
 *
 * What can be moved: entries, listpacks and intsets, the elements of dictionaries and rankings, the nodes of lists. What
 * cannot, since more than one place names it or its place is not known here: the parts of streams, and what waits in the
 * graveyard. Chunks with any of that stay.
 */

import { copyBlock } from './block.js'
import { Dictionary } from './collections/dictionary.js'
import type { LargeValue } from './collections/large.js'
import { Quicklist } from './collections/quicklist.js'
import { Ranking } from './collections/ranking.js'
import { refOf, setRef } from './collections/value.js'
import type { Database } from './database.js'
import { HASH, HASHTABLE, INTSET, LISTPACK, QUICKLIST, SKIPLIST } from './entries.js'
import type { Keyspace } from './keyspace.js'

/** A structure whose blocks can be moved in pieces. */
interface Movable {
  /** Moves what is to be moved of a part, and returns where to go on, 0 at the end. */
  relocate(cursor: number): number
}

export class Compaction {
  /** Chunks that are to be emptied. */
  chunks = 0
  /** Blocks that were moved, and such as needed not be. */
  hits = 0
  misses = 0
  running = false
  private readonly keyspace: Keyspace
  private databases: Database[] = []
  private cursor = 0
  /** Large values that were met, by number; the first is being gone through. */
  private large: number[] = []
  private value: LargeValue | undefined
  private within = 0

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }

  /** Chooses what is to be emptied; false where there is nothing. */
  begin(): boolean {
    if (this.running) return true
    this.chunks = this.keyspace.heap.beginLeaving()
    if (this.chunks === 0) return false
    this.running = true
    this.databases = this.keyspace.databases.filter((db) => db.size > 0)
    this.cursor = 0
    this.large = []
    this.value = undefined
    return true
  }

  /** Goes through some more: true while there is more to do. */
  step(): boolean {
    if (!this.running) return false
    if (this.large.length > 0) {
      this.stepWithin()
      return true
    }
    const db = this.databases[0]
    if (db === undefined) {
      this.end()
      return false
    }
    this.cursor = db.scan(this.cursor, (handle) => this.visit(db, handle))
    if (this.cursor === 0) this.databases.shift()
    return true
  }

  /** Ends it, wherever it is. */
  end(): void {
    this.running = false
    this.databases = []
    this.large = []
    this.keyspace.heap.endLeaving()
  }

  private visit(db: Database, handle: number): void {
    const { entries, heap } = this.keyspace
    const encoding = entries.encoding(handle)
    if (encoding === LISTPACK || encoding === INTSET) {
      const ref = refOf(entries, handle)
      if (heap.isLeaving(ref)) {
        setRef(entries, handle, copyBlock(heap, ref))
        heap.free(ref)
        this.hits++
      } else this.misses++
    } else if (encoding === HASHTABLE || encoding === SKIPLIST || encoding === QUICKLIST) {
      this.large.push(refOf(entries, handle))
    }
    if (entries.type(handle) === HASH) this.keyspace.hashes.relocateTimed(handle)
    if (heap.isLeaving(handle)) {
      db.relocate(handle)
      this.hits++
    } else this.misses++
  }

  private stepWithin(): void {
    const value = this.keyspace.large.find(this.large[0]!)
    if (this.value === undefined) {
      this.value = value
      this.within = 0
    }
    // It may have gone since, and another may have its number.
    if (value !== undefined && value === this.value && isMovable(value)) {
      this.within = value.relocate(this.within)
      if (this.within !== 0) return
    }
    this.large.shift()
    this.value = undefined
  }
}

function isMovable(value: LargeValue): value is LargeValue & Movable {
  return value instanceof Dictionary || value instanceof Ranking || value instanceof Quicklist
}
