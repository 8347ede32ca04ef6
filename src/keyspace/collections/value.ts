/**
 * How an entry holds a collection: its value is four bytes, little endian. While the collection is small they are the
 * handle of the block that holds all of it (a listpack, an intset), so that it can grow without the entry being moved;
 * when it is large, its number in `keyspace.large`. The entry's encoding tells which. 0 means that the value was moved to
 * another entry and this one owns nothing.
 *
 * A new collection is built in a bare entry: a block of an entry's form that has no key and is in no table. All that
 * works on a collection works there too; then `attach` puts it under its key, or `keyspace.release` frees it where it
 * turned out to be no good (a damaged file).
 */

import type { Int64 } from '../../bytes/int64.js'
import type { Database } from '../database.js'
import { type Entries, HASH } from '../entries.js'

const REF_BYTES = 4
const NO_KEY = new Uint8Array(0)

export function refOf(entries: Entries, handle: number): number {
  const u8 = entries.bytes(handle)
  const at = entries.valueStart(handle)
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0
}

export function setRef(entries: Entries, handle: number, ref: number): void {
  const u8 = entries.bytes(handle)
  const at = entries.valueStart(handle)
  for (let i = 0; i < REF_BYTES; i++) u8[at + i] = ref >>> (i << 3)
}

/** A bare entry that holds the collection `ref`. */
export function bareEntry(entries: Entries, type: number, encoding: number, ref: number): number {
  const bare = entries.create(type, encoding, 0, NO_KEY, 0, 0, REF_BYTES)
  setRef(entries, bare, ref)
  return bare
}

/** Puts the collection of a bare entry, which goes, under a key, whatever stood there. Returns the key's entry. */
export function attach(
  db: Database,
  key: Uint8Array,
  start: number,
  end: number,
  bare: number,
  expiry_ms: Int64,
): number {
  const { entries } = db
  const ref = refOf(entries, bare)
  const handle = db.set(entries.type(bare), entries.encoding(bare), key, start, end, REF_BYTES, expiry_ms)
  setRef(entries, handle, ref)
  entries.heap.free(bare)
  if (entries.type(handle) === HASH) db.keyspace.hashes.enroll(db, handle)
  return handle
}
