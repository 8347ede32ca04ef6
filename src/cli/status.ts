/** `shoal status`: the nodes side by side, for people or (--json) for programs. Exit code 0 when all is well. */

import type { Command } from 'commander'
import { type ClusterStatus, count, type NodeStatus, status } from '../launch/index.js'
import type { Io } from './cli/io.js'
import { coloursOf, complain, DEFAULT_DIR, engineWorld, type Subcommand, say } from './shoal/subcommand.js'
import { tableLines } from './up/slot-map.js'

interface Options {
  readonly dir: string
  readonly json?: boolean
}

export const subcommand: Subcommand = {
  summary: 'show the nodes of the cluster',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .option('--dir <folder>', 'where the nodes keep their data', DEFAULT_DIR)
      .option('--json', 'as JSON')
      .action(async (options: Options) => finish(await run(options, io)))
  },
}

async function run(options: Options, io: Io): Promise<number> {
  const outcome = await status(options.dir, engineWorld(io))
  if (!outcome.ok) {
    complain(io, outcome.reason)
    return 1
  }
  if (options.json === true) say(io, JSON.stringify(outcome.value, null, 2))
  else for (const line of statusLines(outcome.value, coloursOf(io))) say(io, line)
  return outcome.value.state === 'ok' ? 0 : 1
}

type Colours = ReturnType<typeof coloursOf>

const SLOTS = 16384

function statusLines(cluster: ClusterStatus, colours: Colours): string[] {
  const paint =
    cluster.state === 'ok' ? colours.green : cluster.state === 'degraded' ? colours.yellow : colours.red
  const running = cluster.nodes.filter((node) => node.state === 'running').length
  const parts = [`${running} of ${count(cluster.nodes.length, 'node')} running`]
  if (running > 0) {
    parts.push(`${cluster.slotsServed} of ${SLOTS} slots served by ${count(cluster.masters, 'master')}`)
  }
  const head = ['node', 'role', 'slots', 'keys', 'memory', 'offset', 'lag', 'pid', 'engine']
  const rows = cluster.nodes.map(cells)
  const [first, ...lines] = tableLines([head, ...rows], new Set([3, 4, 5, 6, 7]))
  return [
    `Cluster in ${cluster.dir}: ${paint(cluster.state)} (${parts.join(', ')})`,
    '',
    colours.bold(first!),
    ...lines.map((line, i) => (cluster.nodes[i]!.state === 'running' ? line : colours.red(line))),
    ...cluster.nodes.flatMap((node) => (node.reason === undefined ? [] : [colours.red(node.reason)])),
  ]
}

function cells(node: NodeStatus): string[] {
  const text = (value: number | undefined) => (value === undefined ? '' : String(value))
  return [
    node.address,
    roleText(node),
    (node.slots ?? []).map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(' '),
    text(node.keys),
    node.memory_bytes === undefined ? '' : bytesText(node.memory_bytes),
    text(node.offset_bytes),
    text(node.lag_bytes),
    text(node.pid),
    node.engine,
  ]
}

function roleText(node: NodeStatus): string {
  if (node.state === 'down') return 'down'
  if (node.state === 'silent') return 'does not answer'
  if (node.state === 'taken') return 'down, port taken'
  const notes = [
    ...(node.link === 'down' ? ['link down'] : []),
    ...(node.cluster === undefined || node.cluster === 'ok' ? [] : [`cluster_state:${node.cluster}`]),
  ]
  const role = node.role === 'replica' ? `replica of ${node.replicaOf ?? '?'}` : (node.role ?? '?')
  return notes.length === 0 ? role : `${role} (${notes.join(', ')})`
}

/** As redis-cli and INFO write it: 1.25M. */
export function bytesText(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T']
  let value = bytes
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? value : value.toFixed(2)}${units[unit]}`
}
