/**
 * Replication, as far as elections care: masters' offsets grow with what clients write; replicas that are linked
 * follow a little behind; the others fall behind and their data age.
 */

import { isMaster } from '../cluster/index.js'
import { between } from './prng.js'
import { schedule } from './timeline.js'
import type { SimNode, World } from './world.js'
import { reachable } from './world.js'

const BEAT_MS = 100

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
  replication.linkedAt_ms = world.timeline.now_ms + between(world.prng, 20, 500)
}

export function becomeMaster(node: SimNode): void {
  node.replication.master = null
  node.replication.linkedAt_ms = Number.POSITIVE_INFINITY
}

function write(world: World, node: SimNode): void {
  const { state } = node
  const { now_ms } = world.timeline
  if (state === null || !state.ok || !isMaster(state.myself) || state.myself.slotCount === 0) return
  if (node.pausedUntil_ms > now_ms || node.clientsPausedUntil_ms > now_ms) return
  node.replication.offset_bytes += between(world.prng, 0, 100)
}

function follow(world: World, node: SimNode): void {
  const { replication } = node
  const { now_ms } = world.timeline
  if (node.state === null || replication.master === null || node.pausedUntil_ms > now_ms) return
  const master = world.nodes.find((other) => addressOf(other) === replication.master)
  const state = master?.state ?? null
  if (master === undefined || state === null || !reachable(node, master) || master.pausedUntil_ms > now_ms) {
    replication.linkedAt_ms = now_ms + between(world.prng, 20, 500)
    return
  }
  if (replication.linkedAt_ms > now_ms) return
  replication.offset_bytes = master.replication.offset_bytes
  replication.lastHeard_ms = now_ms
}
