/** Commands of an append-only file, carried out through the dispatcher for a client of their own. */

import { Args } from '../../resp/args.js'
import { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import type { Replay } from './load.js'

/** One for each loading: the client keeps its database and its transaction from command to command. */
export function replayer(node: ServerNode): Replay {
  const client = new Client(0, null)
  client.trusted = true
  const args = new Args()
  return (buf, count, ranges, start, end) => {
    args.buf = buf
    args.count = count
    args.exchange(ranges)
    args.rawStart = start
    args.rawEnd = end
    if (node.table.find(buf, args.start(0), args.end(0)) === null) {
      return `Unknown command '${args.shown(0)}' reading the append only file`
    }
    node.execute(client, args)
    client.out?.clear()
    return undefined
  }
}
