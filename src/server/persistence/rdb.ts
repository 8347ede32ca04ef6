/** RDB files: SAVE, BGSAVE, save points, and what INFO tells of them. */

import { dirname, join } from 'node:path'
import type { Keyspace } from '../../keyspace/keyspace.js'
import {
  oldestRdbVersion,
  TYPE_HASH_METADATA,
  TYPE_STREAM_LISTPACKS_2,
} from '../../persistence/rdb/format.js'
import { type RdbInfo, RdbWriter } from '../../persistence/rdb/writer.js'
import { type AccessClock, RdbTarget } from '../../persistence/snapshot.js'
import { streamsNeedVersion10 } from '../../persistence/values/stream.js'
import { diskErrorText } from '../../runtime/disk.js'
import type { Circle } from './circle.js'
import { BlockFile, renameOrRemove, writeAtOnce } from './files.js'
import type { SnapshotJob } from './runner.js'

/** After a save that failed, save points wait for so long. */
const RETRY_AFTER_S = 5
/** What INFO shows while nothing is under way. */
const NOT_RUNNING = -1

export type SaveOutcome = 'started' | 'scheduled' | 'running' | 'busy' | 'failed'

/** What a save in the background was begun with. */
interface Begun {
  /** Changes up to then. */
  readonly dirty: number
  readonly temp: string
  readonly path: string
}

export class RdbSaver {
  lastSave_s: number
  lastOk = true
  saves = 0
  scheduled = false
  /** How long the last one in the background took, in seconds. */
  lastTook_s = NOT_RUNNING
  private lastTry_s = 0
  private began_s = 0
  private file: BlockFile | null = null
  private readonly circle: Circle

  constructor(circle: Circle) {
    this.circle = circle
    this.lastSave_s = circle.now_s()
  }

  get running(): boolean {
    return this.file !== null
  }

  get took_s(): number {
    return this.file === null ? NOT_RUNNING : this.circle.now_s() - this.began_s
  }

  private get path(): string {
    const { values } = this.circle.config
    return join(values.dir, values.dbfilename)
  }

  private get temp(): string {
    return join(this.circle.config.values.dir, `temp-${process.pid}.rdb`)
  }

  /** SAVE: everything else waits. False when it failed. */
  save(): boolean {
    const { circle } = this
    this.saves++
    // One walk at a time: the rewrite that is under way gets the rest of its entries first.
    circle.runner.hurry()
    const { temp, path } = this
    try {
      writeAtOnce(circle.disk, temp, (write) => {
        const writer = rdbWriter(circle, write)
        writer.header(rdbInfo(circle, false))
        circle.runner.runAtOnce(new RdbTarget(writer, accessClock(circle)))
      })
      renameOrRemove(circle.disk, temp, path)
      this.syncDirectory()
    } catch (error) {
      circle.log('warning', `Write error saving DB on disk: ${diskErrorText(error)}`)
      return false
    }
    circle.log('notice', 'DB saved on disk')
    circle.setDirty(0)
    this.saved()
    return true
  }

  /** BGSAVE. */
  start(): SaveOutcome {
    const { circle } = this
    if (this.file !== null) return 'running'
    if (circle.runner.kind !== null) return 'busy'
    this.saves++
    this.lastTry_s = circle.now_s()
    const dirty = circle.dirty()
    // As they are now: dir and dbfilename may be set to something else before the file is written.
    const { temp, path } = this
    let file: BlockFile
    try {
      file = new BlockFile(circle.disk, temp, () => {
        if (file.error !== null) circle.runner.abort('', job)
        else circle.runner.resume(job)
      })
    } catch (error) {
      circle.log('warning', `Failed opening the temp RDB file ${temp} for saving: ${diskErrorText(error)}`)
      this.failed()
      return 'failed'
    }
    this.file = file
    this.began_s = circle.now_s()
    this.scheduled = false
    const writer = rdbWriter(circle, (block) => file.write(block))
    file.recycle = (block) => writer.sink.recycle(block)
    writer.header(rdbInfo(circle, false))
    circle.log('notice', `Background saving started by pid ${process.pid}`)
    const job: SnapshotJob = {
      kind: 'rdb',
      target: new RdbTarget(writer, accessClock(circle)),
      behind: () => file.behind,
      walked: () => file.finish((error) => this.written(file, error, { dirty, temp, path })),
      aborted: (reason) => this.aborted(file, reason),
    }
    circle.runner.start(job)
    return 'started'
  }

