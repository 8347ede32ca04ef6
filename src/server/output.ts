/**
 * How much of a client's output counts against client-output-buffer-limit, as Redis counts it: what its replies take in
 * its lists of blocks. Replies gather in a buffer of the client's own first, which does not count.
 */

import type { Client } from './client.js'
import type { ServerNode } from './node.js'

/** Bytes that gather in a client's own buffer, and do not count. */
export const UNCOUNTED_OUTPUT_BYTES: number = 16 * 1024
/** What a block of Redis's holds: 16 KiB and a head are rounded up to 20 KiB by its allocator. */
const BLOCK_BYTES = 20 * 1024 - 16
/** What a block costs beside what it holds: its head and its place in the list. */
const BLOCK_COST_BYTES = 40

/** How many blocks Redis would keep for `bytes` of unsent output. */
export function outputBlocks(bytes: number): number {
  return bytes <= UNCOUNTED_OUTPUT_BYTES ? 0 : Math.ceil((bytes - UNCOUNTED_OUTPUT_BYTES) / BLOCK_BYTES)
}

/** What `bytes` of unsent output count against the client's limit. A replica's all count: they wait in the backlog. */
export function outputUsage(client: Client, bytes: number): number {
  return client.kind === 'replica' ? bytes : outputBlocks(bytes) * (BLOCK_BYTES + BLOCK_COST_BYTES)
}

interface OutputLimit {
  /** Bytes, 0 for none. */
  readonly hard: number
  readonly soft: number
  readonly seconds: number
}

/** The limit of clients of this one's kind. */
export function limitOf(node: ServerNode, client: Client): OutputLimit {
  const limits = node.config.values['client-output-buffer-limit']
  return client.kind === 'master' ? limits.normal : limits[client.kind]
}
