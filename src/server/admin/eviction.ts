/**
 * maxmemory: what happens when a command that may need memory comes and there is none left. What is gone already is freed
 * first (keyspace/graveyard.ts); then keys go, chosen as maxmemory-policy says; or the command is refused.
 *
 * For lru, lfu and ttl a few keys of each database are looked at, and the best candidates so far are kept in a pool from one
 * eviction to the next, as in Redis: so a few samples choose nearly as well as if all keys had been compared. The pool keeps
 * the keys themselves, since entries move and go.
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
/** Blocks of what is gone already that are freed between two looks. */
const BLOCKS_A_LOOK = 256
/** Candidates that are remembered. */
const POOL_MAX = 16
/** Longer keys are not: they are evicted at once or found again. */
const POOL_KEY_BYTES_MAX = 4096
const TENACITY_MAX = 100
/** Up to this maxmemory-eviction-tenacity the time grows evenly, by so much for each; then by 15 % for each. */
const EVEN_TENACITY_MAX = 10
const EVEN_US = 50
const STEEP = 1.15

interface Candidate {
  readonly db: Database
  readonly key: Uint8Array
  /** The higher, the rather it goes. */
  readonly score: number
}

/** So long one command may wait for the eviction of keys. */
export function evictionBudget_us(tenacity: number): number {
  if (tenacity >= TENACITY_MAX) return Number.POSITIVE_INFINITY
  if (tenacity <= EVEN_TENACITY_MAX) return tenacity * EVEN_US
  return Math.floor(EVEN_TENACITY_MAX * EVEN_US * STEEP ** (tenacity - EVEN_TENACITY_MAX))
}

export class Eviction {
  private readonly node: ServerNode
  private others_bytes = 0
  private measuredAt_ms = Number.NEGATIVE_INFINITY
  /** Where the next sample of keys that expire begins, by database. */
  private readonly cursors = new Map<Database, number>()
  private nextDb = 0
  /** Candidates from the worst to the best, chosen under `poolPolicy`. */
  private pool: Candidate[] = []
  private poolPolicy = ''
  private goOn: NodeJS.Immediate | null = null

  constructor(node: ServerNode) {
    this.node = node
  }

  /** Bytes in use that count against maxmemory; what is not data may be a tenth of a second old. */
  used(): number {
    const { node } = this
    const now_ms = node.keyspace.now_ms
    if (now_ms - this.measuredAt_ms >= CLIENTS_EVERY_MS) this.measure()
    let bytes = this.others_bytes + node.keyspace.heap.usedBytes + node.keyspace.large.bytes
    for (const db of node.keyspace.databases) bytes += db.tableBytes
    return bytes
  }

  private measure(): void {
    const use = memoryUse(this.node)
    this.others_bytes = use.total - use.dataset - use.tables - use.notEvictable
    this.measuredAt_ms = this.node.keyspace.now_ms
  }

  /** Makes room if it must. True where there is none, and a command that needs some is to be refused. */
  outOfMemory(): boolean {
    const { node } = this
    const { values } = node.config
    const limit = values.maxmemory
    if (limit === 0 || this.used() <= limit) return false
    // What a replica holds is its master's affair.
    if (node.isReplica && values['replica-ignore-maxmemory']) return false
    const end_us = node.clock.monotonic_us() + evictionBudget_us(values['maxmemory-eviction-tenacity'])
    this.measure()
    if (this.used() <= limit) return false
    if (this.dig(limit, end_us)) return false
    if (values['maxmemory-policy'] === 'noeviction') return true
    node.keyspace.expiry = node.clientExpiry
    for (let gone = 1; this.used() > limit; gone++) {
      const victim = this.choose()
      if (victim === undefined) return true
      this.evict(victim)
      while (
        this.used() > limit &&
        node.keyspace.graveyard.dig(BLOCKS_A_LOOK) &&
        node.clock.monotonic_us() < end_us
      );
      if (gone % KEYS_A_LOOK !== 0 || node.clock.monotonic_us() < end_us) continue
      // It takes longer than one command should wait: the rest goes between commands.
      this.later()
      return false
    }
    return false
  }

