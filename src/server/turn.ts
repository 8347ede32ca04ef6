/**
 * The end of a turn of the event loop. All connections that had something to say have been heard; now what they changed is
 * written to the append-only file, and then, never before, they get their replies: one system call a client, however
 * many commands it sent. A client that does not read gets nothing more into its socket: what it is due stays here, where
 * it is counted, until the socket has room again.
 */

import { Reply } from '../resp/reply.js'
import type { Link } from '../runtime/net.js'
import { type Client, NOT_HELD } from './client.js'
import type { Durability } from './parts.js'

/** A reply buffer larger than this is not kept for the next client. */
const KEEP_REPLY_BYTES_MAX = 256 * 1024
const KEEP_REPLIES_MAX = 64
/** Bytes that one client's commands may write in one turn; the rest of its commands runs in the next one. */
export const TURN_OUTPUT_BYTES_MAX = 1 * 1024 * 1024

/** A client that may have what was written for it up to here, counted from the first byte ever, when the disk has it too. */
interface Waiting {
  readonly client: Client
  readonly upTo: number
}

/** From where on what is written for a client waits, and for which write of nodes.conf. */
interface Hold {
  readonly from: number
  readonly write: number
}

export class Turn {
  durability: Durability | null = null
  /** Called before the append-only file is written: what must join the turn's changes. */
  readonly before: (() => void)[] = []
  /** Nothing is written or sent any more: see ServerNode.fail. */
  dead = false
  /** A client with this many bytes of output is asked about before any of them is sent. */
  lookBytes = Number.POSITIVE_INFINITY
  private clients: Client[] = []
  private spare: Client[] = []
  private readonly replies: Reply[] = []
  private readonly holds = new Map<Client, Hold[]>()
  /** Where goes what is written for a client that is being closed. */
  private readonly unread = new Reply(1024)
  private scheduled = false
  private readonly maySend: (client: Client) => boolean
  private readonly afterSend: (client: Client) => void
  private readonly failed: (error: unknown) => void
  private readonly run = () => {
    try {
      this.end()
    } catch (error) {
      this.failed(error)
    }
  }

  /**
   * `maySend` is called for a client that has yielded or has `lookBytes` of output: whether it may be sent now, or in a later turn.
   * `afterSend` is called for every client that was sent something, or has something waiting, or is to be closed.
   * `failed` hears of what must not happen.
   */
  constructor(
    maySend: (client: Client) => boolean,
    afterSend: (client: Client) => void,
    failed: (error: unknown) => void,
  ) {
    this.maySend = maySend
    this.afterSend = afterSend
    this.failed = failed
  }

  /** Where to write a reply for this client; it is sent when the turn ends. */
  outOf(client: Client): Reply {
    if (client.closing) {
      this.unread.clear()
      this.unread.protocol = client.protocol
      return this.unread
    }
    if (!client.queued) this.enqueue(client)
    let out = client.out
    if (out === null) {
      out = this.replies.pop() ?? new Reply()
      out.protocol = client.protocol
      client.out = out
    }
    return out
  }

  /** The client is looked after when the turn ends, whether there is something to send or not. */
  enqueue(client: Client): void {
    if (client.queued) return
    client.queued = true
    this.clients.push(client)
    if (!this.scheduled) this.schedule()
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
    if (this.dead) return
    for (const join of this.before) join()
    const clients = this.clients
    this.clients = this.spare
    for (const client of clients) client.queued = false
    let waiting: Waiting[] | null = null
    let released = false
    const release = () => {
      released = true
      if (waiting !== null) this.release(waiting)
    }
    if (this.durability === null || this.durability.endTurn(release)) {
      for (const client of clients) this.finish(client, Number.POSITIVE_INFINITY)
      clients.length = 0
      this.spare = clients
      return
    }
    // Until the disk has answered, more may be written to the same clients: that must wait for its own turn.
    this.spare = []
    waiting = clients.map((client) => ({
      client,
      upTo: client.out === null ? client.outBase : client.outBase + client.out.length,
    }))
    if (released) this.release(waiting)
  }

  /**
   * Sends what has gathered for a client before the turn is over, while it is still near to the processor: where no file has to be
   * written first. False where it must wait.
   */
  sendEarly(client: Client): boolean {
    const { out, link } = client
    if (this.durability !== null || out === null || link === null || client.closing || out.overflowed)
      return false
    if (link.pendingBytes > 0) return false
    this.send(client, out, out.length)
    return true
  }

