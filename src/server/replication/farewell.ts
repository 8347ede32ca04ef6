/**
 * The end of a master: its replicas get what they have not got, within shutdown-timeout, before anything is saved and
 * closed. SHUTDOWN ABORT ends the wait, and the node goes on.
 */

import { replicaName } from '../../replication/links.js'
import { isMaster, type ReplicaLink } from '../../replication/state.js'
import type { ReplicationPart } from './part.js'

const LOOK_AGAIN_ms = 5

export class Farewell {
  private readonly part: ReplicationPart
  private until_ms = 0
  private aborted = false
  /** What replicas must have: all up to the beginning of the wait. (The GETACK that follows is no loss.) */
  private offset = 0

  constructor(part: ReplicationPart) {
    this.part = part
  }

  /** Milliseconds that the wait may still take; 0 while there is none. */
  get left_ms(): number {
    return this.until_ms === 0 ? 0 : Math.max(1, this.until_ms - this.part.node.clock.now_ms())
  }

  /** True if there was a wait to be ended. */
  abort(): boolean {
    if (this.until_ms === 0) return false
    this.aborted = true
    this.part.node.log('notice', 'Shutdown manually aborted.')
    return true
  }

  /** False when the wait was aborted: then the node must not stop. Writes are held back meanwhile by whoever calls. */
  async wait(): Promise<boolean> {
    const { node, r } = this.part
    this.offset = r.offset
    const timeout_ms = node.config.values['shutdown-timeout'] * 1000
    if (isMaster(r) && timeout_ms > 0 && this.behind().length > 0) {
      r.ackWanted = true
      node.turn.schedule()
      node.log('notice', 'Waiting for replicas before shutting down.')
      this.aborted = false
      this.until_ms = node.clock.now_ms() + timeout_ms
      while (
        !this.aborted &&
        isMaster(r) &&
        this.behind().length > 0 &&
        node.clock.now_ms() < this.until_ms
      ) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_ms))
      }
      this.until_ms = 0
      if (this.aborted) return false
    }
    this.tell()
    return true
  }

  private behind(): ReplicaLink[] {
    return this.part.r.replicas.filter((link) => link.ackOffset < this.offset)
  }

  private tell(): void {
    const { node, r } = this.part
    const behind = this.behind()
    for (const link of behind) {
      const lag = link.state === 'online' ? Math.floor((node.clock.now_ms() - link.ackAt_ms) / 1000) : 0
      node.log(
        'notice',
        `Lagging replica ${replicaName(link)} reported offset ${this.offset - link.ackOffset} behind master, ` +
          `lag=${lag}, state=${link.state === 'online' ? 'online' : 'wait_bgsave'}.`,
      )
    }
    const { length } = r.replicas
    if (length === 0) return
    node.log('notice', `${length - behind.length} of ${length} replicas are in sync when shutting down.`)
  }
}
