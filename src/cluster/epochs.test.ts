/** Epochs that jump: forged ones are not taken, real ones are, and none ends the elections. */

import { describe, expect, test } from 'vitest'
import { SLOTS } from '../bytes/crc16.js'
import { EPOCH_JUMP, EPOCH_MAX } from './epochs.js'
import { freshState } from './nodes-conf.js'
import { assignSlot } from './slots.js'
import type { ClusterNode, ClusterState, LinkId } from './state.js'
import { createNode, DEFAULT_CONFIG, emptyLocal, FAILED, MASTER, REPLICA, takeLinkId } from './state.js'
import { step } from './step.js'
import type { Input, Ready } from './turn.js'
import type { Header, Packet } from './wire.js'
import { AUTH_ACK, AUTH_REQUEST, PING, PONG, UPDATE } from './wire.js'

const NOW_MS = 1_700_000_000_000
const TOP = (1n << 64n) - 1n
const ABSURD = [(1n << 53n) - 1n, 1n << 53n, 1n << 63n, TOP]

interface Scene {
  readonly state: ClusterState
  readonly other: ClusterNode
  readonly replica: ClusterNode
  readonly give: (input: Input) => Ready
  /** A link that the node accepted, and one that it opened to `other`. */
  readonly accepted: LinkId
  readonly opened: LinkId
}

/** We and `other` are masters; `replica` is the other's. */
function scene(): Scene {
  let n = 1
  const random = () => {
    n = (n * 48_271) % 0x7fff_ffff
    return n / 0x7fff_ffff
  }
  const state = freshState({ ...DEFAULT_CONFIG, port: 7000 }, emptyLocal(), NOW_MS, random)
  const other = createNode('b'.repeat(40), 'd'.repeat(40), MASTER, NOW_MS)
  const replica = createNode('c'.repeat(40), 'd'.repeat(40), REPLICA, NOW_MS)
  for (const node of [other, replica]) {
    Object.assign(node, { ip: '10.0.0.2', port: 7001, busPort: 17_001 })
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
  }
  replica.master = other
  other.replicas.push(replica)
  for (let slot = 0; slot < SLOTS; slot++) assignSlot(state, slot % 2 === 0 ? state.myself : other, slot)
  state.myself.configEpoch = 1n
  other.configEpoch = 2n
  state.currentEpoch = 5n
  const give = (input: Input) => step(state, input, NOW_MS, random)
  const accepted = takeLinkId(state)
  give({ kind: 'link', event: 'accepted', link: accepted, localIp: '10.0.0.1', remoteIp: '10.0.0.2' })
  for (const { link } of give({ kind: 'tick' }).connect) give({ kind: 'link', event: 'connected', link })
  return { state, other, replica, give, accepted, opened: other.link!.id }
}

function header({ other }: Scene, currentEpoch: bigint, configEpoch: bigint): Header {
  const { name, port, busPort, ip, flags, slots } = other
  const rest = { otherPort: 0, master: '', slots: slots.slice(), offset_bytes: 0, state: 0, mflags: 0 }
  return { sender: name, port, busPort, ip, flags, currentEpoch, configEpoch, ...rest }
}

const pinged = { gossip: [], extensions: [] }
const logged = (ready: Ready) => ready.log.map(({ text }) => text).join('\n')

describe.each(ABSURD)('epoch %s over a link that anybody can open', (epoch) => {
  test.each(['current', 'config', 'both'] as const)(
    '%s: not taken, logged once, and the rest counts',
    (which) => {
      const s = scene()
      const head = header(s, which === 'config' ? 5n : epoch, which === 'current' ? 2n : epoch)
      const packet: Packet = { ...head, flags: MASTER, offset_bytes: 77, type: PING, ...pinged }
      const ready = s.give({ kind: 'packet', link: s.accepted, packet })
      expect([s.state.currentEpoch, s.other.configEpoch, s.other.offset_bytes]).toEqual([5n, 2n, 77])
      expect(logged(ready)).toContain(`Ignoring epoch ${epoch} of node ${s.other.name}`)
      // It is answered, and not corrected: it may be damage.
      expect(ready.send.map((outgoing) => outgoing.packet.type)).toEqual([PONG])
      expect(logged(s.give({ kind: 'packet', link: s.accepted, packet }))).not.toContain('Ignoring epoch')
    },
  )

  test('in UPDATE, a vote or the request of one: dropped', () => {
    const s = scene()
    const claims = { type: UPDATE, about: s.other.name, aboutSlots: new Uint8Array(2048).fill(255) } as const
    const about = s.state.myself.slots.slice()
    for (const packet of [
      { ...header(s, 5n, 2n), ...claims, aboutEpoch: epoch },
      { ...header(s, epoch, 2n), type: AUTH_ACK },
      { ...header(s, epoch, 2n), sender: s.replica.name, master: s.other.name, type: AUTH_REQUEST },
    ] as Packet[]) {
      s.other.flags |= FAILED
      const { send, persist } = s.give({ kind: 'packet', link: s.accepted, packet })
      expect([send, persist]).toEqual([[], false])
    }
    expect(s.state.myself.slots).toEqual(about)
    expect([s.state.currentEpoch, s.other.configEpoch, s.state.lastVoteEpoch]).toEqual([5n, 2n, 0n])
  })
})

