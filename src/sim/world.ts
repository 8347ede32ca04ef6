/**
 * The simulated world: nodes, their disks, the network between them, and a thin model of replication. It stands where
 * server/ and runtime/ stand around the same step(). Everything that happens follows from one seed.
 *
 * The network delays each packet by its own time, so packets of different links overtake each other, but never within
 * one link. Between groups that are cut off from each other nothing arrives and nothing is refused: connections just
 * go silent, and are reset when the groups meet again. A write to a disk takes its time, in which the node goes on; what
 * was synced survives a crash, the rest is a matter of luck.
 */

import type { ClusterConfig, ClusterState, Gate, Input, LinkId, Local, Packet } from '../cluster/index.js'
import { createGate, DEFAULT_CONFIG, emptyLocal } from '../cluster/index.js'
import type { Prng } from './prng.js'
import { createPrng } from './prng.js'
import type { Timeline } from './timeline.js'
import { createTimeline } from './timeline.js'

/** Bugs put in on purpose; see Faults in cluster/state.ts. */
export type Bug =
  | 'none'
  | 'countVotesTwice'
  | 'forgetEpoch'
  | 'trustStrangers'
  | 'standIncomplete'
  | 'keepVotes'
  | 'answerUnsaved'

export interface Connection {
  readonly from: SimNode
  readonly to: SimNode
  readonly fromLink: LinkId
  toLink: LinkId
  open: boolean
  /** Carries nothing any more, and nobody knows yet. */
  silent: boolean
  /** When the last packet of each direction arrives; the next one cannot be earlier. */
  lastArrival_ms: [number, number]
  /** Sent by the opening side before the connection was up. */
  readonly early: Packet[]
}

export interface SimNode {
  readonly index: number
  ip: string
  port: number
  /** Null: the process is not running. */
  state: ClusterState | null
  /** Counts starts, so that what was meant for an earlier life is dropped. */
  life: number
  /** The process stands still until then. */
  pausedUntil_ms: number
  /** Until then its processor is taken by inputs that came before. */
  busyUntil_ms: number
  readonly connections: Map<LinkId, Connection>
  wakeAt_ms: number
  /** nodes.conf as it is safe on the disk. */
  disk: Uint8Array | null
  /** A write of it that is under way, and is on the disk or not when the process crashes; null: none. */
  writing: Uint8Array | null
  /** Something was written after it without a sync. */
  unsynced: boolean
  /** What waits for the disk before it leaves the node. */
  gate: Gate
  /** The last state of its own that the node told of, and those that came after. */
  readonly past: Own[]
  /** The next turn that persists ends in a crash, somewhere on its way out. */
  crashAtPersist: boolean
  local: Local
  replication: Replication
  /** Clients are held back. */
  clientsPausedUntil_ms: number
  /** Which side of a partition it is on. */
  group: number
}

/** What a node says of itself, which it must not forget: see noteState in invariants.ts. */
export interface Own {
  readonly master: string | null
  readonly slots: Uint8Array
  readonly moving: string
  readonly configEpoch: bigint
  readonly currentEpoch: bigint
  readonly lastVoteEpoch: bigint
}

export interface Replication {
  /** `ip port` of the master. */
  master: string | null
  /** When the link to the master is in sync; Infinity while there is none. */
  linkedAt_ms: number
  lastHeard_ms: number
  offset_bytes: number
  /** The next synchronisation is a full one. */
  fullSyncOwed: boolean
  /** A full synchronisation is being loaded until then; 0: none is. */
  loadingUntil_ms: number
  /** The old data are given up, and the new ones are not here. */
  incomplete: boolean
  /** What it holds: the last write, which names the one before it. */
  lastWrite: Write | null
}

/** A write that a client was told is done. */
export interface Write {
  readonly before: Write | null
}

export interface World {
  readonly seed: number
  readonly bug: Bug
  readonly prng: Prng
  readonly timeline: Timeline
  readonly nodes: SimNode[]
  readonly config: ClusterConfig
  readonly latency_ms: readonly [number, number]
  /** Time that a node's processor takes for one input; those that come meanwhile wait in line. 0: none. */
  readonly inputCost_ms: number
  /** How long a synced write takes. */
  readonly disk_ms: readonly [number, number]
  /** Lines of the story; null when nobody reads it. */
  trace: string[] | null
  /** 'all': packets, too. */
  traceLevel: 'events' | 'all'
  /** Whether every packet goes through its bytes. */
  readonly throughBytes: boolean
  readonly startedAt_ms: number
  readonly violations: string[]
  readonly watch: Watch
  /** Gives a process an input: set by boot() in process.ts, which stands above the network. */
  deliver: (node: SimNode, input: Input) => void
}

