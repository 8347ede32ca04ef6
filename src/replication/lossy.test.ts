/**
 * Nodes that replicate from each other over a network that cuts connections at any byte; nodes that are promoted,
 * restarted with old files or with nothing, chained. Two things must hold:
 *
 * - never a gap, never a duplicate: wherever two nodes stand at the same offset of the same history, their datasets
 *   are the same. Checked after every write and every applied range.
 * - once the network rests and one node is master, all others end up with its dataset, its history and its offset.
 *
 * A dataset here is a digest of all writes in their order, database included: one write too many, too few or in the
 * wrong database, and it is another one.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commandsIn } from '../../tests/support/commands-in.js'
import { uncappedText as latin1 } from '../bytes/ascii.js'
import { createPrng, random } from '../sim/prng.js'
import { wait } from './acks.js'
import { afterEvents, tick, wakeAt } from './cron.js'
import type { Effect, SnapshotInfo, Turn } from './effects.js'
import { createTurn } from './effects.js'
import { feed, feedCommand, linkSent, wantsFeed } from './feed.js'
import { loadFinished, masterBytes, masterClosed, masterConnected } from './handshake.js'
import { linkClosed } from './links.js'
import { psync } from './psync.js'
import { replconf } from './replconf.js'
import { setMaster, unsetMaster } from './role.js'
import { fileSent, snapshotChunk, snapshotDone } from './snapshot.js'
import {
  createReplication,
  defaultOptions,
  isMaster,
  type Replication,
  type ReplicationOptions,
  restoreHistory,
  snapshotInfo,
} from './state.js'
import { ascii, concat, encodeCommand } from './wire.js'

interface Connection {
  id: number
  from: Node
  attempt: number
  to: Node
  open: boolean
  /** Bytes under way to the master and to the replica. */
  up: Uint8Array[]
  down: Uint8Array[]
  /** What the master has got of a command that is not complete. */
  request: string
  paused: boolean
}

interface Dataset {
  digest: number
  writes: number
}

interface Node {
  name: string
  r: Replication
  data: Dataset
  db: number
  loading: string
  saved: { data: Dataset; info: SnapshotInfo } | null
  snapshots: { id: number; bytes: Uint8Array; at: number; target: string }[]
}

interface Net {
  now_ms: number
  random: () => number
  nodes: Node[]
  connections: Connection[]
  nextId: number
  /** Dataset at each offset of each history. */
  seen: Map<string, number>
  waits: number
  stats: { full: number; partial: number }
}

const pick = (net: Net, below: number): number => Math.floor(net.random() * below)

function turnOf(net: Net): Turn {
  return createTurn(net.now_ms, () => {
    let id = ''
    while (id.length < 40) id += pick(net, 16).toString(16)
    return id
  })
}

function options(index: number): ReplicationOptions {
  return {
    ...defaultOptions(),
    port: 7000 + index,
    replBacklogSize: 16 * 1024,
    replBacklogTtl_s: index === 1 ? 2 : 3600,
    replDisklessSync: index % 2 === 0,
    replDisklessSyncDelay_s: index === 0 ? 1 : 0,
    replDisklessLoad: index === 2 ? 'swapdb' : 'disabled',
    replTimeout_s: 5,
    replPingReplicaPeriod_s: 1,
    outputHardLimit: 200_000,
  }
}

function createNet(seed: number, count: number): Net {
  const prng = createPrng(seed)
  const net: Net = {
    now_ms: 1_000_000,
    random: () => random(prng),
    nodes: [],
    connections: [],
    nextId: 1,
    seen: new Map(),
    waits: 0,
    stats: { full: 0, partial: 0 },
  }
  for (let i = 0; i < count; i++) {
    net.nodes.push({
      name: `n${i}`,
      r: createReplication(options(i), turnOf(net)),
      data: { digest: 0, writes: 0 },
      db: 0,
      loading: '',
      saved: null,
      snapshots: [],
    })
  }
  return net
}

/** Calls the node's replication and carries out what comes of it. */
function call(net: Net, node: Node, input: (turn: Turn) => void): void {
  const turn = turnOf(net)
  input(turn)
  for (const effect of turn.effects) carryOut(net, node, effect)
}