  /**
   * What is written for the client from here on waits, whatever the append-only file says, until `letGo` is called; what
   * was written before does not. `write` tells holds apart: true for the first with this number, which letGo must end.
   */
  hold(client: Client, write: number): boolean {
    if (client.link === null || client.gone) return false
    const from = client.outBase + (client.out === null ? 0 : client.out.length)
    const holds = this.holds.get(client)
    if (holds === undefined) {
      this.holds.set(client, [{ from, write }])
      client.heldFrom = from
      return true
    }
    if (holds.at(-1)!.write === write) return false
    holds.push({ from, write })
    return true
  }

  /** Ends the client's first hold: what was written for it up to the next one may leave. */
  letGo(client: Client): void {
    const holds = this.holds.get(client)
    if (holds === undefined) return
    holds.shift()
    client.heldFrom = holds.length === 0 ? NOT_HELD : holds[0]!.from
    if (holds.length === 0) this.holds.delete(client)
    if (!this.dead) this.finish(client, client.released)
  }

  /** The socket has room again. */
  drained(client: Client): void {
    this.finish(client, client.released)
  }

  private release(waiting: readonly Waiting[]): void {
    if (this.dead) return
    for (const { client, upTo } of waiting) this.finish(client, upTo)
  }

  /** The client may have what stands before `upTo`, counted from the first byte that was ever written for it. */
  private finish(client: Client, upTo: number): void {
    const out = client.out
    if (out !== null && !out.overflowed) {
      const { length } = out
      if ((client.yielded || length >= this.lookBytes) && !this.maySend(client)) {
        if (!client.gone) this.enqueue(client)
        return
      }
      this.send(client, out, Math.min(upTo - client.outBase, length))
    }
    this.afterSend(client)
  }

  private send(client: Client, out: Reply, to: number): void {
    const link = client.link
    if (link === null || client.gone) {
      this.giveBack(client, out)
      return
    }
    client.released = Math.max(client.released, client.outBase + to)
    const { heldFrom, released } = client
    const upTo = heldFrom === NOT_HELD || heldFrom > released ? released : heldFrom
    if (out.chunk !== null && !this.sendChunks(client, out, link, upTo)) return
    this.sendBuffer(client, out, link, upTo - client.outBase)
  }

  /** Sends sealed chunks, the part before `upTo`. False where the socket has no room for more. */
  private sendChunks(client: Client, out: Reply, link: Link, upTo: number): boolean {
    for (let chunk = out.chunk; chunk !== null; chunk = out.chunk) {
      const from = client.sent
      const to = Math.min(upTo - client.outBase, chunk.length)
      if (to <= from || link.pendingBytes > 0) return false
      client.bytesOut += to - from
      const took = link.send(chunk, from, to)
      if (to < chunk.length) {
        client.sent = to
        return false
      }
      out.dropChunk()
      client.outBase += to
      client.sent = 0
      if (!took) return false
    }
    return true
  }

  /** Sends what stands in the reply's buffer before `to`. */
  private sendBuffer(client: Client, out: Reply, link: Link, to: number): void {
    const from = client.sent
    if (to > from && link.pendingBytes === 0) {
      client.bytesOut += to - from
      client.sent = to
      const bytes = out.written(from, to)
      if (!link.send(bytes, 0, bytes.length)) {
        this.leaveToSocket(client, out)
        return
      }
    }
    if (client.sent === out.pos) this.giveBack(client, out)
  }

  /** The socket still reads from the buffer: what is not sent goes on in another one. */
  private leaveToSocket(client: Client, out: Reply): void {
    client.outBase += client.sent
    const rest = out.pos - client.sent
    if (rest === 0) client.out = null
    else out.leave(client.sent)
    client.sent = 0
  }

  private giveBack(client: Client, out: Reply): void {
    client.out = null
    client.outBase += out.length
    client.sent = 0
    if (out.chunk !== null || out.overflowed) return
    out.pos = 0
    if (out.buf.length <= KEEP_REPLY_BYTES_MAX && this.replies.length < KEEP_REPLIES_MAX)
      this.replies.push(out)
  }
}
