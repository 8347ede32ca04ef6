/**
 * `create`: empty nodes become one cluster. The steps are those of redis-trib.rb and redis-cli; what they do to
 * the nodes one after the other, with waits of seconds, happens here to all nodes at once, and the waits look
 * every few milliseconds.
 *
 * Nodes learn of each other by gossip, which is slow when each meets only the first (seconds). So every node
 * meets every other while they are few, and while a node still does not know what another serves, that other is
 * asked to MEET it again: meeting a node that one knows does nothing but send it a packet, with the sender's slots.
 */

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SLOTS } from '../bytes/crc16.js'
import { parseAddress, textOf } from '../client/index.js'
import { type Allocation, allocate, MASTERS_MIN, mastersOf, type Style } from './allocate.js'
import { agree, type CheckReport, checkLoaded } from './check.js'
import { coveredSlots, type NodeLine, signatureOf, slotsOf } from './nodes.js'
import {
  type Access,
  ask,
  type Context,
  closeAll,
  describe,
  infoField,
  loadCluster,
  type ManagedNode,
  nodesOf,
  type Outcome,
  reach,
} from './session.js'
import { nameOf, nodeText, reasons, type Say } from './words.js'

/** Up to this many nodes, each meets each; beyond, each meets the first and some at doubling distances. */
export const MEET_ALL_NODES_MAX = 64
export const JOIN_POLL_MS = 20
/** A node's clock ticks ten times a second: asking for a packet more often than that brings none. */
export const JOIN_NUDGE_MS = 100
/** Each round of asking comes this many times later than the one before, up to the limit: busy nodes need no more work. */
const JOIN_NUDGE_GROWTH = 2
const JOIN_NUDGE_MS_MAX = 2000
/** Packets asked for at once, in all. */
export const JOIN_NUDGES_MAX = 1000
/** One dot is printed for each second of waiting, as the tools do. */
const DOT_MS = 1000
/** How long the last check may be put off until all nodes answer and agree. */
const SETTLE_MS_MAX = 3000
/** The tools wait for ever; so does this unless it is told how long. After this long it says who cannot be reached. */
const JOIN_WARNING_MS = 20_000

export interface CreateOptions {
  /** Replicas of each master; 0 by default. */
  readonly replicas?: number
  readonly style?: Style
  readonly access?: Access
  readonly say?: Say
  /** Asked once, when the plan is shown. By default the answer is yes. */
  readonly confirm?: (question: string) => Promise<boolean>
  /** Gives up joining after this time. */
  readonly joinTimeout_ms?: number
  /** Decides which nodes share a machine; by default those with the same host. */
  readonly machineOf?: (host: string) => string
}

export interface Created {
  /** False: the user did not want it. */
  readonly done: boolean
  readonly report: CheckReport | undefined
  readonly nodes: readonly ManagedNode[]
}

/**
 * Forms a cluster of the nodes `host:port`. Nothing is changed before `confirm`; a reason has been said before
 * it is returned.
 */
export async function create(
  addresses: readonly string[],
  options: CreateOptions = {},
): Promise<Outcome<Created>> {
  const style = options.style ?? 'cli'
  const context: Context = { style, say: options.say ?? (() => {}), access: options.access ?? {} }
  if (style === 'trib') context.say('>>> Creating cluster\n', 'info')
  const gathered = await gather(addresses, context)
  if (!gathered.ok) return gathered
  const nodes = gathered.value
  try {
    return await createFrom(nodes, options, context)
  } finally {
    closeAll(nodes)
  }
}

async function createFrom(
  nodes: ManagedNode[],
  options: CreateOptions,
  context: Context,
): Promise<Outcome<Created>> {
  const { say, style } = context
  const replicas = options.replicas ?? 0
  if (mastersOf(nodes.length, replicas) < MASTERS_MIN) {
    const reason = reasons.tooFew(nodes.length, replicas)
    const needed = reasons.needed(replicas)
    if (style === 'trib') say(`${reason}\n${needed}`)
    else {
      say(reason, 'error')
      say(`\n${needed}`, 'error')
    }
    return { ok: false, reason: `${reason}\n${needed}`.trimEnd() }
  }
  say(`>>> Performing hash slots allocation on ${nodes.length} nodes...\n`, 'info')
  const machineOf = options.machineOf ?? ((host: string) => host)
  const plan = allocate(
    nodes.map((node) => machineOf(node.host)),
    replicas,
    style,
  )
  sayPlan(nodes, plan, context)
  applyPlan(nodes, plan)
  for (const node of nodes) say(`${nodeText(node, style)}\n`)
  const confirmed = (await options.confirm?.('Can I set the above configuration?')) ?? true
  if (!confirmed) return { ok: true, value: { done: false, report: undefined, nodes } }
  const failure = (await configure(nodes, context)) ?? (await join(nodes, options, context))
  if (failure !== undefined) return { ok: false, reason: failure }
  const first = nodes[0]!
  const loaded = await loadCluster(first.host, first.port, context)
  if (!loaded.ok) return loaded
  const final = style === 'trib' ? inOrder(loaded.value.nodes, nodes) : loaded.value.nodes
  await settle(final)
  const report = await checkLoaded(final, context)
  closeAll(final)
  return { ok: true, value: { done: true, report, nodes: final } }
}

