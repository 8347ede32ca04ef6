/** The state machine under packets that nobody decent would send, and its routing and small parts. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpu_ms } from '../../tests/support/processor.js'
import { renderPacket, renderStream } from './decode.js'
import { normalizeIp } from './meet.js'
import { encodeNodesConf, freshState } from './nodes-conf.js'
import type { RouteQuestion } from './route.js'
import { route, routeBlocked } from './route.js'
import type { ClusterState, Viewer } from './state.js'
import { createNode, DEFAULT_CONFIG, emptyLocal, MASTER, REPLICA, takeLinkId } from './state.js'
import { step } from './step.js'
import type { Input } from './turn.js'
import * as wire from './wire.js'
import { encodePacket } from './wire-encode.js'

const NOW_MS = 1_700_000_000_000

function seeded(seed = 1): () => number {
  let n = seed
  return () => {
    n = (n * 48_271) % 0x7fff_ffff
    return n / 0x7fff_ffff
  }
}

const id = (digit: string) => digit.repeat(40)

function withOthers(): ClusterState {
  const state = freshState({ ...DEFAULT_CONFIG, port: 7000 }, emptyLocal(), NOW_MS, seeded())
  for (const [digit, flags] of [
    ['b', MASTER],
    ['c', MASTER],
    ['d', REPLICA],
  ] as const) {
    const node = createNode(id(digit), id(digit), flags, NOW_MS)
    node.ip = `10.0.0.${digit.charCodeAt(0)}`
    node.port = 7000
    node.busPort = 17_000
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
  }
  return state
}

describe('hostile packets', () => {
  const myName = withOthers().myself.name
  const anyName = fc.constantFrom(id('b'), id('c'), id('d'), id('9'), myName, 'short', '')
  const anySlots = fc.constantFrom(
    new Uint8Array(2048),
    new Uint8Array(2048).fill(255),
    new Uint8Array(2048).fill(1),
  )
  const u16 = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 7000, 17_000))
  const number = fc.oneof(fc.nat(20), fc.constant(Number.MAX_SAFE_INTEGER))
  const top = (1n << 64n) - 1n
  const epoch = fc.oneof(
    fc.bigInt(0n, 20n),
    fc.constantFrom((1n << 53n) - 1n, 1n << 63n, top),
    fc.bigInt(0n, top),
  )
  const header = fc.record({
    sender: anyName,
    port: u16,
    otherPort: u16,
    busPort: u16,
    ip: fc.constantFrom('', '10.0.0.98', 'evil name', '::1', 'a,b'),
    flags: u16,
    master: anyName,
    slots: anySlots,
    currentEpoch: epoch,
    configEpoch: epoch,
    offset_bytes: fc.nat(1000),
    state: fc.nat(1),
    mflags: fc.nat(7),
  })
  const gossip = fc.record({
    name: anyName,
    pingSent_s: fc.nat(),
    pongReceived_s: fc.nat(0xffff_ffff),
    ip: fc.constantFrom('10.0.0.1', '', 'x y', '::1'),
    port: u16,
    busPort: u16,
    flags: u16,
    otherPort: u16,
  })
  const extension = fc.oneof(
    fc.record({ type: fc.constant(wire.EXT_HOSTNAME), text: fc.constantFrom('h.example', 'bad host\n', '') }),
    fc.record({ type: fc.constant(wire.EXT_FORGOTTEN_NODE), name: anyName, ttl_s: number }),
    fc.record({ type: fc.constant(wire.EXT_SHARD_ID), shardId: anyName }),
  ) as fc.Arbitrary<wire.Extension>
  const body = fc.oneof(
    fc.record({
      type: fc.constantFrom(wire.PING, wire.PONG, wire.MEET),
      gossip: fc.array(gossip, { maxLength: 3 }),
      extensions: fc.array(extension, { maxLength: 2 }),
    }),
    fc.record({ type: fc.constant(wire.FAIL), about: anyName }),
    fc.record({ type: fc.constant(wire.UPDATE), about: anyName, aboutEpoch: epoch, aboutSlots: anySlots }),
    fc.record({ type: fc.constantFrom(wire.AUTH_REQUEST, wire.AUTH_ACK, wire.MFSTART) }),
  )
  const packet = fc.tuple(header, body).map(([head, rest]) => ({ ...head, ...rest }) as wire.Packet)
  const action = fc.oneof(
    { weight: 6, arbitrary: packet.map((sent) => ({ packet: sent })) },
    { weight: 2, arbitrary: fc.nat(3000).map((pass_ms) => ({ pass_ms })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          'ADDSLOTSRANGE 0 99',
          `REPLICATE ${id('b')}`,
          'FAILOVER FORCE',
          'FAILOVER',
          'FAILOVER TAKEOVER',
          `FORGET ${id('c')}`,
          `SETSLOT 5 IMPORTING ${id('b')}`,
          `SETSLOT 5 NODE ${id('c')}`,
          'RESET HARD',
          'BUMPEPOCH',
        )
        .map((command) => ({ command })),
    },
    { weight: 1, arbitrary: fc.constantFrom('closed', 'connected', 'failed').map((link) => ({ link })) },
  )

  test('never make it throw, lose its tables, or write a nodes.conf that it cannot read', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), fc.integer({ min: 1, max: 1e6 }), (actions, seed) => {
        const state = withOthers()
        const random = seeded(seed)
        let now_ms = NOW_MS
        const give = (input: Input) => step(state, input, now_ms, random)
        const opened: number[] = give({ kind: 'tick' }).connect.map((endpoint) => endpoint.link)
        for (const item of actions) {
          if ('pass_ms' in item) {
            now_ms += item.pass_ms
            opened.push(...give({ kind: 'tick' }).connect.map((endpoint) => endpoint.link))
          } else if ('command' in item) {
            give({ kind: 'command', args: item.command.split(' '), tls: false })
          } else if ('link' in item) {
            const link = opened[Math.floor(random() * opened.length)] ?? 1
            give({ kind: 'link', link, event: item.link as 'closed' })
          } else {
            const ours = random() < 0.5 ? opened[Math.floor(random() * opened.length)] : undefined
            const link = ours ?? takeLinkId(state)
            if (ours === undefined)
              give({ kind: 'link', event: 'accepted', link, localIp: '10.0.0.1', remoteIp: '10.0.0.7' })
            give({ kind: 'packet', link, packet: item.packet })
          }
          expect(state.nodes.size).toBe(state.nodeList.length)
          expect(state.nodes.get(state.myself.name)).toBe(state.myself)
        }
        const counted = state.nodeList.reduce((sum, node) => sum + node.slotCount, 0)
        expect(state.slotOwner.filter((owner) => owner !== null)).toHaveLength(counted)
        const text = Buffer.from(encodeNodesConf(state)).toString('latin1')
        expect(text).not.toMatch(/evil|bad host/)
      }),
      { numRuns: 400 },
    )
  })

  test('a stranger is answered and not believed', () => {
    const state = withOthers()
    const link = takeLinkId(state)
    const stranger: wire.Packet = {
      ...{ sender: id('9'), port: 7000, otherPort: 0, busPort: 17_000, ip: '', flags: 1, master: '' },
      ...{
        slots: new Uint8Array(2048).fill(255),
        currentEpoch: 99n,
        configEpoch: 99n,
        offset_bytes: 0,
        state: 0,
        mflags: 0,
      },
      ...{ type: wire.PING, gossip: [], extensions: [] },
    }
    step(
      state,
      { kind: 'link', event: 'accepted', link, localIp: '10.0.0.1', remoteIp: '10.0.0.9' },
      NOW_MS,
      seeded(),
    )
    const ready = step(state, { kind: 'packet', link, packet: stranger }, NOW_MS, seeded())
    expect(ready.send.map(({ packet }) => packet.type)).toEqual([wire.PONG])
    expect(state.nodes.has(id('9'))).toBe(false)
    expect(state.currentEpoch).toBe(0n)
    expect(state.slotOwner.every((owner) => owner === null)).toBe(true)
  })
})

const VIEWER: Viewer = { tls: false, ipv6: false }

describe('routing', () => {
  const question: RouteQuestion = {
    ...{ write: false, readonly: false, asking: false, pubsubShard: false, migrate: false, viewer: VIEWER },
    ...{ existingKeys: 0, missingKeys: 0, multipleKeys: false },
  }
  const ask = (state: ClusterState, slot: number, over: Partial<RouteQuestion> = {}) =>
    route(state, slot, { ...question, ...over })
  const command = (state: ClusterState, text: string) =>
    step(state, { kind: 'command', args: text.split(' '), tls: false }, NOW_MS, seeded())

  function cluster(): ClusterState {
    const state = withOthers()
    state.config = { ...state.config, requireFullCoverage: false }
    command(state, 'ADDSLOTSRANGE 0 99')
    state.slotOwner[200] = state.nodes.get(id('b'))!
    state.ok = true
    state.servedStale = true
    command(state, 'KEYSLOT a')
    state.nodes.get(id('b'))!.hostname = 'b.example'
    return state
  }

  test('slots of ours, of others, of nobody', () => {
    const state = cluster()
    expect(state.served[99]).toBe(1)
    expect(state.served[200]).toBe(0)
    expect(ask(state, 99)).toBeNull()
    expect(ask(state, 200)).toBe('MOVED 200 10.0.0.98:7000')
    expect(ask(state, 300)).toBe('CLUSTERDOWN Hash slot not served')
    state.config = { ...state.config, preferredEndpointType: 'hostname' }
    expect(ask(state, 200)).toBe('MOVED 200 b.example:7000')
  })

  test('a slot that leaves', () => {
    const state = cluster()
    command(state, `SETSLOT 5 MIGRATING ${id('b')}`)
    expect(state.served[5]).toBe(0)
    expect(ask(state, 5, { existingKeys: 2 })).toBeNull()
    expect(ask(state, 5, { missingKeys: 1 })).toBe('ASK 5 10.0.0.98:7000')
    expect(ask(state, 5, { missingKeys: 1, existingKeys: 1 })).toMatch(/^TRYAGAIN /)
    expect(ask(state, 5, { missingKeys: 1, migrate: true })).toBeNull()
    expect(ask(state, 5, { missingKeys: 1, pubsubShard: true })).toBeNull()
    command(state, 'SETSLOT 5 STABLE')
    expect(state.served[5]).toBe(1)
  })

  test('a slot that comes', () => {
    const state = cluster()
    command(state, `SETSLOT 200 IMPORTING ${id('b')}`)
    expect(ask(state, 200)).toBe('MOVED 200 10.0.0.98:7000')
    expect(ask(state, 200, { asking: true, missingKeys: 1 })).toBeNull()
    expect(ask(state, 200, { asking: true, missingKeys: 1, multipleKeys: true })).toMatch(/^TRYAGAIN /)
    expect(ask(state, 200, { asking: true, existingKeys: 2, multipleKeys: true })).toBeNull()
    expect(routeBlocked(state, 200, false, true, VIEWER)).toBeNull()
  })

  test('a cluster that is down', () => {
    const state = cluster()
    state.ok = false
    expect(ask(state, 5)).toBe('CLUSTERDOWN The cluster is down')
    expect(ask(state, 5, { pubsubShard: true })).toBeNull()
    expect(routeBlocked(state, 5, false, true, VIEWER)).toBe('CLUSTERDOWN The cluster is down')
    state.config = { ...state.config, allowReadsWhenDown: true, allowPubsubshardWhenDown: false }
    expect(ask(state, 5)).toBeNull()
    expect(ask(state, 5, { write: true })).toBe(
      'CLUSTERDOWN The cluster is down and only accepts read commands',
    )
    expect(ask(state, 5, { pubsubShard: true })).toBe('CLUSTERDOWN The cluster is down')
  })

  test('a client is sent to the address announced for the family of its connection', () => {
    const state = cluster()
    const node = state.nodes.get(id('b'))!
    node.clientIpv4 = '192.0.2.1'
    const ipv6 = { viewer: { tls: false, ipv6: true } }
    expect(ask(state, 200)).toBe('MOVED 200 192.0.2.1:7000')
    expect(ask(state, 200, ipv6)).toBe('MOVED 200 10.0.0.98:7000')
    node.clientIpv6 = '2001:db8::1'
    expect(ask(state, 200, ipv6)).toBe('MOVED 200 2001:db8::1:7000')
    expect(routeBlocked(state, 200, false, true, ipv6.viewer)).toBe('MOVED 200 2001:db8::1:7000')
  })

  test('a replica reads for those who asked for it', () => {
    const state = withOthers()
    const master = state.nodes.get(id('b'))!
    command(state, `REPLICATE ${id('b')}`)
    state.slotOwner[200] = master
    state.ok = true
    expect(ask(state, 200)).toBe('MOVED 200 10.0.0.98:7000')
    expect(ask(state, 200, { readonly: true })).toBeNull()
    expect(ask(state, 200, { readonly: true, write: true })).toBe('MOVED 200 10.0.0.98:7000')
    expect(ask(state, 200, { pubsubShard: true })).toBeNull()
    expect(routeBlocked(state, 200, true, false, VIEWER)).toBeNull()
    expect(routeBlocked(state, 200, false, false, VIEWER)).toBe('MOVED 200 10.0.0.98:7000')
  })
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['256.0.0.1', null],
  ['1.2.3', null],
  ['01.2.3.4', null],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
  ['::', '::'],
  ['1::2::3', null],
  [':::1', null],
  ['12345::', null],
  ['localhost', null],
  ['', null],
] as const)('normalizeIp(%s) is %s', (text, expected) => {
  expect(normalizeIp(text)).toBe(expected)
})

test('a tick of a node among a hundred is cheap', () => {
  const state = withOthers()
  for (let i = 0; i < 100; i++) {
    const node = createNode(i.toString(16).padStart(40, '0'), id('e'), MASTER, NOW_MS)
    node.ip = '10.0.0.2'
    node.busPort = 17_000
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
  }
  const random = seeded()
  for (let i = 0; i < 200; i++) step(state, { kind: 'tick' }, NOW_MS + i, random)
  const began = cpu_ms()
  for (let i = 0; i < 500; i++) step(state, { kind: 'tick' }, NOW_MS + 1000 + i, random)
  // Some tens of microseconds each; the limit allows for a busy machine.
  expect((cpu_ms() - began) / 500).toBeLessThan(0.5)
})

test('packets as text', () => {
  const packet: wire.Packet = {
    ...{ sender: id('b'), port: 7000, otherPort: 0, busPort: 17_000, ip: '', flags: 17, master: '' },
    ...{
      slots: new Uint8Array(2048),
      currentEpoch: 3n,
      configEpoch: 2n,
      offset_bytes: 14,
      state: 0,
      mflags: 1,
    },
    ...{ type: wire.PUBLISH, channel: Buffer.from('news'), message: Buffer.from('a"b\n') },
  }
  packet.slots[0] = 0b0000_0111
  packet.slots[1] = 0b0001_0000
  expect(renderPacket(packet)).toBe(
    [
      `publish from ${id('b')}`,
      '  address        (as it comes):7000@17000',
      '  flags          myself,master (paused)',
      '  master         -',
      '  epochs         current 3, config 2',
      '  offset         14',
      '  cluster state  ok',
      '  slots          0-2 12 (4)',
      '  channel        "news"',
      '  message        "a\\x22b\\x0a"',
    ].join('\n'),
  )
  const bytes = encodePacket(packet)
  expect(renderStream(Buffer.concat([bytes, bytes.subarray(0, 100)])).text).toMatch(
    /cut off after 100 bytes$/,
  )
})
