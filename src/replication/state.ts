/**
 * The record that replication is about: who we are in which history, who follows us, whom we follow. One a node;
 * the functions of this room work on it and on nothing else.
 *
 * A history is named by a replication ID (40 hexadecimal digits) and counted in bytes of the stream. A node keeps
 * two IDs: that of the history which it goes on with, and, after a promotion, that of the history it comes from,
 * valid up to the offset where it left it. So the replicas of the former master can continue with the new one.
 * (Redis calls this PSYNC2; `replid2` and `second_repl_offset` in INFO.)
 */
import { type Backlog, createBacklog } from './backlog.js'
import type { LinkId, SnapshotInfo, SnapshotTarget, Turn } from './effects.js'
import { log } from './effects.js'
import type { CommandStream } from './stream.js'
import type { Transfer } from './transfer.js'

/** What redis.conf says about replication; each field is named after its directive. CONFIG SET writes here. */
export interface ReplicationOptions {
  replBacklogSize: number
  /** 0: never given up. */
  replBacklogTtl_s: number
  replDisklessSync: boolean
  replDisklessSyncDelay_s: number
  /** 0: no number at which the wait for further replicas ends. */
  replDisklessSyncMaxReplicas: number
  replDisklessLoad: 'disabled' | 'on-empty-db' | 'swapdb'
  replTimeout_s: number
  replPingReplicaPeriod_s: number
  /** client-output-buffer-limit replica; 0: no limit. */
  outputHardLimit: number
  outputSoftLimit: number
  outputSoftLimit_s: number
  minReplicasToWrite: number
  minReplicasMaxLag_s: number
  masterauth: Uint8Array | null
  masteruser: Uint8Array | null
  /** The port that clients connect to; goes to the master unless `replicaAnnouncePort` says another. */
  port: number
  replicaAnnounceIp: string
  replicaAnnouncePort: number
  replicaAnnounced: boolean
  replicaPriority: number
  replicaReadOnly: boolean
  replicaServeStaleData: boolean
  appendonly: boolean
  clusterEnabled: boolean
}

/** Redis's defaults. */
export function defaultOptions(): ReplicationOptions {
  return {
    replBacklogSize: 1024 * 1024,
    replBacklogTtl_s: 3600,
    replDisklessSync: true,
    replDisklessSyncDelay_s: 5,
    replDisklessSyncMaxReplicas: 0,
    replDisklessLoad: 'disabled',
    replTimeout_s: 60,
    replPingReplicaPeriod_s: 10,
    outputHardLimit: 256 * 1024 * 1024,
    outputSoftLimit: 64 * 1024 * 1024,
    outputSoftLimit_s: 60,
    minReplicasToWrite: 0,
    minReplicasMaxLag_s: 10,
    masterauth: null,
    masteruser: null,
    port: 6379,
    replicaAnnounceIp: '',
    replicaAnnouncePort: 0,
    replicaAnnounced: true,
    replicaPriority: 100,
    replicaReadOnly: true,
    replicaServeStaleData: true,
    appendonly: false,
    clusterEnabled: false,
  }
}

/**
 * - `candidate`: has said REPLCONF, not yet SYNC or PSYNC; not counted as a replica
 * - `waitStart`: needs a snapshot that has not begun
 * - `waitEnd`: its snapshot is being made (and, streamed, sent)
 * - `sendBulk`: the snapshot is a file, which is being sent
 * - `online`: gets the stream
 * - `rdbSent`: wanted the snapshot only, and has it
 */
export type ReplicaState = 'candidate' | 'waitStart' | 'waitEnd' | 'sendBulk' | 'online' | 'rdbSent'

/** A client that is, or prepares to be, our replica. */
export interface ReplicaLink {
  id: LinkId
  state: ReplicaState
  /** The address that the connection comes from; '' if unknown. */
  peerIp: string
  /** REPLCONF ip-address, listening-port. */
  announcedIp: string
  listeningPort: number
  capaEof: boolean
  capaPsync2: boolean
  rdbOnly: boolean
  excludeData: boolean
  excludeFunctions: boolean
  /** It said SYNC: it will not acknowledge anything. */
  oldSync: boolean
  attachedAt_ms: number
  /** The offset at which its snapshot was taken. */
  initialOffset: number
  /** Offset of the last byte of the stream that was handed to its connection. */
  position: number
  /** False while it still takes in a streamed snapshot: its first ACK opens the stream. */
  streaming: boolean
  /** Bytes that its connection has taken and not yet sent, as the server last said. */
  unsent_bytes: number
  /** Since when its connection has taken nothing of a streamed snapshot; 0: it takes. Set by `linkSent`. */
  stalledSince_ms: number
  ackOffset: number
  aofAckOffset: number
  ackAt_ms: number
  /** Since when it has been above the soft output limit; 0 if it is not. */
  softLimitSince_ms: number
}

/** The snapshot that is being made for replicas. */
export interface Snapshot {
  id: number
  target: SnapshotTarget
  excludeData: boolean
  excludeFunctions: boolean
  /** End mark of a streamed snapshot. */
  mark: string
}

