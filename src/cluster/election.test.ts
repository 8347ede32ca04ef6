/** What is left of one attempt must not decide the next: elections, manual failovers, reports, orphaned masters. */

import { expect, test } from 'vitest'
import { SLOTS } from '../bytes/crc16.js'
import { addReport, countReports } from './failure.js'
import { addReplica } from './nodes.js'
import { freshState } from './nodes-conf.js'
import { assignSlot } from './slots.js'
import type { ClusterNode, ClusterState } from './state.js'
import { createNode, DEFAULT_CONFIG, emptyLocal, FAILED, MASTER, REPLICA, takeLinkId } from './state.js'
import { step } from './step.js'
import type { Ready } from './turn.js'
import * as wire from './wire.js'

const NOW_MS = 1_700_000_000_000
const random = () => 0.5

interface Scene {
  state: ClusterState
  nodes: Record<string, ClusterNode>
}

/** Masters m and two others share the slots. We are m, with the replica r; or, as a replica, beside r. */
function scene(asReplica: boolean): Scene {
  let seed = 1
  const seeded = () => {
    seed = (seed * 48_271) % 0x7fff_ffff
    return seed / 0x7fff_ffff
  }
  const config = { ...DEFAULT_CONFIG, port: 7000, nodeTimeout_ms: 1000 }
  const state = freshState(config, emptyLocal(), NOW_MS, seeded)
  const nodes: Record<string, ClusterNode> = {}
  for (const [digit, flags] of [
    ['a', MASTER],
    ['b', MASTER],
    ['c', MASTER],
    ['d', REPLICA],
  ] as const) {
    const node = createNode(digit.repeat(40), digit.repeat(40), flags, NOW_MS)
    node.ip = `10.0.0.${digit.charCodeAt(0)}`
    node.port = 7000
    node.busPort = 17_000
    if (!asReplica && digit === 'a') continue
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
    nodes[digit] = node
  }
  const { myself } = state
  const ours = asReplica ? nodes['a']! : myself
  const masters = [ours, nodes['b']!, nodes['c']!]
  for (let slot = 0; slot < SLOTS; slot++) assignSlot(state, masters[slot % 3]!, slot)
  nodes['d']!.master = ours
  addReplica(ours, nodes['d']!)
  if (asReplica) {
    myself.flags = (myself.flags & ~MASTER) | REPLICA
    myself.master = ours
    addReplica(ours, myself)
    state.local.replicating = true
    state.local.linkUp = true
  }
  step(state, { kind: 'tick' }, NOW_MS, random)
  return { state, nodes }
}

function send(
  { state }: Scene,
  sender: ClusterNode,
  type: typeof wire.MFSTART | typeof wire.AUTH_ACK,
  now_ms: number,
): Ready {
  const link = takeLinkId(state)
  step(state, { kind: 'link', event: 'accepted', link, localIp: '', remoteIp: sender.ip }, now_ms, random)
  const header = {
    sender: sender.name,
    port: sender.port,
    otherPort: 0,
    busPort: sender.busPort,
    ip: '',
    flags: sender.flags,
    master: sender.master?.name ?? '',
    slots: sender.slots,
    currentEpoch: state.currentEpoch,
    configEpoch: sender.configEpoch,
    offset_bytes: 0,
    state: 0,
    mflags: 0,
  }
  return step(state, { kind: 'packet', link, packet: { ...header, type } }, now_ms, random)
}

const kinds = (ready: Ready): string[] => ready.facts.map((fact) => fact.kind)

test('a second request for a manual failover does not let the clients go in between', () => {
  const at = scene(false)
  expect(kinds(send(at, at.nodes['d']!, wire.MFSTART, NOW_MS + 10))).toContain('pauseClients')
  const again = kinds(send(at, at.nodes['d']!, wire.MFSTART, NOW_MS + 20))
  expect(again).toContain('pauseClients')
  expect(again).not.toContain('unpauseClients')
})

test('the clients go on when the replica that takes over is forgotten', () => {
  const at = scene(false)
  send(at, at.nodes['d']!, wire.MFSTART, NOW_MS + 10)
  const args = ['FORGET', at.nodes['d']!.name]
  const ready = step(at.state, { kind: 'command', args, tls: false }, NOW_MS + 20, random)
  expect(kinds(ready)).toContain('unpauseClients')
})

