/**
 * What one node knows of its cluster: plain records, changed in place by step() and the functions it calls, by nobody
 * else. No sockets, timers or clocks are in here; times are milliseconds of Unix time as they were handed in.
 *
 * Three parts: `nodes` (everyone we have heard of, ourselves among them), slots (who owns which, and which we are
 * moving), and what elections, manual failovers and the evaluation of the cluster's state have to remember.
 */

import { SLOTS } from '../bytes/crc16.js'
import { SLOT_BYTES, TYPES } from './wire.js'

/** Flags of a node, as they travel in packets. */
export const MASTER = 1
export const REPLICA = 2
/** We cannot reach it: perhaps it has failed. */
export const PFAIL = 4
/** The majority of the masters agreed that it has failed. */
export const FAILED = 8
export const MYSELF = 16
/** We have not heard its true name yet. */
export const HANDSHAKE = 32
/** We know the name, not the address. */
export const NOADDR = 64
/** The operator had us meet it: the first message of each of our links to it is a MEET, until it has answered. */
export const MEETING = 128
/** A master that has, had or took over from one that had replicas: others may migrate to it. */
export const MIGRATE_TO = 256
/** A replica that will not fail over by itself. */
export const NOFAILOVER = 512

export type LinkId = number

/** One connection of the bus. The shell has the socket, we have the number. */
export interface Link {
  readonly id: LinkId
  /** Accepted (true) or opened by us (false). We send our pings over the ones that we opened. */
  readonly inbound: boolean
  /** The node at the other end: known from the start for ours, after the first packet for accepted ones. */
  node: ClusterNode | null
  readonly createdAt_ms: number
  connected: boolean
  /** Our own address on this connection, and the peer's, as the sockets say; '' when not known. */
  localIp: string
  remoteIp: string
}

export interface FailReport {
  readonly from: ClusterNode
  at_ms: number
}

export interface ClusterNode {
  /** 40 hexadecimal digits; a made-up one until the handshake is through. */
  name: string
  shardId: string
  flags: number
  /** Greatest config epoch that this node has claimed (a replica claims its master's). */
  configEpoch: bigint
  /** Slots owned: bit (slot & 7) of byte (slot >> 3). */
  readonly slots: Uint8Array
  slotCount: number
  /** A copy of `slots` that packets share until `slots` changes. */
  slotsSnapshot: Uint8Array | null
  /** The ranges of `slots` as CLUSTER NODES shows them, until `slots` changes. */
  rangesText: string | null
  master: ClusterNode | null
  /** In the order in which they came. */
  readonly replicas: ClusterNode[]
  ip: string
  hostname: string
  humanName: string
  /** What clients are told instead of `ip` when they are connected over IPv4, or IPv6; '' for none. */
  clientIpv4: string
  clientIpv6: string
  port: number
  tlsPort: number
  busPort: number
  /** Moved on by the time in which this process stood still (see noticeStandstill). */
  createdAt_ms: number
  /** When the ping that is still unanswered was sent; 0: none. */
  pingSentAt_ms: number
  pongReceivedAt_ms: number
  dataReceivedAt_ms: number
  failedAt_ms: number
  /** When we last voted for a replica of this master. */
  votedAt_ms: number
  orphanedAt_ms: number
  offset_bytes: number
  offsetAt_ms: number
  /** Number of the ping that mentioned it last. */
  lastGossip: number
  readonly failReports: FailReport[]
  /** The link that we opened, or are opening, to it. */
  link: Link | null
  /** The link that it opened to us. */
  inbound: Link | null
  /** Not to be tried again before. */
  connectAt_ms: number
  /** We finished a handshake with it, and it has not opened a link to us since: perhaps its half of it failed. */
  awaitsInbound: boolean
  /** When we last sent it a MEET, or finished the handshake. */
  metAt_ms: number
  /** It has shown that it understands extensions of pings (Redis 7 and later; earlier ones drop such packets). */
  takesExtensions: boolean
}

