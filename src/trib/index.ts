/**
 * The cluster manager for programs: each function connects, does one thing to a cluster, says what it does line
 * by line to `onLine`, and closes its connections. Nothing here throws for what a cluster can be like; the
 * outcome has the reason.
 */

import { parseAddress, type Reply } from '../client/index.js'
import type { Style } from './allocate.js'
import { type CheckOptions, type CheckReport, callLoaded, checkLoaded, infoLoaded } from './check.js'
import { type CreateOptions, create } from './create.js'
import type { NodeLine, SlotRange } from './nodes.js'
import {
  type Access,
  type Context,
  closeAll,
  type LoadedCluster,
  loadCluster,
  type Outcome,
} from './session.js'
import { reasons, type Say } from './words.js'

export type { Style } from './allocate.js'
export type { CheckReport } from './check.js'
export { countSlots, type NodeLine, parseNodes, type SlotRange } from './nodes.js'
export { type ReadyOptions, waitUntilReady } from './ready.js'
export type { Access, Outcome } from './session.js'
export type { Say, Tone } from './words.js'

/** A node as the manager found it. */
export type NodeSummary = Pick<NodeLine, 'id' | 'host' | 'port' | 'flags' | 'replicates'> & {
  readonly slots: readonly SlotRange[]
}

export interface ManagerOptions {
  /** Whose words: redis-trib.rb's or redis-cli's (the default). */
  readonly style?: Style
  readonly access?: Access
  /** Each line as it is said, without its end. */
  readonly onLine?: (line: string) => void
}

/**
 * Forms a cluster of empty nodes, `host:port` each; resolves when all nodes agree, all slots are served and
 * every replica has been told its master (it may still be loading the data: `waitUntilReady`).
 */
export async function createCluster(
  addresses: readonly string[],
  options: ManagerOptions & Pick<CreateOptions, 'replicas' | 'confirm' | 'joinTimeout_ms' | 'machineOf'> = {},
): Promise<Outcome<{ nodes: NodeSummary[]; report: CheckReport | undefined }>> {
  const { onLine, ...rest } = options
  const lines = lineSay(onLine)
  const outcome = await create(addresses, { ...rest, say: lines.say })
  lines.end()
  if (!outcome.ok) return outcome
  return { ok: true, value: { nodes: outcome.value.nodes.map(summary), report: outcome.value.report } }
}

/** Checks the cluster that `address` belongs to. */
export function checkCluster(
  address: string,
  options: ManagerOptions & CheckOptions = {},
): Promise<Outcome<{ nodes: NodeSummary[]; report: CheckReport }>> {
  return withCluster(address, options, async ({ nodes }, context) => {
    const report = await checkLoaded(nodes, context, options)
    return { ok: true, value: { nodes: nodes.map(summary), report } }
  })
}

/** Keys, slots and replicas of each master. */
export function clusterInfo(
  address: string,
  options: ManagerOptions = {},
): Promise<Outcome<{ node: NodeSummary; keys: number; slots: number; replicas: number }[]>> {
  return withCluster(address, options, async ({ nodes }, context) => {
    const infos = await infoLoaded(nodes, context)
    return infos.ok
      ? { ok: true, value: infos.value.map((info) => ({ ...info, node: summary(info.node) })) }
      : infos
  })
}

/** One command to every node. */
export function callCluster(
  address: string,
  args: readonly string[],
  options: ManagerOptions = {},
): Promise<Outcome<{ node: NodeSummary; reply: Reply | undefined }[]>> {
  return withCluster(address, options, async ({ nodes }, context) => {
    const answers = await callLoaded(nodes, args, context)
    return { ok: true, value: answers.map(({ node, reply }) => ({ node: summary(node), reply })) }
  })
}

async function withCluster<Value>(
  address: string,
  options: ManagerOptions,
  act: (cluster: LoadedCluster, context: Context) => Promise<Outcome<Value>>,
): Promise<Outcome<Value>> {
  const lines = lineSay(options.onLine)
  const context: Context = { style: options.style ?? 'cli', say: lines.say, access: options.access ?? {} }
  const where = parseAddress(address)
  if (where === undefined) return { ok: false, reason: reasons.badAddress(address, context.style).trimEnd() }
  const loaded = await loadCluster(where.host, where.port, context)
  if (!loaded.ok) {
    lines.end()
    return loaded
  }
  try {
    return await act(loaded.value, context)
  } finally {
    closeAll(loaded.value.nodes)
    lines.end()
  }
}

/** Pieces of text become lines. */
function lineSay(onLine: ((line: string) => void) | undefined): { say: Say; end: () => void } {
  let open = ''
  return {
    say: (text) => {
      const lines = (open + text).split('\n')
      open = lines.pop()!
      for (const line of lines) onLine?.(line)
    },
    end: () => {
      if (open !== '') onLine?.(open)
      open = ''
    },
  }
}

function summary(node: NodeSummary): NodeSummary {
  const { id, host, port, flags, replicates, slots } = node
  return { id, host, port, flags, replicates, slots }
}
