/** Nodes that meet while their processors are slow: what a machine with too few cores for its nodes is like. */

import { describe, expect, test } from 'vitest'
import { unsettled } from './invariants.js'
import { boot, command, start } from './process.js'
import { settle } from './scenario.js'
import type { World } from './world.js'
import { createWorld } from './world.js'

/** Every node meets the first, as `redis-cli --cluster create` has them do; the first is busy with something else. */
function meetFirst(nodes: number, busy_ms: number, seed: number): World {
  const world = createWorld({ seed, nodes, nodeTimeout_ms: 1000, latency_ms: [0, 2], inputCost_ms: 2 })
  boot(world)
  for (const node of world.nodes) start(world, node)
  const first = world.nodes[0]!
  command(world, first, 'ADDSLOTSRANGE 0 16383')
  for (const node of world.nodes.slice(1)) command(world, node, `MEET ${first.ip} ${first.port}`)
  first.busyUntil_ms = world.timeline.now_ms + busy_ms
  return world
}

describe('a node that is busy for longer than a handshake may take is joined all the same', () => {
  test.each([
    [1500, 1],
    [3000, 2],
    [6000, 3],
    [20_000, 4],
  ])('busy for %i ms (seed %i)', (busy_ms, seed) => {
    const world = meetFirst(12, busy_ms, seed)
    expect(settle(world, 60_000, 'meeting'), unsettled(world) ?? '').toBe(true)
  })
})