/** Connects to all and makes sure that each is a cluster node and empty. The first that is not, in order, is said. */
async function gather(addresses: readonly string[], context: Context): Promise<Outcome<ManagedNode[]>> {
  const { style, say } = context
  const outcomes = await Promise.all(addresses.map((text) => gatherOne(text, context)))
  const nodes = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => !outcome.ok)
  if (failed === undefined || failed.ok) return { ok: true, value: nodes }
  closeAll(nodes)
  const reason = failed.reason
  const plain = style === 'cli' && /^(Could not|Invalid)/.test(reason)
  say(reason, plain ? 'stderr' : reason.startsWith('Invalid') ? 'plain' : 'error')
  return { ok: false, reason: reason.trimEnd() }
}

async function gatherOne(text: string, context: Context): Promise<Outcome<ManagedNode>> {
  const address = parseAddress(text)
  if (address === undefined) return { ok: false, reason: reasons.badAddress(text, context.style) }
  const { host, port } = address
  const name = nameOf(address)
  const reached = await reach(host, port, context)
  if (!reached.ok) return reached
  const connection = reached.value
  const fail = (reason: string): Outcome<never> => {
    connection.close()
    return { ok: false, reason }
  }
  const here = { connection }
  const [info, listed, state] = await Promise.all([
    ask(here, 'INFO'),
    ask(here, 'CLUSTER', 'NODES'),
    ask(here, 'CLUSTER', 'INFO'),
  ])
  if (!info.ok) return fail(reasons.notCluster(name, info.reason))
  const infoText = textOf(info.value) ?? ''
  if (infoField(infoText, 'cluster_enabled') !== '1') return fail(reasons.notCluster(name))
  const lines = listed.ok ? nodesOf(listed.value) : listed
  if (!lines.ok) return fail(reasons.replied(name, lines.reason))
  const node = describe(connection, host, port, lines.value)
  if (node === undefined) return fail(reasons.replied(name, 'no line of its own'))
  if (!state.ok) return fail(reasons.notEmpty(name, state.reason))
  const known = infoField(textOf(state.value) ?? '', 'cluster_known_nodes')
  if (known !== '1' || infoField(infoText, 'db0') !== undefined) return fail(reasons.notEmpty(name))
  return { ok: true, value: node }
}

function sayPlan(nodes: readonly ManagedNode[], plan: Allocation, { say, style }: Context): void {
  if (style === 'trib') {
    say(`Using ${plan.masters.length} masters:\n`)
    for (const index of plan.masters) say(`${nameOf(nodes[index]!)}\n`)
  } else {
    for (const [i, { first, last }] of plan.slots.entries()) say(`Master[${i}] -> Slots ${first} - ${last}\n`)
  }
  // redis-trib knows no second thoughts: it is told what will be done.
  const shown = style === 'trib' ? plan.assignments : plan.firstPass
  shown.forEach(({ replica, master }, i) => {
    if (style === 'cli' && i === plan.requested) say('Adding extra replicas...\n')
    say(`Adding replica ${nameOf(nodes[replica]!)} to ${nameOf(nodes[master]!)}\n`)
  })
  if (style === 'trib' || plan.scoreBefore === 0) return
  say('>>> Trying to optimize slaves allocation for anti-affinity\n', 'info')
  if (plan.score === 0) say('[OK] Perfect anti-affinity obtained!\n', 'ok')
  else if (plan.score >= 10_000) say('[WARNING] Some slaves are in the same host as their master\n', 'warn')
  else say('[WARNING] Some slaves of the same master are in the same host\n', 'warn')
}

