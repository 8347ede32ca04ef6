/** DEBUG RELOAD and DEBUG LOADAOF: the dataset goes, and comes back from the disk, while other clients hear LOADING. */

import type { ServerNode } from '../node.js'
import type { Persistence } from '../persistence/index.js'
import { Loader, newLoadStats } from '../persistence/load.js'
import { replayer } from '../persistence/replay.js'

export function emptyDataset(node: ServerNode): void {
  node.beforeFlush(null)
  node.keyspace.flushAll()
}

/** Loads with the node shut to clients; what is loaded goes neither to the append-only file nor to replicas. */
async function loadWith(node: ServerNode, load: () => Promise<boolean>): Promise<boolean> {
  const { feeds } = node.propagation
  const kept = feeds.splice(0, feeds.length)
  const { dirty } = node.propagation
  node.loading = true
  node.updateGate()
  try {
    return await load()
  } finally {
    node.loading = false
    node.updateGate()
    feeds.push(...kept)
    node.propagation.dirty = dirty
  }
}

/** Loads the RDB file; true when it worked. */
export async function reloadRdb(
  node: ServerNode,
  persistence: Persistence,
  empty: boolean,
): Promise<boolean> {
  if (empty) emptyDataset(node)
  const loader = new Loader(persistence.circle, newLoadStats(), () => !node.isReplica)
  return loadWith(node, () => loader.loadRdb())
}

/** Loads the append-only file; true when it worked. */
export async function reloadAof(node: ServerNode, persistence: Persistence): Promise<boolean> {
  const { aof, rewriter, circle } = persistence
  if (aof.state !== 'off') aof.syncNow()
  emptyDataset(node)
  const loader = new Loader(circle, newLoadStats(), () => !node.isReplica)
  return loadWith(node, () => loader.loadAof(aof, rewriter, replayer(node)))
}
