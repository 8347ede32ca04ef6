/** What the parts of persistence share: the node as they need it, and no more. Tests make one without a node. */

import type { Keyspace } from '../../keyspace/keyspace.js'
import type { Clock } from '../../runtime/clock.js'
import type { Disk } from '../../runtime/disk.js'
import type { Config } from '../config/config.js'
import type { SnapshotRunner } from './runner.js'

export interface Circle {
  readonly keyspace: Keyspace
  readonly config: Config
  readonly clock: Clock
  readonly disk: Disk
  readonly runner: SnapshotRunner
  readonly redisVersion: string
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', line: string): void
  now_s(): number
  /** Changes since the last save. */
  dirty(): number
  setDirty(changes: number): void
  /** Where in the replication stream this moment is; undefined where that means nothing. */
  replication(): { db: number; id: string; offset: number } | undefined
  /** A key of the RDB file had expired and was not loaded; `at` is where in its stream the file stands. */
  expiredAtLoad?(
    at: { db?: number; id?: string; offset?: number },
    db: number,
    key: Uint8Array,
    start: number,
    end: number,
  ): void
  /** The answer to whether writes must be refused may have changed. */
  diskChanged(): void
  /** The node cannot keep what it promised: it must end at once, with exit code 1. */
  fatal(): void
}