function applyPlan(nodes: readonly ManagedNode[], plan: Allocation): void {
  plan.masters.forEach((index, i) => {
    const node = nodes[index]!
    node.slots = [plan.slots[i]!]
    node.planned = true
  })
  for (const { replica, master } of plan.assignments) {
    const node = nodes[replica]!
    node.replicates = nodes[master]!.id
    node.planned = true
  }
}

/** Slots to the masters, an epoch of its own to each node. The reason of a failure, said already. */
async function configure(nodes: readonly ManagedNode[], context: Context): Promise<string | undefined> {
  const { say } = context
  const masters = nodes.filter((node) => node.replicates === undefined)
  const added = await Promise.all(
    masters.map((node) => ask(node, 'CLUSTER', 'ADDSLOTS', ...slotsOf(node.slots))),
  )
  for (const [i, outcome] of added.entries()) {
    if (outcome.ok) {
      masters[i]!.planned = false
      continue
    }
    const reason = reasons.replied(nameOf(masters[i]!), outcome.reason)
    say(reason, 'error')
    return reason.trimEnd()
  }
  say('>>> Nodes configuration updated\n', 'info')
  say('>>> Assign a different config epoch to each node\n', 'info')
  // Best effort, as with the tools: nodes whose epochs collide sort that out between them, only later.
  await Promise.all(nodes.map((node, i) => ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1)))
  return undefined
}

/** Lets the nodes meet, waits until all agree, and gives the replicas their masters. */
async function join(
  nodes: ManagedNode[],
  options: CreateOptions,
  context: Context,
): Promise<string | undefined> {
  const { say, style } = context
  say('>>> Sending CLUSTER MEET messages to join the cluster\n', 'info')
  const addresses = await Promise.all(nodes.map(meetAddress))
  const unknown = addresses.indexOf(undefined)
  if (unknown !== -1) {
    const reason = `Invalid IP address or hostname specified: ${nodes[unknown]!.host}`
    say(`${reason}\n`, 'stderr')
    return reason
  }
  const meet = (from: number, to: number) => ask(nodes[from]!, 'CLUSTER', 'MEET', ...addresses[to]!)
  const pairs = meetings(nodes.length)
  const met = await Promise.all(pairs.map(([from, to]) => meet(from, to)))
  const refused = met.findIndex((outcome) => !outcome.ok)
  const refusal = met[refused]
  if (refusal !== undefined && !refusal.ok) {
    const reason = reasons.replied(nameOf(nodes[pairs[refused]![0]]!), refusal.reason)
    say(reason, 'error')
    return reason.trimEnd()
  }
  say(`Waiting for the cluster to join${style === 'cli' ? '\n' : ''}`)
  const deadline = performance.now() + (options.joinTimeout_ms ?? Number.POSITIVE_INFINITY)
  const joined = await waitForJoin(nodes, context, deadline, meet)
  say('\n')
  if (joined !== undefined) return joined
  return replicate(nodes, context, deadline)
}

/** A replica that has just been given its master answers nobody while it loads: that is no disagreement. */
async function settle(nodes: readonly ManagedNode[]): Promise<void> {
  const deadline = performance.now() + SETTLE_MS_MAX
  while (!(await agree(nodes)) && performance.now() < deadline) await sleep(JOIN_POLL_MS)
}

/** Who meets whom: [from, to]. */
function meetings(count: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let from = 0; from < count; from++) {
    if (count <= MEET_ALL_NODES_MAX) {
      for (let to = 0; to < from; to++) pairs.push([from, to])
      continue
    }
    if (from > 0) pairs.push([from, 0])
    for (let step = 1; step < count; step *= 2) {
      const to = (from + step) % count
      if (to !== 0 && to !== from) pairs.push([from, to])
    }
  }
  return pairs
}

/** CLUSTER MEET's arguments for a node: an address, never a name; the bus port only where it is unusual. */
async function meetAddress(node: ManagedNode): Promise<(string | number)[] | undefined> {
  const ip =
    isIP(node.host) > 0
      ? node.host
      : await lookup(node.host).then(
          (found) => found.address,
          () => undefined,
        )
  if (ip === undefined) return undefined
  return node.busPort === node.port + 10_000 ? [ip, node.port] : [ip, node.port, node.busPort]
}

