/** The end of a node that must not go on: what the log says of an error that cannot happen. */

import type { ServerNode } from './node.js'

/** Ends a node without a bug report: a disk that fails where the node has no other way out. */
export class FatalError extends Error {}

export function reportBug(node: ServerNode, error: unknown): void {
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
  node.log('warning', '=== SHOAL BUG REPORT START: Cut & paste starting from here ===')
  for (const line of trace.split('\n')) node.log('warning', line)
  const command = node.running === null ? 'none' : node.running.fullName
  node.log('warning', `Command under way: ${command}. Nothing of this turn is acknowledged. The node stops.`)
}
