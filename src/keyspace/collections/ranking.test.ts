/** Large sorted sets against a sorted array, with as many members as make a tree of several levels. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace.js'
import { LEAF_ROOM } from './rank-nodes.js'
import type { Ranking } from './ranking.js'
import { ElementWalk } from './walks.js'

/** How many random sequences of changes are tried. */
const RUNS = Number(process.env.SHOAL_RANKING_RUNS ?? 25)

type Pair = [string, number]
const order = ([a, x]: Pair, [b, y]: Pair) => (x !== y ? (x < y ? -1 : 1) : a < b ? -1 : a > b ? 1 : 0)
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))

function newKeyspace(): Keyspace {
  let seed = 5
  const k = new Keyspace({
    databases: 1,
    cluster: false,
    random32: () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0
      return seed ^ (seed >>> 13)
    },
  })
  k.limit = () => 0
  return k
}

/** A large set and what should be in it. */
class Pairs {
  readonly k = newKeyspace()
  readonly handle = this.k.zsets.create(1)
  readonly ranking: Ranking = this.k.zsets.ranking(this.handle)
  readonly model = new Map<string, number>()

  set(name: string, score: number): void {
    const b = bytes(name)
    if (this.ranking.set(b, 0, b.length, score) === this.model.has(name)) throw new Error(`set of ${name}`)
    this.model.set(name, score)
  }

  delete(name: string): void {
    const b = bytes(name)
    if (this.ranking.delete(b, 0, b.length) !== this.model.delete(name)) throw new Error(`delete of ${name}`)
  }

  cut(from: number, to: number): void {
    if (from >= to) return
    this.ranking.removeRange(from, to)
    for (const [name] of [...this.model].sort(order).slice(from, to)) this.model.delete(name)
  }

  /** Moves every block whose handle falls into a class, of elements and of the tree. */
  relocate(every: number): void {
    const { heap } = this.k
    const isLeaving = heap.isLeaving.bind(heap)
    heap.isLeaving = (handle) => handle % every === 0
    let cursor = 0
    do cursor = this.ranking.relocate(cursor)
    while (cursor !== 0)
    heap.isLeaving = isLeaving
  }

  name(element: number): string {
    const { ranking } = this
    const start = ranking.memberStart(element)
    const end = start + ranking.memberLength(element)
    return Buffer.from(ranking.bytesOf(element).subarray(start, end)).toString('latin1')
  }

  /** Names from a rank on, as many at once as `many` says. */
  walk(rank: number, reverse: boolean, many: number): string[] {
    const into = new Uint32Array(many)
    const found: string[] = []
    this.ranking.seek(rank)
    for (let n = this.ranking.takeMany(into, many, reverse); n > 0; ) {
      for (let i = 0; i < n; i++) found.push(this.name(into[i]!))
      n = this.ranking.takeMany(into, many, reverse)
    }
    return found
  }

  check(): void {
    const { ranking, model } = this
    const sorted = [...model].sort(order)
    const names = sorted.map(([name]) => name)
    const size = names.length
    expect(ranking.size).toBe(size)
    // As texts: to compare thousands one by one takes long.
    expect(this.walk(0, false, 7).join()).toBe(names.join())
    expect(this.walk(size - 1, true, 100).join()).toBe([...names].reverse().join())
    expect(ranking.seek(size)).toBe(false)
    const third = Math.floor(size / 3)
    if (size > 0) {
      expect(this.walk(third, false, 64).join()).toBe(names.slice(third).join())
      const back = names.slice(0, third + 1).reverse()
      expect(this.walk(third, true, 5).join()).toBe(back.join())
    }
    const step = 1 + Math.floor(size / 50)
    for (let i = 0; i < size; i += step) {
      const [name, score] = sorted[i]!
      const b = bytes(name)
      const element = ranking.find(b, 0, b.length)
      expect(ranking.score(element)).toBe(score)
      expect(ranking.rankOf(element)).toBe(i)
      const below = sorted.findIndex(([, x]) => x >= score)
      expect(ranking.countBelow(score, false)).toBe(below)
      const above = sorted.findIndex(([, x]) => x > score)
      expect(ranking.countBelow(score, true)).toBe(above < 0 ? size : above)
    }
    expect(ranking.countBelow(Number.NEGATIVE_INFINITY, false)).toBe(0)
    expect(ranking.countBelow(Number.POSITIVE_INFINITY, true)).toBe(size)
  }

  /** Frees all, a little at a time; nothing must be left. */
  end(before: number): void {
    const { k, ranking } = this
    while (ranking.freeSome(50));
    expect(k.heap.usedBytes).toBe(before)
  }
}

const edit = fc.record({
  what: fc.constantFrom(
    'up',
    'down',
    'mixed',
    'mixed',
    'equal',
    'rescore',
    'nudge',
    'thin',
    'cut',
    'pop',
    'move',
  ),
  many: fc.integer({ min: 1, max: 900 }),
  at: fc.nat(999),
  step: fc.constantFrom(1, 2, 3, 7, 11),
})
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