  /** Frees what is gone already, until there is enough: true where that, or the time, is so. */
  private dig(limit: number, end_us: number): boolean {
    const { graveyard } = this.node.keyspace
    for (;;) {
      const more = graveyard.dig(BLOCKS_A_LOOK)
      if (this.used() <= limit) return true
      if (!more) return false
      if (this.node.clock.monotonic_us() >= end_us) return true
    }
  }

  private later(): void {
    this.goOn ??= setImmediate(() => {
      this.goOn = null
      const { node } = this
      if (node.failed || node.loading || node.paused !== 0) return
      node.outOfMemory()
      node.turn.schedule()
    })
  }

  private choose(): Candidate | undefined {
    const { values } = this.node.config
    const policy = values['maxmemory-policy']
    const volatile = policy.startsWith('volatile')
    const filled = this.node.keyspace.databases.filter((db) => (volatile ? db.expiring : db.size) > 0)
    if (filled.length === 0) return undefined
    if (policy.endsWith('random')) {
      // One database after the other gives a key, so that none is emptied for the others.
      const db = filled[this.nextDb++ % filled.length]!
      let chosen = 0
      this.sample(db, volatile, 1, (handle) => {
        chosen ||= handle
      })
      return chosen === 0 ? undefined : { db, key: db.entries.key(chosen).slice(), score: 0 }
    }
    if (this.poolPolicy !== policy) {
      this.pool = []
      this.poolPolicy = policy
    }
    for (const db of filled) {
      this.sample(db, volatile, values['maxmemory-samples'], (handle) => this.consider(policy, db, handle))
    }
    for (let best = this.pool.pop(); best !== undefined; best = this.pool.pop()) {
      // It may have gone meanwhile, or have become a key that stays.
      const { db, key } = best
      const handle = db.peek(key, 0, key.length)
      if (handle !== 0 && (!volatile || db.entries.expiry(handle) >= 0)) return best
    }
    // All were keys too long for the pool.
    const handle = filled[0]!.randomEntry()
    if (volatile || handle === 0) return undefined
    return { db: filled[0]!, key: filled[0]!.entries.key(handle).slice(), score: 0 }
  }

  /** Puts an entry into the pool if it is better than the worst there, or there is room. */
  private consider(policy: string, db: Database, handle: number): void {
    const { pool } = this
    const score = this.score(policy, db, handle)
    if (pool.length === POOL_MAX && score <= pool[0]!.score) return
    const { entries } = db
    if (entries.keyLength(handle) > POOL_KEY_BYTES_MAX) return
    const key = entries.key(handle)
    if (pool.some((one) => one.db === db && sameBytes(one.key, key))) return
    let at = pool.length
    while (at > 0 && pool[at - 1]!.score > score) at--
    pool.splice(at, 0, { db, key: key.slice(), score })
    if (pool.length > POOL_MAX) pool.shift()
  }

  private score(policy: string, db: Database, handle: number): number {
    if (policy === 'volatile-ttl') return -db.entries.expiry(handle)
    if (policy.endsWith('lfu')) return -frequencyOf(db.keyspace, db.entries.access(handle))
    return (this.node.keyspace.lruClock - db.entries.access(handle)) & CLOCK_MASK
  }

  private sample(db: Database, volatile: boolean, count: number, visit: (handle: number) => void): void {
    if (!volatile) {
      for (let i = 0; i < count; i++) {
        const handle = db.randomEntry()
        if (handle !== 0) visit(handle)
      }
      return
    }
    let seen = 0
    let rounds = 0
    let cursor = this.cursors.get(db) ?? 0
    // Two times around: a table may be empty for long stretches, but not everywhere.
    while (seen < count && rounds < 2) {
      cursor = db.scanExpiring(cursor, (handle) => {
        seen++
        visit(handle)
      })
      if (cursor === 0) rounds++
    }
    this.cursors.set(db, cursor)
  }

  private evict({ db, key }: Candidate): void {
    const { node } = this
    const lazy = node.config.values['lazyfree-lazy-eviction']
    node.propagation.send(db.index, [lazy ? UNLINK : DEL, key])
    node.turn.schedule()
    if (!db.delete(key, 0, key.length)) return
    node.stats.evictedKeys++
    node.propagation.dirty++
    notifyKeyspaceEvent(node, NOTIFY_EVICTED, 'evicted', db, key, 0, key.length)
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
