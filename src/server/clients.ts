/**
 * The clients of a node: taken in, counted, limited, closed. The limits are Redis's: maxclients, timeout, and for each
 * kind of client how much of its output may wait (client-output-buffer-limit).
 */

import type { Link, LinkEvents } from '../runtime/net.js'
import { Client, formatAddress } from './client.js'
import { receive } from './input.js'
import type { ServerNode } from './node.js'

export class Clients {
  private readonly node: ServerNode
  private readonly byId = new Map<number, Client>()
  private nextId = 1

  constructor(node: ServerNode) {
    this.node = node
  }

  get count(): number {
    return this.byId.size
  }

  all(): IterableIterator<Client> {
    return this.byId.values()
  }

  get(id: number): Client | undefined {
    return this.byId.get(id)
  }

  /** An id for a client that is not in the list: the master's stream, a script. */
  takeId(): number {
    return this.nextId++
  }

  /** Takes in a connection; `make` gives it events and starts it. */
  accept(make: (events: LinkEvents) => Link, initialize: (client: Client) => void): void {
    const node = this.node
    let client: Client | null = null
    const link = make({
      data: (buf, start, end) => {
        if (client !== null) receive(node, client, buf, start, end)
      },
      drained: () => {},
      closed: () => {
        if (client !== null) this.forget(client)
      },
    })
    node.stats.connections++
    if (this.byId.size >= node.config.values.maxclients) {
      node.stats.rejectedConnections++
      const error = Buffer.from('-ERR max number of clients reached\r\n')
      link.send(error, 0, error.length)
      link.end()
      return
    }
    client = new Client(this.nextId++, link)
    client.createdAt_ms = node.clock.now_ms()
    client.lastActive_ms = client.createdAt_ms
    this.byId.set(client.id, client)
    initialize(client)
    node.log('verbose', `Accepted ${formatAddress(link.remoteAddress, link.remotePort)}`)
  }

  /** Closes a connection; what was not sent is lost. */
  close(client: Client): void {
    client.closing = true
    if (client.link === null) return
    client.link.destroy()
    this.forget(client)
  }

  /** After output was sent: closes those that are to be closed, and those that do not read. */
  checkOutput(client: Client): void {
    const link = client.link
    if (link === null || client.gone) return
    if (client.closing) {
      if (client.out === null) link.end()
      return
    }
    const waiting = link.pendingBytes
    if (waiting === 0 && client.softLimitSince_ms === 0) return
    const node = this.node
    const limits = node.config.values['client-output-buffer-limit']
    const limit = client.kind === 'master' ? limits.normal : limits[client.kind]
    const bytes = waiting + (client.out === null ? 0 : client.out.pos - client.sent)
    const hard = limit.hard > 0 && bytes >= limit.hard
    let soft = false
    if (limit.soft > 0 && bytes >= limit.soft) {
      if (client.softLimitSince_ms === 0) client.softLimitSince_ms = node.keyspace.now_ms
      soft = node.keyspace.now_ms - client.softLimitSince_ms >= limit.seconds * 1000
    } else {
      client.softLimitSince_ms = 0
    }
    if (!hard && !soft) return
    node.log(
      'warning',
      `Client id=${client.id} addr=${client.address} closed for overcoming of output buffer limits.`,
    )
    this.close(client)
  }

  /** Closes those that are idle for too long, and ends waits whose time is over. */
  cron(now_ms: number, _ticks: number): void {
    const timeout_ms = this.node.config.values.timeout * 1000
    for (const client of this.byId.values()) {
      const blocked = client.blocked
      if (blocked !== null) {
        if (blocked.deadline_ms > 0 && blocked.deadline_ms <= now_ms) {
          blocked.timeout()
          this.node.unblock(client)
        }
        continue
      }
      if (client.softLimitSince_ms > 0) this.checkOutput(client)
      if (timeout_ms > 0 && client.kind === 'normal' && now_ms - client.lastActive_ms > timeout_ms) {
        this.node.log('verbose', 'Closing idle client')
        this.close(client)
      }
    }
  }

  private forget(client: Client): void {
    if (client.gone) return
    client.gone = true
    const node = this.node
    this.byId.delete(client.id)
    if (client.blocked !== null) {
      client.blocked.cancel()
      client.blocked = null
    }
    node.discard(client)
    node.pubsub.forget(client)
    client.pending = null
    for (const hook of client.onGone) hook()
  }
}
