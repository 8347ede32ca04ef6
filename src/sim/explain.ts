/** Retells one seed as text, for `npm run sim -- --seed 7 --explain`. */

import { runSeed } from './scenario.js'
import type { Bug } from './world.js'

export interface ExplainOptions {
  readonly bug?: Bug
  /** Packets, too. */
  readonly all?: boolean
}

/** The story of a seed, and how it ended. */
export function explainSeed(seed: number, options: ExplainOptions = {}): string {
  const outcome = runSeed(seed, {
    bug: options.bug ?? 'none',
    trace: options.all === true ? 'all' : 'events',
  })
  return [...(outcome.trace ?? []), '', summary(outcome)].join('\n')
}

export interface SeedsReport {
  readonly text: string
  readonly failed: readonly number[]
}

/** Runs seeds `first` to `last`; one line for each that fails, with the way to see it again, and one for all. */
export function runSeeds(first: number, last: number, bug: Bug = 'none'): SeedsReport {
  const lines: string[] = []
  const failed: number[] = []
  let failovers = 0
  let time_ms = 0
  for (let seed = first; seed <= last; seed++) {
    const outcome = runSeed(seed, { bug })
    failovers += outcome.failovers
    time_ms += outcome.time_ms
    if (outcome.violations.length === 0) continue
    failed.push(seed)
    lines.push(summary(outcome), `  see it again: npm run sim -- --seed ${seed} --explain`)
  }
  const hours = (time_ms / 3_600_000).toFixed(1)
  lines.push(
    `${last - first + 1} seeds, ${hours} virtual hours, ${failovers} failovers, ${failed.length} seeds failed`,
  )
  return { text: lines.join('\n'), failed }
}

function summary(outcome: ReturnType<typeof runSeed>): string {
  const { seed, nodes, time_ms, failovers, violations } = outcome
  const how = violations.length === 0 ? 'all is well' : violations.join('; ')
  return `seed ${seed}: ${nodes} nodes, ${Math.round(time_ms / 1000)} s, ${failovers} failovers: ${how}`
}
