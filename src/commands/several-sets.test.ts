/**
 * SINTER, ZUNIONSTORE and their kin against sets and maps of JavaScript: sets of all forms and of sizes that are gathered in one piece
 * and in many, tables that change their size meanwhile, integers, and members that stand at any byte of a word.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Part, Runner } from '../../tests/support/runner.js'
import { type Decoded, decode } from '../../tests/support/wire.js'

/** Which names a set has: a multiple of `step` from `from` on, `count` of them, less the first `removed`, which make a table shrink. */
interface Plan {
  readonly kind: 'integers' | 'short' | 'long' | 'mixed'
  readonly from: number
  readonly step: number
  readonly count: number
  readonly removed: number
  readonly weight: number
  /** Of commands on sorted sets: whether this one is a plain set. */
  readonly plain: boolean
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom('integers', 'short', 'long', 'mixed'),
  from: fc.nat(40),
  step: fc.integer({ min: 1, max: 3 }),
  count: fc.oneof(fc.nat(12), fc.nat(150), fc.nat(1500)),
  removed: fc.oneof(fc.constant(0), fc.nat(1500)),
  weight: fc.constantFrom(1, 2, -1, 0, 0.5, Number.POSITIVE_INFINITY),
  plain: fc.boolean(),
})

function nameOf(kind: Plan['kind'], i: number): string {
  if (kind === 'integers') return String(i % 7 === 0 ? -i * 1e12 : i)
  if (kind === 'long') return `${'l'.repeat(60 + (i % 90))}${i}`
  if (kind === 'mixed')
    return i % 3 === 0 ? String(i) : i % 3 === 1 ? `m${i}` : `${'-'.repeat(i % 13)}name of ${i}`
  return `member:${i}`
}

function namesOf(p: Plan): string[] {
  const names = Array.from({ length: p.count }, (_, i) => nameOf(p.kind, p.from + i * p.step))
  return [...new Set(names)]
}

const text = (reply: Decoded): string[] => reply as string[]

class Side {
  readonly runner = new Runner()

  ask(...parts: Part[]): Decoded {
    return decode(this.runner.run(...parts))
  }

  /** Makes a set, and says what it has. */
  set(key: string, p: Plan): Set<string> {
    const names = namesOf(p)
    for (let i = 0; i < names.length; i += 500) this.ask('SADD', key, ...names.slice(i, i + 500))
    const removed = names.slice(0, p.removed)
    if (removed.length > 0) this.ask('SREM', key, ...removed)
    return new Set(names.slice(p.removed))
  }

  sorted(key: string, p: Plan): Map<string, number> {
    if (p.plain) return new Map([...this.set(key, p)].map((name) => [name, 1]))
    const scored = namesOf(p).map((name, i): [string, number] => [name, ((i * 37) % 101) - 50 + (i % 4) / 4])
    for (let i = 0; i < scored.length; i += 500) {
      this.ask('ZADD', key, ...scored.slice(i, i + 500).flatMap(([name, score]) => [score, name]))
    }
    const removed = scored.slice(0, p.removed).map(([name]) => name)
    if (removed.length > 0) this.ask('ZREM', key, ...removed)
    return new Map(scored.slice(p.removed))
  }
}

const latin1Order = (a: string, b: string) =>
  Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
const sameSet = (found: Decoded, expected: Set<string>) => {
  const names = text(found)
  expect(new Set(names).size).toBe(names.length)
  expect(names.sort()).toEqual([...expected].sort())
}

test('sets: what is replied, counted and stored is what sets of JavaScript say', () => {
  fc.assert(
    fc.property(fc.array(plan, { minLength: 1, maxLength: 4 }), fc.nat(20), (plans, limit) => {
      const side = new Side()
      const keys = plans.map((_, i) => `key${i}`)
      const sets = plans.map((p, i) => side.set(keys[i]!, p))
      const [first, ...others] = sets as [Set<string>, ...Set<string>[]]
      const inter = new Set([...first].filter((name) => others.every((other) => other.has(name))))
      const union = new Set(sets.flatMap((set) => [...set]))
      const diff = new Set([...first].filter((name) => !others.some((other) => other.has(name))))
      for (const [word, expected] of Object.entries({ SINTER: inter, SUNION: union, SDIFF: diff })) {
        sameSet(side.ask(word, ...keys), expected)
        expect(side.ask(`${word}STORE`, 'made', ...keys)).toBe(expected.size)
        sameSet(side.ask('SMEMBERS', 'made'), expected)
        for (const name of [...expected].slice(0, 3)) expect(side.ask('SISMEMBER', 'made', name)).toBe(1)
        expect(side.ask('EXISTS', 'made')).toBe(expected.size > 0 ? 1 : 0)
      }
      expect(side.ask('SINTERCARD', keys.length, ...keys)).toBe(inter.size)
      const counted = side.ask('SINTERCARD', keys.length, ...keys, 'LIMIT', limit)
      expect(counted).toBe(limit === 0 ? inter.size : Math.min(limit, inter.size))
    }),
    { numRuns: 60 },
  )
})

test('sets: the form of what is stored is that of a set to which it was added', () => {
  fc.assert(
    fc.property(plan, plan, (one, other) => {
      const side = new Side()
      side.set('one', one)
      side.set('other', other)
      side.ask('SUNIONSTORE', 'made', 'one', 'other')
      const members = text(side.ask('SUNION', 'one', 'other'))
      for (const name of members) side.ask('SADD', 'added', name)
      const form = (key: string) => side.ask('OBJECT', 'ENCODING', key)
      expect(form('made')).toBe(form('added'))
      if (form('made') === 'intset')
        expect(members.map(Number)).toEqual(members.map(Number).sort((a, b) => a - b))
    }),
    { numRuns: 60 },
  )
})