  /** Ends a save under way: the node stops or forgets its data. */
  cancel(): void {
    if (this.file === null) return
    this.circle.runner.abort('the save was cancelled')
    this.file?.discard()
    this.file = null
  }

  cron(now_s: number): void {
    const { circle } = this
    if (circle.runner.kind !== null || this.file !== null) return
    const mayTry = now_s - this.lastTry_s > RETRY_AFTER_S || this.lastOk
    for (const { seconds, changes } of circle.config.values.save) {
      if (circle.dirty() < changes || now_s - this.lastSave_s <= seconds || !mayTry) continue
      circle.log('notice', `${changes} changes in ${seconds} seconds. Saving...`)
      this.start()
      return
    }
    if (this.scheduled && mayTry) this.start()
  }

  /** Why writes are refused because of RDB files, or null. */
  diskError(): string | null {
    const { values } = this.circle.config
    if (this.lastOk || !values['stop-writes-on-bgsave-error'] || values.save.length === 0) return null
    return (
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
      'Commands that may modify the data set are disabled, because this instance is configured to report errors ' +
      'during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs ' +
      'for details about the RDB error.'
    )
  }

  /** All is on the disk, or never will be. */
  private written(file: BlockFile, error: unknown, begun: Begun): void {
    const { circle } = this
    if (error !== null) return this.finished(error, begun.dirty)
    try {
      renameOrRemove(circle.disk, begun.temp, begun.path)
    } catch (caught) {
      this.finished(caught, begun.dirty)
      return
    }
    circle.disk.syncDirectorySoon(dirname(begun.path), (failed) => {
      // Cancelled meanwhile: then another save follows, or none is wanted any more.
      if (this.file === file) this.finished(failed, begun.dirty)
    })
  }

  private finished(failure: unknown, dirtyBefore: number): void {
    const { circle } = this
    this.file = null
    this.lastTook_s = circle.now_s() - this.began_s
    if (failure !== null) {
      circle.log('warning', `Write error saving DB on disk: ${diskErrorText(failure)}`)
      circle.log('warning', 'Background saving error')
      this.failed()
      return
    }
    circle.log('notice', 'DB saved on disk')
    circle.log('notice', 'Background saving terminated with success')
    circle.setDirty(Math.max(0, circle.dirty() - dirtyBefore))
    this.saved()
  }

  private aborted(file: BlockFile, reason: string): void {
    const { error } = file
    file.discard()
    this.file = null
    this.lastTook_s = this.circle.now_s() - this.began_s
    if (error === null) {
      this.circle.log('warning', `Background saving terminated: ${reason}`)
      return
    }
    this.circle.log('warning', `Write error saving DB on disk: ${diskErrorText(error)}`)
    this.circle.log('warning', 'Background saving error')
    this.failed()
  }

  private saved(): void {
    this.lastSave_s = this.circle.now_s()
    this.lastOk = true
    this.circle.diskChanged()
  }

  private failed(): void {
    this.lastOk = false
    this.circle.diskChanged()
  }

  private syncDirectory(): void {
    this.circle.disk.syncDirectory(this.circle.config.values.dir)
  }
}

/** A writer of RDB data as the configuration wants it. */
export function rdbWriter(circle: Circle, onBlock: (block: Uint8Array) => void): RdbWriter {
  const { values } = circle.config
  return new RdbWriter({
    version: oldestRdbVersion(youngTypes(circle.keyspace), false),
    compress: values.rdbcompression,
    checksum: values.rdbchecksum,
    onBlock,
  })
}

/** What of all that the keyspace holds asks for more than the oldest version: fields that expire, streams with a past. */
function youngTypes(keyspace: Keyspace): number[] {
  const types = streamsNeedVersion10(keyspace) ? [TYPE_STREAM_LISTPACKS_2] : []
  return keyspace.fieldTimes.size > 0 ? [...types, TYPE_HASH_METADATA] : types
}

/** What the header of RDB data says of this node at this moment. */
export function rdbInfo(circle: Circle, aofBase: boolean): RdbInfo {
  const replication = circle.replication()
  return {
    redisVersion: circle.redisVersion,
    created_s: circle.now_s(),
    usedMemory_bytes: circle.keyspace.heap.usedBytes,
    aofBase,
    ...(replication === undefined ? {} : { replication }),
  }
}

/** What of the access clocks is kept: what `maxmemory-policy` looks at. */
export function accessClock(circle: Circle): AccessClock {
  const policy = String(circle.config.values['maxmemory-policy'])
  return policy.includes('lfu') ? 'frequency' : policy.includes('lru') ? 'idle' : 'none'
}
