/** DEBUG RELOAD and DEBUG LOADAOF: the dataset goes, and comes back from the disk, while other clients hear LOADING. */

import { Args } from '../../resp/args.js'
import { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import type { Persistence } from '../persistence/index.js'
import { Loader, newLoadStats, type Replay } from '../persistence/load.js'

/** Carries out the commands of an append-only file for a client of their own. */
function replayer(node: ServerNode): Replay {
  const client = new Client(0, null)
  client.trusted = true
  const args = new Args()
  return (buf, count, ranges, start, end) => {
    args.buf = buf
    args.count = count
    args.ranges = ranges
    args.rawStart = start
    args.rawEnd = end
    if (node.table.find(buf, args.start(0), args.end(0)) === null) {
      return `Unknown command '${args.text(0)}' reading the append only file`
    }
    node.execute(client, args)
    if (client.out !== null) client.out.pos = 0
    return undefined
  }
}

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
