/**
 * What a cluster on this machine is to look like, as numbers and names, and whether that can be. Pure.
 */

import { isIP } from 'node:net'

export interface Topology {
  readonly nodes: number
  /** Replicas of each master. */
  readonly replicas: number
  /** The first node's port; the others follow. Each node also takes its port + 10000 for the cluster bus. */
  readonly port: number
  /** The addresses that the nodes announce, shared out in equal blocks: each stands for a machine. */
  readonly hosts: readonly string[]
  /** Names or paths of servers; node i runs on engine i modulo their number. */
  readonly engines: readonly string[]
  /** Further lines of redis.conf for every node. */
  readonly config: readonly string[]
}

/** What somebody asked for: what is missing is as it is, or as usual. */
export type Wanted = { readonly [K in keyof Topology]?: Topology[K] | undefined }

export const DEFAULT_TOPOLOGY: Topology = {
  nodes: 6,
  replicas: 1,
  port: 7000,
  hosts: ['127.0.0.1'],
  engines: ['shoal'],
  config: [],
}

/** Fewer masters than this cannot outvote a failed one. */
export const MASTERS_MIN = 3
/** More processes than this on one machine are a slip of the finger. */
export const NODES_MAX = 1000
export const BUS_PORT_OFFSET = 10_000
const PORT_MAX = 65_535

/** Directives that `up` writes itself, and what to use instead. */
const OWN_DIRECTIVES: Readonly<Record<string, string>> = {
  port: '--port',
  bind: '--host',
  'cluster-announce-ip': '--host',
  dir: '--dir',
  daemonize: '',
  pidfile: '',
  logfile: '',
  'cluster-enabled': '',
  'cluster-config-file': '',
  'cluster-port': '',
}

export function complete(wanted: Wanted): Topology {
  return {
    nodes: wanted.nodes ?? DEFAULT_TOPOLOGY.nodes,
    replicas: wanted.replicas ?? DEFAULT_TOPOLOGY.replicas,
    port: wanted.port ?? DEFAULT_TOPOLOGY.port,
    hosts: wanted.hosts ?? DEFAULT_TOPOLOGY.hosts,
    engines: wanted.engines ?? DEFAULT_TOPOLOGY.engines,
    config: wanted.config ?? DEFAULT_TOPOLOGY.config,
  }
}

/** Why there can be no such cluster, or undefined when there can. */
export function impossible(topology: Topology): string | undefined {
  const { nodes, replicas, port, hosts, engines } = topology
  if (!Number.isInteger(nodes) || nodes < 1)
    return 'The number of nodes must be a whole number of at least 1.'
  if (!Number.isInteger(replicas) || replicas < 0)
    return 'The number of replicas must be a whole number of at least 0.'
  if (nodes > NODES_MAX) return `More than ${NODES_MAX} nodes on one machine are not supported.`
  const needed = MASTERS_MIN * (replicas + 1)
  if (nodes < needed) {
    return (
      `${count(nodes, 'node')} with ${count(replicas, 'replica')} for each master are too few: a cluster needs at ` +
      `least ${MASTERS_MIN} masters, that is ${needed} nodes. Try --nodes ${needed}` +
      (nodes >= MASTERS_MIN && replicas > 0 ? ` or --replicas ${Math.floor(nodes / MASTERS_MIN) - 1}.` : '.')
    )
  }
  const last = port + nodes - 1 + BUS_PORT_OFFSET
  if (!Number.isInteger(port) || port < 1 || last > PORT_MAX) {
    return (
      `${count(nodes, 'node')} from port ${port} do not fit: each node also needs its port + ${BUS_PORT_OFFSET} for ` +
      `the cluster bus, so the first port must be from 1 to ${PORT_MAX - BUS_PORT_OFFSET - nodes + 1}.`
    )
  }
  if (hosts.length === 0 || hosts.includes('')) return 'A host must not be empty.'
  if (hosts.length > nodes) return `${hosts.length} hosts are more than ${count(nodes, 'node')}.`
  if (engines.length === 0 || engines.includes('')) return 'An engine must not be empty.'
  return wrongDirective(topology) ?? unreachable(topology)
}

function wrongDirective({ config }: Topology): string | undefined {
  for (const line of config) {
    const name = directiveName(line)
    if (name === '' || /[\r\n]/.test(line)) return `'${line}' is not a line of redis.conf.`
    const instead = Object.hasOwn(OWN_DIRECTIVES, name) ? OWN_DIRECTIVES[name] : undefined
    if (instead === undefined) continue
    return `'${name}' is set by shoal up itself${instead === '' ? '' : `; use ${instead}`}.`
  }
  return undefined
}

/** A node without a password answers nobody but its own machine's loopback addresses (protected mode). */
function unreachable(topology: Topology): string | undefined {
  const open = topology.hosts.find((host) => isIP(host) > 0 && !isLoopback(host))
  if (open === undefined || passwordOf(topology) !== undefined) return undefined
  if (directive(topology, 'protected-mode') === 'no') return undefined
  return (
    `Nodes on ${open} can be reached from other machines and would refuse everybody without a password. ` +
    `Give them one with --config "requirepass …", or say --config "protected-mode no".`
  )
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** The password that clients and replicas need, where the configuration sets one. */
export function passwordOf(topology: Topology): string | undefined {
  return directive(topology, 'requirepass')
}

/** The value of a directive with one value: the last line wins, quotes are taken off. */
function directive({ config }: Topology, name: string): string | undefined {
  const line = config.findLast((one) => directiveName(one) === name)
  const value = line?.trim().slice(name.length).trim()
  if (value === undefined || value === '' || value === '""') return undefined
  const quoted = /^(["'])(.*)\1$/.exec(value)
  return quoted === null ? value : quoted[2]!.replace(/\\(["'\\])/g, '$1')
}

export function directiveName(line: string): string {
  return line.trim().split(/\s/, 1)[0]!.toLowerCase()
}

/** In what `wanted` differs from `existing`: the options, as the user typed them. */
export function differences(existing: Topology, wanted: Wanted): string[] {
  const option = (key: keyof Topology, flag: string): string[] => {
    const value = wanted[key]
    if (value === undefined || JSON.stringify(value) === JSON.stringify(existing[key])) return []
    return Array.isArray(value) && key === 'config'
      ? value.map((line: string) => `${flag} "${line}"`)
      : [`${flag} ${Array.isArray(value) ? value.join(',') : value}`]
  }
  return [
    ...option('nodes', '--nodes'),
    ...option('replicas', '--replicas'),
    ...option('port', '--port'),
    ...option('hosts', '--host'),
    ...option('engines', '--engine'),
    ...option('config', '--config'),
  ]
}

/** `6 nodes, 1 replica for each master, ports 7000 to 7005`. */
export function describeTopology({ nodes, replicas, port, hosts, engines }: Topology): string {
  const machines = hosts.length > 1 || hosts[0] !== '127.0.0.1' ? ` on ${hosts.join(' and ')}` : ''
  const running = engines.length === 1 && engines[0] === 'shoal' ? '' : `, engine ${engines.join(', ')}`
  const each = `${count(replicas, 'replica')} for each master`
  return `${count(nodes, 'node')}, ${each}, ports ${port} to ${port + nodes - 1}${machines}${running}`
}

export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? '' : 's'}`
}
