/**
 * Active defragmentation: sparse chunks of the byte heap are emptied and go back to the system (keyspace/compaction.ts), in
 * slices, with as much of the processor as active-defrag-cycle-min and -max allow for how much there is to gain. What
 * Redis's directives say of its allocator's pages holds for the heap's: fragmentation is what chunks hold beyond the blocks
 * in use.
 */

import { Compaction } from '../keyspace/compaction.js'
import type { ServerNode } from './node.js'

/** The time that a slice may take out of a turn. */
const SLICE_US = 500
/** Parts between two looks at the clock. */
const PARTS_A_LOOK = 8
/** Where nothing could be gained, it is not tried again for so long. */
const REST_MS = 10_000
/** ... which is so where less than this part of the chunks that were to be emptied has gone. */
const WORTHWHILE = 0.1

export class Defrag {
  readonly compaction: Compaction
  /** How much of the processor it may take now, in percent; 0 while nothing is under way. */
  percent = 0
  /** Time spent, ever, in µs. */
  total_us = 0
  private readonly node: ServerNode
  private asked = false
  private notBefore_ms = 0
  private left_us = 0
  private scheduled: NodeJS.Immediate | null = null
  private reservedBefore = 0

  constructor(node: ServerNode) {
    this.node = node
    this.compaction = new Compaction(node.keyspace)
  }

  /** MEMORY PURGE: once, whatever the configuration says. */
  purge(): void {
    this.asked = true
    this.node.keyspace.heap.dropSpare()
    this.cron(this.node.keyspace.now_ms)
  }

  cron(now_ms: number): void {
    const { node, compaction } = this
    const { values } = node.config
    if (compaction.running && !values.activedefrag && !this.asked) this.finish(now_ms)
    if (!compaction.running && !this.mayBegin(now_ms)) return
    this.percent = this.share()
    this.left_us = (1_000_000 / values.hz) * (this.percent / 100)
    this.schedule()
  }

  stop(): void {
    if (this.scheduled !== null) clearImmediate(this.scheduled)
    this.scheduled = null
    if (this.compaction.running) this.compaction.end()
  }

  private mayBegin(now_ms: number): boolean {
    const { node } = this
    const { values } = node.config
    const { heap } = node.keyspace
    if (node.loading) return false
    if (!this.asked) {
      if (!values.activedefrag || now_ms < this.notBefore_ms) return false
      if (heap.reservedBytes - heap.usedBytes < values['active-defrag-ignore-bytes']) return false
      if (this.fragmentation() < values['active-defrag-threshold-lower']) return false
    }
    this.reservedBefore = heap.reservedBytes
    if (this.compaction.begin()) return true
    this.asked = false
    this.notBefore_ms = now_ms + REST_MS
    return false
  }

  /** In percent of what is in use. */
  private fragmentation(): number {
    const { usedBytes, reservedBytes } = this.node.keyspace.heap
    return usedBytes === 0 ? 0 : ((reservedBytes - usedBytes) * 100) / usedBytes
  }

  private share(): number {
    const { values } = this.node.config
    const low = values['active-defrag-threshold-lower']
    const high = Math.max(low + 1, values['active-defrag-threshold-upper'])
    const least = values['active-defrag-cycle-min']
    const most = Math.max(least, values['active-defrag-cycle-max'])
    const part = (this.fragmentation() - low) / (high - low)
    return Math.round(least + (most - least) * Math.min(1, Math.max(0, part)))
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = null
      const { node } = this
      if (node.failed) return
      try {
        this.slice()
      } catch (error) {
        node.fail(error)
      }
    })
  }

  private slice(): void {
    const { clock, keyspace } = this.node
    const began_us = clock.monotonic_us()
    const end_us = began_us + Math.min(SLICE_US, this.left_us)
    let more = true
    while (more && clock.monotonic_us() < end_us) {
      for (let i = 0; more && i < PARTS_A_LOOK; i++) more = this.compaction.step()
    }
    const took_us = clock.monotonic_us() - began_us
    this.total_us += took_us
    this.left_us -= took_us
    if (!more) this.finish(keyspace.now_ms)
    else if (this.left_us > 0) this.schedule()
  }

  private finish(now_ms: number): void {
    const { heap } = this.node.keyspace
    const { chunks } = this.compaction
    if (this.compaction.running) this.compaction.end()
    heap.dropSpare()
    const gained = this.reservedBefore - heap.reservedBytes
    if (gained < (this.reservedBefore / Math.max(1, chunks)) * WORTHWHILE)
      this.notBefore_ms = now_ms + REST_MS
    this.asked = false
    this.percent = 0
  }
}

/** Plugs it into a node; returns what stops it. */
export function attachDefrag(node: ServerNode): () => void {
  const defrag = new Defrag(node)
  node.defrag = defrag
  node.regulars.push(defrag)
  return () => defrag.stop()
}
