/**
 * MIGRATE's way to the other node: RESTORE for each key over a link that is kept for a few seconds, since moving a slot takes
 * many. Redis serves no client until the other node has answered, so that what it got is what is removed. Here clients' writes wait;
 * what changes all the same is found out: the keys under way are watched (`Watches`), and the transfer ends with the node's tenure.
 */

import { ascii, text } from '../bytes/ascii.js'
import { VALUE_BYTES_MAX } from '../bytes/text-limits.js'
import { Call } from '../commands/call.js'
import { CHANGED_HERE, type MigrateRequest } from '../commands/host.js'
import { NO_EXPIRY } from '../keyspace/entries.js'
import { encodeCommand } from '../resp/encode.js'
import { Reply } from '../resp/reply.js'
import { connect, type Link } from '../runtime/net.js'
import type { Client } from './client.js'
import { LinkHolder } from './name-links.js'
import type { ServerNode } from './node.js'
import { ROLE_CHANGED, Tenure } from './tenure.js'
import type { Watcher } from './transactions.js'

/** A link that nobody has used for so long is closed. */
const KEEP_LINK_MS = 10_000
const KEEP_LINKS_MAX = 64
/** Answers to RESTORE are one line each; more than this without a line end is nonsense. */
const ANSWER_BYTES_MAX = 64 * 1024

const CONNECT_FAILED = 'IOERR error or timeout connecting to the client'
const READ_FAILED = 'IOERR error or timeout reading from target instance'

interface Kept {
  readonly link: Link
  /** The database that was selected last; -1 for none yet. */
  db: number
  usedAt_ms: number
  /** Who gets what arrives; null while nobody waits. */
  owner: Transfer | null
}

export class Migrations {
  private readonly node: ServerNode
  private readonly kept = new Map<string, Kept>()
  private readonly active = new Set<Transfer>()

  constructor(node: ServerNode) {
    this.node = node
    node.regulars.push({ cron: (now_ms) => this.cron(now_ms) })
    node.atStop.push(() => {
      for (const { link } of this.kept.values()) link.destroy()
    })
    node.roleChanged.push(() => {
      for (const transfer of [...this.active]) transfer.demoted()
    })
  }

  /** Links that are open, or being opened. */
  get links(): number {
    return this.kept.size
  }

  /** Carries out a request for the client that is being served. */
  begin(client: Client, request: MigrateRequest): void {
    const transfer = new Transfer(this.node, client, request, (link, broken) => {
      this.active.delete(transfer)
      if (link !== null) this.finished(link, broken)
    })
    this.active.add(transfer)
    const name = nameOf(request)
    const kept = this.kept.get(name)
    if (kept?.link.open && kept.owner === null) {
      kept.owner = transfer
      transfer.run(kept)
      return
    }
    const events = {
      data: (buf: Uint8Array, start: number, end: number) => fresh.owner?.received(buf.subarray(start, end)),
      drained: () => {},
      closed: () => {
        if (this.kept.get(name) === fresh) this.kept.delete(name)
        fresh.owner?.broken(connected ? READ_FAILED : CONNECT_FAILED)
      },
    }
    let connected = false
    const link = connect(
      { host: request.host, port: request.port, timeout_ms: request.timeout_ms },
      () => {
        connected = true
        // The client was told that this failed: nothing may be sent any more.
        if (transfer.over) link.destroy()
        else transfer.run(fresh)
      },
      events,
    )
    const fresh: Kept = { link, db: -1, usedAt_ms: 0, owner: transfer }
    if (this.kept.size < KEEP_LINKS_MAX && kept === undefined) this.kept.set(name, fresh)
  }

  private finished(kept: Kept, broken: boolean): void {
    kept.owner = null
    kept.usedAt_ms = this.node.clock.now_ms()
    const known = [...this.kept.values()].includes(kept)
    if (broken || !known) kept.link.destroy()
  }

  private cron(now_ms: number): void {
    for (const [name, kept] of this.kept) {
      if (kept.owner !== null || now_ms - kept.usedAt_ms < KEEP_LINK_MS) continue
      kept.link.destroy()
      this.kept.delete(name)
    }
  }
}

function nameOf(request: MigrateRequest): string {
  const auth = request.auth
    .map((part) => `${part.length} ${text(part, 0, part.length, VALUE_BYTES_MAX)}`)
    .join('\0')
  return `${request.host}:${request.port}:${auth}`
}

/** One MIGRATE under way. */
class Transfer {
  private readonly node: ServerNode
  private readonly client: Client
  private readonly request: MigrateRequest
  private readonly done: (kept: Kept | null, broken: boolean) => void
  private readonly tenure: Tenure
  private readonly db: number
  /** For each key: whether it has changed since it was sent. */
  private readonly watches: { readonly watcher: Watcher; readonly holder: LinkHolder<Watcher> }[] = []
  private kept: Kept | null = null
  private readonly timer: NodeJS.Timeout
  /** Answers before those to RESTORE: to AUTH and SELECT. */
  private preludes = 0
  private readonly outcomes: (string | null)[] = []
  private refused: string | null = null
  private rest = ''
  over = false

