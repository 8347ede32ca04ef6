/**
 * What a command needs of the node beyond the keyspace. It is deliberately narrow: commands see the node only through
 * this, so that they run as well in a test, in a script or in a replay. server/ implements it.
 */

import type { SameBytes } from '../bytes/bits.js'
import type { Int64 } from '../bytes/int64.js'
import type { Database } from '../keyspace/database.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call, Caller } from './call.js'

export interface Host {
  /** The value of a configuration directive that is a number (bytes, milliseconds, counts, 0 or 1 for yes or no). */
  configNumber(name: string): number
  /** Sends a keyspace notification; `event` as in Redis (`set`, `del`, `expire`). Called only if one is wanted. */
  notify(kind: number, event: string, db: Database, key: Uint8Array, start: number, end: number): void
  /**
   * Wakes clients that wait for this key: it now holds something that may serve them. A host that hears of changes
   * (`db.changed`) finds out by itself where a key appears, goes, or becomes another type; to be called by whoever adds to
   * what stands there already, or takes away what a client relies on (XADD, XGROUP DESTROY).
   */
  keyReady(db: Database, key: Uint8Array, start: number, end: number): void
  /** Lets the caller wait for keys; see commands/blocking.ts. A host without clients that can wait leaves it out. */
  waitForKeys?(call: Call, args: Args, wait: KeyWait): void
  /** Uniform 32-bit integers. */
  random32(): number
  /** Whether two ranges of the same length hold the same bytes, in the machine's own way; a host without one leaves it out. */
  readonly sameBytes?: SameBytes
  /** Whether so much was written for the caller that it is closed: nobody will read what else is. */
  outgrown?(): boolean
  /** Whether the caller may read any key with the command that runs; a host without users leaves it out. */
  readsAnyKey?(caller: Caller): boolean
  /** A client of a replica, which does not decide about expiry, has given a key one: nobody else will remove that key. */
  expirySet?(db: Database, key: Uint8Array, start: number, end: number): void
  /** A line in the log: `level` is one of `debug`, `verbose`, `notice`, `warning`. */
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', message: string): void
  /**
   * All keys of `db`, or with null of all databases, are about to be removed: whoever watches one of them must hear, and
   * a snapshot under way must be finished or given up. After this no snapshot is under way in what is removed.
   */
  beforeFlush?(db: Database | null): void
  /** All databases are empty now: files may have to say so. */
  afterFlushAll?(): void
  /** Two databases were exchanged: clients watch and wait for keys by the number of the database. */
  swapped?(a: number, b: number): void
  /** Sends keys to another node, MIGRATE's way; a host without sockets leaves it out. See MigrateRequest. */
  migrate?(request: MigrateRequest): void
}

/** What a client waits for. */
export interface KeyWait {
  /** LIST, ZSET or STREAM: only a key that holds a value of this type wakes the client. */
  readonly type: number
  /** The first of the arguments that are the keys, and how many there are. */
  readonly firstKey: number
  readonly keys: number
  /** Milliseconds since 1970, 0 for never. */
  readonly deadline_ms: number
  /** Whether a key that goes, or becomes another type, wakes the client too: carried out again, the command replies why. */
  readonly evenWithoutKey?: boolean
  /** What is carried out instead of the command as it came (XREAD, with the ID that `$` meant when it began to wait). */
  readonly again?: readonly Uint8Array[]
}

/** A key that MIGRATE sends: as it was when the command ran. */
export interface MigratingKey {
  readonly key: Uint8Array
  /** As DUMP gives it. */
  readonly payload: Uint8Array
  /** Milliseconds since 1970, or NO_EXPIRY. */
  readonly expiry_ms: Int64
}

/**
 * What MIGRATE asks of its host: to block the client, to connect (or take a link that is open already), AUTH and SELECT as
 * asked, send `RESTORE` (in a cluster `RESTORE-ASKING`) `key ttl payload [REPLACE]` for each key, and call `finish` with
 * what came back, in the same turn or later; then to let the client go on. Until then nothing may change the keys: Redis
 * serves nobody meanwhile, a host holds at least the commands that write.
 */
export interface MigrateRequest {
  readonly host: string
  readonly port: number
  readonly db: number
  /** For connecting and for each answer. */
  readonly timeout_ms: number
  readonly replace: boolean
  /** AUTH's arguments: none, a password, or a name and a password. */
  readonly auth: readonly Uint8Array[]
  readonly keys: readonly MigratingKey[]
  /**
   * To be called once, with the client's reply and a call whose `instead` the host propagates afterwards. `outcomes` has one
   * item for each key: null for restored, CHANGED_HERE for restored although the key is not the same here any more, else the
   * other node's error, without its dash. `failed`: why nothing more could be done (one of Redis's IOERR texts), or
   * null; then outcomes of the keys that were not reached are left out.
   */
  finish(call: Call, reply: Reply, outcomes: readonly MigrateOutcome[], failed: string | null): void
}

/** See MigrateRequest.finish. */
export const CHANGED_HERE = false
export type MigrateOutcome = string | null | typeof CHANGED_HERE

// Kinds of keyspace notifications: the letters of `notify-keyspace-events`.
export const NOTIFY_KEYSPACE = 1 << 0 // K
export const NOTIFY_KEYEVENT = 1 << 1 // E
export const NOTIFY_GENERIC = 1 << 2 // g
export const NOTIFY_STRING = 1 << 3 // $
export const NOTIFY_LIST = 1 << 4 // l
export const NOTIFY_SET = 1 << 5 // s
export const NOTIFY_HASH = 1 << 6 // h
export const NOTIFY_ZSET = 1 << 7 // z
export const NOTIFY_EXPIRED = 1 << 8 // x
export const NOTIFY_EVICTED = 1 << 9 // e
export const NOTIFY_STREAM = 1 << 10 // t
export const NOTIFY_KEY_MISS = 1 << 11 // m
export const NOTIFY_LOADED = 1 << 12
export const NOTIFY_MODULE = 1 << 13 // d
export const NOTIFY_NEW = 1 << 14 // n
