/**
 * Who serves which slot, as a server tells it: CLUSTER SLOTS (every version), CLUSTER SHARDS (7.0 and later).
 * Pure: replies in, a map out.
 */

import { SLOTS } from '../bytes/crc16.js'
import type { Address } from './connection.js'
import { fieldOf, itemsOf, numberOf, type Reply, textOf } from './reply.js'

export interface SlotMap {
  /** For each slot an index into `shards`, or SLOT_UNSERVED. */
  readonly owner: Uint16Array
  readonly shards: readonly { readonly master: Address; readonly replicas: readonly Address[] }[]
}

export const SLOT_UNSERVED = 0xffff

/**
 * Reads the reply of CLUSTER SLOTS. A node that does not know its own address names itself with an empty or
 * missing host: then `asked`, the host that was asked, is the one. Undefined when the reply has another form.
 */
export function slotMapOfSlots(reply: Reply, asked: string): SlotMap | undefined {
  if (reply.kind !== 'array') return undefined
  const builder = slotMapBuilder()
  for (const entry of reply.items) {
    const [first, last, ...nodes] = itemsOf(entry)
    const from = numberOf(first)
    const to = numberOf(last)
    const addresses = nodes.map((node) => addressOf(itemsOf(node)[0], itemsOf(node)[1], asked))
    const [master, ...replicas] = addresses
    if (from === undefined || to === undefined || master === undefined) return undefined
    builder.add(from, to, master, replicas.filter(isPresent))
  }
  return builder.map
}

/** Reads the reply of CLUSTER SHARDS; as slotMapOfSlots. `tls` takes the tls-port where there is one. */
export function slotMapOfShards(reply: Reply, asked: string, tls = false): SlotMap | undefined {
  if (reply.kind !== 'array') return undefined
  const builder = slotMapBuilder()
  for (const shard of reply.items) {
    const nodes = itemsOf(fieldOf(shard, 'nodes')).map((node) => ({
      role: textOf(fieldOf(node, 'role')),
      online: textOf(fieldOf(node, 'health')) === 'online',
      address: addressOf(
        fieldOf(node, 'endpoint') ?? fieldOf(node, 'ip'),
        (tls ? fieldOf(node, 'tls-port') : undefined) ?? fieldOf(node, 'port') ?? fieldOf(node, 'tls-port'),
        asked,
      ),
    }))
    const master = nodes.find((node) => node.role === 'master')?.address
    if (master === undefined) continue
    const replicas = nodes.filter((n) => n.role !== 'master' && n.online).map((n) => n.address)
    const slots = itemsOf(fieldOf(shard, 'slots')).map(numberOf)
    for (let i = 0; i + 1 < slots.length; i += 2) {
      const [from, to] = [slots[i], slots[i + 1]]
      if (from === undefined || to === undefined) return undefined
      builder.add(from, to, master, replicas.filter(isPresent))
    }
  }
  return builder.map
}

function slotMapBuilder() {
  const shards: { master: Address; replicas: readonly Address[] }[] = []
  const owner = new Uint16Array(SLOTS).fill(SLOT_UNSERVED)
  const indexes = new Map<string, number>()
  return {
    map: { owner, shards } satisfies SlotMap,
    add(from: number, to: number, master: Address, replicas: readonly Address[]) {
      const name = addressText(master)
      let index = indexes.get(name)
      if (index === undefined) {
        index = shards.length
        indexes.set(name, index)
        shards.push({ master, replicas })
      }
      owner.fill(index, Math.max(0, from), Math.min(SLOTS, to + 1))
    },
  }
}

function addressOf(host: Reply | undefined, port: Reply | undefined, asked: string): Address | undefined {
  const number = numberOf(port)
  if (number === undefined) return undefined
  const text = textOf(host)
  return { host: text === undefined || text === '' || text === '?' ? asked : text, port: number }
}

const isPresent = (address: Address | undefined): address is Address => address !== undefined

/** `host:port`, also the key of a node in a cluster client. */
export function addressText(address: Address): string {
  return `${address.host}:${address.port}`
}

/** Reads `host:port`, `[v6]:port`, `v6:port` or `host:port@busport`; undefined when there is no port from 0 to 65535. */
export function parseAddress(text: string): Address | undefined {
  const at = text.lastIndexOf('@')
  const bare = at === -1 ? text : text.slice(0, at)
  const colon = bare.lastIndexOf(':')
  if (colon === -1) return undefined
  const port = bare.slice(colon + 1)
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return undefined
  return { host: bare.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

export interface Redirect {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  /** An empty host means: the host that was asked. */
  readonly to: Address
}

/** Reads `MOVED 5798 127.0.0.1:7001` and `ASK …`, the texts of error replies; undefined for any other text. */
export function parseRedirect(error: string): Redirect | undefined {
  const match = /^(MOVED|ASK) (\d+) (\S+)$/.exec(error)
  if (match === null) return undefined
  const to = parseAddress(match[3]!)
  return to === undefined
    ? undefined
    : { kind: match[1] === 'ASK' ? 'ASK' : 'MOVED', slot: Number(match[2]), to }
}