function carryOut(net: Net, node: Node, effect: Effect): void {
  switch (effect.kind) {
    case 'log':
      // A stream with a gap would heal by a full synchronisation; here it is a failure.
      if (effect.text.includes('Protocol error')) throw new Error(effect.text)
      break
    case 'send':
      outgoing(net, node, effect.to)?.down.push(effect.bytes.slice(effect.start, effect.end))
      break
    case 'closeLink':
      cut(net, outgoing(net, node, effect.link), effect.afterOutput)
      break
    case 'startSnapshot': {
      const text = JSON.stringify({ ...node.data, info: effect.info, padding: 'x'.repeat(pick(net, 3000)) })
      node.snapshots.push({ id: effect.id, bytes: ascii(text), at: 0, target: effect.target })
      break
    }
    case 'cancelSnapshot':
      node.snapshots = node.snapshots.filter((s) => s.id !== effect.id)
      break
    case 'sendFile': {
      const snapshot = node.snapshots.find((s) => s.id === effect.id)!
      outgoing(net, node, effect.to)?.down.push(snapshot.bytes)
      call(net, node, (turn) => fileSent(node.r, effect.to, turn))
      break
    }
    case 'connect':
      open(net, node, effect.attempt, effect.port)
      break
    case 'sendMaster':
      incoming(net, node, effect.attempt)?.up.push(effect.bytes)
      break
    case 'closeMaster':
      cut(net, incoming(net, node, effect.attempt), false)
      break
    case 'pauseMaster':
    case 'resumeMaster': {
      const connection = incoming(net, node, effect.attempt)
      if (connection !== undefined) connection.paused = effect.kind === 'pauseMaster'
      break
    }
    case 'transferBegin':
    case 'transferAbort':
      node.loading = ''
      break
    case 'transferChunk':
      node.loading += latin1(effect.bytes, effect.start, effect.end)
      break
    case 'flushData':
      node.data = { digest: 0, writes: 0 }
      break
    case 'apply':
      apply(node, effect)
      break
    case 'masterLink':
      if (effect.up && effect.full) net.stats.full++
      else if (effect.up) net.stats.partial++
      break
    case 'waitDone':
      net.waits--
      break
    case 'role':
      net.waits = 0
      break
  }
}

function open(net: Net, from: Node, attempt: number, port: number): void {
  const to = net.nodes[port - 7000]!
  net.connections.push({
    id: net.nextId++,
    from,
    attempt,
    to,
    open: true,
    up: [],
    down: [],
    request: '',
    paused: false,
  })
}

function outgoing(net: Net, node: Node, id: number): Connection | undefined {
  return net.connections.find((c) => c.open && c.to === node && c.id === id)
}

function incoming(net: Net, node: Node, attempt: number): Connection | undefined {
  return net.connections.find((c) => c.open && c.from === node && c.attempt === attempt)
}

/** Ends a connection; what is under way is lost. */
function cut(net: Net, connection: Connection | undefined, afterOutput: boolean): void {
  if (connection === undefined) return
  if (afterOutput) while (connection.down.length > 0) deliverDown(net, connection)
  connection.open = false
  const { from, to, attempt, id } = connection
  net.connections = net.connections.filter((c) => c !== connection)
  call(net, to, (turn) => linkClosed(to.r, id, turn))
  call(net, from, (turn) => masterClosed(from.r, attempt, 'Connection reset by peer', turn))
}

function mix(data: Dataset, db: number, value: string): void {
  data.writes++
  for (const part of [db, Number(value), data.writes]) {
    data.digest = (Math.imul(data.digest ^ part, 0x01000193) + 0x9e3779b9) | 0
  }
}

function apply(node: Node, effect: Effect & { kind: 'apply' }): void {
  const { list, rest } = commandsIn(latin1(effect.bytes, effect.start, effect.end))
  expect(rest).toBe('')
  let db = effect.db
  let inMulti = false
  for (const [name, first, second] of list) {
    if (name === 'MULTI') inMulti = true
    else if (name === 'EXEC') inMulti = false
    else if (name === 'SELECT') db = Number(first)
    else if (name === 'SET') mix(node.data, db, second!)
    else expect(name).toBe('PING')
  }
  expect(inMulti).toBe(false)
  node.db = db
}

