/**
 * nodes.conf: what a node remembers of its cluster over a restart. One line a node as in CLUSTER NODES, with
 * auxiliary fields after the address (shard id, the second port, human name: Redis 7.2), and a last line of variables:
 *
 *     <id> 127.0.0.1:7000@17000,,tls-port=0,shard-id=<id> myself,master - 0 1700000000000 1 connected 0-5460
 *     vars currentEpoch 6 lastVoteEpoch 0
 *
 * Files of older versions are read, too: 7.0 has no auxiliary fields, 3.0 no bus port either. Redis writes the file
 * as bytes of one encoding only, ASCII, and so do we.
 *
 * A line that cannot be read is refused. Lines that contradict each other are repaired as Redis does, and each repair
 * is noted in the log:
 *
 *     a replica with another shard id than its master      has its master's
 *     a slot that two lines claim                          belongs to the first
 *     slots in a replica's line                            are not taken
 *     a master's line that names a master                  is a master's
 *     a name without a line of its own                     is a node that nothing is known of
 *     two lines of one node                                are one node: the second one's fields, both ones' slots
 *     an epoch above EPOCH_MAX                             is not taken
 *     no vars line, or none with lastVoteEpoch             the vote of the current epoch counts as given
 */

import { SLOTS } from '../bytes/crc16.js'
import { BUS_PORT_OFFSET } from './announce.js'
import { describeForFile } from './describe.js'
import { EPOCH_MAX, maxEpoch } from './epochs.js'
import {
  addReplica,
  addToShard,
  isAddress,
  isHostname,
  isHumanName,
  isNodeName,
  randomName,
} from './nodes.js'
import { assignSlot } from './slots.js'
import type { ClusterConfig, ClusterNode, ClusterState, Local } from './state.js'
import {
  createNode,
  createState,
  FAILED,
  HANDSHAKE,
  isMaster,
  isReplica,
  MASTER,
  MYSELF,
  NOADDR,
  NOFAILOVER,
  PFAIL,
  REPLICA,
} from './state.js'
import { applyConfig } from './step.js'
import { createTurn } from './turn.js'

/** The longest file read: NODES_MAX nodes with many ranges each. */
export const NODES_CONF_BYTES_MAX = 64 * 1024 * 1024

export type Loaded =
  | { readonly ok: true; readonly state: ClusterState; readonly notes: readonly string[] }
  | { readonly ok: false; readonly reason: string }

/** The file's content. Nodes in handshake are left out: they have no name yet. */
export function encodeNodesConf(state: ClusterState): Uint8Array {
  let text = ''
  for (const node of state.nodeList) {
    if ((node.flags & HANDSHAKE) === 0) text += `${describeForFile(state, node)}\n`
  }
  const epoch = state.faults.forgetEpoch ? 0n : state.currentEpoch
  const vote = state.faults.forgetEpoch ? 0n : state.lastVoteEpoch
  text += `vars currentEpoch ${epoch} lastVoteEpoch ${vote}\n`
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** The state of a node that has no nodes.conf yet: alone, with a new name. */
export function freshState(
  config: ClusterConfig,
  local: Local,
  now_ms: number,
  random: () => number,
): ClusterState {
  const myself = createNode(randomName(random), randomName(random), MYSELF | MASTER, now_ms)
  const state = createState(config, local, myself)
  applyConfig(createTurn(state, now_ms, random), '')
  return state
}

interface Draft {
  readonly nodes: Map<string, ClusterNode>
  /** Names of masters, to be tied once all lines are read. */
  readonly masters: Map<ClusterNode, string>
  readonly slots: [ClusterNode, number, number][]
  readonly migrating: [number, ClusterNode][]
  readonly importing: [number, ClusterNode][]
  readonly withShard: Set<ClusterNode>
  readonly notes: string[]
  myself: ClusterNode | null
  currentEpoch: bigint
  /** Null: the file does not say. */
  lastVoteEpoch: bigint | null
  /** Names that have a line. */
  readonly lines: Set<string>
}

/** Reads a nodes.conf. The reason of a refusal holds the line in question. */
export function decodeNodesConf(
  bytes: Uint8Array,
  config: ClusterConfig,
  local: Local,
  now_ms: number,
  random: () => number,
): Loaded {
  if (bytes.length > NODES_CONF_BYTES_MAX) return { ok: false, reason: 'the file is too long' }
  const draft: Draft = {
    nodes: new Map(),
    masters: new Map(),
    slots: [],
    migrating: [],
    importing: [],
    withShard: new Set(),
    notes: [],
    myself: null,
    currentEpoch: 0n,
    lastVoteEpoch: null,
    lines: new Set(),
  }
  const make = (name: string) => {
    const known = draft.nodes.get(name)
    if (known !== undefined) return known
    const node = createNode(name, randomName(random), 0, now_ms)
    draft.nodes.set(name, node)
    return node
  }
  let start = 0
  while (start < bytes.length) {
    let end = bytes.indexOf(0x0a, start)
    if (end < 0) end = bytes.length
    const line = latin1(bytes, start, end)
    start = end + 1
    const fields = line.split(/[ \t\r\0]+/).filter((field) => field !== '')
    if (fields.length === 0) continue
    const good =
      fields[0]!.toLowerCase() === 'vars'
        ? readVars(draft, fields)
        : readNode(draft, fields, config, make, now_ms)
    if (!good) return { ok: false, reason: line.slice(0, 200) }
  }
  return assemble(draft, config, local, now_ms, random)
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 4096)))
  }
  return text
}

