/**
 * Replication, as far as elections care: masters' offsets grow with what clients write; replicas that are linked
 * follow a little behind; the others fall behind and their data age.
 */

import { isMaster } from '../cluster/index.js'
import { between } from './prng.js'
import { schedule } from './timeline.js'
import type { SimNode, World, Write } from './world.js'
import { reachable, tell } from './world.js'

const BEAT_MS = 100
/** How long a full synchronisation is being loaded, from and to. */
const LOADING_MS = [2000, 12_000] as const

/** Sets replication going for all nodes, for ever. */
export function startReplication(world: World): void {
  const beat = () => {
    for (const node of world.nodes) follow(world, node)
    for (const node of world.nodes) write(world, node)
    schedule(world.timeline, world.timeline.now_ms + BEAT_MS, beat)
  }
  beat()
}

/** How replicas name their master. */
export function addressOf(node: SimNode): string {
  return `${node.ip} ${node.port}`
}

export function becomeReplica(world: World, node: SimNode, address: string): void {
  const { replication } = node
  if (replication.master === address) return
  replication.master = address
  replication.loadingUntil_ms = 0
  replication.linkedAt_ms = world.timeline.now_ms + between(world.prng, 20, 500)
}

export function becomeMaster(node: SimNode): void {
  const { replication } = node
  replication.master = null
  replication.linkedAt_ms = Number.POSITIVE_INFINITY
  replication.loadingUntil_ms = 0
  replication.incomplete = false
}

/** Has a replica lose its link and what it needs to go on: all of its master's data must come again. */
export function oweFullSync(world: World, node: SimNode): void {
  const { replication } = node
  replication.fullSyncOwed = true
  replication.loadingUntil_ms = 0
  replication.linkedAt_ms = world.timeline.now_ms + between(world.prng, 20, 200)
}

function write(world: World, node: SimNode): void {
  const { state } = node
  const { now_ms } = world.timeline
  if (state === null || !state.ok || !isMaster(state.myself) || state.myself.slotCount === 0) return
  if (node.pausedUntil_ms > now_ms || node.clientsPausedUntil_ms > now_ms) return
  const count_bytes = between(world.prng, 0, 100)
  node.replication.offset_bytes += count_bytes
  if (count_bytes === 0) return
  const write: Write = { before: node.replication.lastWrite }
  node.replication.lastWrite = write
  world.watch.acknowledged.push(write)
}

function follow(world: World, node: SimNode): void {
  const { replication } = node
  const { now_ms } = world.timeline
  if (node.state === null || replication.master === null || node.pausedUntil_ms > now_ms) return
  const master = world.nodes.find((other) => addressOf(other) === replication.master)
  const state = master?.state ?? null
  if (master === undefined || state === null || !reachable(node, master) || master.pausedUntil_ms > now_ms) {
    replication.linkedAt_ms = now_ms + between(world.prng, 20, 500)
    // The data were loaded as they came, and will not come any more.
    replication.loadingUntil_ms = 0
    return
  }
  if (replication.linkedAt_ms > now_ms || !isLoaded(world, node)) return
  replication.offset_bytes = master.replication.offset_bytes
  replication.lastWrite = master.replication.lastWrite
  replication.lastHeard_ms = now_ms
}

/** Begins and ends the loading of a full synchronisation, where one is needed; true where none is, or it is over. */
function isLoaded(world: World, node: SimNode): boolean {
  const { replication } = node
  const { now_ms } = world.timeline
  if (replication.fullSyncOwed || (replication.incomplete && replication.loadingUntil_ms === 0)) {
    replication.fullSyncOwed = false
    replication.incomplete = true
    replication.offset_bytes = 0
    replication.lastWrite = null
    replication.loadingUntil_ms = now_ms + between(world.prng, ...LOADING_MS)
    tell(world, `n${node.index} loads all data of its master`)
  }
  if (replication.loadingUntil_ms > now_ms) return false
  if (replication.loadingUntil_ms === 0) return true
  replication.loadingUntil_ms = 0
  replication.incomplete = false
  tell(world, `n${node.index} has loaded them`)
  return true
}
