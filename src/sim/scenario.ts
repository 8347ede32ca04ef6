/**
 * One run: a cluster is formed, lives through failures of all kinds, and is left in peace; then it must heal. Sizes,
 * times and the order of failures all follow from the seed.
 */

import { isMaster, isReplica } from '../cluster/index.js'
import { checkWorld, unsettled } from './invariants.js'
import { breakConnection, heal } from './network.js'
import type { Prng } from './prng.js'
import { between, chance, pick } from './prng.js'
import { boot, command, crash, start } from './process.js'
import { addressOf, oweFullSync, startReplication } from './replication.js'
import { epochIsForged, strangerGreets } from './stranger.js'
import { runUntil, schedule } from './timeline.js'
import type { Bug, SimNode, World } from './world.js'
import { createWorld, tell, violate } from './world.js'

const CHECK_MS = 1000
const FORMING_MS = 60_000
const HEALING_MS = 120_000

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly nodes: number
  /** Virtual time that the run took. */
  readonly time_ms: number
  readonly failovers: number
  readonly trace: readonly string[] | null
}

export interface RunOptions {
  readonly bug?: Bug
  readonly trace?: 'events' | 'all' | null
}

/** Runs one seed from the first start to the last check. */
export function runSeed(seed: number, options: RunOptions = {}): Outcome {
  const shape = createWorld({ seed, nodes: 0, nodeTimeout_ms: 0, latency_ms: [0, 0] }).prng
  const masters = pick(shape, [3, 3, 3, 4, 5])
  const replicas = masters === 3 ? between(shape, 1, 2) : 1
  const slow = between(shape, 1, 40)
  const world = createWorld({
    seed,
    nodes: masters * (1 + replicas),
    nodeTimeout_ms: pick(shape, [1000, 2000, 3000]),
    latency_ms: [0, slow],
    bug: options.bug ?? 'none',
    throughBytes: chance(shape, 0.1),
    config: { allowReplicaMigration: chance(shape, 0.8), replicaValidityFactor: pick(shape, [0, 10]) },
    disk_ms: [0, pick(shape, [0, 5, 50])],
  })
  if (options.trace !== undefined && options.trace !== null) {
    world.trace = []
    world.traceLevel = options.trace
  }
  boot(world)
  startReplication(world)
  keepChecking(world)
  if (form(world, masters)) {
    chaos(world, between(world.prng, 5, 15))
    recover(world)
  }
  return {
    seed,
    violations: world.violations,
    nodes: world.nodes.length,
    time_ms: world.timeline.now_ms - world.startedAt_ms,
    failovers: world.watch.winners.size,
    trace: world.trace,
  }
}

function keepChecking(world: World): void {
  const check = () => {
    checkWorld(world)
    schedule(world.timeline, world.timeline.now_ms + CHECK_MS, check)
  }
  check()
}

/** Lets time pass until all is well; false when it takes too long. */
export function settle(world: World, limit_ms: number, what: string): boolean {
  const limit = world.timeline.now_ms + limit_ms
  while (world.timeline.now_ms < limit && world.violations.length === 0) {
    runUntil(world.timeline, world.timeline.now_ms + 400)
    if (unsettled(world) === null) return true
  }
  if (world.violations.length === 0) violate(world, `${what} takes too long: ${unsettled(world)}`)
  return false
}

export function pass(world: World, time_ms: number): void {
  runUntil(world.timeline, world.timeline.now_ms + time_ms)
}

