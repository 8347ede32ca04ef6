/** What a node counts for INFO. */

/** More different error codes than this are not told apart: a script may invent them. */
const ERROR_CODES_MAX = 128

export class Stats {
  connections = 0
  rejectedConnections = 0
  errorReplies = 0
  syncFull = 0
  syncPartialOk = 0
  syncPartialErr = 0
  evictedKeys = 0
  evictedClients = 0
  outputLimitDisconnections = 0
  queryLimitDisconnections = 0
  /** Memory that the process used at most, in bytes. */
  peakMemory = 0
  readonly errors = new Map<string, number>()
  private samples = new Float64Array(16 * 3)
  private sampled = 0
  private readonly last = new Float64Array(3)
  private lastAt_ms = 0

  countError(message: string): void {
    this.errorReplies++
    const space = message.indexOf(' ')
    const code = space < 0 ? message : message.slice(0, space)
    const count = this.errors.get(code)
    if (count === undefined && this.errors.size >= ERROR_CODES_MAX) return
    this.errors.set(code, (count ?? 0) + 1)
  }

  /** Takes a sample of counters that only grow, for rates: commands, bytes in, bytes out. */
  sample(now_ms: number, commands: number, bytesIn: number, bytesOut: number): void {
    const elapsed = now_ms - this.lastAt_ms
    const row = (this.sampled++ % 16) * 3
    const current = [commands, bytesIn, bytesOut]
    for (let i = 0; i < 3; i++) {
      const grown = current[i]! - this.last[i]!
      this.samples[row + i] = this.lastAt_ms === 0 || elapsed <= 0 ? 0 : (grown * 1000) / elapsed
      this.last[i] = current[i]!
    }
    this.lastAt_ms = now_ms
  }

  /** The average of the last 16 samples a second: 0 commands, 1 bytes in, 2 bytes out. */
  rate(which: number): number {
    let sum = 0
    for (let row = 0; row < 16; row++) sum += this.samples[row * 3 + which]!
    return sum / 16
  }
}
