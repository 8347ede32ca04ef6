/**
 * A client of a node: its connection, what it has asked for that stays between commands, and what of its input and output
 * is under way. Also the node's own "clients" have this shape: the master's stream, the append-only file at start, scripts.
 */

import type { Caller } from '../commands/call.js'
import type { Entry } from '../commands/table.js'
import type { Reply } from '../resp/reply.js'
import type { RequestParser } from '../resp/request.js'
import type { Link } from '../runtime/net.js'
import type { Subscriptions } from './pubsub.js'
import type { ClientTracking } from './tracking.js'
import type { Transaction } from './transactions.js'

// `special`: a client with any of these takes the slower way through the dispatcher.
export const NEEDS_AUTH = 1 << 0
export const IN_MULTI = 1 << 1
export const SUBSCRIBED = 1 << 2
export const REPLY_OFF = 1 << 3
export const REPLY_SKIP_NEXT = 1 << 4
export const REPLY_SKIP = 1 << 5
/** Its user may not do everything. */
export const LIMITED = 1 << 6
/** It is a replica of ours: only what belongs to replication. */
export const IS_REPLICA = 1 << 7
export const IS_MONITOR = 1 << 8
export const TRACKING = 1 << 9
export const NO_TOUCH = 1 << 10
export const NO_EVICT = 1 << 11

// Cluster mode: consulted only for keys that are not simply served here.
export const ASKING = 1 << 0
export const READONLY_MODE = 1 << 1

/** `heldFrom` of a client whose replies wait for nothing. */
export const NOT_HELD = -1

export type ClientKind = 'normal' | 'replica' | 'pubsub' | 'master'

/** A client that waits: for what, and how to end it. */
export interface Blocked {
  /** Called when the time is over; writes the reply. */
  timeout(): void
  /** Called when the client is gone or the wait ends otherwise; takes it out of whatever list it stands in. */
  cancel(): void
  /**
   * CLIENT UNBLOCK … ERROR, a change of role: writes an error instead. Who waits for something that comes in any case (a
   * configuration that is being set, keys that MIGRATE sends) leaves it out: it would miss the answer.
   */
  fail?(error: string): void
  /** Milliseconds since 1970, or 0 for never. */
  deadline_ms: number
  /** What is kept of the command that waits, in bytes. */
  readonly held_bytes?: number
  /** For what: `keys`, `wait`, … */
  readonly kind: string
}

export class Client implements Caller {
  readonly id: number
  readonly link: Link | null
  db = 0
  protocol = 2
  trusted = false
  denyBlocking = false
  special = 0
  clusterFlags = 0
  name = ''
  user = 'default'
  libraryName = ''
  libraryVersion = ''
  kind: ClientKind = 'normal'
  createdAt_ms = 0
  lastActive_ms = 0
  lastCommand: Entry | null = null
  /** Cluster mode: the slot of its command's keys; negative for none. */
  slot = -1
  commands = 0
  bytesIn = 0
  bytesOut = 0

  /** Where its replies gather; null while there are none. */
  out: Reply | null = null
  /** How much of `out` was sent already; what it follows: bytes written before its first, ever. */
  sent = 0
  outBase = 0
  /** How far it may be sent, counted as outBase: where its socket has no room, that is further than it was sent. */
  released = 0
  /** From here on, counted as outBase, what was written waits for nodes.conf: see Turn.hold. */
  heldFrom = NOT_HELD
  /** Whether it stands in the list of those who get their replies at the end of the turn. */
  queued = false
  /** When its output first went over the soft limit, 0 while below. */
  softLimitSince_ms = 0

  /** Input that has arrived and was not carried out: `pendingLength` bytes from `pendingFrom` on in `pending`. */
  pending: Uint8Array | null = null
  pendingFrom = 0
  pendingLength = 0
  /** Nothing is read from its socket until it has caught up. */
  unread = false
  /** The parser that knows the beginning of a command whose end has not arrived. */
  parser: RequestParser | null = null

  /** Of its memory, what maxmemory-clients counts already; see Clients.account. */
  accounted = 0
  blocked: Blocked | null = null
  /** CLIENT PAUSE has caught it. */
  paused = false
  transaction: Transaction | null = null
  subscriptions: Subscriptions | null = null
  tracking: ClientTracking | null = null
  /** Some of its commands wait for the next turn, so that others get theirs. */
  yielded = false
  /** So much waits to be read by it that its commands wait too, until it has read. */
  choked = false
  /** It is choked and reads nothing: it may be one that reads only when all its commands are sent. */
  stalled = false
  /** While it is choked: how many bytes the system had taken when the cron last looked. */
  takenAtCron = 0
  /** It sends nothing more. */
  ended = false
  /** Closed as soon as what was written has been sent; nothing more is written. */
  closing = false
  gone = false
  /** Called once when the connection is gone: what others have attached to this client. */
  readonly onGone: (() => void)[] = []

  constructor(id: number, link: Link | null) {
    this.id = id
    this.link = link
  }

  /** `host:port` as CLIENT LIST shows it. */
  get address(): string {
    return this.link === null ? '' : formatAddress(this.link.remoteAddress, this.link.remotePort)
  }

  get localAddress(): string {
    return this.link === null ? '' : formatAddress(this.link.localAddress, this.link.localPort)
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
