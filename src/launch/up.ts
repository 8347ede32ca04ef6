/**
 * `up`: whatever there is of a cluster, afterwards it runs. What runs already is left alone, what is missing is
 * started, nodes that know nobody yet are formed into a cluster. It either succeeds or leaves things as they were:
 * nodes that this run has started are stopped again, files of a new cluster are removed.
 *
 * All nodes are started at once, and each is waited for by asking it.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { NodeLine } from '../trib/nodes.js'
import type { EngineWorld } from './engines.js'
import {
  codeOf,
  lock,
  type Outcome,
  occupied,
  plansOf,
  readManifest,
  removeCluster,
  removeIfEmpty,
  writeManifest,
  writeNode,
} from './folder.js'
import { type Found, lookAt } from './inspect.js'
import type { NodePlan } from './plan.js'
import { type Access, endProcess, type Started, startProcess, waitUntilServing } from './processes.js'
import { askNode, ownLines, type Shard, shapeOf, shardsOf, viewOf } from './shape.js'
import {
  complete,
  count,
  describeTopology,
  differences,
  impossible,
  passwordOf,
  type Topology,
  type Wanted,
} from './topology.js'

export type UpEvent =
  /** What there is to do, before it is done. */
  | {
      readonly kind: 'plan'
      readonly dir: string
      readonly nodes: readonly NodePlan[]
      readonly fresh: boolean
    }
  | { readonly kind: 'node'; readonly address: string; readonly state: NodeState; readonly pid?: number }
  /** A line of the manager's report. */
  | { readonly kind: 'manager'; readonly line: string }
  /** Waiting until all nodes say that the cluster works. */
  | { readonly kind: 'settling' }

export type NodeState = 'found' | 'starting' | 'loading' | 'serving' | 'failed'

export interface UpOptions {
  readonly dir: string
  readonly world: EngineWorld
  readonly onEvent?: (event: UpEvent) => void
  /** Also wait until every replica is linked to its master. */
  readonly linked?: boolean
  /** Stops what is under way, and undoes it. */
  readonly signal?: AbortSignal
}

export interface UpResult {
  readonly dir: string
  readonly topology: Topology
  readonly started: readonly string[]
  /** This run made the nodes one cluster. */
  readonly formed: boolean
  readonly shards: readonly Shard[]
}

/** How long the nodes may take to agree that the cluster works, once all of them run. */
export const SETTLE_TIMEOUT_MS = 30_000
const FORM_TIMEOUT_MS = 30_000

/** What one run works with. */
interface Run {
  readonly dir: string
  readonly topology: Topology
  readonly plans: readonly NodePlan[]
  readonly access: Access
  readonly options: UpOptions
  /** No cluster was here before. */
  readonly fresh: boolean
  readonly madeDir: boolean
  formed: boolean
  readonly started: Started[]
}

/** Brings the cluster in `options.dir` up, made as `wanted` says where there is none. */
export async function up(wanted: Wanted, options: UpOptions): Promise<Outcome<UpResult>> {
  const dir = resolve(options.world.cwd, options.dir)
  const manifest = readManifest(dir)
  if (!manifest.ok) return manifest
  const existing = manifest.value
  const topology = existing?.topology ?? complete(wanted)
  const reason =
    existing === undefined ? impossible(topology) : disagreement(existing.topology, wanted, options.dir)
  if (reason !== undefined) return { ok: false, reason }
  const plans = await plansOf(topology, dir, options.world)
  if (!plans.ok) return plans
  const fresh = existing === undefined
  const taken = fresh ? occupied(dir, plans.value) : undefined
  if (taken !== undefined) return { ok: false, reason: taken }
  const madeDir = !existsSync(dir)
  try {
    mkdirSync(dir, { recursive: true })
  } catch (error) {
    return { ok: false, reason: `${dir} cannot be made: ${codeOf(error)}.` }
  }
  const unlock = lock(dir)
  if (!unlock.ok) return unlock
  const password = passwordOf(topology)
  const run: Run = {
    dir,
    topology,
    plans: plans.value,
    access: password === undefined ? {} : { password },
    options,
    fresh,
    madeDir,
    formed: existing?.formed ?? false,
    started: [],
  }
  try {
    const outcome = await bringUp(run)
    if (!outcome.ok) await undo(run)
    return outcome
  } catch (error) {
    await undo(run)
    throw error
  } finally {
    unlock.value()
    if (madeDir) removeIfEmpty(dir)
  }
}

function disagreement(existing: Topology, wanted: Wanted, dir: string): string | undefined {
  const differing = differences(existing, wanted)
  if (differing.length === 0) return undefined
  return (
    `The cluster in ${dir} was made otherwise than ${differing.join(' ')}: it is ${describeTopology(existing)}.\n` +
    `Leave the options away to start it as it is, make another one beside it with --dir, ` +
    `or remove it with: shoal down --delete --dir ${dir}`
  )
}

