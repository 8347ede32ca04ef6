/**
 * Keys that clients of a writable replica have given an expiry. Of keys that came from the master the master says when they go;
 * of these nobody would, so the replica removes them itself. They are not known apart otherwise, hence remembered by name.
 */

import { wholeText } from '../bytes/ascii.js'
import { WORD_BYTES_MAX } from '../bytes/text-limits.js'
import { Xxh3 } from '../bytes/xxh3.js'
import type { Database } from '../keyspace/database.js'
import { NO_EXPIRY } from '../keyspace/entries.js'
import { EXPIRE_DELETE } from '../keyspace/expiry.js'
import type { ServerNode } from './node.js'

/** Keys remembered at most: what exceeds it is hidden when its time has come, and stays. */
const OWN_KEYS_MAX = 100_000
const BUDGET_US = 1000
/** Keys that are looked at between two looks at the clock. */
const KEYS_A_ROUND = 32

interface OwnKey {
  readonly db: Database
  readonly bytes: Uint8Array
}

/** What a key is remembered by: itself, or its hash where it is long. Of two with one hash the later one is remembered. */
function nameOf(key: Uint8Array, start: number, end: number): string {
  const name = wholeText(key, start, end, WORD_BYTES_MAX)
  if (name !== null) return name
  const hash = new Xxh3()
  hash.digest(key, start, end)
  return `${end - start} ${hash.hex()}`
}

export class OwnExpiry {
  private readonly keys = new Map<string, OwnKey>()

  /** How many are remembered: INFO's slave_expires_tracked_keys. */
  get size(): number {
    return this.keys.size
  }

  note(db: Database, key: Uint8Array, start: number, end: number): void {
    if (this.keys.size >= OWN_KEYS_MAX) return
    this.keys.set(`${db.index} ${nameOf(key, start, end)}`, { db, bytes: key.slice(start, end) })
  }

  /** The data is another, or this node decides about all of it. */
  clear(): void {
    this.keys.clear()
  }

  /** Removes keys whose time has come, for so long as is right in one go. */
  sweep(node: ServerNode): void {
    const end_us = node.clock.monotonic_us() + BUDGET_US
    const { keyspace } = node
    const before = keyspace.expiry
    let left = this.keys.size
    for (const [name, own] of this.keys) {
      // Those that stay go to the end, where the next time does not begin.
      if (left-- === 0 || (left % KEYS_A_ROUND === 0 && node.clock.monotonic_us() >= end_us)) break
      const { db, bytes } = own
      this.keys.delete(name)
      keyspace.expiry = EXPIRE_DELETE
      const handle = db.find(bytes, 0, bytes.length)
      if (handle !== 0 && db.entries.expiry(handle) !== NO_EXPIRY) this.keys.set(name, own)
    }
    keyspace.expiry = before
  }
}
