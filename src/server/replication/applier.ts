/**
 * The master's stream, carried out: whole commands, one after the other, for a client that is refused nothing and hears
 * no replies.
 */

import type { Args } from '../../resp/args.js'
import { RequestParser } from '../../resp/request.js'
import { AHEAD_MAX, Ahead } from '../ahead.js'
import { Client } from '../client.js'
import type { ServerNode } from '../node.js'

/** Errors of the master's commands that are logged in one range; a stream that fails fails at every command. */
const ERROR_LINES_MAX = 10

export class Applier {
  readonly client: Client
  private readonly node: ServerNode
  private readonly parser = new RequestParser()
  private readonly ahead = new Ahead()
  /** Errors in the range that is being carried out. */
  private errors = 0

  constructor(node: ServerNode) {
    this.node = node
    this.client = new Client(node.clients.takeId(), null)
    this.client.trusted = true
    this.client.kind = 'master'
  }

  /** Carries out the commands in `buf[start, end)`, the first of them in database `db`. */
  apply(buf: Uint8Array, start: number, end: number, db: number): void {
    const { node, client, parser, ahead } = this
    node.tick()
    client.db = db
    parser.bulkBytesMax = Number.MAX_SAFE_INTEGER
    this.errors = 0
    for (let at = start; at < end; ) {
      const count = ahead.read(parser, buf, at, end, AHEAD_MAX)
      if (count === 0) break
      at = ahead.end(count - 1)
      ahead.foresee(node.table, node.keyspace, db, buf, count)
      for (let i = 0; i < count; i++) {
        const args = ahead.command(i)
        if (args.count > 0) this.execute(args)
      }
      ahead.forget(node.keyspace, count)
    }
    parser.reset()
  }

  private execute(args: Args): void {
    const { node, client } = this
    node.execute(client, args)
    const out = client.out
    if (out === null) return
    // 0x2d: an error reply. The master has carried this command out; we have not.
    if (out.pos > 0 && out.buf[0] === 0x2d && this.errors++ < ERROR_LINES_MAX) {
      node.log(
        'warning',
        `== CRITICAL == This replica is sending an error to its master: '${out.lastError}' after processing ` +
          `the command '${args.word(0)}'`,
      )
    }
    out.clear()
  }
}
