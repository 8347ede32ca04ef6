/**
 * What time brings, `hz` times a second: keys expire that nobody asks for, tables finish changing their size, clients run
 * into their limits. Each within a budget, so that no request waits for it. Where very many keys expire, the work is cut
 * into slices with rests between them.
 */

import { attachDefrag } from './defrag.js'
import { expireHashFields } from './field-expiry.js'
import type { ServerNode } from './node.js'
import { startSweeping } from './sweep.js'

/** A quarter of the time between two calls may go to active expiry, as in Redis. */
const EXPIRE_SHARE = 0.25
const EXPIRE_BUCKETS_A_ROUND = 16
/** ... of which requests wait for no more than this at a time. */
const EXPIRE_SLICE_US = 1000
const RESIZE_BUDGET_US = 500
/** Buckets of a dozen entries between two looks at the clock, each entry perhaps far away in memory. */
const RESIZE_STEPS = 16
/** While the clockwork is paused: how often it is looked whether it still is. */
const PAUSED_MS = 10

/** Starts the clockwork; returns what stops it. */
export function startCron(node: ServerNode): () => void {
  let timer: NodeJS.Timeout
  let resting: NodeJS.Timeout | undefined
  const stopSweeping = startSweeping(node)
  const stopDefrag = attachDefrag(node)
  /** Expires keys for so long, in slices. */
  const expireFor = (left_us: number) => {
    resting = undefined
    if (node.failed || !node.activeExpire) return
    if (node.isReplica) {
      if (node.ownExpiry.size > 0 && node.paused === 0 && !node.loading) node.ownExpiry.sweep(node)
      return
    }
    const slice_us = Math.min(left_us, EXPIRE_SLICE_US)
    if (!expire(node, slice_us) || left_us <= slice_us) return
    resting = setTimeout(guarded, (slice_us * (1 / EXPIRE_SHARE - 1)) / 1000, () => {
      node.tick()
      expireFor(left_us - slice_us)
    })
  }
  const guarded = (work: () => void) => {
    try {
      work()
    } catch (error) {
      node.fail(error)
    }
  }
  const run = () => {
    if (node.failed) return
    if (node.cronPaused) {
      timer = setTimeout(run, PAUSED_MS)
      return
    }
    const hz = node.config.values.hz
    clearTimeout(resting)
    guarded(() => {
      node.cron()
      expireFor((1_000_000 / hz) * EXPIRE_SHARE)
      tidy(node)
    })
    timer = setTimeout(run, 1000 / hz)
  }
  timer = setTimeout(run, 1)
  return () => {
    clearTimeout(timer)
    clearTimeout(resting)
    stopSweeping()
    stopDefrag()
  }
}

const seen = () => ({ looked: 0, removed: 0 })

/**
 * Removes keys that have expired, as long as many of those looked at have, and the budget lasts. True where the budget
 * was what ended it.
 */
function expire(node: ServerNode, budget_us: number): boolean {
  if (node.paused !== 0 || node.loading) return false
  const began_us = node.clock.monotonic_us()
  const end_us = began_us + budget_us
  const tally = seen()
  node.keyspace.expiry = node.clientExpiry
  let isShort = false
  for (const db of node.keyspace.databases) {
    while (db.expiring > 0) {
      db.expireSome(EXPIRE_BUCKETS_A_ROUND, tally)
      // Fewer than a tenth had expired: what is left can wait for its turn.
      if (tally.removed * 10 <= tally.looked) break
      if (node.clock.monotonic_us() >= end_us) {
        isShort = true
        break
      }
    }
  }
  if (expireHashFields(node, end_us)) isShort = true
  const took_us = node.clock.monotonic_us() - began_us
  if (took_us >= node.late_us) node.wasLate('expire-cycle', took_us)
  return isShort
}

function tidy(node: ServerNode): void {
  const end_us = node.clock.monotonic_us() + RESIZE_BUDGET_US
  for (const db of node.keyspace.databases) {
    while (db.resizing && node.clock.monotonic_us() < end_us) db.resizeSome(RESIZE_STEPS)
  }
}
