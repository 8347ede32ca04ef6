/**
 * Channels and patterns, and shard channels, which belong to a slot as keys do. Messages are written into the
 * subscribers' replies; they leave when the turn ends. A subscriber that publishes to itself gets its message behind the
 * reply to what it is doing, never in the middle of it.
 */

import { ascii } from '../bytes/ascii.js'
import { keySlot } from '../bytes/crc16.js'
import { globMatch } from '../bytes/glob.js'
import type { ByteHeap } from '../bytes/heap.js'
import type { Reply } from '../resp/reply.js'
import { type Client, SUBSCRIBED } from './client.js'
import { LinkHolder, NameLinks } from './name-links.js'

/** What a client has subscribed to. */
export interface Subscriptions {
  channels: LinkHolder<Client>
  patterns: LinkHolder<Client>
  shards: LinkHolder<Client>
  /** What they take, about. */
  bytes: number
}

/** The three kinds of what clients can listen to. */
export type SubscriptionKind = 'channels' | 'patterns' | 'shards'

/** What one subscription takes beside its name, about: name, link, and their places in two tables. */
const SUBSCRIPTION_BYTES = 80

const KINDS: readonly SubscriptionKind[] = ['channels', 'patterns', 'shards']
const MESSAGE = ascii('message')
const PMESSAGE = ascii('pmessage')
const SMESSAGE = ascii('smessage')
const SUNSUBSCRIBE = ascii('sunsubscribe')

export class PubSub {
  readonly channels: NameLinks<Client>
  readonly patterns: NameLinks<Client>
  readonly shards: NameLinks<Client>
  private readonly outOf: (client: Client) => Reply
  private readonly written: (client: Client, out: Reply) => void

  /** `outOf` says where a client's message is to be written, `written` hears that one was. */
  constructor(
    heap: ByteHeap,
    random32: () => number,
    outOf: (client: Client) => Reply,
    written: (client: Client, out: Reply) => void,
  ) {
    this.outOf = outOf
    this.written = written
    this.channels = new NameLinks(heap, random32(), random32())
    this.patterns = new NameLinks(heap, random32(), random32())
    this.shards = new NameLinks(heap, random32(), random32())
  }

  /** Adds a subscription; false where it was there. */
  subscribe(kind: SubscriptionKind, client: Client, name: Uint8Array): boolean {
    const mine = subscriptionsOf(client)
    if (this[kind].add(mine[kind], name, 0, name.length) === 0) return false
    mine.bytes += name.length + SUBSCRIPTION_BYTES
    mark(client)
    return true
  }

  /** Takes a subscription away; false where it was not there. */
  unsubscribe(kind: SubscriptionKind, client: Client, name: Uint8Array): boolean {
    const mine = client.subscriptions
    if (mine === null || !this[kind].remove(mine[kind], name, 0, name.length)) return false
    mine.bytes -= name.length + SUBSCRIPTION_BYTES
    mark(client)
    return true
  }

  /** The name of the client's oldest subscription, a copy; null where it has none. */
  oldest(kind: SubscriptionKind, client: Client): Uint8Array | null {
    const first = client.subscriptions?.[kind].first ?? 0
    return first === 0 ? null : this[kind].bytesOf(this[kind].nameOf(first)).slice()
  }

  /** Whether `test` is true for each of the client's subscriptions of a kind. The name is valid only in the call. */
  every(kind: SubscriptionKind, client: Client, test: (name: Uint8Array) => boolean): boolean {
    const links = this[kind]
    let link = client.subscriptions?.[kind].first ?? 0
    for (; link !== 0; link = links.nextOfOwner(link)) {
      if (!test(links.bytesOf(links.nameOf(link)))) return false
    }
    return true
  }

  /** How many channels and patterns (or shard channels) the client listens to: what its replies count. */
  count(kind: SubscriptionKind, client: Client): number {
    const mine = client.subscriptions
    if (mine === null) return 0
    return kind === 'shards' ? mine.shards.size : mine.channels.size + mine.patterns.size
  }

  /** How many clients listen to a name. */
  listeners(kind: SubscriptionKind, name: Uint8Array): number {
    const found = this[kind].find(name, 0, name.length)
    return found === 0 ? 0 : this[kind].countOf(found)
  }