/** Notes the dataset at this point of this history; it must be what anybody else had there. */
function check(net: Net, node: Node): void {
  const { r } = node
  if (r.master.host !== null && r.master.state !== 'connected') return
  if (r.backlog === null) return
  const point = `${r.replid}:${r.offset}`
  const known = net.seen.get(point)
  if (known === undefined) net.seen.set(point, node.data.digest)
  else if (known !== node.data.digest) throw new Error(`${node.name} differs from others at ${point}`)
}

let counter = 0

function write(net: Net, node: Node, kind: number): void {
  if (!isMaster(node.r)) return
  call(net, node, (turn) => {
    const db = pick(net, 3)
    const value = String(++counter)
    if (kind === 0) {
      const other = pick(net, 3)
      feedCommand(node.r, -1, ['MULTI'], turn)
      for (const each of [db, other, db]) {
        feedCommand(node.r, each, ['SET', 'k', value], turn)
        mix(node.data, each, value)
      }
      feedCommand(node.r, -1, ['EXEC'], turn)
      return
    }
    const padding = 'p'.repeat(kind === 1 ? pick(net, 9000) : 3)
    const command = encodeCommand('SET', padding, value)
    if (wantsFeed(node.r)) feed(node.r, db, concat([ascii('xx'), command]), 2, command.length + 2, turn)
    else feed(node.r, db, command, 0, command.length, turn)
    mix(node.data, db, value)
  })
  check(net, node)
}

/** The master's side of a connection takes in some bytes. */
function deliverUp(net: Net, c: Connection): void {
  const bytes = take(net, c.up)
  const { to: node, id } = c
  c.request += latin1(bytes)
  const { list, rest } = commandsIn(c.request)
  c.request = rest
  for (const args of list) {
    if (!c.open) return
    call(net, node, (turn) => {
      const bytesOfArgs = args.map((arg) => ascii(arg))
      const name = args[0]!.toLowerCase()
      if (name === 'ping') c.down.push(ascii('+PONG\r\n'))
      else if (name === 'replconf') {
        const answer = replconf(node.r, id, '127.0.0.1', bytesOfArgs, turn)
        if (answer !== null) c.down.push(ascii('ok' in answer ? '+OK\r\n' : `-${answer.error}\r\n`))
      } else {
        const asker = { id, peerIp: '127.0.0.1', client: 'id=1', hasPendingReplies: false }
        const error = psync(node.r, asker, bytesOfArgs, turn)
        if (error !== null) c.down.push(ascii(`-${error}\r\n`))
      }
    })
  }
}

function deliverDown(net: Net, c: Connection): void {
  const bytes = take(net, c.down)
  const { from: node, attempt } = c
  call(net, node, (turn) => masterBytes(node.r, attempt, bytes, 0, bytes.length, turn))
  check(net, node)
  if (c.open) call(net, c.to, (turn) => linkSent(c.to.r, c.id, size(c.down), turn))
}

const size = (queue: Uint8Array[]): number => queue.reduce((sum, bytes) => sum + bytes.length, 0)

/** Some of the bytes under way, cut anywhere. */
function take(net: Net, queue: Uint8Array[]): Uint8Array {
  const first = queue.shift()!
  if (first.length < 2 || pick(net, 3) > 0) return first
  const at = 1 + pick(net, first.length - 1)
  queue.unshift(first.slice(at))
  return first.slice(0, at)
}

/** One thing that can happen, happens. False if everything rests. */
function happen(net: Net): boolean {
  const events: (() => void)[] = []
  for (const c of net.connections) {
    if (c.from.r.master.attempt === c.attempt && c.from.r.master.state === 'connecting') {
      events.push(() => call(net, c.from, (turn) => masterConnected(c.from.r, c.attempt, turn)))
    }
    if (c.up.length > 0) events.push(() => deliverUp(net, c))
    if (c.down.length > 0 && !c.paused) events.push(() => deliverDown(net, c))
  }
  for (const node of net.nodes) {
    if (node.r.master.loading) events.push(() => load(net, node))
    if (node.r.snapshot !== null) events.push(() => makeSnapshot(net, node))
  }
  if (events.length === 0) return false
  events[pick(net, events.length)]!()
  return true
}

function load(net: Net, node: Node): void {
  const { digest, writes, info } = JSON.parse(node.loading) as Dataset & { info: SnapshotInfo }
  call(net, node, (turn) => loadFinished(node.r, { ok: true, streamDb: info.streamDb }, turn))
  node.data = { digest, writes }
  check(net, node)
}

