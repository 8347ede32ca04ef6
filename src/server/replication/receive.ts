/**
 * The master's snapshot on its way into the keyspace. Usually all of it is collected first (in memory, beyond some size
 * in a file), and the old dataset stays until then; with repl-diskless-load on-empty-db and nothing to lose, it is
 * loaded while it arrives; with swapdb too, but beside the old dataset, whose place it takes in the end. Loading goes in slices, so that the node can say LOADING meanwhile, and keep its links.
 */

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { KeyspaceLoader } from '../../persistence/load.js'
import { RdbReader } from '../../persistence/rdb/reader.js'
import type { ParseMode } from '../../replication/effects.js'
import { loadFinished } from '../../replication/handshake.js'
import type { ReplicationPart } from './part.js'

/** A snapshot up to this size is collected in memory. */
export const SPOOL_MEMORY_BYTES_MAX = 16 * 1024 * 1024
const PIECE_BYTES = 256 * 1024
/** So long the event loop waits for the loading at most. */
const SLICE_us = 8000
/** With key-load-delay, by which tests make a loading last as long as they need it: bytes between two rests. */
const SLOW_BYTES = 64
const REST_ms_MAX = 24 * 60 * 60 * 1000

export class Receiver {
  private readonly part: ReplicationPart
  private parse: ParseMode = 'whole'
  private size = -1
  private pieces: Uint8Array[] = []
  private collected = 0
  private path = ''
  private fd = -1
  private reader: RdbReader | null = null
  private loader: KeyspaceLoader | null = null
  /** Counts transfers: what was begun for an older one is not to go on. */
  private current = 0

  constructor(part: ReplicationPart) {
    this.part = part
  }

  begin(size: number, parse: ParseMode, sameHistory: boolean): void {
    this.forget()
    this.current++
    this.size = size
    this.parse = parse
    if (parse === 'whole') return
    this.beginLoading()
    if (parse === 'asItComes' || !sameHistory) return
    // What is here is an earlier state of what comes: clients may read it meanwhile.
    this.part.setLoading(false)
  }

  chunk(bytes: Uint8Array, start: number, end: number): void {
    this.collected += end - start
    if (this.parse !== 'whole') {
      this.feed(bytes, start, end)
      return
    }
    try {
      if (this.fd === -1 && this.collected > SPOOL_MEMORY_BYTES_MAX) this.openFile()
      if (this.fd === -1) this.pieces.push(bytes.slice(start, end))
      else writeSync(this.fd, bytes, start, end - start)
    } catch (error) {
      this.part.node.log(
        'warning',
        'Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization: ' +
          `${(error as Error).message}`,
      )
      this.fail()
    }
  }

  /** All of it is here. */
  end(): void {
    if (this.parse !== 'whole') {
      this.finish()
      return
    }
    this.beginLoading()
    const transfer = this.current
    const next = this.fd === -1 ? fromMemory(this.pieces) : fromFile(this.fd, this.collected)
    const { clock, config } = this.part.node
    let piece: Uint8Array | null = null
    let at = 0
    const slice = (): void => {
      if (transfer !== this.current) return
      const until_us = clock.monotonic_us() + SLICE_us
      for (;;) {
        if (piece === null || at === piece.length) {
          piece = next()
          at = 0
        }
        if (piece === null || this.reader === null || this.loader === null) {
          this.finish()
          return
        }
        const delay_us = config.values['key-load-delay']
        const to = delay_us > 0 ? Math.min(at + SLOW_BYTES, piece.length) : piece.length
        const before = this.loader.loaded
        if (!this.feed(piece, at, to)) return
        at = to
        const rest_us = this.loader === null ? 0 : (this.loader.loaded - before) * delay_us
        if (rest_us > 0) {
          setTimeout(slice, Math.min(rest_us / 1000, REST_ms_MAX))
          return
        }
        if (clock.monotonic_us() >= until_us) break
      }
      setImmediate(slice)
    }
    // The first slice at once: a small dataset is there before anybody could be told LOADING.
    slice()
  }