test('votes count for the election that asked for them', () => {
  const at = scene(true)
  const { state, nodes } = at
  nodes['a']!.flags |= FAILED
  nodes['a']!.failedAt_ms = NOW_MS
  let now_ms = NOW_MS
  for (; !state.election.asked; now_ms += 100) step(state, { kind: 'tick' }, now_ms, random)
  send(at, nodes['b']!, wire.AUTH_ACK, now_ms)
  expect(state.election.votes).toBe(1)
  const won = send(at, nodes['c']!, wire.AUTH_ACK, now_ms)
  expect(won.facts).toContainEqual({ kind: 'promotedToMaster', epoch: state.currentEpoch })
  expect(state.election).toMatchObject({ votes: 0, asked: false, epoch: 0n, at_ms: 0 })
  expect(state.election.voters.size).toBe(0)
  send(at, nodes['b']!, wire.AUTH_ACK, now_ms)
  expect(state.election.votes).toBe(0)
})

test('a vote that comes after the manual failover has timed out changes nothing', () => {
  const at = scene(true)
  const { state, nodes } = at
  const args = ['FAILOVER', 'FORCE']
  step(state, { kind: 'command', args, tls: false }, NOW_MS + 10, random)
  expect(state.election.asked).toBe(true)
  send(at, nodes['b']!, wire.AUTH_ACK, NOW_MS + 20)
  const late = send(at, nodes['c']!, wire.AUTH_ACK, NOW_MS + 20 + state.config.manualFailoverTimeout_ms)
  expect(kinds(late)).not.toContain('promotedToMaster')
  expect(state.manual.endsAt_ms).toBe(0)
  expect(state.election.asked).toBe(false)
})

test('a node that loads, or lacks the data, does not stand; one that loads does not take over either', () => {
  for (const lack of ['loading', 'incomplete'] as const) {
    const at = scene(true)
    const { state, nodes } = at
    state.config = { ...state.config, replicaValidityFactor: 0 }
    state.local[lack] = true
    nodes['a']!.flags |= FAILED
    nodes['a']!.failedAt_ms = NOW_MS
    const texts: string[] = []
    for (let now_ms = NOW_MS; now_ms < NOW_MS + 20_000; now_ms += 100) {
      if (now_ms === NOW_MS + 10_000) {
        const args = ['FAILOVER', 'FORCE']
        const { reply } = step(state, { kind: 'command', args, tls: false }, now_ms, random)
        expect(reply?.kind).toBe(lack === 'loading' ? 'error' : 'simple')
      }
      const ready = step(state, { kind: 'tick' }, now_ms, random)
      texts.push(...ready.log.map((line) => line.text))
      expect(state.election.asked).toBe(false)
    }
    expect(texts).toContain('Currently unable to failover: The data set is being loaded or is not complete.')
  }
})

test('reports of a node that has become a replica do not count', () => {
  const { state, nodes } = scene(false)
  addReport(nodes['d']!, nodes['b']!, NOW_MS)
  addReport(nodes['d']!, nodes['c']!, NOW_MS)
  expect(countReports(state, nodes['d']!, NOW_MS)).toBe(2)
  nodes['b']!.flags = REPLICA
  expect(countReports(state, nodes['d']!, NOW_MS)).toBe(1)
})

test('a master that has a replica again is orphaned anew when it loses that', () => {
  const { state, nodes } = scene(true)
  const c = nodes['c']!
  const spare = createNode('e'.repeat(40), c.shardId, REPLICA, NOW_MS)
  state.nodes.set(spare.name, spare)
  state.nodeList.push(spare)
  spare.master = c
  addReplica(c, spare)
  spare.flags |= FAILED
  state.ok = true
  step(state, { kind: 'tick' }, NOW_MS + 200, random)
  expect(c.orphanedAt_ms).toBeGreaterThan(0)
  spare.flags &= ~FAILED
  step(state, { kind: 'tick' }, NOW_MS + 300, random)
  expect(c.orphanedAt_ms).toBe(0)
})

test('a replica that is given a master of another shard says that its data are none of that master', () => {
  const at = scene(true)
  const { state, nodes } = at
  state.myself.shardId = nodes['a']!.shardId
  nodes['d']!.shardId = nodes['a']!.shardId
  nodes['d']!.flags = MASTER
  nodes['d']!.master = null
  const replicateFact = (name: string): unknown => {
    const args = ['REPLICATE', name]
    const { facts } = step(state, { kind: 'command', args, tls: false }, NOW_MS + 1, random)
    return facts.find((fact) => fact.kind === 'becomeReplicaOf')
  }
  expect(replicateFact('d'.repeat(40))).toMatchObject({ name: 'd'.repeat(40), foreign: false })
  expect(replicateFact('b'.repeat(40))).toMatchObject({ name: 'b'.repeat(40), foreign: true })
})
