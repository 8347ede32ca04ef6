/**
 * Persistence of a node put together: what it loads at start, what it keeps while it runs, what it saves at its end.
 * This is all that the rest of the server sees of it.
 */

import { withSpares } from '../../runtime/descriptors.js'
import { type Disk, diskErrorText, systemDisk } from '../../runtime/disk.js'
import type { ServerNode } from '../node.js'
import { AppendOnly } from './append-only.js'
import type { Circle } from './circle.js'
import { infoLines } from './info.js'
import { Loader, type LoadStats, newLoadStats } from './load.js'
import { RdbSaver, rdbInfo, rdbWriter } from './rdb.js'
import { replayer } from './replay.js'
import { AofRewriter } from './rewrite.js'
import { SnapshotRunner } from './runner.js'

export interface PersistenceOptions {
  readonly disk?: Disk
  /** The Redis that RDB files say they come from. */
  readonly redisVersion?: string
  /** Ends the process: what was promised to clients cannot be kept. */
  readonly fatal?: () => void
}

export class Persistence {
  readonly runner: SnapshotRunner
  readonly rdb: RdbSaver
  readonly aof: AppendOnly
  readonly rewriter: AofRewriter
  readonly loaded: LoadStats = newLoadStats()
  /** Set by the replication part: where in its stream this moment is, for RDB files. */
  replication: Circle['replication'] = () => undefined
  /** Set by the replication part: its replicas must hear that these keys are gone. */
  expiredAtLoad: NonNullable<Circle['expiredAtLoad']> = () => {}
  /** For the writers of others: full synchronisation. */
  readonly circle: Circle
  private readonly node: ServerNode

  constructor(node: ServerNode, options: PersistenceOptions = {}) {
    this.node = node
    this.runner = new SnapshotRunner(
      node.keyspace,
      node.clock,
      () => node.config.values['rdb-key-save-delay'],
    )
    const { config, clock, keyspace, propagation } = node
    this.circle = {
      keyspace,
      config,
      clock,
      disk: options.disk ?? withSpares(systemDisk, node.descriptors),
      runner: this.runner,
      redisVersion: options.redisVersion ?? '7.2.4',
      log: (level, line) => node.log(level, line),
      now_s: () => Math.floor(clock.now_ms() / 1000),
      dirty: () => propagation.dirty,
      setDirty: (changes) => {
        propagation.dirty = changes
      },
      replication: () => this.replication(),
      expiredAtLoad: (...args) => this.expiredAtLoad(...args),
      diskChanged: () => node.updateGate(),
      fatal: options.fatal ?? (() => process.exit(1)),
    }
    this.rdb = new RdbSaver(this.circle)
    this.aof = new AppendOnly(this.circle)
    this.rewriter = new AofRewriter(this.circle, this.aof)
    node.persistence = this
    node.info.section('persistence', () => infoLines(this, node.loading, node.keyspace.beside !== null))
    node.beforeWrite = (db, handle) => this.runner.beforeWrite(db, handle)
    node.diskError = () => this.rdb.diskError() ?? this.aof.diskError()
    config.onChange('appendonly', () => this.switchAppendOnly())
    config.onChange(['stop-writes-on-bgsave-error', 'save'], () => {
      node.updateGate()
      return undefined
    })
  }

  /** Loads what is on the disk and opens what is to be written. False when the node must not start; see the log. */
  async start(): Promise<boolean> {
    const { node, aof, rewriter } = this
    const on = node.config.values.appendonly
    node.loading = true
    node.updateGate()
    const loader = new Loader(this.circle, this.loaded, () => !node.isReplica)
    const ok = on ? await loader.loadAof(aof, rewriter, replayer(node)) : await loader.loadRdb()
    node.loading = false
    node.updateGate()
    if (!ok) return false
    node.propagation.dirty = 0
    if (on) {
      try {
        rewriter.openAtStart()
      } catch (error) {
        node.log('warning', `Can't open the append-only file: ${diskErrorText(error)}`)
        return false
      }
      this.attach()
    }
    node.regulars.push({ cron: (now_ms) => this.cron(Math.floor(now_ms / 1000)) })
    return true
  }

  /**
   * To be called before keys go without being deleted one by one (FLUSHALL, FLUSHDB, a replica's new dataset): a
   * snapshot under way would miss them. A rewrite begins anew afterwards, by itself.
   */
  beforeFlush(): void {
    const rewriting = this.rewriter.running
    if (this.runner.kind === 'rdb') this.rdb.cancel()
    else if (this.runner.kind === 'aof') this.rewriter.cancel('the dataset is being flushed')
    else this.runner.abort('the dataset is being flushed')
    if (rewriting && this.runner.kind === null && this.aof.state !== 'off') this.rewriter.scheduled = true
  }

