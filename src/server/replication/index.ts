/**
 * Replication, as the rest of the server sees it. `attachReplication` before the dataset is loaded (a replica loads it
 * differently), `start` afterwards, before clients are served; `stop` first of all when the node stops.
 */

import type { ServerNode } from '../node.js'
import type { Persistence } from '../persistence/index.js'
import { ReplicationPart } from './part.js'

export { ReplicationPart }

export function attachReplication(node: ServerNode, persistence: Persistence): ReplicationPart {
  const part = new ReplicationPart(node, persistence)
  node.replication = part
  node.atStop.unshift((wish) => part.stop(wish.now))
  return part
}
