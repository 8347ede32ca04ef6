/**
 * The clients of a node: taken in, counted, limited, closed. The limits are Redis's: maxclients, timeout, and for each
 * kind of client how much of its output may wait (client-output-buffer-limit).
 */

import { REPLY_BYTES_MAX } from '../resp/reply.js'
import type { Link, LinkEvents } from '../runtime/net.js'
import { clientBytes, clientInfo } from './admin/client-info.js'
import { type Blocked, Client, type ClientKind, formatAddress, IS_MONITOR, NO_EVICT } from './client.js'
import { commandFailed, inputFailed } from './failures.js'
import { receive } from './input.js'
import type { ServerNode } from './node.js'
import { limitOf, outputUsage, UNCOUNTED_OUTPUT_BYTES } from './output.js'

/** Output of less than this is looked at when the turn ends; more may not even wait for that. */
const LOOK_BYTES = 256 * 1024
/** A lower maxmemory-clients would leave nobody to be talked to. */
const MEMORY_LIMIT_BYTES_MIN = 128 * 1024
/**
 * A client without a limit for its output that has this many bytes to read gets no more of its commands carried out until it
 * has read: so its output is bounded by this and one reply.
 */
const CHOKE_BYTES = 4 * 1024 * 1024
/** The same for a client that reads nothing: it may be sending all of its commands before it reads the first reply. */
const STALLED_CHOKE_BYTES = 64 * 1024 * 1024

export class Clients {
  /** A client whose output has grown to this is to be looked at before its turn ends. */
  lookBytes = LOOK_BYTES
  private readonly node: ServerNode
  private readonly byId = new Map<number, Client>()
  private nextId = 1
  /** maxmemory-clients in bytes, 0 for none; and what the clients hold together, kept only where there is a limit. */
  private memoryLimit = 0
  private memory = 0

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

  /** Takes from the configuration what is looked at for every command. */
  readLimits(): void {
    const limits = this.node.config.values['client-output-buffer-limit']
    let look = LOOK_BYTES
    for (const { hard, soft } of [limits.normal, limits.pubsub]) {
      if (hard > 0 && hard < look) look = hard
      if (soft > 0 && soft < look) look = soft
    }
    this.lookBytes = Math.max(look, UNCOUNTED_OUTPUT_BYTES)
    this.node.turn.lookBytes = this.lookBytes
    this.readMemoryLimit()
  }

  private readMemoryLimit(): void {
    const values = this.node.config.values
    const wanted = values['maxmemory-clients']
    // A negative number is so many percent of maxmemory.
    const limit = wanted < 0 ? Math.floor((values.maxmemory * -wanted) / 100) : wanted
    this.memoryLimit = limit > 0 ? Math.max(limit, MEMORY_LIMIT_BYTES_MIN) : 0
    if (this.memoryLimit > 0) for (const client of [...this.byId.values()]) this.account(client)
  }

  /** What the client holds may have changed: where all together hold too much, the largest have to go. */
  account(client: Client): void {
    if (this.memoryLimit === 0 || client.gone || (client.kind !== 'normal' && client.kind !== 'pubsub'))
      return
    const bytes = clientBytes(client)
    this.memory += bytes - client.accounted
    client.accounted = bytes
    if (this.memory >= this.memoryLimit) this.evict()
  }

  /** Closes the largest clients until the others are within the limit. */
  private evict(): void {
    const { node } = this
    const candidates = [...this.byId.values()].filter(
      ({ special, kind, closing }) =>
        (special & NO_EVICT) === 0 && (kind === 'normal' || kind === 'pubsub') && !closing,
    )
    candidates.sort((a, b) => b.accounted - a.accounted)
    for (const client of candidates) {
      if (this.memory < this.memoryLimit) return
      node.log('notice', `Evicting client: ${clientInfo(node, client)}`)
      node.stats.evictedClients++
      this.close(client)
    }
  }