function makeSnapshot(net: Net, node: Node): void {
  const { id } = node.r.snapshot!
  const snapshot = node.snapshots.find((s) => s.id === id)!
  const end = Math.min(snapshot.bytes.length, snapshot.at + 1 + pick(net, 1500))
  const start = snapshot.at
  snapshot.at = end
  call(net, node, (turn) => {
    if (snapshot.target === 'socket') snapshotChunk(node.r, id, snapshot.bytes, start, end, turn)
    if (end === snapshot.bytes.length) snapshotDone(node.r, id, { ok: true, size: end }, turn)
  })
}

function passTime(net: Net, ms: number): void {
  net.now_ms += ms
  for (const node of net.nodes) {
    call(net, node, (turn) => (net.now_ms >= wakeAt(node.r) ? tick(node.r, turn) : afterEvents(node.r, turn)))
  }
}

/** The process ends and begins again: with its last file, or with nothing. */
function restart(net: Net, node: Node, withFile: boolean): void {
  for (const c of net.connections.filter((c) => c.from === node || c.to === node)) {
    c.open = false
    net.connections = net.connections.filter((other) => other !== c)
    if (c.from !== node) call(net, c.from, (turn) => masterClosed(c.from.r, c.attempt, 'reset', turn))
    if (c.to !== node) call(net, c.to, (turn) => linkClosed(c.to.r, c.id, turn))
  }
  const { host, port } = node.r.master
  const saved = withFile ? node.saved : null
  call(net, node, (turn) => {
    node.r = createReplication(node.r.options, turn)
    node.data = saved === null ? { digest: 0, writes: 0 } : { ...saved.data }
    node.snapshots = []
    if (host === null) {
      if (saved !== null) restoreHistory(node.r, saved.info, !isMaster(node.r), turn)
      return
    }
    node.r.master.host = host
    node.r.master.port = port
    node.r.master.state = 'connect'
    node.r.master.attempt = 1000 * net.nextId++
    if (saved !== null) restoreHistory(node.r, saved.info, !isMaster(node.r), turn)
  })
}

type Action =
  | { kind: 'write'; node: number; how: number }
  | { kind: 'run'; events: number }
  | { kind: 'cut'; which: number }
  | { kind: 'time'; ms: number }
  | { kind: 'promote'; node: number }
  | { kind: 'follow'; node: number; master: number }
  | { kind: 'save'; node: number }
  | { kind: 'restart'; node: number; withFile: boolean }
  | { kind: 'wait'; node: number }

const node = fc.nat(3)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('write'), node, how: fc.nat(5) }) },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('run'), events: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut'), which: fc.nat(10) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('time'), ms: fc.integer({ min: 1, max: 2500 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('promote'), node }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('follow'), node, master: node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('save'), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart'), node, withFile: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait'), node }) },
) as fc.Arbitrary<Action>

function act(net: Net, a: Action): void {
  switch (a.kind) {
    case 'write':
      write(net, net.nodes[a.node]!, a.how)
      break
    case 'run':
      for (let i = 0; i < a.events && happen(net); i++) if (i % 7 === 0) passTime(net, 0)
      break
    case 'cut':
      cut(net, net.connections[a.which % Math.max(1, net.connections.length)], false)
      break
    case 'time':
      passTime(net, a.ms)
      break
    case 'promote':
      call(net, net.nodes[a.node]!, (turn) => unsetMaster(net.nodes[a.node]!.r, turn))
      break
    case 'follow':
      if (a.node !== a.master) follow(net, a.node, a.master)
      break
    case 'save': {
      const saver = net.nodes[a.node]!
      const info = snapshotInfo(saver.r)
      saver.saved = info === null ? null : { data: { ...saver.data }, info }
      break
    }
    case 'restart':
      restart(net, net.nodes[a.node]!, a.withFile)
      break
    case 'wait': {
      const { r } = net.nodes[a.node]!
      call(net, net.nodes[a.node]!, (turn) => {
        if (wait(r, 900 + net.nextId++, r.offset, 1, 500, true, turn) === 'waiting') net.waits++
      })
      break
    }
  }
}

