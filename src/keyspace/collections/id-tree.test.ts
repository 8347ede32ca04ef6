import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteHeap } from '../../bytes/heap.js'
import { IdTree, IdTreePaths } from './id-tree.js'
import { StreamId } from './stream-id.js'

const RUNS = Number(process.env['SHOAL_PROPERTY_RUNS'] ?? 40)

const id = (value: number) => new StreamId().words(0, value >>> 4, 0, value & 15)
const numberOf = (from: StreamId) => from.msLow * 16 + from.seqLow

function contents(tree: IdTree, payload: boolean): number[][] {
  const found: number[][] = []
  const at = new StreamId()
  for (let on = tree.first(); on; on = tree.next()) {
    found.push([numberOf(tree.id(at)), payload ? tree.payload(0) : 0])
  }
  return found
}

type Step = {
  readonly kind: 'insert' | 'remove' | 'append' | 'atMost' | 'atLeast'
  readonly value: number
  readonly many: number
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('insert', 'remove', 'append', 'append', 'atMost', 'atLeast'),
    value: fc.integer({ min: 0, max: 3000 }),
    many: fc.integer({ min: 1, max: 400 }),
  }),
  { maxLength: 30 },
)

function carryOut(tree: IdTree, model: Map<number, number>, step: Step): void {
  const { kind, many } = step
  for (let i = 0, value = step.value; i < many; i++, value += kind === 'remove' ? 1 : 7) {
    if (kind === 'append') value = Math.max(-1, ...model.keys()) + 1
    if (kind === 'insert' || kind === 'append') {
      expect(tree.insert(id(value))).toBe(!model.has(value))
      tree.setPayload(0, i)
      model.set(value, i)
    } else if (kind === 'remove') {
      expect(tree.remove(id(value))).toBe(model.delete(value))
    }
  }
  if (kind !== 'atMost' && kind !== 'atLeast') return
  const keys = [...model.keys()]
  const wanted =
    kind === 'atMost'
      ? keys.filter((key) => key <= step.value).sort((a, b) => b - a)[0]
      : keys.filter((key) => key >= step.value).sort((a, b) => a - b)[0]
  const found = kind === 'atMost' ? tree.seekAtMost(id(step.value)) : tree.seekAtLeast(id(step.value))
  expect(found ? numberOf(tree.id(new StreamId())) : undefined).toBe(wanted)
}

test('a tree of IDs is a sorted map, and gives all its blocks back', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const heap = new ByteHeap()
      const before = heap.usedBytes
      const tree = new IdTree(heap, new IdTreePaths(), 1)
      const model = new Map<number, number>()
      for (const step of all) {
        carryOut(tree, model, step)
        expect(tree.size).toBe(model.size)
      }
      const sorted = [...model].sort((a, b) => a[0] - b[0])
      expect(contents(tree, true)).toEqual(sorted)
      const backwards: number[] = []
      for (let on = tree.last(); on; on = tree.previous()) backwards.push(numberOf(tree.id(new StreamId())))
      expect(backwards.reverse()).toEqual(sorted.map(([key]) => key))
      expect(tree.heapBytes).toBe(heap.usedBytes - before)
      for (const [key] of sorted) expect(tree.find(id(key))).toBe(true)
      for (const [key] of all.length % 2 === 0 ? sorted : sorted.reverse())
        expect(tree.remove(id(key))).toBe(true)
      expect(tree.size).toBe(0)
      expect(heap.usedBytes).toBe(before)
    }),
    { numRuns: RUNS },
  )
})

test('a large tree, filled in order and at random, emptied at random', () => {
  const heap = new ByteHeap()
  const before = heap.usedBytes
  const tree = new IdTree(heap, new IdTreePaths(), 0)
  const count = 60_000
  // 7919 is prime: all numbers come, in disorder.
  for (let i = 0; i < count; i++) tree.insert(id(i % 2 === 0 ? i : (i * 7919) % count))
  const at = contents(tree, false).map(([key]) => key!)
  expect(at).toEqual([...at].sort((a, b) => a - b))
  expect(new Set(at).size).toBe(tree.size)
  for (let i = 0; i < count; i++) tree.remove(id((i * 7919) % count))
  expect(tree.size).toBe(0)
  expect(heap.usedBytes).toBe(before)
})

test('many pending IDs in order take little more than their words', () => {
  const heap = new ByteHeap()
  const tree = new IdTree(heap, new IdTreePaths(), 5)
  for (let i = 0; i < 200_000; i++) tree.insert(id(i))
  expect(tree.heapBytes).toBeLessThan(200_000 * 36 * 1.06)
})
