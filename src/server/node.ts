/**
 * A node put together: the keyspace, the commands, the clients, and the parts that a configuration asks for. A node is an
 * object; many live in one process and share nothing. What a node does at which moment is in the files beside this
 * one: input.ts (what arrives), dispatch.ts (a command), turn.ts (what leaves), cron.ts (what time brings).
 */

import { ascii } from '../bytes/ascii.js'
import { ByteHeap } from '../bytes/heap.js'
import { Call, type Caller } from '../commands/call.js'
import { DENYOOM, MAY_REPLICATE, WRITE } from '../commands/command.js'
import type { Host, KeyWait, MigrateRequest } from '../commands/host.js'
import { COMMANDS } from '../commands/index.js'
import { CommandTable, type Entry } from '../commands/table.js'
import type { Database } from '../keyspace/database.js'
import { EXPIRE_DELETE, EXPIRE_HIDE, EXPIRE_IGNORE } from '../keyspace/expiry.js'
import { Keyspace, type KeyspaceHooks } from '../keyspace/keyspace.js'
import type { Args } from '../resp/args.js'
import { Reply } from '../resp/reply.js'
import { RequestParser } from '../resp/request.js'
import type { Clock } from '../runtime/clock.js'
import { randomHex } from '../runtime/clock.js'
import { type Descriptors, noDescriptors } from '../runtime/descriptors.js'
import type { Admin } from './admin/admin.js'
import type { CommandTimes } from './admin/command-times.js'
import { Ahead } from './ahead.js'
import { FatalError, reportBug } from './bug-report.js'
import { Client, IN_MULTI, IS_MONITOR } from './client.js'
import { Clients } from './clients.js'
import type { ClusterPart } from './cluster/index.js'
import { SlotStats } from './cluster/slot-stats.js'
import { serverCommands } from './commands/index.js'
import type { Config } from './config/config.js'
import type { Defrag } from './defrag.js'
import { dispatch, isAnsweredByMessages } from './dispatch.js'
import { notifyKeyspaceEvent, notifyMask } from './events.js'
import { fieldExpired } from './field-expiry.js'
import { Info } from './info.js'
import { ParserPool, PendingBuffers } from './input.js'
import { keepLimits } from './limits.js'
import { Migrations } from './migrate.js'
import { LinkHolder } from './name-links.js'
import { OwnExpiry } from './own-expiry.js'
import type { Access, Regular, SlotRouter, Stopper, StopWish } from './parts.js'
import { type PausePurpose, Pauses } from './pauses.js'
import type { Persistence } from './persistence/index.js'
import { Propagation } from './propagate.js'
import { PubSub } from './pubsub.js'
import type { ReplicationPart } from './replication/index.js'
import { Share } from './share.js'
import { Stats } from './stats.js'
import { Tracking } from './tracking.js'
import { type Transaction, type Watcher, Watches } from './transactions.js'
import { Turn } from './turn.js'
import { WaitingClients } from './waiting-clients.js'
import { KeyWaits } from './waits.js'

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning'

export interface NodeOptions {
  readonly config: Config
  readonly clock: Clock
  readonly random32: () => number
  readonly log: (level: LogLevel, message: string) => void
  /** Ends whatever the node lives in: it has failed, its memory cannot be trusted. Without it the error is thrown. */
  readonly fatal?: (error: unknown) => void
  readonly descriptors?: Descriptors
}

const DEL = ascii('DEL')
const UNLINK = ascii('UNLINK')
/** Offsets in a buffer are 32-bit integers. */
const QUERY_BYTES_MAX = 0x7fff_0000
/** Whoever wants to hear of commands that take less than this must time them all. */
const TIME_ALL_BELOW_US = 1000
/** Bytes of the buffer that all plain sockets of a node read into. */
export const READ_BYTES = 64 * 1024

export class ServerNode implements Host {
  readonly config: Config
  readonly clock: Clock
  readonly random32: () => number
  readonly log: (level: LogLevel, message: string) => void
  /** Node compares many bytes at a time, JavaScript a word. */
  readonly sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
  readonly keyspace: Keyspace
  readonly table: CommandTable
  readonly call: Call
  readonly clients: Clients
  readonly turn: Turn
  readonly propagation = new Propagation()
  /** Channels and watched keys. */
  readonly names = new ByteHeap()
  readonly pubsub: PubSub
  readonly watches: Watches
  readonly waits: KeyWaits
  readonly stats = new Stats()
  /** What INFO tells; each part puts its lines in. */
  readonly info = new Info()
  /** Forty hexadecimal digits, new at every start: INFO's run_id. */
  readonly runId = randomHex(20)
  readonly startedAt_ms: number
  readonly descriptors: Descriptors
  readonly readBuffer = new Uint8Array(READ_BYTES)
  /** Called with the time, `hz` times a second. */
  readonly regulars: Regular[] = []
  /** Awaited one after the other when the node stops: what must be saved, closed, told. False: it must not stop. */
  readonly atStop: ((wish: StopWish) => unknown)[] = []
  /** Ends the process, for SHUTDOWN; set by whoever runs it. Resolves only where the node could not stop. */
  stopper: Stopper | null = null

