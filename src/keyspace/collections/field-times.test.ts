/** Hashes with fields that expire while chunks of the heap are emptied: what names a block learns where it lies. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'
import { Compaction } from '../compaction.js'
import { expireSomeFields } from './field-expiry.js'

const NOW = 1_700_000_000_000

/** Each hash's fields with their times, and in what order the queue gives them. */
function contents(runner: Runner): string[] {
  const { keyspace } = runner
  const { hashes, fieldTimes } = keyspace
  const all: string[] = []
  const db = keyspace.databases[0]!
  db.forEach((handle) => {
    const key = Buffer.from(keyspace.entries.key(handle)).toString()
    const timer = hashes.timerOf(handle)
    if (timer !== 0) {
      const first = hashes.firstExpiry(handle)
      all.push(`${key} first ${first} ${Buffer.from(fieldTimes.key(timer))}`)
      if (first !== -1) expect(fieldTimes.timeOf(timer)).toBe(first)
    }
    hashes.forEach(handle, () => {
      all.push(`${key} ${hashes.field.text()} ${hashes.value.text()} ${hashes.expiry}`)
    })
  })
  return all.sort()
}

test('fields keep their times while chunks are emptied, and go when these come', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.array(fc.nat(2999), { maxLength: 30 }),
      (keep, changes) => {
        const runner = new Runner({ now_ms: NOW })
        const { keyspace } = runner
        const db = keyspace.databases[0]!
        for (let i = 0; i < 3000; i++) {
          runner.run('HSET', `small:${i}`, 'a', 'x'.repeat(i % 40), 'b', i)
          runner.run('HPEXPIRE', `small:${i}`, 10_000 + ((i * 7919) % 3000), 'FIELDS', 1, 'b')
          runner.run('SET', `filling:${i}`, 'x'.repeat(i % 300))
          runner.run('HSET', 'large', `field:${i}`, 'y'.repeat(i % 60))
          if (i % 2 === 0)
            runner.run('HPEXPIRE', 'large', 10_000 + ((i * 31) % 3000), 'FIELDS', 1, `field:${i}`)
        }
        runner.run('DEL', ...Array.from({ length: 3000 }, (_, i) => `filling:${i}`))
        for (let i = 0; i < 3000; i++) {
          if (i % keep === 0) continue
          runner.run('DEL', `small:${i}`)
          runner.run('HDEL', 'large', `field:${i}`)
        }
        const before = contents(runner)
        const reserved = keyspace.heap.reservedBytes
        const compaction = new Compaction(keyspace)
        expect(compaction.begin()).toBe(true)
        while (compaction.step());
        expect(contents(runner)).toEqual(before)
        expect(keyspace.heap.reservedBytes).toBeLessThan(reserved)
        // Again, with changes in between.
        runner.run('DEL', ...Array.from({ length: 3000 }, (_, i) => `small:${i * 2}`))
        compaction.begin()
        for (const change of changes) {
          compaction.step()
          runner.run('HPEXPIRE', 'large', 5000 + change, 'FIELDS', 1, `field:${change}`)
          runner.run('HSETEX', `small:${change}`, 'PX', 3000 + change, 'FIELDS', 1, 'c', 1)
        }
        const changed = contents(runner)
        while (compaction.step());
        expect(contents(runner)).toEqual(changed)
        runner.now_ms = NOW + 14_000
        while (expireSomeFields(db, 100, () => undefined) > 0);
        expect(keyspace.fieldTimes.size).toBe(0)
        expect(contents(runner).every((line) => line.endsWith(' -1') || line.includes(' first -1 '))).toBe(
          true,
        )
        runner.run('FLUSHALL')
        expect(keyspace.heap.usedBytes).toBe(0)
      },
    ),
    { numRuns: 4 },
  )
})
