/** LATENCY DOCTOR: what the latency monitor has seen, and what may be done about it, in plain words. */

import type { Config } from '../config/config.js'
import type { Latency, Sample } from './latency.js'

interface Finding {
  readonly count: number
  readonly average_ms: number
  /** The mean distance from the average. */
  readonly deviation_ms: number
  /** Seconds between two samples, on average. */
  readonly period_s: number
}

function analyze(samples: readonly Sample[], now_s: number): Finding {
  const count = samples.length
  const mean = (values: readonly number[]): number =>
    Math.floor(values.reduce((sum, value) => sum + value, 0) / count)
  const average_ms = mean(samples.map(({ latency_ms }) => latency_ms))
  const deviation_ms = mean(samples.map(({ latency_ms }) => Math.abs(latency_ms - average_ms)))
  const oldest_s = Math.min(...samples.map(({ at_s }) => at_s))
  return { count, average_ms, deviation_ms, period_s: Math.max(1, now_s - oldest_s) / count }
}

type Values = Config['values']

const DISK =
  'The disk is slow or busy: keep the append-only file on a local disk, an SSD if possible, which no other program loads.'

/** Advice for a kind of event, as far as the configuration does not follow it already. */
function advice(event: string, values: Values): (string | false)[] {
  const threshold_us = values['latency-monitor-threshold'] * 1000
  const slower_us = values['slowlog-log-slower-than']
  switch (event) {
    case 'command':
      return [
        slower_us < 0 &&
          `The slow log is off: CONFIG SET slowlog-log-slower-than ${threshold_us} makes it note the commands that are slow.`,
        slower_us > threshold_us &&
          `The slow log notes less than this monitor does: CONFIG SET slowlog-log-slower-than ${threshold_us} would make them agree.`,
        'SLOWLOG GET shows which commands are slow.',
      ]
    case 'fast-command':
      return [
        'Commands that touch next to nothing were slow: the process does not get the processor when it needs it. Look for ' +
          'other programs on this machine, noisy neighbours of a virtual one, and at shoal-cli --intrinsic-latency 100.',
      ]
    case 'expire-cycle':
      return [
        values.hz < 100 &&
          'Very many keys expire at the same time: CONFIG SET hz 100 removes them in smaller portions, more often.',
      ]
    case 'eviction-cycle':
    case 'eviction-del':
      return [
        'Much had to be evicted at once: lower maxmemory in small steps, and mind commands that store large results.',
      ]
    case 'aof-fsync-always':
      return [
        DISK,
        values.appendfsync === 'always' &&
          'appendfsync everysec would not let every write wait for the disk.',
      ]
    case 'aof-write-active-child':
      return [
        DISK,
        !values['no-appendfsync-on-rewrite'] &&
          'no-appendfsync-on-rewrite yes leaves out syncing while files are rewritten, at the price of what a crash loses.',
      ]
    default:
      return event.startsWith('aof-') || event.startsWith('rdb-') ? [DISK] : []
  }
}

export function latencyReport(latency: Latency, values: Values, now_s: number): string {
  const events = latency.latest()
  if (events.length === 0) {
    return values['latency-monitor-threshold'] === 0
      ? 'The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> makes it watch for what takes longer.\n'
      : 'No event has taken longer than latency-monitor-threshold so far.\n'
  }
  let report = 'These events took longer than latency-monitor-threshold:\n\n'
  const advices = new Set<string>()
  events.forEach(({ name, max_ms }, index) => {
    const { count, average_ms, deviation_ms, period_s } = analyze(latency.history(name), now_s)
    report +=
      `${index + 1}. ${name}: ${count} latency spikes (average ${average_ms}ms, mean deviation ${deviation_ms}ms, ` +
      `period ${period_s.toFixed(2)} sec). Worst all time event ${max_ms}ms.\n`
    for (const line of advice(name, values)) if (line !== false) advices.add(line)
  })
  if (advices.size === 0) return `${report}\nThere is no advice for events of these kinds.\n`
  return `${report}\nWhat may help:\n\n${[...advices].map((line) => `- ${line}\n`).join('')}`
}
