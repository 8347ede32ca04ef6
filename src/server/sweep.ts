/**
 * Frees what is gone already: large values (keyspace/graveyard.ts), flushed databases, chunks of the heap that are empty. A
 * slice in every turn of the event loop while there is anything, so that it keeps up with whoever deletes, and nobody waits
 * for it longer than a slice.
 */

import { MemoryReleaser } from '../runtime/release.js'
import type { ServerNode } from './node.js'

/** The time that a slice may take out of a turn. */
const SLICE_US = 500
/** Blocks between two looks at the clock. */
const BLOCKS_A_LOOK = 64
/**
 * What is less than a region of the heap is left to the collector. Once a buffer was taken away from JavaScript, all code that reads typed
 * arrays is compiled anew, and looks at each access whether its buffer is still there: loops over bytes then take up to
 * twice their time, and other commands some per cent more, as long as the process lives.
 */
const RELEASE_BYTES_MIN = 32 * 1024 * 1024
/** The largest buffer that is given back at once. */
const RELEASE_BYTES_MAX = 48 * 1024 * 1024

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
  heap.onDrop = (buffer) => {
    dropped.push(buffer)
    schedule()
  }
  return () => {
    if (scheduled !== null) clearImmediate(scheduled)
    graveyard.wake = null
    heap.onDrop = null
  }
}

/** One slice; true while there is more. */
function sweep(node: ServerNode, dropped: ArrayBuffer[], releaser: MemoryReleaser): boolean {
  const { keyspace, clock } = node
  const end_us = clock.monotonic_us() + SLICE_US
  do {
    const buffer = dropped.pop()
    // To unmap more than this takes too long for a turn; the collector has threads for it.
    if (buffer !== undefined && isReleased(buffer.byteLength)) releaser.release(buffer)
    if (!keyspace.graveyard.dig(BLOCKS_A_LOOK) && dropped.length === 0) return false
  } while (clock.monotonic_us() < end_us)
  return true
}

function isReleased(bytes: number): boolean {
  return bytes >= RELEASE_BYTES_MIN && bytes <= RELEASE_BYTES_MAX
}
