/**
 * The end of a turn of the event loop. All connections that had something to say have been heard; now what they changed is
 * written to the append-only file, and then, never before, they get their replies: one system call a client, however
 * many commands it sent.
 */

import { Reply } from '../resp/reply.js'
import type { Client } from './client.js'
import type { Durability } from './parts.js'

/** A reply buffer larger than this is not kept for the next client. */
const KEEP_REPLY_BYTES_MAX = 256 * 1024
const KEEP_REPLIES_MAX = 64

export class Turn {
  durability: Durability | null = null
  /** Called before the append-only file is written: what must join the turn's changes. */
  readonly before: (() => void)[] = []
  private clients: Client[] = []
  private spare: Client[] = []
  private readonly replies: Reply[] = []
  private scheduled = false
  private readonly afterSend: (client: Client) => void
  private readonly run = () => this.end()

  /** `afterSend` is called for every client that was sent something: limits are looked at there. */
  constructor(afterSend: (client: Client) => void) {
    this.afterSend = afterSend
  }

  /** Where to write a reply for this client; it is sent when the turn ends. */
  outOf(client: Client): Reply {
    if (!client.queued) {
      client.queued = true
      this.clients.push(client)
      if (!this.scheduled) this.schedule()
    }
    let out = client.out
    if (out === null) {
      out = this.replies.pop() ?? new Reply()
      out.protocol = client.protocol
      client.out = out
    }
    return out
  }

  /** Something was fed that must be written although nobody waits for a reply. */
  schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(this.run)
  }

  /** Writes and sends at once: before the node stops. */
  end(): void {
    this.scheduled = false
    for (const join of this.before) join()
    const clients = this.clients
    this.clients = this.spare
    for (const client of clients) client.queued = false
    const durability = this.durability
    if (durability !== null) {
      // Until the disk has answered, more may be written to the same clients: that must wait for its own turn.
      const limits = clients.map((client) => (client.out === null ? 0 : client.outBase + client.out.pos))
      const released = clients.slice()
      if (!durability.endTurn(() => this.release(released, limits))) {
        clients.length = 0
        this.spare = clients
        return
      }
    }
    for (const client of clients) if (client.out !== null) this.send(client, client.out, client.out.pos)
    clients.length = 0
    this.spare = clients
  }

  private release(clients: readonly Client[], limits: readonly number[]): void {
    for (let i = 0; i < clients.length; i++) {
      const client = clients[i]!
      if (client.out !== null)
        this.send(client, client.out, Math.min(limits[i]! - client.outBase, client.out.pos))
    }
  }

  private send(client: Client, out: Reply, to: number): void {
    const link = client.link
    const from = client.sent
    if (to > from && link !== null && !client.gone) {
      client.bytesOut += to - from
      client.sent = to
      if (!link.send(out.buf, from, to)) this.leaveToSocket(client, out)
    }
    if (client.gone || link === null || client.sent === out.pos) this.giveBack(client, out)
    if (to > from) this.afterSend(client)
  }

  /** The socket still reads from the buffer: what is not sent goes on in another one. */
  private leaveToSocket(client: Client, out: Reply): void {
    const rest = out.buf.slice(client.sent, out.pos)
    out.buf = new Uint8Array(Math.max(16 * 1024, rest.length * 2))
    out.buf.set(rest)
    out.pos = rest.length
    client.outBase += client.sent
    client.sent = 0
  }

  private giveBack(client: Client, out: Reply): void {
    client.out = null
    client.outBase += out.pos
    client.sent = 0
    out.pos = 0
    if (out.buf.length <= KEEP_REPLY_BYTES_MAX && this.replies.length < KEEP_REPLIES_MAX)
      this.replies.push(out)
  }
}
