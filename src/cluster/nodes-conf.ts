/**
 * nodes.conf: what a node remembers of its cluster over a restart. One line a node as in CLUSTER NODES, with
 * auxiliary fields after the address (shard id, the second port, human name: Redis 7.2), and a last line of variables:
 *
 *     <id> 127.0.0.1:7000@17000,,tls-port=0,shard-id=<id> myself,master - 0 1700000000000 1 connected 0-5460
 *     vars currentEpoch 6 lastVoteEpoch 0
 *
 * Files of older versions are read, too: 7.0 has no auxiliary fields, 3.0 no bus port either. Redis writes the file
 * as bytes of one encoding only, ASCII, and so do we.
 */

import { SLOTS } from '../bytes/crc16.js'
import { BUS_PORT_OFFSET } from './announce.js'
import { describeForFile } from './describe.js'
import { maxEpoch } from './epochs.js'
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
  const epoch = state.faults.forgetEpoch ? 0 : state.currentEpoch
  const vote = state.faults.forgetEpoch ? 0 : state.lastVoteEpoch
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
  currentEpoch: number
  lastVoteEpoch: number
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
    currentEpoch: 0,
    lastVoteEpoch: 0,
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
    const value = toNumber(fields[i + 1]!)
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
  if (!readAddress(draft, node, fields[1]!, config) || !readFlags(draft, node, fields[2]!, now_ms))
    return false
  if (fields[3]![0] !== '-') {
    if (!isNodeName(fields[3]!) || fields[3] === node.name) return false
    make(fields[3]!)
    draft.masters.set(node, fields[3]!)
  }
  const epoch = toNumber(fields[6]!)
  if (epoch === null) return false
  if (leadingNumber(fields[4]!) !== 0) node.pingSentAt_ms = now_ms
  if (leadingNumber(fields[5]!) !== 0) node.pongReceivedAt_ms = now_ms
  node.configEpoch = isReplica(node) && draft.masters.has(node) ? 0 : epoch
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
  for (const [node, name] of draft.masters) {
    const master = draft.nodes.get(name)!
    // Files before 7.2 have no shard ids: a replica then has its master's.
    if (!draft.withShard.has(node)) node.shardId = master.shardId
    node.master = master
    addReplica(master, node)
  }
  for (const node of state.nodeList) if ((node.flags & HANDSHAKE) === 0) addToShard(state, node)
  for (const [node, first, last] of draft.slots) {
    // A replica's line never has slots; one edited by hand does not make it an owner.
    if (isReplica(node)) continue
    for (let slot = first; slot <= last; slot++) assignSlot(state, node, slot)
  }
  for (const [slot, node] of draft.migrating) if (node !== myself) state.migratingTo.set(slot, node)
  for (const [slot, node] of draft.importing) if (node !== myself) state.importingFrom.set(slot, node)
  state.currentEpoch = draft.currentEpoch
  state.lastVoteEpoch = draft.lastVoteEpoch
  // Should never differ, but the file may have been edited.
  state.currentEpoch = maxEpoch(state)
  state.rejoining = myself.slotCount > 0
  applyConfig(createTurn(state, now_ms, random), '')
  return { ok: true, state, notes: draft.notes }
}

function isPort(port: number): boolean {
  return port >= 0 && port <= 65_535
}

/** Digits only, below 2^53; null otherwise. */
function toNumber(text: string): number | null {
  if (!/^\d{1,16}$/.test(text)) return null
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : null
}

/** The number that a text begins with; 0 when there is none. */
function leadingNumber(text: string): number {
  const value = Number.parseInt(text, 10)
  return Number.isFinite(value) ? value : 0
}
