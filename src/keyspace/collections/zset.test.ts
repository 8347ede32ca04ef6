/** Sorted sets against a sorted array: whatever is done, what is read is the same, and nothing is left in the heap. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace.js'

function limited(entries: number): Keyspace {
  let seed = 7
  const random32 = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return seed ^ (seed >>> 13)
  }
  const k = new Keyspace({ databases: 1, cluster: false, random32 })
  k.limit = (name) => (name.endsWith('-value') ? 64 : entries)
  return k
}

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const member = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('', 'a', 'ab', 'b\0', '\xff', '007', 'x'.repeat(65)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }).map((b) => Buffer.from(b).toString('latin1')) },
)
const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(Infinity, -Infinity, 0.1, -1.5, 1e300, 2 ** 53, 2 ** 60, -1e-7),
)
const edit = fc.record({
  what: fc.constantFrom('set', 'set', 'several', 'remove', 'find', 'cut'),
  member,
  score,
  from: fc.nat(60),
  many: fc.nat(4),
})

type Pair = [string, number]
const order = ([a, x]: Pair, [b, y]: Pair) => (x !== y ? (x < y ? -1 : 1) : a < b ? -1 : a > b ? 1 : 0)

function check(k: Keyspace, handle: number, model: Map<string, number>, by: string, at: number): void {
  const { zsets } = k
  const sorted = [...model].sort(order)
  const shown = (from: number, to: number, reverse: boolean): Pair[] => {
    const found: Pair[] = []
    zsets.range(handle, from, to, reverse, () => found.push([zsets.member.text(), zsets.score]))
    return found
  }
  const size = sorted.length
  expect(zsets.size(handle)).toBe(size)
  expect(shown(0, size, false)).toEqual(sorted)
  expect(shown(0, size, true)).toEqual([...sorted].reverse())
  const third = Math.floor(size / 3)
  expect(shown(third, size - third, false)).toEqual(sorted.slice(third, size - third))
  expect(shown(third, size - third, true)).toEqual(sorted.slice(third, size - third).reverse())
  expect(zsets.countBelow(handle, at, false)).toBe(sorted.filter(([, x]) => x < at).length)
  expect(zsets.countBelow(handle, at, true)).toBe(sorted.filter(([, x]) => x <= at).length)
  const b = bytes(by)
  expect(zsets.rank(handle, b, 0, b.length)).toBe(sorted.findIndex(([name]) => name === by))
  for (const [i, [name]] of sorted.entries()) {
    const n = bytes(name)
    expect(zsets.rank(handle, n, 0, n.length)).toBe(i)
  }
}

test('a sorted set is a sorted array', () => {
  const edits = fc.array(edit, { maxLength: 80, size: 'max' })
  fc.assert(
    fc.property(edits, fc.constantFrom(0, 8, 128), member, score, (all, entries, by, at) => {
      const k = limited(entries)
      const { zsets } = k
      const before = k.heap.usedBytes
      const handle = zsets.create(1)
      const model = new Map<string, number>()
      for (const { what, member: name, score: value, from, many } of all) {
        const b = bytes(name)
        if (what === 'set') {
          expect(zsets.set(handle, b, 0, b.length, value)).toBe(!model.has(name))
          model.set(name, value)
        } else if (what === 'several') {
          // As ZADD does: members that are there, and new ones, each looked for behind the one before.
          const names = [...model.keys()].sort().slice(from % 20, (from % 20) + 3)
          let hint: number | undefined
          for (const one of [...names, name, `${name}+`, ...names]) {
            const n = bytes(one)
            const isThere = zsets.find(handle, n, 0, n.length, hint)
            expect(isThere).toBe(model.has(one))
            const wanted = isThere && many < 2 ? model.get(one)! : value + one.length
            if (many !== 3 && !(isThere && zsets.score === wanted)) {
              zsets.setFound(handle, n, 0, n.length, wanted)
              model.set(one, wanted)
            }
            hint = zsets.after
          }
        } else if (what === 'remove') {
          expect(zsets.remove(handle, b, 0, b.length)).toBe(model.delete(name))
        } else if (what === 'find') {
          expect(zsets.find(handle, b, 0, b.length)).toBe(model.has(name))
          if (model.has(name)) expect(zsets.score).toBe(model.get(name))
        } else if (from < model.size) {
          const to = Math.min(model.size, from + many)
          zsets.removeRange(handle, from, to)
          for (const [gone] of [...model].sort(order).slice(from, to)) model.delete(gone)
        }
      }
      check(k, handle, model, by, at)
      k.release(handle)
      expect(k.heap.usedBytes).toBe(before)
      expect(k.large.bytes).toBe(0)
    }),
    { numRuns: 150 },
  )
})

test('members of one score are counted by their bytes', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(member, { maxLength: 60 }),
      fc.constantFrom(0, 128),
      member,
      (all, entries, by) => {
        const k = limited(entries)
        const handle = k.zsets.create(1)
        for (const name of all) k.zsets.set(handle, bytes(name), 0, name.length, 1)
        const b = bytes(by)
        expect(k.zsets.countBefore(handle, b, 0, b.length, false)).toBe(
          all.filter((name) => name < by).length,
        )
        expect(k.zsets.countBefore(handle, b, 0, b.length, true)).toBe(
          all.filter((name) => name <= by).length,
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('changes of form keep all members; a copy is a set of its own', () => {
  const k = limited(10)
  const { zsets } = k
  const before = k.heap.usedBytes
  const handle = zsets.create(0)
  const model = new Map<string, number>()
  for (let i = 0; i < 9; i++) {
    const name = bytes(`m${i}`)
    zsets.set(handle, name, 0, name.length, -(i + 1) / 4)
    model.set(`m${i}`, -(i + 1) / 4)
  }
  zsets.enlarge(handle)
  expect(zsets.isSmall(handle)).toBe(false)
  check(k, handle, model, 'm3', -1)
  const made = zsets.create(1e6)
  zsets.release(made)
  zsets.copyOwned(handle, made)
  zsets.shrink(handle)
  expect(zsets.isSmall(handle)).toBe(true)
  check(k, handle, model, 'm3', -1)
  k.release(handle)
  check(k, made, model, 'm3', -1)
  k.release(made)
  expect(k.heap.usedBytes).toBe(before)
  expect(k.large.bytes).toBe(0)
})