/** Starts all nodes and makes them one cluster, as the manager does. */
export function form(world: World, masters: number): boolean {
  for (const node of world.nodes) start(world, node)
  const share = 16_384 / masters
  const epochs = chance(world.prng, 0.7)
  for (let i = 0; i < masters; i++) {
    const node = world.nodes[i]!
    command(world, node, `ADDSLOTSRANGE ${Math.round(i * share)} ${Math.round((i + 1) * share) - 1}`)
    // Without this step, all begin with one epoch and must sort that out by themselves.
    if (epochs) command(world, node, `SET-CONFIG-EPOCH ${i + 1}`)
  }
  for (const node of world.nodes.slice(1)) command(world, world.nodes[0]!, `MEET ${node.ip} ${node.port}`)
  if (!settle(world, FORMING_MS, 'meeting')) return false
  for (const [i, node] of world.nodes.slice(masters).entries()) {
    const master = world.nodes[i % masters]!
    command(world, node, `REPLICATE ${master.state!.myself.name}`)
  }
  if (!settle(world, FORMING_MS, 'assigning replicas')) return false
  pass(world, 2000)
  return true
}

function chaos(world: World, rounds: number): void {
  for (let i = 0; i < rounds && world.violations.length === 0; i++) {
    const happening = pick(world.prng, HAPPENINGS)
    happening(world)
    pass(world, between(world.prng, 50, chance(world.prng, 0.3) ? 8000 : 1500))
  }
}

/** Ends all failures, and has the cluster put itself in order. */
function recover(world: World): void {
  if (world.violations.length > 0) return
  tell(world, 'all failures end')
  heal(world)
  for (const node of world.nodes) {
    node.crashAtPersist = false
    node.pausedUntil_ms = Math.min(node.pausedUntil_ms, world.timeline.now_ms)
    if (node.state === null) start(world, node)
  }
  pass(world, 3000)
  closeOpenSlots(world)
  settle(world, HEALING_MS, 'healing')
  checkWorld(world)
}

/** Slots whose move was interrupted: somebody has to decide, as `--cluster fix` does. Here they stay where they are. */
function closeOpenSlots(world: World): void {
  for (const node of world.nodes) {
    if (node.state === null) continue
    for (const slot of [...node.state.migratingTo.keys(), ...node.state.importingFrom.keys()]) {
      command(world, node, `SETSLOT ${slot} STABLE`)
    }
  }
}

type Happening = (world: World) => void

const running = (world: World): SimNode[] => world.nodes.filter((node) => node.state !== null)

function pickRunning(world: World, prng: Prng = world.prng): SimNode | null {
  const list = running(world)
  return list.length === 0 ? null : pick(prng, list)
}

const crashOne: Happening = (world) => {
  const node = pickRunning(world)
  if (node !== null) crash(world, node)
}

const crashMaster: Happening = (world) => {
  const masters = running(world).filter(
    (node) => isMaster(node.state!.myself) && node.state!.myself.slotCount > 0,
  )
  if (masters.length > 0) crash(world, pick(world.prng, masters))
}

const crashTwoMasters: Happening = (world) => {
  crashMaster(world)
  pass(world, between(world.prng, 0, 30))
  crashMaster(world)
}

const crashAtPersist: Happening = (world) => {
  const node = pickRunning(world)
  if (node === null) return
  node.crashAtPersist = true
}

const startAll: Happening = (world) => {
  for (const node of world.nodes) if (node.state === null) start(world, node)
}

const startOne: Happening = (world) => {
  const down = world.nodes.filter((node) => node.state === null)
  if (down.length > 0) start(world, pick(world.prng, down))
}

/** A crash and a start at once: what was not synced shows. */
const restart: Happening = (world) => {
  const node = pickRunning(world)
  if (node === null) return
  crash(world, node)
  start(world, node)
}

const partition: Happening = (world) => {
  for (const node of world.nodes) node.group = chance(world.prng, 0.35) ? 1 : 0
  tell(world, `the network splits: ${world.nodes.map((node) => node.group).join('')}`)
}

const isolate: Happening = (world) => {
  const node = pick(world.prng, world.nodes)
  node.group = 2 + node.index
  tell(world, `n${node.index} is cut off`)
}

const healNow: Happening = (world) => {
  tell(world, 'the network heals')
  heal(world)
}

const breakLinks: Happening = (world) => {
  const node = pickRunning(world)
  if (node === null) return
  tell(world, `connections of n${node.index} break`)
  for (const connection of [...node.connections.values()]) {
    if (chance(world.prng, 0.5)) breakConnection(world, connection)
  }
}

