/**
 * MULTI, EXEC, DISCARD, WATCH. A transaction's commands wait as they came, and are read again by EXEC; all of them run
 * in one go, and go out as one unit.
 *
 * A watched key may have expired before it was watched and still stand in its table. To its watcher it is not there, and
 * that somebody comes along and removes it changes nothing; so each watch remembers whether it began like that.
 */

import { ByteMap } from '../bytes/byte-map.js'
import type { Database } from '../keyspace/database.js'
import type { Args } from '../resp/args.js'
import { encodeArgs } from '../resp/encode.js'
import type { Client } from './client.js'

/** What one watch takes beside its key, about. */
const WATCH_BYTES = 128

/** The commands of a transaction lie in no slot, or in more than one. */
export const NO_SLOT = -2
export const MANY_SLOTS = -1

export class Transaction {
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
  readonly watched: Watched[] = []
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

interface Watched {
  readonly db: number
  readonly key: Uint8Array
  /** The key had expired when it was watched, and has not been removed or overwritten since. */
  expired: boolean
}

/** Who watches which keys of a node. */
export class Watches {
  private readonly byDb = new Map<number, ByteMap<Map<Client, Watched>>>()
  private readonly random32: () => number
  /** How many (client, key) pairs there are: the keyspace tells of changes only while this is positive. */
  count = 0

  constructor(random32: () => number) {
    this.random32 = random32
  }

  add(client: Client, transaction: Transaction, db: Database, key: Uint8Array): void {
    let keys = this.byDb.get(db.index)
    if (keys === undefined) {
      keys = new ByteMap(this.random32(), this.random32())
      this.byDb.set(db.index, keys)
    }
    let clients = keys.get(key)
    if (clients?.has(client)) return
    const watched = { db: db.index, key: key.slice(), expired: hasStale(db, key) }
    if (clients === undefined) {
      clients = new Map()
      keys.set(key, clients)
    }
    clients.set(client, watched)
    transaction.watched.push(watched)
    transaction.watchedBytes += key.length + WATCH_BYTES
    this.count++
  }

  /** Ends all watches of a client. */
  remove(client: Client, transaction: Transaction): void {
    for (const { db, key } of transaction.watched) {
      const keys = this.byDb.get(db)
      const clients = keys?.get(key)
      if (clients === undefined || !clients.delete(client)) continue
      this.count--
      if (clients.size === 0) keys?.delete(key)
    }
    transaction.watched.length = 0
    transaction.watchedBytes = 0
  }

  /** The key has changed, or is about to be removed because it has expired: whoever watches it will find that out. */
  changed(db: Database, key: Uint8Array, start: number, end: number): void {
    const clients = this.byDb.get(db.index)?.get(key, start, end)
    if (clients === undefined) return
    for (const [client, watched] of clients) {
      if (!watched.expired) spoil(client)
      else {
        const handle = db.peek(key, start, end)
        watched.expired = false
        if (handle !== 0 && !db.hasExpired(handle)) spoil(client)
      }
    }
  }

  /** Database `db` is about to be emptied. */
  flushed(db: Database): void {
    for (const [key, clients] of this.byDb.get(db.index)?.entries() ?? []) {
      if (db.peek(key, 0, key.length) === 0) continue
      for (const [client, watched] of clients) {
        if (watched.expired) watched.expired = false
        else spoil(client)
      }
    }
  }

  /** What was in `old` was exchanged for what is in `db` now: whoever watches keys of `db` sees those instead. */
  swapped(db: Database, old: Database): void {
    for (const [key, clients] of this.byDb.get(db.index)?.entries() ?? []) {
      const was = old.peek(key, 0, key.length) !== 0
      const is = db.peek(key, 0, key.length) !== 0
      if (!was && !is) continue
      const stale = hasStale(db, key)
      for (const [client, watched] of clients) {
        const nothingBefore = watched.expired || !was
        if (nothingBefore && (stale || !is)) watched.expired = stale
        else spoil(client)
      }
    }
  }

  /** Whether a watched key has expired since, though nobody came upon it. */
  haveExpired(transaction: Transaction, databases: readonly Database[]): boolean {
    return transaction.watched.some(({ db, key, expired }) => !expired && hasStale(databases[db]!, key))
  }
}

function spoil(client: Client): void {
  if (client.transaction !== null) client.transaction.spoiled = true
}

function hasStale(db: Database, key: Uint8Array): boolean {
  const handle = db.peek(key, 0, key.length)
  return handle !== 0 && db.hasExpired(handle)
}
