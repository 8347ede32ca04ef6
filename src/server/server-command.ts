/** Commands about the node rather than about keys: declared as any other, their handlers get the node. */

import type { Call } from '../commands/call.js'
import { type Command, command, type Declaration, type KeyFinder } from '../commands/command.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Client } from './client.js'
import type { ServerNode } from './node.js'

export type ServerHandler = (node: ServerNode, client: Client, args: Args, reply: Reply, call: Call) => void

/** Declares a command whose handler needs the whole node and the client as the server knows it. */
export function serverCommand(
  declaration: Declaration,
  handler: ServerHandler,
  keyFinder?: KeyFinder,
): Command {
  return command(
    declaration,
    // Every call of a server is made by a node for a client of its own.
    (call, args, reply) => handler(call.host as ServerNode, call.caller as Client, args, reply, call),
    keyFinder,
  )
}
