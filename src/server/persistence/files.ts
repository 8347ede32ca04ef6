/**
 * Files that are written once and then stand whole under their name: RDB files and bases. They are written under a
 * temporary name, synced, and renamed by their owner.
 */

import type { Disk, DiskError } from '../../runtime/disk.js'
import { writeAll } from '../../runtime/disk.js'

/** Blocks that wait for the disk beyond this hold up the walk. */
export const FILE_QUEUE_BYTES_MAX = 4 * 1024 * 1024

/** A new file that takes blocks and writes them one after the other, off the event loop. */
export class BlockFile {
  error: DiskError | null = null
  bytes = 0
  /** Gets the blocks back that were written, lest each be an ArrayBuffer for the collector. */
  recycle: ((block: Uint8Array) => void) | null = null
  private readonly disk: Disk
  private readonly path: string
  private readonly fd: number
  private readonly drained: () => void
  private queue: Uint8Array[] = []
  private queued = 0
  private writing = false
  private closed = false
  private finished: ((error: DiskError | null) => void) | null = null

  /** Throws where the file cannot be made. `drained` is called when a full queue has room again, or broke. */
  constructor(disk: Disk, path: string, drained: () => void) {
    this.disk = disk
    this.path = path
    this.drained = drained
    this.fd = disk.open(path, 'truncate')
  }

  get behind(): boolean {
    return this.queued > FILE_QUEUE_BYTES_MAX && this.error === null
  }

  /** Takes a block, which belongs to the file until it is written. */
  write(block: Uint8Array): void {
    if (this.error !== null || this.closed) return
    this.queue.push(block)
    this.queued += block.length
    this.bytes += block.length
    this.pump()
  }

  /** No more blocks come: `done` when all is on the disk and the file closed, or what went wrong. */
  finish(done: (error: DiskError | null) => void): void {
    this.finished = done
    this.pump()
  }

  /** Closes and removes the file. */
  discard(): void {
    if (this.closed) return
    this.closed = true
    this.finished = null
    this.queue = []
    // A write under way still has the descriptor.
    if (!this.writing) this.close()
    this.disk.unlinkSoon(this.path)
  }

  private pump(): void {
    if (this.writing || this.closed) return
    if (this.error !== null) return this.end(this.error)
    const block = this.queue[0]
    if (block !== undefined) {
      this.writing = true
      this.disk.writeSoon(this.fd, block, (error, written) => this.written(error, written))
    } else if (this.finished !== null) {
      this.writing = true
      this.disk.syncSoon(this.fd, (error) => {
        this.writing = false
        if (this.closed) this.close()
        else this.end(error)
      })
    }
  }

  private written(error: DiskError | null, written: number): void {
    this.writing = false
    if (this.closed) return this.close()
    const wasBehind = this.behind
    if (error !== null) {
      this.error = error
      this.queue = []
      this.queued = 0
      this.drained()
    } else {
      const block = this.queue[0]!
      if (written < block.length) this.queue[0] = block.subarray(written)
      else {
        this.queue.shift()
        this.recycle?.(block)
      }
      this.queued -= written
      if (wasBehind && !this.behind) this.drained()
    }
    this.pump()
  }

  private end(error: DiskError | null): void {
    const { finished } = this
    if (finished === null || this.closed) return
    this.finished = null
    this.closed = true
    this.close()
    if (error !== null) this.disk.unlinkSoon(this.path)
    finished(error)
  }

  private close(): void {
    try {
      this.disk.close(this.fd)
    } catch {
      // The data has been synced, or is thrown away.
    }
  }
}

/** Writes a whole small file, or one that must be there before anything goes on. Throws; the file is gone then. */
export function writeAtOnce(
  disk: Disk,
  path: string,
  fill: (write: (block: Uint8Array) => void) => void,
): void {
  const fd = disk.open(path, 'truncate')
  let open = true
  try {
    fill((block) => writeAll(disk, fd, block, 0, block.length))
    disk.sync(fd)
    open = false
    disk.close(fd)
  } catch (error) {
    if (open) disk.close(fd)
    disk.unlinkSoon(path)
    throw error
  }
}
