/**
 * Replication of a node put together: the state machines of src/replication, and the world for them. Inputs (bytes from
 * links, commands, the end of a turn, time) go in through `run`; what comes out is carried out here, in order.
 */

import { enoughReplicas, heardFrom, minReplicasChanged, settleWaits } from '../../replication/acks.js'
import { afterEvents, backlogSizeChanged, tick, wakeAt } from '../../replication/cron.js'
import { createTurn, type Effect, type Turn } from '../../replication/effects.js'
import { feed, feedCommand, linkSent, trim, wantsFeed } from '../../replication/feed.js'
import { masterBytes, masterClosed, masterConnected, pauseStream } from '../../replication/handshake.js'
import { linkClosed } from '../../replication/links.js'
import { replicaOffset } from '../../replication/masterlink.js'
import { dataAge, refusesStale } from '../../replication/report.js'
import { followFromStart, setMaster, unsetMaster } from '../../replication/role.js'
import {
  changeReplid,
  clearReplid2,
  createReplication,
  isMaster,
  type Replication,
  restoreHistory,
  snapshotInfo,
} from '../../replication/state.js'
import { randomHex } from '../../runtime/clock.js'
import type { Client } from '../client.js'
import { IS_REPLICA } from '../client.js'
import { endsNode } from '../failures.js'
import type { ServerNode } from '../node.js'
import type { Feed } from '../parts.js'
import type { Persistence } from '../persistence/index.js'
import { ROLE_CHANGED } from '../tenure.js'
import { Applier } from './applier.js'
import { Farewell } from './farewell.js'
import { FsyncedOffset } from './fsynced.js'
import { FullSync, unsentBytes } from './full-sync.js'
import { infoLines, memoryLines } from './info.js'
import { MasterLink } from './master-link.js'
import { REPLICATION_DIRECTIVES, readOptions } from './options.js'
import { Receiver } from './receive.js'

/**
 * A dataset of this size is sent in less time than a wait for further replicas would take; so the default wait is left
 * out. One that was configured is kept, as far as it can be told from the default.
 */
const CHEAP_SNAPSHOT_BYTES_MAX = 32 * 1024 * 1024
const DEFAULT_SYNC_DELAY_s = 5
const DISK_LOOK_ms = 5

type Input<T> = (r: Replication, turn: Turn) => T

export class ReplicationPart implements Feed {
  readonly node: ServerNode
  readonly r: Replication
  private readonly persistence: Persistence
  private readonly applier: Applier
  private readonly receiver: Receiver
  private readonly fullSync: FullSync
  private readonly master: MasterLink
  private listed: Client | null = null
  private readonly farewell: Farewell
  private readonly fsynced: FsyncedOffset
  private diskTimer: NodeJS.Timeout | null = null
  private readonly counted = { full: 0, ok: 0, err: 0 }
  private carrying = false
  private readonly queue: Input<void>[] = []
  /** Reused for commands that are fed: these hardly ever have an effect. */
  private readonly feedTurn: Turn
  private fed = false
  private aofStopped = false
  private started = false
  private restored = false
  private timer: NodeJS.Timeout | null = null
  private timerAt_ms = Number.POSITIVE_INFINITY
  /** Bytes heard from each replica: also an empty line says that it is alive. */
  private readonly heard = new Map<number, number>()