/** A client in WAIT (`aof: false`) or WAITAOF. */
export interface Wait {
  client: LinkId
  offset: number
  replicas: number
  local: number
  aof: boolean
  /** Infinity: waits without limit. */
  until_ms: number
}

/**
 * Where we stand with our master:
 * - `none`: we are a master
 * - `connect`: to be connected with at the next chance
 * - `connecting`
 * - `ping`, `auth`, `port`, `ip`, `capa`, `psync`: the handshake; named after the reply that is awaited
 * - `transfer`: a snapshot is awaited, arrives, or is being loaded
 * - `connected`: its stream arrives
 */
export type MasterState =
  | 'none'
  | 'connect'
  | 'connecting'
  | 'ping'
  | 'auth'
  | 'port'
  | 'ip'
  | 'capa'
  | 'psync'
  | 'transfer'
  | 'connected'

/** The history of a master that we are not connected with, where we could go on. */
export interface CachedMaster {
  replid: string
  offset: number
  db: number
}

/** Our master, and the link to it. */
export interface Master {
  /** Null: we are a master ourselves. */
  host: string | null
  port: number
  state: MasterState
  /** Number of the connection in use; events of older ones are nobody's. */
  attempt: number
  openedAt_ms: number
  lastIo_ms: number
  /** Since when the link is down; 0 if it never was up, or is up. */
  downSince_ms: number
  cached: CachedMaster | null
  /** A line of the handshake that has not arrived completely. */
  line: string
  transfer: Transfer | null
  /** The snapshot is here and is being loaded; what arrives meanwhile waits in `held`. */
  loading: boolean
  held: Uint8Array[]
  held_bytes: number
  /** Commands are held back (CLIENT PAUSE), those of the master too: the stream waits in `held`. */
  paused: boolean
  /** The connection has ended while we are loading. */
  closedEarly: boolean
  parse: 'whole' | 'asItComes' | 'beside'
  /** ID and offset that came with +FULLRESYNC; the offset is -1 after SYNC. */
  fullReplid: string
  fullOffset: number
  stream: CommandStream | null
  /** The master does not know PSYNC and offsets: no acknowledgements. */
  oldSync: boolean
  newlineAt_ms: number
  /** Set by the server: the dataset has no keys (for repl-diskless-load on-empty-db). */
  datasetEmpty: boolean
}

export type FailoverState = 'none' | 'waitSync' | 'inProgress'

/** FAILOVER: a planned change of places with a replica. */
export interface Failover {
  state: FailoverState
  /** '' while any replica would do. */
  host: string
  port: number
  force: boolean
  /** 0: without limit. */
  until_ms: number
}

export interface Replication {
  options: ReplicationOptions
  replid: string
  replid2: string
  /** First offset at which `replid2` is not valid any more; -1: there is no second history. */
  secondReplidOffset: number
  /** The database that the stream of `replid2` had selected at that offset. */
  secondDb: number
  /** Offset of the last byte of our history: master_repl_offset. */
  offset: number
  /**
   * The old dataset was given up for a master's, which is not here as a whole. Nothing is offered to other replicas
   * then, and no election or client takes what is here for a dataset.
   */
  incomplete: boolean
  /**
   * The dataset belongs to another shard than our master's: we have been given a new master and are not synchronised
   * with it yet. The data can still be read, but no election takes them for the master's.
   */
  foreign: boolean
  backlog: Backlog | null
  /** The database that our stream has selected last; -1: the next command is to be preceded by SELECT. */
  selectedDb: number
  /** All clients that have said REPLCONF or PSYNC. */
  links: Map<LinkId, ReplicaLink>
  /** Those of them that are replicas, in the order in which they came. */
  replicas: ReplicaLink[]
  noReplicasSince_ms: number
  goodReplicas: number
  snapshot: Snapshot | null
  snapshotsBegun: number
  /** Set by the server: a snapshot or rewrite that is none of ours is being made. */
  foreignSnapshot: 'none' | 'rdb' | 'other'
  /**
   * Set by the server: the dataset is so small that a second snapshot costs less than waiting for others to share
   * the first, so that repl-diskless-sync-delay would only be a delay.
   */
  snapshotIsCheap: boolean
  /** Set by the server while writes are held for a manual failover: no PING and GETACK, the offset must rest. */
  quiet: boolean
  /** Offset up to which our append-only file is on disk; -1: there is none. */
  fsyncedOffset: number
  waits: Wait[]
  ackWanted: boolean
  startedAt_ms: number
  cronAt_ms: number
  /** How many periods of PING had passed when it was last looked at, and what the period was then. */
  pingBeat: number
  pingPeriod_s: number
  master: Master
  failover: Failover
  stats: { syncFull: number; syncPartialOk: number; syncPartialErr: number }
}

export const NO_REPLID = '0'.repeat(40)

