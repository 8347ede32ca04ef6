/**
 * A command is data: it is declared once, beside the function that carries it out, and the table of declarations feeds
 * dispatch, COMMAND, COMMAND DOCS, ACL, cluster routing, the client's completion and hints, and the reference pages.
 * Flags, groups, categories and key specifications are those of Redis 7.2.
 */

import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'

// Flags: what the dispatcher must know before a command runs.
export const WRITE = 1 << 0
export const READONLY = 1 << 1
/** May use memory: refused when maxmemory is reached and nothing can be evicted. */
export const DENYOOM = 1 << 2
export const ADMIN = 1 << 3
export const PUBSUB = 1 << 4
export const NOSCRIPT = 1 << 5
export const BLOCKING = 1 << 6
/** Allowed while the dataset is being loaded. */
export const LOADING = 1 << 7
/** Allowed on a replica that has lost its master and must not serve stale data. */
export const STALE = 1 << 8
export const SKIP_MONITOR = 1 << 9
export const SKIP_SLOWLOG = 1 << 10
export const ASKING = 1 << 11
export const FAST = 1 << 12
export const NO_AUTH = 1 << 13
export const MAY_REPLICATE = 1 << 14
export const NO_ASYNC_LOADING = 1 << 15
export const NO_MULTI = 1 << 16
export const ALLOW_BUSY = 1 << 17
export const PROTECTED = 1 << 18
export const MOVABLE_KEYS = 1 << 19
/** Not shown among the commands' names that COMMAND DOCS tells of subcommands. */
export const ONLY_SENTINEL = 1 << 20
export const SENTINEL = 1 << 21
/** Needs the keyspace's whole attention: never in the middle of a snapshot (FLUSHALL). */
export const TOUCHES_ARBITRARY_KEYS = 1 << 22

/** The names of the flags as COMMAND INFO shows them, in the order of Redis. */
export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [WRITE, 'write'],
  [READONLY, 'readonly'],
  [DENYOOM, 'denyoom'],
  [ADMIN, 'admin'],
  [PUBSUB, 'pubsub'],
  [NOSCRIPT, 'noscript'],
  [BLOCKING, 'blocking'],
  [LOADING, 'loading'],
  [STALE, 'stale'],
  [SKIP_MONITOR, 'skip_monitor'],
  [SKIP_SLOWLOG, 'skip_slowlog'],
  [ASKING, 'asking'],
  [FAST, 'fast'],
  [NO_AUTH, 'no_auth'],
  [MAY_REPLICATE, 'may_replicate'],
  [NO_MULTI, 'no_multi'],
  [MOVABLE_KEYS, 'movablekeys'],
  [ALLOW_BUSY, 'allow_busy'],
  [NO_ASYNC_LOADING, 'no_async_loading'],
  [TOUCHES_ARBITRARY_KEYS, 'touches_arbitrary_keys'],
]

// What a command does to a key: the flags of a key specification.
export const KEY_RO = 1 << 0
export const KEY_RW = 1 << 1
export const KEY_OW = 1 << 2
export const KEY_RM = 1 << 3
export const KEY_ACCESS = 1 << 4
export const KEY_UPDATE = 1 << 5
export const KEY_INSERT = 1 << 6
export const KEY_DELETE = 1 << 7
export const KEY_NOT_KEY = 1 << 8
export const KEY_INCOMPLETE = 1 << 9
export const KEY_VARIABLE_FLAGS = 1 << 10

export const KEY_FLAG_NAMES: readonly (readonly [number, string])[] = [
  [KEY_RO, 'RO'],
  [KEY_RW, 'RW'],
  [KEY_OW, 'OW'],
  [KEY_RM, 'RM'],
  [KEY_ACCESS, 'access'],
  [KEY_UPDATE, 'update'],
  [KEY_INSERT, 'insert'],
  [KEY_DELETE, 'delete'],
  [KEY_NOT_KEY, 'not_key'],
  [KEY_INCOMPLETE, 'incomplete'],
  [KEY_VARIABLE_FLAGS, 'variable_flags'],
]

