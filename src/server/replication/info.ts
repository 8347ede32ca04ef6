/** What INFO tells of replication: a section of its own, and its share of memory. */

import { backlogMemory } from '../../replication/backlog.js'
import { infoReplication } from '../../replication/report.js'
import type { Replication } from '../../replication/state.js'
import type { InfoLine } from '../info.js'

export function infoLines(r: Replication, now_ms: number): InfoLine[] {
  return infoReplication(r, now_ms).map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1)] as const
  })
}

/** The stream is kept once, for the backlog and all replicas; only what their connections hold is theirs alone. */
export function memoryLines(r: Replication): InfoLine[] {
  const kept = r.backlog === null ? 0 : backlogMemory(r.backlog)
  const unsent = r.replicas.reduce((sum, link) => sum + link.unsent_bytes, 0)
  // Beyond its size the backlog keeps what slow replicas still need; without replicas, chunks that it has not given back yet.
  const backlog = r.backlog === null || r.replicas.length === 0 ? kept : Math.min(kept, r.backlog.size)
  return [
    ['mem_replication_backlog', backlog],
    ['mem_total_replication_buffers', kept + unsent],
    ['mem_clients_slaves', kept - backlog + unsent],
  ]
}
