/** The socket to our master, one at a time. What it says goes to the part with the number of the attempt. */

import { connect, type Link } from '../../runtime/net.js'

export interface MasterEvents {
  connected(attempt: number): void
  data(attempt: number, buf: Uint8Array, start: number, end: number): void
  closed(attempt: number, reason: string): void
}

export class MasterLink {
  private link: Link | null = null
  private attempt = 0
  private readonly events: MasterEvents

  constructor(events: MasterEvents) {
    this.events = events
  }

  open(attempt: number, host: string, port: number, localAddress: string): void {
    this.link?.destroy()
    this.attempt = attempt
    const { events } = this
    this.link = connect(
      { host, port, ...(localAddress === '' ? {} : { localAddress }) },
      () => events.connected(attempt),
      {
        data: (buf, start, end) => events.data(attempt, buf, start, end),
        drained: () => {},
        closed: (reason) => events.closed(attempt, reason),
      },
    )
  }

  /** The connection in use, or the last one. */
  get current(): Link | null {
    return this.link
  }

  /** Null when that attempt's connection is not the one in use. */
  private linkOf(attempt: number): Link | null {
    return attempt === this.attempt ? this.link : null
  }

  send(attempt: number, bytes: Uint8Array): void {
    this.linkOf(attempt)?.send(bytes, 0, bytes.length)
  }

  pause(attempt: number): void {
    this.linkOf(attempt)?.pause()
  }

  resume(attempt: number): void {
    this.linkOf(attempt)?.resume()
  }

  close(attempt: number): void {
    if (attempt !== this.attempt) return
    this.link?.destroy()
    this.link = null
  }

  /** Closes whatever is open. */
  stop(): void {
    this.link?.destroy()
    this.link = null
  }
}
