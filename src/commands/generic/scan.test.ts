/**
 * SCAN, HSCAN, SSCAN, ZSCAN: what is there from the first call to the last is returned, whatever comes and goes between the calls,
 * and nothing is returned that was not there. Tables double, halve, and are moved bucket by bucket meanwhile; collections become
 * large ones.
 */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Part, Runner } from '../../../tests/support/runner.js'
import { type Decoded, decode } from '../../../tests/support/wire.js'

interface Kind {
  /** The command of one call, without options. */
  readonly scan: (cursor: string) => Part[]
  readonly add: (names: readonly string[]) => Part[][]
  readonly remove: (names: readonly string[]) => Part[]
  /** Pieces that the reply has for each element. */
  readonly stride: number
  readonly options?: readonly Part[]
}

const KINDS: Readonly<Record<string, Kind>> = {
  SCAN: {
    scan: (cursor) => ['SCAN', cursor],
    add: (names) => [['MSET', ...names.flatMap((name) => [name, 'x'])]],
    remove: (names) => ['DEL', ...names],
    stride: 1,
  },
  'SCAN TYPE': {
    scan: (cursor) => ['SCAN', cursor],
    // Each element is a hash; as many strings stand between them.
    add: (names) => [
      ...names.map((name) => ['HSET', name, 'f', 'v']),
      ['MSET', ...names.flatMap((name) => [`s${name}`, 'x'])],
    ],
    remove: (names) => ['DEL', ...names],
    stride: 1,
    options: ['TYPE', 'HASH'],
  },
  HSCAN: {
    scan: (cursor) => ['HSCAN', 'k', cursor],
    add: (names) => [['HSET', 'k', ...names.flatMap((name) => [name, `v${name}`])]],
    remove: (names) => ['HDEL', 'k', ...names],
    stride: 2,
  },
  'HSCAN NOVALUES': {
    scan: (cursor) => ['HSCAN', 'k', cursor],
    add: (names) => [['HSET', 'k', ...names.flatMap((name) => [name, `v${name}`])]],
    remove: (names) => ['HDEL', 'k', ...names],
    stride: 1,
    options: ['NOVALUES'],
  },
  'HSCAN with times': {
    scan: (cursor) => ['HSCAN', 'k', cursor],
    add: (names) => [
      ['HSETEX', 'k', 'EX', 100, 'FIELDS', names.length, ...names.flatMap((name) => [name, 'v'])],
    ],
    remove: (names) => ['HDEL', 'k', ...names],
    stride: 2,
  },
  SSCAN: {
    scan: (cursor) => ['SSCAN', 'k', cursor],
    add: (names) => [['SADD', 'k', ...names]],
    remove: (names) => ['SREM', 'k', ...names],
    stride: 1,
  },
  ZSCAN: {
    scan: (cursor) => ['ZSCAN', 'k', cursor],
    add: (names) => [['ZADD', 'k', ...names.flatMap((name, index) => [index % 7, name])]],
    remove: (names) => ['ZREM', 'k', ...names],
    stride: 2,
  },
}

/** Few come or go, so that a table that changes its size is still at it in the next calls; or many, so that it changes again. */
const change = fc.record({
  add: fc.boolean(),
  many: fc.oneof({ weight: 6, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(500) }),
})
/** Tables double when they have nine elements a bucket: right there, or anywhere. */
const others = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 2, max: 7 }), fc.nat(6)).map(([n, more]) => 9 * 2 ** n - 3 + more),
  },
  { weight: 1, arbitrary: fc.nat(1500) },
)

describe.each(Object.entries(KINDS))('%s', (_name, kind) => {
  test('misses nothing that stays', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        others,
        fc.constantFrom(1, 1, 2, 20),
        fc.array(change, { maxLength: 400, size: 'max' }),
        fc.boolean(),
        (stay, passingAtFirst, count, changes, integers) => {
          const runner = new Runner()
          const nameOf = (n: number) => (integers ? String(n * 7) : `e${n}`)
          let next = 0
          const make = (many: number): string[] => Array.from({ length: many }, () => nameOf(next++))
          const run = (parts: readonly Part[]) => {
            expect(runner.run(...parts).startsWith('-'), String(parts[0])).toBe(false)
          }
          const add = (names: readonly string[]) => {
            if (names.length > 0) for (const parts of kind.add(names)) run(parts)
          }
          const passing = make(passingAtFirst)
          const ever = new Set(passing)
          // Some of those that stay come first, some last.
          const staying = make(stay)
          add(staying.slice(0, stay >>> 1))
          add(passing)
          add(staying.slice(stay >>> 1))
          const seen = new Set<string>()
          let cursor = '0'
          let calls = 0
          do {
            const reply = runner.run(...kind.scan(cursor), 'COUNT', count, ...(kind.options ?? []))
            const [to, found] = decode(reply) as [string, Decoded[]]
            for (let i = 0; i < found.length; i += kind.stride) seen.add(String(found[i]))
            cursor = to
            const one = changes[calls++]
            if (one === undefined) continue
            if (one.add) {
              const names = make(one.many)
              add(names)
              for (const name of names) {
                passing.push(name)
                ever.add(name)
              }
            } else {
              const gone = passing.splice(0, one.many)
              if (gone.length > 0) run(kind.remove(gone))
            }
            runner.keyspace.databases[0]!.resizeSome(one.many & 1)
            expect(calls).toBeLessThan(40_000)
          } while (cursor !== '0')
          for (const name of staying) expect(seen.has(name), name).toBe(true)
          for (const name of seen) expect(ever.has(name) || staying.includes(name), name).toBe(true)
        },
      ),
      { numRuns: 20 },
    )
  })
})

test('a pattern chooses among what is there', () => {
  const runner = new Runner()
  for (let i = 0; i < 300; i++) runner.say(`HSET k field:${i} v${i}`)
  for (let i = 0; i < 300; i++) runner.say(`HSET k other:${i} v${i}`)
  const seen = new Set<string>()
  let cursor = '0'
  do {
    const [to, found] = decode(runner.run('HSCAN', 'k', cursor, 'MATCH', 'field:*7', 'NOVALUES')) as [
      string,
      string[],
    ]
    for (const field of found) seen.add(field)
    cursor = to
  } while (cursor !== '0')
  expect([...seen].sort()).toEqual(Array.from({ length: 30 }, (_, i) => `field:${i * 10 + 7}`).sort())
  expect(runner.run('SSCAN', 'k', '0')).toContain('WRONGTYPE')
  expect(runner.say('SSCAN s 0 NOVALUES')).toBe('*2 $1 0 *0')
  runner.say('SADD s a')
  expect(runner.say('SSCAN s 0 NOVALUES')).toBe('-ERR syntax error')
  expect(runner.say('HSCAN k 0 COUNT 0')).toBe('-ERR syntax error')
  expect(runner.say('HSCAN k x')).toBe('-ERR invalid cursor')
})
