/** `status`: what each node of a folder's cluster says of itself, side by side. */

import { errorOf, textOf } from '../client/index.js'
import { coveredSlots, type NodeLine, parseNodes, type SlotRange } from '../trib/nodes.js'
import { knownCluster } from './down.js'
import type { EngineWorld } from './engines.js'
import type { Outcome } from './folder.js'
import { infoFields, lookAt } from './inspect.js'
import type { NodePlan } from './plan.js'
import type { Access } from './processes.js'
import { askNode } from './shape.js'

export interface NodeStatus {
  readonly address: string
  readonly engine: string
  readonly state: 'running' | 'down' | 'silent' | 'taken'
  /** Why, where the port is somebody else's. */
  readonly reason?: string
  readonly pid?: number
  readonly id?: string
  readonly role?: 'master' | 'replica'
  /** The master's address. */
  readonly replicaOf?: string
  readonly link?: 'up' | 'down'
  readonly slots?: readonly SlotRange[]
  readonly keys?: number
  readonly memory_bytes?: number
  /** Of the replication stream. */
  readonly offset_bytes?: number
  /** How far a replica is behind its master, where both are known. */
  readonly lag_bytes?: number
  /** The cluster's state as this node sees it. */
  readonly cluster?: string
}

export interface ClusterStatus {
  readonly dir: string
  /** ok when every node that runs says so and every slot is served; degraded when nodes are missing besides. */
  readonly state: 'ok' | 'degraded' | 'fail' | 'down'
  readonly slotsServed: number
  readonly masters: number
  readonly nodes: readonly NodeStatus[]
}

interface Told {
  readonly status: NodeStatus
  readonly view: readonly NodeLine[]
}

export async function status(dir: string, world: EngineWorld): Promise<Outcome<ClusterStatus>> {
  const known = await knownCluster(dir, world)
  if (!known.ok) return known
  const { plans, access } = known.value
  const told = await Promise.all(plans.map((plan) => askOne(plan, access)))
  return { ok: true, value: { dir: known.value.dir, ...judge(told) } }
}

async function askOne(plan: NodePlan, access: Access): Promise<Told> {
  const base = { address: plan.address, engine: plan.engine.name }
  const found = await lookAt(plan, access)
  if (found.kind === 'free') return { status: { ...base, state: 'down' }, view: [] }
  if (found.kind === 'taken') return { status: { ...base, state: 'taken', reason: found.reason }, view: [] }
  const { pid } = found
  if (found.kind === 'silent') return { status: { ...base, state: 'silent', pid }, view: [] }
  const asked = await askNode(plan, access, [['INFO'], ['CLUSTER', 'NODES'], ['CLUSTER', 'INFO']])
  if (!asked.ok) return { status: { ...base, state: 'silent', pid }, view: [] }
  const [info, nodes, cluster] = asked.value
  const view = (errorOf(nodes!) === undefined ? parseNodes(textOf(nodes) ?? '') : undefined) ?? []
  const state = infoFields(textOf(cluster) ?? '').get('cluster_state')
  return {
    status: { ...base, pid, ...describeNode(view, infoFields(textOf(info) ?? ''), state), state: 'running' },
    view,
  }
}

/** Pure: what the texts say. */
export function describeNode(
  view: readonly NodeLine[],
  info: ReadonlyMap<string, string>,
  cluster: string | undefined,
): Omit<NodeStatus, 'address' | 'engine' | 'state'> {
  const own = view.find((line) => line.flags.includes('myself'))
  const master = own === undefined ? undefined : view.find((line) => line.id === own.replicates)
  const replica = own?.flags.includes('slave') === true
  const number = (field: string) => {
    const text = info.get(field)
    return text === undefined ? undefined : Number(text)
  }
  // A replica's master_repl_offset is that of its own backlog: the same stream.
  const offset = replica
    ? (number('slave_repl_offset') ?? number('master_repl_offset'))
    : number('master_repl_offset')
  const link = info.get('master_link_status')
  const keys = /keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? '0'
  const memory = number('used_memory')
  return {
    ...(own === undefined ? {} : { id: own.id, role: replica ? 'replica' : 'master', slots: own.slots }),
    ...(master === undefined ? {} : { replicaOf: `${master.host}:${master.port}` }),
    ...(link === undefined ? {} : { link: link === 'up' ? 'up' : 'down' }),
    keys: Number(keys),
    ...(memory === undefined ? {} : { memory_bytes: memory }),
    ...(offset === undefined ? {} : { offset_bytes: offset }),
    ...(cluster === undefined ? {} : { cluster }),
  }
}

/** Pure: from the single nodes to the whole. */
function judge(told: readonly Told[]): Omit<ClusterStatus, 'dir'> {
  const offsets = new Map(told.map(({ status }) => [status.address, status.offset_bytes]))
  const nodes = told.map(({ status }): NodeStatus => {
    const ahead = status.replicaOf === undefined ? undefined : offsets.get(status.replicaOf)
    if (ahead === undefined || status.offset_bytes === undefined) return status
    // The master was perhaps asked a little earlier: no replica is ahead of it.
    return { ...status, lag_bytes: Math.max(0, ahead - status.offset_bytes) }
  })
  const running = nodes.filter((node) => node.state === 'running')
  const views = told.filter(({ view }) => view.length > 0)
  const alive = (line: NodeLine) => !line.flags.includes('fail') && !line.flags.includes('noaddr')
  const best = views[0]?.view.filter(alive) ?? []
  const slotsServed = coveredSlots(best)
  const masters = best.filter((line) => line.slots.length > 0).length
  if (running.length === 0) return { state: 'down', slotsServed, masters, nodes }
  const ok = running.every((node) => node.cluster === 'ok')
  const whole = running.length === nodes.length && running.every((node) => node.link !== 'down')
  return { state: ok ? (whole ? 'ok' : 'degraded') : 'fail', slotsServed, masters, nodes }
}
