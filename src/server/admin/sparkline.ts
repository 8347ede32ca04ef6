/**
 * LATENCY GRAPH: the samples of an event as a picture of characters, oldest first, with their age written downwards
 * below. The look (80 columns, four rows of `_o#`, filled with `|`) is the one that Redis's users know.
 */

import type { Sample } from './latency.js'

const COLUMNS = 80
const ROWS = 4
/** Heights within a row. */
const STEPS = ['_', 'o', '#']
const FILLED = '|'

function age(elapsed_s: number): string {
  if (elapsed_s < 60) return `${elapsed_s}s`
  if (elapsed_s < 3600) return `${Math.floor(elapsed_s / 60)}m`
  if (elapsed_s < 86400) return `${Math.floor(elapsed_s / 3600)}h`
  return `${Math.floor(elapsed_s / 86400)}d`
}

export function drawLatency(name: string, samples: readonly Sample[], max_ms: number, now_s: number): string {
  const times = samples.map(({ latency_ms }) => latency_ms)
  const low = Math.min(...times)
  const high = Math.max(...times)
  const levels = STEPS.length * ROWS
  const heights = times.map((time) => {
    const height = Math.floor(((time - low) * levels) / (high === low ? 1 : high - low))
    return Math.min(height, levels - 1)
  })
  const ages = samples.map(({ at_s }) => age(now_s - at_s))
  let out = `${name} - high ${high} ms, low ${low} ms (all time high ${max_ms} ms)\n${'-'.repeat(COLUMNS)}\n`
  for (let from = 0; from < samples.length; from += COLUMNS) {
    if (from > 0) out += '\n'
    out += drawPart(heights.slice(from, from + COLUMNS), ages.slice(from, from + COLUMNS))
  }
  return out
}

function drawPart(heights: readonly number[], ages: readonly string[]): string {
  let out = ''
  for (let row = ROWS - 1; row >= 0; row--) {
    const base = row * STEPS.length
    out += `${heights.map((height) => (height < base ? ' ' : (STEPS[height - base] ?? FILLED))).join('')}\n`
  }
  out += `${' '.repeat(heights.length)}\n`
  const longest = Math.max(...ages.map((label) => label.length))
  for (let i = 0; i < longest; i++) out += `${ages.map((label) => label[i] ?? ' ').join('')}\n`
  return out
}
