/** MONITOR: every command of every client, told to those who asked, as it begins to run. */

import { ADMIN, SKIP_MONITOR } from '../../commands/command.js'
import type { Entry } from '../../commands/table.js'
import type { Args } from '../../resp/args.js'
import { type Client, IS_MONITOR } from '../client.js'
import type { ServerNode } from '../node.js'
import { hiddenArguments } from './hidden.js'
import { monitorLine } from './monitor-line.js'

export class Monitors {
  private readonly node: ServerNode
  private readonly clients = new Set<Client>()

  constructor(node: ServerNode) {
    this.node = node
  }

  add(client: Client): void {
    if (this.clients.has(client)) return
    client.special |= IS_MONITOR
    this.clients.add(client)
    this.node.monitors = this.clients.size
    client.onGone.push(() => this.remove(client))
  }

  remove(client: Client): void {
    client.special &= ~IS_MONITOR
    this.clients.delete(client)
    this.node.monitors = this.clients.size
  }

  /** Tells of a command; administrators' commands are their own affair. */
  tell(client: Client, entry: Entry, args: Args): void {
    if ((entry.flags & (SKIP_MONITOR | ADMIN)) !== 0) return
    // A command that waited for keys was told of when it came.
    if (this.node.waits.repeats(client)) return
    const hidden = hiddenArguments(entry, args)
    const now_ms = this.node.clock.now_ms()
    const micros = String((now_ms % 1000) * 1000).padStart(6, '0')
    const from = client.link === null ? 'lua' : client.address
    const line = monitorLine(`${Math.floor(now_ms / 1000)}.${micros} [${client.db} ${from}]`, args, hidden)
    const { clients, turn } = this.node
    for (const listener of this.clients) {
      const out = turn.outOf(listener)
      out.raw(line)
      if (out.length >= clients.lookBytes) clients.checkMuch(listener)
    }
  }
}
