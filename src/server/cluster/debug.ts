/** DEBUG's subcommands about the bus: for tests that want packets lost and links broken. */

import { WORD_BYTES_MAX } from '../../bytes/text-limits.js'
import type { LinkId } from '../../cluster/index.js'
import { NOT_AN_INTEGER } from '../../commands/errors.js'
import type { DebugHandler } from '../commands/debug.js'
import type { ClusterPart } from './part.js'

/** DEBUG DROP-CLUSTER-PACKET-FILTER type: packets of that type are lost on arrival; -1 for none. */
export function dropFilter(part: ClusterPart): DebugHandler {
  return (_node, _client, args, reply) => {
    const type = args.integer(2)
    if (args.count !== 3 || Number.isNaN(type)) {
      reply.error(NOT_AN_INTEGER)
      return
    }
    part.droppedType = type
    reply.ok()
  }
}

/** DEBUG CLUSTERLINK KILL to|from|all node-id. */
export function clusterLink(part: ClusterPart): DebugHandler {
  return (_node, _client, args, reply) => {
    if (args.count !== 5 || !args.is(2, 'kill')) {
      reply.error('ERR syntax error')
      return
    }
    const node = part.state.nodes.get(args.text(4, WORD_BYTES_MAX))
    if (node === undefined) {
      reply.error(`ERR Unknown node ${args.quoted(4)}`)
      return
    }
    const all = args.is(3, 'all')
    if (!all && !args.is(3, 'from') && !args.is(3, 'to')) {
      reply.error(`ERR Unknown direction ${args.quoted(3)}`)
      return
    }
    const links: (LinkId | undefined)[] = []
    if (all || args.is(3, 'from')) links.push(node.inbound?.id)
    if (all || args.is(3, 'to')) links.push(node.link?.id)
    for (const link of links) if (link !== undefined) part.breakLink(link)
    reply.ok()
  }
}