  /** The parser of all connections whose commands arrive whole. */
  parser: RequestParser = new RequestParser()
  private readonly parsers = new ParserPool()
  readonly pendingBuffers = new PendingBuffers()
  readonly ahead = new Ahead()

  // What the dispatcher looks at for every command.
  /** Commands with any of these flags must be looked at more closely. */
  gate = 0
  /** All commands must be. */
  gateAll = false
  router: SlotRouter | null = null
  access: Access | null = null
  /** Set by the part itself. */
  persistence: Persistence | null = null
  replication: ReplicationPart | null = null
  /** Set by `attachCluster`. */
  cluster: ClusterPart | null = null
  /** Set by `attachDefrag`. */
  defrag: Defrag | null = null
  /** Set by `attachAdmin`. */
  admin: Admin | null = null
  monitors = 0
  /** Commands that take at least so long go to the slow log. */
  slow_us = Number.POSITIVE_INFINITY
  /** What takes at least so long goes to the latency monitor. */
  late_us = Number.POSITIVE_INFINITY
  bulkBytesMax = 512 * 1024 * 1024
  queryBufferMax = 1024 * 1024 * 1024
  /** Even the cheapest commands are timed one by one: somebody wants to hear of very short times. */
  timesAll = false
  /** What each slot's commands cost, with cluster-slot-stats-enabled. */
  slotStats: SlotStats | null = null
  /** The command that runs; within EXEC the one that EXEC runs. */
  running: Entry | null = null
  /** Messages that the client being served has caused for itself; they follow its reply. */
  heldMessages: Reply | null = null
  /** Something happened that cannot happen: see `fail`. */
  failed = false
  /** What pauses hold back: 0 nothing, 1 writes, 2 everything. */
  paused = 0
  private readonly pauses = new Pauses()
  /** Replication hears that commands are held back, or no more: a master's are too. */
  pauseChanged: () => void = () => {}
  loading = false
  /** Connections that came before the node was ready for any; null from then on. */
  early: (() => void)[] | null = null
  busy = false
  bytesIn = 0
  /** DEBUG PAUSE-CRON: nothing is done regularly. */
  cronPaused = false
  /** DEBUG SET-ACTIVE-EXPIRE. */
  activeExpire = true
  /** Called after the command under way, with all that it is part of: waits.ts sets it while keys are ready. */
  afterCommand: (() => void) | null = null

  /** In a cluster: sends a published message to the other nodes (of the shard). */
  publishToCluster: ((channel: Uint8Array, message: Uint8Array, shard: boolean) => void) | null = null

  // Roles. The replication part sets them through `setRole`.
  /** Called after each change. */
  readonly roleChanged: (() => void)[] = []
  isReplica = false
  /** How often the role was set; see tenure.ts. */
  terms = 0
  /** Keys that clients of a writable replica let expire. */
  readonly ownExpiry = new OwnExpiry()
  replicaReadOnly = true
  /** What a client's commands, and the master's stream, do with a key whose time has come. */
  clientExpiry = EXPIRE_DELETE
  trustedExpiry = EXPIRE_IGNORE

  // Questions to the parts, which replace these.
  diskError: () => string | null = () => null
  tooFewReplicas: () => boolean = () => false
  masterIsDown: () => boolean = () => false
  outOfMemory: () => boolean = () => false
  wasSlow: (client: Client, entry: Entry, args: Args, usec: number) => void = () => {}
  /** Where wanted (latency-tracking): how long each command took. */
  times: CommandTimes | null = null
  /** Something, by its name in LATENCY, took so long. */
  wasLate: (event: string, usec: number) => void = () => {}
  monitor: (client: Client, entry: Entry, args: Args) => void = () => {}

  tracking: Tracking | null = null
  migrations: Migrations | null = null
  private readonly waiting: WaitingClients
  private readonly fatal: ((error: unknown) => void) | undefined
  private ticks = 0
  readonly share = new Share()

