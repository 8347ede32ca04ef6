/** Where commands with keys go: the answer for all slots that are not simply served here. */

import { type ClusterState, route, routeBlocked, slotIsOpen } from '../../cluster/index.js'
import { ASKING as ASKING_FLAG, WRITE } from '../../commands/command.js'
import { type Entry, findKeys } from '../../commands/table.js'
import type { Args } from '../../resp/args.js'
import { type Client, READONLY_MODE } from '../client.js'
import type { ServerNode } from '../node.js'
import type { SlotRouter } from '../parts.js'
import { isAsking } from './asking.js'

const SHARD_PUBSUB = new Set(['ssubscribe', 'sunsubscribe', 'spublish'])

export class Router implements SlotRouter {
  readonly served: Uint8Array
  private readonly node: ServerNode
  private readonly state: ClusterState

  constructor(node: ServerNode, state: ClusterState) {
    this.node = node
    this.state = state
    this.served = state.served
  }

  redirect(client: Client, entry: Entry, args: Args, slot: number): string | null {
    const { state } = this
    const keys = slotIsOpen(state, slot) ? this.countKeys(entry, args) : NO_KEYS
    return route(state, slot, {
      write: (entry.flags & WRITE) !== 0,
      readonly: (client.clusterFlags & READONLY_MODE) !== 0,
      asking: isAsking(client) || (entry.flags & ASKING_FLAG) !== 0,
      pubsubShard: SHARD_PUBSUB.has(entry.fullName),
      migrate: entry.fullName === 'migrate',
      tls: false,
      ...keys,
    })
  }

  /** For a client that waits for a key of `slot`: null to wait on, or the error that ends its wait. */
  redirectBlocked(client: Client, slot: number, write: boolean): string | null {
    const readonly = (client.clusterFlags & READONLY_MODE) !== 0
    return routeBlocked(this.state, slot, readonly, write, false)
  }

  /** Of an open slot: which keys of the command are here, whatever their expiry. */
  private countKeys(entry: Entry, args: Args): KeyCount {
    const db = this.node.keyspace.databases[0]!
    let existingKeys = 0
    let missingKeys = 0
    let first = -1
    let multipleKeys = false
    findKeys(entry.command, args, (index) => {
      if (db.peek(args.buf, args.start(index), args.end(index)) !== 0) existingKeys++
      else missingKeys++
      if (first < 0) first = index
      else if (!sameBytes(args.view(first), args.view(index))) multipleKeys = true
    })
    return { existingKeys, missingKeys, multipleKeys }
  }
}

interface KeyCount {
  readonly existingKeys: number
  readonly missingKeys: number
  readonly multipleKeys: boolean
}

const NO_KEYS: KeyCount = { existingKeys: 0, missingKeys: 0, multipleKeys: false }

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
