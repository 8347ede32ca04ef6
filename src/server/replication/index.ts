/**
 * Replication, as the rest of the server sees it. `attachReplication` before the dataset is loaded (a replica loads it
 * differently), `start` afterwards, when it is known that the node will run.
 */

import type { ServerNode } from '../node.js'
import type { Persistence } from '../persistence/index.js'
import { ReplicationPart } from './part.js'

export { ReplicationPart }

export function attachReplication(node: ServerNode, persistence: Persistence): ReplicationPart {
  const part = new ReplicationPart(node, persistence)
  node.replication = part
  return part
}
