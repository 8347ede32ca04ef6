/**
 * maxmemory: what happens when a command that may need memory comes and there is none left. Keys go, chosen as
 * maxmemory-policy says among a few that are looked at, as in Redis; or the command is refused.
 *
 * The access clock of an entry is its last use in seconds, or with an lfu policy a counter of its uses
 * (keyspace/frequency.ts).
 */

import { ascii } from '../../bytes/ascii.js'
import { NOTIFY_EVICTED } from '../../commands/host.js'
import type { Database } from '../../keyspace/database.js'
import { frequencyOf } from '../../keyspace/frequency.js'
import { notifyKeyspaceEvent } from '../events.js'
import type { ServerNode } from '../node.js'
import { memoryUse } from './memory.js'

const DEL = ascii('DEL')
const UNLINK = ascii('UNLINK')
const CLOCK_MASK = 0xffffff
/** Clients' buffers are summed up anew only so often: there may be many of them. */
const CLIENTS_EVERY_MS = 100
/** Keys that go before the time is looked at. */
const KEYS_A_LOOK = 16
/** So long one command may wait for the eviction of keys, at maxmemory-eviction-tenacity 10, 5 and so on; 100: no limit. */
const BUDGET_US_PER_TENACITY = 50
const TENACITY_MAX = 100

interface Candidate {
  readonly db: Database
  readonly handle: number
  /** The higher, the rather it goes. */
  readonly score: number
}

export class Eviction {
  private readonly node: ServerNode
  private others_bytes = 0
  private measuredAt_ms = Number.NEGATIVE_INFINITY
  /** Where the next sample of keys that expire begins, by database. */
  private readonly cursors: number[] = []
  private nextDb = 0

  constructor(node: ServerNode) {
    this.node = node
  }

  /** Bytes in use, as INFO's used_memory counts them; what is not data may be a tenth of a second old. */
  used(): number {
    const { node } = this
    const now_ms = node.keyspace.now_ms
    if (now_ms - this.measuredAt_ms >= CLIENTS_EVERY_MS) {
      const use = memoryUse(node)
      this.others_bytes = use.startup + use.clients
      this.measuredAt_ms = now_ms
    }
    let bytes = this.others_bytes + node.keyspace.heap.usedBytes + node.keyspace.large.bytes
    for (const db of node.keyspace.databases) bytes += db.tableBytes
    return bytes
  }

  /** Makes room if it must. True where there is none, and a command that needs some is to be refused. */
  outOfMemory(): boolean {
    const { node } = this
    const { values } = node.config
    const limit = values.maxmemory
    if (limit === 0 || this.used() <= limit) return false
    // What a replica holds is its master's affair.
    if (node.isReplica && values['replica-ignore-maxmemory']) return false
    if (values['maxmemory-policy'] === 'noeviction') return true
    const tenacity = values['maxmemory-eviction-tenacity']
    const budget_us = tenacity >= TENACITY_MAX ? Number.POSITIVE_INFINITY : tenacity * BUDGET_US_PER_TENACITY
    const end_us = node.clock.monotonic_us() + budget_us
    node.keyspace.expiry = node.clientExpiry
    for (let gone = 1; this.used() > limit; gone++) {
      const victim = this.choose()
      if (victim === undefined) return true
      this.evict(victim)
      if (gone % KEYS_A_LOOK === 0 && node.clock.monotonic_us() >= end_us) return false
    }
    return false
  }

  private choose(): Candidate | undefined {
    const policy = this.node.config.values['maxmemory-policy']
    const volatile = policy.startsWith('volatile')
    const samples = policy.endsWith('random') ? 1 : this.node.config.values['maxmemory-samples']
    const filled = this.node.keyspace.databases.filter((db) => (volatile ? db.expiring : db.size) > 0)
    let best: Candidate | undefined
    const consider = (db: Database, handle: number): void => {
      const score = this.score(policy, db, handle)
      if (best === undefined || score > best.score) best = { db, handle, score }
    }
    if (policy.endsWith('random')) {
      // One database after the other gives a key, so that none is emptied for the others.
      const db = filled[this.nextDb++ % Math.max(1, filled.length)]
      if (db !== undefined) this.sample(db, volatile, samples, consider)
    } else {
      for (const db of filled) this.sample(db, volatile, samples, consider)
    }
    return best
  }

  private score(policy: string, db: Database, handle: number): number {
    if (policy === 'volatile-ttl') return -db.entries.expiry(handle)
    if (policy.endsWith('random')) return 0
    if (policy.endsWith('lfu')) return -frequencyOf(db.keyspace, db.entries.access(handle))
    return (this.node.keyspace.lruClock - db.entries.access(handle)) & CLOCK_MASK
  }

  private sample(
    db: Database,
    volatile: boolean,
    count: number,
    consider: (db: Database, handle: number) => void,
  ): void {
    if (!volatile) {
      for (let i = 0; i < count; i++) {
        const handle = db.randomEntry()
        if (handle !== 0) consider(db, handle)
      }
      return
    }
    let seen = 0
    let rounds = 0
    let cursor = this.cursors[db.index] ?? 0
    // Two times around: a table may be empty for long stretches, but not everywhere.
    while (seen < count && rounds < 2) {
      cursor = db.scanExpiring(cursor, (handle) => {
        seen++
        consider(db, handle)
      })
      if (cursor === 0) rounds++
    }
    this.cursors[db.index] = cursor
  }

  private evict({ db, handle }: Candidate): void {
    const { node } = this
    const key = db.entries.key(handle).slice()
    const lazy = node.config.values['lazyfree-lazy-eviction']
    node.propagation.send(db.index, [lazy ? UNLINK : DEL, key])
    node.turn.schedule()
    if (!db.delete(key, 0, key.length)) return
    node.stats.evictedKeys++
    node.propagation.dirty++
    notifyKeyspaceEvent(node, NOTIFY_EVICTED, 'evicted', db, key, 0, key.length)
  }
}
