/**
 * CLIENT TRACKING: a client that keeps what it has read is told when that changes. Either the node remembers which keys it
 * has read (`readers`, forgotten when told), or the client names prefixes (BCAST) and hears of all keys with these, once
 * a turn. Messages are RESP3 pushes, or go to another connection (REDIRECT), which may be one that speaks RESP2 and has
 * subscribed to anything. While nobody tracks, nothing of this is asked. After Redis's tracking.c.
 */

import { ascii } from '../bytes/ascii.js'
import { ByteMap } from '../bytes/byte-map.js'
import { READONLY } from '../commands/command.js'
import { type Entry, findKeys } from '../commands/table.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import { type Client, IN_MULTI, SUBSCRIBED, TRACKING } from './client.js'
import type { ServerNode } from './node.js'

const INVALIDATE = ascii('invalidate')
const MESSAGE = ascii('message')
const CHANNEL = ascii('__redis__:invalidate')
const BROKEN = ascii('tracking-redir-broken')
/** Keys over tracking-table-max-keys that are given up at once; the others follow. */
const GIVEN_UP_MAX = 1000
/** What a prefix takes beside its bytes, about. */
const PREFIX_BYTES = 160

/** What a client has asked for. */
export interface TrackingOptions {
  bcast: boolean
  optIn: boolean
  optOut: boolean
  noLoop: boolean
  /** The connection that gets the messages; 0 for the client itself. */
  redirect: number
}

/** A client that tracks. */
export interface ClientTracking extends TrackingOptions {
  readonly prefixes: Uint8Array[]
  /** CLIENT CACHING was called for the command that comes next. */
  caching: boolean
  /** The connection that was to get the messages is gone. */
  broken: boolean
  /** What its prefixes take. */
  bytes: number
}

interface Prefix {
  readonly clients: Set<Client>
  /** Keys that have changed in this turn, and who changed them last; null for the node itself. */
  changed: ByteMap<Client | null>
}

export class Tracking {
  private readonly node: ServerNode
  private readonly clients = new Set<Client>()
  private readonly readers: ByteMap<Set<number>>
  private readonly prefixes: ByteMap<Prefix>
  /** Keys, each as often as clients have read it. */
  items = 0
  /** The change that is told next is an expired key's: nobody's doing. */
  private expiring = false

  constructor(node: ServerNode) {
    this.node = node
    this.readers = new ByteMap(node.random32(), node.random32())
    this.prefixes = new ByteMap(node.random32(), node.random32())
    node.turn.before.push(() => this.broadcast())
    node.regulars.push({ cron: () => this.trim() })
    node.config.onChange('tracking-table-max-keys', () => {
      this.trim()
      return undefined
    })
  }

  /** Clients that track. */
  get count(): number {
    return this.clients.size
  }

  /** Keys that somebody has read. */
  get keys(): number {
    return this.readers.size
  }

  get prefixCount(): number {
    return this.prefixes.size
  }

  /** Begins, or changes the options; prefixes are added to those that are there. */
  begin(client: Client, options: TrackingOptions, prefixes: readonly Uint8Array[]): void {
    const before = client.tracking
    const mine: ClientTracking = {
      ...options,
      prefixes: before?.prefixes ?? [],
      caching: before?.caching ?? false,
      broken: false,
      bytes: before?.bytes ?? 0,
    }
    client.tracking = mine
    client.special |= TRACKING
    this.clients.add(client)
    this.node.updateWatchers()
    if (!options.bcast) return
    for (const prefix of prefixes.length === 0 ? [new Uint8Array(0)] : prefixes) {
      let known = this.prefixes.get(prefix)
      if (known === undefined) {
        known = { clients: new Set(), changed: this.noKeys() }
        this.prefixes.set(prefix, known)
      }
      if (known.clients.has(client)) continue
      known.clients.add(client)
      mine.prefixes.push(prefix)
      mine.bytes += prefix.length + PREFIX_BYTES
    }
    this.node.clients.account(client)
  }

  end(client: Client): void {
    const { tracking } = client
    if (tracking === null) return
    client.tracking = null
    client.special &= ~TRACKING
    this.clients.delete(client)
    for (const prefix of tracking.prefixes) {
      const known = this.prefixes.get(prefix)
      known?.clients.delete(client)
      if (known?.clients.size === 0) this.prefixes.delete(prefix)
    }
    // Who has read which keys is forgotten bit by bit, as they change.
    this.node.updateWatchers()
  }

  private noKeys(): ByteMap<Client | null> {
    return new ByteMap(this.node.random32(), this.node.random32())
  }

  /** A command of a client that tracks has run: what it may have read is remembered. */
  commandRan(client: Client, entry: Entry, args: Args): void {
    const { tracking } = client
    if (tracking === null || tracking.bcast || (entry.flags & READONLY) === 0) return
    if (tracking.optIn ? !tracking.caching : tracking.optOut && tracking.caching) return
    if (entry.command.group === 'pubsub') return
    findKeys(entry.command, args, (index) => {
      const [start, end] = [args.start(index), args.end(index)]
      let ids = this.readers.get(args.buf, start, end)
      if (ids === undefined) {
        ids = new Set()
        this.readers.set(args.copy(index), ids)
      }
      if (ids.has(client.id)) return
      ids.add(client.id)
      this.items++
    })
    this.trim()
  }

