/**
 * The cluster's state machine. One input goes in together with the time; what the world must do comes out, to be
 * carried out top to bottom (see Ready). `state` is changed in place. Nothing here opens a socket, reads a clock or
 * draws a random number, so the same code runs in a server and in the simulator.
 */

import { updateOwnPorts } from './announce.js'
import { runCommand } from './command.js'
import { announceIfOwed, cron, finishHealth, nextWake_ms } from './cron.js'
import { advanceElection, advanceFailover } from './election.js'
import { setClientIps, setHostname, setHumanName } from './gossip.js'
import { noticeStandstill } from './health.js'
import { connectMissing, handleLink } from './links.js'
import { checkLoadedData } from './loaded.js'
import { publish } from './publish.js'
import { receive } from './receive.js'
import { refreshServed } from './slots.js'
import type { ClusterConfig, ClusterState } from './state.js'
import { NOFAILOVER } from './state.js'
import type { Input, Ready, Turn } from './turn.js'
import { createTurn, TODO_CONNECT, TODO_FAILOVER, TODO_MANUAL, TODO_STATE } from './turn.js'

/** Moves on a candidacy at most this often within one turn; one input never needs more. */
const FAILOVER_ROUNDS_MAX = 4

/**
 * @param now_ms Unix time in milliseconds; never less than in the step before.
 * @param random numbers in [0, 1); node ids are made of them.
 */
export function step(state: ClusterState, input: Input, now_ms: number, random: () => number): Ready {
  const turn = createTurn(state, now_ms, random)
  noticeStandstill(turn)
  switch (input.kind) {
    case 'packet':
      receive(turn, input.link, input.packet)
      break
    case 'tick':
      cron(turn)
      break
    case 'command':
      turn.ready.reply = runCommand(turn, input.args, { tls: input.tls, ipv6: input.ipv6 ?? false })
      break
    case 'link':
      handleLink(turn, input)
      break
    case 'publish':
      publish(turn, input.channel, input.message, input.sharded)
      break
    case 'configure':
      configure(turn, input.config)
      break
    case 'loaded':
      checkLoadedData(turn)
      break
  }
  finish(turn, input.kind === 'packet')
  return turn.ready
}

function finish(turn: Turn, afterPacket: boolean): void {
  const { state, ready } = turn
  for (let round = 0; round < FAILOVER_ROUNDS_MAX; round++) {
    if ((turn.todo & TODO_MANUAL) !== 0) advanceFailover(turn)
    else if ((turn.todo & TODO_FAILOVER) !== 0) advanceElection(turn)
    else break
  }
  finishHealth(turn)
  if ((turn.todo & TODO_CONNECT) !== 0) connectMissing(turn)
  announceIfOwed(turn)
  if ((state.servedStale || state.staleSlots.length > 0) && refreshServed(state))
    ready.facts.push({ kind: 'servedChanged' })
  if (turn.rebound.length > 0) ready.facts.push({ kind: 'slotsRebound', slots: turn.rebound })
  if (ready.persist) ready.save = true
  if (state.faults.answerUnsaved && ready.reply !== null) ready.persist = false
  ready.wakeAt_ms = nextWake_ms(turn, afterPacket)
  state.wakeAt_ms = ready.wakeAt_ms
}

function configure(turn: Turn, changes: Partial<ClusterConfig>): void {
  const { state } = turn
  const before = state.config.announceIp
  state.config = { ...state.config, ...changes }
  applyConfig(turn, before)
}

/** Brings our own node record in line with the configuration: at the start, and after CONFIG SET. */
export function applyConfig(turn: Turn, announcedIpBefore: string): void {
  const { state } = turn
  const { config, myself } = state
  updateOwnPorts(state)
  if (config.announceIp !== announcedIpBefore) myself.ip = config.announceIp
  setHostname(turn, myself, config.announceHostname)
  setHumanName(turn, myself, config.announceHumanNodename)
  setClientIps(turn, myself, config.announceClientIpv4, config.announceClientIpv6)
  const flags = config.replicaNoFailover ? myself.flags | NOFAILOVER : myself.flags & ~NOFAILOVER
  if (flags !== myself.flags) turn.ready.save = true
  myself.flags = flags
  turn.todo |= TODO_STATE
}
