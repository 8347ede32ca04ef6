/**
 * Files, as much of them as persistence needs, behind one interface, so that a test can hand in a disk that is full,
 * read-only or slow. What answers into a callback runs on libuv's threads and does not hold up the event loop; what
 * returns is for moments in which nothing else may happen (start, stop, changing from file to file).
 *
 * Errors are Node's, with `code`; `diskErrorText` says them in C's words, which Redis puts into replies and log lines.
 */

import * as fs from 'node:fs'

export type DiskError = NodeJS.ErrnoException

export interface Disk {
  /** Throws DiskError, as all that return directly. `append` makes the file where it is missing. */
  open(path: string, mode: 'append' | 'truncate' | 'read'): number
  close(fd: number): void
  /** Fills `buf` from the file's position on; how many bytes came, 0 at its end. */
  read(fd: number, buf: Uint8Array): number
  /** Writes some of `buf[start, end)` at the end of the file; how many bytes. */
  write(fd: number, buf: Uint8Array, start: number, end: number): number
  /** Writes some of the blocks, one behind the other, at the end of the file; how many bytes. */
  writeSoon(
    fd: number,
    blocks: readonly Uint8Array[],
    done: (error: DiskError | null, written: number) => void,
  ): void
  /** Data and what is needed to read it back. */
  sync(fd: number): void
  syncSoon(fd: number, done: (error: DiskError | null) => void): void
  truncate(path: string, bytes: number): void
  truncateOpen(fd: number, bytes: number): void
  /** What had the name `to` is gone; what it held goes later, off the event loop. */
  rename(from: string, to: string): void
  unlink(path: string): void
  /** The name is free at once; what the file held goes later, off the event loop. */
  unlinkSoon(path: string): void
  makeDirectory(path: string): void
  /** Makes renames in a directory last. */
  syncDirectory(path: string): void
  syncDirectorySoon(path: string, done: (error: DiskError | null) => void): void
  /** Size in bytes, or undefined when there is no such file. */
  size(path: string): number | undefined
  isDirectory(path: string): boolean
  /** Names in a directory; none where it is missing. */
  list(path: string): string[]
}

export const systemDisk: Disk = {
  open: (path, mode) => fs.openSync(path, mode === 'append' ? 'a' : mode === 'truncate' ? 'w' : 'r', 0o644),
  close: (fd) => fs.closeSync(fd),
  read: (fd, buf) => fs.readSync(fd, buf, 0, buf.length, null),
  write: (fd, buf, start, end) => fs.writeSync(fd, buf, start, end - start),
  writeSoon: (fd, blocks, done) => {
    if (blocks.length === 1) fs.write(fd, blocks[0]!, 0, blocks[0]!.length, null, done)
    else fs.writev(fd, blocks, done)
  },
  sync: (fd) => fs.fdatasyncSync(fd),
  syncSoon: (fd, done) => fs.fdatasync(fd, done),
  truncate: (path, bytes) => fs.truncateSync(path, bytes),
  truncateOpen: (fd, bytes) => fs.ftruncateSync(fd, bytes),
  rename,
  unlink: (path) => fs.rmSync(path, { force: true }),
  unlinkSoon,
  makeDirectory: (path) => {
    if (!fs.existsSync(path)) fs.mkdirSync(path, 0o755)
  },
  syncDirectory: (path) => {
    const fd = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  syncDirectorySoon: (path, done) => {
    fs.open(path, 'r', (error, fd) => {
      if (error !== null) return done(error)
      fs.fsync(fd, (failed) => fs.close(fd, () => done(failed)))
    })
  },
  size: (path) => {
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? undefined : stat.size
  },
  isDirectory: (path) => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  list: (path) => (fs.existsSync(path) ? fs.readdirSync(path) : []),
}

/**
 * As long as somebody has a file open, taking its name away is cheap whatever its size. Were the name taken away later, it
 * might be a new file's by then.
 */
function unlinkSoon(path: string): void {
  try {
    const fd = fs.openSync(path, 'r')
    fs.rmSync(path, { force: true })
    fs.close(fd, () => {})
  } catch {
    // There is no such file.
  }
}

function rename(from: string, to: string): void {
  let old: number | undefined
  try {
    old = fs.openSync(to, 'r')
  } catch {
    // There is no such file, or it does not matter.
  }
  try {
    fs.renameSync(from, to)
  } finally {
    if (old !== undefined) fs.close(old, () => {})
  }
}

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EBADF: 'Bad file descriptor',
  EDQUOT: 'Disk quota exceeded',
  EFBIG: 'File too large',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
  ENOENT: 'No such file or directory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  EPERM: 'Operation not permitted',
  EROFS: 'Read-only file system',
}

/** What C's strerror says of an error. */
export function diskErrorText(error: unknown): string {
  const { code, message } = error as DiskError
  return (code === undefined ? undefined : TEXTS[code]) ?? message ?? String(error)
}

/** Writes all of `buf[start, end)`, also when the system takes it in parts. Throws with `written` bytes gone. */
export function writeAll(disk: Disk, fd: number, buf: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; ) {
    try {
      at += disk.write(fd, buf, at, end)
    } catch (error) {
      if ((error as DiskError).code === 'EINTR') continue
      ;(error as { written?: number }).written = at - start
      throw error
    }
  }
}
