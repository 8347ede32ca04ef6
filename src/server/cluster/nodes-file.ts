/**
 * nodes.conf on the disk: locked as long as the node lives, and replaced as a whole, so that a crash leaves either the
 * old file or the new one.
 *
 * Node has no flock. On Linux the lock is a listening socket in the abstract namespace, named after the file: it goes
 * away with the process, however that ends. Elsewhere it is a file beside nodes.conf with the process id in it.
 */

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

/** A change that need not be safe at once is written after this time, together with those that follow it. */
const SAVE_LATER_MS = 50

export class NodesFile {
  readonly path: string
  private readonly encode: () => Uint8Array
  private readonly warn: (text: string) => void
  private timer: NodeJS.Timeout | null = null
  private tempNumber = 0

  constructor(file: string, encode: () => Uint8Array, warn: (text: string) => void) {
    this.path = file
    this.encode = encode
    this.warn = warn
  }

  /** Writes the file; when this returns, it is safe. Throws what the system says. */
  writeNow(): void {
    this.cancelLater()
    const temp = this.tempPath()
    try {
      const fd = fs.openSync(temp, 'w', 0o644)
      try {
        const bytes = this.encode()
        for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at)
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
      fs.renameSync(temp, this.path)
      syncDirectory(path.dirname(this.path))
    } catch (error) {
      fs.rmSync(temp, { force: true })
      throw error
    }
  }

  /** Writes the file soon. A failure is logged; the next change tries again. */
  writeLater(): void {
    if (this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      this.writeUnsynced()
    }, SAVE_LATER_MS)
  }

  /** Writes what still waits, without holding anything up for the disk. */
  writeUnsynced(): void {
    this.cancelLater()
    const temp = this.tempPath()
    try {
      fs.writeFileSync(temp, this.encode(), { mode: 0o644 })
      fs.renameSync(temp, this.path)
    } catch (error) {
      fs.rmSync(temp, { force: true })
      this.warn(`Could not write the cluster config file: ${(error as Error).message}`)
    }
  }

  get waiting(): boolean {
    return this.timer !== null
  }

  cancelLater(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private tempPath(): string {
    return `${this.path}.tmp-${process.pid}-${Date.now()}-${this.tempNumber++}`
  }
}

function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** The file's bytes; null when it is missing or empty. Throws what else the system says. */
export function readNodesFile(file: string): Uint8Array | null {
  try {
    const bytes = fs.readFileSync(file)
    return bytes.length === 0 ? null : bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Locks the file for this node. Answers what releases it, or null when another node has it. */
export async function lockNodesFile(file: string): Promise<(() => void) | null> {
  const directory = fs.realpathSync(path.dirname(path.resolve(file)))
  if (process.platform !== 'linux') return lockByFile(`${path.join(directory, path.basename(file))}.lock`)
  // By the folder's inode, not by its path: containers that share a network may all call theirs /data.
  const { dev, ino } = fs.statSync(directory, { bigint: true })
  return lockBySocket(`${dev}:${ino}:${path.basename(file)}`)
}

function lockBySocket(identity: string): Promise<(() => void) | null> {
  const name = `\0shoal-${createHash('sha1').update(identity).digest('hex')}`
  const server = net.createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen(name, () => {
      server.unref()
      resolve(() => server.close())
    })
  })
}

function lockByFile(lock: string): (() => void) | null {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return () => fs.rmSync(lock, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(fs.readFileSync(lock, 'utf8'))
    if (isAlive(owner)) return null
    fs.rmSync(lock, { force: true })
  }
  return null
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
