/**
 * The cluster, as the rest of the server sees it. `attachCluster` before the dataset is loaded, with the replication
 * part there already; `start` afterwards, before clients are served.
 */

import type { ServerNode } from '../node.js'
import type { ReplicationPart } from '../replication/index.js'
import { clusterLink, dropFilter } from './debug.js'
import { ClusterError, ClusterPart } from './part.js'

export { ClusterError, ClusterPart }

export async function attachCluster(node: ServerNode, replication: ReplicationPart): Promise<ClusterPart> {
  const part = await ClusterPart.create(node, replication)
  node.cluster = part
  node.info.section('memory', () => part.memoryLines())
  node.admin?.debug.set('drop-cluster-packet-filter', dropFilter(part))
  node.admin?.debug.set('clusterlink', clusterLink(part))
  node.atStop.push(() => part.stop())
  return part
}
