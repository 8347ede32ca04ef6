/**
 * One turn of the state machine: what goes in, what comes out, and the record that the functions of this room hand
 * each other while a turn lasts.
 */

import type { Reply } from './reply.js'
import type { ClusterConfig, ClusterNode, ClusterState, Link, LinkId } from './state.js'
import type { Packet } from './wire.js'

export type Input =
  /** A packet, decoded, that came over a link. */
  | { readonly kind: 'packet'; readonly link: LinkId; readonly packet: Packet }
  /** Time has passed. Always allowed; due at `wakeAt_ms` at the latest. */
  | { readonly kind: 'tick' }
  /** A CLUSTER subcommand: its name and arguments, one byte a character. `tls`, `ipv6`: how the client is connected. */
  | {
      readonly kind: 'command'
      readonly args: readonly string[]
      readonly tls: boolean
      readonly ipv6?: boolean
    }
  | LinkEvent
  /** A client published here; the other nodes must hear it. */
  | {
      readonly kind: 'publish'
      readonly channel: Uint8Array
      readonly message: Uint8Array
      readonly sharded: boolean
    }
  /** CONFIG SET: what has changed. */
  | { readonly kind: 'configure'; readonly config: Partial<ClusterConfig> }
  /** Keys have been loaded from disk: check them against the slots that we own. */
  | { readonly kind: 'loaded' }

export interface LinkEvent {
  readonly kind: 'link'
  readonly link: LinkId
  /**
   * accepted: somebody connected to us (`link` from takeLinkId). connected: ours is up. failed: ours could not be
   * opened. closed: a link has gone. overflowed: the shell closed it, too much was waiting to be sent.
   */
  readonly event: 'accepted' | 'connected' | 'failed' | 'closed' | 'overflowed'
  readonly localIp?: string
  readonly remoteIp?: string
}

export interface Outgoing {
  readonly link: LinkId
  /** The same object for every link that it goes to, so the shell can encode a broadcast once. */
  readonly packet: Packet
}

/** A connection to open. The shell answers with `connected` or `failed` for `link`. */
export interface Endpoint {
  readonly link: LinkId
  readonly ip: string
  readonly port: number
}

export type Fact =
  /** Replicate from this address now (start, or change of target). `foreign`: our data are another shard's. */
  | {
      readonly kind: 'becomeReplicaOf'
      readonly host: string
      readonly port: number
      readonly name: string
      readonly foreign: boolean
    }
  /** We are a master now: stop replicating, keep the data. `epoch`: of the election that was won; 0: there was none. */
  | { readonly kind: 'promotedToMaster'; readonly epoch: bigint }
  /** Delete all keys of these slots: they are somebody else's. */
  | { readonly kind: 'slotsLost'; readonly slots: readonly number[] }
  /** Unsubscribe shard channels of these slots: their owner has changed. */
  | { readonly kind: 'slotsRebound'; readonly slots: readonly number[] }
  /** Who serves what has changed here (also by `stateChanged`): look again at blocked clients. */
  | { readonly kind: 'servedChanged' }
  | { readonly kind: 'stateChanged'; readonly ok: boolean }
  /** Hold back clients that write, until then at the latest: a replica is taking over by hand. */
  | { readonly kind: 'pauseClients'; readonly until_ms: number }
  | { readonly kind: 'unpauseClients' }
  /** Another node's client published: deliver to the subscribers here. */
  | {
      readonly kind: 'published'
      readonly channel: Uint8Array
      readonly message: Uint8Array
      readonly sharded: boolean
    }
  /** CLUSTER RESET is through. `flush`: we were a replica, so drop the data and stop replicating. */
  | { readonly kind: 'resetDone'; readonly hard: boolean; readonly flush: boolean }
  /** A vote was given; for tests and the story. */
  | { readonly kind: 'voted'; readonly epoch: bigint; readonly replica: string; readonly master: string }

export interface LogLine {
  readonly level: 'debug' | 'verbose' | 'notice' | 'warning'
  readonly text: string
}

/** Carried out top to bottom; the order is the safety argument. */
export interface Ready {
  /**
   * nodes.conf must be written and synced before anything below leaves the node: the reply and every packet from now
   * on promise what has changed. That is everything about ourselves (role, master, slots, slots being moved, epochs,
   * votes, shard), who owns which slots, and what a command's OK says.
   */
  persist: boolean
  /**
   * nodes.conf has changed, but nothing promises it: write it soon. That is what we observe of others (address, name,
   * role, failure) and learn anew after a crash, and what the configuration says anyway.
   */
  save: boolean
  readonly send: Outgoing[]
  readonly close: LinkId[]
  readonly connect: Endpoint[]
  readonly facts: Fact[]
  readonly log: LogLine[]
  /** The answer to a command; null for other inputs. */
  reply: Reply | null
  /** When step wants its next tick, in the same clock as `now_ms`. */
  wakeAt_ms: number
}

/** What must still be looked at before the turn ends. */
export const TODO_STATE = 1
export const TODO_FAILOVER = 2
export const TODO_MANUAL = 4
export const TODO_CONNECT = 8

export interface Turn {
  readonly state: ClusterState
  readonly now_ms: number
  /** A number in [0, 1). */
  readonly random: () => number
  readonly ready: Ready
  todo: number
  /** Slots that lost their owner in this turn. */
  readonly rebound: number[]
}

export function createReady(): Ready {
  return {
    persist: false,
    save: false,
    send: [],
    close: [],
    connect: [],
    facts: [],
    log: [],
    reply: null,
    wakeAt_ms: 0,
  }
}

export function createTurn(state: ClusterState, now_ms: number, random: () => number): Turn {
  return { state, now_ms, random, ready: createReady(), todo: 0, rebound: [] }
}

export function log(turn: Turn, level: LogLine['level'], text: string): void {
  turn.ready.log.push({ level, text })
}

/** Queues a packet on a link; without a link nothing happens. */
export function send(turn: Turn, link: Link | null, packet: Packet): void {
  if (link === null) return
  turn.ready.send.push({ link: link.id, packet })
  turn.state.sentCounts[packet.type]!++
}

/** A node in a log line: its id and its human name, as Redis shows it. */
export function shown(node: ClusterNode): string {
  return `${node.name} (${node.humanName})`
}
