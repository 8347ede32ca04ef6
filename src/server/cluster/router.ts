/** Where commands with keys go: the answer for all slots that are not simply served here. */

import { type ClusterState, route, routeBlocked, slotIsOpen, type Viewer } from '../../cluster/index.js'
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
    // EXEC is routed by what it would run: any of its commands may write, all of their keys count.
    const queued = entry.fullName === 'exec' ? client.transaction : null
    const tally = createTally()
    if (slotIsOpen(state, slot)) {
      this.node.keyspace.expiry = this.node.clientExpiry
      if (queued === null) this.countKeys(tally, entry, args)
      else this.countQueued(tally, queued.commands)
    }
    return route(state, slot, {
      write: ((queued?.flags ?? entry.flags) & WRITE) !== 0,
      readonly: (client.clusterFlags & READONLY_MODE) !== 0,
      asking: isAsking(client) || (entry.flags & ASKING_FLAG) !== 0,
      pubsubShard: SHARD_PUBSUB.has(entry.fullName),
      migrate: entry.fullName === 'migrate',
      viewer: viewerOf(client),
      existingKeys: tally.existing,
      missingKeys: tally.missing,
      multipleKeys: tally.multiple,
    })
  }

  /** For a client that waits for a key of `slot`: null to wait on, or the error that ends its wait. */
  redirectBlocked(client: Client, slot: number, write: boolean): string | null {
    const readonly = (client.clusterFlags & READONLY_MODE) !== 0
    return routeBlocked(this.state, slot, readonly, write, viewerOf(client))
  }

  /** Of an open slot: which keys of the command are here. */
  private countKeys(tally: Tally, entry: Entry, args: Args): void {
    const db = this.node.keyspace.databases[0]!
    findKeys(entry.command, args, (index) => {
      const handle = db.peek(args.buf, args.start(index), args.end(index))
      // One whose time has come is not there any more, but stays as it is: this is no reading.
      if (handle !== 0 && !db.hasExpired(handle)) tally.existing++
      else tally.missing++
      if (tally.first === null) tally.first = args.copy(index)
      else if (!sameBytes(tally.first, args.view(index))) tally.multiple = true
    })
  }

  private countQueued(tally: Tally, commands: readonly Uint8Array[]): void {
    const { node } = this
    const parser = node.spareParser()
    for (const bytes of commands) {
      parser.parse(bytes, 0, bytes.length)
      const { args } = parser
      let entry = node.table.find(args.buf, args.start(0), args.end(0))!
      if (entry.subcommands.length > 0) entry = node.table.findSubcommand(entry, args) ?? entry
      this.countKeys(tally, entry, args)
    }
    node.giveBackParser(parser)
  }
}

/** What the client's connection says about the addresses that it can reach. */
export function viewerOf(client: Client): Viewer {
  return { tls: false, ipv6: client.link?.remoteAddress.includes(':') ?? false }
}

/** Keys of a command, or of a transaction, in a slot that is being moved. */
interface Tally {
  existing: number
  missing: number
  /** At least two of them differ. */
  multiple: boolean
  first: Uint8Array | null
}

function createTally(): Tally {
  return { existing: 0, missing: 0, multiple: false, first: null }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
