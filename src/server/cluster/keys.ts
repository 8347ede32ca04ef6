/** Keys by slot, for the cluster: counting, listing, deleting those of slots that went to another node. */

import { ascii } from '../../bytes/ascii.js'
import { EXPIRE_IGNORE } from '../../keyspace/expiry.js'
import type { ServerNode } from '../node.js'

const DEL = ascii('DEL')
/** Keys listed or deleted at one go at most. */
export const KEYS_A_ROUND = 1000

export function countKeysInSlot(node: ServerNode, slot: number): number {
  return node.keyspace.databases[0]!.slots?.count(slot) ?? 0
}

/** Up to `limit` keys of a slot, as copies. */
export function keysInSlot(node: ServerNode, slot: number, limit: number): Uint8Array[] {
  const db = node.keyspace.databases[0]!
  const keys: Uint8Array[] = []
  if (db.slots === null) return keys
  let handle = db.slots.first(slot)
  while (handle !== 0 && keys.length < limit) {
    keys.push(db.entries.key(handle).slice())
    handle = db.entries.nextInSlot(handle)
  }
  return keys
}

/** Deletes all keys of some slots, here and, as any change, on our replicas and in our files. */
export function deleteKeysInSlots(node: ServerNode, slots: readonly number[]): void {
  const { keyspace } = node
  const db = keyspace.databases[0]!
  const before = keyspace.expiry
  // Keys whose time has come are deleted here like all others.
  keyspace.expiry = EXPIRE_IGNORE
  for (const slot of slots) {
    for (let keys = keysInSlot(node, slot, KEYS_A_ROUND); keys.length > 0; ) {
      for (const key of keys) {
        db.delete(key, 0, key.length)
        node.propagation.send(0, [DEL, key])
        node.propagation.dirty++
      }
      keys = keysInSlot(node, slot, KEYS_A_ROUND)
    }
  }
  keyspace.expiry = before
  node.turn.schedule()
}
