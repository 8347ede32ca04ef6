/**
 * What looks after a node from outside: users and what they may do, the slow log, the latency monitor, and
 * MONITOR's listeners. One object a node; index.ts plugs it in.
 */

import { NAME_BYTES_MAX } from '../../bytes/text-limits.js'
import { SKIP_SLOWLOG } from '../../commands/command.js'
import type { Entry } from '../../commands/table.js'
import type { Args } from '../../resp/args.js'
import { type Client, IN_MULTI, LIMITED, NEEDS_AUTH } from '../client.js'
import type { DebugHandler } from '../commands/debug.js'
import type { ServerNode } from '../node.js'
import { checkUser, denialText, mayReadAnyKey } from './acl/check.js'
import { AclLog, type LogEntry } from './acl/log.js'
import { mayEverything, Users } from './acl/users.js'
import { clientInfo } from './client-info.js'
import { CommandTimes } from './command-times.js'
import { hiddenArguments } from './hidden.js'
import { Latency } from './latency.js'
import type { Monitors } from './monitors.js'
import { SlowLog } from './slow-log.js'

export class Admin {
  readonly node: ServerNode
  readonly users: Users
  readonly aclLog = new AclLog()
  readonly slowLog = new SlowLog()
  readonly latency = new Latency()
  readonly times: CommandTimes
  monitors: Monitors | null = null
  /** Subcommands of DEBUG that other parts add, by lower-case name. */
  readonly debug = new Map<string, DebugHandler>()
  /** How often something was denied, by reason: INFO's acl_access_denied_*. */
  readonly denied: Record<LogEntry['reason'], number> = { auth: 0, command: 0, key: 0, channel: 0 }

  /** What the node took before it held anything: the first chunk of its heap, the buffer it reads into. */
  readonly startupBytes: number
  /** Bytes sent to clients that are gone, and what was sent before CONFIG RESETSTAT. */
  private bytesOutBase = 0

  constructor(node: ServerNode) {
    this.node = node
    this.users = new Users(node.table)
    this.times = new CommandTimes(node.table)
    this.startupBytes = node.keyspace.heap.reservedBytes + node.readBuffer.length
  }

  /** Gives a client a user: at its connection, or when it has authenticated. */
  login(client: Client, name: string): void {
    client.user = name
    client.special &= ~NEEDS_AUTH
    this.limit(client)
  }

  /** A connection is nobody yet: it is `default` at once if that user needs no password. */
  logout(client: Client): void {
    const user = this.users.get('default')!
    client.user = 'default'
    if (!user.enabled || !user.nopass) client.special |= NEEDS_AUTH
    this.limit(client)
  }

  /** A connection has become a client. */
  welcome(client: Client): void {
    this.logout(client)
    client.onGone.push(() => {
      this.bytesOutBase += client.bytesOut
    })
  }

  /** Bytes sent to clients. */
  bytesOut(): number {
    let bytes = this.bytesOutBase
    for (const client of this.node.clients.all()) bytes += client.bytesOut
    return bytes
  }

  private limit(client: Client): void {
    const user = this.users.get(client.user)
    if (user !== undefined && mayEverything(user)) client.special &= ~LIMITED
    else client.special |= LIMITED
  }

  /**
   * Users have changed: clients of users that are gone are closed, the others are judged anew. `replaced`: no user but
   * `default` is the one that it was, even where there is one of the same name.
   */
  usersChanged(replaced = false): void {
    for (const client of [...this.node.clients.all()]) {
      if (client.kind === 'master') continue
      const stays = replaced ? client.user === 'default' : this.users.get(client.user) !== undefined
      if (stays) this.limit(client)
      else if (client === this.node.call.caller) this.node.closeAfterReply(client)
      else this.node.close(client)
    }
  }

  /** Tries to log a client in; a failure is noted. */
  authenticate(client: Client, name: string, password: string, command: string): boolean {
    if (this.users.authenticates(name, password)) {
      this.login(client, name)
      return true
    }
    this.deny(client, 'auth', command, name)
    return false
  }

  private deny(client: Client, reason: LogEntry['reason'], object: string, user: string): void {
    this.denied[reason]++
    this.aclLog.add(
      {
        reason,
        object,
        user,
        context: client.denyBlocking || (client.special & IN_MULTI) !== 0 ? 'multi' : 'toplevel',
        createdAt_ms: this.node.keyspace.now_ms,
        clientInfo: clientInfo(this.node, client),
      },
      this.node.config.values['acllog-max-len'],
    )
  }

  /** Why the client's user may not run a command; null if it may. The dispatcher asks for limited clients only. */
  check(client: Client, entry: Entry, args: Args): string | null {
    const user = this.users.get(client.user)
    if (user === undefined) return null
    const denial = checkUser(user, entry, args)
    if (denial === undefined) return null
    const object = denial.reason === 'command' ? entry.fullName : args.text(denial.index, NAME_BYTES_MAX)
    this.deny(client, denial.reason, object, user.name)
    return `NOPERM ${denialText(user, entry, args, denial, false)}`
  }

  /** As `check`, for EXEC, which tells it in other words. */
  denial(client: Client, entry: Entry, args: Args): LogEntry['reason'] | null {
    const user = this.users.get(client.user)
    const denial = user === undefined ? undefined : checkUser(user, entry, args)
    if (user === undefined || denial === undefined) return null
    const object = denial.reason === 'command' ? entry.fullName : args.text(denial.index, NAME_BYTES_MAX)
    this.deny(client, denial.reason, object, user.name)
    return denial.reason
  }

  /** Whether the client's user may run the command, and with it read any key: also one that no argument names. */
  readsAnyKey(client: Client, entry: Entry): boolean {
    const user = this.users.get(client.user)
    return client.trusted || user === undefined || mayReadAnyKey(user, entry)
  }

  /** A command took longer than slowlog-log-slower-than. */
  wasSlow(client: Client, entry: Entry, args: Args, usec: number): void {
    if ((entry.flags & SKIP_SLOWLOG) !== 0) return
    this.slowLog.add(
      args,
      hiddenArguments(entry, args),
      Math.floor(usec),
      Math.floor(this.node.clock.now_ms() / 1000),
      client.address,
      client.name,
      this.node.config.values['slowlog-max-len'],
    )
  }

  resetStatistics(): void {
    this.bytesOutBase -= this.bytesOut()
    this.times.reset(this.node.times !== null)
    for (const reason of ['auth', 'command', 'key', 'channel'] as const) this.denied[reason] = 0
  }
}
