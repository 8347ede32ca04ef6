/**
 * How much memory a node uses. What grows with its data is counted, not asked of the process, which may hold other
 * nodes too; what the process needed before this node held anything is measured once, when the node is made.
 */

import type { ServerNode } from '../node.js'
import { clientBytes } from './client-info.js'

export interface MemoryUse {
  /** What the process used when the node was made: mostly its program. */
  readonly startup: number
  /** Keys and values with their headers. */
  readonly dataset: number
  /** The tables that find them. */
  readonly tables: number
  readonly clients: number
  /** Space that the byte heap holds and could hand out again without asking the system. */
  readonly spare: number
  readonly total: number
}

export function memoryUse(node: ServerNode): MemoryUse {
  const { heap, databases, large } = node.keyspace
  let tables = large.bytes
  for (const db of databases) tables += db.tableBytes
  let clients = 0
  for (const client of node.clients.all()) clients += clientBytes(client)
  const dataset = heap.usedBytes
  const startup = node.admin?.startupBytes ?? 0
  return {
    startup,
    dataset,
    tables,
    clients,
    spare: heap.reservedBytes - heap.usedBytes,
    total: startup + dataset + tables + clients,
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