test('a step of an epoch is taken from anybody; it is on the disk before anything leaves', () => {
  const s = scene()
  const packet: Packet = { ...header(s, 5n + EPOCH_JUMP, 2n), type: PING, ...pinged }
  expect(s.give({ kind: 'packet', link: s.accepted, packet }).persist).toBe(true)
  expect(s.state.currentEpoch).toBe(5n + EPOCH_JUMP)
})

test('what a member says over the link to its address is taken exactly, and elections go on from there', () => {
  const s = scene()
  const far = (1n << 53n) + 1n
  const pong: Packet = { ...header(s, far, 2n), type: PONG, ...pinged }
  const ready = s.give({ kind: 'packet', link: s.opened, packet: pong })
  expect(logged(ready)).toContain(`Epoch jumps to ${far}`)
  // A new config epoch of ours: the old one may be thought greater elsewhere.
  expect([s.state.myself.configEpoch, s.state.currentEpoch]).toEqual([far + 1n, far + 1n])
  s.other.flags |= FAILED
  const request = { ...header(s, far + 2n, 2n), sender: s.replica.name, master: s.other.name, flags: REPLICA }
  s.give({ kind: 'packet', link: s.accepted, packet: { ...request, type: AUTH_REQUEST } })
  expect(s.state.lastVoteEpoch).toBe(far + 2n)
})

test('the last epochs are taken from nobody', () => {
  const s = scene()
  s.give({
    kind: 'packet',
    link: s.opened,
    packet: { ...header(s, EPOCH_MAX + 1n, 2n), type: PONG, ...pinged },
  })
  expect(s.state.currentEpoch).toBe(5n)
})

test('the current epoch is never below a config epoch', () => {
  const s = scene()
  s.give({ kind: 'packet', link: s.accepted, packet: { ...header(s, 5n, 9n), type: PING, ...pinged } })
  expect([s.state.currentEpoch, s.other.configEpoch]).toEqual([9n, 9n])
  const claims = {
    type: UPDATE,
    about: s.other.name,
    aboutEpoch: 12n,
    aboutSlots: s.other.slots.slice(),
  } as const
  s.give({ kind: 'packet', link: s.accepted, packet: { ...header(s, 5n, 9n), ...claims } })
  expect([s.state.currentEpoch, s.other.configEpoch]).toEqual([12n, 12n])
})

test('a node that claims a lower epoch than we know of it is told the higher one', () => {
  const s = scene()
  s.give({ kind: 'packet', link: s.accepted, packet: { ...header(s, 5n, 9n), type: PING, ...pinged } })
  const ready = s.give({
    kind: 'packet',
    link: s.accepted,
    packet: { ...header(s, 5n, 2n), type: PING, ...pinged },
  })
  const updates = ready.send.map(({ packet }) => packet).filter((packet) => packet.type === UPDATE)
  expect(updates).toMatchObject([{ about: s.other.name, aboutEpoch: 9n }])
  // The other side of it: we take what is told of us, and say so.
  const about = {
    type: UPDATE,
    about: s.state.myself.name,
    aboutEpoch: 11n,
    aboutSlots: new Uint8Array(2048),
  } as const
  const told = s.give({ kind: 'packet', link: s.accepted, packet: { ...header(s, 9n, 9n), ...about } })
  expect([s.state.myself.configEpoch, s.state.currentEpoch, told.persist]).toEqual([11n, 11n, true])
})

test('SET-CONFIG-EPOCH and BUMPEPOCH beyond 2^53', () => {
  const state = freshState({ ...DEFAULT_CONFIG, port: 7000 }, emptyLocal(), NOW_MS, () => 0.5)
  const run = (...args: string[]) =>
    step(state, { kind: 'command', args, tls: false }, NOW_MS, () => 0.5).reply
  expect(run('SET-CONFIG-EPOCH', '9223372036854775808')).toMatchObject({ kind: 'error' })
  expect(run('SET-CONFIG-EPOCH', '9223372036854775807')).toMatchObject({ text: 'OK' })
  expect(state.currentEpoch).toBe((1n << 63n) - 1n)
  expect(run('BUMPEPOCH')).toMatchObject({ text: 'STILL 9223372036854775807' })
})
