/**
 * Gives the memory of an ArrayBuffer back at once. The collector would do so too, but only when it next has a reason to run,
 * and it does not see that a gigabyte waits for it. A message to a port that nobody reads takes the buffer away from
 * JavaScript, and with the message its memory is freed.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads'

export class MemoryReleaser {
  private port: MessagePort | null = null

  /** The buffer is nobody's: no view of it may be used any more. */
  release(buffer: ArrayBuffer): void {
    if (this.port === null) {
      const { port1, port2 } = new MessageChannel()
      port2.close()
      port1.unref()
      this.port = port1
    }
    this.port.postMessage(buffer, [buffer])
  }
}
