/** CONFIG RESETSTAT: the counters that INFO shows begin again at zero. */

import type { Entry } from '../../commands/table.js'
import type { ServerNode } from '../node.js'

function resetEntry(entry: Entry): void {
  entry.calls = 0
  entry.usec = 0
  entry.rejected = 0
  entry.failed = 0
  for (const sub of entry.subcommands) resetEntry(sub)
}

export function resetStatistics(node: ServerNode): void {
  const { stats, keyspace } = node
  stats.connections = 0
  stats.rejectedConnections = 0
  stats.errorReplies = 0
  stats.syncFull = 0
  stats.syncPartialOk = 0
  stats.syncPartialErr = 0
  stats.evictedKeys = 0
  stats.evictedClients = 0
  stats.errors.clear()
  keyspace.hits = 0
  keyspace.misses = 0
  keyspace.expiredKeys = 0
  keyspace.expiredFields = 0
  keyspace.graveyard.freed = 0
  node.bytesIn = 0
  node.slotStats?.reset()
  node.admin?.resetStatistics()
  for (const entry of node.table.entries) resetEntry(entry)
}