/** What the invariants remember. */
export interface Watch {
  /** `voter epoch` to the replica that got the vote. */
  readonly votes: Map<string, string>
  /** `epoch replica` to the masters that voted for it. */
  readonly supporters: Map<string, Set<string>>
  /** Epoch of an election to its winner. */
  readonly winners: Map<bigint, string>
  /** Name of a node to the greatest epoch it has voted in, and to the greatest that it has made its own. */
  readonly votedEpoch: Map<string, bigint>
  readonly ownEpoch: Map<string, bigint>
  /** Pairs of masters with the same slot and epoch, and since when. */
  readonly doubles: Map<string, number>
  /** Names of members, ever, to their nodes. */
  readonly names: Map<string, number>
  /** What clients were told is done, by any master. */
  readonly acknowledged: Write[]
}

/** Unix time at which every run begins. */
const EPOCH_MS = 1_700_000_000_000

export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  readonly nodeTimeout_ms: number
  readonly latency_ms: readonly [number, number]
  readonly inputCost_ms?: number
  readonly disk_ms?: readonly [number, number]
  readonly bug?: Bug
  readonly throughBytes?: boolean
  readonly config?: Partial<ClusterConfig>
}

export function createWorld(options: WorldOptions): World {
  const world: World = {
    seed: options.seed,
    bug: options.bug ?? 'none',
    prng: createPrng(options.seed),
    timeline: createTimeline(EPOCH_MS),
    nodes: [],
    config: { ...DEFAULT_CONFIG, port: 7000, nodeTimeout_ms: options.nodeTimeout_ms, ...options.config },
    latency_ms: options.latency_ms,
    inputCost_ms: options.inputCost_ms ?? 0,
    disk_ms: options.disk_ms ?? [0, 0],
    trace: null,
    traceLevel: 'events',
    throughBytes: options.throughBytes ?? false,
    startedAt_ms: EPOCH_MS,
    violations: [],
    watch: {
      votes: new Map(),
      supporters: new Map(),
      winners: new Map(),
      votedEpoch: new Map(),
      ownEpoch: new Map(),
      doubles: new Map(),
      names: new Map(),
      acknowledged: [],
    },
    deliver: () => {
      throw new Error('assertion: the world was not booted')
    },
  }
  for (let index = 0; index < options.nodes; index++) world.nodes.push(createSimNode(index))
  return world
}

function createSimNode(index: number): SimNode {
  return {
    index,
    ip: `10.0.0.${index + 1}`,
    port: 7000,
    state: null,
    life: 0,
    pausedUntil_ms: 0,
    busyUntil_ms: 0,
    connections: new Map(),
    wakeAt_ms: 0,
    disk: null,
    writing: null,
    unsynced: false,
    gate: createGate(),
    past: [],
    crashAtPersist: false,
    local: emptyLocal(),
    replication: {
      master: null,
      linkedAt_ms: Number.POSITIVE_INFINITY,
      lastHeard_ms: 0,
      offset_bytes: 0,
      fullSyncOwed: false,
      loadingUntil_ms: 0,
      incomplete: false,
      lastWrite: null,
    },
    clientsPausedUntil_ms: 0,
    group: 0,
  }
}

/** A line of the story, with its time in seconds since the start. */
export function tell(world: World, text: string): void {
  if (world.trace === null) return
  const time_s = (world.timeline.now_ms - world.startedAt_ms) / 1000
  world.trace.push(`${time_s.toFixed(3).padStart(8)}  ${nameNodes(world, text)}`)
}

/** Puts `n3` where a text has the forty digits of node 3, so that stories read well and stay the same. */
function nameNodes(world: World, text: string): string {
  return text.replace(/[0-9a-f]{40}/g, (name) => {
    const index = world.watch.names.get(name)
    return index === undefined ? `${name.slice(0, 6)}…` : `n${index}`
  })
}

export function violate(world: World, text: string): void {
  world.violations.push(text)
  tell(world, `VIOLATION ${text}`)
}

/** Whether packets pass between two nodes now. */
export function reachable(a: SimNode, b: SimNode): boolean {
  return a.group === b.group
}
