/**
 * The append-only file while the node runs: takes every change, writes what a turn brought with one system call before
 * the turn's replies leave, and syncs as `appendfsync` says.
 *
 * - always: replies wait until the disk has answered. One sync is under way at a time, off the event loop; all turns that
 *   were written while it ran share the next one. Reads wait too when something they may have seen is not yet safe.
 * - everysec: one sync a second, off the event loop. While it runs, writing might block, so the next write is put off,
 *   for two seconds at most.
 * - no: the system decides.
 *
 * What cannot be written is kept and tried again, and meanwhile commands that write are refused; with `always` the
 * node ends instead, as Redis does, because it could keep its promise to nobody.
 */

import { join } from 'node:path'
import type { Manifest } from '../../persistence/aof/manifest.js'
import { EMPTY_MANIFEST } from '../../persistence/aof/manifest.js'
import { writeSelect, writeTimestamp } from '../../persistence/aof/record.js'
import { ByteSink } from '../../persistence/sink.js'
import { type DiskError, diskErrorText, writeAll } from '../../runtime/disk.js'
import type { Durability } from '../parts.js'
import type { Circle } from './circle.js'

/** Seconds between log lines about writes that fail. */
const ERROR_LINE_EVERY_S = 30
/** Seconds that a write waits for a sync under way. */
const POSTPONE_S = 2
/** A buffer larger than this is not kept after it was written. */
const KEPT_BUFFER_BYTES_MAX = 1024 * 1024
/** What could not be written is kept up to this size; then the node ends, before it can only lose it. */
const BUFFER_BYTES_MAX = 1024 * 1024 * 1024
const NO_DB = -1
const NO_FILE = -1

/** `waiting`: it was switched on, and begins to count with the base that is being written. */
export type AofState = 'off' | 'on' | 'waiting'

interface Waiter {
  /** Counted over all files: may go when so much is on the disk. */
  upTo: number
  release: () => void
}

export class AppendOnly implements Durability {
  /** Messages are not data. */
  readonly keepsDataOnly = true
  state: AofState = 'off'
  manifest: Manifest = EMPTY_MANIFEST
  /** Of all files that count, and what it was after the last rewrite. */
  currentSize = 0
  baseSize = 0
  /** Writes that did not wait for a sync any longer. */
  delayedSyncs = 0
  /** Bytes of the file that is written to. */
  fileSize = 0

  private readonly circle: Circle
  private sink = new ByteSink()
  private fd = NO_FILE
  private selectedDb = NO_DB
  private timestamp_s = 0
  // Counted over all files and the whole life of the node.
  private written = 0
  private synced = 0
  private syncing = false
  private lastSync_s = 0
  private postponedSince_s = 0
  /** A test wants the disk to be slow: every write takes at least so long. */
  delay_us = 0
  private writeError: DiskError | null = null
  private syncError: DiskError | null = null
  private errorLineAt_s = 0
  private waiters: Waiter[] = []
  /** Descriptors to be closed when the sync under way, which may be of one of them, has ended. */
  private retired: number[] = []

  // What every command and every turn asks of the configuration.
  private policy: 'always' | 'everysec' | 'no' = 'everysec'
  private timestamps = false

  constructor(circle: Circle) {
    this.circle = circle
    const read = () => {
      const { values } = circle.config
      this.policy = values.appendfsync
      this.timestamps = values['aof-timestamp-enabled']
      return undefined
    }
    read()
    circle.config.onChange(['appendfsync', 'aof-timestamp-enabled'], read)
  }

  get directory(): string {
    const { values } = this.circle.config
    return join(values.dir, values.appenddirname)
  }

  get fileName(): string {
    return this.circle.config.values.appendfilename
  }

  get bufferLength(): number {
    return this.sink.pos
  }

  /** Bytes fed ever, and how many of these are on the disk: what WAITAOF compares. */
  get fed_bytes(): number {
    return this.written + this.sink.pos
  }

  get synced_bytes(): number {
    return this.synced
  }

  get pendingSyncs(): number {
    return this.syncing ? 1 : 0
  }

  get writeOk(): boolean {
    return this.writeError === null && this.syncError === null
  }

  /** Why commands that write are refused, or null. */
  diskError(): string | null {
    const error = this.state === 'off' ? null : (this.writeError ?? this.syncError)
    return error === null ? null : `MISCONF Errors writing to the AOF file: ${diskErrorText(error)}`
  }