  constructor(node: ServerNode, persistence: Persistence) {
    this.node = node
    this.persistence = persistence
    const turn = this.turn()
    this.r = createReplication(readOptions(node.config.values), turn)
    this.feedTurn = this.turn()
    this.applier = new Applier(node)
    this.receiver = new Receiver(this)
    this.fullSync = new FullSync(this, persistence)
    this.farewell = new Farewell(this)
    this.fsynced = new FsyncedOffset(this.r, persistence.aof)
    this.master = new MasterLink({
      connected: (attempt) => this.run((r, turn) => masterConnected(r, attempt, turn)),
      data: endsNode(node, (attempt, buf, start, end) => this.fromMaster(attempt, buf, start, end)),
      closed: (attempt, reason) => this.run((r, turn) => masterClosed(r, attempt, reason, turn)),
    })
    persistence.replication = () => {
      const info = snapshotInfo(this.r)
      return info === null ? undefined : { db: info.streamDb, id: info.replid, offset: info.offset }
    }
    persistence.expiredAtLoad = (at, db, key, start, end) => {
      if (at.id === undefined || at.offset === undefined || node.isReplica) return
      this.restore(at.db ?? 0, at.id, at.offset)
      const command = node.config.values['lazyfree-lazy-expire'] ? 'UNLINK' : 'DEL'
      this.run((r, turn) => feedCommand(r, db, [command, key.subarray(start, end)], turn))
    }
    node.tooFewReplicas = () => !enoughReplicas(this.r)
    node.masterIsDown = () => refusesStale(this.r, node.loading)
    node.pauseChanged = () => this.run((r, turn) => pauseStream(r, node.paused !== 0, turn))
    node.info.section('replication', () => infoLines(this.r, node.clock.now_ms()))
    node.info.section('memory', () => memoryLines(this.r))
    node.info.section('server', () => {
      const { left_ms } = this.farewell
      return left_ms === 0 ? [] : [['shutdown_in_milliseconds', left_ms]]
    })
    node.turn.before.push(() => this.endTurn())
    node.regulars.push({ cron: () => this.regularly() })
    node.config.onChange(REPLICATION_DIRECTIVES, () => this.readConfig())
    const { replicaof, 'cluster-enabled': inCluster } = node.config.values
    if (replicaof !== undefined && !inCluster) {
      followFromStart(this.r, replicaof.host, replicaof.port, turn)
      node.setRole(true)
    }
  }

  /** After the dataset has been loaded: the history it belongs to goes on. */
  start(): void {
    // Before anything is saved: what is saved must say where in the stream the replicas are.
    this.node.atStop.unshift((wish) => wish.now || this.farewell.wait())
    this.node.atStop.push(() => this.stop())
    const { loaded } = this.persistence
    if (loaded.replication !== undefined) {
      const { db, id, offset } = loaded.replication
      this.restore(db, id, offset)
    }
    this.started = true
    trim(this.r)
    this.run(tick)
  }

  /** The history that the loaded file belongs to; what expired in it has been fed already. */
  private restore(streamDb: number, replid: string, offset: number): void {
    if (this.restored) return
    this.restored = true
    this.run((r, turn) => restoreHistory(r, { streamDb, replid, offset }, this.node.isReplica, turn))
  }

  /** A new history begins with what is here: replicas cannot go on with the old one. */
  changeId(): void {
    this.run((r, turn) => {
      changeReplid(r, turn)
      clearReplid2(r)
    })
  }

  /** Everything ends. */
  stop(): void {
    this.started = false
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    if (this.diskTimer !== null) clearTimeout(this.diskTimer)
    this.diskTimer = null
    this.master.stop()
    this.receiver.abort()
    this.fullSync.stop()
  }

  /** SHUTDOWN ABORT. False if no shutdown waits for replicas. */
  abortShutdown(): boolean {
    return this.farewell.abort()
  }

  // Inputs.

  private turn(): Turn {
    return createTurn(this.node.clock.now_ms(), () => randomHex(20))
  }

  /** Gives an input to the state machines and carries out what comes of it. */
  run<T>(input: Input<T>): T {
    const turn = this.turn()
    this.observe()
    try {
      const result = input(this.r, turn)
      this.carryOut(turn.effects)
      return result
    } catch (error) {
      // The state machine, or our copy of the master's data, has half taken a step.
      this.node.fail(error)
      throw error
    }
  }

  /** As `run`, but after what is being carried out at the moment. */
  later(input: Input<void>): void {
    if (this.carrying) this.queue.push(input)
    else this.run(input)
  }

  /** For an input that only sends, and may come in the middle of anything: a piece of a snapshot. */
  now(input: Input<void>): void {
    const turn = this.turn()
    input(this.r, turn)
    for (const effect of turn.effects) this.carryOutOne(effect)
  }

