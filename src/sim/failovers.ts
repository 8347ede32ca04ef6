/** Several masters die at once: how long it takes until every slot is served again. */

import { isMaster, isReplica } from '../cluster/index.js'
import { boot, crash } from './process.js'
import { startReplication } from './replication.js'
import { form } from './scenario.js'
import { runUntil } from './timeline.js'
import type { World } from './world.js'
import { createWorld } from './world.js'

const LIMIT_MS = 60_000
const LOOK_MS = 10

export interface FailoverOptions {
  readonly seed: number
  readonly masters: number
  readonly replicas: number
  /** Masters that die at the same moment. */
  readonly dying: number
  readonly nodeTimeout_ms: number
  /** Packets take up to so long. */
  readonly latency_ms: number
}

/** Time from the masters' death until all nodes that are left say that the cluster is up; Infinity beyond a minute. */
export function failoverTime_ms(options: FailoverOptions): number {
  const world = createWorld({
    seed: options.seed,
    nodes: options.masters * (1 + options.replicas),
    nodeTimeout_ms: options.nodeTimeout_ms,
    latency_ms: [0, options.latency_ms],
  })
  boot(world)
  startReplication(world)
  if (!form(world, options.masters)) return Number.POSITIVE_INFINITY
  for (const node of world.nodes.slice(0, options.dying)) crash(world, node)
  const { timeline } = world
  const began_ms = timeline.now_ms
  while (timeline.now_ms < began_ms + LIMIT_MS) {
    runUntil(timeline, timeline.now_ms + LOOK_MS)
    if (isServed(world)) return timeline.now_ms - began_ms
  }
  return Number.POSITIVE_INFINITY
}

function isServed(world: World): boolean {
  let slots = 0
  for (const { state } of world.nodes) {
    if (state === null) continue
    if (!state.ok) return false
    if (isMaster(state.myself)) slots += state.myself.slotCount
    else if (!isReplica(state.myself)) return false
  }
  return slots === 16_384
}

/** Median and maximum of the times of seeds `first` to `last`. */
export function failoverTimes(
  options: Omit<FailoverOptions, 'seed'>,
  first: number,
  last: number,
): { readonly median_ms: number; readonly max_ms: number } {
  const times: number[] = []
  for (let seed = first; seed <= last; seed++) times.push(failoverTime_ms({ ...options, seed }))
  times.sort((a, b) => a - b)
  return { median_ms: times[times.length >> 1]!, max_ms: times[times.length - 1]! }
}