  constructor(
    node: ServerNode,
    client: Client,
    request: MigrateRequest,
    done: (kept: Kept | null, broken: boolean) => void,
  ) {
    this.node = node
    this.client = client
    this.request = request
    this.done = done
    this.timer = setTimeout(
      () => this.broken(this.kept === null ? CONNECT_FAILED : READ_FAILED),
      request.timeout_ms,
    )
    this.tenure = new Tenure(node)
    this.db = client.db
    for (const { key } of request.keys) {
      const watcher = { spoiled: false }
      const holder = new LinkHolder<Watcher>(watcher)
      node.watches.add(holder, node.keyspace.databases[client.db]!, key)
      this.watches.push({ watcher, holder })
    }
    node.updateWatchers()
    node.pause(false, Number.POSITIVE_INFINITY, 'migrate')
    client.blocked = { timeout() {}, cancel() {}, deadline_ms: 0, kind: 'migrate' }
  }

  /** The link is there: sends everything at once, and a password each time: it may have changed. */
  run(kept: Kept): void {
    const { request } = this
    this.kept = kept
    const restore = ascii(this.node.config.values['cluster-enabled'] ? 'RESTORE-ASKING' : 'RESTORE')
    const commands: Uint8Array[] = []
    if (request.auth.length > 0) commands.push(encodeCommand([ascii('AUTH'), ...request.auth]))
    if (kept.db !== request.db) commands.push(encodeCommand([ascii('SELECT'), ascii(String(request.db))]))
    this.preludes = commands.length
    kept.db = request.db
    const now_ms = this.node.clock.now_ms()
    for (const { key, payload, expiry_ms } of request.keys) {
      // What is left until a time near 2^63 might overflow when the other node adds its own clock: the key would be gone.
      const isAbsolute = typeof expiry_ms === 'bigint'
      const ttl_ms = isAbsolute ? expiry_ms : expiry_ms === NO_EXPIRY ? 0 : Math.max(1, expiry_ms - now_ms)
      const parts = [restore, key, ascii(String(ttl_ms)), payload]
      if (isAbsolute) parts.push(ascii('ABSTTL'))
      if (request.replace) parts.push(ascii('REPLACE'))
      commands.push(encodeCommand(parts))
    }
    for (const bytes of commands) kept.link.send(bytes, 0, bytes.length)
  }

  received(bytes: Uint8Array): void {
    this.rest += text(bytes, 0, bytes.length, ANSWER_BYTES_MAX)
    for (;;) {
      const end = this.rest.indexOf('\r\n')
      if (end < 0) break
      const line = this.rest.slice(0, end)
      this.rest = this.rest.slice(end + 2)
      const error = line.startsWith('-') ? line.slice(1) : null
      if (this.preludes > 0) {
        this.preludes--
        this.refused ??= error
      } else {
        this.outcomes.push(this.refused ?? error)
      }
    }
    if (this.outcomes.length >= this.request.keys.length) this.finish(null)
    else if (this.rest.length > ANSWER_BYTES_MAX) this.broken(READ_FAILED)
  }

  broken(reason: string): void {
    if (this.over) return
    this.node.log('verbose', `MIGRATE to ${this.request.host}:${this.request.port}: ${reason}`)
    this.finish(reason)
  }

  /** The node's role was set: whatever the other node has, nothing is removed here. */
  demoted(): void {
    this.finish(ROLE_CHANGED)
    if (!this.client.gone) this.node.closeAfterReply(this.client)
  }

  private finish(failed: string | null): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.timer)
    const { node, client, tenure } = this
    if (node.failed) return
    node.tick()
    // The client may be gone; what was moved is removed all the same.
    const reply = client.gone ? new Reply(64) : node.turn.outOf(client)
    const call = new Call(node, node.keyspace, client)
    call.db = node.keyspace.databases[this.db]!
    call.notifyMask = node.call.notifyMask
    const outcomes = this.outcomes.map((outcome, i) =>
      outcome === null && this.watches[i]!.watcher.spoiled ? CHANGED_HERE : outcome,
    )
    for (const { holder } of this.watches) node.watches.remove(holder)
    node.updateWatchers()
    this.request.finish(call, reply, tenure.holds ? outcomes : [], tenure.holds ? failed : ROLE_CHANGED)
    for (const parts of call.instead ?? []) node.propagation.send(call.db.index, parts)
    node.propagation.dirty += call.dirty
    node.turn.schedule()
    node.unpause('migrate')
    node.unblock(client)
    this.done(this.kept, failed !== null || this.refused !== null)
  }
}
