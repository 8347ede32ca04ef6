/** Lists against plain arrays: whatever is done to them, in either form, and at the limits between the forms. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from '../../bytes/ascii.js'
import { ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { LISTPACK, QUICKLIST } from '../entries.js'
import { Keyspace } from '../keyspace.js'
import { lpValidate } from './listpack.js'
import { PLAIN_BYTES_MIN, type Quicklist } from './quicklist.js'

const newKeyspace = (fill: number) => {
  const keyspace = new Keyspace({ databases: 1, cluster: false, random32: () => 12345 })
  keyspace.limit = () => fill
  return keyspace
}

function contents(k: Keyspace, list: number, backwards = false): string[] {
  const all: string[] = []
  k.lists.walk(list, backwards ? k.lists.size(list) - 1 : 0, backwards, () => {
    all.push(k.lists.element.text())
    return true
  })
  return all
}

const element = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -5, max: 300 }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom('', 'a', '9223372036854775807', '-70000', '4294967296') },
  { weight: 2, arbitrary: fc.nat(3000).map((length) => 'x'.repeat(length)) },
)
type Step = readonly [what: string, where: number, text: string, many: number]
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    ...['head', 'heads', 'tail', 'tails', 'first', 'last', 'firsts', 'lasts'],
    ...['insert', 'insert', 'set', 'delete', 'remove', 'settle', 'copy', 'read', 'relocate'],
  ),
  fc.nat(1000),
  element,
  fc.nat(6),
)

/** What a reader of the nodes' bytes finds: sound listpacks, within their blocks, with the elements. */
function expectNodes(k: Keyspace, list: number, model: readonly string[]): void {
  if (k.lists.isSmall(list)) return
  const quicklist = k.lists.quicklist(list)
  let count = 0
  for (let node = quicklist.head; node !== 0; node = quicklist.behind(node)) {
    const block = quicklist.block(node)
    const start = quicklist.start(node)
    const end = start + quicklist.contentBytes(node)
    expect(start >= byteOf(block) && end <= byteOf(block) + k.heap.sizeOf(block)).toBe(true)
    count += quicklist.isPlain(node) ? 1 : lpValidate(k.heap.u8[chunkOf(block)]!, start, end)
  }
  expect(count).toBe(model.length)
}

function relocateAll(k: Keyspace, list: Quicklist): void {
  k.heap.isLeaving = () => true
  for (let at = list.relocate(0); at !== 0; ) at = list.relocate(at)
  k.heap.isLeaving = ByteHeap.prototype.isLeaving
}

/** Does the same to the list and to the model; returns the list's entry. */
function apply(k: Keyspace, list: number, model: string[], [what, where, text, many]: Step): number {
  const { lists } = k
  const bytes = ascii(text)
  const at = model.length === 0 ? 0 : where % model.length
  lists.makeRoom(list, bytes.length, 1)
  if (what.startsWith('head') || what.startsWith('tail')) {
    const head = what.startsWith('head')
    const count = what.endsWith('s') ? many * 12 : 1
    lists.makeRoom(list, bytes.length * count, count)
    for (let i = 0; i < count; i++) {
      lists.push(list, head, bytes, 0, bytes.length)
      if (head) model.unshift(text)
      else model.push(text)
    }
  } else if (what.startsWith('first') || what.startsWith('last')) {
    const head = what.startsWith('first')
    for (let left = what.endsWith('s') ? many * 12 : 1; left > 0 && model.length > 0; left--) {
      lists.showEnd(list, head)
      expect(lists.element.text()).toBe(head ? model.shift() : model.pop())
      lists.dropEnd(list, head)
    }
  } else if (what === 'read') {
    expectNodes(k, list, model)
  } else if (what === 'relocate') {
    if (!lists.isSmall(list)) relocateAll(k, lists.quicklist(list))
  } else if (what === 'insert') {
    const place = where % (model.length + 1)
    lists.insert(list, place, bytes, 0, bytes.length)
    model.splice(place, 0, text)
  } else if (what === 'set' && model.length > 0) {
    lists.set(list, at, bytes, 0, bytes.length)
    model[at] = text
  } else if (what === 'delete') {
    const count = Math.min(many, model.length - at)
    lists.delete(list, at, count)
    model.splice(at, count)
  } else if (what === 'remove' && model.length > 0) {
    const old = model[at]!
    const backwards = many % 2 === 0
    let left = many
    const kept = (backwards ? [...model].reverse() : model).filter((one) => one !== old || left-- <= 0)
    const removed = lists.remove(list, many, backwards, ascii(old), 0, old.length)
    expect(removed).toBe(model.length - kept.length)
    model.splice(0, model.length, ...(backwards ? kept.reverse() : kept))
  } else if (what === 'settle') {
    lists.settle(list, many % 2 === 0)
  } else if (what === 'copy') {
    const copy = lists.isSmall(list) ? lists.create() : lists.createLarge()
    lists.release(copy)
    lists.copyOwned(list, copy)
    k.release(list)
    return copy
  }
  return list
}