function readVars(draft: Draft, fields: readonly string[]): boolean {
  if (fields.length % 2 === 0) return false
  for (let i = 1; i < fields.length; i += 2) {
    const value = toEpoch(draft, fields[i + 1]!)
    switch (fields[i]!.toLowerCase()) {
      case 'currentepoch':
        if (value === null) return false
        draft.currentEpoch = value
        break
      case 'lastvoteepoch':
        if (value === null) return false
        draft.lastVoteEpoch = value
        break
      default:
        draft.notes.push(`Skipping unknown cluster config variable '${fields[i]}'`)
    }
  }
  return true
}

function readNode(
  draft: Draft,
  fields: readonly string[],
  config: ClusterConfig,
  make: (name: string) => ClusterNode,
  now_ms: number,
): boolean {
  if (fields.length < 8 || !isNodeName(fields[0]!)) return false
  const node = make(fields[0]!)
  if (draft.lines.has(node.name)) {
    draft.notes.push(
      `Node ${node.name} has more than one line in the cluster config file, the last one counts`,
    )
    node.flags &= MYSELF
    draft.masters.delete(node)
  }
  draft.lines.add(node.name)
  if (!readAddress(draft, node, fields[1]!, config) || !readFlags(draft, node, fields[2]!, now_ms))
    return false
  if (fields[3]![0] !== '-') {
    if (!isNodeName(fields[3]!) || fields[3] === node.name) return false
    make(fields[3]!)
    draft.masters.set(node, fields[3]!)
  }
  const epoch = toEpoch(draft, fields[6]!)
  if (epoch === null) return false
  if (leadingNumber(fields[4]!) !== 0) node.pingSentAt_ms = now_ms
  if (leadingNumber(fields[5]!) !== 0) node.pongReceivedAt_ms = now_ms
  node.configEpoch = isReplica(node) && draft.masters.has(node) ? 0n : epoch
  for (const field of fields.slice(8)) if (!readSlots(draft, node, field, make)) return false
  return true
}

/** `ip:port[@bus-port][,hostname][,aux=value]*` */
function readAddress(draft: Draft, node: ClusterNode, field: string, config: ClusterConfig): boolean {
  const [address, hostname = '', ...rest] = field.split(',')
  if (!isHostname(hostname)) return false
  node.hostname = hostname
  const found = new Set<string>()
  for (const text of rest) {
    const at = text.indexOf('=')
    if (at < 0 || !readAuxiliary(draft, node, text.slice(0, at), text.slice(at + 1))) return false
    found.add(text.slice(0, at))
  }
  const colon = address!.lastIndexOf(':')
  if (colon < 0) return false
  node.ip = address!.slice(0, colon)
  if (!isAddress(node.ip)) return false
  const [portText, busText] = address!.slice(colon + 1).split('@')
  const port = leadingNumber(portText!)
  if (!isPort(port)) return false
  // One of the two ports stands before the `@`; which one shows by the auxiliary field that names the other.
  if (found.has('tcp-port') || (!found.has('tls-port') && config.tlsCluster)) node.tlsPort = port
  else node.port = port
  const base = config.tlsCluster ? node.tlsPort : node.port
  node.busPort = busText === undefined ? base + BUS_PORT_OFFSET : leadingNumber(busText)
  if (busText === undefined && base === 0) node.busPort = 0
  return isPort(node.busPort)
}

function readAuxiliary(draft: Draft, node: ClusterNode, name: string, value: string): boolean {
  switch (name) {
    case 'shard-id':
      if (!isNodeName(value)) return false
      node.shardId = value
      draft.withShard.add(node)
      return true
    case 'nodename':
      if (!isHumanName(value)) return false
      node.humanName = value
      return true
    case 'client-ipv4':
    case 'client-ipv6':
      if (!isAddress(value)) return false
      if (name === 'client-ipv4') node.clientIpv4 = value
      else node.clientIpv6 = value
      return true
    case 'tcp-port':
    case 'tls-port': {
      if (!/^\d{1,5}$/.test(value) || !isPort(Number(value))) return false
      if (name === 'tcp-port') node.port = Number(value)
      else node.tlsPort = Number(value)
      return true
    }
    default:
      return false
  }
}

const FLAGS: Record<string, number> = {
  myself: MYSELF,
  master: MASTER,
  slave: REPLICA,
  'fail?': PFAIL,
  fail: FAILED,
  handshake: HANDSHAKE,
  noaddr: NOADDR,
  nofailover: NOFAILOVER,
  noflags: 0,
}

