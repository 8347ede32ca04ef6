import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../commands/index.js'
import { CommandTable } from '../../commands/table.js'
import { CommandTimes, Histogram } from './command-times.js'
import { Latency } from './latency.js'
import { drawLatency } from './sparkline.js'

describe('a histogram of times', () => {
  test('percentiles are off by less than a hundredth, and never too short', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        (times_us, percent) => {
          const histogram = new Histogram()
          for (const time_us of times_us) histogram.add(time_us, 1)
          const sorted = times_us.map((time_us) => Math.floor(time_us * 1000)).sort((a, b) => a - b)
          const rank = Math.max(1, Math.floor((percent / 100) * sorted.length + 0.5))
          const exact = Math.max(1, sorted[rank - 1]!)
          const told = histogram.percentile(percent)
          expect(told).toBeGreaterThanOrEqual(exact)
          expect(told).toBeLessThanOrEqual(exact * 1.01 + 1)
        },
      ),
    )
  })

  test('levels double and end when every call is counted', () => {
    const histogram = new Histogram()
    for (const usec of [0.5, 0.9, 3, 30, 30, 1e9]) histogram.add(usec, 1)
    expect(histogram.levels()).toEqual([
      [1, 2],
      [4, 3],
      [33, 5],
      [1073741, 6],
    ])
    expect(new Histogram().levels()).toEqual([])
  })
})

test('sampled commands have their first calls timed one by one, then one in some again', () => {
  const table = new CommandTable(COMMANDS)
  const times = new CommandTimes(table)
  const get = table.get('get')!
  expect(get.sampled).toBe(true)
  times.switch(true)
  for (let i = 0; i < 64; i++) {
    expect(get.sampled).toBe(false)
    get.calls++
    times.add(get, 1, 1)
  }
  expect(get.sampled).toBe(true)
  get.calls++
  times.add(get, 1, 64)
  expect(times.of(get)!.total).toBe(128)
  times.reset(true)
  expect(get.sampled).toBe(false)
  expect(times.of(get)).toBeUndefined()
  times.switch(false)
  expect(get.sampled).toBe(true)
})

test('a graph of latencies', () => {
  const latency = new Latency()
  latency.add('command', 10, 1000)
  latency.add('command', 40, 1000 + 86400 - 60)
  latency.add('command', 25, 1000 + 86400 - 5)
  const { max_ms } = latency.latest()[0]!
  expect(drawLatency('command', latency.history('command'), max_ms, 1000 + 86400).split('\n')).toEqual([
    'command - high 40 ms, low 10 ms (all time high 40 ms)',
    '-'.repeat(80),
    ' # ',
    ' |_',
    ' ||',
    '_||',
    '   ',
    '115',
    'dms',
    '',
  ])
})
