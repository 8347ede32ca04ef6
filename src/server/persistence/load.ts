/**
 * Loading at start: the append-only file with all its parts, or the RDB file. It goes in pieces, and lets the event loop
 * turn between them, so that clients hear that the node is loading.
 */

import { join } from 'node:path'
import { AofFileReader } from '../../persistence/aof/file.js'
import { filesToLoad, readManifest } from '../../persistence/aof/manifest.js'
import { manifestName, tempIncrName } from '../../persistence/aof/naming.js'
import { mustAdopt } from '../../persistence/aof/plan.js'
import type { OnCommand } from '../../persistence/aof/reader.js'
import { KeyspaceLoader } from '../../persistence/load.js'
import { type RdbProblem, RdbReader } from '../../persistence/rdb/reader.js'
import { type DiskError, diskErrorText } from '../../runtime/disk.js'
import type { AppendOnly } from './append-only.js'
import type { Circle } from './circle.js'
import { accessClock } from './rdb.js'
import type { AofRewriter } from './rewrite.js'

const PIECE_BYTES = 256 * 1024
/** So long the event loop waits for the loading at most. */
const SLICE_US = 8000
/** With key-load-delay, by which tests make a loading last as long as they need it: bytes between two rests. */
const SLOW_BYTES = 64
const REST_MS_MAX = 24 * 60 * 60 * 1000
const NEVER = Number.NEGATIVE_INFINITY

/** Numbers of the last loading, for INFO. */
export interface LoadStats {
  loading: boolean
  startedAt_s: number
  total_bytes: number
  loaded_bytes: number
  keysLoaded: number
  keysExpired: number
  /** The replication stream that the RDB file belonged to. */
  replication: { db: number; id: string; offset: number } | undefined
}

export function newLoadStats(): LoadStats {
  return {
    loading: false,
    startedAt_s: 0,
    total_bytes: 0,
    loaded_bytes: 0,
    keysLoaded: 0,
    keysExpired: 0,
    replication: undefined,
  }
}

/** Carries out a command of the append-only file; a text when it is none. */
export type Replay = OnCommand

type FileOutcome = 'whole' | 'truncated' | 'empty' | 'failed'

export class Loader {
  private readonly circle: Circle
  private readonly stats: LoadStats
  private readonly isMaster: () => boolean
  private readonly wanted: () => boolean
  private sliceEnd_us = 0
  private current: KeyspaceLoader | null = null

  /** `wanted` is asked whenever the loading has let others run: with false it ends there, as one that failed. */
  constructor(circle: Circle, stats: LoadStats, isMaster: () => boolean, wanted: () => boolean = () => true) {
    this.circle = circle
    this.stats = stats
    this.isMaster = isMaster
    this.wanted = wanted
  }

  /** Loads `dbfilename`. False when it is there and cannot be loaded; the log tells why. */
  async loadRdb(): Promise<boolean> {
    const { circle, stats } = this
    const { values } = circle.config
    const path = join(values.dir, values.dbfilename)
    const size = circle.disk.size(path)
    if (size === undefined) return true
    this.begin(size)
    const began_us = circle.clock.monotonic_us()
    const master = this.isMaster()
    const loader = this.keyspaceLoader(size, master ? circle.clock.now_ms() : NEVER)
    const reader = new RdbReader(loader, { checksum: values.rdbchecksum && !circle.keyspace.skipsChecksums })
    try {
      await this.readFile(path, (buf, count) => {
        reader.feed(buf, 0, count)
        return reader.state !== 'failed'
      })
    } catch (error) {
      circle.log(
        'warning',
        `Fatal error: can't open the RDB file ${values.dbfilename} for reading: ${why(error)}`,
      )
      return this.end(false)
    }
    const problem = reader.end()
    if (problem !== undefined) {
      this.tellRdbProblem(problem)
      return this.end(false)
    }
    const { id, offset, db } = loader.replication
    if (id !== undefined && offset !== undefined) stats.replication = { id, offset, db: db ?? 0 }
    this.count(loader)
    circle.log('notice', `DB loaded from disk: ${this.since(began_us)} seconds`)
    return this.end(true)
  }

