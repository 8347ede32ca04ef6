/**
 * The master's stream, carried out: whole commands, one after the other, for a client that is refused nothing and hears
 * no replies.
 */

import { COMMAND, RequestParser } from '../../resp/request.js'
import { Client } from '../client.js'
import type { ServerNode } from '../node.js'

/** Errors of the master's commands that are logged in one range; a stream that fails fails at every command. */
const ERROR_LINES_MAX = 10

export class Applier {
  readonly client: Client
  private readonly node: ServerNode
  private readonly parser = new RequestParser()

  constructor(node: ServerNode) {
    this.node = node
    this.client = new Client(node.clients.takeId(), null)
    this.client.trusted = true
    this.client.kind = 'master'
  }

  /** Carries out the commands in `buf[start, end)`, the first of them in database `db`. */
  apply(buf: Uint8Array, start: number, end: number, db: number): void {
    const { node, client, parser } = this
    node.tick()
    client.db = db
    parser.bulkBytesMax = Number.MAX_SAFE_INTEGER
    let errors = 0
    let at = start
    while (at < end && parser.parse(buf, at, end) === COMMAND) {
      at = parser.next
      if (parser.args.count === 0) continue
      node.execute(client, parser.args)
      const out = client.out
      if (out === null) continue
      // 0x2d: an error reply. The master has carried this command out; we have not.
      if (out.pos > 0 && out.buf[0] === 0x2d && errors++ < ERROR_LINES_MAX) {
        node.log(
          'warning',
          `== CRITICAL == This replica is sending an error to its master: '${out.lastError}' after processing ` +
            `the command '${parser.args.text(0).toLowerCase()}'`,
        )
      }
      out.pos = 0
    }
    parser.reset()
  }
}
