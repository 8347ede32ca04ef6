/**
 * The manager's two voices: redis-trib.rb 3.0.6's for `shoal-trib`, redis-cli 7.0's for `shoal-cli --cluster`.
 * People and scripts read these lines, so the words are those tools' own; what is done is the same for both.
 */

import type { Style } from './allocate.js'
import { countSlots, type SlotRange } from './nodes.js'

/** How a text is meant: the program that prints decides on colours and on stderr. */
export type Tone = 'plain' | 'info' | 'ok' | 'warn' | 'error' | 'stderr'
/** Takes what is said; `text` brings its own line ends. */
export type Say = (text: string, tone?: Tone) => void

/** What the words need of a node. */
export interface Described {
  readonly host: string
  readonly port: number
  readonly id: string
  readonly flags: readonly string[]
  readonly replicates: string | undefined
  readonly slots: readonly SlotRange[]
  readonly replicas: number
  /** Planned only: the node does not know yet. */
  readonly planned: boolean
}

export function nameOf(node: { readonly host: string; readonly port: number }): string {
  return `${node.host}:${node.port}`
}

/** redis-trib writes `0-5460,7000`, redis-cli `[0-5460],[7000]`. */
export function slotsText(ranges: readonly SlotRange[], style: Style): string {
  const [left, right] = style === 'cli' ? ['[', ']'] : ['', '']
  return ranges
    .map(({ first, last }) => `${left}${first}${first === last ? '' : `-${last}`}${right}`)
    .join(',')
}

/** One node in a listing, two or three lines, without the last line's end. */
export function nodeText(node: Described, style: Style): string {
  const tail =
    node.replicates !== undefined
      ? `\n   replicates ${node.replicates}`
      : node.replicas > 0 || (style === 'trib' && !node.planned && node.flags.includes('master'))
        ? `\n   ${node.replicas} additional replica(s)`
        : ''
  if (node.planned && node.replicates !== undefined) return `S: ${node.id} ${nameOf(node)}${tail}`
  const role = node.flags.includes('slave') ? 'S' : 'M'
  const flags = node.flags.filter((flag) => flag !== 'myself').join(',')
  const slots = `slots:${slotsText(node.slots, style)} (${countSlots(node.slots)} slots)`
  return `${role}: ${node.id} ${nameOf(node)}\n   ${slots} ${flags}${tail}`
}

/** Why a step cannot be done, as both tools say it. */
export const reasons = {
  notCluster: (node: string, said?: string): string =>
    `[ERR] Node ${node} ${said ?? 'is not configured as a cluster node.'}\n`,
  notEmpty: (node: string, said?: string): string =>
    `[ERR] Node ${node} ${
      said ??
      'is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.'
    }\n`,
  unreachable: (node: string, why: string, style: Style): string =>
    style === 'cli'
      ? `Could not connect to Redis at ${node}: ${why}\n`
      : `[ERR] Sorry, can't connect to node ${node}\n`,
  badAddress: (text: string, style: Style): string =>
    style === 'cli'
      ? `Invalid address format: ${text}\n`
      : `Invalid IP or Port (given as ${text}) - use IP:Port format\n`,
  replied: (node: string, error: string): string => `Node ${node} replied with error:\n${error}\n`,
  tooFew: (nodes: number, replicas: number): string =>
    '*** ERROR: Invalid configuration for cluster creation.\n' +
    '*** Redis Cluster requires at least 3 master nodes.\n' +
    `*** This is not possible with ${nodes} nodes and ${replicas} replicas per node.`,
  needed: (replicas: number): string => `*** At least ${3 * (replicas + 1)} nodes are required.\n`,
}
