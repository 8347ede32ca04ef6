/** Active expiry of fields of hashes: what is due first goes first, hash by hash, within the budget that cron.ts gives. */

import { ascii } from '../bytes/ascii.js'
import { NOTIFY_GENERIC, NOTIFY_HASH } from '../commands/host.js'
import { expireSomeFields } from '../keyspace/collections/field-expiry.js'
import type { Database } from '../keyspace/database.js'
import { notifyKeyspaceEvent } from './events.js'
import type { ServerNode } from './node.js'

/** Fields that are removed between two looks at the clock. */
const FIELDS_A_ROUND = 64
const HDEL = ascii('HDEL')

/** Removes fields that are due, up to `end_us` or none are. True where the time was up. */
export function expireHashFields(node: ServerNode, end_us: number): boolean {
  const { keyspace, clock } = node
  if (keyspace.fieldTimes.size === 0) return false
  let isShort = false
  for (const db of keyspace.databases) {
    const told = (key: Uint8Array, gone: boolean) => {
      notifyKeyspaceEvent(node, NOTIFY_HASH, 'hexpired', db, key, 0, key.length)
      if (gone) notifyKeyspaceEvent(node, NOTIFY_GENERIC, 'del', db, key, 0, key.length)
    }
    while (expireSomeFields(db, FIELDS_A_ROUND, told) === FIELDS_A_ROUND) {
      if (clock.monotonic_us() < end_us) continue
      isShort = true
      break
    }
  }
  return isShort
}

/** The keyspace tells that a field's time has come: replicas and the append-only file hear of it. */
export function fieldExpired(node: ServerNode, db: Database, key: Uint8Array, field: Uint8Array): void {
  node.propagation.send(db.index, [HDEL, key, field])
  node.propagation.dirty++
  node.turn.schedule()
}
