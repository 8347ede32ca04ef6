/**
 * Is the cluster up, as we see it? All slots covered (if that is required), and more than half of the masters within
 * reach. A master that was away comes back slowly: it may have been replaced, and must hear of that before it takes
 * writes again.
 */

import { SLOTS } from '../bytes/crc16.js'
import type { ClusterConfig, ClusterState } from './state.js'
import { FAILED, inHandshake, isMaster, PFAIL, quorum } from './state.js'
import type { Turn } from './turn.js'
import { log, TODO_STATE } from './turn.js'

const REJOIN_DELAY_MAX_MS = 5000
const REJOIN_DELAY_MIN_MS = 500
/** After a restart as a member with slots, a master stays down this long at least. */
const WRITABLE_DELAY_MS = 2000
const STANDSTILL_MIN_MS = 500
/** A step that comes this much later than it was asked for: less is what any timer is late. */
const OVERSLEPT_MIN_MS = 50

function rejoinDelay_ms(state: ClusterState): number {
  return Math.min(REJOIN_DELAY_MAX_MS, Math.max(REJOIN_DELAY_MIN_MS, state.config.nodeTimeout_ms))
}

export function updateHealth(turn: Turn): void {
  const { state, now_ms } = turn
  turn.todo &= ~TODO_STATE
  if (state.firstUpdateAt_ms === 0) state.firstUpdateAt_ms = now_ms
  const reachable = countMasters(state)
  // A node that belongs to no cluster yet has nothing to come back to: neither delay is for it.
  const waits = isMaster(state.myself) && !state.ok
  const minority = reachable < quorum(state)
  if (minority && state.size > 0) state.minorityAt_ms = now_ms
  if (waits && state.rejoining && now_ms - state.firstUpdateAt_ms < WRITABLE_DELAY_MS) return
  const ok = !minority && (!state.config.requireFullCoverage || allCovered(state))
  if (ok === state.ok) return
  if (ok && waits && now_ms - state.minorityAt_ms < rejoinDelay_ms(state)) return
  state.ok = ok
  state.servedStale = true
  state.rejoining = false
  log(turn, ok ? 'notice' : 'warning', `Cluster state changed: ${ok ? 'ok' : 'fail'}`)
  turn.ready.facts.push({ kind: 'stateChanged', ok })
}

/** A pause between two steps that is longer than this is a standstill; never so short as steps are apart in peace. */
export function standstill_ms(config: ClusterConfig): number {
  return Math.max(config.nodeTimeout_ms, STANDSTILL_MIN_MS)
}

/**
 * At the beginning of every step. `step` said when it wants to be called again; from then on this process stood still (it was
 * stopped, the machine was busy or asleep, a file was slow). Answers and handshakes may have arrived meanwhile without
 * having been read, so that time counts neither as a silence of the others nor against a handshake.
 */
function discountStandstill(state: ClusterState, now_ms: number): void {
  const still_ms = now_ms - Math.max(state.steppedAt_ms, state.wakeAt_ms)
  if (state.steppedAt_ms === 0 || still_ms < OVERSLEPT_MIN_MS) return
  for (const node of state.nodeList) {
    if (inHandshake(node)) node.createdAt_ms += still_ms
    if (node.pingSentAt_ms !== 0) node.pingSentAt_ms += still_ms
  }
}

/**
 * At the beginning of every step. A master that stood still for longer than the node timeout (its process was stopped,
 * the machine was) may have been replaced meanwhile, and may come upon its clients' writes before it comes upon that
 * news: it comes back as slowly as one that was cut off.
 */
export function noticeStandstill(turn: Turn): void {
  const { state, now_ms } = turn
  discountStandstill(state, now_ms)
  const still_ms = state.steppedAt_ms === 0 ? 0 : now_ms - state.steppedAt_ms
  state.steppedAt_ms = now_ms
  if (still_ms <= standstill_ms(state.config) || !state.ok) return
  // Without other masters there is nobody who could have elected another one.
  if (!isMaster(state.myself) || state.myself.slotCount === 0 || state.size < 2) return
  state.minorityAt_ms = now_ms
  state.ok = false
  state.servedStale = true
  log(
    turn,
    'warning',
    `Nothing was done here for ${still_ms} milliseconds: other masters may have been elected.`,
  )
  log(turn, 'warning', 'Cluster state changed: fail')
  turn.ready.facts.push({ kind: 'stateChanged', ok: false })
}

/** Counts the masters with slots into `size`; answers how many of them are within reach. */
function countMasters(state: ClusterState): number {
  let reachable = 0
  state.size = 0
  for (const node of state.nodeList) {
    if (!isMaster(node) || node.slotCount === 0) continue
    state.size++
    if ((node.flags & (FAILED | PFAIL)) === 0) reachable++
  }
  return reachable
}

/** Every slot has an owner that has not failed. Slots are counted at their owners, so nodes need looking at only. */
function allCovered(state: ClusterState): boolean {
  let covered = 0
  for (const node of state.nodeList) if ((node.flags & FAILED) === 0) covered += node.slotCount
  return covered === SLOTS
}

/** When a state that is down only because of a delay may turn; Infinity when it is not a matter of time. */
export function healthDeadline_ms(state: ClusterState): number {
  if (state.ok || !isMaster(state.myself)) return Number.POSITIVE_INFINITY
  const writable_ms = state.rejoining ? state.firstUpdateAt_ms + WRITABLE_DELAY_MS : 0
  const rejoin_ms = state.minorityAt_ms === 0 ? 0 : state.minorityAt_ms + rejoinDelay_ms(state)
  return Math.max(writable_ms, rejoin_ms) || Number.POSITIVE_INFINITY
}
