/** `check` and `info`: what state a cluster is in, said and returned. */

import { SLOTS } from '../bytes/crc16.js'
import { numberOf, type Reply, textOf } from '../client/index.js'
import { countSlots, coveredSlots, type OpenSlot, signatureOf } from './nodes.js'
import { ask, type Context, type ManagedNode, nodesOf, type Outcome } from './session.js'
import { nameOf, nodeText, reasons } from './words.js'

export interface CheckReport {
  readonly ok: boolean
  /** As they were said, without line ends. */
  readonly errors: readonly string[]
  readonly consistent: boolean
  readonly openSlots: readonly number[]
  readonly covered: number
}

export interface CheckOptions {
  /** Leaves the listing of the nodes out. */
  readonly quiet?: boolean
  /** Also looks, slot by slot, for keys and claims of more than one master. */
  readonly searchOwners?: boolean
}

/** Checks a loaded cluster: do all agree, are slots open, is every slot served. Says each step. */
export async function checkLoaded(
  nodes: readonly ManagedNode[],
  context: Context,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const { say, style } = context
  const errors: string[] = []
  const wrong = (text: string) => {
    errors.push(text.trimEnd())
    say(`${text}\n`, 'error')
  }
  say(`>>> Performing Cluster Check (using node ${nameOf(nodes[0]!)})\n`, 'info')
  if (options.quiet !== true) for (const node of nodes) say(`${nodeText(node, style)}\n`)
  const consistent = await agree(nodes)
  if (consistent) say('[OK] All nodes agree about slots configuration.\n', 'ok')
  else wrong("[ERR] Nodes don't agree about configuration!")
  say('>>> Check for open slots...\n', 'info')
  const openSlots = sayOpenSlots(nodes, context, wrong)
  say('>>> Check slots coverage...\n', 'info')
  const covered = coveredSlots(nodes)
  if (covered === SLOTS) say(`[OK] All ${SLOTS} slots covered.\n`, 'ok')
  else wrong(`[ERR] Not all ${SLOTS} slots are covered by nodes.${style === 'cli' ? '\n' : ''}`)
  let oneOwnerEach = true
  if (options.searchOwners === true) oneOwnerEach = await searchOwners(nodes, context)
  const ok = consistent && openSlots.length === 0 && covered === SLOTS && oneOwnerEach
  return { ok, errors, consistent, openSlots, covered }
}

/** Whether all nodes tell the same of who serves what. */
export async function agree(nodes: readonly ManagedNode[]): Promise<boolean> {
  if (nodes.length <= 1) return true
  const views = await Promise.all(nodes.map((node) => ask(node, 'CLUSTER', 'NODES')))
  const signatures = new Set<string>()
  for (const view of views) {
    const lines = view.ok ? nodesOf(view.value) : view
    // A node without a view has no part in an agreement.
    if (!lines.ok) return false
    signatures.add(signatureOf(lines.value))
  }
  return signatures.size === 1
}

function sayOpenSlots(
  nodes: readonly ManagedNode[],
  context: Context,
  wrong: (text: string) => void,
): number[] {
  const { style, say } = context
  const open = new Set<number>()
  const report = (node: ManagedNode, state: string, slots: readonly OpenSlot[]) => {
    const list = slots.map((one) => one.slot).join(',')
    wrong(
      `[WARNING] Node ${nameOf(node)} has slots in ${state} state ${style === 'cli' ? list : `(${list})`}.`,
    )
    for (const one of slots) open.add(one.slot)
  }
  for (const node of nodes) {
    if (node.migrating.length > 0) report(node, 'migrating', node.migrating)
    if (node.importing.length > 0) report(node, 'importing', node.importing)
  }
  if (open.size > 0) {
    const end = style === 'cli' ? '.' : ''
    say(`[WARNING] The following slots are open: ${[...open].join(',')}${end}\n`, 'error')
  }
  return [...open]
}