  /** What the state machines want to know of the node. */
  private observe(): void {
    const { r, node } = this
    const { kind } = this.persistence.runner
    r.foreignSnapshot = kind === 'rdb' ? 'rdb' : kind === 'aof' ? 'other' : 'none'
    r.snapshotIsCheap =
      r.options.replDisklessSyncDelay_s === DEFAULT_SYNC_DELAY_s &&
      node.keyspace.heap.usedBytes <= CHEAP_SNAPSHOT_BYTES_MAX &&
      node.config.values['rdb-key-save-delay'] === 0
    if (r.master.state === 'psync' || r.master.state === 'transfer')
      r.master.datasetEmpty = node.keyspace.size === 0
  }

  private fromMaster(attempt: number, buf: Uint8Array, start: number, end: number): void {
    this.node.bytesIn += end - start
    this.run((r, turn) => masterBytes(r, attempt, buf, start, end, turn))
  }

  /** Without a backlog only offsets are counted here, and messages have none. */
  get keepsDataOnly(): boolean {
    return !wantsFeed(this.r)
  }

  /** The dataset has changed by this command: into the stream with it. */
  feed(db: number, buf: Uint8Array, start: number, end: number): void {
    const turn = this.feedTurn
    feed(this.r, db, buf, start, end, turn)
    if (turn.effects.length > 0) {
      const effects = turn.effects.splice(0)
      this.later((_r, later) => later.effects.push(...effects))
    }
    this.node.turn.schedule()
  }

  /** Before the turn's replies leave: the stream leaves with them. */
  private endTurn(): void {
    const { r } = this
    this.fsynced.note()
    this.fsynced.look()
    if (r.replicas.length === 0 && r.waits.length === 0 && r.failover.state === 'none') {
      trim(r)
      return
    }
    for (const link of r.replicas) if (link.unsent_bytes > 0) this.tellSent(link.id)
    this.run(afterEvents)
    if (r.waits.length > 0) this.watchDisk()
  }

  /** While somebody waits for our own disk, it is asked more often. */
  private watchDisk(): void {
    if (this.diskTimer !== null || !this.r.waits.some((wait) => wait.local > 0)) return
    this.diskTimer = setTimeout(() => {
      this.diskTimer = null
      this.fsynced.note()
      if (this.fsynced.look()) this.run(settleWaits)
      this.watchDisk()
    }, DISK_LOOK_ms)
  }

  private tellSent(id: number): void {
    const client = this.node.clients.get(id)
    if (client !== undefined) this.run((r, turn) => linkSent(r, id, unsentBytes(client), turn))
  }

  /** Ten times a second. */
  private regularly(): void {
    if (!this.started) return
    const { r, node } = this
    this.fsynced.note()
    if (this.fsynced.look() && r.waits.length > 0) this.run(settleWaits)
    for (const link of [...r.replicas]) {
      this.tellSent(link.id)
      const bytes = node.clients.get(link.id)?.bytesIn ?? 0
      if (bytes !== this.heard.get(link.id)) {
        this.heard.set(link.id, bytes)
        this.run((r, turn) => heardFrom(r, link.id, turn))
      }
    }
    if (node.clock.now_ms() >= wakeAt(r)) this.run(tick)
  }

  private arm(): void {
    if (!this.started) return
    const at_ms = wakeAt(this.r)
    if (at_ms >= this.timerAt_ms) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.timerAt_ms = at_ms
    const wait_ms = Math.max(1, at_ms - this.node.clock.now_ms())
    const wake = endsNode(this.node, () => {
      this.timer = null
      this.timerAt_ms = Number.POSITIVE_INFINITY
      this.run(tick)
    })
    this.timer = setTimeout(wake, wait_ms)
  }

  private readConfig(): undefined {
    const { r, node } = this
    Object.assign(r.options, readOptions(node.config.values))
    backlogSizeChanged(r)
    minReplicasChanged(r, node.clock.now_ms())
    node.updateGate()
    return undefined
  }

  // Outcomes.

  private carryOut(effects: Effect[]): void {
    if (this.carrying) {
      // Called from inside of an effect: in its turn.
      this.queue.push((_r, turn) => turn.effects.push(...effects))
      return
    }
    this.carrying = true
    try {
      for (const effect of effects) this.carryOutOne(effect)
    } finally {
      this.carrying = false
    }
    this.registerFeed()
    this.arm()
    const next = this.queue.shift()
    if (next !== undefined) this.run(next)
  }