  /** Loads the append-only file with its manifest. False when it is there and cannot be loaded. */
  async loadAof(aof: AppendOnly, rewriter: AofRewriter, replay: Replay): Promise<boolean> {
    const { circle } = this
    const { disk } = circle
    if (!this.readManifestFile(aof)) return false
    disk.unlink(join(aof.directory, tempIncrName(aof.fileName)))
    const besideDirectory = disk.size(join(circle.config.values.dir, aof.fileName)) !== undefined
    const inDirectory = disk.size(join(aof.directory, aof.fileName)) !== undefined
    const facts = { besideDirectory, inDirectory, directory: disk.isDirectory(aof.directory) }
    if (mustAdopt(aof.manifest, aof.fileName, facts)) {
      try {
        rewriter.adopt()
      } catch (error) {
        circle.log(
          'warning',
          `Error trying to move the old AOF file ${aof.fileName} into dir ` +
            `${circle.config.values.appenddirname}: ${why(error)}`,
        )
        return false
      }
    }
    const files = filesToLoad(aof.manifest)
    let total = 0
    for (const file of files) {
      const size = disk.size(join(aof.directory, file.name))
      if (size === undefined) {
        circle.log(
          'warning',
          `Unable to obtain the AOF file ${file.name} length. stat: No such file or directory`,
        )
        return false
      }
      total += size
    }
    if (total === 0) return true
    this.begin(total)
    for (const [i, file] of files.entries()) {
      const began_us = circle.clock.monotonic_us()
      const outcome = await this.loadAofFile(aof, file.name, replay)
      if (outcome === 'failed') return this.end(false)
      if (outcome === 'truncated' && i < files.length - 1) {
        circle.log('warning', 'Fatal error: the truncated file is not the last file')
        return this.end(false)
      }
      const kind = file.type === 'base' ? 'base' : 'incr'
      circle.log('notice', `DB loaded from ${kind} file ${file.name}: ${this.since(began_us)} seconds`)
    }
    const base = aof.manifest.base
    aof.currentSize = total
    aof.baseSize = base === undefined ? 0 : (disk.size(join(aof.directory, base.name)) ?? 0)
    return this.end(true)
  }

  private readManifestFile(aof: AppendOnly): boolean {
    const { circle } = this
    const path = join(aof.directory, manifestName(aof.fileName))
    const size = circle.disk.size(path)
    if (size === undefined) return true
    let bytes: Uint8Array
    try {
      bytes = this.readWhole(path, size)
    } catch (error) {
      circle.log(
        'warning',
        `Fatal error: can't open the AOF manifest file ${path} for reading: ${why(error)}`,
      )
      return false
    }
    const reading = readManifest(bytes)
    if (reading.ok) {
      aof.manifest = reading.manifest
      return true
    }
    circle.log('warning', '*** FATAL AOF MANIFEST FILE ERROR ***')
    if (reading.text !== '') {
      circle.log('warning', `Reading the manifest file, at line ${reading.line}`)
      circle.log('warning', `>>> '${reading.text}'`)
    }
    circle.log('warning', reading.error)
    return false
  }

  private async loadAofFile(aof: AppendOnly, name: string, replay: Replay): Promise<FileOutcome> {
    const { circle } = this
    const path = join(aof.directory, name)
    const size = circle.disk.size(path) ?? 0
    if (size === 0) return 'empty'
    const old = name === aof.fileName
    const loader = this.keyspaceLoader(size, NEVER)
    let told = false
    const onCommand: Replay = (buf, count, ranges, start, end) => {
      const reason = replay(buf, count, ranges, start, end)
      return reason === undefined ? undefined : `${reason} ${name}`
    }
    const file = new AofFileReader({ onCommand }, loader, name, {
      checksum: circle.config.values.rdbchecksum && !circle.keyspace.skipsChecksums,
    })
    try {
      await this.readFile(path, (buf, count) => {
        const more = file.feed(buf, 0, count)
        if (!told && file.rdb !== undefined) {
          circle.log(
            'notice',
            old ? 'Reading RDB preamble from AOF file...' : 'Reading RDB base file on AOF loading...',
          )
          told = true
        }
        return more
      })
    } catch (error) {
      circle.log('warning', `Fatal error: can't open the append log file ${name} for reading: ${why(error)}`)
      return 'failed'
    }
    const problem = file.end()
    if (file.rdb?.problem !== undefined) {
      this.tellRdbProblem(file.rdb.problem)
      const what = old ? 'RDB preamble of the AOF file' : 'RDB base file'
      circle.log('warning', `Error reading the ${what} ${name}, AOF loading aborted`)
      return 'failed'
    }
    if (file.rdb !== undefined) this.count(loader)
    if (problem === undefined) return 'whole'
    if (problem.kind !== 'truncated') {
      circle.log('warning', problem.text)
      return 'failed'
    }
    if (file.aof.multiAt >= 0) {
      circle.log('warning', `Revert incomplete MULTI/EXEC transaction in AOF file ${name}`)
    }
    if (!circle.config.values['aof-load-truncated'] || !this.cut(path, name, file.aof.validUpTo)) {
      circle.log('warning', problem.text)
      return 'failed'
    }
    return 'truncated'
  }

