/**
 * What time brings, `hz` times a second: keys expire that nobody asks for, tables finish changing their size, flushed
 * databases are freed, clients run into their limits. Each within a budget, so that no request waits for it.
 */

import type { ServerNode } from './node.js'

/** A quarter of the time between two calls may go to active expiry, as in Redis. */
const EXPIRE_SHARE = 0.25
const EXPIRE_BUCKETS_A_ROUND = 16
const RESIZE_BUDGET_US = 1000
const RESIZE_STEPS = 64

/** Starts the clockwork; returns what stops it. */
export function startCron(node: ServerNode): () => void {
  let timer: NodeJS.Timeout
  const run = () => {
    if (node.failed) return
    const hz = node.config.values.hz
    try {
      node.cron()
      if (!node.isReplica && node.activeExpire) expire(node, (1_000_000 / hz) * EXPIRE_SHARE)
      tidy(node)
    } catch (error) {
      node.fail(error)
    }
    timer = setTimeout(run, 1000 / hz)
  }
  timer = setTimeout(run, 1)
  return () => clearTimeout(timer)
}

const seen = () => ({ looked: 0, removed: 0 })

/** Removes keys that have expired, as long as many of those looked at have, and the budget lasts. */
function expire(node: ServerNode, budget_us: number): void {
  if (node.paused !== 0) return
  const began_us = node.clock.monotonic_us()
  const end_us = began_us + budget_us
  const tally = seen()
  node.keyspace.expiry = node.clientExpiry
  for (const db of node.keyspace.databases) {
    while (db.expiring > 0) {
      db.expireSome(EXPIRE_BUCKETS_A_ROUND, tally)
      // Fewer than a tenth had expired: what is left can wait for its turn.
      if (tally.removed * 10 <= tally.looked || node.clock.monotonic_us() >= end_us) break
    }
  }
  const took_us = node.clock.monotonic_us() - began_us
  if (took_us >= node.late_us) node.wasLate('expire-cycle', took_us)
}

function tidy(node: ServerNode): void {
  const end_us = node.clock.monotonic_us() + RESIZE_BUDGET_US
  for (const db of node.keyspace.databases) {
    while (db.freeSome(RESIZE_STEPS) && node.clock.monotonic_us() < end_us);
    while (db.resizing && node.clock.monotonic_us() < end_us) db.resizeSome(RESIZE_STEPS)
  }
}
