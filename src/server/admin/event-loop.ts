/**
 * How busy the event loop is, for INFO: how often it went round and how long it worked, as Node itself counts it. The loop
 * is the process's: where several nodes share one, each tells of all of them.
 */

import { performance } from 'node:perf_hooks'
import type { InfoLine } from '../info.js'

const SAMPLES = 16

interface Use {
  readonly at_ms: number
  readonly cycles: number
  readonly active_us: number
}

interface LoopTiming {
  readonly uvMetricsInfo?: { readonly loopCount: number }
}

/** Null where this Node does not count (before 20.18). */
function loopUse(now_ms: number): Use | null {
  const info = (performance.nodeTiming as unknown as LoopTiming).uvMetricsInfo
  if (info === undefined) return null
  return {
    at_ms: now_ms,
    cycles: info.loopCount,
    active_us: performance.eventLoopUtilization().active * 1000,
  }
}

export class LoopMeter {
  private readonly samples: Use[] = []

  /** Takes a sample for the rates: about ten times a second. */
  sample(now_ms: number): void {
    const use = loopUse(now_ms)
    if (use === null) return
    this.samples.push(use)
    if (this.samples.length > SAMPLES) this.samples.shift()
  }

  /** INFO stats' lines. `commands_us`: what commands took. */
  lines(now_ms: number, commands_us: number): InfoLine[] {
    const use = loopUse(now_ms)
    if (use === null) return []
    const [first, last] = [this.samples[0], this.samples.at(-1)]
    const elapsed_ms = first === undefined || last === undefined ? 0 : last.at_ms - first.at_ms
    const cycles = elapsed_ms === 0 ? 0 : last!.cycles - first!.cycles
    const active_us = elapsed_ms === 0 ? 0 : last!.active_us - first!.active_us
    return [
      ['eventloop_cycles', use.cycles],
      ['eventloop_duration_sum', Math.round(use.active_us)],
      ['eventloop_duration_cmd_sum', Math.round(commands_us)],
      [
        'instantaneous_eventloop_cycles_per_sec',
        elapsed_ms === 0 ? 0 : Math.round((cycles * 1000) / elapsed_ms),
      ],
      ['instantaneous_eventloop_duration_usec', cycles === 0 ? 0 : Math.round(active_us / cycles)],
    ]
  }
}