  /** The client is gone. */
  forget(client: Client): void {
    const mine = client.subscriptions
    if (mine === null) return
    client.subscriptions = null
    for (const kind of KINDS) this[kind].drop(mine[kind])
    mark(client)
  }

  /** Delivers a message to this node's subscribers; returns how many got it. */
  publish(channel: Uint8Array, message: Uint8Array): number {
    const receivers = this.deliverTo(this.channels, MESSAGE, channel, message)
    return this.patterns.size === 0 ? receivers : receivers + this.publishToPatterns(channel, message)
  }

  publishShard(channel: Uint8Array, message: Uint8Array): number {
    return this.deliverTo(this.shards, SMESSAGE, channel, message)
  }

  /** Ends the shard subscriptions of slots that this node does not serve any more. */
  dropSlots(slots: readonly number[]): void {
    const { shards } = this
    if (shards.size === 0) return
    const dropped = new Set(slots)
    const channels: Uint8Array[] = []
    shards.forEach((name) => {
      const channel = shards.bytesOf(name)
      if (dropped.has(keySlot(channel, 0, channel.length))) channels.push(channel.slice())
    })
    for (const channel of channels) this.dropChannel(channel)
  }

  private dropChannel(channel: Uint8Array): void {
    const { shards } = this
    const clients: Client[] = []
    const name = shards.find(channel, 0, channel.length)
    for (let link = name === 0 ? 0 : shards.firstOfName(name); link !== 0; link = shards.nextOfName(link)) {
      const client = shards.ownerOf(link)
      if (client !== null) clients.push(client)
    }
    for (const client of clients) {
      if (!this.unsubscribe('shards', client, channel)) continue
      const out = this.outOf(client)
      out.push(3)
      out.bulk(SUNSUBSCRIBE)
      out.bulk(channel)
      out.int(this.count('shards', client))
      this.written(client, out)
    }
  }

  private deliverTo(
    links: NameLinks<Client>,
    kind: Uint8Array,
    channel: Uint8Array,
    message: Uint8Array,
  ): number {
    const name = links.find(channel, 0, channel.length)
    if (name === 0) return 0
    let receivers = 0
    for (let link = links.firstOfName(name); link !== 0; ) {
      const client = links.ownerOf(link)
      // A client that does not read is closed for it, and its link with the name is gone then.
      link = links.nextOfName(link)
      if (client === null) continue
      this.deliver(client, [kind, channel, message])
      receivers++
    }
    return receivers
  }

  private publishToPatterns(channel: Uint8Array, message: Uint8Array): number {
    const { patterns } = this
    // Collected first, because a client that is closed meanwhile takes its other patterns with it.
    const clients: Client[] = []
    const names: Uint8Array[] = []
    patterns.forEach((name) => {
      const pattern = patterns.bytesOf(name)
      if (!globMatch(pattern, 0, pattern.length, channel, 0, channel.length)) return
      const own = pattern.slice()
      for (let link = patterns.firstOfName(name); link !== 0; link = patterns.nextOfName(link)) {
        const client = patterns.ownerOf(link)
        if (client === null) continue
        clients.push(client)
        names.push(own)
      }
    })
    let receivers = 0
    for (const [i, client] of clients.entries()) {
      if (client.gone) continue
      this.deliver(client, [PMESSAGE, names[i]!, channel, message])
      receivers++
    }
    return receivers
  }

  private deliver(client: Client, parts: readonly Uint8Array[]): void {
    const out = this.outOf(client)
    out.push(parts.length)
    for (const part of parts) out.bulk(part)
    this.written(client, out)
  }
}

function mark(client: Client): void {
  const mine = client.subscriptions
  const any = mine !== null && mine.channels.size + mine.patterns.size + mine.shards.size > 0
  client.special = any ? client.special | SUBSCRIBED : client.special & ~SUBSCRIBED
  if (client.kind === 'normal' || client.kind === 'pubsub') client.kind = any ? 'pubsub' : 'normal'
}

function subscriptionsOf(client: Client): Subscriptions {
  client.subscriptions ??= {
    channels: new LinkHolder(client),
    patterns: new LinkHolder(client),
    shards: new LinkHolder(client),
    bytes: 0,
  }
  return client.subscriptions
}
