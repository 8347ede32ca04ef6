/** DEBUG RELOAD and DEBUG LOADAOF: the dataset goes, and comes back from the disk, while other clients hear LOADING. */

import type { ServerNode } from '../node.js'
import type { Persistence } from '../persistence/index.js'
import { Loader, newLoadStats } from '../persistence/load.js'
import { replayer } from '../persistence/replay.js'
import { Tenure } from '../tenure.js'

export function emptyDataset(node: ServerNode): void {
  node.beforeFlush(null)
  node.keyspace.flushAll()
}

/** Loads with the node shut to clients; what is loaded goes neither to the append-only file nor to replicas. */
async function loadWith(node: ServerNode, tenure: Tenure, load: () => Promise<boolean>): Promise<boolean> {
  const { propagation } = node
  const { dirty } = propagation
  propagation.muted = true
  node.loading = true
  node.updateGate()
  try {
    return (await load()) && tenure.holds
  } finally {
    propagation.muted = false
    propagation.dirty = dirty
    // The caller that changed the role loads a dataset of its own.
    if (tenure.holds) {
      node.loading = false
      node.updateGate()
    }
  }
}

/** Loads the RDB file; true when it worked. */
export async function reloadRdb(
  node: ServerNode,
  persistence: Persistence,
  empty: boolean,
): Promise<boolean> {
  if (empty) emptyDataset(node)
  const tenure = new Tenure(node)
  const loader = new Loader(
    persistence.circle,
    newLoadStats(),
    () => !node.isReplica,
    () => tenure.holds,
  )
  return loadWith(node, tenure, () => loader.loadRdb())
}

/** Loads the append-only file; true when it worked. */
export async function reloadAof(node: ServerNode, persistence: Persistence): Promise<boolean> {
  const { aof, rewriter, circle } = persistence
  if (aof.state !== 'off') aof.syncNow()
  emptyDataset(node)
  const tenure = new Tenure(node)
  const loader = new Loader(
    circle,
    newLoadStats(),
    () => !node.isReplica,
    () => tenure.holds,
  )
  return loadWith(node, tenure, () => loader.loadAof(aof, rewriter, replayer(node)))
}