  constructor(options: NodeOptions) {
    const config = options.config
    this.config = config
    this.clock = options.clock
    this.random32 = options.random32
    this.log = options.log
    this.fatal = options.fatal
    this.descriptors = options.descriptors ?? noDescriptors
    this.startedAt_ms = options.clock.now_ms()
    this.keyspace = new Keyspace({
      databases: config.values['cluster-enabled'] ? 1 : config.values.databases,
      cluster: config.values['cluster-enabled'],
      random32: options.random32,
    })
    keepLimits(this)
    this.keyspace.setTime(this.startedAt_ms)
    const renamed = new Map(config.renamedCommands.map(({ from, to }) => [from.toLowerCase(), to]))
    this.table = new CommandTable([...COMMANDS, ...serverCommands], renamed)
    this.turn = new Turn(
      (client) => this.clients.maySend(client),
      (client) => this.clients.checkOutput(client),
      (error) => this.fail(error),
    )
    this.clients = new Clients(this)
    this.pubsub = new PubSub(
      this.names,
      options.random32,
      (client) => this.messagesOf(client),
      (client, out) => {
        if (out.length >= this.clients.lookBytes) this.clients.checkMuch(client)
      },
    )
    this.watches = new Watches(this.names, options.random32)
    this.waits = new KeyWaits(this)
    this.call = new Call(this, this.keyspace, new Client(0, null))
    this.call.listeners = this.propagation.feeds
    this.keyspace.hooks = this.keyspaceHooks()
    this.waiting = new WaitingClients(this)
    this.turn.before.push(
      () => this.waits.serve(),
      () => this.waiting.goOn(),
    )
    this.readConfig()
    config.onChange(
      [
        'proto-max-bulk-len',
        'client-query-buffer-limit',
        'slowlog-log-slower-than',
        'replica-read-only',
        'maxmemory',
        'maxmemory-policy',
        'lfu-log-factor',
        'lfu-decay-time',
        'min-replicas-to-write',
        'min-replicas-max-lag',
        'notify-keyspace-events',
        'client-output-buffer-limit',
        'maxmemory-clients',
        'cluster-slot-stats-enabled',
        'latency-monitor-threshold',
      ],
      () => {
        this.readConfig()
        return undefined
      },
    )
  }

  /** Takes from the configuration what the hot path keeps in fields. */
  private readConfig(): void {
    const values = this.config.values
    this.bulkBytesMax = Math.min(values['proto-max-bulk-len'], QUERY_BYTES_MAX)
    this.queryBufferMax = Math.min(values['client-query-buffer-limit'], QUERY_BYTES_MAX)
    this.clients.readLimits()
    const slow = values['slowlog-log-slower-than']
    this.slow_us = slow < 0 ? Number.POSITIVE_INFINITY : slow
    const late_ms = values['latency-monitor-threshold']
    this.late_us = late_ms > 0 ? late_ms * 1000 : Number.POSITIVE_INFINITY
    const counts = values['cluster-enabled'] && values['cluster-slot-stats-enabled']
    if (!counts) this.slotStats = null
    else this.slotStats ??= new SlotStats()
    this.timesAll = this.slow_us < TIME_ALL_BELOW_US || late_ms > 0 || counts
    this.replicaReadOnly = values['replica-read-only']
    this.call.notifyMask = notifyMask(values['notify-keyspace-events'])
    this.keyspace.lfu = values['maxmemory-policy'].endsWith('lfu')
    this.keyspace.lfuLogFactor = values['lfu-log-factor']
    this.keyspace.lfuDecayTime_min = values['lfu-decay-time']
    this.updateGate()
  }

  /** Says anew which commands need a closer look. To be called by whoever changed an answer to that. */
  updateGate(): void {
    const values = this.config.values
    let gate = 0
    if (this.isReplica && this.replicaReadOnly) gate |= WRITE
    if (values.maxmemory > 0) gate |= DENYOOM
    if (values['min-replicas-to-write'] > 0) gate |= WRITE
    const broken = this.diskError() !== null
    if (broken) gate |= WRITE | MAY_REPLICATE
    this.gate = gate
    const loads = this.loading || this.keyspace.beside !== null
    this.gateAll = loads || this.busy || broken || this.masterIsDown()
  }

  /** This node is a replica from now on, or a master again. */
  setRole(isReplica: boolean): void {
    this.terms++
    this.isReplica = isReplica
    this.ownExpiry.clear()
    this.updateExpiry()
    this.updateGate()
    for (const hear of this.roleChanged) hear()
  }

  /** Nothing may change by itself while writes are held back, and never on a replica: what has expired is only hidden. */
  private updateExpiry(): void {
    this.clientExpiry = this.isReplica || this.paused !== 0 ? EXPIRE_HIDE : EXPIRE_DELETE
  }

