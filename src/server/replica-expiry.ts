/**
 * Keys that clients gave a time to live on a replica that they may write to. What the master wrote, the master removes; of
 * these it does not know, so they are remembered here, and removed here when their time has come. Other replicas do
 * nothing of this. Their names come from the commands as they go out to the append-only file.
 */

import { ByteMap } from '../bytes/byte-map.js'
import { findKeys } from '../commands/table.js'
import { EXPIRES } from '../keyspace/entries.js'
import { EXPIRE_DELETE } from '../keyspace/expiry.js'
import { COMMAND, RequestParser } from '../resp/request.js'
import type { ServerNode } from './node.js'
import type { Feed, Regular } from './parts.js'

/** Further keys stay until the master, or a client, removes them. */
const KEYS_MAX = 1_000_000
/** Keys that are looked at in one go. */
const LOOKS_MAX = 1000

export class ReplicaExpiry implements Feed, Regular {
  readonly keepsDataOnly = true
  private readonly node: ServerNode
  private readonly parser = new RequestParser()
  /** One map a database. */
  private readonly keys: ByteMap<true>[]

  constructor(node: ServerNode) {
    this.node = node
    this.keys = node.keyspace.databases.map(() => new ByteMap(node.random32(), node.random32()))
    node.regulars.push(this)
    node.roleChanged.push(() => this.roleChanged())
    node.config.onChange('replica-read-only', () => {
      this.roleChanged()
      return undefined
    })
    node.info.section('stats', () => [['slave_expires_tracked_keys', this.count]])
  }

  get count(): number {
    return this.keys.reduce((sum, keys) => sum + keys.size, 0)
  }

  /** Listens to what goes out only where it matters. */
  private roleChanged(): void {
    const { node } = this
    const { feeds } = node.propagation
    const at = feeds.indexOf(this)
    const wanted = node.isReplica && !node.config.values['replica-read-only']
    if (wanted && at < 0) feeds.push(this)
    if (!wanted && at >= 0) feeds.splice(at, 1)
    if (!node.isReplica) for (const keys of this.keys) keys.clear()
  }

  feed(db: number, buf: Uint8Array, start: number, end: number): void {
    const { node, parser } = this
    if (db < 0 || node.running === null || node.call.caller.trusted) return
    if (parser.parse(buf, start, end) !== COMMAND) return
    const { args } = parser
    const entry = node.table.find(args.buf, args.start(0), args.end(0))
    const keys = this.keys[db]!
    if (entry !== null) {
      findKeys(entry.command, args, (index) => {
        if (keys.size < KEYS_MAX && this.expires(db, args.view(index))) keys.set(args.view(index), true)
      })
    }
    parser.reset()
  }

  private expires(db: number, key: Uint8Array): boolean {
    const database = this.node.keyspace.databases[db]!
    const handle = database.peek(key, 0, key.length)
    return handle !== 0 && (database.entries.flags(handle) & EXPIRES) !== 0
  }

  cron(): void {
    const { node } = this
    if (!node.isReplica || node.paused !== 0 || !node.activeExpire) return
    let left = LOOKS_MAX
    node.keyspace.expiry = EXPIRE_DELETE
    for (const [db, keys] of this.keys.entries()) {
      if (keys.size === 0) continue
      const done: Uint8Array[] = []
      for (const [key] of keys.entries()) {
        if (left-- === 0) break
        // Asking for a key whose time has come removes it.
        node.keyspace.databases[db]!.find(key, 0, key.length)
        if (!this.expires(db, key)) done.push(key)
      }
      for (const key of done) keys.delete(key)
    }
    node.keyspace.expiry = node.clientExpiry
  }
}