  /** What has arrived is not wanted any more; if some of it was loaded already, that goes too. */
  abort(): void {
    const wasLoading = this.reader !== null
    this.current++
    this.forget()
    if (!wasLoading) return
    if (this.parse === 'beside') this.dropBeside()
    else this.part.emptyKeyspace()
    this.part.setLoading(false)
  }

  /** What was loaded beside the dataset takes its place. */
  swap(): void {
    const { node } = this.part
    node.persistence?.beforeFlush()
    node.tracking?.flushed()
    node.keyspace.swapBeside((db, old) => node.watches.swapped(db, old))
    if (node.waits.count === 0) return
    for (const { index } of node.keyspace.databases) node.waits.swapped(index, index)
  }

  /** The old dataset stays. */
  private dropBeside(): void {
    const { node } = this.part
    node.log('notice', 'MASTER <-> REPLICA sync: Discarding temporary DB in background')
    node.keyspace.dropBeside()
  }

  private openFile(): void {
    const { node } = this.part
    this.path = join(node.config.values.dir, `temp-repl-${process.pid}-${node.runId.slice(0, 8)}.rdb`)
    this.fd = openSync(this.path, 'w+')
    for (const piece of this.pieces) writeSync(this.fd, piece)
    this.pieces = []
  }

  private beginLoading(): void {
    const { part } = this
    const { node } = part
    part.setLoading(true)
    this.loader = new KeyspaceLoader({
      keyspace: node.keyspace,
      databases: this.parse === 'beside' ? node.keyspace.beginBeside() : node.keyspace.databases,
      dropExpiredBefore_ms: Number.NEGATIVE_INFINITY,
      size_bytes: this.parse === 'whole' ? this.collected : this.size,
      now_ms: node.clock.now_ms(),
      log: (level, line) => node.log(level, line),
    })
    this.reader = new RdbReader(this.loader, { checksum: node.config.values.rdbchecksum })
  }

  /** False when the data are no good; then the loading has ended. */
  private feed(bytes: Uint8Array, start: number, end: number): boolean {
    const { reader } = this
    if (reader === null) return false
    const { keyspace } = this.part.node
    const { watchers } = keyspace
    // Keys beside the dataset are none of anybody's yet.
    if (this.parse === 'beside') keyspace.watchers = 0
    reader.feed(bytes, start, end)
    keyspace.watchers = watchers
    if (reader.state !== 'failed') return true
    this.fail()
    return false
  }

  private finish(): void {
    const { reader, loader, part } = this
    if (reader === null || loader === null) return
    if (reader.end() !== undefined) {
      this.fail()
      return
    }
    this.forget()
    part.node.log('notice', loader.summary())
    part.setLoading(false)
    part.node.propagation.dirty++
    part.later((r, turn) => loadFinished(r, { ok: true, streamDb: loader.replication.db ?? -1 }, turn))
  }

  private fail(): void {
    const { node } = this.part
    const problem = this.reader?.problem
    if (problem !== undefined) {
      node.log('warning', problem.detail === '' ? problem.text : `${problem.text} ${problem.detail}`)
    }
    const wasLoading = this.reader !== null
    this.current++
    this.forget()
    if (wasLoading && this.parse === 'beside') this.dropBeside()
    if (wasLoading) this.part.setLoading(false)
    this.part.later((r, turn) => loadFinished(r, { ok: false }, turn))
  }

  private forget(): void {
    this.reader = null
    this.loader = null
    this.pieces = []
    this.collected = 0
    if (this.fd === -1) return
    closeSync(this.fd)
    this.fd = -1
    try {
      unlinkSync(this.path)
    } catch {
      // Somebody has removed it already.
    }
  }
}

function fromMemory(pieces: readonly Uint8Array[]): () => Uint8Array | null {
  let at = 0
  return () => pieces[at++] ?? null
}

function fromFile(fd: number, size: number): () => Uint8Array | null {
  const buffer = new Uint8Array(PIECE_BYTES)
  let at = 0
  return () => {
    if (at >= size) return null
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at)
    if (count === 0) return null
    at += count
    return buffer.subarray(0, count)
  }
}