async function waitForJoin(
  nodes: readonly ManagedNode[],
  { say }: Context,
  deadline: number,
  meet: (from: number, to: number) => Promise<unknown>,
): Promise<string | undefined> {
  const began = performance.now()
  let dots = 0
  let nudged = began
  let nudge_ms = JOIN_NUDGE_MS
  let warned = began
  for (;;) {
    const looked = performance.now()
    const views = await Promise.all(nodes.map(viewOf))
    if (joinedBy(nodes, views)) return undefined
    const now = performance.now()
    if (now > deadline) {
      const reason = '[ERR] The nodes did not join in time'
      say(`\n${reason}`, 'error')
      return reason
    }
    for (; dots < Math.floor((now - began) / DOT_MS); dots++) say('.')
    if (now - nudged >= nudge_ms) {
      nudged = now
      nudge_ms = Math.min(nudge_ms * JOIN_NUDGE_GROWTH, JOIN_NUDGE_MS_MAX)
      const pairs = strangers(nodes, views).slice(0, JOIN_NUDGES_MAX)
      await Promise.all(pairs.map(([from, to]) => meet(from, to)))
    }
    if (now - warned >= JOIN_WARNING_MS) {
      warned = now
      sayUnreachable(nodes, views, say)
    }
    // No more than half of the time goes into asking: where that takes long, the nodes are busy with each other.
    await sleep(Math.max(JOIN_POLL_MS, now - looked))
  }
}

async function viewOf(node: ManagedNode): Promise<NodeLine[]> {
  const listed = await ask(node, 'CLUSTER', 'NODES')
  const lines = listed.ok ? nodesOf(listed.value) : listed
  return lines.ok ? lines.value : []
}

/** All agree, every slot is served, and each knows each: only then a replica finds its master. */
function joinedBy(nodes: readonly ManagedNode[], views: readonly NodeLine[][]): boolean {
  const signature = signatureOf(views[0]!)
  return views.every((view) => {
    const known = new Set(view.filter((line) => !line.flags.includes('handshake')).map((line) => line.id))
    return (
      signatureOf(view) === signature &&
      coveredSlots(view) === SLOTS &&
      nodes.every((node) => known.has(node.id))
    )
  })
}

/** [from, to]: `to` does not know yet what `from` serves, or does not know `from` at all. */
function strangers(nodes: readonly ManagedNode[], views: readonly NodeLine[][]): [number, number][] {
  const pairs: [number, number][] = []
  views.forEach((view, to) => {
    nodes.forEach((node, from) => {
      if (from === to) return
      const line = view.find((one) => one.id === node.id)
      const told = line !== undefined && (node.slots.length === 0 || line.slots.length > 0)
      if (!told) pairs.push([from, to])
    })
  })
  return pairs
}

function sayUnreachable(nodes: readonly ManagedNode[], views: readonly NodeLine[][], say: Say): void {
  const from = new Map<string, string[]>()
  views.forEach((view, i) => {
    for (const line of view) {
      if (line.flags.includes('myself') || (line.linked && !line.flags.includes('handshake'))) continue
      const target =
        line.busPort > 0 ? `The port ${line.busPort} of node ${line.host}` : `Node ${nameOf(line)}`
      from.set(target, [...(from.get(target) ?? []), nameOf(nodes[i]!)])
    }
  })
  if (from.size === 0) return
  say(`\nWarning: ${from.size} node(s) may be unreachable\n`, 'error')
  for (const [target, sources] of from) {
    say(` - ${target} may be unreachable from:\n`, 'error')
    for (const source of sources) say(`   ${source}\n`, 'error')
    say(
      'Cluster bus ports must be reachable by every node.\n' +
        'Remember that cluster bus ports are different from standard instance ports.\n',
      'error',
    )
  }
}

async function replicate(
  nodes: readonly ManagedNode[],
  { say }: Context,
  deadline: number,
): Promise<string | undefined> {
  const replicas = nodes.filter((node) => node.replicates !== undefined)
  const outcomes = await Promise.all(
    replicas.map(async (node) => {
      for (;;) {
        const outcome = await ask(node, 'CLUSTER', 'REPLICATE', node.replicates!)
        // The master may have been forgotten and met again meanwhile.
        const again =
          !outcome.ok && outcome.reason.startsWith('ERR Unknown node') && performance.now() < deadline
        if (!again) return outcome
        await sleep(JOIN_POLL_MS)
      }
    }),
  )
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.ok) {
      replicas[i]!.planned = false
      continue
    }
    const reason = reasons.replied(nameOf(replicas[i]!), outcome.reason)
    say(reason, 'error')
    return reason.trimEnd()
  }
  return undefined
}

function inOrder(loaded: readonly ManagedNode[], given: readonly ManagedNode[]): ManagedNode[] {
  const place = new Map(given.map((node, i) => [node.id, i]))
  return [...loaded].sort((a, b) => (place.get(a.id) ?? given.length) - (place.get(b.id) ?? given.length))
}
