/**
 * Channels and patterns, and shard channels, which belong to a slot as keys do. Messages are written into the
 * subscribers' replies; they leave when the turn ends. A subscriber that publishes to itself gets its message behind the
 * reply to what it is doing, never in the middle of it.
 */

import { ascii } from '../bytes/ascii.js'
import { ByteMap } from '../bytes/byte-map.js'
import { keySlot } from '../bytes/crc16.js'
import { globMatch } from '../bytes/glob.js'
import type { Reply } from '../resp/reply.js'
import { type Client, SUBSCRIBED } from './client.js'

/** What a client has subscribed to. */
export interface Subscriptions {
  readonly channels: ByteMap<true>
  readonly patterns: ByteMap<true>
  readonly shards: ByteMap<true>
  /** What they take, about. */
  bytes: number
}

/** The three kinds of what one can listen to. */
export type SubscriptionKind = 'channels' | 'patterns' | 'shards'

/** What one subscription takes beside its name, about. */
const SUBSCRIPTION_BYTES = 128

const KINDS: readonly SubscriptionKind[] = ['channels', 'patterns', 'shards']
const MESSAGE = ascii('message')
const PMESSAGE = ascii('pmessage')
const SMESSAGE = ascii('smessage')
const SUNSUBSCRIBE = ascii('sunsubscribe')

export class PubSub {
  readonly channels: ByteMap<Set<Client>>
  readonly patterns: ByteMap<Set<Client>>
  readonly shards: ByteMap<Set<Client>>
  private readonly random32: () => number
  private readonly outOf: (client: Client) => Reply
  private readonly written: (client: Client, out: Reply) => void

  /** `outOf` says where a client's message is to be written, `written` hears that one was. */
  constructor(
    random32: () => number,
    outOf: (client: Client) => Reply,
    written: (client: Client, out: Reply) => void,
  ) {
    this.random32 = random32
    this.outOf = outOf
    this.written = written
    this.channels = new ByteMap(random32(), random32())
    this.patterns = new ByteMap(random32(), random32())
    this.shards = new ByteMap(random32(), random32())
  }

  /** Adds a subscription; false where it was there. */
  subscribe(kind: SubscriptionKind, client: Client, name: Uint8Array): boolean {
    const mine = this.subscriptionsOf(client)[kind]
    if (mine.has(name)) return false
    mine.set(name, true)
    this.subscriptionsOf(client).bytes += name.length + SUBSCRIPTION_BYTES
    const clients = this[kind].get(name)
    if (clients === undefined) this[kind].set(name, new Set([client]))
    else clients.add(client)
    this.mark(client)
    return true
  }

  /** Takes a subscription away; false where it was not there. */
  unsubscribe(kind: SubscriptionKind, client: Client, name: Uint8Array): boolean {
    if (client.subscriptions?.[kind].delete(name) !== true) return false
    client.subscriptions.bytes -= name.length + SUBSCRIPTION_BYTES
    const clients = this[kind].get(name)
    clients?.delete(client)
    if (clients?.size === 0) this[kind].delete(name)
    this.mark(client)
    return true
  }

  /** How many channels and patterns (or shard channels) the client listens to: what its replies count. */
  count(kind: SubscriptionKind, client: Client): number {
    const mine = client.subscriptions
    if (mine === null) return 0
    return kind === 'shards' ? mine.shards.size : mine.channels.size + mine.patterns.size
  }

  /** The client is gone. */
  forget(client: Client): void {
    const mine = client.subscriptions
    if (mine === null) return
    for (const kind of KINDS) {
      for (const name of [...mine[kind].entries()].map(([key]) => key)) this.unsubscribe(kind, client, name)
    }
    client.subscriptions = null
  }

  /** Delivers a message to this node's subscribers; returns how many got it. */
  publish(channel: Uint8Array, message: Uint8Array): number {
    let receivers = 0
    for (const client of this.channels.get(channel) ?? []) {
      this.deliver(client, [MESSAGE, channel, message])
      receivers++
    }
    if (this.patterns.size === 0) return receivers
    for (const [pattern, clients] of this.patterns.entries()) {
      if (!globMatch(pattern, 0, pattern.length, channel, 0, channel.length)) continue
      for (const client of clients) {
        this.deliver(client, [PMESSAGE, pattern, channel, message])
        receivers++
      }
    }
    return receivers
  }

  publishShard(channel: Uint8Array, message: Uint8Array): number {
    const clients = this.shards.get(channel)
    if (clients === undefined) return 0
    for (const client of clients) this.deliver(client, [SMESSAGE, channel, message])
    return clients.size
  }

  /** Ends the shard subscriptions of a slot that this node does not serve any more. */
  dropSlot(slot: number): void {
    for (const [channel, clients] of [...this.shards.entries()]) {
      if (keySlot(channel, 0, channel.length) !== slot) continue
      for (const client of [...clients]) {
        this.unsubscribe('shards', client, channel)
        const out = this.outOf(client)
        out.push(3)
        out.bulk(SUNSUBSCRIBE)
        out.bulk(channel)
        out.int(this.count('shards', client))
        this.written(client, out)
      }
    }
  }

  private deliver(client: Client, parts: readonly Uint8Array[]): void {
    const out = this.outOf(client)
    out.push(parts.length)
    for (const part of parts) out.bulk(part)
    this.written(client, out)
  }

  private mark(client: Client): void {
    const mine = client.subscriptions
    const any = mine !== null && mine.channels.size + mine.patterns.size + mine.shards.size > 0
    client.special = any ? client.special | SUBSCRIBED : client.special & ~SUBSCRIBED
    if (client.kind === 'normal' || client.kind === 'pubsub') client.kind = any ? 'pubsub' : 'normal'
  }

  private subscriptionsOf(client: Client): Subscriptions {
    if (client.subscriptions === null) {
      const map = () => new ByteMap<true>(this.random32(), this.random32())
      client.subscriptions = { channels: map(), patterns: map(), shards: map(), bytes: 0 }
    }
    return client.subscriptions
  }
}
