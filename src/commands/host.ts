/**
 * What a command needs of the node beyond the keyspace. It is deliberately narrow: commands see the node only through
 * this, so that they run as well in a test, in a script or in a replay. server/ implements it.
 */

import type { Database } from '../keyspace/database.js'

export interface Host {
  /** The value of a configuration directive that is a number (bytes, milliseconds, counts, 0 or 1 for yes or no). */
  configNumber(name: string): number
  /** Sends a keyspace notification; `event` as in Redis (`set`, `del`, `expire`). Called only if one is wanted. */
  notify(kind: number, event: string, db: Database, key: Uint8Array, start: number, end: number): void
  /** Wakes clients that wait for this key: it now holds something that may serve them. */
  keyReady(db: Database, key: Uint8Array, start: number, end: number): void
  /** Uniform 32-bit integers. */
  random32(): number
  /** A line in the log: `level` is one of `debug`, `verbose`, `notice`, `warning`. */
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', message: string): void
}

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
