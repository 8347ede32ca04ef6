/**
 * A client of a whole cluster: finds the node that serves a command's slot, follows MOVED and ASK, waits out
 * TRYAGAIN and CLUSTERDOWN, and learns the slots anew when it was wrong. All within named limits, so that a call
 * always ends.
 *
 * A command whose connection fails before it was sent goes elsewhere. One whose connection fails afterwards may
 * have been executed: it is rejected, unless `retryLost` says that doing it twice does no harm.
 */

import { keySlot } from '../bytes/crc16.js'
import { type Argument, bytesOf } from './command.js'
import { type Address, type Connection, ConnectionError, type ConnectOptions, connect } from './connection.js'
import { errorOf, itemsOf, numberOf, type Reply, textOf } from './reply.js'
import {
  addressText,
  parseRedirect,
  SLOT_UNSERVED,
  type SlotMap,
  slotMapOfShards,
  slotMapOfSlots,
} from './slots.js'

export const CLUSTER_REDIRECTS_MAX = 16
export const CLUSTER_RETRY_DELAY_MS = 20
export const CLUSTER_RETRY_DELAY_MAX_MS = 500
/** How long one command may be retried in all. */
export const CLUSTER_RETRY_TIME_MAX_MS = 15_000
/** Commands whose key positions are remembered. */
export const CLUSTER_COMMANDS_MAX = 2000

export interface ClusterOptions {
  /** How to connect to each node; host, port and path are the cluster's business. */
  readonly connect?: Omit<ConnectOptions, 'host' | 'port' | 'path'>
  readonly retryTime_ms?: number
  readonly retryLost?: boolean
}

export interface CallOptions {
  /** The key that decides, where the caller knows better than COMMAND INFO. */
  readonly key?: string | Uint8Array
  readonly slot?: number
  /** Ask a replica of the slot (a read). */
  readonly replica?: boolean
}

interface Where {
  readonly first: number
  readonly movable: boolean
}

export class ClusterClient {
  readonly #seeds: readonly Address[]
  readonly #options: ClusterOptions
  readonly #connections = new Map<string, Promise<Connection>>()
  readonly #commands = new Map<string, Where>()
  #map: SlotMap | undefined
  #loading: Promise<SlotMap> | undefined
  #turn = 0

  constructor(seeds: readonly Address[], options: ClusterOptions = {}) {
    this.#seeds = seeds
    this.#options = options
  }

  /** The slots as last learnt; asks the cluster the first time. */
  async slots(): Promise<SlotMap> {
    return this.#map ?? (await this.refresh())
  }

