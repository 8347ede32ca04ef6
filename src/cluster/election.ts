/**
 * Elections. A replica whose master has failed waits a moment (half a second, a random part, and a second for each
 * other replica that has more of the data), raises the epoch, and asks all masters for their votes. A master votes
 * once an epoch, and writes that down before its vote leaves. With the votes of a majority the replica takes over its
 * master's slots under the new epoch.
 */

import { broadcastAuthRequest, sendAuthAck } from './announce.js'
import { updateHealth } from './health.js'
import {
  advanceManual,
  awaitsOffset,
  checkManualTimeout,
  endElection,
  lacksData,
  resetManual,
} from './manual.js'
import { broadcastPong } from './ping.js'
import { setAsMaster } from './roles.js'
import { assignSlot, clearSlot, isUnclaimed, testBit } from './slots.js'
import type { ClusterNode, ClusterState } from './state.js'
import { FAILED, hasFailed, isMaster, isReplica, NOFAILOVER, PFAIL, quorum } from './state.js'
import type { Turn } from './turn.js'
import { log, shown, TODO_FAILOVER, TODO_MANUAL, TODO_STATE } from './turn.js'
import type { Packet } from './wire.js'
import { MFLAG_FORCEACK } from './wire.js'

const FIXED_DELAY_MS = 500
const RANDOM_DELAY_MS = 500
const RANK_DELAY_MS = 1000
/** Failed masters whose replicas stand before ours: each gets this long to be replaced, so that votes are not split. */
const SHARD_DELAY_MS = 500
const AUTH_TIMEOUT_MIN_MS = 2000
/**
 * An election that was not won within the time for votes is held anew after this pause. Masters vote again for replicas of
 * the same master after two node timeouts, which is no more than that time.
 */
const RETRY_PAUSE_MS = 500
/** The same complaint is logged again after this time. */
const RELOG_MS = 10_000

const CANT_NONE = 0
const CANT_DATA_AGE = 1
const CANT_WAITING_DELAY = 2
const CANT_EXPIRED = 3
const CANT_WAITING_VOTES = 4
/** Not a reason of Redis, which is not asked while it loads. */
const CANT_INCOMPLETE = 5

const CANT_TEXT: Record<number, string> = {
  [CANT_DATA_AGE]:
    "Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor' configuration option.",
  [CANT_WAITING_DELAY]: 'Waiting the delay before I can start a new failover.',
  [CANT_EXPIRED]: 'Failover attempt expired.',
  [CANT_WAITING_VOTES]: 'Waiting for votes, but majority still not reached.',
  [CANT_INCOMPLETE]: 'The data set is being loaded or is not complete.',
}

function authTimeout_ms(state: ClusterState): number {
  return Math.max(AUTH_TIMEOUT_MIN_MS, state.config.nodeTimeout_ms * 2)
}

/** Moves our own candidacy on: decides whether there is one, waits, asks for votes, takes over. */
export function advanceElection(turn: Turn): void {
  const { state, now_ms } = turn
  const { config, election, manual, myself } = state
  turn.todo &= ~TODO_FAILOVER
  // A process that stood still hears late votes before its next tick: the master may have let its clients go on.
  checkManualTimeout(turn)
  const byHand = manual.endsAt_ms !== 0 && manual.canStart
  const { master } = myself
  if (
    isMaster(myself) ||
    master === null ||
    (!hasFailed(master) && !byHand) ||
    (config.replicaNoFailover && !byHand) ||
    master.slotCount === 0
  ) {
    election.cantReason = CANT_NONE
    endElection(state)
    return
  }
  if (isIncomplete(state)) {
    endElection(state)
    logCant(turn, CANT_INCOMPLETE)
    return
  }
  if (!byHand && dataTooOld(state)) {
    logCant(turn, CANT_DATA_AGE)
    return
  }
  const age_ms = now_ms - election.at_ms
  if (age_ms > authTimeout_ms(state) + RETRY_PAUSE_MS) {
    schedule(turn)
    return
  }
  if (!election.asked && manual.endsAt_ms === 0) updateRank(turn)
  if (now_ms < election.at_ms) logCant(turn, CANT_WAITING_DELAY)
  else if (age_ms > authTimeout_ms(state)) logCant(turn, CANT_EXPIRED)
  else if (!election.asked) askForVotes(turn)
  else if (election.votes >= quorum(state)) {
    if (!byHand || !lacksData(state)) win(turn)
  } else logCant(turn, CANT_WAITING_VOTES)
}

/** Whether we hold less than some whole state of our master's data. */
function isIncomplete(state: ClusterState): boolean {
  return (state.local.loading || state.local.incomplete) && !state.faults.standIncomplete
}

