/** A simulated process: gives inputs to step() and carries out what comes back, as server/ does. */

import type { ClusterState, Fact, Input, Ready } from '../cluster/index.js'
import {
  ask,
  begun,
  createGate,
  decodeNodesConf,
  encodeNodesConf,
  freshState,
  nodesDeadline_ms,
  reached,
  step,
  TYPE_NAMES,
  whenSafe,
} from '../cluster/index.js'
import { notePromotion, noteRestart, noteState, noteTold, noteTurn, noteVote } from './invariants.js'
import { closeSide, connect, transmit } from './network.js'
import { between, chance, random } from './prng.js'
import { becomeMaster, becomeReplica } from './replication.js'
import { runUntil, schedule } from './timeline.js'
import type { Own, SimNode, World } from './world.js'
import { tell, violate } from './world.js'

/** A client without an answer gives up after this time. */
const ANSWER_TIMEOUT_MS = 5000

/** Ties the network to the processes; before anything is started. */
export function boot(world: World): void {
  world.deliver = (node, input) => {
    if (world.inputCost_ms === 0) give(world, node, input)
    else enqueue(world, node, input)
  }
}

/** Gives a process with a slow processor an input when those before it are done. */
function enqueue(world: World, node: SimNode, input: Input): void {
  const { timeline } = world
  const { life } = node
  const at_ms = Math.max(node.busyUntil_ms, timeline.now_ms)
  node.busyUntil_ms = at_ms + world.inputCost_ms
  schedule(timeline, at_ms, () => {
    if (node.life === life) give(world, node, input)
  })
}

/** Starts a process from what is on its disk. */
export function start(world: World, node: SimNode): void {
  if (node.state !== null) return
  const { timeline, prng } = world
  const next = () => random(prng)
  node.life++
  node.pausedUntil_ms = 0
  node.crashAtPersist = false
  node.clientsPausedUntil_ms = 0
  node.replication.master = null
  node.replication.linkedAt_ms = Number.POSITIVE_INFINITY
  node.replication.loadingUntil_ms = 0
  const config = { ...world.config, port: node.port }
  if (node.disk === null) {
    node.state = freshState(config, node.local, timeline.now_ms, next)
    node.disk = encodeNodesConf(node.state)
  } else {
    const loaded = decodeNodesConf(node.disk, config, node.local, timeline.now_ms, next)
    if (!loaded.ok) {
      violate(world, `n${node.index} cannot read its own nodes.conf: ${loaded.reason}`)
      return
    }
    node.state = loaded.state
    noteRestart(world, node)
  }
  if (world.bug !== 'none') node.state.faults[world.bug] = true
  node.local.keysInSlot = (slot) => (slot % 7 === 0 ? 1 : 0)
  node.unsynced = false
  node.gate = createGate()
  noteState(node)
  world.watch.names.set(node.state.myself.name, node.index)
  tell(world, `n${node.index} starts`)
  give(world, node, { kind: 'tick' })
}

/** The process dies at once. What was not synced is lost, or not. */
export function crash(world: World, node: SimNode): void {
  if (node.state === null) return
  tell(world, `n${node.index} crashes`)
  if (node.writing !== null && chance(world.prng, 0.5)) node.disk = node.writing
  if (node.unsynced && chance(world.prng, 0.5)) node.disk = encodeNodesConf(node.state)
  node.writing = null
  node.unsynced = false
  node.state = null
  node.life++
  for (const link of [...node.connections.keys()]) closeSide(world, node, link)
  node.connections.clear()
}

/** Gives a process an input now, or when it moves again. */
export function give(world: World, node: SimNode, input: Input): Ready | null {
  const { timeline } = world
  const { state, life } = node
  if (state === null) return null
  if (node.pausedUntil_ms > timeline.now_ms) {
    schedule(timeline, node.pausedUntil_ms, () => {
      if (node.life === life) give(world, node, input)
    })
    return null
  }
  refreshLocal(world, node)
  const ready = step(state, input, timeline.now_ms, () => random(world.prng))
  noteState(node)
  checkWake(world, state)
  carryOut(world, node, ready)
  return ready
}

/** A node wants its next tick when the first of the others is due, at the latest. */
function checkWake(world: World, state: ClusterState): void {
  const due_ms = Math.max(nodesDeadline_ms(state), world.timeline.now_ms + 1)
  if (state.wakeAt_ms > due_ms) violate(world, `a tick is late by ${state.wakeAt_ms - due_ms} ms`)
}

function refreshLocal(world: World, node: SimNode): void {
  const { local, replication } = node
  local.offset_bytes = replication.offset_bytes
  local.replicating = replication.master !== null
  local.loading = replication.loadingUntil_ms !== 0
  local.incomplete = replication.incomplete
  local.linkUp = !local.loading && replication.linkedAt_ms <= world.timeline.now_ms
  local.dataAge_ms = world.timeline.now_ms - replication.lastHeard_ms
}