async function bringUp(run: Run): Promise<Outcome<UpResult>> {
  const { plans, access, options, dir, topology } = run
  const emit = options.onEvent ?? (() => {})
  const found = await Promise.all(plans.map((plan) => lookAt(plan, access)))
  const obstacle = obstacles(plans, found)
  if (obstacle !== undefined) return { ok: false, reason: obstacle }
  emit({ kind: 'plan', dir, nodes: plans, fresh: run.fresh })
  plans.forEach((plan, i) => {
    const state = found[i]!
    if (state.kind === 'running')
      emit({ kind: 'node', address: plan.address, state: 'found', pid: state.pid })
  })
  const failure = await startMissing(
    run,
    plans.filter((_, i) => found[i]!.kind === 'free'),
  )
  if (options.signal?.aborted) return { ok: false, reason: 'Interrupted.' }
  if (failure !== undefined) return { ok: false, reason: failure }
  const formedNow = await makeWhole(run)
  if (!formedNow.ok) return formedNow
  const settled = await settle(run)
  if (settled !== undefined) return { ok: false, reason: settled }
  const views = await viewsOf(run)
  if (!views.ok) return views
  const shards = shardsOf(ownLines(plans, views.value))
  const started = run.started.map(({ plan }) => plan.address)
  return { ok: true, value: { dir, topology, started, formed: formedNow.value, shards } }
}

/** Why the nodes cannot be started, all reasons at once. */
function obstacles(plans: readonly NodePlan[], found: readonly Found[]): string | undefined {
  const reasons = new Set<string>()
  found.forEach((state, i) => {
    if (state.kind === 'taken') reasons.add(state.reason)
    if (state.kind === 'silent') {
      reasons.add(
        `The node ${plans[i]!.address} (pid ${state.pid}) is there but does not answer. ` +
          'Wait for it, or end it with: shoal down',
      )
    }
  })
  return reasons.size === 0 ? undefined : [...reasons].join('\n')
}

async function startMissing(run: Run, missing: readonly NodePlan[]): Promise<string | undefined> {
  const secret = passwordOf(run.topology) !== undefined
  try {
    for (const plan of missing) writeNode(plan, secret)
    if (run.fresh) writeManifest(run.dir, { topology: run.topology, formed: false })
  } catch (error) {
    return `${run.dir} cannot be written to: ${codeOf(error)}.`
  }
  const failures = await Promise.all(missing.map((plan) => startOne(run, plan)))
  const reasons = failures.filter((reason) => reason !== undefined)
  return reasons.length === 0 ? undefined : reasons.join('\n')
}

async function startOne(run: Run, plan: NodePlan): Promise<string | undefined> {
  const { address } = plan
  const emit = run.options.onEvent ?? (() => {})
  emit({ kind: 'node', address, state: 'starting' })
  const started = await startProcess(plan)
  let failure: string | undefined
  if (typeof started === 'string') failure = started
  else {
    run.started.push(started)
    const loading = () => emit({ kind: 'node', address, state: 'loading', pid: started.pid })
    failure = await waitUntilServing(started, run.access, run.options.signal, loading)
    if (failure === undefined) emit({ kind: 'node', address, state: 'serving', pid: started.pid })
  }
  if (failure === undefined) return undefined
  if (!run.options.signal?.aborted) emit({ kind: 'node', address, state: 'failed' })
  return `The node ${address} did not start: ${failure}`
}

/** Forms the cluster where that is still to be done. True when this run has formed it. */
async function makeWhole(run: Run): Promise<Outcome<boolean>> {
  const { plans, access, options } = run
  const views = await viewsOf(run)
  if (!views.ok) return views
  const lines = views.value
  const shape = shapeOf(lines)
  if (shape === 'whole') {
    if (!run.formed) remember(run)
    return { ok: true, value: false }
  }
  if (run.formed || !(await resetUnformed(run, shape === 'partial'))) {
    return { ok: false, reason: lostNodes(run, lines) }
  }
  const { createCluster } = await import('../trib/index.js')
  const forming = createCluster(
    plans.map((plan) => plan.address),
    {
      replicas: run.topology.replicas,
      access,
      joinTimeout_ms: FORM_TIMEOUT_MS,
      onLine: (line) => options.onEvent?.({ kind: 'manager', line }),
    },
  )
  const formed = await orInterrupted(forming, options)
  if (formed === undefined) return { ok: false, reason: 'Interrupted.' }
  if (!formed.ok) return { ok: false, reason: `The cluster could not be formed. ${formed.reason}` }
  const { report, nodes } = formed.value
  const inOrder = report?.ok === true && nodes.length === plans.length
  const disorder = inOrder ? undefined : await checkedAgain(run)
  if (disorder !== undefined) return { ok: false, reason: disorder }
  remember(run)
  return { ok: true, value: true }
}