  feed(db: number, buf: Uint8Array, start: number, end: number): void {
    if (this.fd < 0) return
    const { sink } = this
    if (this.timestamps) {
      const now_s = this.circle.now_s()
      if (now_s > this.timestamp_s) {
        this.timestamp_s = now_s
        writeTimestamp(sink, now_s)
      }
    }
    if (db !== this.selectedDb && db >= 0) {
      this.selectedDb = db
      writeSelect(sink, db)
    }
    sink.bytes(buf, start, end)
    if (sink.pos > BUFFER_BYTES_MAX) this.overflow()
  }

  endTurn(release: () => void): boolean {
    if (this.sink.pos > 0) this.flush(false)
    if (this.state !== 'on' || this.policy !== 'always') return true
    // Without a process to end, a node that has failed for good stays silent.
    if (this.writeError === null && (this.synced === this.written || this.syncIsOff())) return true
    this.waiters.push({ upTo: this.written, release })
    this.startSync()
    return false
  }

  /** Writes nothing more, not even what was fed already: the node has failed, and that may be wrong. */
  halt(): void {
    this.sink.pos = 0
    this.fd = -1
    this.state = 'off'
  }

  /** Ten times a second: what was put off, the sync of the second, and another try after an error. */
  cron(): void {
    if (this.fd < 0) return
    if (this.sink.pos > 0) this.flush(false)
    else this.syncWhenDue()
  }

  /** Writes what was fed. `force`: without waiting for a sync under way. */
  flush(force: boolean): void {
    const { sink, circle } = this
    if (this.fd < 0 || sink.pos === 0) return
    if (this.policy === 'everysec' && !force && this.syncing && this.postpone()) return
    const size = sink.pos
    if (this.delay_us > 0) standStill(this.delay_us / 1000)
    try {
      writeAll(circle.disk, this.fd, sink.buf, 0, size)
    } catch (error) {
      this.writeFailed(error as DiskError & { written?: number })
      return
    }
    this.postponedSince_s = 0
    if (this.writeError !== null) {
      this.writeError = null
      circle.log('warning', 'AOF write error looks solved, Redis can write again.')
      circle.diskChanged()
    }
    this.count(size)
    if (sink.buf.length > KEPT_BUFFER_BYTES_MAX) this.sink = new ByteSink()
    else sink.pos = 0
    this.syncWhenDue()
  }

  /** Opens another file to append to; the old one is synced and closed. Throws. */
  openFile(name: string, truncate: boolean): void {
    const { disk } = this.circle
    const path = join(this.directory, name)
    const fd = disk.open(path, truncate ? 'truncate' : 'append')
    this.leaveFile()
    this.fd = fd
    this.fileSize = disk.size(path) ?? 0
    this.selectedDb = NO_DB
  }

  /** Writes and syncs everything, now: the node stops, or append-only mode is switched off. */
  syncNow(): void {
    this.flush(true)
    if (this.fd < 0) return
    try {
      this.circle.disk.sync(this.fd)
    } catch (error) {
      this.circle.log('warning', `Fail to fsync the AOF file: ${diskErrorText(error)}`)
      return
    }
    this.syncedUpTo(this.written)
  }

  /** Ends append-only mode. */
  stop(): void {
    this.syncNow()
    this.leaveFile()
    this.sink = new ByteSink()
    this.writeError = null
    this.syncError = null
    this.state = 'off'
    this.syncedUpTo(this.written)
    this.circle.diskChanged()
  }

  /** Forgets what was fed and not written: the rewrite that should have made it count has failed. */
  forgetBuffer(): void {
    this.sink = new ByteSink()
    this.leaveFile()
  }

  /** The file is written to no more: what it holds is synced, then it is closed, behind a sync under way. */
  private leaveFile(): void {
    const { fd } = this
    if (fd < 0) return
    this.fd = NO_FILE
    const unsynced = this.synced !== this.written
    if (unsynced && this.policy === 'always') {
      // Replies wait for it, and for what the next file gets: it must not be overtaken.
      try {
        this.circle.disk.sync(fd)
        this.syncedUpTo(this.written)
      } catch (error) {
        this.syncFailedForGood(error as DiskError)
      }
    }
    this.synced = this.written
    if (this.syncing) this.retired.push(fd)
    else this.syncAndClose(fd)
  }

  private syncAndClose(fd: number): void {
    this.circle.disk.syncSoon(fd, (error) => {
      if (error !== null) this.syncFailed(error)
      closeQuietly(this.circle, fd)
    })
  }

