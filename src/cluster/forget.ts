/**
 * Forgotten nodes: after CLUSTER FORGET a name is not taken back from gossip for a minute (cluster-blacklist-ttl), time
 * enough to tell every other node to forget it as well.
 */

import type { ClusterState } from './state.js'

/** Names remembered at most; beyond, the oldest is given up. */
const FORGOTTEN_MAX = 1000

export function forgetName(state: ClusterState, name: string, until_ms: number, now_ms: number): void {
  dropExpired(state, now_ms)
  if (state.forgotten.size >= FORGOTTEN_MAX) {
    for (const oldest of state.forgotten.keys()) {
      state.forgotten.delete(oldest)
      break
    }
  }
  state.forgotten.set(name, until_ms)
}

export function isForgotten(state: ClusterState, name: string, now_ms: number): boolean {
  if (state.forgotten.size === 0) return false
  dropExpired(state, now_ms)
  return state.forgotten.has(name)
}

function dropExpired(state: ClusterState, now_ms: number): void {
  for (const [name, until_ms] of state.forgotten) if (until_ms < now_ms) state.forgotten.delete(name)
}