/** SIGSTOP, and SIGCONT some seconds later. */
const standStill: Happening = (world) => {
  const node = pickRunning(world)
  if (node === null) return
  const time_ms = between(world.prng, 100, 6000)
  tell(world, `n${node.index} stands still for ${time_ms} ms`)
  node.pausedUntil_ms = world.timeline.now_ms + time_ms
}

const failoverByHand: Happening = (world) => {
  const replicas = running(world).filter((node) => isReplica(node.state!.myself))
  if (replicas.length === 0) return
  const node = pick(world.prng, replicas)
  const how = pick(world.prng, ['', '', ' FORCE', ' TAKEOVER'])
  // A process that stands still would take over later, unseen.
  if (node.pausedUntil_ms > world.timeline.now_ms) return
  command(world, node, `FAILOVER${how}`)
}

/** Replicas of one master load a full synchronisation, and the master dies meanwhile. */
const crashWhileLoading: Happening = (world) => {
  const masters = running(world).filter(
    (node) => isMaster(node.state!.myself) && node.state!.myself.slotCount > 0,
  )
  if (masters.length === 0) return
  const master = pick(world.prng, masters)
  for (const node of running(world))
    if (node.replication.master === addressOf(master)) oweFullSync(world, node)
  pass(world, between(world.prng, 200, 3000))
  if (chance(world.prng, 0.8)) crash(world, master)
}

/** Two nodes of a shard change places, again and again, faster than the last election would have expired. */
const failoverBackAndForth: Happening = (world) => {
  const first = running(world).find((node) => isReplica(node.state!.myself))
  for (let i = 0; i < 4 && first?.state != null; i++) {
    const { master } = first.state.myself
    const other = running(world).find((node) => node.state!.myself.name === master?.name)
    command(world, first, 'FAILOVER')
    pass(world, between(world.prng, 300, 1500))
    if (other?.state != null && isReplica(other.state.myself)) command(world, other, 'FAILOVER')
    pass(world, between(world.prng, 300, 1500))
  }
}

/** A slot without keys is moved, in the manager's four steps, between which anything may happen. */
const moveSlot: Happening = (world) => {
  const masters = running(world).filter(
    (node) => isMaster(node.state!.myself) && node.state!.myself.slotCount > 0,
  )
  if (masters.length < 2) return
  const from = pick(world.prng, masters)
  const to = pick(world.prng, masters)
  const slot = between(world.prng, 0, 16_383)
  const fromState = from.state!
  if (from === to || slot % 7 === 0 || fromState.slotOwner[slot] !== fromState.myself) return
  const [fromName, toName] = [fromState.myself.name, to.state!.myself.name]
  const steps: [SimNode, string][] = [
    [to, `SETSLOT ${slot} IMPORTING ${fromName}`],
    [from, `SETSLOT ${slot} MIGRATING ${toName}`],
    [to, `SETSLOT ${slot} NODE ${toName}`],
    [from, `SETSLOT ${slot} NODE ${toName}`],
  ]
  for (const [node, text] of steps) {
    if (chance(world.prng, 0.1)) return
    // A manager that gets no answer goes no further: it must not give a slot to a node that does not know of it.
    if (command(world, node, text)?.kind !== 'simple') return
    // The answer counts, whatever happens to the node after it.
    if (chance(world.prng, 0.1)) crash(world, node)
    pass(world, between(world.prng, 0, 100))
  }
}

const HAPPENINGS: readonly Happening[] = [
  crashOne,
  crashMaster,
  crashMaster,
  crashTwoMasters,
  crashAtPersist,
  crashAtPersist,
  startAll,
  startOne,
  restart,
  partition,
  isolate,
  healNow,
  healNow,
  breakLinks,
  standStill,
  failoverByHand,
  failoverBackAndForth,
  crashWhileLoading,
  moveSlot,
  moveSlot,
  strangerGreets,
  epochIsForged,
]