  private postpone(): boolean {
    const now_s = this.circle.now_s()
    if (this.postponedSince_s === 0) this.postponedSince_s = now_s
    if (now_s - this.postponedSince_s < POSTPONE_S) return true
    this.delayedSyncs++
    this.circle.log(
      'notice',
      'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for ' +
        'fsync to complete, this may slow down Redis.',
    )
    return false
  }

  /** What clients write is refused while the disk fails; this is what our master, or expiry, went on feeding. */
  private overflow(): void {
    this.flush(true)
    if (this.sink.pos <= BUFFER_BYTES_MAX) return
    this.circle.log(
      'warning',
      `More than ${BUFFER_BYTES_MAX} bytes wait for the append-only file. Exiting...`,
    )
    this.circle.fatal()
  }

  private count(bytes: number): void {
    this.written += bytes
    this.fileSize += bytes
    this.currentSize += bytes
  }

  private writeFailed(error: DiskError & { written?: number }): void {
    const { circle, sink } = this
    const now_s = circle.now_s()
    const say = now_s - this.errorLineAt_s > ERROR_LINE_EVERY_S
    if (say) {
      this.errorLineAt_s = now_s
      circle.log('warning', `Error writing to the AOF file: ${diskErrorText(error)}`)
    }
    const part = error.written ?? 0
    if (part > 0) {
      try {
        circle.disk.truncateOpen(this.fd, this.fileSize)
      } catch (caught) {
        if (say) {
          const why = `ftruncate: ${diskErrorText(caught)}`
          circle.log(
            'warning',
            'Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next ' +
              `time it starts.  ${why}`,
          )
        }
        // It stays in the file, so that only the rest is tried again.
        sink.buf.copyWithin(0, part, sink.pos)
        sink.pos -= part
        this.count(part)
      }
    }
    const first = this.writeError === null
    this.writeError = error
    if (this.policy === 'always') {
      circle.log(
        'warning',
        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
      )
      circle.fatal()
    }
    if (first) circle.diskChanged()
  }

  /** `no-appendfsync-on-rewrite`: nothing is synced while a snapshot is being written. */
  private syncIsOff(): boolean {
    return this.circle.config.values['no-appendfsync-on-rewrite'] && this.circle.runner.kind !== null
  }

  private syncWhenDue(): void {
    if (this.fd < 0 || this.synced === this.written || this.syncIsOff()) return
    if (this.policy === 'always') this.startSync()
    else if (this.policy === 'everysec' && this.circle.now_s() > this.lastSync_s) this.startSync()
  }

  private startSync(): void {
    if (this.syncing || this.fd < 0 || this.synced === this.written) return
    const { circle } = this
    const upTo = this.written
    this.syncing = true
    this.lastSync_s = circle.now_s()
    circle.disk.syncSoon(this.fd, (error) => {
      this.syncing = false
      for (const fd of this.retired.splice(0)) this.syncAndClose(fd)
      if (error !== null) this.syncFailed(error)
      else this.syncSucceeded(upTo)
      // What was put off while it ran: the sooner it is with the system, the less a killed process loses.
      this.flush(false)
    })
  }

  private syncSucceeded(upTo: number): void {
    if (this.syncError !== null) {
      this.syncError = null
      this.circle.diskChanged()
    }
    this.syncedUpTo(upTo)
    if (this.waiters.length > 0) this.startSync()
  }

  private syncedUpTo(upTo: number): void {
    this.synced = Math.max(this.synced, upTo)
    const ready = this.waiters.filter((waiter) => waiter.upTo <= this.synced)
    if (ready.length === 0) return
    this.waiters = this.waiters.filter((waiter) => waiter.upTo > this.synced)
    for (const waiter of ready) waiter.release()
  }

  private syncFailed(error: DiskError): void {
    if (this.policy === 'always') return this.syncFailedForGood(error)
    if (this.syncError === null)
      this.circle.log('warning', `Fail to fsync the AOF file: ${diskErrorText(error)}`)
    this.syncError = error
    this.circle.diskChanged()
  }

  private syncFailedForGood(error: DiskError): void {
    this.circle.log(
      'warning',
      `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${diskErrorText(error)}. Exiting...`,
    )
    this.circle.fatal()
  }
}

/** The whole process stands still. */
export function standStill(time_ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time_ms)
}

function closeQuietly(circle: Circle, fd: number): void {
  try {
    circle.disk.close(fd)
  } catch {
    // It was synced, or its error has been told.
  }
}
