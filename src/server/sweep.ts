/**
 * Frees what is gone already: large values (keyspace/graveyard.ts), flushed databases, chunks of the heap that are empty, the
 * subscriptions and watches of clients that are gone (name-links.ts). A
 * slice in every turn of the event loop while there is anything, so that it keeps up with whoever deletes, and nobody waits
 * for it longer than a slice.
 */

import { MemoryReleaser } from '../runtime/release.js'
import type { ServerNode } from './node.js'

/** The time that a slice may take out of a turn. */
const SLICE_US = 500
/** Blocks between two looks at the clock. */
const BLOCKS_A_LOOK = 64

/** Links that are removed step by step. */
interface Reaped {
  onDying: (() => void) | null
  reap(links: number): boolean
}

/** Looks after the node's garbage; returns what stops that. */
export function startSweeping(node: ServerNode): () => void {
  const { graveyard, heap } = node.keyspace
  const releaser = new MemoryReleaser()
  const dropped: ArrayBuffer[] = []
  let scheduled: NodeJS.Immediate | null = null
  const run = () => {
    scheduled = null
    if (node.failed) return
    try {
      if (sweep(node, dropped, releaser)) schedule()
    } catch (error) {
      node.fail(error)
    }
  }
  const schedule = () => {
    scheduled ??= setImmediate(run)
  }
  graveyard.wake = schedule
  const tables = linksOf(node)
  for (const links of tables) links.onDying = schedule
  heap.onDrop = (buffer) => {
    dropped.push(buffer)
    schedule()
  }
  return () => {
    if (scheduled !== null) clearImmediate(scheduled)
    graveyard.wake = null
    for (const links of tables) links.onDying = null
    heap.onDrop = null
  }
}

/** One slice; true while there is more. */
function sweep(node: ServerNode, dropped: ArrayBuffer[], releaser: MemoryReleaser): boolean {
  const { keyspace, clock } = node
  const end_us = clock.monotonic_us() + SLICE_US
  do {
    const buffer = dropped.pop()
    if (buffer !== undefined) releaser.release(buffer)
    let more = dropped.length > 0
    for (const links of linksOf(node)) if (links.reap(BLOCKS_A_LOOK)) more = true
    if (!keyspace.graveyard.dig(BLOCKS_A_LOOK) && !more) return false
  } while (clock.monotonic_us() < end_us)
  return true
}

function linksOf({ pubsub, watches }: ServerNode): readonly Reaped[] {
  return [pubsub.channels, pubsub.patterns, pubsub.shards, watches.links]
}