/** Top to bottom, as Ready says; a process that is to crash does so somewhere in between. */
function carryOut(world: World, node: SimNode, ready: Ready): void {
  const own = node.past.at(-1)!
  for (const line of ready.log) {
    const told = line.level === 'notice' || line.level === 'warning' || world.traceLevel === 'all'
    if (told) tell(world, `n${node.index} ${line.text}`)
  }
  if (node.crashAtPersist && ready.persist) {
    crashWithin(world, node, ready, own)
    return
  }
  if (ready.persist) {
    ask(node.gate)
    if (ready.facts.some(({ kind }) => kind === 'promotedToMaster')) saveNow(node)
    else if (node.writing === null) beginWrite(world, node)
  } else if (ready.save) {
    node.unsynced = true
  }
  whenSafe(node.gate, () => {
    depart(world, node, ready, ready.send, own)
    for (const link of ready.close) closeSide(world, node, link)
  })
  for (const { link, ip, port } of ready.connect) connect(world, node, link, ip, port)
  for (const fact of ready.facts) act(world, node, fact)
  planTick(world, node, ready.wakeAt_ms)
}

/** Before the write, after it, when half of the packets have left, or all. */
function crashWithin(world: World, node: SimNode, ready: Ready, own: Own): void {
  const point = between(world.prng, 0, 3)
  if (point > 0) {
    ask(node.gate)
    saveNow(node)
  }
  const { send } = ready
  if (point === 2) depart(world, node, ready, send.slice(0, send.length >> 1), own)
  if (point === 3) depart(world, node, ready, send, own)
  crash(world, node)
}

function depart(world: World, node: SimNode, ready: Ready, sends: Ready['send'], own: Own): void {
  // A vote counts as given once it may have left.
  const acked = sends.some(({ packet }) => TYPE_NAMES[packet.type] === 'auth-ack')
  for (const fact of ready.facts) if (fact.kind === 'voted' && acked) noteVote(world, node, fact)
  if (sends.length > 0) noteTold(node, own)
  for (const { link, packet } of sends) transmit(world, node, link, packet)
  noteTurn(world, node)
}

/** Writes nodes.conf while the process goes on: what was asked for up to now is safe at the end. */
function beginWrite(world: World, node: SimNode): void {
  const write = begun(node.gate)
  const bytes = encodeNodesConf(node.state!)
  const { life } = node
  node.writing = bytes
  const land = () => {
    // The process has crashed, or saveNow was faster.
    if (node.life !== life || node.writing !== bytes) return
    node.disk = bytes
    node.writing = null
    reached(node.gate, write)
    if (node.life === life && node.writing === null && node.gate.asked !== node.gate.started)
      beginWrite(world, node)
  }
  const [least_ms, most_ms] = world.disk_ms
  const time_ms = most_ms === 0 ? 0 : between(world.prng, least_ms, most_ms)
  if (time_ms === 0) land()
  else schedule(world.timeline, world.timeline.now_ms + time_ms, land)
}

/** Writes nodes.conf while nothing else happens. */
function saveNow(node: SimNode): void {
  const write = begun(node.gate)
  node.disk = encodeNodesConf(node.state!)
  node.writing = null
  node.unsynced = false
  reached(node.gate, write)
}

function act(world: World, node: SimNode, fact: Fact): void {
  switch (fact.kind) {
    case 'becomeReplicaOf':
      tell(world, `n${node.index} replicates ${fact.name}`)
      becomeReplica(world, node, `${fact.host} ${fact.port}`)
      break
    case 'promotedToMaster':
      tell(world, `n${node.index} is promoted to master`)
      notePromotion(world, node, fact.epoch)
      becomeMaster(node)
      break
    case 'resetDone':
      if (fact.flush) becomeMaster(node)
      break
    case 'pauseClients':
      tell(world, `n${node.index} holds its clients back`)
      node.clientsPausedUntil_ms = fact.until_ms
      break
    case 'unpauseClients':
      tell(world, `n${node.index} lets its clients go on`)
      node.clientsPausedUntil_ms = 0
      break
    case 'slotsLost':
      tell(world, `n${node.index} deletes the keys of ${fact.slots.length} slots`)
      break
    default:
      break
  }
}

function planTick(world: World, node: SimNode, wakeAt_ms: number): void {
  if (node.wakeAt_ms > world.timeline.now_ms && node.wakeAt_ms <= wakeAt_ms) return
  node.wakeAt_ms = wakeAt_ms
  const { life } = node
  schedule(world.timeline, wakeAt_ms, () => {
    if (node.life !== life || node.wakeAt_ms !== wakeAt_ms) return
    node.wakeAt_ms = 0
    world.deliver(node, { kind: 'tick' })
  })
}

/**
 * Runs a CLUSTER subcommand on a node and lets time pass until its answer is there; null when none comes, because the
 * process does not run, stands still, or crashes before the answer has left.
 */
export function command(world: World, node: SimNode, text: string): Ready['reply'] {
  const { timeline } = world
  const { life } = node
  const ready = give(world, node, { kind: 'command', args: text.split(' '), tls: false })
  const shownText = text.length > 100 ? `${text.slice(0, 100)}…` : text
  let answered = false
  if (ready !== null && node.life === life) {
    const own = node.past.at(-1)!
    whenSafe(node.gate, () => {
      answered = true
      noteTold(node, own)
    })
    const limit_ms = timeline.now_ms + ANSWER_TIMEOUT_MS
    while (!answered && node.life === life && timeline.now_ms < limit_ms)
      runUntil(timeline, timeline.now_ms + 1)
  }
  if (ready === null || !answered) {
    tell(world, `n${node.index} > CLUSTER ${shownText}: no answer`)
    return null
  }
  const { reply } = ready
  const shown = reply?.kind === 'simple' || reply?.kind === 'error' ? reply.text : (reply?.kind ?? '')
  tell(world, `n${node.index} > CLUSTER ${shownText}: ${shown}`)
  return reply
}