export interface ClusterConfig {
  nodeTimeout_ms: number
  port: number
  tlsPort: number
  /** `cluster-port`; 0: client port + 10000. */
  busPort: number
  /** `tls-cluster`: bus and MOVED to TLS ports by default. */
  tlsCluster: boolean
  tlsReplication: boolean
  announceIp: string
  announcePort: number
  announceTlsPort: number
  announceBusPort: number
  announceHostname: string
  announceHumanNodename: string
  announceClientIpv4: string
  announceClientIpv6: string
  requireFullCoverage: boolean
  allowReadsWhenDown: boolean
  allowPubsubshardWhenDown: boolean
  allowReplicaMigration: boolean
  migrationBarrier: number
  replicaNoFailover: boolean
  replicaValidityFactor: number
  replPingReplicaPeriod_s: number
  preferredEndpointType: 'ip' | 'hostname' | 'unknown-endpoint'
  /** How long a forgotten node is not taken back from gossip. */
  forgetTtl_ms: number
  manualFailoverTimeout_ms: number
}

/** What the rest of the node says about itself. The shell keeps it true before every step; step only reads it. */
export interface Local {
  /** A master's replication offset, or what a replica has processed of its master's stream. */
  offset_bytes: number
  /** A replica's time since it last heard its master (of the link, while it is up; since it went down, otherwise). */
  dataAge_ms: number
  /** A replication target is set (Redis: `masterhost` is not NULL). */
  replicating: boolean
  /** The master's stream arrives: `offset_bytes` counts in the master's own history. */
  linkUp: boolean
  /** A data set is being loaded: commands that would use it are refused with -LOADING. */
  loading: boolean
  /**
   * What this replica holds is no state of its shard's data: a synchronisation has begun to replace it and has not
   * ended, or broke off, or there never was one. It must not stand in for its master.
   */
  incomplete: boolean
  /** Keys in database 0. */
  keyCount(): number
  keysInSlot(slot: number): number
  /** Bytes that wait to be sent on a link, for CLUSTER LINKS. */
  linkQueue_bytes(link: LinkId): number
}

/** Bugs put in on purpose, to prove that the simulator finds them. All false outside of tests. */
export interface Faults {
  countVotesTwice: boolean
  forgetEpoch: boolean
  trustStrangers: boolean
  /** A replica stands for election whatever it holds. */
  standIncomplete: boolean
  /** The votes of a finished election are kept for the next. */
  keepVotes: boolean
  /** A command's OK leaves before what it promises is on the disk. */
  answerUnsaved: boolean
}

export interface Election {
  /** When the votes will be, or were, asked for; 0: never yet. */
  at_ms: number
  votes: number
  asked: boolean
  /** Other replicas of our master with more data. */
  rank: number
  /** Other failed masters whose replicas stand before us. */
  shardRank: number
  epoch: bigint
  cantReason: number
  cantLoggedAt_ms: number
  /** Masters whose votes were counted in this election. */
  readonly voters: Set<string>
}

export interface ManualFailover {
  /** When the attempt is given up; 0: none is going on. */
  endsAt_ms: number
  /** On a master: the replica that takes over. */
  replica: ClusterNode | null
  /** On a replica: where the paused master's stream ends; -1: not heard yet. */
  masterOffset_bytes: number
  canStart: boolean
}