  /** A command is over, with all that it ran: CLIENT CACHING was for one, or for one transaction. */
  commandOver(client: Client, entry: Entry): void {
    const { tracking } = client
    if (tracking === null || !tracking.caching) return
    if ((client.special & IN_MULTI) === 0 && entry.parent?.fullName !== 'client') tracking.caching = false
  }

  /** The key that is told of next has expired. */
  keyExpires(): void {
    this.expiring = true
  }

  keyChanged(key: Uint8Array, start: number, end: number): void {
    const by = this.expiring ? null : this.whoChanges()
    this.expiring = false
    if (this.prefixes.size > 0) this.noteForBroadcast(key, start, end, by)
    this.invalidate(key, start, end, by)
  }

  private whoChanges(): Client | null {
    return this.node.running === null ? null : (this.node.call.caller as Client)
  }

  private noteForBroadcast(key: Uint8Array, start: number, end: number, by: Client | null): void {
    for (const [prefix, { changed }] of this.prefixes.entries()) {
      if (prefix.length > end - start || !prefix.every((byte, i) => byte === key[start + i])) continue
      changed.set(key.subarray(start, end), by)
      this.node.turn.schedule()
    }
  }

  /** Tells who has read the key, and forgets them. `by`: who changed it, null for the node itself. */
  private invalidate(key: Uint8Array, start: number, end: number, by: Client | null): void {
    const ids = this.readers.get(key, start, end)
    if (ids === undefined) return
    const name = key.slice(start, end)
    this.readers.delete(name)
    this.items -= ids.size
    for (const id of ids) {
      const client = this.node.clients.get(id)
      const tracking = client?.tracking ?? null
      // Who has begun anew in another way meanwhile does not care any more for what it read before.
      if (client === undefined || tracking === null || tracking.bcast) continue
      if (tracking.noLoop && client === by) continue
      this.tell(client, tracking, [name])
    }
  }

  /** All keys of a database are gone: everybody is to forget everything. */
  flushed(): void {
    for (const client of this.clients) this.tell(client, client.tracking!, null)
    this.readers.clear()
    this.items = 0
  }

  /** The end of a turn: clients that named prefixes hear what has changed. */
  private broadcast(): void {
    if (this.prefixes.size === 0) return
    for (const [, prefix] of this.prefixes.entries()) {
      if (prefix.changed.size === 0) continue
      const changed = [...prefix.changed.entries()].sort(([a], [b]) => Buffer.compare(a, b))
      prefix.changed = this.noKeys()
      const all = changed.map(([key]) => key)
      for (const client of prefix.clients) {
        const tracking = client.tracking!
        const keys = tracking.noLoop ? changed.filter(([, by]) => by !== client).map(([key]) => key) : all
        if (keys.length > 0) this.tell(client, tracking, keys)
      }
    }
  }

  /** Gives up keys while there are more than tracking-table-max-keys: their readers are told as if they had changed. */
  private trim(): void {
    const max = this.node.config.values['tracking-table-max-keys']
    if (max === 0 || this.readers.size <= max) return
    const victims: Uint8Array[] = []
    const many = Math.min(this.readers.size - max, GIVEN_UP_MAX)
    for (const [key] of this.readers.entries()) {
      victims.push(key)
      if (victims.length === many) break
    }
    for (const key of victims) this.invalidate(key, 0, key.length, null)
  }

  /** Sends a message about these keys, or with null about all. */
  private tell(client: Client, tracking: ClientTracking, keys: readonly Uint8Array[] | null): void {
    const { node } = this
    let target = client
    if (tracking.redirect !== 0) {
      const other = node.clients.get(tracking.redirect)
      if (other === undefined || other.closing) {
        tracking.broken = true
        if (client.protocol > 2) this.tellBroken(client, tracking.redirect)
        return
      }
      target = other
    }
    const isChannel = target.protocol === 2
    // Without pushes there is only the way of messages from a channel, on a connection that is there for these.
    if (isChannel && (tracking.redirect === 0 || (target.special & SUBSCRIBED) === 0)) return
    const out = node.messagesOf(target)
    out.push(isChannel ? 3 : 2)
    out.bulk(isChannel ? MESSAGE : INVALIDATE)
    if (isChannel) out.bulk(CHANNEL)
    if (keys === null) out.nil()
    else {
      out.array(keys.length)
      for (const key of keys) out.bulk(key)
    }
    this.written(target, out)
  }

  private tellBroken(client: Client, redirect: number): void {
    const out = this.node.messagesOf(client)
    out.push(2)
    out.bulk(BROKEN)
    out.int(redirect)
    this.written(client, out)
  }

  private written(client: Client, out: Reply): void {
    if (out === client.out && out.length >= this.node.clients.lookBytes) this.node.clients.checkMuch(client)
  }
}