function readFlags(draft: Draft, node: ClusterNode, field: string, now_ms: number): boolean {
  for (const name of field.toLowerCase().split(',')) {
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    if (flag === undefined) return false
    if (flag === MYSELF) {
      if (draft.myself !== null) return false
      draft.myself = node
    }
    if (flag === FAILED) node.failedAt_ms = now_ms
    node.flags |= flag
  }
  return !(isMaster(node) && isReplica(node))
}

/** `5`, `0-5460`, `[77->-<id>]` (migrating) or `[77-<-<id>]` (importing). */
function readSlots(
  draft: Draft,
  node: ClusterNode,
  field: string,
  make: (name: string) => ClusterNode,
): boolean {
  const moving = /^\[(\d{1,5})-([<>])-([a-z0-9]{40})\]$/.exec(field)
  if (moving !== null) {
    const slot = Number(moving[1])
    if (slot >= SLOTS) return false
    const list = moving[2] === '>' ? draft.migrating : draft.importing
    list.push([slot, make(moving[3]!)])
    return true
  }
  const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(field)
  if (range === null) return false
  const first = Number(range[1])
  const last = range[2] === undefined ? first : Number(range[2])
  if (first >= SLOTS || last >= SLOTS) return false
  draft.slots.push([node, first, last])
  return true
}

function assemble(
  draft: Draft,
  config: ClusterConfig,
  local: Local,
  now_ms: number,
  random: () => number,
): Loaded {
  const { myself } = draft
  if (myself === null) return { ok: false, reason: 'no line is flagged as myself' }
  const state = createState(config, local, myself)
  state.shards.clear()
  for (const node of draft.nodes.values()) {
    if (node === myself) continue
    state.nodes.set(node.name, node)
    state.nodeList.push(node)
  }
  tieReplicas(draft)
  for (const node of state.nodeList) if ((node.flags & HANDSHAKE) === 0) addToShard(state, node)
  assignSlots(draft, state)
  for (const [slot, node] of draft.migrating) if (node !== myself) state.migratingTo.set(slot, node)
  for (const [slot, node] of draft.importing) if (node !== myself) state.importingFrom.set(slot, node)
  state.currentEpoch = draft.currentEpoch
  // Should never differ, but the file may have been edited.
  state.currentEpoch = maxEpoch(state)
  if (draft.lastVoteEpoch === null) {
    draft.notes.push('No lastVoteEpoch in the cluster config file: not voting in the current epoch')
  }
  state.lastVoteEpoch = draft.lastVoteEpoch ?? state.currentEpoch
  state.rejoining = myself.slotCount > 0
  applyConfig(createTurn(state, now_ms, random), '')
  return { ok: true, state, notes: draft.notes }
}

/** Ties replicas to their masters, and all nodes of a shard to one shard id. */
function tieReplicas(draft: Draft): void {
  const { notes, nodes, withShard, lines } = draft
  for (const [node, name] of draft.masters) {
    if (isMaster(node)) {
      notes.push(`Node ${node.name} is a master in the cluster config file, so it does not replicate ${name}`)
      continue
    }
    const master = nodes.get(name)!
    node.master = master
    addReplica(master, node)
  }
  for (const node of nodes.values()) {
    if (!lines.has(node.name))
      notes.push(`Node ${node.name} is named in the cluster config file, but has no line`)
    // A replica of a replica has the shard of the master at the end.
    let top = node
    for (let steps = 0; top.master !== null && steps < nodes.size; steps++) top = top.master
    if (top.shardId === node.shardId) continue
    // Files before 7.2 have no shard ids, so there is nothing to note.
    if (withShard.has(node)) {
      notes.push(
        `Node ${node.name} has shard id ${node.shardId}, its master ${top.name} ${top.shardId}: taking the latter`,
      )
    }
    node.shardId = top.shardId
  }
}

function assignSlots(draft: Draft, state: ClusterState): void {
  for (const [node, first, last] of draft.slots) {
    if (isReplica(node)) {
      draft.notes.push(`Node ${node.name} is a replica, so slots ${first}-${last} of its line are not taken`)
      continue
    }
    for (let slot = first; slot <= last; slot++) {
      const owner = state.slotOwner[slot] ?? null
      if (owner === null) assignSlot(state, node, slot)
      else if (owner !== node) {
        draft.notes.push(
          `Slot ${slot} of node ${node.name} stays with node ${owner.name}, whose line comes first`,
        )
      }
    }
  }
}

function isPort(port: number): boolean {
  return port >= 0 && port <= 65_535
}

/** A decimal u64; null when it is none. One from which elections could not go on counts as 0. */
function toEpoch(draft: Draft, text: string): bigint | null {
  if (!/^\d{1,20}$/.test(text)) return null
  const value = BigInt(text)
  if (BigInt.asUintN(64, value) !== value) return null
  if (value <= EPOCH_MAX) return value
  draft.notes.push(`Ignoring epoch ${value} in the cluster config file: no epochs are left above it`)
  return 0n
}

/** The number that a text begins with; 0 when there is none. */
function leadingNumber(text: string): number {
  const value = Number.parseInt(text, 10)
  return Number.isFinite(value) ? value : 0
}