  /** Learns the slots anew, from any node that answers. Many callers share one question. */
  refresh(): Promise<SlotMap> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Sends a command to where it belongs and gives the reply, redirects already followed. */
  async call(args: readonly Argument[], options: CallOptions = {}): Promise<Reply> {
    const deadline = performance.now() + (this.#options.retryTime_ms ?? CLUSTER_RETRY_TIME_MAX_MS)
    const slot = options.slot ?? (await this.#slotOf(args, options.key))
    let target = await this.#nodeFor(slot, options.replica === true)
    let asking = false
    let redirects = 0
    let delay_ms = CLUSTER_RETRY_DELAY_MS
    for (;;) {
      const outcome = await this.#attempt(target, args, asking)
      asking = false
      if (outcome.reply !== undefined) {
        const error = errorOf(outcome.reply)
        const redirect = error === undefined ? undefined : parseRedirect(error)
        if (redirect !== undefined) {
          if (++redirects > CLUSTER_REDIRECTS_MAX) return outcome.reply
          asking = redirect.kind === 'ASK'
          target = { host: redirect.to.host === '' ? target.host : redirect.to.host, port: redirect.to.port }
          if (!asking) this.#learn(redirect.slot, target)
          continue
        }
        if (error === undefined || !/^(TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN) /.test(error))
          return outcome.reply
        if (performance.now() + delay_ms > deadline) return outcome.reply
      } else {
        const lost = outcome.sent && this.#options.retryLost !== true
        if (lost || performance.now() + delay_ms > deadline) throw outcome.error
      }
      await new Promise((resolve) => setTimeout(resolve, delay_ms))
      delay_ms = Math.min(delay_ms * 2, CLUSTER_RETRY_DELAY_MAX_MS)
      await this.refresh().catch(() => undefined) // none answers just now: the old map has to do
      target = await this.#nodeFor(slot, options.replica === true)
    }
  }

  /** The connection to one node, made when first asked for. */
  node(address: Address, readonly = false): Promise<Connection> {
    const name = addressText(address) + (readonly ? ' readonly' : '')
    const known = this.#connections.get(name)
    if (known !== undefined) return known
    const made = connect({ ...this.#options.connect, ...address, readonly })
    this.#connections.set(name, made)
    const forget = () => {
      if (this.#connections.get(name) === made) this.#connections.delete(name)
    }
    made.then((connection) => {
      connection.onClose = forget
    }, forget)
    return made
  }

  close(): void {
    for (const connection of this.#connections.values())
      connection.then((c) => c.close()).catch(() => undefined)
    this.#connections.clear()
  }

  async #attempt(
    target: Address,
    args: readonly Argument[],
    asking: boolean,
  ): Promise<
    { reply: Reply; error?: never; sent?: never } | { reply?: never; error: unknown; sent: boolean }
  > {
    let sent = false
    try {
      const connection = await this.node(target)
      sent = connection.error === undefined
      if (!asking) return { reply: await connection.call(...args) }
      const [, reply] = await connection.pipeline([['ASKING'], args])
      return { reply: reply! }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      return { error, sent }
    }
  }

  async #load(): Promise<SlotMap> {
    const known = this.#map?.shards.flatMap((shard) => [shard.master, ...shard.replicas]) ?? []
    let failure: unknown = new ConnectionError('CLOSED', 'No node to ask')
    for (const address of [...known, ...this.#seeds]) {
      try {
        const connection = await this.node(address)
        const slots = slotMapOfSlots(await connection.call('CLUSTER', 'SLOTS'), address.host)
        const map = slots ?? slotMapOfShards(await connection.call('CLUSTER', 'SHARDS'), address.host)
        if (map === undefined || map.shards.length === 0) continue
        this.#map = map
        return map
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** One slot has moved: corrected at once, the rest is asked for in the background. */
  #learn(slot: number, owner: Address): void {
    const map = this.#map
    if (map === undefined) return
    const index = map.shards.findIndex((shard) => addressText(shard.master) === addressText(owner))
    if (index === -1) void this.refresh().catch(() => undefined)
    else map.owner[slot] = index
  }

  async #nodeFor(slot: number | undefined, replica: boolean): Promise<Address> {
    const map = await this.slots()
    const index = slot === undefined ? SLOT_UNSERVED : map.owner[slot]!
    const shard = map.shards[index] ?? map.shards[this.#turn++ % map.shards.length]
    if (shard === undefined) throw new ConnectionError('CLOSED', 'No node to ask')
    const candidates = replica && shard.replicas.length > 0 ? shard.replicas : [shard.master]
    return candidates[this.#turn++ % candidates.length]!
  }

  async #slotOf(
    args: readonly Argument[],
    key: string | Uint8Array | undefined,
  ): Promise<number | undefined> {
    const bytes = key === undefined ? await this.#keyOf(args) : bytesOf(key)
    return bytes === undefined ? undefined : keySlot(bytes, 0, bytes.length)
  }

  /** The first key of a command, as the server's command table says; undefined for a command without keys. */
  async #keyOf(args: readonly Argument[]): Promise<Uint8Array | undefined> {
    const name = textOfArgument(args[0]).toUpperCase()
    let where = this.#commands.get(name)
    if (where === undefined) {
      const reply = itemsOf(await this.#any(['COMMAND', 'INFO', name]))[0]
      const [, , flags, first] = itemsOf(reply)
      where = {
        first: numberOf(first) ?? 0,
        movable: itemsOf(flags).some((flag) => textOf(flag) === 'movablekeys'),
      }
      if (this.#commands.size >= CLUSTER_COMMANDS_MAX) this.#commands.clear()
      this.#commands.set(name, where)
    }
    if (where.movable) {
      const [first] = itemsOf(await this.#any(['COMMAND', 'GETKEYS', ...args]))
      return first !== undefined && first.kind === 'bulk' ? first.bytes : undefined
    }
    const key = where.first > 0 ? args[where.first] : undefined
    return key === undefined ? undefined : bytesOf(key)
  }

  async #any(args: readonly Argument[]): Promise<Reply> {
    const connection = await this.node(await this.#nodeFor(undefined, false))
    return connection.call(...args)
  }
}

function textOfArgument(argument: Argument | undefined): string {
  return argument instanceof Uint8Array ? new TextDecoder().decode(argument) : String(argument ?? '')
}
