/**
 * The files of the append-only file changing: its opening at start, and its rewrite, in which a new base takes the place
 * of the old one and of the increments that it contains. The order of the steps comes from persistence/aof/plan.ts; here
 * they are carried out.
 */

import { join } from 'node:path'
import { type Manifest, writeManifest } from '../../persistence/aof/manifest.js'
import {
  isUnfinished,
  manifestName,
  tempIncrName,
  tempManifestName,
  tempRewriteName,
} from '../../persistence/aof/naming.js'
import {
  type AofStep,
  planAdoption,
  planCleaning,
  planRewriteEnd,
  planRewriteStart,
  planStart,
} from '../../persistence/aof/plan.js'
import { writeTimestamp } from '../../persistence/aof/record.js'
import { CommandTarget, RdbTarget, type SnapshotTarget } from '../../persistence/snapshot.js'
import { diskErrorText } from '../../runtime/disk.js'
import type { AppendOnly } from './append-only.js'
import type { Circle } from './circle.js'
import { BlockFile, renameOrRemove, writeAtOnce } from './files.js'
import { accessClock, rdbInfo, rdbWriter } from './rdb.js'
import type { SnapshotJob } from './runner.js'

const NOT_RUNNING = -1
/** So many failures in a row, and automatic rewrites are put off by minutes, doubled each time. */
const FAILURES_BEFORE_DELAY = 3
const DELAY_MAX_MINUTES = 60

export class AofRewriter {
  lastOk = true
  rewrites = 0
  failuresInARow = 0
  scheduled = false
  lastTook_s = NOT_RUNNING
  private began_s = 0
  private file: BlockFile | null = null
  private delay_minutes = 0
  private notBefore_s = 0
  private readonly circle: Circle
  private readonly aof: AppendOnly

  constructor(circle: Circle, aof: AppendOnly) {
    this.circle = circle
    this.aof = aof
  }

  get running(): boolean {
    return this.file !== null
  }

  get took_s(): number {
    return this.file === null ? NOT_RUNNING : this.circle.now_s() - this.began_s
  }

  /** Takes over a file of a version before 7.0. Throws. */
  adopt(): void {
    const plan = planAdoption(this.aof.fileName)
    this.carryOut(plan.steps)
    this.aof.manifest = plan.manifest
    this.circle.log(
      'notice',
      `Successfully migrated an old-style AOF file (${this.aof.fileName}) into the AOF directory ` +
        `(${this.circle.config.values.appenddirname}).`,
    )
  }

  /** Opens the file to append to, after loading; makes a base where there is none. Throws. */
  openAtStart(): void {
    const { aof, circle } = this
    const known = aof.manifest.incr.length > 0
    const rdb = circle.config.values['aof-use-rdb-preamble']
    const plan = planStart(aof.manifest, aof.fileName, rdb)
    this.carryOut(plan.steps)
    aof.manifest = plan.manifest
    aof.state = 'on'
    for (const name of circle.disk.list(aof.directory)) {
      if (isUnfinished(aof.fileName, name)) circle.disk.unlinkSoon(join(aof.directory, name))
    }
    for (const step of plan.steps) {
      if (step.do === 'writeBase') circle.log('notice', `Creating AOF base file ${step.name} on server start`)
    }
    circle.log('notice', `${known ? 'Opening' : 'Creating'} AOF incr file ${plan.name} on server start`)
    if (aof.currentSize === 0) aof.currentSize = this.sizeOf(aof.manifest)
    if (aof.baseSize === 0) aof.baseSize = aof.currentSize
  }