/** A node that has no history yet: a master without replicas. */
export function createReplication(options: ReplicationOptions, turn: Turn): Replication {
  return {
    options,
    replid: turn.randomId(),
    replid2: NO_REPLID,
    secondReplidOffset: -1,
    secondDb: 0,
    offset: 0,
    incomplete: false,
    foreign: false,
    backlog: null,
    selectedDb: -1,
    links: new Map(),
    replicas: [],
    noReplicasSince_ms: turn.now_ms,
    goodReplicas: 0,
    snapshot: null,
    snapshotsBegun: 0,
    foreignSnapshot: 'none',
    snapshotIsCheap: false,
    quiet: false,
    fsyncedOffset: -1,
    waits: [],
    ackWanted: false,
    startedAt_ms: turn.now_ms,
    cronAt_ms: turn.now_ms + 1000,
    pingBeat: 0,
    pingPeriod_s: options.replPingReplicaPeriod_s,
    master: createMaster(),
    failover: { state: 'none', host: '', port: 0, force: false, until_ms: 0 },
    stats: { syncFull: 0, syncPartialOk: 0, syncPartialErr: 0 },
  }
}

function createMaster(): Master {
  return {
    host: null,
    port: 0,
    state: 'none',
    attempt: 0,
    openedAt_ms: 0,
    lastIo_ms: 0,
    downSince_ms: 0,
    cached: null,
    line: '',
    transfer: null,
    loading: false,
    held: [],
    held_bytes: 0,
    paused: false,
    closedEarly: false,
    parse: 'whole',
    fullReplid: '',
    fullOffset: -1,
    stream: null,
    oldSync: false,
    newlineAt_ms: 0,
    datasetEmpty: false,
  }
}

export function isMaster(r: Replication): boolean {
  return r.master.host === null
}

/** A new history begins: no replica of the old one can go on with it. */
export function changeReplid(r: Replication, turn: Turn): void {
  r.replid = turn.randomId()
}

export function clearReplid2(r: Replication): void {
  r.replid2 = NO_REPLID
  r.secondReplidOffset = -1
  r.secondDb = 0
}

/** The dataset no longer matches its history: no partial synchronisation is possible, in either direction. */
export function forgetHistory(r: Replication, turn: Turn): void {
  changeReplid(r, turn)
  clearReplid2(r)
  r.offset = 0
  r.backlog = null
}

/**
 * A replica becomes a master: the history it comes from becomes its second one, valid for whoever asks for no more
 * than the byte after the last one we have in common. `db` is what the stream has selected there.
 */
export function shiftReplid(r: Replication, db: number, turn: Turn): void {
  r.replid2 = r.replid
  r.secondReplidOffset = r.offset + 1
  r.secondDb = db
  changeReplid(r, turn)
  log(
    turn,
    'notice',
    `Setting secondary replication ID to ${r.replid2}, valid up to offset: ${r.secondReplidOffset}. ` +
      `New replication ID is ${r.replid}`,
  )
}

/** The backlog from here on; what was there is gone. */
export function beginBacklog(r: Replication): void {
  r.backlog = createBacklog(r.options.replBacklogSize, r.offset)
}

/** What an RDB file written now must say about replication; null if we are in no history that would be of use. */
export function snapshotInfo(r: Replication): SnapshotInfo | null {
  const { replid, offset } = r
  if (isMaster(r)) return r.backlog === null ? null : { streamDb: Math.max(r.selectedDb, 0), replid, offset }
  if (r.master.stream !== null) return { streamDb: r.master.stream.db, replid, offset }
  if (r.master.cached !== null) return { streamDb: r.master.cached.db, replid, offset }
  return null
}

/**
 * After a start, the history that the loaded RDB file belongs to. A replica can ask its master to go on from there;
 * a master lets its replicas go on from there. In a cluster a replica may not know its master's address yet.
 */
export function restoreHistory(r: Replication, info: SnapshotInfo, asReplica: boolean, turn: Turn): void {
  if (!asReplica) {
    r.replid2 = info.replid
    r.secondReplidOffset = info.offset + 1
    r.secondDb = info.streamDb
    r.offset = info.offset
    beginBacklog(r)
    r.noReplicasSince_ms = turn.now_ms
    return
  }
  r.replid = info.replid
  r.offset = info.offset
  cacheMyself(r, info.streamDb, turn)
}

/** Makes a cached master of our own ID and offset, to go on from there with whoever has the same history. */
export function cacheMyself(r: Replication, db: number, turn: Turn): void {
  log(
    turn,
    'notice',
    'Before turning into a replica, using my own master parameters to synthesize a cached master: ' +
      'I may be able to synchronize with the new master with just a partial transfer.',
  )
  r.master.cached = { replid: r.replid, offset: r.offset, db }
}

/**
 * A master that has written nothing since it left the history before its own is still in that one, which others may
 * share: after a restart, or a promotion that was taken back. It goes on in that history; who is in ours has the same.
 */
export function returnToSecond(r: Replication): boolean {
  // Without a backlog writes are not counted.
  if (r.backlog === null || r.secondReplidOffset !== r.offset + 1) return false
  const left = r.replid
  r.replid = r.replid2
  r.replid2 = left
  return true
}

export function discardCachedMaster(r: Replication, turn: Turn): void {
  if (r.master.cached === null) return
  log(turn, 'notice', 'Discarding previously cached master state.')
  r.master.cached = null
}