export interface ClusterState {
  config: ClusterConfig
  readonly local: Local
  readonly faults: Faults
  myself: ClusterNode
  currentEpoch: bigint
  lastVoteEpoch: bigint
  /** When an epoch that was not taken was last logged. */
  epochRefusedAt_ms: number
  ok: boolean
  /** Masters that own at least one slot. */
  size: number
  readonly nodes: Map<string, ClusterNode>
  /** The same nodes in an array, for picking at random. */
  readonly nodeList: ClusterNode[]
  /** Nodes by shard id. */
  readonly shards: Map<string, ClusterNode[]>
  /** Names not to be added again before (milliseconds): the forgotten nodes. */
  readonly forgotten: Map<string, number>
  readonly links: Map<LinkId, Link>
  nextLinkId: number
  readonly slotOwner: (ClusterNode | null)[]
  readonly migratingTo: Map<number, ClusterNode>
  readonly importingFrom: Map<number, ClusterNode>
  /** Bitmap: slots whose owner has stopped claiming them; nobody else has claimed them yet. */
  readonly notClaimed: Uint8Array
  /**
   * 1: served here, the slot is not being moved and the cluster is up. 0: ask route(). Made anew at the end of a step
   * in which anything of that changed, so that the data path needs one load a command.
   */
  readonly served: Uint8Array
  /** All of `served` must be made anew; otherwise only these slots. */
  servedStale: boolean
  readonly staleSlots: number[]
  readonly election: Election
  readonly manual: ManualFailover
  /** Address and name of the master that replication was last told to follow; '' before. */
  followed: string
  /** We were a member with slots when we started: do not be a writable master again at once. */
  rejoining: boolean
  firstUpdateAt_ms: number
  /** When this node last saw itself without the majority of the masters. */
  minorityAt_ms: number
  /** When the last step was; 0 before the first. */
  steppedAt_ms: number
  /** When the last step wanted to be called again: later means that this process did not run. */
  wakeAt_ms: number
  /** When the first node is to be suspected or tried again; perhaps too early, never too late. */
  nodesWake_ms: number
  pingsSent: number
  pfailCount: number
  nextCron_ms: number
  nextRandomPing_ms: number
  /** An announcement of our own changed configuration is owed to everybody. */
  announceOwed: boolean
  announcedAt_ms: number
  readonly sentCounts: number[]
  readonly receivedCounts: number[]
  linksOverLimit: number
}

export const DEFAULT_CONFIG: ClusterConfig = {
  nodeTimeout_ms: 15_000,
  port: 6379,
  tlsPort: 0,
  busPort: 0,
  tlsCluster: false,
  tlsReplication: false,
  announceIp: '',
  announcePort: 0,
  announceTlsPort: 0,
  announceBusPort: 0,
  announceHostname: '',
  announceHumanNodename: '',
  announceClientIpv4: '',
  announceClientIpv6: '',
  requireFullCoverage: true,
  allowReadsWhenDown: false,
  allowPubsubshardWhenDown: true,
  allowReplicaMigration: true,
  migrationBarrier: 1,
  replicaNoFailover: false,
  replicaValidityFactor: 10,
  replPingReplicaPeriod_s: 10,
  preferredEndpointType: 'ip',
  forgetTtl_ms: 60_000,
  manualFailoverTimeout_ms: 5000,
}

export function noFaults(): Faults {
  return {
    countVotesTwice: false,
    forgetEpoch: false,
    trustStrangers: false,
    standIncomplete: false,
    keepVotes: false,
    answerUnsaved: false,
  }
}

/** A Local of a node without data, to be filled in by the shell. */
export function emptyLocal(): Local {
  return {
    offset_bytes: 0,
    dataAge_ms: 0,
    replicating: false,
    linkUp: false,
    loading: false,
    incomplete: false,
    keyCount: () => 0,
    keysInSlot: () => 0,
    linkQueue_bytes: () => 0,
  }
}