/** Whether we have been without our master for too long to stand in for it. */
function dataTooOld(state: ClusterState): boolean {
  const { config, local } = state
  if (config.replicaValidityFactor === 0) return false
  let age_ms = local.dataAge_ms
  if (age_ms > config.nodeTimeout_ms) age_ms -= config.nodeTimeout_ms
  const limit_ms =
    config.replPingReplicaPeriod_s * 1000 + config.nodeTimeout_ms * config.replicaValidityFactor
  return age_ms > limit_ms
}

function schedule(turn: Turn): void {
  const { state, now_ms } = turn
  const { election, manual } = state
  election.votes = 0
  election.voters.clear()
  election.asked = false
  election.rank = rankOf(state)
  election.shardRank = shardRankOf(state)
  const random_ms = Math.floor(turn.random() * RANDOM_DELAY_MS)
  const ranks_ms = election.rank * RANK_DELAY_MS + election.shardRank * SHARD_DELAY_MS
  election.at_ms = now_ms + FIXED_DELAY_MS + random_ms + ranks_ms
  if (manual.endsAt_ms !== 0) {
    election.at_ms = now_ms
    election.rank = 0
    election.shardRank = 0
    turn.todo |= TODO_FAILOVER
  }
  log(
    turn,
    'notice',
    `Start of election delayed for ${election.at_ms - now_ms} milliseconds ` +
      `(rank #${election.rank}, offset ${state.local.offset_bytes}).`,
  )
  // The other replicas of our master rank themselves by our offset: let them have it.
  broadcastPong(turn, 'own replicas')
}

/** How many other replicas of our master have more of its data than we have. */
function rankOf(state: ClusterState): number {
  const { master } = state.myself
  if (master === null) return 0
  let rank = 0
  for (const other of master.replicas) {
    if (other === state.myself || (other.flags & NOFAILOVER) !== 0) continue
    if (other.offset_bytes > state.local.offset_bytes) rank++
  }
  return rank
}

/**
 * How many other masters have failed whose replicas stand before us: those with smaller shard ids. Candidates of several
 * failed masters that ask at one moment split the votes, and where few masters are left none gets a majority. Valkey 8.1
 * orders them in the same way, so that they take turns in mixed clusters, too.
 */
function shardRankOf(state: ClusterState): number {
  const { myself } = state
  let rank = 0
  for (const node of state.nodeList) {
    if (!isMaster(node) || !hasFailed(node) || node.slotCount === 0 || node === myself.master) continue
    if (node.shardId < myself.shardId && node.replicas.some(mayStand)) rank++
  }
  return rank
}

function mayStand(replica: ClusterNode): boolean {
  return (replica.flags & (FAILED | PFAIL | NOFAILOVER)) === 0
}

/** A master before ours has failed, too: wait longer. One has been replaced: no need to wait for it. */
function updateShardRank(turn: Turn): void {
  const { state, now_ms } = turn
  const { election } = state
  const shardRank = shardRankOf(state)
  if (shardRank === election.shardRank) return
  const added_ms = (shardRank - election.shardRank) * SHARD_DELAY_MS
  election.shardRank = shardRank
  const at_ms = election.at_ms + added_ms
  election.at_ms = added_ms > 0 ? at_ms : Math.max(at_ms, now_ms + shardRank * SHARD_DELAY_MS)
}

function updateRank(turn: Turn): void {
  updateShardRank(turn)
  const { election } = turn.state
  const rank = rankOf(turn.state)
  if (rank <= election.rank) return
  const added_ms = (rank - election.rank) * RANK_DELAY_MS
  election.at_ms += added_ms
  election.rank = rank
  log(turn, 'notice', `Replica rank updated to #${rank}, added ${added_ms} milliseconds of delay.`)
}

function askForVotes(turn: Turn): void {
  const { state } = turn
  state.currentEpoch++
  state.election.epoch = state.currentEpoch
  state.election.asked = true
  log(turn, 'notice', `Starting a failover election for epoch ${state.currentEpoch}.`)
  broadcastAuthRequest(turn)
  turn.ready.persist = true
  turn.todo |= TODO_STATE
}

function win(turn: Turn): void {
  const { election, myself } = turn.state
  log(turn, 'notice', "Failover election won: I'm the new master.")
  if (myself.configEpoch < election.epoch) {
    myself.configEpoch = election.epoch
    log(turn, 'notice', `configEpoch set to ${myself.configEpoch} after successful failover`)
  }
  takeOver(turn, election.epoch)
}

/**
 * Takes our master's place: its role and its slots. Our config epoch must be the new one already. `wonEpoch`: that of
 * the election that we won; 0 if there was none.
 */
export function takeOver(turn: Turn, wonEpoch: bigint): void {
  const { state } = turn
  const { myself } = state
  const { master } = myself
  if (isMaster(myself) || master === null) return
  setAsMaster(turn, myself)
  turn.ready.facts.push({ kind: 'promotedToMaster', epoch: wonEpoch })
  for (let slot = 0; slot < state.slotOwner.length; slot++) {
    if (state.slotOwner[slot] !== master) continue
    clearSlot(turn, slot)
    assignSlot(state, myself, slot)
  }
  updateHealth(turn)
  turn.ready.persist = true
  broadcastPong(turn, 'all')
  resetManual(turn)
}

