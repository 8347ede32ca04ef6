/** How much memory the collection of an entry takes, beyond the entry itself. */

import { HASH, INTSET, LISTPACK, STRING } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { LISTPACK_EX } from './field-times.js'
import { refOf } from './value.js'

/** `samples`: how many elements of a large form are looked at, the others being thought like them; 0 for all. */
export function ownedBytes(keyspace: Keyspace, handle: number, samples: number): number {
  const { entries } = keyspace
  if (entries.type(handle) === STRING) return 0
  const ref = refOf(entries, handle)
  const encoding = entries.encoding(handle)
  if (encoding === LISTPACK || encoding === INTSET) return keyspace.heap.sizeOf(ref)
  if (encoding === LISTPACK_EX) {
    return keyspace.heap.sizeOf(ref) + keyspace.heap.sizeOf(keyspace.fieldTimes.pack(ref))
  }
  const value = keyspace.large.get(ref)
  const timer = entries.type(handle) === HASH ? keyspace.hashes.timerOf(handle) : 0
  const own = timer === 0 ? 0 : keyspace.heap.sizeOf(timer)
  return own + value.bytes + (value.heapBytes?.(samples) ?? 0)
}
