/** `down`: the nodes of a cluster's folder are stopped, on request also forgotten. */

import { resolve } from 'node:path'
import type { EngineWorld } from './engines.js'
import { addressesOf, lock, type Outcome, readManifest, removeCluster } from './folder.js'
import { lookAt } from './inspect.js'
import { type Engine, type NodePlan, planNodes } from './plan.js'
import { type Access, askToShutDown, type Ending, endProcess, isNode, ownProcess } from './processes.js'
import { passwordOf, type Topology } from './topology.js'

export interface DownOptions {
  readonly dir: string
  readonly world: EngineWorld
  /** Removes the data as well. */
  readonly delete?: boolean
  readonly onNode?: (address: string, ending: Ending) => void
}

export interface DownResult {
  readonly dir: string
  /** How each node that ran has ended. */
  readonly ended: readonly { readonly address: string; readonly ending: Ending }[]
  readonly deleted: boolean
}

/** The cluster of a folder, without looking for its engines: it may be stopped when they are gone. */
export async function knownCluster(
  given: string,
  world: EngineWorld,
): Promise<Outcome<{ dir: string; topology: Topology; plans: NodePlan[]; access: Access }>> {
  const dir = resolve(world.cwd, given)
  const manifest = readManifest(dir)
  if (!manifest.ok) return manifest
  if (manifest.value === undefined) {
    return {
      ok: false,
      reason: `There is no cluster in ${dir}: it has no shoal.json. Use --dir, or: shoal up`,
    }
  }
  const { topology } = manifest.value
  const engines: Engine[] = topology.engines.map((name) => ({ name, program: name, args: [] }))
  const password = passwordOf(topology)
  const hosts = await addressesOf(topology.hosts)
  if (!hosts.ok) return hosts
  const access = password === undefined ? {} : { password }
  return { ok: true, value: { dir, topology, plans: planNodes(topology, dir, hosts.value, engines), access } }
}

/** Stops every node, all at once; one that will not stop in time is killed. */
export async function down(options: DownOptions): Promise<Outcome<DownResult>> {
  const known = await knownCluster(options.dir, options.world)
  if (!known.ok) return known
  const { dir, plans, access } = known.value
  const unlock = lock(dir)
  if (!unlock.ok) return unlock
  const endings = await Promise.all(
    plans.map(async (plan) => {
      const ending = await stopNode(plan, access)
      if (ending !== undefined) options.onNode?.(plan.address, ending)
      return { address: plan.address, ending }
    }),
  ).finally(() => unlock.value())
  const ended = endings.flatMap(({ address, ending }) => (ending === undefined ? [] : [{ address, ending }]))
  const alive = ended.filter(({ ending }) => ending === 'alive').map(({ address }) => address)
  if (alive.length > 0) return { ok: false, reason: `Not even SIGKILL ended ${alive.join(', ')}.` }
  if (options.delete === true) {
    removeCluster(
      dir,
      plans.map((plan) => plan.folder),
    )
  }
  return { ok: true, value: { dir, ended, deleted: options.delete === true } }
}

/** Undefined where there was nothing to stop. */
async function stopNode(plan: NodePlan, access: Access): Promise<Ending | undefined> {
  const found = await lookAt(plan, access)
  const pid = found.kind === 'running' || found.kind === 'silent' ? found.pid : await ownProcess(plan)
  if (pid === undefined || !(await isNode(plan, pid))) return undefined
  return endProcess(pid, () =>
    found.kind === 'running' ? askToShutDown(plan, access) : Promise.resolve(false),
  )
}
