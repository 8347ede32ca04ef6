/**
 * The time that one client's commands take in a turn. Commands are counted as far as they are timed: all that may take
 * long. The longest one does not count, because it may only have waited for the processor: then the rest of a short
 * pipeline runs at once, as it does in Redis.
 */

/** Microseconds for which one client's commands may run in one turn; the rest runs in the next one. */
const SLICE_US = 4000

export class Share {
  private longest_us = 0
  private others_us = 0

  /** A client's turn begins. */
  begin(): void {
    this.longest_us = 0
    this.others_us = 0
  }

  /** One of its commands took so long. */
  spend(usec: number): void {
    if (usec > this.longest_us) {
      this.others_us += this.longest_us
      this.longest_us = usec
    } else this.others_us += usec
  }

  /** Whether the client must let others go on. */
  get isUsedUp(): boolean {
    return this.others_us >= SLICE_US
  }
}
