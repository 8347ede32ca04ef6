/**
 * Frees what is gone already: large values (keyspace/graveyard.ts) and flushed databases. A slice in every turn of the event
 * loop while there is anything, so that it keeps up with whoever deletes, and nobody waits for it longer than a slice.
 */

import type { ServerNode } from './node.js'

/** The time that a slice may take out of a turn. */
const SLICE_US = 500
/** Blocks, and buckets of flushed tables, between two looks at the clock. */
const BLOCKS_A_LOOK = 256
const BUCKETS_A_LOOK = 32

/** Looks after the node's garbage; returns what stops that. */
export function startSweeping(node: ServerNode): () => void {
  let scheduled: NodeJS.Immediate | null = null
  const run = () => {
    scheduled = null
    if (node.failed) return
    try {
      if (sweep(node, SLICE_US)) schedule()
    } catch (error) {
      node.fail(error)
    }
  }
  const schedule = () => {
    scheduled ??= setImmediate(run)
  }
  node.keyspace.graveyard.wake = schedule
  return () => {
    if (scheduled !== null) clearImmediate(scheduled)
    node.keyspace.graveyard.wake = null
  }
}

/** Frees for so long; true while there is more. */
export function sweep(node: ServerNode, budget_us: number): boolean {
  const { keyspace, clock } = node
  const end_us = clock.monotonic_us() + budget_us
  do {
    let more = keyspace.graveyard.dig(BLOCKS_A_LOOK)
    for (const db of keyspace.databases) more = db.freeSome(BUCKETS_A_LOOK) || more
    if (!more) return false
  } while (clock.monotonic_us() < end_us)
  return true
}