test('sorted sets: members, scores and their order are what maps of JavaScript say', () => {
  const orZero = (score: number) => (Number.isNaN(score) ? 0 : score)
  const how = {
    SUM: (a: number, b: number) => orZero(a + b),
    MIN: Math.min,
    MAX: Math.max,
  }
  fc.assert(
    fc.property(
      fc.array(plan, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('SUM' as const, 'MIN' as const, 'MAX' as const),
      fc.nat(20),
      (plans, aggregate, limit) => {
        const side = new Side()
        const keys = plans.map((_, i) => `key${i}`)
        const sets = plans.map((p, i) => side.sorted(keys[i]!, p))
        const weighted = sets.map(
          (set, i) => new Map([...set].map(([name, score]) => [name, orZero(score * plans[i]!.weight)])),
        )
        weighted.sort((a, b) => a.size - b.size)
        const together = (name: string) =>
          weighted
            .flatMap((set) => (set.has(name) ? [set.get(name)!] : []))
            .reduce((a, b) => how[aggregate](a, b))
        const [first, ...others] = sets as [Map<string, number>, ...Map<string, number>[]]
        const inAll = [...first.keys()].filter((name) => others.every((other) => other.has(name)))
        const inAny = [...new Set(sets.flatMap((set) => [...set.keys()]))]
        const inFirst = [...first.keys()].filter((name) => !others.some((other) => other.has(name)))
        const options = [
          'WEIGHTS',
          ...plans.map((p) => (p.weight > 1e9 ? 'inf' : p.weight)),
          'AGGREGATE',
          aggregate,
        ]
        const check = (word: string, names: string[], scoreOf: (name: string) => number, rest: Part[]) => {
          const expected = names
            .map((name) => ({ name, score: scoreOf(name) }))
            .sort((a, b) => (a.score === b.score ? latin1Order(a.name, b.name) : a.score - b.score))
          const shown = (flat: Decoded) => {
            const found = text(flat)
            return expected.map((_, i) => ({ name: found[i * 2], score: numberOf(found[i * 2 + 1]!) }))
          }
          const plainScores = expected.map(({ name, score }) => ({ name, score: score + 0 }))
          expect(shown(side.ask(word, keys.length, ...keys, ...rest, 'WITHSCORES'))).toEqual(plainScores)
          expect(text(side.ask(word, keys.length, ...keys, ...rest))).toEqual(
            expected.map(({ name }) => name),
          )
          expect(side.ask(`${word}STORE`, 'made', keys.length, ...keys, ...rest)).toBe(expected.length)
          expect(shown(side.ask('ZRANGE', 'made', 0, -1, 'WITHSCORES'))).toEqual(plainScores)
          for (const { name } of expected.slice(0, 3)) expect(side.ask('ZRANK', 'made', name)).not.toBe(null)
        }
        check('ZUNION', inAny, together, options)
        check('ZINTER', inAll, together, options)
        check('ZDIFF', inFirst, (name) => first.get(name)!, [])
        const counted = side.ask('ZINTERCARD', keys.length, ...keys, 'LIMIT', limit)
        expect(counted).toBe(limit === 0 ? inAll.length : Math.min(limit, inAll.length))
      },
    ),
    { numRuns: 60 },
  )
})

function numberOf(score: string): number {
  if (score === 'inf') return Number.POSITIVE_INFINITY
  return score === '-inf' ? Number.NEGATIVE_INFINITY : Number(score) + 0
}

test('ranges of a sorted set that are stored keep members, scores and the form of so many', () => {
  fc.assert(
    fc.property(plan, fc.nat(400), fc.nat(400), (p, from, length) => {
      const side = new Side()
      const plain = { ...p, plain: false }
      side.sorted('key', plain)
      const expected = text(side.ask('ZRANGE', 'key', from, from + length, 'WITHSCORES'))
      expect(side.ask('ZRANGESTORE', 'made', 'key', from, from + length)).toBe(expected.length / 2)
      expect(text(side.ask('ZRANGE', 'made', 0, -1, 'WITHSCORES'))).toEqual(expected)
      if (expected.length === 0) return
      const isSmall = expected.length / 2 <= 128 && expected.every((part) => part.length <= 64)
      expect(side.ask('OBJECT', 'ENCODING', 'made')).toBe(isSmall ? 'listpack' : 'skiplist')
    }),
    { numRuns: 60 },
  )
})

test('what the commands work with is left as it was found: nothing of one is seen by the next', () => {
  const side = new Side()
  side.ask('SADD', 'a', 'x', 'y', 1)
  side.ask('SADD', 'b', 'y', 1, 'z')
  const blocks = side.runner.keyspace.heap.usedBytes
  for (let i = 0; i < 50; i++) {
    sameSet(side.ask('SINTER', 'a', 'b'), new Set(['y', '1']))
    sameSet(side.ask('SUNION', 'a', 'b', 'none'), new Set(['x', 'y', '1', 'z']))
    sameSet(side.ask('SDIFF', 'a', 'b'), new Set(['x']))
    sameSet(side.ask('SINTER', 'a', 'none'), new Set())
    side.ask('ZUNION', 2, 'a', 'b')
  }
  expect(side.runner.keyspace.heap.usedBytes).toBe(blocks)
})
