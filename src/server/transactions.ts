/**
 * MULTI, EXEC, DISCARD, WATCH. A transaction's commands wait as they came, and are read again by EXEC; all of them run
 * in one go, and go out as one unit.
 *
 * A watched key may have expired before it was watched and still stand in its table. To its watcher it is not there, and
 * that somebody comes along and removes it changes nothing; so each watch remembers whether it began like that.
 */

import type { ByteHeap } from '../bytes/heap.js'
import type { Database } from '../keyspace/database.js'
import type { Args } from '../resp/args.js'
import { encodeArgs } from '../resp/encode.js'
import { LinkHolder, NameLinks } from './name-links.js'

/** What one watch takes beside its key, about: name, link, and their places in two tables. */
export const WATCH_BYTES = 80

/** The commands of a transaction lie in no slot, or in more than one. */
export const NO_SLOT = -2
export const MANY_SLOTS = -1

export class Transaction implements Watcher {
  /** A watched key was touched: EXEC will do nothing. */
  spoiled = false
  /** A command was refused while queueing: EXEC will be an error. */
  refused = false
  commands: Uint8Array[] = []
  bytes = 0
  /** Flags of the queued commands: those that any has, and those that all have. */
  flags = 0
  commonFlags = ~0
  /** Cluster mode: where the keys of all commands lie; NO_SLOT, MANY_SLOTS, or the one slot. */
  slot = NO_SLOT
  watched = new LinkHolder<Watcher>(this)
  /** What the watches take, about. */
  watchedBytes = 0

  /** Keeps the command in `args` for EXEC, unless EXEC will not run it anyway. `slot` is where its keys lie. */
  queue(args: Args, flags: number, slot: number): void {
    if (this.spoiled || this.refused) return
    const bytes = args.rawEnd > 0 ? args.buf.slice(args.rawStart, args.rawEnd) : encodeArgs(args)
    this.commands.push(bytes)
    this.bytes += bytes.length
    this.flags |= flags
    this.commonFlags &= flags
    if (slot === NO_SLOT || slot === this.slot) return
    this.slot = this.slot === NO_SLOT ? slot : MANY_SLOTS
  }
}

/** What watched keys tell when one of them changes. */
export interface Watcher {
  spoiled: boolean
}

/** Who watches which keys of a node. A marked link: the key had expired when it was watched, and is still as it was then. */
export class Watches {
  /** The scope of a name is the number of the database. */
  readonly links: NameLinks<Watcher>

  constructor(heap: ByteHeap, random32: () => number) {
    this.links = new NameLinks(heap, random32(), random32())
  }

  /** How many (watcher, key) pairs there are: the keyspace tells of changes only while this is positive. */
  get count(): number {
    return this.links.count
  }

  /** Returns false where the key is watched already. */
  add(holder: LinkHolder<Watcher>, db: Database, key: Uint8Array): boolean {
    const link = this.links.add(holder, key, 0, key.length, db.index)
    if (link === 0) return false
    if (hasStale(db, key)) this.links.setMarked(link, true)
    return true
  }

  /** Ends all watches of a holder, which must not be used again. */
  remove(holder: LinkHolder<Watcher>): void {
    this.links.drop(holder)
  }

  /** The key has changed, or is about to be removed because it has expired: its watchers will find that out. */
  changed(db: Database, key: Uint8Array, start: number, end: number): void {
    const { links } = this
    const name = links.find(key, start, end, db.index)
    if (name === 0) return
    for (let link = links.firstOfName(name); link !== 0; link = links.nextOfName(link)) {
      if (!links.isMarked(link)) this.spoil(link)
      else {
        const handle = db.peek(key, start, end)
        links.setMarked(link, false)
        if (handle !== 0 && !db.hasExpired(handle)) this.spoil(link)
      }
    }
  }

  /** Database `db`, or with null each of `databases`, is about to be emptied. */
  flushed(db: Database | null, databases: readonly Database[]): void {
    const { links } = this
    if (links.size === 0) return
    links.forEach((name) => {
      const index = links.scopeOf(name)
      if (db !== null && db.index !== index) return
      const key = links.bytesOf(name)
      if (databases[index]!.peek(key, 0, key.length) === 0) return
      for (let link = links.firstOfName(name); link !== 0; link = links.nextOfName(link)) {
        if (links.isMarked(link)) links.setMarked(link, false)
        else this.spoil(link)
      }
    })
  }

  /** What was in `old` was exchanged for what is in `db` now: watchers of keys of `db` see those instead. */
  swapped(db: Database, old: Database): void {
    const { links } = this
    links.forEach((name) => {
      if (links.scopeOf(name) !== db.index) return
      const key = links.bytesOf(name)
      const was = old.peek(key, 0, key.length) !== 0
      const is = db.peek(key, 0, key.length) !== 0
      if (!was && !is) return
      const stale = hasStale(db, key)
      for (let link = links.firstOfName(name); link !== 0; link = links.nextOfName(link)) {
        const nothingBefore = links.isMarked(link) || !was
        if (nothingBefore && (stale || !is)) links.setMarked(link, stale)
        else this.spoil(link)
      }
    })
  }

  /** Whether a watched key has expired since, though no command has removed it. */
  haveExpired(holder: LinkHolder<Watcher>, databases: readonly Database[]): boolean {
    const { links } = this
    for (let link = holder.first; link !== 0; link = links.nextOfOwner(link)) {
      if (links.isMarked(link)) continue
      const name = links.nameOf(link)
      if (hasStale(databases[links.scopeOf(name)]!, links.bytesOf(name))) return true
    }
    return false
  }

  private spoil(link: number): void {
    const watcher = this.links.ownerOf(link)
    if (watcher !== null) watcher.spoiled = true
  }
}

function hasStale(db: Database, key: Uint8Array): boolean {
  const handle = db.peek(key, 0, key.length)
  return handle !== 0 && db.hasExpired(handle)
}
