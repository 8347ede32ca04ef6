/**
 * The manager's connections: nodes as it sees them, and the loading of a whole cluster from one of its nodes.
 * Questions go to all nodes at once; what is said about the answers keeps the order of the nodes.
 */

import {
  type Argument,
  addressText,
  type Connection,
  ConnectionError,
  type ConnectOptions,
  connect,
  errorOf,
  type Reply,
  textOf,
} from '../client/index.js'
import type { Style } from './allocate.js'
import { type NodeLine, type OpenSlot, parseNodes, type SlotRange } from './nodes.js'
import { nameOf, reasons, type Say } from './words.js'

export type Access = Pick<ConnectOptions, 'username' | 'password' | 'tls'>

/** A node that the manager is connected to. Plans write into `slots`, `replicates` and `planned`. */
export interface ManagedNode {
  readonly host: string
  readonly port: number
  readonly connection: Connection
  busPort: number
  id: string
  flags: readonly string[]
  replicates: string | undefined
  slots: readonly SlotRange[]
  migrating: readonly OpenSlot[]
  importing: readonly OpenSlot[]
  /** Known from the others' replicates: how many replicas this master has. */
  replicas: number
  planned: boolean
}

/** What the plans run in. */
export interface Context {
  readonly style: Style
  readonly say: Say
  readonly access: Access
}

export type Outcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string }

/** A server takes its time while it loads or forks: the manager waits longer than a user's client would. */
export const MANAGER_REPLY_TIMEOUT_MS = 60_000

/** Connects to a node; `reason` is in the style's words. */
export async function reach(host: string, port: number, context: Context): Promise<Outcome<Connection>> {
  const { style, access } = context
  try {
    const value = await connect({ ...access, host, port, replyTimeout_ms: MANAGER_REPLY_TIMEOUT_MS })
    return { ok: true, value }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    const node = nameOf({ host, port })
    if (error.code === 'REPLY') return { ok: false, reason: reasons.replied(node, error.message) }
    return { ok: false, reason: reasons.unreachable(node, error.message, style) }
  }
}

/** The node as it describes itself in CLUSTER NODES, or undefined where that text has no such line. */
export function describe(
  connection: Connection,
  host: string,
  port: number,
  lines: NodeLine[],
): ManagedNode | undefined {
  const own = lines.find((line) => line.flags.includes('myself'))
  if (own === undefined) return undefined
  return {
    host,
    port,
    connection,
    busPort: own.busPort === 0 ? port + 10_000 : own.busPort,
    id: own.id,
    flags: own.flags,
    replicates: own.flags.includes('slave') ? own.replicates : undefined,
    slots: own.slots,
    migrating: own.migrating,
    importing: own.importing,
    replicas: 0,
    planned: false,
  }
}

/** The value of an INFO or CLUSTER INFO field. */
export function infoField(info: string, field: string): string | undefined {
  const line = info.split(/\r?\n/).find((l) => l.startsWith(`${field}:`))
  return line?.slice(field.length + 1)
}

/** The nodes that `reply`, of CLUSTER NODES, tells of, or why there are none. */
export function nodesOf(reply: Reply): Outcome<NodeLine[]> {
  const error = errorOf(reply)
  if (error !== undefined) return { ok: false, reason: error }
  const value = parseNodes(textOf(reply) ?? '')
  return value === undefined ? { ok: false, reason: 'invalid CLUSTER NODES reply' } : { ok: true, value }
}

/** A command, its answer or the error: a connection that fails is an error too. */
export async function ask(
  node: { readonly connection: Connection },
  ...args: Argument[]
): Promise<Outcome<Reply>> {
  try {
    const value = await node.connection.call(...args)
    const error = errorOf(value)
    return error === undefined ? { ok: true, value } : { ok: false, reason: error }
  } catch (error) {
    if (error instanceof ConnectionError) return { ok: false, reason: error.message }
    throw error
  }
}