  /** Brings the keyspace's clock up to now. */
  tick(): void {
    const now_ms = this.clock.now_ms()
    const still_ms = now_ms - this.keyspace.now_ms
    this.keyspace.setTime(now_ms)
    if (still_ms > this.standstill_ms) this.stoodStill()
  }

  /** After so long a time in which nothing was done here, `stoodStill` is called, before any client is served. */
  standstill_ms = Number.POSITIVE_INFINITY
  stoodStill: () => void = () => {}

  private keyspaceHooks(): KeyspaceHooks {
    return {
      expired: (db, handle) => {
        const key = db.entries.key(handle)
        this.propagation.send(db.index, [this.config.values['lazyfree-lazy-expire'] ? UNLINK : DEL, key])
        this.propagation.dirty++
        this.turn.schedule()
        this.tracking?.keyExpires()
        this.notifyExpired(db, key)
      },
      changed: (db, key, start, end) => {
        if (this.watches.count > 0) this.watches.changed(db, key, start, end)
        if (this.waits.count > 0) this.waits.changed(db, key, start, end)
        this.tracking?.keyChanged(key, start, end)
      },
      beforeWrite: (db, handle) => this.beforeWrite(db, handle),
      fieldExpired: (db, key, field) => fieldExpired(this, db, key, field),
    }
  }

  /** The snapshot under way hears here of entries that are about to change. */
  beforeWrite: (db: Database, handle: number) => void = () => {}

  private notifyExpired(db: Database, key: Uint8Array): void {
    notifyKeyspaceEvent(this, 1 << 8, 'expired', db, key, 0, key.length)
  }

  // What commands ask of their host.

  expirySet(db: Database, key: Uint8Array, start: number, end: number): void {
    if (this.isReplica) this.ownExpiry.note(db, key, start, end)
  }

  configNumber(name: string): number {
    const value = (this.config.values as Record<string, unknown>)[name]
    return typeof value === 'boolean' ? Number(value) : Number(value ?? 0)
  }

  notify(kind: number, event: string, db: Database, key: Uint8Array, start: number, end: number): void {
    notifyKeyspaceEvent(this, kind, event, db, key, start, end)
  }

  readsAnyKey(caller: Caller): boolean {
    const { access, running } = this
    return access === null || running === null || access.readsAnyKey(caller as Client, running)
  }

  beforeFlush(db: Database | null): void {
    this.watches.flushed(db, this.keyspace.databases)
    if (this.waits.count > 0) this.waits.flushed(db)
    this.tracking?.flushed()
    this.persistence?.beforeFlush()
  }

  afterFlushAll(): void {
    this.persistence?.afterFlushAll()
    // With save points the file says already that all is gone: nothing is left to be saved.
    if (this.persistence !== null && this.config.values.save.length > 0) {
      this.propagation.dirty = 0
      this.call.dirty = 0
    }
  }

  swapped(a: number, b: number): void {
    const { databases } = this.keyspace
    this.watches.swapped(databases[a]!, databases[b]!)
    this.watches.swapped(databases[b]!, databases[a]!)
    if (this.waits.count > 0) this.waits.swapped(a, b)
  }

  migrate(request: MigrateRequest): void {
    this.migrations ??= new Migrations(this)
    this.migrations.begin(this.call.caller as Client, request)
  }

  keyReady(db: Database, key: Uint8Array, start: number, end: number): void {
    if (this.waits.count > 0) this.waits.keyReady(db, key, start, end)
  }

  waitForKeys(call: Call, args: Args, wait: KeyWait): void {
    this.waits.add(call, args, wait)
  }

  outgrown(): boolean {
    return this.clients.hasOutgrown(this.call.caller as Client)
  }

  /** Counts an error reply by its code, for INFO errorstats. */
  countError(message: string): void {
    this.stats.countError(message)
  }

  /** Ends a client's transaction and its watches. */
  discard(client: Client): void {
    if (client.transaction !== null) {
      this.unwatch(client.transaction)
      client.transaction = null
    }
    client.special &= ~IN_MULTI
  }

  /** Ends the watches of a transaction. */
  unwatch(transaction: Transaction): void {
    this.watches.remove(transaction.watched)
    transaction.watched = new LinkHolder<Watcher>(transaction)
    transaction.watchedBytes = 0
    this.updateWatchers()
  }

  /** Who tracks which keys: made when the first client wants to. */
  tracks(): Tracking {
    this.tracking ??= new Tracking(this)
    return this.tracking
  }

