/**
 * A node from its configuration to its first client, and to its end. The parts that the configuration asks for are
 * loaded only then: a plain node does not read the code of a cluster.
 */

import type net from 'node:net'
import { systemClock, systemRandom32 } from '../runtime/clock.js'
import { systemDescriptors } from '../runtime/descriptors.js'
import { attachAdmin } from './admin/index.js'
import type { Config } from './config/config.js'
import { startCron } from './cron.js'
import { attachDescriptorLimit } from './descriptor-limit.js'
import { listenForClients } from './listening.js'
import { type LogLevel, ServerNode } from './node.js'
import { attachOomScore } from './oom-score.js'
import type { StopWish } from './parts.js'
import { Persistence, type PersistenceOptions } from './persistence/index.js'
import { ReplicaExpiry } from './replica-expiry.js'
import { attachReplication } from './replication/index.js'

export interface RunningNode {
  readonly node: ServerNode
  /**
   * Stops the node as SHUTDOWN does: saves what must be saved, then closes everything. Without a wish it stops whatever
   * happens. False where something could not be saved; then the node goes on.
   */
  stop(wish?: StopWish): Promise<boolean>
}

const UNASKED: StopWish = { save: undefined, now: false, force: true }

export interface StartOptions {
  readonly config: Config
  readonly log: (level: LogLevel, message: string) => void
  /** Called when all sockets are open; the data may still have to be loaded. */
  readonly listening?: () => void
  /** Ends the process: see ServerNode.fail. */
  readonly fatal?: (error: unknown) => void
  /** For tests: another disk. */
  readonly persistence?: PersistenceOptions
}

/** The node's data is there and cannot be loaded; the log tells why. */
export class LoadError extends Error {}

/** Starts a node; rejects when it cannot listen or load its data. */
export async function startNode(options: StartOptions): Promise<RunningNode> {
  const node = new ServerNode({
    config: options.config,
    clock: systemClock,
    random32: systemRandom32(),
    log: options.log,
    descriptors: systemDescriptors(),
    ...(options.fatal === undefined ? {} : { fatal: options.fatal }),
  })
  for (const line of options.config.warnings) node.log('warning', line)
  attachDescriptorLimit(node)
  attachAdmin(node)
  attachOomScore(node)
  // Clients may come as soon as the sockets are open; they wait until all parts are there.
  const early: (() => void)[] = []
  node.early = early
  const servers: net.Server[] = await listenForClients(node)
  const persistence = new Persistence(node, options.persistence)
  const replication = attachReplication(node, persistence)
  new ReplicaExpiry(node)
  const cluster = options.config.values['cluster-enabled']
    ? await (await import('./cluster/index.js')).attachCluster(node, replication)
    : null
  options.listening?.()
  node.log('notice', 'Server initialized')
  const loading = persistence.start()
  node.early = null
  for (const take of early) take()
  if (!(await loading)) {
    for (const server of servers) server.close()
    cluster?.stop()
    // After a broken append-only file Redis has no more to say.
    throw new LoadError(
      options.config.values.appendonly ? '' : 'Fatal error loading the DB, check server logs. Exiting.',
    )
  }
  // First of all: what cannot be saved keeps the node from stopping, and then nothing else must have ended.
  node.atStop.unshift((wish) => {
    if (node.failed) return true
    node.turn.end()
    const saved = persistence.shutdown(wish.save, wish.force)
    if (!saved)
      node.log('warning', 'Errors trying to shut down the server. Check the logs for more information.')
    return saved
  })
  replication.start()
  await cluster?.start()
  const stopCron = startCron(node)
  const { values } = options.config
  if (values.port !== 0) node.log('notice', 'Ready to accept connections tcp')
  if (values.unixsocket !== '') node.log('notice', 'Ready to accept connections unix')
  return {
    node,
    async stop(wish = UNASKED) {
      node.pause(false, Number.MAX_SAFE_INTEGER, 'shutdown')
      for (const stop of node.atStop) {
        if ((await stop(wish)) !== false) continue
        node.unpause('shutdown')
        return false
      }
      for (const server of servers) server.close()
      stopCron()
      node.turn.end()
      for (const client of [...node.clients.all()]) node.close(client)
      return true
    },
  }
}
