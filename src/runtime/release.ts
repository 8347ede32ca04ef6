/**
 * Gives the memory of an ArrayBuffer back. The collector does so too, but only when it next has a reason to run, and it does not see that
 * a gigabyte waits for it. A message to a port that nobody reads takes the buffer away from JavaScript, and with the
 * message its memory is freed: at once, but at a price (bytes/regions.ts tells which), so small ones are left to the collector, up to a
 * limit.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads'

const SMALL_BYTES_MAX = 16 * 1024 * 1024
/** What may wait for the collector in small buffers. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024
/** To unmap more than this takes too long for a turn of the event loop; the collector has threads for it. */
const AT_ONCE_BYTES_MAX = 48 * 1024 * 1024

export class MemoryReleaser {
  private port: MessagePort | null = null
  private waiting = 0
  private readonly collected = new FinalizationRegistry<number>((bytes) => {
    this.waiting -= bytes
  })

  /** The buffer is nobody's: no view of it may be used any more. */
  release(buffer: ArrayBuffer): void {
    const bytes = buffer.byteLength
    if (bytes > AT_ONCE_BYTES_MAX) return
    if (bytes <= SMALL_BYTES_MAX && this.waiting + bytes <= WAITING_BYTES_MAX) {
      this.waiting += bytes
      this.collected.register(buffer, bytes)
      return
    }
    if (this.port === null) {
      const { port1, port2 } = new MessageChannel()
      port2.close()
      port1.unref()
      this.port = port1
    }
    this.port.postMessage(buffer, [buffer])
  }
}