/** Where the keys of a command stand; the vocabulary of Redis 7's key specifications. */
export interface KeySpec {
  readonly flags: number
  /** The first key's position: an index, or behind the word `keyword`, which is looked for from `from` on. */
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly from: number }
    /** The arguments do not say: keys that are named by values (SORT's patterns), or anywhere. */
    | { readonly unknown: true }
  readonly find:
    | {
        /** The last key: relative to the first; negative counts from the end of the arguments, -1 being the last. */
        readonly last: number
        readonly step: number
        /** With `last` -1: 2 takes the first half of the rest, and so on; 0 or 1 takes all. */
        readonly limit: number
      }
    | {
        /** Where, from the first position, the number of keys stands; where the first key stands; how far apart. */
        readonly keyNumber: number
        readonly firstKey: number
        readonly step: number
      }
    | { readonly unknown: true }
}

/** One key at `index`. */
export function keyAt(index: number, flags: number): KeySpec[] {
  return [{ flags, begin: { index }, find: { last: 0, step: 1, limit: 0 } }]
}

/** The first argument is the key. */
export function firstKey(flags: number): KeySpec[] {
  return keyAt(1, flags)
}

/** Keys from `index` to `last` (negative: from the end), every `step`. */
export function keyRange(index: number, last: number, step: number, flags: number): KeySpec[] {
  return [{ flags, begin: { index }, find: { last: last < 0 ? last : last - index, step, limit: 0 } }]
}

export type Group =
  | 'generic'
  | 'string'
  | 'list'
  | 'set'
  | 'sorted-set'
  | 'hash'
  | 'pubsub'
  | 'transactions'
  | 'connection'
  | 'server'
  | 'scripting'
  | 'hyperloglog'
  | 'cluster'
  | 'sentinel'
  | 'geo'
  | 'stream'
  | 'bitmap'

export interface Declaration {
  /** Upper case. A subcommand is declared with its own name (`GET`), within its container. */
  readonly name: string
  /** Number of arguments with the name; negative: at least so many. */
  readonly arity: number
  readonly flags: number
  readonly since: string
  readonly group: Group
  /** In our own words: shown by COMMAND DOCS and the client's help. */
  readonly summary: string
  readonly complexity: string
  /** The arguments as Redis's documentation writes them: `key value [NX | XX] [GET]`. Empty for none. */
  readonly syntax?: string
  readonly keys?: readonly KeySpec[]
  /**
   * Which arguments name elements of the first key's collection: from an index on (negative: from the end backwards), how far apart,
   * 0 for that one alone. A hint for what is read ahead; it need not be true of every form of the command.
   */
  readonly elements?: readonly [from: number, step: number]
  /** ACL categories beyond those that follow from group and flags, such as `dangerous` or `keyspace`. */
  readonly categories?: readonly string[]
  /** COMMAND INFO's hints for clients, such as `nondeterministic_output`. */
  readonly tips?: readonly string[]
  readonly history?: readonly (readonly [string, string])[]
  readonly deprecated?: { readonly since: string; readonly replacedBy: string }
}

/**
 * Carries a command out. Arity has been checked, the keys are served here, and the client may run it. The handler writes
 * exactly one reply, unless it blocks the client. What changed it counts in `call.dirty`; if that grew, the command
 * goes to the append-only file and the replicas, as it came or as the handler says (`call.propagate`).
 */
export type Handler = (call: Call, args: Args, reply: Reply) => void

/**
 * Positions of keys where key specifications cannot say it (SORT, MIGRATE): pushes indexes of arguments, with the flags of a key
 * specification where it is known what becomes of the key.
 */
export type KeyFinder = (args: Args, push: (index: number, flags?: number) => void) => void

export interface Command extends Declaration {
  readonly handler: Handler
  readonly keyFinder?: KeyFinder
  readonly subcommands?: readonly Command[]
}

/** Declares a command. */
export function command(declaration: Declaration, handler: Handler, keyFinder?: KeyFinder): Command {
  return keyFinder === undefined ? { ...declaration, handler } : { ...declaration, handler, keyFinder }
}

/** Declares a command that only has subcommands, such as OBJECT; its own handler answers where none was named. */
export function container(declaration: Declaration, subcommands: readonly Command[]): Command {
  return { ...declaration, subcommands, handler: () => {} }
}
