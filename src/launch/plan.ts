/**
 * From a topology to files and commands. Pure: nothing is written or started here.
 *
 * Each node has a folder named by its port, with a redis.conf as one would write it by hand, so that
 * `shoal-server redis.conf` (or redis-server, or valkey-server) in that folder starts the very same node.
 */

import { join } from 'node:path'
import { BUS_PORT_OFFSET, directiveName, passwordOf, type Topology } from './topology.js'

/** How to start one kind of server: `program ...args redis.conf`. */
export interface Engine {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
}

export interface NodePlan {
  readonly host: string
  readonly port: number
  readonly busPort: number
  /** `host:port`. */
  readonly address: string
  /** What the node listens on. */
  readonly bind: readonly string[]
  readonly folder: string
  readonly engine: Engine
  /** The text of redis.conf. */
  readonly conf: string
}

export const CONF_FILE = 'redis.conf'
export const PID_FILE = 'redis.pid'
export const LOG_FILE = 'redis.log'

/**
 * The nodes in the order of their ports. `dir` is absolute; `hosts` are the topology's, as IP addresses;
 * `engines` are the topology's, found.
 */
export function planNodes(
  topology: Topology,
  dir: string,
  hosts: readonly string[],
  engines: readonly Engine[],
): NodePlan[] {
  return Array.from({ length: topology.nodes }, (_, i) => {
    const port = topology.port + i
    const host = hosts[Math.floor((i * hosts.length) / topology.nodes)]!
    const folder = join(dir, String(port))
    const bind = host === '127.0.0.1' ? [host] : [host, '127.0.0.1']
    return {
      host,
      port,
      busPort: port + BUS_PORT_OFFSET,
      address: `${host}:${port}`,
      bind,
      folder,
      engine: engines[i % engines.length]!,
      conf: confText(topology, { host, port, folder, bind }),
    }
  })
}

function confText(topology: Topology, node: Pick<NodePlan, 'host' | 'port' | 'folder' | 'bind'>): string {
  const announced = node.host === '127.0.0.1' ? [] : [`cluster-announce-ip ${node.host}`]
  const lines = [
    `port ${node.port}`,
    `bind ${node.bind.join(' ')}`,
    'daemonize yes',
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-node-timeout 5000',
    ...announced,
    'appendonly yes',
    `dir ${quoted(node.folder)}`,
    `pidfile ${PID_FILE}`,
    `logfile ${LOG_FILE}`,
  ]
  // A line of the user's takes the place of one of the same name, else it comes behind.
  const given = [...topology.config.map((line) => line.trim()), ...masterAuth(topology)]
  const names = new Set(given.map(directiveName))
  const own = lines.filter((line) => !names.has(directiveName(line)))
  const head = [
    '# Written by `shoal up`. Yours to edit: `up` leaves this file as it is from now on.',
    `# By hand: shoal-server ${CONF_FILE}`,
  ]
  return `${[...head, '', ...own, ...(given.length > 0 ? ['', ...given] : [])].join('\n')}\n`
}

/** Replicas must know the password of their masters, which is everybody's. */
function masterAuth(topology: Topology): string[] {
  const password = passwordOf(topology)
  const told = topology.config.some((line) => directiveName(line) === 'masterauth')
  return password === undefined || told ? [] : [`masterauth ${quoted(password)}`]
}

/** A word of redis.conf: in quotes where it needs them. */
export function quoted(text: string): string {
  return /^[^\s"'\\#]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** The text with its `dir` line set to `folder`: the data may have been moved since it was written. */
export function confMovedTo(conf: string, folder: string): string {
  return conf.replace(/^[ \t]*dir[ \t].*$/gim, () => `dir ${quoted(folder)}`)
}

/** Arguments of the engine's program, started in the node's folder. Who starts it keeps it in the foreground. */
export function engineArgs(plan: NodePlan): string[] {
  return [...plan.engine.args, CONF_FILE, '--daemonize', 'no']
}

/** Is this command line (words joined by spaces) that of the node? Servers rename themselves once they run. */
export function isCommandOf(plan: NodePlan, commandLine: string): boolean {
  return (
    new RegExp(`-server.*:${plan.port}( |$)`).test(commandLine) ||
    new RegExp(`:${plan.port} \\[cluster\\]`).test(commandLine) ||
    commandLine.includes(engineArgs(plan).slice(-3).join(' '))
  )
}