test('lists do what arrays do', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(-2, -1, 1, 3, 0, 128),
      fc.array(step, { maxLength: 120, size: 'max' }),
      (fill, steps) => {
        const k = newKeyspace(fill)
        const before = k.heap.usedBytes
        const model: string[] = []
        let list = k.lists.create()
        for (const one of steps) {
          list = apply(k, list, model, one)
          expect(k.lists.size(list)).toBe(model.length)
        }
        expectNodes(k, list, model)
        if (!k.lists.isSmall(list)) {
          const own = k.heap.sizeOf(list)
          expect(k.lists.quicklist(list).heapBytes(0)).toBe(k.heap.usedBytes - before - own)
        }
        expect(contents(k, list)).toEqual(model)
        expect(contents(k, list, true)).toEqual([...model].reverse())
        for (let i = 0; i < model.length; i += 7) {
          expect(k.lists.at(list, i)).toBe(true)
          expect(k.lists.element.text()).toBe(model[i])
        }
        expect(k.lists.at(list, model.length)).toBe(false)
        k.release(list)
        expect(k.heap.usedBytes).toBe(before)
        expect(k.large.size).toBe(0)
      },
    ),
    { numRuns: 100 },
  )
})

test('big elements stand alone, among small ones', () => {
  const k = newKeyspace(-2)
  const before = k.heap.usedBytes
  const model: string[] = []
  let list = k.lists.create()
  const big = 'b'.repeat(PLAIN_BYTES_MIN)
  const steps: Step[] = [
    ['tail', 0, 'a', 0],
    ['tail', 0, 'c', 0],
    ['insert', 1, big, 0],
    ['head', 0, big, 0],
    ['insert', 2, 'x', 0],
    ['set', 0, 'small', 0],
    ['set', 1, `${big}!`, 0],
    ['copy', 0, '', 0],
    ['remove', 3, '', 2],
    ['delete', 1, '', 1],
  ]
  for (const one of steps) {
    list = apply(k, list, model, one)
    expect(contents(k, list).map((text) => `${text.length}${text[0]}`)).toEqual(
      model.map((text) => `${text.length}${text[0]}`),
    )
  }
  k.release(list)
  expect(k.heap.usedBytes).toBe(before)
})

test('a list grows and shrinks between its forms', () => {
  for (const [fill, most, half] of [
    [4, 4, 2],
    [-1, 1363, 680],
  ] as const) {
    const k = newKeyspace(fill)
    const list = k.lists.create()
    const one = ascii('a')
    let grown = 0
    while (k.entries.encoding(list) === LISTPACK) {
      k.lists.makeRoom(list, 1, 1)
      k.lists.push(list, false, one, 0, 1)
      grown++
    }
    expect(grown).toBe(most + 1)
    while (k.entries.encoding(list) === QUICKLIST) {
      k.lists.delete(list, k.lists.size(list) - 1, 1)
      k.lists.settle(list, true)
    }
    expect(k.lists.size(list)).toBe(half)
  }
})