  /** Begins a rewrite. False when it could not begin; what is in its way must have been looked at before. */
  start(): boolean {
    const { aof, circle } = this
    const rdb = circle.config.values['aof-use-rdb-preamble']
    let file: BlockFile
    const temp = tempRewriteName(String(process.pid))
    try {
      aof.flush(true)
      // What is not written yet belongs before the snapshot, and must not come after it.
      if (aof.bufferLength > 0) throw new Error('the append-only file cannot be written')
      circle.disk.makeDirectory(aof.directory)
      file = new BlockFile(circle.disk, join(aof.directory, temp), () => {
        if (file.error !== null) circle.runner.abort('', job)
        else circle.runner.resume(job)
      })
    } catch (error) {
      circle.log('warning', `Can't open the temp AOF base file ${temp}: ${diskErrorText(error)}`)
      this.lastOk = false
      return false
    }
    if (!this.openNewIncr()) {
      file.discard()
      return false
    }
    const target = this.target(rdb, (block) => file.write(block))
    file.recycle = (block) => target.recycle(block)
    const job: SnapshotJob = {
      kind: 'aof',
      target,
      behind: () => file.behind,
      walked: () => file.finish((error) => this.finished(error, temp, rdb)),
      aborted: (reason) => this.aborted(file, reason),
    }
    this.file = file
    this.scheduled = false
    this.rewrites++
    this.began_s = circle.now_s()
    circle.log('notice', `Background append only file rewriting started by pid ${process.pid}`)
    circle.runner.start(job)
    return true
  }

  /** Gives a rewrite up, without counting it as a failure. */
  cancel(reason: string): void {
    if (this.file === null) return
    // Redis's words, and its number: the process that writes is the node itself.
    this.circle.log('notice', `Killing running AOF rewrite child: ${process.pid}`)
    this.circle.runner.abort(reason)
    if (this.file === null) return
    // The walk had ended, and the file was on its way to the disk.
    this.file.discard()
    this.ended()
  }

  cron(now_s: number): void {
    const { aof, circle } = this
    if (circle.runner.kind !== null || this.file !== null) return
    if (this.scheduled) {
      if (!this.isPutOff(now_s)) this.start()
      return
    }
    const { values } = circle.config
    const percentage = values['auto-aof-rewrite-percentage']
    if (aof.state !== 'on' || percentage === 0 || aof.currentSize <= values['auto-aof-rewrite-min-size'])
      return
    const base = aof.baseSize > 0 ? aof.baseSize : 1
    const growth = Math.floor((aof.currentSize * 100) / base) - 100
    if (growth < percentage || this.isPutOff(now_s)) return
    circle.log('notice', `Starting automatic rewriting of AOF on ${growth}% growth`)
    this.start()
  }

  private openNewIncr(): boolean {
    const { aof, circle } = this
    if (aof.state === 'off') return true
    const plan = planRewriteStart(aof.manifest, aof.fileName, aof.state === 'waiting')
    try {
      // The manifest first: what is written into a file that no manifest names would be lost.
      const [made, opened, ...rest] = plan.steps
      this.carryOut([made!])
      const path = join(aof.directory, plan.name)
      circle.disk.close(circle.disk.open(path, 'truncate'))
      this.carryOut(rest)
      this.carryOut([opened!])
    } catch (error) {
      circle.log('warning', `Can't open the append-only file ${plan.name}: ${diskErrorText(error)}`)
      this.lastOk = false
      return false
    }
    aof.manifest = plan.manifest
    circle.log('notice', `Creating AOF incr file ${plan.name} on background rewrite`)
    return true
  }

  private target(rdb: boolean, onBlock: (block: Uint8Array) => void): SnapshotTarget {
    if (!rdb) {
      const commands = new CommandTarget({ onBlock })
      const { circle } = this
      if (circle.config.values['aof-timestamp-enabled']) writeTimestamp(commands.sink, circle.now_s())
      return commands
    }
    const writer = rdbWriter(this.circle, onBlock)
    writer.header(rdbInfo(this.circle, true))
    return new RdbTarget(writer, accessClock(this.circle))
  }

  private finished(error: unknown, temp: string, rdb: boolean): void {
    const { aof, circle } = this
    let failure = error
    if (failure === null) {
      const waiting = aof.state === 'waiting'
      const plan = planRewriteEnd(aof.manifest, aof.fileName, temp, {
        rdb,
        waiting,
        enabled: aof.state !== 'off',
      })
      try {
        aof.flush(true)
        this.carryOut(plan.steps)
        aof.manifest = plan.manifest
        if (waiting) aof.state = 'on'
        circle.log('notice', `Successfully renamed the temporary AOF base file ${temp} into ${plan.base}`)
        if (aof.state !== 'off') {
          aof.currentSize = this.sizeOf(aof.manifest)
          aof.baseSize = aof.currentSize
        }
        this.clean()
      } catch (caught) {
        failure = caught
        circle.disk.unlinkSoon(join(aof.directory, temp))
        // Not named by any manifest in force.
        if (aof.manifest !== plan.manifest) circle.disk.unlinkSoon(join(aof.directory, plan.base))
      }
    }
    this.ended()
    if (failure !== null) return this.failed(failure)
    this.lastOk = true
    this.failuresInARow = 0
    circle.log('notice', 'Background AOF rewrite finished successfully')
    circle.diskChanged()
  }