  /** Without a backlog nothing is fed, and costs nothing. */
  private registerFeed(): void {
    const wanted = wantsFeed(this.r) || (isMaster(this.r) && this.r.options.appendonly)
    if (wanted === this.fed) return
    this.fed = wanted
    const { feeds } = this.node.propagation
    if (wanted) feeds.push(this)
    else if (feeds.includes(this)) feeds.splice(feeds.indexOf(this), 1)
  }

  private carryOutOne(effect: Effect): void {
    const { node } = this
    // Timers and links may still speak to a node that has failed: it answers nothing.
    if (node.failed) return
    switch (effect.kind) {
      case 'log':
        node.log(effect.level, effect.text)
        return
      case 'send':
        this.send(effect.to, effect.bytes, effect.start, effect.end)
        return
      case 'closeLink':
        this.closeLink(effect)
        return
      case 'startSnapshot':
        this.fullSync.start(effect)
        return
      case 'cancelSnapshot':
        this.fullSync.cancel(effect.id)
        return
      case 'sendFile': {
        const client = node.clients.get(effect.to)
        if (client !== undefined) this.fullSync.send(client, effect.id)
        return
      }
      case 'waitDone':
      case 'waitFailed':
        this.endWait(effect)
        return
      case 'pauseWrites':
        if (effect.paused) node.pause(false, Number.POSITIVE_INFINITY, 'failover')
        else node.unpause('failover')
        return
      case 'role':
        this.roleChanged(effect)
        return
      default:
        this.carryOutAsReplica(effect)
    }
  }

  /** What concerns our own master. */
  private carryOutAsReplica(effect: Effect): void {
    const { node, master, receiver } = this
    switch (effect.kind) {
      case 'connect':
        master.open(effect.attempt, effect.host, effect.port, node.config.values['bind-source-addr'])
        return
      case 'sendMaster':
        master.send(effect.attempt, effect.bytes)
        return
      case 'closeMaster':
        master.close(effect.attempt)
        return
      case 'pauseMaster':
        master.pause(effect.attempt)
        return
      case 'resumeMaster':
        master.resume(effect.attempt)
        return
      case 'transferBegin':
        receiver.begin(effect.size, effect.parse, effect.sameHistory)
        return
      case 'transferChunk':
        receiver.chunk(effect.bytes, effect.start, effect.end)
        return
      case 'transferEnd':
        receiver.end()
        return
      case 'transferAbort':
        receiver.abort()
        return
      case 'flushData':
        this.stopAof()
        this.emptyKeyspace()
        return
      case 'swapData':
        this.stopAof()
        receiver.swap()
        return
      case 'apply':
        this.applier.apply(effect.bytes, effect.start, effect.end, effect.db)
        node.turn.schedule()
        return
      case 'masterLink':
        if (effect.up && effect.full) {
          this.fsynced.forget()
          this.restartAof()
        }
        this.listMaster(effect.up)
        node.updateGate()
        return
    }
  }

  /** The link in use is a client among the others for CLIENT LIST and CLIENT KILL. */
  private listMaster(up: boolean): void {
    const { clients } = this.node
    const link = this.master.current
    const { listed } = this
    this.listed = null
    if (listed !== null) clients.release(listed)
    if (!up || link === null) return
    const client = clients.adopt(link, 'master', '(superuser)')
    this.listed = client
    const { attempt } = this.r.master
    client.onGone.push(() => {
      // CLIENT KILL: the link is lost from this moment on, not from when the socket says so.
      if (this.listed !== client) return
      this.listed = null
      this.later((r, turn) => masterClosed(r, attempt, 'Connection closed', turn))
    })
  }

  private send(to: number, bytes: Uint8Array, start: number, end: number): void {
    const client = this.node.clients.get(to)
    if (client === undefined || client.closing) return
    this.node.turn.outOf(client).rawRange(bytes, start, end)
  }

  private closeLink(effect: Extract<Effect, { kind: 'closeLink' }>): void {
    const { node } = this
    const client = node.clients.get(effect.link)
    if (client === undefined) return
    if (effect.why === 'output-limit') {
      node.log(
        'warning',
        `Client id=${client.id} addr=${client.address} scheduled to be closed ASAP for overcoming of output ` +
          'buffer limits.',
      )
    }
    if (effect.afterOutput) node.closeAfterReply(client)
    else node.close(client)
  }

