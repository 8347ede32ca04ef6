/**
 * How much memory a node uses. What grows with its data is counted, not asked of the process, which may hold other
 * nodes too. The program itself (Node, compiled JavaScript) is not counted, as little as Redis counts its executable: INFO
 * shows it beside as used_memory_js, and used_memory_rss has all of it.
 */

import { backlogMemory } from '../../replication/backlog.js'
import type { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import { clientBytes } from './client-info.js'

export interface MemoryUse {
  /** What the node took before it held anything. */
  readonly startup: number
  /** Keys and values with their headers. */
  readonly dataset: number
  /** The tables that find them. */
  readonly tables: number
  /** Buffers of clients that are neither replicas nor the master. */
  readonly clients: number
  /** The replication backlog, up to repl-backlog-size. */
  readonly backlog: number
  /** What is kept of the stream beyond that for slow replicas, and their buffers. */
  readonly replicas: number
  readonly aofBuffer: number
  readonly clusterLinks: number
  /** Space that the byte heap holds and could hand out again without asking the system. */
  readonly spare: number
  readonly total: number
  /** What of it no eviction can help: it would only make more of it. */
  readonly notEvictable: number
}

/** A client's buffers as far as something is in them: an empty reply buffer is any client's. */
function heldBytes(client: Client): number {
  const { out } = client
  return clientBytes(client) - (out === null ? 0 : out.heldBytes - out.length)
}

export function memoryUse(node: ServerNode): MemoryUse {
  const { heap, databases, large } = node.keyspace
  let tables = large.bytes
  for (const db of databases) tables += db.tableBytes
  let clients = 0
  let replicas = 0
  for (const client of node.clients.all()) {
    if (client.kind === 'replica') replicas += heldBytes(client)
    else clients += heldBytes(client)
  }
  const stream = node.replication?.r.backlog ?? null
  const kept = stream === null ? 0 : backlogMemory(stream)
  const alone = node.replication?.r.replicas.length === 0
  const backlog = stream === null || alone ? kept : Math.min(kept, stream.size)
  replicas += kept - backlog
  const aofBuffer = node.persistence?.aof.bufferLength ?? 0
  const clusterLinks = node.cluster?.memoryLines()[0]?.[1] ?? 0
  const dataset = heap.usedBytes
  const startup = node.admin?.startupBytes ?? 0
  return {
    startup,
    dataset,
    tables,
    clients,
    backlog,
    replicas,
    aofBuffer,
    clusterLinks,
    spare: heap.reservedBytes - heap.usedBytes,
    total: startup + dataset + tables + clients + backlog + replicas + aofBuffer + clusterLinks,
    notEvictable: replicas + aofBuffer + (stream === null ? 0 : Math.max(0, backlog - stream.size)),
  }
}

/** Bytes as people read them: 1.50M, in Redis's form. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T', 'P']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${value}B` : `${value.toFixed(2)}${units[unit]!}`
}
