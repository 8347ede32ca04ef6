/**
 * The latency monitor: events that took at least latency-monitor-threshold milliseconds, at most one a
 * second of each kind, the last 160 of each. Whoever measures something calls `add`.
 */

const SAMPLES_MAX = 160

export interface Sample {
  readonly at_s: number
  latency_ms: number
}

interface Event {
  readonly samples: Sample[]
  max_ms: number
}

export class Latency {
  private readonly events = new Map<string, Event>()

  /** Notes an event; of two in the same second the longer one counts. */
  add(name: string, latency_ms: number, at_s: number): void {
    let event = this.events.get(name)
    if (event === undefined) {
      event = { samples: [], max_ms: 0 }
      this.events.set(name, event)
    }
    event.max_ms = Math.max(event.max_ms, latency_ms)
    const last = event.samples.at(-1)
    if (last?.at_s === at_s) {
      last.latency_ms = Math.max(last.latency_ms, latency_ms)
      return
    }
    event.samples.push({ at_s, latency_ms })
    if (event.samples.length > SAMPLES_MAX) event.samples.shift()
  }

  history(name: string): readonly Sample[] {
    return this.events.get(name)?.samples ?? []
  }

  /** Each kind of event: its last sample and the longest ever. */
  latest(): { name: string; last: Sample; max_ms: number }[] {
    return [...this.events].map(([name, { samples, max_ms }]) => ({ name, last: samples.at(-1)!, max_ms }))
  }

  /** Forgets some kinds, or all; returns how many there were. */
  reset(names: readonly string[]): number {
    if (names.length === 0) {
      const count = this.events.size
      this.events.clear()
      return count
    }
    return names.filter((name) => this.events.delete(name)).length
  }
}
