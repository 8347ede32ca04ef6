/**
 * MULTI, EXEC, DISCARD, WATCH. A transaction's commands wait in one buffer, as they came, and are read again by EXEC;
 * all of them run in one go, and go out as one unit.
 */

import { sameBytes } from '../bytes/ascii.js'
import { ByteMap } from '../bytes/byte-map.js'
import type { Database } from '../keyspace/database.js'
import type { Args } from '../resp/args.js'
import { encodeArgs } from '../resp/encode.js'
import type { Client } from './client.js'

export class Transaction {
  /** Whether MULTI was said; watching alone makes a transaction too. */
  open = false
  /** A watched key was touched: EXEC will do nothing. */
  spoiled = false
  /** A command was refused while queueing: EXEC will be an error. */
  refused = false
  commands: Uint8Array[] = []
  bytes = 0
  /** Flags of all the queued commands together. */
  flags = 0
  watched: { db: number; key: Uint8Array }[] = []
  private readonly expiredBefore: { db: number; key: Uint8Array }[] = []

  /** The key had expired, but was not removed yet, when it was watched: that it goes is no change. */
  noteExpired(db: number, key: Uint8Array): void {
    this.expiredBefore.push({ db, key: key.slice() })
  }

  alreadyExpired(db: number, key: Uint8Array): boolean {
    return this.expiredBefore.some(
      (item) => item.db === db && sameBytes(item.key, 0, item.key.length, key, 0, key.length),
    )
  }

  /** Keeps the command in `args` for EXEC. */
  queue(args: Args, flags: number): void {
    const bytes = args.rawEnd > 0 ? args.buf.slice(args.rawStart, args.rawEnd) : encodeArgs(args)
    this.commands.push(bytes)
    this.bytes += bytes.length
    this.flags |= flags
  }
}

/** Who watches which keys of a node. */
export class Watches {
  private readonly byDb = new Map<number, ByteMap<Set<Client>>>()
  private readonly random32: () => number
  /** How many (client, key) pairs there are: the keyspace tells of changes only while this is positive. */
  count = 0

  constructor(random32: () => number) {
    this.random32 = random32
  }

  add(client: Client, transaction: Transaction, db: number, key: Uint8Array): void {
    let keys = this.byDb.get(db)
    if (keys === undefined) {
      keys = new ByteMap(this.random32(), this.random32())
      this.byDb.set(db, keys)
    }
    const clients = keys.get(key)
    if (clients?.has(client)) return
    if (clients === undefined) keys.set(key, new Set([client]))
    else clients.add(client)
    transaction.watched.push({ db, key: key.slice() })
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
    transaction.watched = []
  }

  /** The key has changed: whoever watches it will find its EXEC spoiled. */
  changed(db: Database, key: Uint8Array, start: number, end: number): void {
    const clients = this.byDb.get(db.index)?.get(key, start, end)
    if (clients === undefined) return
    for (const client of clients) if (client.transaction !== null) client.transaction.spoiled = true
  }

  /** Database `index` is emptied or exchanged: keys for which `there` is true count as changed. */
  changedWhole(index: number, there: (key: Uint8Array) => boolean): void {
    for (const [key, clients] of this.byDb.get(index)?.entries() ?? []) {
      if (!there(key)) continue
      for (const client of clients) if (client.transaction !== null) client.transaction.spoiled = true
    }
  }
}