export interface LoadedCluster {
  /** The node that was asked comes first, the others in the order in which it lists them. */
  readonly nodes: ManagedNode[]
  /** Masters that are known and cannot be reached. */
  readonly unreachable: number
}

/**
 * Connects to a node and to every other that it knows of. A friend that cannot be reached is left out, with
 * a word; the first that cannot be reached is a failure, whose reason has been said.
 */
export async function loadCluster(
  host: string,
  port: number,
  context: Context,
): Promise<Outcome<LoadedCluster>> {
  const { style, say } = context
  const fail = (reason: string, onStderr = false): Outcome<never> => {
    say(reason, onStderr && style === 'cli' ? 'stderr' : 'error')
    return { ok: false, reason: reason.trimEnd() }
  }
  const reached = await reach(host, port, context)
  if (!reached.ok) return fail(reached.reason, reached.reason.startsWith('Could not'))
  const connection = reached.value
  const here = { connection }
  const [info, listed] = await Promise.all([ask(here, 'INFO'), ask(here, 'CLUSTER', 'NODES')])
  const enabled = info.ok ? infoField(textOf(info.value) ?? '', 'cluster_enabled') : undefined
  if (enabled !== '1') {
    connection.close()
    return fail(reasons.notCluster(nameOf({ host, port }), info.ok ? undefined : info.reason))
  }
  const lines = listed.ok ? nodesOf(listed.value) : listed
  const first = lines.ok ? describe(connection, host, port, lines.value) : undefined
  if (!lines.ok || first === undefined) {
    connection.close()
    return fail(reasons.replied(nameOf({ host, port }), lines.ok ? 'no line of its own' : lines.reason))
  }
  // A node in handshake has a name for the moment only: it is one of the others, or will be.
  const others = lines.value.filter(
    (line) => !line.flags.some((flag) => flag === 'myself' || flag === 'handshake'),
  )
  const loaded = await Promise.all(others.map((line) => loadFriend(line, context)))
  const nodes = [first]
  let unreachable = 0
  for (const [i, friend] of loaded.entries()) {
    for (const { text, tone } of friend.said) say(text, tone)
    if (friend.node !== undefined) nodes.push(friend.node)
    else if (!others[i]!.flags.includes('slave')) unreachable++
  }
  countReplicas(nodes, say)
  return { ok: true, value: { nodes, unreachable } }
}

interface Friend {
  readonly node?: ManagedNode
  readonly said: { text: string; tone: 'stderr' | 'error' }[]
}

async function loadFriend(line: NodeLine, context: Context): Promise<Friend> {
  const gone = line.flags.some((flag) => ['noaddr', 'disconnected', 'fail'].includes(flag))
  if (line.port === 0 || line.host === '' || (gone && context.style === 'trib')) return { said: [] }
  const reached = await reach(line.host, line.port, context)
  if (!reached.ok) {
    return { said: [{ text: reached.reason, tone: context.style === 'cli' ? 'stderr' : 'error' }] }
  }
  const connection = reached.value
  const listed = await ask({ connection }, 'CLUSTER', 'NODES')
  const lines = listed.ok ? nodesOf(listed.value) : listed
  const node = lines.ok ? describe(connection, line.host, line.port, lines.value) : undefined
  if (node !== undefined && !gone) return { node, said: [] }
  connection.close()
  if (node !== undefined) return { said: [] }
  return { said: [{ text: `[ERR] Unable to load info for node ${addressText(line)}\n`, tone: 'error' }] }
}

function countReplicas(nodes: ManagedNode[], say: Say): void {
  for (const node of nodes) {
    if (node.replicates === undefined) continue
    const master = nodes.find((other) => other.id === node.replicates)
    if (master !== undefined) master.replicas++
    else
      say(`*** WARNING: ${nameOf(node)} claims to be slave of unknown node ID ${node.replicates}.\n`, 'warn')
  }
}

export function closeAll(nodes: Iterable<{ readonly connection: Connection }>): void {
  for (const { connection } of nodes) connection.close()
}
