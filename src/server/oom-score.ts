/**
 * oom-score-adj: how willingly Linux ends this process when memory runs out. A replica may be made to go before its
 * master. What the process had when the node began is what `yes` adds to, and what `no` restores.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import type { ServerNode } from './node.js'

const FILE = '/proc/self/oom_score_adj'
const SCORE_MAX = 1000
const FAILED = 'Failed to apply new oom_score_adj configuration, check server logs.'

/** Applies the configuration now, when it changes, and when the node changes its role. Elsewhere than on Linux: nothing. */
export function attachOomScore(node: ServerNode): void {
  const { config } = node
  let base: number | null = null

  const apply = (): string | undefined => {
    const mode = config.values['oom-score-adj']
    if (mode === 'no' && base === null) return undefined
    try {
      base ??= Number(readFileSync(FILE, 'latin1'))
      const wanted = config.values['oom-score-adj-values'][node.isReplica ? 1 : 0] ?? 0
      const score = mode === 'no' ? base : mode === 'absolute' ? wanted : base + wanted
      writeFileSync(FILE, String(Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score))))
      if (mode === 'no') base = null
      return undefined
    } catch (error) {
      node.log('warning', `Unable to write oom_score_adj: ${(error as Error).message}`)
      return FAILED
    }
  }

  config.onChange(['oom-score-adj', 'oom-score-adj-values'], apply)
  node.roleChanged.push(() => void apply())
  apply()
}