export function createNode(name: string, shardId: string, flags: number, now_ms: number): ClusterNode {
  return {
    name,
    shardId,
    flags,
    configEpoch: 0n,
    slots: new Uint8Array(SLOT_BYTES),
    slotCount: 0,
    slotsSnapshot: null,
    rangesText: null,
    master: null,
    replicas: [],
    ip: '',
    hostname: '',
    humanName: '',
    clientIpv4: '',
    clientIpv6: '',
    port: 0,
    tlsPort: 0,
    busPort: 0,
    createdAt_ms: now_ms,
    pingSentAt_ms: 0,
    pongReceivedAt_ms: 0,
    dataReceivedAt_ms: 0,
    failedAt_ms: 0,
    votedAt_ms: 0,
    orphanedAt_ms: 0,
    offset_bytes: 0,
    offsetAt_ms: 0,
    lastGossip: 0,
    failReports: [],
    link: null,
    inbound: null,
    connectAt_ms: 0,
    awaitsInbound: false,
    metAt_ms: 0,
    takesExtensions: false,
  }
}

/** A state that knows nobody but `myself`, which is put into it. */
export function createState(config: ClusterConfig, local: Local, myself: ClusterNode): ClusterState {
  return {
    config,
    local,
    faults: noFaults(),
    myself,
    currentEpoch: 0n,
    lastVoteEpoch: 0n,
    epochRefusedAt_ms: Number.NEGATIVE_INFINITY,
    ok: false,
    size: 1,
    nodes: new Map([[myself.name, myself]]),
    nodeList: [myself],
    shards: new Map([[myself.shardId, [myself]]]),
    forgotten: new Map(),
    links: new Map(),
    nextLinkId: 1,
    slotOwner: new Array<ClusterNode | null>(SLOTS).fill(null),
    migratingTo: new Map(),
    importingFrom: new Map(),
    notClaimed: new Uint8Array(SLOT_BYTES),
    served: new Uint8Array(SLOTS),
    servedStale: true,
    staleSlots: [],
    election: {
      at_ms: 0,
      votes: 0,
      asked: false,
      rank: 0,
      shardRank: 0,
      epoch: 0n,
      cantReason: 0,
      cantLoggedAt_ms: 0,
      voters: new Set(),
    },
    manual: { endsAt_ms: 0, replica: null, masterOffset_bytes: -1, canStart: false },
    followed: '',
    rejoining: false,
    firstUpdateAt_ms: 0,
    minorityAt_ms: 0,
    steppedAt_ms: 0,
    wakeAt_ms: 0,
    nodesWake_ms: 0,
    pingsSent: 0,
    pfailCount: 0,
    nextCron_ms: 0,
    nextRandomPing_ms: 0,
    announceOwed: false,
    announcedAt_ms: 0,
    sentCounts: new Array<number>(TYPES).fill(0),
    receivedCounts: new Array<number>(TYPES).fill(0),
    linksOverLimit: 0,
  }
}

export function isMaster(node: ClusterNode): boolean {
  return (node.flags & MASTER) !== 0
}

export function isReplica(node: ClusterNode): boolean {
  return (node.flags & REPLICA) !== 0
}

export function hasFailed(node: ClusterNode): boolean {
  return (node.flags & FAILED) !== 0
}

export function isSuspected(node: ClusterNode): boolean {
  return (node.flags & PFAIL) !== 0
}

export function inHandshake(node: ClusterNode): boolean {
  return (node.flags & HANDSHAKE) !== 0
}

/** A number for a connection that the shell has accepted, to be named in its `accepted` event. */
export function takeLinkId(state: ClusterState): LinkId {
  return state.nextLinkId++
}

/** Masters whose agreement decides: more than half of those that own slots. */
export function quorum(state: ClusterState): number {
  return Math.floor(state.size / 2) + 1
}

/** The port that clients are sent to: the TLS one or the plain one. */
/** The connection that a reply goes to: it decides which of a node's addresses and ports the reply names. */
export interface Viewer {
  readonly tls: boolean
  readonly ipv6: boolean
}

/** The address of a node for a client (Valkey 8). */
export function clientIp(node: ClusterNode, viewer: Viewer): string {
  return (viewer.ipv6 ? node.clientIpv6 : node.clientIpv4) || node.ip
}

export function clientPort(node: ClusterNode, tls: boolean): number {
  return tls ? node.tlsPort : node.port
}
