/** --latency, --latency-history: how long a PING takes. --intrinsic-latency: how long this machine lets one wait. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../session.js'
import { persistent, watchInterrupt } from './common.js'

const SAMPLE_EVERY_MS = 10
const HISTORY_INTERVAL_MS = 15_000
const SINGLE_INTERVAL_MS = 1000

interface Samples {
  min: number
  max: number
  total: number
  count: number
}

/** On a terminal for ever; elsewhere one result after a second (or -i). Milliseconds, whole as redis-cli's. */
export async function latency(session: Session): Promise<number> {
  const { options } = session
  const terminal = options.output === 'standard'
  const history_ms = options.interval_ms > 0 ? options.interval_ms : HISTORY_INTERVAL_MS
  const single_ms = options.interval_ms > 0 ? options.interval_ms : SINGLE_INTERVAL_MS
  let began = Date.now()
  let samples: Samples = { min: 0, max: 0, total: 0, count: 0 }
  for (;;) {
    const start = Date.now()
    await persistent(session, 'PING')
    add(samples, Date.now() - start)
    if (terminal) session.print(`\x1b[0G\x1b[2K${samplesText(session, samples)}`)
    else if (options.history) session.print(samplesText(session, samples))
    else if (Date.now() - began > single_ms) {
      session.print(samplesText(session, samples))
      return 0
    }
    if (options.history && Date.now() - began > history_ms) {
      session.print(` -- ${((Date.now() - began) / 1000).toFixed(2)} seconds range\n`)
      began = Date.now()
      samples = { min: 0, max: 0, total: 0, count: 0 }
    }
    await sleep(SAMPLE_EVERY_MS)
  }
}

function add(samples: Samples, value: number): void {
  samples.min = samples.count === 0 ? value : Math.min(samples.min, value)
  samples.max = Math.max(samples.max, value)
  samples.total += value
  samples.count++
}

function samplesText({ options }: Session, { min, max, total, count }: Samples): string {
  const avg = (total / count).toFixed(2)
  switch (options.output) {
    case 'standard':
      return `min: ${min}, max: ${max}, avg: ${avg} (${count} samples)`
    case 'csv':
      return `${min},${max},${avg},${count}\n`
    case 'raw':
      return `${min} ${max} ${avg} ${count}\n`
    default:
      return `{"min": ${min}, "max": ${max}, "avg": ${avg}, "count": ${count}}\n`
  }
}

/** After so long the loop lets Ctrl-C in. */
const SLICE_MS = 50

/** Computes without a system call and measures the longest gap. Within Node the garbage collector is one of them. */
export async function intrinsicLatency(session: Session): Promise<number> {
  const interrupt = watchInterrupt(session)
  const run_us = session.options.duration_s * 1_000_000
  const end = performance.now() + run_us / 1000
  let max_us = 0
  let runs = 0
  for (;;) {
    const sliceEnd = performance.now() + SLICE_MS
    while (performance.now() < sliceEnd) {
      const start = performance.now()
      computeSomething()
      const took_us = Math.round((performance.now() - start) * 1000)
      runs++
      if (took_us <= max_us) continue
      max_us = took_us
      session.print(`Max latency so far: ${max_us} microseconds.\n`)
    }
    if (interrupt.interrupted() || performance.now() > end) break
    await new Promise((resolve) => setImmediate(resolve))
  }
  interrupt.stop()
  const avg_us = run_us / runs
  session.print(
    `\n${runs} total runs (avg latency: ${avg_us.toFixed(4)} microseconds / ` +
      `${(avg_us * 1000).toFixed(2)} nanoseconds per run).\n` +
      `Worst run took ${(max_us / avg_us).toFixed(0)}x longer than the average latency.\n`,
  )
  return 0
}

const state = () => Uint8Array.from({ length: 256 }, (_, i) => i)

/** Some hundred swaps that no compiler can leave out. */
function computeSomething(): number {
  const s = state()
  let j = 0
  let sum = 0
  for (let count = 0; count < 1000; count++) {
    const i = (count + 1) & 255
    j = (j + s[i]!) & 255
    const t = s[i]!
    s[i] = s[j]!
    s[j] = t
    sum += s[(s[i]! + t) & 255]!
  }
  return sum
}
