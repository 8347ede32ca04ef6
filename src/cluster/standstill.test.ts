/** A master that stood still: what `step` does first, before it looks at its input. */

import { expect, test } from 'vitest'
import { SLOTS } from '../bytes/crc16.js'
import { freshState } from './nodes-conf.js'
import { assignSlot } from './slots.js'
import type { ClusterState } from './state.js'
import { createNode, DEFAULT_CONFIG, emptyLocal, MASTER, PFAIL, REPLICA } from './state.js'
import { step } from './step.js'

const NOW_MS = 1_700_000_000_000
const random = () => 0.5

function seeded(): () => number {
  let n = 1
  return () => {
    n = (n * 48_271) % 0x7fff_ffff
    return n / 0x7fff_ffff
  }
}

/** We and two other masters have a third of the slots each; time passes until all is well. */
function threeMasters(nodeTimeout_ms: number): { state: ClusterState; now_ms: number } {
  const config = { ...DEFAULT_CONFIG, port: 7000, nodeTimeout_ms }
  const state = freshState(config, emptyLocal(), NOW_MS, seeded())
  const others = ['b', 'c'].map((digit) => createNode(digit.repeat(40), digit.repeat(40), MASTER, NOW_MS))
  for (const node of others) {
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
  }
  const owners = [state.myself, ...others]
  for (let slot = 0; slot < SLOTS; slot++) assignSlot(state, owners[slot % 3]!, slot)
  let now_ms = NOW_MS
  for (; !state.ok && now_ms < NOW_MS + 60_000; now_ms += 100) step(state, { kind: 'tick' }, now_ms, random)
  expect(state.ok).toBe(true)
  return { state, now_ms: now_ms - 100 }
}

test('longer than the node timeout: no slot is served any more, whatever the input', () => {
  for (const input of [{ kind: 'tick' }, { kind: 'command', args: ['INFO'], tls: false }] as const) {
    const { state, now_ms } = threeMasters(15_000)
    expect(state.served.some((byte) => byte !== 0)).toBe(true)
    const ready = step(state, input, now_ms + 15_001, random)
    expect(ready.facts).toContainEqual({ kind: 'stateChanged', ok: false })
    expect(state.served.some((byte) => byte !== 0)).toBe(false)
    expect(ready.log.map((line) => line.text)).toContain('Cluster state changed: fail')
  }
})

test('not longer: nothing happens, and with the shortest of timeouts not between two ticks', () => {
  const { state, now_ms } = threeMasters(15_000)
  step(state, { kind: 'command', args: ['INFO'], tls: false }, now_ms + 15_000, random)
  expect(state.served.some((byte) => byte !== 0)).toBe(true)
  const hasty = threeMasters(1)
  step(hasty.state, { kind: 'command', args: ['INFO'], tls: false }, hasty.now_ms + 100, random)
  expect(hasty.state.ok).toBe(true)
})

test('a replica, and a master without others, have nothing to fear', () => {
  const replica = threeMasters(1000)
  replica.state.myself.flags = (replica.state.myself.flags & ~MASTER) | REPLICA
  const command = { kind: 'command', args: ['INFO'], tls: false } as const
  expect(step(replica.state, command, replica.now_ms + 5000, random).log).toEqual([])
  const alone = freshState({ ...DEFAULT_CONFIG, port: 7000 }, emptyLocal(), NOW_MS, seeded())
  for (let slot = 0; slot < SLOTS; slot++) assignSlot(alone, alone.myself, slot)
  step(alone, { kind: 'tick' }, NOW_MS, random)
  expect(alone.ok).toBe(true)
  step(alone, command, NOW_MS + 60_000, random)
  expect(alone.ok).toBe(true)
})

test('its own standstill is no silence of the others', () => {
  const { state, now_ms } = threeMasters(1000)
  for (const node of state.nodeList.slice(1)) node.pingSentAt_ms = now_ms - 500
  // What they answered meanwhile has not been read yet when the clock's tick comes first.
  step(state, { kind: 'tick' }, now_ms + 10_000, random)
  expect(state.nodeList.map((node) => node.flags & PFAIL)).toEqual([0, 0, 0])
  let passed_ms = 0
  for (; passed_ms < 1000; passed_ms += 100)
    step(state, { kind: 'tick' }, now_ms + 10_000 + passed_ms, random)
  expect(state.nodeList.map((node) => node.flags & PFAIL)).toEqual([0, PFAIL, PFAIL])
})