/** The manager has looked while something was still on its way: it looks again when all nodes have settled. */
async function checkedAgain(run: Run): Promise<string | undefined> {
  const { plans, access, options } = run
  const late = await settle(run)
  if (late !== undefined) return late
  const { checkCluster } = await import('../trib/index.js')
  const checked = await checkCluster(plans[0]!.address, {
    access,
    onLine: (line) => options.onEvent?.({ kind: 'manager', line }),
  })
  if (!checked.ok) return checked.reason
  const { report } = checked.value
  return report.ok ? undefined : `The cluster is not in order: ${report.errors.join(' ')}`
}

/** The cluster as each node sees it. */
async function viewsOf({ plans, access }: Run): Promise<Outcome<NodeLine[][]>> {
  const views = await Promise.all(plans.map((plan) => viewOf(plan, access)))
  const value: NodeLine[][] = []
  for (const [i, view] of views.entries()) {
    if (!view.ok) return { ok: false, reason: `${plans[i]!.address}: ${view.reason}` }
    value.push(view.value)
  }
  return { ok: true, value }
}

function remember(run: Run): void {
  run.formed = true
  writeManifest(run.dir, { topology: run.topology, formed: true })
}

/** An earlier run was cut off while it formed the cluster: its nodes forget what they know, if they hold no data. */
async function resetUnformed(run: Run, needed: boolean): Promise<boolean> {
  if (!needed) return true
  const sizes = await Promise.all(run.plans.map((plan) => askNode(plan, run.access, [['DBSIZE']])))
  const empty = sizes.every((size) => {
    const reply = size.ok ? size.value[0] : undefined
    return reply?.kind === 'integer' && Number(reply.value) === 0
  })
  if (!empty) return false
  const resets = await Promise.all(
    run.plans.map((plan) => askNode(plan, run.access, [['CLUSTER', 'RESET', 'HARD']])),
  )
  return resets.every((reset) => reset.ok && reset.value[0]?.kind === 'simple')
}

function lostNodes(run: Run, views: readonly (readonly unknown[])[]): string {
  const alone = run.plans.filter((_, i) => views[i]!.length === 1).map((plan) => plan.address)
  const who = alone.length > 0 && alone.length < run.plans.length ? ` (${alone.join(', ')} knows nobody)` : ''
  return (
    `The nodes in ${run.options.dir} are not one cluster${who}: a nodes.conf was removed or changed. ` +
    'Put it back, or start anew with: shoal down --delete'
  )
}

/** Waits until every node says that the cluster works. The reason, when that takes too long. */
async function settle(run: Run): Promise<string | undefined> {
  const { options, plans, access } = run
  options.onEvent?.({ kind: 'settling' })
  const { waitUntilReady } = await import('../trib/index.js')
  const addresses = plans.map((plan) => plan.address)
  const linked = options.linked === true
  const waiting = waitUntilReady(addresses, { access, linked, timeout_ms: SETTLE_TIMEOUT_MS })
  const ready = await orInterrupted(waiting, options)
  if (ready === undefined) return 'Interrupted.'
  return ready.ok
    ? undefined
    : `All nodes run, but after ${SETTLE_TIMEOUT_MS / 1000} seconds ${ready.reason}.`
}

/** The promise's value, or undefined as soon as somebody interrupts. */
function orInterrupted<Value>(promise: Promise<Value>, { signal }: UpOptions): Promise<Value | undefined> {
  if (signal === undefined) return promise
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Stops what this run has started and, of a new cluster, removes the files. */
async function undo(run: Run): Promise<void> {
  await Promise.all(
    run.started.map(({ pid, child }) => {
      const ended = child.exitCode !== null || child.signalCode !== null
      return ended ? undefined : endProcess(pid, async () => false)
    }),
  )
  if (!run.fresh) return
  removeCluster(
    run.dir,
    run.plans.map((plan) => plan.folder),
  )
}

/** What `up` has done, in a line. */
export function summaryOf({ topology, started, formed }: UpResult): string {
  const { nodes } = topology
  if (formed && started.length === nodes) return `A cluster of ${count(nodes, 'node')} is up.`
  if (formed)
    return `A cluster of ${count(nodes, 'node')} is up; ${nodes - started.length} of them ran already.`
  if (started.length === 0) return `The cluster is up already: all ${nodes} nodes run.`
  if (started.length === nodes) return `The cluster is up again: all ${nodes} nodes were started.`
  return `The cluster is whole again: what was missing (${started.join(', ')}) is started.`
}
