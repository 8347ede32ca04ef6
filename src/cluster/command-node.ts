/** CLUSTER subcommands about nodes: MEET, FORGET, REPLICATE, FAILOVER, RESET, SET-CONFIG-EPOCH and the like. */

import { BUS_PORT_OFFSET, sendManualStart } from './announce.js'
import { takeOver } from './election.js'
import { bumpEpoch, maxEpoch } from './epochs.js'
import { forgetName, isForgotten } from './forget.js'
import { parseInt64, parseInteger } from './integer.js'
import { resetManual, votesAreDue } from './manual.js'
import { startHandshake } from './meet.js'
import { addToShard, deleteNode, lookup, randomName } from './nodes.js'
import type { Reply } from './reply.js'
import { error, OK, simple } from './reply.js'
import { replicate, setAsMaster } from './roles.js'
import { clearSlot, closeAllSlots } from './slots.js'
import { hasFailed, isMaster, isReplica } from './state.js'
import type { Turn } from './turn.js'
import { log, TODO_FAILOVER, TODO_STATE } from './turn.js'

const LOADING: Reply = { kind: 'error', text: 'LOADING Redis is loading the dataset in memory' }
const SYNTAX_ERROR = error('syntax error')
const NOT_AN_INTEGER = error('value is not an integer or out of range')

export function meet(turn: Turn, args: readonly string[]): Reply {
  const port = parseInteger(args[1]!)
  if (port === null) return error(`Invalid base port specified: ${args[1]}`)
  let busPort: number | null = port + BUS_PORT_OFFSET
  if (args.length === 3) {
    busPort = parseInteger(args[2]!)
    if (busPort === null) return error(`Invalid bus port specified: ${args[2]}`)
  }
  if (startHandshake(turn, args[0]!, port, busPort)) return OK
  return error(`Invalid node address specified: ${args[0]}:${args[1]}`)
}

export function forget(turn: Turn, name: string): Reply {
  const { state, now_ms } = turn
  const node = lookup(state, name)
  if (node === null) return isForgotten(state, name, now_ms) ? OK : error(`Unknown node ${name}`)
  if (node === state.myself) return error("I tried hard but I can't forget myself...")
  if (isReplica(state.myself) && state.myself.master === node) return error("Can't forget my master!")
  forgetName(state, name, now_ms + state.config.forgetTtl_ms, now_ms)
  deleteNode(turn, node)
  turn.ready.persist = true
  turn.todo |= TODO_STATE
  return OK
}

export function replicateCommand(turn: Turn, name: string): Reply {
  const { state } = turn
  const { myself } = state
  const node = lookup(state, name)
  if (node === null) return error(`Unknown node ${name}`)
  if (node === myself) return error("Can't replicate myself")
  if (isReplica(node)) return error('I can only replicate a master, not a replica.')
  if (isMaster(myself) && (myself.slotCount !== 0 || state.local.keyCount() !== 0)) {
    return error('To set a master the node must be empty and without assigned slots.')
  }
  replicate(turn, node)
  turn.ready.persist = true
  turn.todo |= TODO_STATE
  return OK
}

/** FAILOVER [FORCE|TAKEOVER], on a replica. */
export function failover(turn: Turn, option: string | undefined): Reply {
  const { state } = turn
  const { myself, manual } = state
  const how = option?.toLowerCase()
  if (how !== undefined && how !== 'force' && how !== 'takeover') return SYNTAX_ERROR
  if (isMaster(myself)) return error('You should send CLUSTER FAILOVER to a replica')
  const { master } = myself
  if (master === null) return error("I'm a replica but my master is unknown to me")
  if (how === undefined && (hasFailed(master) || master.link === null)) {
    return error('Master is down or failed, please use CLUSTER FAILOVER FORCE')
  }
  if (state.local.loading) return LOADING
  if (how !== 'takeover' && votesAreDue(turn)) return OK
  resetManual(turn)
  manual.endsAt_ms = turn.now_ms + state.config.manualFailoverTimeout_ms
  if (how === 'takeover') {
    log(turn, 'notice', 'Taking over the master (user request).')
    bumpEpoch(turn)
    takeOver(turn, 0n)
  } else if (how === 'force') {
    log(turn, 'notice', 'Forced failover user request accepted.')
    manual.canStart = true
    turn.todo |= TODO_FAILOVER
  } else {
    log(turn, 'notice', 'Manual failover user request accepted.')
    sendManualStart(turn, master)
  }
  return OK
}

/** RESET [HARD|SOFT]: forgets all nodes and slots; HARD takes a new name and starts epochs at zero. */
export function reset(turn: Turn, option: string | undefined): Reply {
  const { state } = turn
  const how = option?.toLowerCase()
  if (how !== undefined && how !== 'hard' && how !== 'soft') return SYNTAX_ERROR
  const { myself } = state
  if (isMaster(myself) && state.local.keyCount() !== 0) {
    return error("CLUSTER RESET can't be called with master nodes containing keys")
  }
  const flush = isReplica(myself)
  if (flush) setAsMaster(turn, myself)
  closeAllSlots(state)
  resetManual(turn)
  for (let slot = 0; slot < state.slotOwner.length; slot++) clearSlot(turn, slot)
  for (const node of [...state.nodeList]) if (node !== myself) deleteNode(turn, node)
  state.forgotten.clear()
  state.shards.clear()
  if (how === 'hard') takeNewName(turn)
  addToShard(state, myself)
  state.rejoining = false
  state.minorityAt_ms = 0
  turn.ready.persist = true
  turn.todo |= TODO_STATE
  turn.ready.facts.push({ kind: 'resetDone', hard: how === 'hard', flush })
  return OK
}

function takeNewName(turn: Turn): void {
  const { state } = turn
  const { myself } = state
  state.currentEpoch = 0n
  state.lastVoteEpoch = 0n
  myself.configEpoch = 0n
  log(turn, 'notice', 'configEpoch set to 0 via CLUSTER RESET HARD')
  state.nodes.delete(myself.name)
  myself.name = randomName(turn.random)
  myself.shardId = randomName(turn.random)
  state.nodes.set(myself.name, myself)
  log(turn, 'notice', `Node hard reset, now I'm ${myself.name}`)
}

/** SET-CONFIG-EPOCH: only for a node that is new and alone. */
export function setConfigEpoch(turn: Turn, text: string): Reply {
  const { state } = turn
  const { myself } = state
  const epoch = parseInt64(text)
  if (epoch === null) return NOT_AN_INTEGER
  if (epoch < 0) return error(`Invalid config epoch specified: ${epoch}`)
  if (state.nodes.size > 1) {
    return error('The user can assign a config epoch only when the node does not know any other node.')
  }
  if (myself.configEpoch !== 0n) return error('Node config epoch is already non-zero')
  myself.configEpoch = epoch
  log(turn, 'notice', `configEpoch set to ${epoch} via CLUSTER SET-CONFIG-EPOCH`)
  state.currentEpoch = maxEpoch(state)
  turn.ready.persist = true
  turn.todo |= TODO_STATE
  return OK
}

export function bumpEpochCommand(turn: Turn): Reply {
  const bumped = bumpEpoch(turn)
  return simple(`${bumped ? 'BUMPED' : 'STILL'} ${turn.state.myself.configEpoch}`)
}