  /** `aof-load-truncated`: what is torn goes, so that what is appended makes sense. */
  private cut(path: string, name: string, at: number): boolean {
    const { circle } = this
    circle.log('warning', `!!! Warning: short read while loading the AOF file ${name}!!!`)
    circle.log('warning', `!!! Truncating the AOF ${name} at offset ${at} !!!`)
    try {
      circle.disk.truncate(path, at)
    } catch (error) {
      circle.log('warning', `Error truncating the AOF file ${name}: ${why(error)}`)
      return false
    }
    circle.log('warning', `AOF ${name} loaded anyway because aof-load-truncated is enabled`)
    return true
  }

  private keyspaceLoader(size_bytes: number, dropExpiredBefore_ms: number): KeyspaceLoader {
    const { circle } = this
    const loader: KeyspaceLoader = new KeyspaceLoader({
      keyspace: circle.keyspace,
      dropExpiredBefore_ms,
      onExpired: (db, key, start, end) => circle.expiredAtLoad?.(loader.replication, db, key, start, end),
      size_bytes,
      now_ms: circle.clock.now_ms(),
      lfu: accessClock(circle) === 'frequency',
      log: (level, line) => circle.log(level, line),
    })
    this.current = loader
    return loader
  }

  private count(loader: KeyspaceLoader): void {
    this.stats.keysLoaded = loader.loaded
    this.stats.keysExpired = loader.expired
    this.circle.log('notice', loader.summary())
  }

  private tellRdbProblem(problem: RdbProblem): void {
    const { circle } = this
    circle.log('warning', problem.text)
    if (problem.detail !== '') {
      circle.log('warning', `Internal error in RDB reading offset ${problem.offset} -> ${problem.detail}`)
    }
    circle.log('warning', 'Terminating server after rdb file reading failure.')
  }

  /** Hands the file to `take` in pieces, until that says false or the file ends. */
  private async readFile(path: string, take: (buf: Uint8Array, count: number) => boolean): Promise<void> {
    const { disk, clock } = this.circle
    const fd = disk.open(path, 'read')
    try {
      const buf = new Uint8Array(PIECE_BYTES)
      for (;;) {
        const delay_us = this.circle.config.values['key-load-delay']
        const count = disk.read(fd, delay_us > 0 ? buf.subarray(0, SLOW_BYTES) : buf)
        if (count === 0) return
        this.stats.loaded_bytes += count
        const before = this.current?.loaded ?? 0
        if (!take(buf, count)) return
        const rest_us = ((this.current?.loaded ?? 0) - before) * delay_us
        if (rest_us > 0)
          await new Promise((resolve) => setTimeout(resolve, Math.min(rest_us / 1000, REST_MS_MAX)))
        if (rest_us <= 0 && clock.monotonic_us() < this.sliceEnd_us) continue
        await new Promise((resolve) => setImmediate(resolve))
        // Not as if the file ended here: a torn one is cut.
        if (!this.wanted()) throw new Error('the node has got another role')
        this.sliceEnd_us = clock.monotonic_us() + SLICE_US
      }
    } finally {
      disk.close(fd)
    }
  }

  private readWhole(path: string, size: number): Uint8Array {
    const { disk } = this.circle
    const fd = disk.open(path, 'read')
    try {
      const bytes = new Uint8Array(size)
      let filled = 0
      while (filled < size) {
        const count = disk.read(fd, bytes.subarray(filled))
        if (count === 0) break
        filled += count
      }
      return bytes.subarray(0, filled)
    } finally {
      disk.close(fd)
    }
  }

  private begin(total_bytes: number): void {
    const { stats, circle } = this
    stats.loading = true
    stats.startedAt_s = circle.now_s()
    stats.total_bytes = total_bytes
    stats.loaded_bytes = 0
    this.sliceEnd_us = circle.clock.monotonic_us() + SLICE_US
  }

  private end(ok: boolean): boolean {
    this.stats.loading = false
    return ok
  }

  private since(began_us: number): string {
    return ((this.circle.clock.monotonic_us() - began_us) / 1e6).toFixed(3)
  }
}

function why(error: unknown): string {
  return diskErrorText(error as DiskError)
}
