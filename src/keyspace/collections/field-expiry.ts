/**
 * Removing fields whose time has come: one that somebody came upon, or as many as there is time for, those first that were due
 * first. Only who decides about expiry (a master) removes them; each is told to `hooks.fieldExpired` before it goes.
 */

import type { Database } from '../database.js'
import { HASH } from '../entries.js'
import { EXPIRE_DELETE } from '../expiry.js'

/** Removes a field of the hash under `key`, whose time has come. The hash stays, without fields if need be. */
export function expireField(db: Database, handle: number, key: Uint8Array, field: Uint8Array): void {
  const { keyspace } = db
  db.willChange(handle)
  keyspace.expiredFields++
  keyspace.hooks.fieldExpired?.(db, key, field)
  keyspace.hashes.delete(handle, field, 0, field.length)
  db.changed(key, 0, key.length)
}

/** Removes up to `limit` fields of a hash that are due; how many it were. */
export function expireFields(db: Database, handle: number, key: Uint8Array, limit: number): number {
  const { keyspace } = db
  const { hashes } = keyspace
  let count = 0
  while (count < limit && keyspace.expiry === EXPIRE_DELETE && hashes.showFirst(handle) && hashes.due) {
    expireField(db, handle, key, hashes.field.copy())
    count++
  }
  return count
}

/**
 * Active expiry: removes up to `limit` fields of a database that are due, and hashes with their last field. `told` hears of each
 * hash that lost some, and whether it is gone. Returns how many fields it were, hashes that were gone already counting as one;
 * fewer than `limit`: no more are due.
 */
export function expireSomeFields(
  db: Database,
  limit: number,
  told: (key: Uint8Array, gone: boolean) => void,
): number {
  const { keyspace, entries } = db
  const { fieldTimes, hashes } = keyspace
  let count = 0
  while (count < limit) {
    const timer = fieldTimes.first(db)
    if (timer === 0 || fieldTimes.timeOf(timer) >= keyspace.now_ms) break
    const key = fieldTimes.key(timer)
    const handle = db.find(key, 0, key.length)
    if (handle === 0 || entries.type(handle) !== HASH || hashes.timerOf(handle) !== timer) {
      // What was flushed waits to be freed, or the key itself had expired and is gone by now.
      if (fieldTimes.first(db) === timer) fieldTimes.forget(timer)
      count++
      continue
    }
    const done = expireFields(db, handle, key, limit - count)
    if (done === 0) break
    count += done
    const gone = hashes.size(handle) === 0
    if (gone) db.delete(key, 0, key.length)
    told(key, gone)
  }
  return count
}