  /** The keyspace tells of changes only while somebody watches keys, tracks them or waits for some. */
  updateWatchers(): void {
    this.keyspace.watchers = this.watches.count + this.waits.count + (this.tracking?.count ?? 0)
  }

  /** Where to write a message for a client: what it causes for itself while it is served must wait. */
  messagesOf(client: Client): Reply {
    const { running } = this
    if (running === null || client !== this.call.caller || isAnsweredByMessages(running)) {
      return this.turn.outOf(client)
    }
    this.heldMessages ??= new Reply(1024)
    this.heldMessages.protocol = client.protocol
    return this.heldMessages
  }

  /** The client has its reply: now it gets the messages that it has caused for itself. */
  releaseMessages(client: Client): void {
    const held = this.heldMessages
    this.heldMessages = null
    if (held !== null) this.turn.outOf(client).append(held)
  }

  /** Whether the pause holds this command back; if so it comes again when the pause is over. */
  holds(client: Client, entry: Entry): boolean {
    if (client.trusted || client.kind === 'replica' || (client.special & IS_MONITOR) !== 0) return false
    if (this.paused === 1) {
      const flags =
        entry.fullName === 'exec' && client.transaction !== null ? client.transaction.flags : entry.flags
      if ((flags & (WRITE | MAY_REPLICATE)) === 0) return false
    }
    client.paused = true
    return true
  }

  /** Holds commands back: `all` or only what writes, until `until_ms`. */
  pause(all: boolean, until_ms: number, purpose: PausePurpose = 'client'): void {
    this.pauses.begin(purpose, all, until_ms)
    this.paused = this.pauses.level(this.clock.now_ms())
    this.updateExpiry()
    this.pauseChanged()
  }

  unpause(purpose: PausePurpose = 'client'): void {
    this.pauses.end(purpose)
    this.endPauses()
  }

  /** Lets go on who waits, if no pause is left. */
  private endPauses(): void {
    const level = this.pauses.level(this.clock.now_ms())
    if (level === this.paused) return
    this.paused = level
    this.updateExpiry()
    this.pauseChanged()
    for (const client of this.clients.all()) if (client.paused) this.resume(client)
  }

  /** The client waits for nothing any more: what it has sent meanwhile is carried out when this turn ends. */
  resume(client: Client): void {
    client.paused = false
    this.waiting.resume(client)
  }

  /** The client has had its share of this turn: what else it has sent is carried out in the next one. */
  yieldTurn(client: Client): void {
    client.yielded = true
    this.waiting.yield(client)
  }

  /**
   * Something happened after which the data may be wrong, such as an assertion that failed: see failures.ts. Nothing
   * that was changed or answered since the last turn may leave the node, since it may be wrong: it writes nothing more,
   * sends nothing more, and ends. A FatalError is no bug: the world is such that the node cannot keep its promises; the
   * log says why already.
   */
  fail(error: unknown): void {
    if (this.failed) return
    this.failed = true
    this.turn.dead = true
    this.persistence?.aof.halt()
    if (!(error instanceof FatalError)) reportBug(this, error)
    for (const client of [...this.clients.all()]) client.link?.destroy()
    if (this.fatal === undefined) throw error
    this.fatal(error)
  }

  /** Ends the wait of a client whose reply has been written. */
  unblock(client: Client): void {
    if (client.blocked === null) return
    const blocked = client.blocked
    client.blocked = null
    blocked.cancel()
    this.resume(client)
  }

  spareParser(): RequestParser {
    return this.parsers.take()
  }

  giveBackParser(parser: RequestParser): void {
    this.parsers.giveBack(parser)
  }

  /** Whether anybody may connect: protected mode then lets only the machine itself in. */
  openToAll: () => boolean = () => this.config.values.requirepass === ''

  /** A connection has become a client. */
  newClient: (client: Client) => void = () => {}

  /** Carries out one command for a client of the node's own: the master's stream, the append-only file. */
  execute(client: Client, args: Args): void {
    dispatch(this, client, args)
  }

  close(client: Client): void {
    this.clients.close(client)
  }

  /** Closes a client when it has been sent what was written for it; nothing more is. */
  closeAfterReply(client: Client): void {
    this.turn.enqueue(client)
    client.closing = true
  }

  /** What must be done regularly: called `hz` times a second by cron.ts. */
  cron(): void {
    this.tick()
    const now_ms = this.keyspace.now_ms
    if (this.paused !== 0) this.endPauses()
    this.ticks++
    for (const regular of this.regulars) regular.cron(now_ms)
    this.clients.cron(now_ms, this.ticks)
  }
}
