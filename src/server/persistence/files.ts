/**
 * Files that are written once and then stand whole under their name: RDB files and bases. They are written under a
 * temporary name, synced, and renamed by their owner.
 */

import type { Disk, DiskError } from '../../runtime/disk.js'
import { writeAll } from '../../runtime/disk.js'

/** Blocks that wait for the disk beyond this hold up the walk. */
export const FILE_QUEUE_BYTES_MAX = 4 * 1024 * 1024

/** What is written at once: to hand the disk's threads every block by itself would cost more than the blocks do. */
const WRITE_BYTES_MIN = 512 * 1024
const WRITE_BLOCKS_MAX = 64

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
    if (this.queued >= WRITE_BYTES_MIN || (this.queued > 0 && this.finished !== null)) {
      this.writing = true
      const blocks = this.queue.slice(0, WRITE_BLOCKS_MAX)
      this.disk.writeSoon(this.fd, blocks, (error, written) => this.written(error, written))
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
      this.took(written)
      if (wasBehind && !this.behind) this.drained()
    }
    this.pump()
  }

  /** So many bytes of the queue are written. */
  private took(written: number): void {
    const { queue } = this
    let left = written
    let whole = 0
    while (whole < queue.length && left >= queue[whole]!.length) left -= queue[whole++]!.length
    for (const block of queue.splice(0, whole)) this.recycle?.(block)
    if (left > 0) queue[0] = queue[0]!.subarray(left)
    this.queued -= written
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

/** Gives a file that was written under a temporary name its own. Throws; the file is gone then. */
export function renameOrRemove(disk: Disk, temp: string, path: string): void {
  try {
    disk.rename(temp, path)
  } catch (error) {
    disk.unlinkSoon(temp)
    throw error
  }
}
