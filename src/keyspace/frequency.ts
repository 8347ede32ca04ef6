/**
 * How often a key is used, in the 24 bits of its access clock (maxmemory-policy …-lfu): 16 bits of minutes since 1970 when
 * it was last written, and a counter of 8 bits. The counter grows by chance, the more rarely the higher it is, so that
 * 255 stands for a million uses or so (`lfu-log-factor`), and falls by one for every `lfu-decay-time` minutes without use. A new
 * key begins a little above zero, lest it be evicted before it had a chance. The scheme is Redis's: "Random notes on
 * improving the Redis LRU algorithm", antirez.com/news/109.
 */

import type { Keyspace } from './keyspace.js'

/** What stands for the clock of an entry that is new. */
export const NEVER_USED = -1
const NEW_KEY = 5
const COUNTER_MAX = 255

function minutes(now_ms: number): number {
  return Math.floor(now_ms / 60_000) & 0xffff
}

/** The clock of a key that has just come. */
export function newFrequency(keyspace: Keyspace): number {
  return (minutes(keyspace.now_ms) << 8) | NEW_KEY
}

/** The clock of a key whose counter is known, as RESTORE and RDB files tell it. */
export function knownFrequency(keyspace: Keyspace, counter: number): number {
  return (minutes(keyspace.now_ms) << 8) | counter
}

/** The counter as it is now, 0 to 255. */
export function frequencyOf(keyspace: Keyspace, access: number): number {
  const every_min = keyspace.lfuDecayTime_min
  if (every_min === 0) return access & 0xff
  const idle_min = (minutes(keyspace.now_ms) - (access >>> 8)) & 0xffff
  return Math.max(0, (access & 0xff) - Math.floor(idle_min / every_min))
}

/** The clock of a key that is used once more. */
export function usedAgain(keyspace: Keyspace, access: number): number {
  const counter = frequencyOf(keyspace, access)
  const above = Math.max(0, counter - NEW_KEY)
  const grows =
    counter < COUNTER_MAX && (keyspace.random32() >>> 0) / 2 ** 32 < 1 / (above * keyspace.lfuLogFactor + 1)
  return (minutes(keyspace.now_ms) << 8) | (grows ? counter + 1 : counter)
}
