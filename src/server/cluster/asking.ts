/**
 * ASKING counts for the next command only; for a transaction that begins with it, until its end. The number of the
 * command that set it is kept beside the flag, so that no other command has to clear it.
 */

import { ASKING, type Client, READONLY_MODE } from '../client.js'

const COUNT_SHIFT = 8
const COUNT_MASK = 0xff_ffff

export function setAsking(client: Client): void {
  const count = (client.commands & COUNT_MASK) << COUNT_SHIFT
  client.clusterFlags = count | (client.clusterFlags & READONLY_MODE) | ASKING
}

export function isAsking(client: Client): boolean {
  if ((client.clusterFlags & ASKING) === 0) return false
  const askedAt = (client.clusterFlags >>> COUNT_SHIFT) & COUNT_MASK
  if (((client.commands - askedAt) & COUNT_MASK) === 1 || client.transaction !== null) return true
  client.clusterFlags &= ~ASKING
  return false
}