  private aborted(file: BlockFile, reason: string): void {
    const { error } = file
    file.discard()
    this.ended()
    if (error !== null) this.failed(error)
    else this.circle.log('warning', `Background AOF rewrite terminated: ${reason}`)
  }

  private ended(): void {
    const { aof, circle } = this
    this.file = null
    this.lastTook_s = circle.now_s() - this.began_s
    if (aof.state !== 'waiting') return
    // The increment that should have begun with this base means nothing without it.
    aof.forgetBuffer()
    circle.disk.unlinkSoon(join(aof.directory, tempIncrName(aof.fileName)))
    this.scheduled = true
  }

  private failed(error: unknown): void {
    this.lastOk = false
    this.failuresInARow++
    this.circle.log('warning', `Write error writing append only file on disk: ${diskErrorText(error)}`)
    this.circle.log('warning', 'Background AOF rewrite terminated with error')
  }

  private clean(): void {
    const { aof, circle } = this
    if (circle.config.values['aof-disable-auto-gc']) return
    const plan = planCleaning(aof.manifest)
    try {
      this.carryOut(plan.steps)
      aof.manifest = plan.manifest
    } catch (error) {
      // The next rewrite tries again.
      circle.log('warning', `Can't remove history from the AOF manifest: ${diskErrorText(error)}`)
    }
  }

  private isPutOff(now_s: number): boolean {
    if (this.failuresInARow < FAILURES_BEFORE_DELAY) {
      this.delay_minutes = 0
      this.notBefore_s = 0
      return false
    }
    if (this.notBefore_s !== 0) {
      if (now_s < this.notBefore_s) return true
      this.notBefore_s = 0
      return false
    }
    this.delay_minutes = Math.min(DELAY_MAX_MINUTES, Math.max(1, this.delay_minutes * 2))
    this.notBefore_s = now_s + this.delay_minutes * 60
    this.circle.log(
      'warning',
      'Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ' +
        `${this.delay_minutes} minutes`,
    )
    return true
  }

  private carryOut(steps: readonly AofStep[]): void {
    for (const step of steps) this.carryOutOne(step)
  }

  private carryOutOne(step: AofStep): void {
    const { aof, circle } = this
    const { disk } = circle
    const inside = (name: string) => join(aof.directory, name)
    switch (step.do) {
      case 'makeDirectory':
        return disk.makeDirectory(aof.directory)
      case 'writeBase':
        writeAtOnce(disk, inside(`temp-${step.name}`), (write) => {
          circle.runner.runAtOnce(this.target(step.name.endsWith('.rdb'), write))
        })
        return renameOrRemove(disk, inside(`temp-${step.name}`), inside(step.name))
      case 'open':
        return aof.openFile(step.name, step.truncate)
      case 'rename':
        return disk.rename(inside(step.from), inside(step.to))
      case 'adopt':
        return disk.rename(join(circle.config.values.dir, step.name), inside(step.name))
      case 'delete':
        for (const name of step.names) {
          circle.log('notice', `Removing the history file ${name} in the background`)
          disk.unlinkSoon(inside(name))
        }
        return
      case 'persist':
        return this.persist(step.manifest)
    }
  }

  private persist(manifest: Manifest): void {
    const { aof, circle } = this
    const temp = join(aof.directory, tempManifestName(aof.fileName))
    writeAtOnce(circle.disk, temp, (write) => write(writeManifest(manifest)))
    renameOrRemove(circle.disk, temp, join(aof.directory, manifestName(aof.fileName)))
    circle.disk.syncDirectory(aof.directory)
  }

  private sizeOf(manifest: Manifest): number {
    const files = manifest.base === undefined ? manifest.incr : [manifest.base, ...manifest.incr]
    return files.reduce(
      (sum, file) => sum + (this.circle.disk.size(join(this.aof.directory, file.name)) ?? 0),
      0,
    )
  }
}
