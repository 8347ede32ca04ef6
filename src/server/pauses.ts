/**
 * What holds commands back for a while: CLIENT PAUSE, a failover that waits for its replica, a MIGRATE under way. Each has
 * its own end, and the strictest of them counts.
 */

export type PausePurpose = 'client' | 'failover' | 'migrate' | 'shutdown'

export const RUNNING = 0
export const WRITES_WAIT = 1
export const ALL_WAIT = 2

interface Pause {
  level: number
  /** Milliseconds since 1970. */
  until_ms: number
}

export class Pauses {
  private readonly active = new Map<PausePurpose, Pause>()

  /** Begins or prolongs a pause; a stricter one is not softened. */
  begin(purpose: PausePurpose, all: boolean, until_ms: number): void {
    const old = this.active.get(purpose)
    const level = all ? ALL_WAIT : WRITES_WAIT
    this.active.set(purpose, {
      level: Math.max(level, old?.level ?? RUNNING),
      until_ms: Math.max(until_ms, old?.until_ms ?? 0),
    })
  }

  end(purpose: PausePurpose): void {
    this.active.delete(purpose)
  }

  /** Forgets what is over; returns what the others hold back: RUNNING, WRITES_WAIT or ALL_WAIT. */
  level(now_ms: number): number {
    let level = RUNNING
    for (const [purpose, pause] of this.active) {
      if (pause.until_ms <= now_ms) this.active.delete(purpose)
      else level = Math.max(level, pause.level)
    }
    return level
  }
}
