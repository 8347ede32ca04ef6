/**
 * Bits and bit fields beside redis-server: random sequences give the same bytes, the same notifications, the same in the
 * append-only file, and leave the same strings.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { bitCommand, fieldCommand, KEYS } from './arbitrary-bitmaps.js'

const RUNS = runsOf(50)

describe.skipIf(missing('redis-server'))('bits beside redis-server', DEEP, () => {
  let both: Comparison

  beforeAll(async () => {
    both = await Comparison.start()
  })
  afterAll(async () => {
    await both?.stop()
  })

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }), async (lines) => {
        await both.reset(protocol)
        const reads = KEYS.map((name) => ['GET', name])
        expect(await both.differences([...lines, ...reads])).toEqual([])
      }),
      RUNS,
    )
  }

  for (const protocol of [2, 3]) {
    test(`bits, RESP${protocol}`, () => same(bitCommand, protocol))
    test(`fields, RESP${protocol}`, () => same(fieldCommand, protocol))
  }

  test('what goes out', async () => {
    // Redis does not tell anybody of a string that a BITFIELD made longer in vain.
    const command = fc
      .oneof(bitCommand, fieldCommand)
      .filter((line) => !line.some((word) => /^fail$/i.test(String(word))))
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const { redis, shoal } = await both.propagated(lines)
        expect(shoal).toEqual(redis)
      }),
      RUNS,
    )
  })

  test('large bitmaps', async () => {
    const lines: Line[] = []
    const bytes = (seed: number, length: number) => {
      let x = seed
      return Uint8Array.from({ length }, () => {
        x = (Math.imul(x, 1103515245) + 12345) | 0
        return x >>> 16
      })
    }
    await both.reset()
    for (const [i, length] of [40_000, 70_001, 16_384, 1].entries())
      lines.push(['SET', `k${i}`, bytes(i, length)])
    for (const operation of ['AND', 'OR', 'XOR'])
      lines.push(['BITOP', operation, 'to', 'k0', 'k1', 'k2', 'k3'], ['GET', 'to'])
    lines.push(
      ['BITOP', 'NOT', 'k1', 'k1'],
      ['GET', 'k1'],
      ['BITOP', 'XOR', 'k0', 'k1', 'k0', 'none'],
      ['GET', 'k0'],
    )
    for (const start of [0, 1, 7, 1001, -30_003])
      lines.push(['BITCOUNT', 'k0', start, -1], ['BITCOUNT', 'k0', start, 50_000, 'BIT'])
    lines.push(
      ['SETBIT', 'k0', 8_000_000, 1],
      ['BITPOS', 'k0', 1, 80_000],
      ['BITPOS', 'k0', 0, 3, 100_000, 'BIT'],
    )
    lines.push(
      ['BITOP', 'NOT', 'k0', 'k0'],
      ['BITPOS', 'k0', 0, 80_000],
      ['BITPOS', 'k0', 1, 80_000, 99_999_999, 'BIT'],
    )
    expect(await both.differences(lines)).toEqual([])
  })
})
