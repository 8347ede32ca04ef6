/**
 * How many nodes redis-server's radix tree has for a stream, which XINFO STREAM tells. It keeps the master IDs of the stream's listpacks as
 * keys of 16 bytes. Ours is a tree of another kind, so the number is computed from the keys in their order:
 *
 *     a node where keys differ in their next byte
 *     a node for all the bytes that keys have in common from there on, if there are any
 *     a node at the end of each key; in the empty tree, the root
 */

import type { IdTree } from './id-tree.js'
import { STREAM_ID_BYTES, StreamId } from './stream-id.js'

/** Of a larger tree the number is estimated from this many keys, so that the command keeps its time. */
const KEYS_COUNTED_MAX = 10_000

/** How many bytes from the first one on are the same in two IDs. */
function sameBytes(a: StreamId, b: StreamId): number {
  let word = 0
  let differing = a.msHigh ^ b.msHigh
  if (differing === 0) {
    word++
    differing = a.msLow ^ b.msLow
  }
  if (differing === 0) {
    word++
    differing = a.seqHigh ^ b.seqHigh
  }
  if (differing === 0) {
    word++
    differing = a.seqLow ^ b.seqLow
  }
  return word * 4 + (Math.clz32(differing) >>> 3)
}

export function radixNodes(keys: IdTree): number {
  /** How deep the branches above the current key are, ascending: one for each byte at most. */
  const branches: number[] = []
  const key = new StreamId()
  const next = new StreamId()
  let nodes = 0
  let before = -1
  let counted = 0
  for (let on = keys.first(); on && counted < KEYS_COUNTED_MAX; counted++) {
    keys.id(key)
    on = keys.next()
    const shared = on ? sameBytes(key, keys.id(next)) : -1
    // The byte at which a key leaves a branch belongs to the branch.
    nodes += 1 + (Math.max(before, shared) + 1 < STREAM_ID_BYTES ? 1 : 0)
    while (branches.length > 0 && branches.at(-1)! > shared) {
      const depth = branches.pop()!
      nodes += 1 + (depth > Math.max(branches.at(-1) ?? -1, shared) + 1 ? 1 : 0)
    }
    if (shared >= 0 && branches.at(-1) !== shared) branches.push(shared)
    before = shared
  }
  if (counted === 0) return 1
  return counted === keys.size ? nodes : Math.round((nodes / counted) * keys.size)
}
