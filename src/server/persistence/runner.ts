/**
 * Drives the node's one snapshot walk at a time: a slice in every turn of the event loop, as long as whoever takes the
 * bytes keeps up. BGSAVE, the rewrite of the append-only file and the full synchronisation of replicas all go
 * through here, so that they exclude each other as Redis's children do.
 */

import type { Database } from '../../keyspace/database.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { Generations, type SnapshotTarget, SnapshotWalk } from '../../persistence/snapshot.js'
import type { Clock } from '../../runtime/clock.js'

/** The time that a slice may take out of a turn. */
const SLICE_US = 1000
/** Entries between two looks at the clock. */
const SLICE_ENTRIES = 16
/** The longest rest between entries: a day. */
const REST_MS_MAX = 24 * 60 * 60 * 1000
/** So often a rest looks whether it is still wanted. */
const REST_LOOK_MS = 50

export interface SnapshotJob {
  /** For INFO and for those who want to begin another. */
  readonly kind: 'rdb' | 'aof' | 'sync'
  readonly target: SnapshotTarget
  /** Whether the bytes written so far must go away before there are more; `resume` when they have. */
  behind(): boolean
  /** All entries are in the target. */
  walked(): void
  /** The walk was given up: clean up. */
  aborted(reason: string): void
}

export class SnapshotRunner {
  private readonly keyspace: Keyspace
  private readonly clock: Clock
  private readonly generations: Generations
  /** Walks begun, ever: what INFO calls forks. */
  started = 0
  private job: SnapshotJob | null = null
  private walk: SnapshotWalk | null = null
  private scheduled: NodeJS.Immediate | null = null
  private resting: NodeJS.Timeout | null = null
  /** How long to rest after each entry (rdb-key-save-delay): tests make a snapshot last as long as they need it. */
  private readonly entryDelay_us: () => number

  constructor(keyspace: Keyspace, clock: Clock, entryDelay_us: () => number = () => 0) {
    this.keyspace = keyspace
    this.clock = clock
    this.entryDelay_us = entryDelay_us
    this.generations = new Generations(keyspace)
  }

  /** What is being walked for, or null. */
  get kind(): SnapshotJob['kind'] | null {
    return this.job?.kind ?? null
  }

  get keysProcessed(): number {
    return this.walk?.saved ?? 0
  }

  get keysTotal(): number {
    return this.walk?.total ?? 0
  }

  /** Takes the snapshot of this moment, to be written in slices. Nothing else may be under way. */
  start(job: SnapshotJob): void {
    if (this.job !== null) throw new Error('a snapshot is under way already')
    this.started++
    this.job = job
    this.walk = new SnapshotWalk(this.keyspace, this.generations, job.target)
    this.schedule()
  }

  /** Writes the whole snapshot at once: SAVE, and the base of an empty start. */
  runAtOnce(target: SnapshotTarget): void {
    if (this.job !== null) throw new Error('a snapshot is under way already')
    const walk = new SnapshotWalk(this.keyspace, this.generations, target)
    try {
      while (walk.step(1 << 16));
    } finally {
      walk.abort()
    }
  }

  /** What was behind has caught up. */
  resume(job: SnapshotJob): void {
    if (this.job === job && this.scheduled === null && this.resting === null) this.schedule()
  }

  /** Writes what is left of the walk under way at once, however far behind its output may be. */
  hurry(): void {
    const { job, walk } = this
    if (job === null || walk === null) return
    while (walk.step(1 << 16));
    this.done()
    job.walked()
  }

  /**
   * Ends the walk: the dataset is about to be thrown away, the node stops, or the output is broken. With `only`,
   * nothing happens unless that is the one under way.
   */
  abort(reason: string, only?: SnapshotJob): void {
    const { job } = this
    if (job === null || (only !== undefined && only !== job)) return
    this.walk?.abort()
    this.done()
    job.aborted(reason)
  }

  /** For the keyspace's hook of this name. */
  beforeWrite(db: Database, handle: number): void {
    this.walk?.beforeWrite(db, handle)
  }

  private schedule(): void {
    this.scheduled = setImmediate(() => {
      this.scheduled = null
      this.slice()
    })
  }

  private slice(): void {
    const { job, walk } = this
    if (job === null || walk === null || job.behind()) return
    const delay_us = this.entryDelay_us()
    if (delay_us > 0) {
      this.slowSlice(job, walk, delay_us)
      return
    }
    const until_us = this.clock.monotonic_us() + SLICE_US
    do {
      if (!walk.step(SLICE_ENTRIES)) {
        this.done()
        job.walked()
        return
      }
    } while (this.clock.monotonic_us() < until_us && !job.behind())
    // Whoever found it behind, or broken, has ended it or will resume it.
    if (this.walk === walk && !job.behind()) this.schedule()
  }

  /** A few entries, and a rest that makes up for them. */
  private slowSlice(job: SnapshotJob, walk: SnapshotWalk, delay_us: number): void {
    const before = walk.saved
    if (!walk.step(Math.max(1, Math.floor(SLICE_US / delay_us)))) {
      this.done()
      job.walked()
      return
    }
    this.rest(Math.min(((walk.saved - before) * delay_us) / 1000, REST_MS_MAX))
  }

  /** Ends early where the delay is taken back meanwhile. */
  private rest(left_ms: number): void {
    this.resting = setTimeout(
      () => {
        this.resting = null
        const more_ms = left_ms - REST_LOOK_MS
        if (more_ms > 0 && this.entryDelay_us() > 0) this.rest(more_ms)
        else this.slice()
      },
      Math.min(left_ms, REST_LOOK_MS),
    )
  }

  private done(): void {
    if (this.scheduled !== null) clearImmediate(this.scheduled)
    if (this.resting !== null) clearTimeout(this.resting)
    this.resting = null
    this.scheduled = null
    this.job = null
    this.walk = null
  }
}
