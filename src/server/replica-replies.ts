/**
 * A replica that sends a command which is answered: the reply would stand in the middle of its stream. So it is taken back, and the
 * replica is sent away, which may then come again.
 */

import type { Entry } from '../commands/table.js'
import { clientInfo } from './admin/client-info.js'
import type { Client } from './client.js'
import type { ServerNode } from './node.js'

/** What belongs to replication, and answers as it must. */
const ITS_OWN = new Set(['replconf', 'psync', 'sync'])

/** Takes back what stands behind `mark` in the replica's output if the command is none of replication's. */
export function disownReply(node: ServerNode, client: Client, entry: Entry | null, mark: number): void {
  const { out } = client
  if (out === null || out.length <= mark || (entry !== null && ITS_OWN.has(entry.fullName))) return
  out.rewind(mark)
  const name = client.lastCommand?.fullName ?? '<unknown>'
  node.log(
    'warning',
    `Replica generated a reply to command '${name}', disconnecting it: ${clientInfo(node, client)}`,
  )
  node.closeAfterReply(client)
}

/** What is logged of an error that a replica would be sent. */
export function criticalError(message: string, entry: Entry | null): string {
  const error = message.replace(/^[A-Z]+ /, '')
  const name = entry?.fullName ?? '<unknown>'
  return `== CRITICAL == This master is sending an error to its replica: '${error}' after processing the command '${name}'`
}