/** A master gave us its vote. */
export function countVote(turn: Turn, voter: ClusterNode, packet: Packet): void {
  const { election, faults } = turn.state
  // A vote for an election that has ended.
  if (!election.asked) return
  if (!isMaster(voter) || voter.slotCount === 0 || packet.currentEpoch < election.epoch) return
  if (election.voters.has(voter.name)) return
  election.voters.add(voter.name)
  election.votes += faults.countVotesTwice ? 2 : 1
  turn.todo |= TODO_FAILOVER
}

/** A replica asks for our vote. */
export function considerVote(turn: Turn, replica: ClusterNode, request: Packet): void {
  const { state, now_ms } = turn
  const { myself } = state
  // Only masters with slots have a vote; the others' silence is no refusal worth a line.
  if (isReplica(myself) || myself.slotCount === 0) return
  const refusal = refusalOf(turn, replica, request)
  if (refusal !== null) {
    log(turn, 'warning', `Failover auth denied to ${refusal}`)
    return
  }
  const master = replica.master!
  state.lastVoteEpoch = state.currentEpoch
  master.votedAt_ms = now_ms
  turn.ready.persist = true
  sendAuthAck(turn, replica)
  turn.ready.facts.push({
    kind: 'voted',
    epoch: state.currentEpoch,
    replica: replica.name,
    master: master.name,
  })
  log(turn, 'notice', `Failover auth granted to ${shown(replica)} for epoch ${state.currentEpoch}`)
}

function refusalOf(turn: Turn, replica: ClusterNode, request: Packet): string | null {
  const { state, now_ms } = turn
  const { master } = replica
  const who = shown(replica)
  const forced = (request.mflags & MFLAG_FORCEACK) !== 0
  if (request.currentEpoch < state.currentEpoch) {
    return `${who}: reqEpoch (${request.currentEpoch}) < curEpoch(${state.currentEpoch})`
  }
  if (state.lastVoteEpoch === state.currentEpoch)
    return `${who}: already voted for epoch ${state.currentEpoch}`
  if (isMaster(replica)) return `${who}: it is a master node`
  if (master === null) return `${who}: I don't know its master`
  if (!hasFailed(master) && !forced) return `${who}: its master is up`
  const waited_ms = now_ms - master.votedAt_ms
  const pause_ms = state.config.nodeTimeout_ms * 2
  if (waited_ms < pause_ms) {
    return `${replica.name} ${replica.humanName}: can't vote about this master before ${pause_ms - waited_ms} milliseconds`
  }
  for (let slot = 0; slot < state.slotOwner.length; slot++) {
    if (!testBit(request.slots, slot) || isUnclaimed(state, slot)) continue
    const epoch = state.slotOwner[slot]!.configEpoch
    if (epoch <= request.configEpoch) continue
    return `${who}: slot ${slot} epoch (${epoch}) > reqEpoch (${request.configEpoch})`
  }
  return null
}

/** Says why there is no failover: once a reason, then every ten seconds, and not while all may still go well. */
function logCant(turn: Turn, reason: number): void {
  const { state, now_ms } = turn
  const { election, myself } = state
  if (reason === election.cantReason && now_ms - election.cantLoggedAt_ms < RELOG_MS) return
  election.cantReason = reason
  const { master } = myself
  const young =
    master !== null && hasFailed(master) && now_ms - master.failedAt_ms < state.config.nodeTimeout_ms + 5000
  if (young) return
  election.cantLoggedAt_ms = now_ms
  log(turn, 'notice', `Currently unable to failover: ${CANT_TEXT[reason] ?? 'Unknown reason code.'}`)
  if (reason === CANT_WAITING_VOTES || reason === CANT_EXPIRED) {
    log(turn, 'notice', `Needed quorum: ${quorum(state)}. Number of votes received so far: ${election.votes}`)
  }
}

/** When the election or the manual failover wants to be looked at again. */
export function electionDeadline_ms(turn: Turn): number {
  const { state, now_ms } = turn
  if (!isReplica(state.myself)) return Number.POSITIVE_INFINITY
  if (awaitsOffset(turn)) return now_ms + 1
  const { election, myself } = state
  const open = myself.master !== null && hasFailed(myself.master) && !election.asked
  return open && election.at_ms > now_ms ? election.at_ms : Number.POSITIVE_INFINITY
}

/** Both steps of a replica that may stand for election, in their order. */
export function advanceFailover(turn: Turn): void {
  turn.todo &= ~TODO_MANUAL
  if (!isReplica(turn.state.myself)) return
  advanceManual(turn)
  advanceElection(turn)
}
