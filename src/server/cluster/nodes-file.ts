/**
 * nodes.conf on the disk: locked as long as the node lives, and replaced as a whole, so that a crash leaves either the
 * old file or the new one.
 *
 * What promises a state waits behind the gate (cluster/gate.ts) until the state is synced. All changes of one turn of
 * the event loop, and all that come while a write is under way, share one write. The file and its folder are synced
 * on the disk threads:
 *
 *     ask ── setImmediate ──▶ encode, write aside ── fsync ──▶ rename ── fsync of the folder ──▶ reached: what waits leaves
 *
 * `saveNow` does the same at once and holds up the event loop: for a promotion, after which clients' writes are
 * acknowledged that only a master may acknowledge.
 *
 * Node has no flock. On Linux the lock is a listening socket in the abstract namespace, named after the file: it goes
 * away with the process, however that ends. Elsewhere it is a file beside nodes.conf with the process id in it.
 */

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { ask, begun, createGate, isOpen, reached } from '../../cluster/index.js'
import { type Descriptors, noDescriptors } from '../../runtime/descriptors.js'

/** A change that nothing promises is written after this time, together with those that follow it. */
const SAVE_LATER_MS = 50

export class NodesFile {
  readonly path: string
  readonly gate = createGate()
  private readonly encode: () => Uint8Array
  private readonly failed: (error: Error, waitedFor: boolean) => void
  private readonly descriptors: Descriptors
  private timer: NodeJS.Timeout | null = null
  private immediate: NodeJS.Immediate | null = null
  private writing = false
  /** The last write that has the file's name, so that a slow older one does not take it back. */
  private named = 0
  private closed = false
  private tempNumber = 0
  /** The file's folder, open so that it can be synced. */
  private directory = -1

  /** `failed` is called when a write fails. Where something waited for it, that must never leave. */
  constructor(
    file: string,
    encode: () => Uint8Array,
    failed: (error: Error, waitedFor: boolean) => void,
    descriptors: Descriptors = noDescriptors,
  ) {
    this.path = file
    this.encode = encode
    this.failed = failed
    this.descriptors = descriptors
  }

  /** Writes and syncs the file, together with other changes; the gate opens afterwards. */
  save(): void {
    ask(this.gate)
    this.schedule()
  }

  /** Writes the file soon; nothing waits for it. */
  saveLater(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null
      this.schedule()
    }, SAVE_LATER_MS)
  }

  /** Writes and syncs the file before it returns. Throws what the system says. */
  saveNow(): void {
    this.cancel()
    const wasOpen = isOpen(this.gate)
    ask(this.gate)
    const write = begun(this.gate)
    const temp = this.tempPath()
    try {
      const fd = this.writeAside(temp)
      try {
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
      fs.renameSync(temp, this.path)
      this.named = write
      fs.fsyncSync(this.directory)
    } catch (error) {
      fs.rmSync(temp, { force: true })
      // Nothing waits for this one; what waited before is tried again.
      if (wasOpen) this.gate.asked = this.gate.started = this.gate.safe
      else this.schedule()
      throw error
    }
    reached(this.gate, write)
  }

  /** Writes what still waits; a write under way leaves nothing behind. */
  close(): void {
    if (this.timer !== null || !isOpen(this.gate)) {
      try {
        this.saveNow()
      } catch (error) {
        this.failed(error as Error, true)
      }
    }
    this.closed = true
    this.cancel()
    if (this.directory >= 0) fs.close(this.directory, () => {})
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.timer = null
    this.immediate = null
  }

  private schedule(): void {
    if (this.writing || this.immediate !== null || this.closed) return
    this.immediate = setImmediate(() => {
      this.immediate = null
      this.write()
    })
  }

  /** One write is under way at a time; what is asked for meanwhile comes with the next. */
  private write(): void {
    this.cancel()
    this.writing = true
    const write = begun(this.gate)
    const temp = this.tempPath()
    let fd: number
    try {
      fd = this.writeAside(temp)
    } catch (error) {
      this.finish(write, temp, error as Error)
      return
    }
    fs.fsync(fd, (error) => {
      fs.close(fd, () => {})
      if (error !== null) this.finish(write, temp, error)
      else this.giveName(write, temp)
    })
  }

  private giveName(write: number, temp: string): void {
    // A write that was begun later, by saveNow, is in place already.
    if (this.closed || this.named > write) {
      fs.rmSync(temp, { force: true })
      this.finish(write, temp, null)
      return
    }
    try {
      fs.renameSync(temp, this.path)
    } catch (error) {
      this.finish(write, temp, error as Error)
      return
    }
    this.named = write
    fs.fsync(this.directory, (error) => this.finish(write, temp, error))
  }

  private finish(write: number, temp: string, error: Error | null): void {
    this.writing = false
    if (this.closed) return
    if (error !== null) {
      fs.rmSync(temp, { force: true })
      this.failed(error, !isOpen(this.gate))
      return
    }
    reached(this.gate, write)
    if (this.gate.asked !== this.gate.started) this.schedule()
  }

  /** Writes the state to a file beside the old one. Throws. */
  private writeAside(temp: string): number {
    const { descriptors } = this
    if (this.directory < 0) {
      this.directory = descriptors.use(() => fs.openSync(path.dirname(this.path), 'r'))
    }
    const fd = descriptors.use(() => fs.openSync(temp, 'w', 0o644))
    try {
      const bytes = this.encode()
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at)
    } catch (error) {
      fs.closeSync(fd)
      throw error
    }
    return fd
  }

  private tempPath(): string {
    return `${this.path}.tmp-${process.pid}-${Date.now()}-${this.tempNumber++}`
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