/** Slots that more than one master claims, or holds keys of. */
async function searchOwners(nodes: readonly ManagedNode[], context: Context): Promise<boolean> {
  const { say } = context
  say('>>> Check for multiple slot owners...\n', 'info')
  const masters = nodes.filter((node) => !node.flags.includes('slave'))
  const owners: ManagedNode[][] = Array.from({ length: SLOTS }, () => [])
  for (const node of masters) {
    const own = new Uint8Array(SLOTS)
    for (const { first, last } of node.slots) own.fill(1, first, last + 1)
    const foreign = Array.from(own.keys()).filter((slot) => own[slot] === 0)
    const counts = await node.connection.pipeline(foreign.map((slot) => ['CLUSTER', 'COUNTKEYSINSLOT', slot]))
    counts.forEach((count, i) => {
      if ((numberOf(count) ?? 0) > 0) own[foreign[i]!] = 1
    })
    for (let slot = 0; slot < SLOTS; slot++) if (own[slot] === 1) owners[slot]!.push(node)
  }
  let fine = true
  for (const [slot, list] of owners.entries()) {
    if (list.length < 2) continue
    fine = false
    say(`[WARNING] Slot ${slot} has ${list.length} owners:\n`, 'error')
    for (const node of list) say(`    ${nameOf(node)}\n`, 'error')
  }
  if (fine) say('[OK] No multiple owners found.\n', 'ok')
  return fine
}

export interface MasterInfo {
  readonly node: ManagedNode
  readonly keys: number
  readonly slots: number
  readonly replicas: number
}

/** Keys, slots and replicas of each master, and their sums; said and returned. */
export async function infoLoaded(
  nodes: readonly ManagedNode[],
  context: Context,
): Promise<Outcome<MasterInfo[]>> {
  const { say } = context
  const masters = nodes.filter((node) => !node.flags.includes('slave'))
  const sizes = await Promise.all(masters.map((node) => ask(node, 'DBSIZE')))
  const infos: MasterInfo[] = []
  for (const [i, node] of masters.entries()) {
    const size = sizes[i]!
    const keys = size.ok ? numberOf(size.value) : undefined
    if (keys === undefined) {
      const reason = reasons.replied(nameOf(node), size.ok ? '' : size.reason)
      say(reason, 'error')
      return { ok: false, reason: reason.trimEnd() }
    }
    const slots = countSlots(node.slots)
    const replicas = nodes.filter((other) => other.replicates === node.id).length
    say(
      `${nameOf(node)} (${node.id.slice(0, 8)}...) -> ${keys} keys | ${slots} slots | ${replicas} slaves.\n`,
    )
    infos.push({ node, keys, slots, replicas })
  }
  const keys = infos.reduce((sum, info) => sum + info.keys, 0)
  say(`[OK] ${keys} keys in ${infos.length} masters.\n`, 'ok')
  say(`${(keys / SLOTS).toFixed(2)} keys per slot on average.\n`)
  return { ok: true, value: infos }
}

export interface CallAnswer {
  readonly node: ManagedNode
  /** Undefined: the connection failed. */
  readonly reply: Reply | undefined
}

/** Sends one command to every node (or only its masters, or only its replicas); `format` writes a reply. */
export async function callLoaded(
  nodes: readonly ManagedNode[],
  args: readonly string[],
  context: Context,
  format: (reply: Reply) => string = (reply) => textOf(reply) ?? reply.kind,
  only?: { readonly masters?: boolean; readonly replicas?: boolean },
): Promise<CallAnswer[]> {
  const { say, style } = context
  // redis-cli colours the first two words and no more.
  say('>>> Calling', 'info')
  say(` ${(style === 'trib' ? [args[0]!.toUpperCase(), ...args.slice(1)] : args).join(' ')}\n`)
  const called = nodes.filter((node) => {
    const replica = node.replicates !== undefined
    return !(replica && only?.masters === true) && !(!replica && only?.replicas === true)
  })
  const answers = await Promise.all(
    called.map(async (node): Promise<CallAnswer> => {
      const reply = await node.connection.call(...args).catch(() => undefined)
      return { node, reply }
    }),
  )
  for (const { node, reply } of answers) {
    say(`${nameOf(node)}: ${reply === undefined ? 'Failed!' : format(reply)}\n`)
  }
  return answers
}
