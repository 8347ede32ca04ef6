/**
 * Clients with input that waits for another turn: those that had their share of this one, and those whose pause or wait has
 * ended. What they sent is carried out before the turn ends, so that its replies leave with it.
 */

import type { Client } from './client.js'
import { letGoOn } from './failures.js'
import { steerReading } from './input.js'
import type { ServerNode } from './node.js'

export class WaitingClients {
  private readonly node: ServerNode
  private readonly resumable: Client[] = []
  private yielding: Client[] = []

  constructor(node: ServerNode) {
    this.node = node
  }

  /** The client waits for nothing any more. */
  resume(client: Client): void {
    this.resumable.push(client)
    this.node.turn.schedule()
  }

  /** The client has had its share of this turn. */
  yield(client: Client): void {
    this.yielding.push(client)
    this.node.turn.schedule()
  }

  /** Carries out what the clients have sent, as far as they may go on. */
  goOn(): void {
    // Those that yield again come in the next turn.
    const { yielding } = this
    if (yielding.length > 0) {
      this.yielding = []
      for (const client of yielding) {
        if (!client.yielded) continue
        if (mayGoOn(client)) letGoOn(this.node, client)
        else if (!client.choked) {
          // It waits for something else now, and goes on when that ends.
          client.yielded = false
          steerReading(client)
        }
      }
    }
    // Those that are resumed here may resume others: these come next.
    for (let i = 0; i < this.resumable.length; i++) {
      const client = this.resumable[i]!
      if (mayGoOn(client)) letGoOn(this.node, client)
    }
    this.resumable.length = 0
  }
}

function mayGoOn(client: Client): boolean {
  return client.blocked === null && !client.paused && !client.choked && !client.gone && !client.closing
}
