/** Replies of the state machine, in the client's protocol. */

import type { Reply as Tree } from '../../cluster/index.js'
import type { Reply } from '../../resp/reply.js'

export function printReply(tree: Tree, reply: Reply): void {
  switch (tree.kind) {
    case 'simple':
      reply.simple(tree.text)
      return
    case 'error':
      reply.error(tree.text)
      return
    case 'bulk':
      reply.bulkText(tree.text)
      return
    case 'verbatim':
      reply.verbatim(tree.text)
      return
    case 'int':
      reply.int(tree.value)
      return
    case 'null':
      reply.nil()
      return
    case 'array':
      reply.array(tree.items.length)
      for (const item of tree.items) printReply(item, reply)
      return
    case 'map':
      reply.map(tree.entries.length)
      for (const [key, value] of tree.entries) {
        printReply(key, reply)
        printReply(value, reply)
      }
  }
}