/** One master at the front, the others behind it, partly in a chain; then nothing but time and rest. */
function heal(net: Net): void {
  const [first, ...others] = net.nodes
  call(net, first!, (turn) => unsetMaster(first!.r, turn))
  for (const [i, node] of others.entries()) {
    const port = i === 2 ? 7001 : 7000
    if (node.r.master.host === null || node.r.master.port !== port) {
      call(net, node, (turn) => setMaster(node.r, '127.0.0.1', port, turn))
    }
  }
  for (let i = 0; i < 40; i++) {
    if (i < 20) write(net, first!, 3)
    for (let j = 0; j < 400 && happen(net); j++) passTime(net, 0)
    passTime(net, 1000)
  }
  first!.r.options.replPingReplicaPeriod_s = 1e6
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 400 && happen(net); j++) passTime(net, 0)
    passTime(net, 1000)
  }
}

function live(seed: number, actions: Action[]): Net {
  const net = createNet(seed, 4)
  for (const from of [1, 2, 3]) follow(net, from, 0)
  for (const a of actions) act(net, a)
  heal(net)
  const { r, data } = net.nodes[0]!
  for (const node of net.nodes.slice(1)) {
    expect([node.name, node.r.master.state, node.data, node.r.replid, node.r.offset]).toEqual([
      node.name,
      'connected',
      data,
      r.replid,
      r.offset,
    ])
  }
  expect(r.replicas.length).toBe(2)
  for (const link of r.replicas) expect(link.ackOffset).toBe(r.offset)
  expect(r.waits.length).toBe(0)
  return net
}

/** Everything that can happen does, and time passes, until the nodes have nothing more to say. */
function settle(net: Net): void {
  for (let i = 0; i < 3; i++) {
    while (happen(net)) passTime(net, 0)
    passTime(net, 1000)
  }
  while (happen(net)) passTime(net, 0)
}

function follow(net: Net, from: number, to: number): void {
  const node = net.nodes[from]!
  call(net, node, (turn) => setMaster(node.r, '127.0.0.1', 7000 + to, turn))
}

describe('a promoted replica', () => {
  /** n1 and n2 follow n0; n1 is cut off and promoted, while n2 gets two more writes. */
  function split(): Net {
    const net = createNet(7, 3)
    for (const node of net.nodes) {
      Object.assign(node.r.options, { replPingReplicaPeriod_s: 1e6, replBacklogTtl_s: 0 })
    }
    follow(net, 1, 0)
    follow(net, 2, 0)
    settle(net)
    write(net, net.nodes[0]!, 3)
    settle(net)
    return net
  }

  test('continues with replicas that have no more of the old history than itself', () => {
    const net = split()
    const [, n1, n2] = net.nodes
    call(net, n1!, (turn) => unsetMaster(n1!.r, turn))
    write(net, n1!, 3)
    const before = net.stats.full
    follow(net, 2, 1)
    follow(net, 0, 1)
    settle(net)
    expect(net.stats.full).toBe(before)
    expect(n2!.data).toEqual(n1!.data)
    expect(net.nodes[0]!.data).toEqual(n1!.data)
    expect(n1!.r.stats.syncPartialOk).toBe(2)
  })

  test('does not continue with one that has more, even when its own stream has passed that offset', () => {
    const net = split()
    const [n0, n1, n2] = net.nodes
    call(net, n1!, (turn) => unsetMaster(n1!.r, turn))
    write(net, n0!, 3)
    settle(net)
    for (let i = 0; i < 5; i++) write(net, n1!, 3)
    expect(n2!.r.offset).toBeLessThan(n1!.r.offset)
    const before = net.stats.full
    follow(net, 2, 1)
    settle(net)
    expect(net.stats.full).toBe(before + 1)
    expect(n2!.data).toEqual(n1!.data)
  })
})

describe('nodes over a network that loses connections', () => {
  test('have the same dataset at the same place in the same history, and in the end all the same', () => {
    const actions = fc.array(action, { minLength: 20, maxLength: 120, size: 'max' })
    const total = { full: 0, partial: 0 }
    fc.assert(
      fc.property(fc.integer(), actions, (seed, list) => {
        const { stats } = live(seed, list)
        total.full += stats.full
        total.partial += stats.partial
      }),
      { numRuns: 200 },
    )
    // Both ways of synchronising have been gone often enough for this to mean something.
    expect(total.full).toBeGreaterThan(500)
    expect(total.partial).toBeGreaterThan(100)
  }, 60_000)
})