  private endWait(effect: Extract<Effect, { kind: 'waitDone' | 'waitFailed' }>): void {
    const { node } = this
    const client = node.clients.get(effect.client)
    if (client === undefined || client.blocked === null) return
    const out = node.turn.outOf(client)
    if (effect.kind === 'waitFailed') out.error(effect.error)
    else if (effect.aof) {
      out.array(2)
      out.int(effect.local)
      out.int(effect.replicas)
    } else out.int(effect.replicas)
    node.unblock(client)
  }

  private roleChanged(effect: Extract<Effect, { kind: 'role' }>): void {
    const { node } = this
    const { values } = node.config
    const isReplica = effect.role === 'replica'
    if (!values['cluster-enabled']) {
      values.replicaof = isReplica ? { host: effect.host, port: effect.port } : undefined
    }
    for (const client of [...node.clients.all()]) {
      const { blocked } = client
      if (!isReplica || blocked === null || blocked.fail === undefined) continue
      blocked.fail(ROLE_CHANGED)
      node.unblock(client)
      // It has to look for a master, and should not go on here as if nothing had happened.
      node.closeAfterReply(client)
    }
    node.setRole(isReplica)
    if (!isReplica) this.restartAof()
  }

  /** A client has become our replica. */
  welcome(client: Client): void {
    client.kind = 'replica'
    client.special |= IS_REPLICA
    client.onGone.push(() => {
      this.heard.delete(client.id)
      this.later((r, turn) => linkClosed(r, client.id, turn))
    })
    const { socket } = client.link ?? {}
    socket?.on('drain', () => this.tellSent(client.id))
    if (this.node.config.values['repl-disable-tcp-nodelay']) socket?.setNoDelay(false)
    this.count()
  }

  /** Into the node's counters, which CONFIG RESETSTAT sets to nothing. */
  private count(): void {
    const { counted, node } = this
    const { syncFull, syncPartialOk, syncPartialErr } = this.r.stats
    node.stats.syncFull += syncFull - counted.full
    node.stats.syncPartialOk += syncPartialOk - counted.ok
    node.stats.syncPartialErr += syncPartialErr - counted.err
    Object.assign(counted, { full: syncFull, ok: syncPartialOk, err: syncPartialErr })
  }

  // The dataset.

  setLoading(loading: boolean): void {
    this.node.loading = loading
    this.node.updateGate()
  }

  /** Everything goes: another dataset comes. */
  emptyKeyspace(): void {
    const { node } = this
    node.beforeFlush(null)
    node.keyspace.flushAll()
  }

  /** While another dataset is loaded the append-only file means nothing; it begins anew afterwards. */
  private stopAof(): void {
    if (!this.node.config.values.appendonly) return
    this.aofStopped = true
    this.switchAof(false)
  }

  private restartAof(): void {
    if (!this.aofStopped) return
    this.aofStopped = false
    this.switchAof(true)
  }

  private switchAof(on: boolean): void {
    const { config } = this.node
    config.values.appendonly = on
    for (const apply of config.listeners.get('appendonly') ?? []) void apply()
  }

  // What the cluster asks.

  /** Follows the master at this address, if it does not already. `foreign`: what is here are no data of that master. */
  follow(host: string, port: number, foreign: boolean): void {
    const { master } = this.r
    if (master.host === host && master.port === port) return
    this.run((r, turn) => {
      setMaster(r, host, port, turn)
      if (foreign) r.foreign = true
    })
  }

  /** Becomes a master. */
  lead(): void {
    this.run(unsetMaster)
  }

  /** How far we are in the history: a master's own offset, or how much of its master's a replica has. */
  get offset(): number {
    return isMaster(this.r) ? this.r.offset : replicaOffset(this.r)
  }

  get linkIsUp(): boolean {
    return this.r.master.state === 'connected'
  }

  /** How old, in ms, what a replica has may be; Infinity if it never had anything. */
  get dataAge_ms(): number {
    return dataAge(this.r, this.node.clock.now_ms())
  }

  /** While a manual failover rests: nothing of our own goes into the stream. */
  setQuiet(quiet: boolean): void {
    this.r.quiet = quiet
  }
}