  /** Takes in a connection; `make` gives it events and starts it. */
  accept(make: (events: LinkEvents) => Link, initialize: (client: Client) => void): void {
    const node = this.node
    let client: Client | null = null
    const link = make({
      data: (buf, start, end) => {
        if (client === null || node.failed) return
        try {
          receive(node, client, buf, start, end)
        } catch (error) {
          inputFailed(node, client, error)
        }
      },
      drained: () => {
        if (client === null || client.gone || node.failed) return
        try {
          node.turn.drained(client)
        } catch (error) {
          commandFailed(node, client, error)
        }
      },
      ended: () => {
        if (client === null) link.end()
        else this.ended(client)
      },
      closed: () => {
        if (client === null) return
        this.tellClosed(client)
        this.forget(client)
      },
    })
    const values = node.config.values
    if (this.byId.size + (node.cluster?.connections ?? 0) >= values.maxclients) {
      node.stats.rejectedConnections++
      const what = values['cluster-enabled'] ? 'clients + cluster connections' : 'clients'
      const error = Buffer.from(`-ERR max number of ${what} reached\r\n`)
      link.send(error, 0, error.length)
      link.end()
      return
    }
    node.stats.connections++
    client = new Client(this.nextId++, link)
    client.createdAt_ms = node.clock.now_ms()
    client.lastActive_ms = client.createdAt_ms
    this.byId.set(client.id, client)
    try {
      initialize(client)
    } catch (error) {
      commandFailed(node, client, error)
      return
    }
    node.log('verbose', `Accepted ${formatAddress(link.remoteAddress, link.remotePort)}`)
  }

  /** Lists a connection that somebody else reads and writes (the link to the master), to be seen and closed as others. */
  adopt(link: Link, kind: ClientKind, user: string): Client {
    const client = new Client(this.nextId++, link)
    client.kind = kind
    client.user = user
    client.createdAt_ms = this.node.clock.now_ms()
    client.lastActive_ms = client.createdAt_ms
    this.byId.set(client.id, client)
    return client
  }

  /** An adopted connection is not there any more. */
  release(client: Client): void {
    this.forget(client)
  }

  /** Closes a connection; what was not sent is lost. */
  close(client: Client): void {
    client.closing = true
    if (client.link === null) return
    client.link.destroy()
    this.forget(client)
  }

  /** The client has said all it had to say: it still gets the answers, but waits for nothing any more. */
  private ended(client: Client): void {
    this.tellClosed(client)
    client.ended = true
    if (client.blocked !== null || client.paused) this.close(client)
    else if (!client.yielded) this.node.closeAfterReply(client)
  }

  /** Once for each client that went by itself. The line takes long to put together, so only where it is wanted. */
  private tellClosed(client: Client): void {
    const level = this.node.config.values.loglevel
    if (client.gone || client.closing || client.ended || (level !== 'verbose' && level !== 'debug')) return
    this.node.log('verbose', `Client closed connection ${clientInfo(this.node, client)}`)
  }

  /** Bytes that were written for a client and that the system has not taken. */
  unsentBytes(client: Client): number {
    const out = client.out
    return (client.link?.pendingBytes ?? 0) + (out === null ? 0 : out.length - client.sent)
  }

  /**
   * Before output of at least `lookBytes` is sent. False where the client is closed for it, or where a client with a limit
   * still has commands of the same input: as in Redis, what they write counts together, and is sent together.
   */
  maySend(client: Client): boolean {
    if (client.link === null || client.gone) return true
    if (this.isOverLimit(client, this.unsentBytes(client))) {
      this.closeOver(client, true)
      return false
    }
    return !client.yielded || !this.isLimited(client)
  }

  /** After output was sent, or has gathered: closes those that are to be closed, and those that do not read. */
  checkOutput(client: Client): void {
    const link = client.link
    if (link === null || client.gone) return
    client.lastActive_ms = this.node.keyspace.now_ms
    if (this.memoryLimit > 0) {
      this.account(client)
      if (client.gone) return
    }
    if (client.out?.overflowed) {
      this.closeOver(client, true)
      return
    }
    const bytes = this.unsentBytes(client)
    if (bytes > 0) {
      if (this.isOverLimit(client, bytes)) this.closeOver(client, true)
    } else {
      client.softLimitSince_ms = 0
      client.stalled = false
      if (client.closing) link.end()
    }
    if (client.choked && bytes < CHOKE_BYTES) this.unchoke(client)
  }

  private unchoke(client: Client): void {
    client.choked = false
    this.node.yieldTurn(client)
  }

  /**
   * A command of this client, or a message for it, has left much output: closes it where that is too much, or holds back its
   * next commands until it has read.
   */
  checkMuch(client: Client): void {
    if (client.link === null || client.gone) return
    const bytes = this.unsentBytes(client)
    if (bytes >= this.lookBytes && this.isOverLimit(client, bytes)) this.closeOver(client, true)
    else if (bytes >= (client.stalled ? STALLED_CHOKE_BYTES : CHOKE_BYTES) && this.mayChoke(client)) {
      if (!client.choked) client.takenAtCron = -1
      client.choked = true
    }
  }