function carryOut(pairs: Pairs, { what, many, at, step }: Edit, round: number): void {
  const { model } = pairs
  const size = model.size
  const from = Math.floor((at / 1000) * size)
  if (what === 'up') for (let i = 0; i < many; i++) pairs.set(`${round}:${i}`, at + i * step)
  else if (what === 'down') for (let i = 0; i < many; i++) pairs.set(`${round}:${i}`, at - i * step)
  else if (what === 'mixed')
    for (let i = 0; i < many; i++) pairs.set(`${round}:${i}`, (i * 7919 * step) % 1009)
  else if (what === 'equal') for (let i = 0; i < many; i++) pairs.set(`${(i * 31) % 997}`, at % 5)
  else if (what === 'rescore' || what === 'nudge') {
    let i = 0
    for (const [name, score] of [...model]) {
      if (i++ % (step + 1) !== 0) continue
      pairs.set(name, what === 'nudge' ? score + 0.25 : (score * 31 + i) % 1013)
    }
  } else if (what === 'thin') {
    let i = 0
    for (const name of [...model.keys()]) if (i++ % step !== 0) pairs.delete(name)
  } else if (what === 'cut') pairs.cut(from, Math.min(size, from + many))
  else if (what === 'pop') {
    // One by one from an end, as queues are used; with `step`, something else in between.
    const sorted = [...model].sort(order)
    for (let i = 0; i < Math.min(many, size); i++) {
      const [name, score] = (at % 2 === 0 ? sorted.shift() : sorted.pop())!
      const element = pairs.ranking.end(at % 2 === 1)
      if (pairs.name(element) !== name || pairs.ranking.score(element) !== score)
        throw new Error(`pop of ${name}`)
      if (step === 7 && i % 50 === 9) pairs.relocate(2)
      pairs.ranking.dropEnd(at % 2 === 1)
      model.delete(name)
      if (step === 3 && i % 20 === 0) pairs.set(`between${i}`, score + (i % 7))
      if (step === 3 && i % 20 === 0) sorted.splice(0, size, ...[...model].sort(order))
    }
  } else pairs.relocate(step)
}

test('a large set is a sorted array', () => {
  const edits = fc.array(edit, { minLength: 3, maxLength: 14, size: 'max' })
  fc.assert(
    fc.property(edits, (all) => {
      const pairs = new Pairs()
      const before = pairs.k.heap.usedBytes
      for (const [round, one] of all.entries()) carryOut(pairs, one, round)
      pairs.check()
      pairs.end(before)
    }),
    { numRuns: RUNS },
  )
})

test('what is removed one by one, in any order, leaves the others in order', () => {
  const pairs = new Pairs()
  const before = pairs.k.heap.usedBytes
  for (let i = 0; i < 5000; i++) pairs.set(`m${i}`, (i * 7919) % 5003)
  pairs.check()
  for (const [i, name] of [...pairs.model.keys()].entries()) if (i % 3 !== 1) pairs.delete(name)
  pairs.check()
  while (pairs.model.size > 0) {
    const { size } = pairs.model
    pairs.cut(size >>> 1, Math.min(size, (size >>> 1) + 150))
    pairs.check()
    pairs.cut(0, Math.min(3, pairs.model.size))
  }
  pairs.check()
  expect(pairs.k.heap.usedBytes).toBe(before)
})

test('members of one score stand by their bytes', () => {
  const pairs = new Pairs()
  for (let i = 0; i < 5000; i++) pairs.set(`m${(i * 7919) % 5003}`, 1)
  pairs.check()
  const names = [...pairs.model.keys()].sort()
  for (const name of ['', 'm', 'm2', 'm2500', 'm9', 'n', names[2500]!]) {
    const b = bytes(name)
    const before = names.filter((other) => other < name).length
    const there = names.includes(name) ? 1 : 0
    expect(pairs.ranking.countBefore(b, 0, b.length, false)).toBe(before)
    expect(pairs.ranking.countBefore(b, 0, b.length, true)).toBe(before + there)
  }
})

test('members that come in order leave nodes full', () => {
  for (const sign of [1, -1]) {
    const pairs = new Pairs()
    const before = pairs.k.heap.usedBytes
    const members = 20_000
    for (let i = 0; i < members; i++) pairs.set(`m${i}`, sign * i)
    pairs.check()
    // Blocks of 32 bytes, and in the tree 12 bytes a member and a little more.
    const used = pairs.k.heap.usedBytes - before
    expect(used).toBeLessThan(members * (32 + 12.8))
    expect(pairs.ranking.blocks - members).toBeLessThan((members / LEAF_ROOM) * 1.05)
    expect(pairs.ranking.heapBytes(0)).toBe(used)
  }
})

test('who walks a set sees it as it was when he began', () => {
  const pairs = new Pairs()
  for (let i = 0; i < 3000; i++) pairs.set(`m${i}`, (i * 31) % 3001)
  const expected = [...pairs.model].sort(order)
  const seen: Pair[] = []
  const walk = new ElementWalk(pairs.ranking, (element) => {
    seen.push([pairs.name(element), pairs.ranking.score(element)])
  })
  for (let i = 0; walk.step(100); i++) {
    pairs.set(`new${i}`, i)
    pairs.set(`m${i * 3}`, -i)
    pairs.delete(`m${i * 3 + 1}`)
    pairs.cut(0, 2)
    pairs.cut(pairs.model.size - 2, pairs.model.size)
    pairs.relocate(5)
  }
  walk.end()
  expect(seen.sort(order)).toEqual(expected)
  pairs.check()
})