  /** After FLUSHALL: with save points, an RDB file that still held the data would bring it back. */
  afterFlushAll(): void {
    const { node } = this
    if (node.config.values.save.length === 0) return
    const dirty = node.propagation.dirty
    this.rdb.save()
    node.propagation.dirty = dirty
  }

  /** BGREWRITEAOF. */
  rewriteAof(inTransaction: boolean): 'started' | 'scheduled' | 'running' | 'failed' {
    if (this.rewriter.running) return 'running'
    if (this.runner.kind !== null || this.rdb.running || inTransaction) {
      this.rewriter.scheduled = true
      this.rewriter.failuresInARow = 0
      return 'scheduled'
    }
    return this.rewriter.start() ? 'started' : 'failed'
  }

  /**
   * Before the node stops: `save` or `nosave` as SHUTDOWN said, undefined for what the save points ask for. False when
   * something could not be saved; with `force` it is true all the same.
   */
  shutdown(save: boolean | undefined, force: boolean): boolean {
    const { node } = this
    if (this.aof.state === 'waiting' && this.rewriter.running) {
      // What is there would be lost: the first file is just being written.
      node.log('warning', force ? 'Writing initial AOF. Exit anyway.' : "Writing initial AOF, can't exit.")
      if (!force) return false
    }
    this.rdb.cancel()
    this.rewriter.cancel('the node stops')
    this.runner.abort('the node stops')
    if (this.aof.state !== 'off') {
      node.log('notice', 'Calling fsync() on the AOF file.')
      this.aof.syncNow()
      if (this.aof.bufferLength > 0 && !force) return false
    }
    // A dataset that is being loaded, or is not here as a whole, must not take the place of what is on the disk.
    if (
      this.holdsDataset() &&
      (save === true || (save === undefined && node.config.values.save.length > 0))
    ) {
      node.log('notice', 'Saving the final RDB snapshot before exiting.')
      if (!this.rdb.save()) {
        if (!force) {
          node.log('warning', "Error trying to save the DB, can't exit.")
          return false
        }
        node.log('warning', 'Error trying to save the DB. Exit anyway.')
      }
    }
    return true
  }

  /** A writer of RDB data as this node's configuration wants it, its header written: for full synchronisation. */
  syncWriter(onBlock: (block: Uint8Array) => void) {
    const writer = rdbWriter(this.circle, onBlock)
    writer.header(rdbInfo(this.circle, false))
    return writer
  }

  private cron(now_s: number): void {
    this.aof.cron()
    this.rewriter.cron(now_s)
    if (this.holdsDataset()) this.rdb.cron(now_s)
  }

  private holdsDataset(): boolean {
    return !this.node.loading && this.node.replication?.r.incomplete !== true
  }

  private attach(): void {
    this.node.propagation.feeds.push(this.aof)
    this.node.turn.durability = this.aof
  }

  private detach(): void {
    const { feeds } = this.node.propagation
    const at = feeds.indexOf(this.aof)
    if (at >= 0) feeds.splice(at, 1)
    this.node.turn.durability = null
  }

  /** CONFIG SET appendonly. */
  private switchAppendOnly(): string | undefined {
    const { node, aof, rewriter } = this
    const on = node.config.values.appendonly
    if (on === (aof.state !== 'off')) return undefined
    if (!on) {
      rewriter.cancel('append-only mode was switched off')
      this.detach()
      aof.stop()
      return undefined
    }
    aof.state = 'waiting'
    this.attach()
    // In a transaction too it has to wait: what the transaction changes is still on its way to the file.
    const inExec = node.running?.fullName === 'config|set' && node.call.caller.denyBlocking
    if (this.runner.kind !== null || this.rdb.running || inExec) {
      rewriter.scheduled = true
      node.log(
        'notice',
        'AOF was enabled but there is already another background operation. An AOF background was scheduled to ' +
          'start when possible.',
      )
      return undefined
    }
    if (rewriter.start()) return undefined
    this.detach()
    aof.state = 'off'
    node.log(
      'warning',
      "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. " +
        'Check the above logs for more info about the error.',
    )
    return 'Unable to turn on AOF. Check server logs.'
  }
}