  /** A client with a limit is closed there, not held back before. What a replica says must be heard. */
  private mayChoke(client: Client): boolean {
    return client.kind !== 'replica' && !this.isLimited(client)
  }

  /**
   * Regularly, for a choked client: one that has taken nothing since the last time may be waiting for all of its commands to be
   * taken before it reads, so more of them are carried out.
   */
  private watchChoked(client: Client): void {
    const taken = client.bytesOut - (client.link?.pendingBytes ?? 0)
    if (!client.stalled && taken === client.takenAtCron) {
      client.stalled = true
      this.unchoke(client)
    }
    client.takenAtCron = taken
  }

  /** A command that still writes asks whether the client's limit is passed: then what was written is dropped, too. */
  hasOutgrown(client: Client): boolean {
    const { out } = client
    if (client.link === null) return false
    if (out === null) return client.closing
    if (!out.overflowed && this.isOverLimit(client, this.unsentBytes(client))) out.overflowed = true
    return out.overflowed
  }

  /** Whether the client's output has a limit; then it is closed there, not held back before. */
  isLimited(client: Client): boolean {
    const limit = limitOf(this.node, client)
    return limit.hard > 0 || limit.soft > 0
  }

  /** `writes`: something is being written for the client, of which nothing is sent then. */
  private closeOver(client: Client, writes: boolean): void {
    const node = this.node
    const how = writes ? 'scheduled to be closed ASAP' : 'closed'
    node.stats.outputLimitDisconnections++
    node.log('warning', `Client ${clientInfo(node, client)} ${how} for overcoming of output buffer limits.`)
    this.close(client)
  }

  private isOverLimit(client: Client, bytes: number): boolean {
    const { config, keyspace } = this.node
    const limit = limitOf(this.node, client)
    const used = outputUsage(client, bytes)
    let hard = limit.hard === 0 ? REPLY_BYTES_MAX : Math.min(limit.hard, REPLY_BYTES_MAX)
    // A replica may always be as far behind as the backlog allows.
    if (client.kind === 'replica') hard = Math.max(hard, config.values['repl-backlog-size'])
    if (used >= hard) return true
    if (limit.soft === 0 || used < limit.soft) {
      client.softLimitSince_ms = 0
      return false
    }
    if (client.softLimitSince_ms === 0) client.softLimitSince_ms = keyspace.now_ms
    // Redis counts in whole seconds of its clock.
    return wholeSeconds(keyspace.now_ms) - wholeSeconds(client.softLimitSince_ms) > limit.seconds
  }

  /** Closes those that are idle for too long, and ends waits whose time is over. */
  cron(now_ms: number, _ticks: number): void {
    const timeout_ms = this.node.config.values.timeout * 1000
    for (const client of this.byId.values()) {
      const blocked = client.blocked
      if (client.softLimitSince_ms > 0) {
        const bytes = this.unsentBytes(client)
        if (bytes > 0 && this.isOverLimit(client, bytes)) {
          this.closeOver(client, false)
          continue
        }
      }
      if (client.choked) this.watchChoked(client)
      if (blocked !== null) {
        if (blocked.deadline_ms > 0 && blocked.deadline_ms <= now_ms) this.endWait(client, blocked)
        continue
      }
      if (timeout_ms === 0 || now_ms - client.lastActive_ms <= timeout_ms) continue
      if (client.kind !== 'normal' || (client.special & IS_MONITOR) !== 0) continue
      this.node.log('verbose', 'Closing idle client')
      this.close(client)
    }
  }

  /** The time that the client wanted to wait is over. */
  endWait(client: Client, blocked: Blocked): void {
    try {
      blocked.timeout()
      this.node.unblock(client)
    } catch (error) {
      commandFailed(this.node, client, error)
    }
  }

  private forget(client: Client): void {
    if (client.gone) return
    client.gone = true
    const node = this.node
    this.byId.delete(client.id)
    this.memory -= client.accounted
    client.accounted = 0
    if (client.blocked !== null) {
      client.blocked.cancel()
      client.blocked = null
    }
    node.discard(client)
    node.pubsub.forget(client)
    node.tracking?.end(client)
    client.pending = null
    client.pendingFrom = 0
    client.pendingLength = 0
    client.parser = null
    for (const hook of client.onGone) hook()
  }
}

function wholeSeconds(time_ms: number): number {
  return Math.floor(time_ms / 1000)
}
