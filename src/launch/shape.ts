/** What running nodes make together: nothing yet, one cluster, or something in between. Reading; and the slot map. */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Argument,
  type Connection,
  ConnectionError,
  connect,
  errorOf,
  type Reply,
  textOf,
} from '../client/index.js'
import { countSlots, type NodeLine, parseNodes, type SlotRange } from '../trib/nodes.js'
import type { Outcome } from './folder.js'
import type { NodePlan } from './plan.js'
import type { Access } from './processes.js'

const REPLY_TIMEOUT_MS = 10_000
const LOADING_WAIT_MS_MAX = 30_000
const LOADING_POLL_MS = 20

/** One node's replies to some commands. */
export async function askNode(
  plan: Pick<NodePlan, 'host' | 'port'>,
  access: Access,
  commands: readonly (readonly Argument[])[],
): Promise<Outcome<Reply[]>> {
  let connection: Connection | undefined
  try {
    const { host, port } = plan
    connection = await connect({ host, port, ...access, replyTimeout_ms: REPLY_TIMEOUT_MS })
    return { ok: true, value: await connection.pipeline(commands) }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    return { ok: false, reason: error.message }
  } finally {
    connection?.close()
  }
}

/** What a node says of the cluster. One that loads its master's data answers nobody: it is waited for. */
export async function viewOf(plan: NodePlan, access: Access): Promise<Outcome<NodeLine[]>> {
  const deadline = performance.now() + LOADING_WAIT_MS_MAX
  for (;;) {
    const asked = await askNode(plan, access, [['CLUSTER', 'NODES']])
    if (!asked.ok) return asked
    const reply = asked.value[0]!
    const error = errorOf(reply)
    const lines = error === undefined ? parseNodes(textOf(reply) ?? '') : undefined
    if (lines !== undefined && lines.length > 0) return { ok: true, value: lines }
    const loading = error?.startsWith('LOADING ') === true && performance.now() < deadline
    if (!loading) return { ok: false, reason: error ?? 'its CLUSTER NODES cannot be read' }
    await sleep(LOADING_POLL_MS)
  }
}

export type Shape = 'empty' | 'whole' | 'partial'

/** Pure: from each node's view. */
export function shapeOf(views: readonly (readonly NodeLine[])[]): Shape {
  const ids = views.map((view) => view.find((line) => line.flags.includes('myself'))?.id)
  if (views.every((view) => view.length === 1 && countSlots(view[0]!.slots) === 0)) return 'empty'
  const whole = views.every((view) => {
    const known = new Set(view.filter((line) => !line.flags.includes('handshake')).map((line) => line.id))
    return ids.every((id) => id !== undefined && known.has(id))
  })
  return whole ? 'whole' : 'partial'
}

/** A master that serves slots, and its replicas, as `host:port`. */
export interface Shard {
  readonly master: string
  readonly slots: readonly SlotRange[]
  readonly replicas: readonly string[]
}

/**
 * The cluster as each node describes itself: a change reaches the others' views only with the next gossip. Nodes
 * that are not among `plans` (somebody has added them) come from the first view that knows them.
 */
export function ownLines(
  plans: readonly Pick<NodePlan, 'host' | 'port'>[],
  views: readonly (readonly NodeLine[])[],
): NodeLine[] {
  const lines = new Map<string, NodeLine>()
  views.forEach((view, i) => {
    const own = view.find((line) => line.flags.includes('myself'))
    if (own !== undefined) lines.set(own.id, { ...own, host: plans[i]!.host, port: plans[i]!.port })
  })
  for (const line of views.flat()) if (!lines.has(line.id)) lines.set(line.id, line)
  return [...lines.values()]
}

/** The slot map, in the order of the slots. */
export function shardsOf(nodes: readonly NodeLine[]): Shard[] {
  const name = (line: NodeLine) => `${line.host}:${line.port}`
  const alive = (line: NodeLine) => !line.flags.includes('fail') && !line.flags.includes('noaddr')
  return nodes
    .filter((line) => line.slots.length > 0)
    .sort((a, b) => a.slots[0]!.first - b.slots[0]!.first)
    .map((master) => ({
      master: name(master),
      slots: master.slots,
      replicas: nodes
        .filter((line) => line.replicates === master.id && alive(line))
        .map(name)
        .sort(),
    }))
}
