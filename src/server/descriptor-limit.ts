/**
 * maxclients fits into the system's limit of open files: at the start it is reduced, with Redis's log lines, and CONFIG SET
 * beyond it is refused. 32 descriptors are reserved for all that is no client: files, listening sockets, links, Node's own.
 */

import { diskErrorText } from '../runtime/disk.js'
import type { ServerNode } from './node.js'

const RESERVED_DESCRIPTORS = 32

/** The limit leaves no descriptor for clients; the message is the log line. */
export class DescriptorError extends Error {}

/** How many clients fit into the limit where `wanted` do not; null where they do. */
function reducedClients(wanted: number, limit: number | null): number | null {
  return limit === null || limit >= wanted + RESERVED_DESCRIPTORS ? null : limit - RESERVED_DESCRIPTORS
}

function tellReduced(node: ServerNode, wanted: number, limit: number): void {
  const needed = wanted + RESERVED_DESCRIPTORS
  const error = diskErrorText({ code: 'EPERM', message: 'EPERM' })
  node.log(
    'warning',
    `You requested maxclients of ${wanted} requiring at least ${needed} max file descriptors.`,
  )
  node.log('warning', `Server can't set maximum open files to ${needed} because of OS error: ${error}.`)
  node.log(
    'warning',
    `Current maximum open files is ${limit}. maxclients has been reduced to ${limit - RESERVED_DESCRIPTORS} to ` +
      "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
  )
}

/** Fits maxclients to the limit, now and whenever it is set. Throws a DescriptorError where not even one client fits. */
export function attachDescriptorLimit(node: ServerNode): void {
  const { config, descriptors } = node
  const wanted = config.values.maxclients
  const limit = descriptors.limit()
  const reduced = reducedClients(wanted, limit)
  if (reduced !== null) {
    if (reduced < 1) {
      throw new DescriptorError(
        `Your current 'ulimit -n' of ${limit} is not enough for the server to start. Please increase your open file ` +
          `limit to at least ${wanted + RESERVED_DESCRIPTORS}. Exiting.`,
      )
    }
    config.values.maxclients = reduced
    config.exact.delete('maxclients')
    tellReduced(node, wanted, limit!)
  }
  config.onChange('maxclients', () => {
    const asked = config.values.maxclients
    const allowed = descriptors.limit()
    const fitting = reducedClients(asked, allowed)
    if (fitting === null) return undefined
    tellReduced(node, asked, allowed!)
    return `The operating system is not able to handle the specified number of clients, try with ${fitting}`
  })
  node.regulars.push({ cron: () => descriptors.refill() })
  node.atStop.push(() => descriptors.close())
}
