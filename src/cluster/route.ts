/**
 * Routing of the data path. Nearly every command meets `state.served[slot] === 1`: one load, serve it. Everything
 * else comes here: slots of others, slots being moved, a cluster that is down, replicas that may read.
 */

import { preferredEndpoint } from './reports.js'
import type { ClusterNode, ClusterState, Viewer } from './state.js'
import { clientPort, isReplica } from './state.js'

/** What routing must know of a command (or of a whole transaction) whose keys all fall into one slot. */
export interface RouteQuestion {
  /** The command writes; of an EXEC, any of its commands. */
  readonly write: boolean
  /** The client sent READONLY. */
  readonly readonly: boolean
  /** The client sent ASKING before, or the command is flagged so (RESTORE-ASKING). */
  readonly asking: boolean
  /** SSUBSCRIBE, SUNSUBSCRIBE or SPUBLISH: keys are channels. */
  readonly pubsubShard: boolean
  readonly migrate: boolean
  /** How the client is connected. */
  readonly viewer: Viewer
  /** Only looked at where slotIsOpen(): keys of the command that are here, and that are not. */
  readonly existingKeys: number
  readonly missingKeys: number
  /** The command names at least two different keys. */
  readonly multipleKeys: boolean
}

/** The slot is being moved away or in, so route() needs to know which of the command's keys are here. */
export function slotIsOpen(state: ClusterState, slot: number): boolean {
  return isMigrating(state, slot) || state.importingFrom.has(slot)
}

function isMigrating(state: ClusterState, slot: number): boolean {
  return state.slotOwner[slot] === state.myself && state.migratingTo.has(slot)
}

export const CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"

/** Null: serve it here. Otherwise the error to send: its text begins with the code (MOVED, ASK, TRYAGAIN …). */
export function route(state: ClusterState, slot: number, question: RouteQuestion): string | null {
  const { myself, config } = state
  const owner = state.slotOwner[slot] ?? null
  if (owner === null) return 'CLUSTERDOWN Hash slot not served'
  if (!state.ok) {
    if (question.pubsubShard) {
      if (!config.allowPubsubshardWhenDown) return 'CLUSTERDOWN The cluster is down'
    } else if (!config.allowReadsWhenDown) {
      return 'CLUSTERDOWN The cluster is down'
    } else if (question.write) {
      return 'CLUSTERDOWN The cluster is down and only accepts read commands'
    }
  }
  const migrating = isMigrating(state, slot)
  const importing = !migrating && state.importingFrom.has(slot)
  if ((migrating || importing) && question.migrate) return null
  const missing = question.pubsubShard ? 0 : question.missingKeys
  if (migrating && missing > 0) {
    if (question.existingKeys > 0) return 'TRYAGAIN Multiple keys request during rehashing of slot'
    return redirect(state, 'ASK', slot, state.migratingTo.get(slot)!, question.viewer)
  }
  if (importing && question.asking) {
    if (question.multipleKeys && missing > 0) return 'TRYAGAIN Multiple keys request during rehashing of slot'
    return null
  }
  if (owner === myself) return null
  const mayRead = (question.readonly || question.pubsubShard) && !question.write
  if (mayRead && isReplica(myself) && myself.master === owner) return null
  return redirect(state, 'MOVED', slot, owner, question.viewer)
}

/** For a client that is blocked on a key of `slot`: null to go on waiting, otherwise the error that ends it. */
export function routeBlocked(
  state: ClusterState,
  slot: number,
  readonly: boolean,
  write: boolean,
  viewer: Viewer,
): string | null {
  if (!state.ok) return 'CLUSTERDOWN The cluster is down'
  const { myself } = state
  const owner = state.slotOwner[slot] ?? null
  if (owner === myself || state.importingFrom.has(slot)) return null
  if (readonly && !write && isReplica(myself) && myself.master === owner && owner !== null) return null
  if (owner === null) return 'CLUSTERDOWN Hash slot not served'
  return redirect(state, 'MOVED', slot, owner, viewer)
}

function redirect(state: ClusterState, how: string, slot: number, to: ClusterNode, viewer: Viewer): string {
  return `${how} ${slot} ${preferredEndpoint(state, to, viewer)}:${clientPort(to, viewer.tls)}`
}
