/** Small hashes against a Map: several fields at once, in any order, some again, some integers; searches that go on where one ended. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace.js'
import { LP_HEADER_BYTES, lpValidate } from './listpack.js'

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))

function newKeyspace(entries: number): Keyspace {
  const keyspace = new Keyspace({ databases: 1, cluster: false, random32: () => 7 })
  keyspace.limit = (name) => (name.endsWith('-value') ? 64 : entries)
  return keyspace
}

const field = fc.constantFrom(
  '',
  'a',
  'b',
  'field1',
  'field2',
  'field3',
  'f-1',
  '1',
  '-1',
  '12',
  '007',
  '4096',
  'x'.repeat(63),
)
const value = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-',
    '1',
    '99',
    '127',
    '128',
    '-4097',
    '9007199254740993',
    'value1',
    'value2',
    '00',
    '1x',
  ),
  fc.string({ maxLength: 70 }),
)
const step = fc.record({
  pairs: fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 8 }),
  asked: fc.array(field, { maxLength: 6 }),
  gone: fc.option(field),
  counted: fc.option(fc.tuple(field, fc.integer({ min: -200, max: 70_000 }))),
})

/** Texts one behind the other, and where each of them is. */
function joined(texts: readonly string[]): { buf: Uint8Array; ranges: Int32Array } {
  const ranges = new Int32Array(texts.length * 2)
  let at = 3
  for (const [i, text] of texts.entries()) {
    ranges[i * 2] = at
    at += text.length
    ranges[i * 2 + 1] = at
    at += 2
  }
  const buf = new Uint8Array(at + 3).fill(0x41)
  for (const [i, text] of texts.entries()) buf.set(bytes(text), ranges[i * 2])
  return { buf, ranges }
}

test('fields that are set together, asked for together and counted are those of a map', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.constantFrom(5, 512), (steps, entries) => {
      const keyspace = newKeyspace(entries)
      const { hashes, heap } = keyspace
      const before = heap.usedBytes
      const hash = hashes.create()
      const model = new Map<string, string>()
      for (const { pairs, asked, gone, counted } of steps) {
        const { buf, ranges } = joined(pairs.flat())
        const known = model.size
        for (const [name, content] of pairs) model.set(name, content)
        expect(hashes.setPairs(hash, buf, ranges, 0, ranges.length)).toBe(model.size - known)
        const small = hashes.pairsOf(hash)
        if (model.size > entries) expect(small).toBe(0)
        let from = LP_HEADER_BYTES
        for (const name of asked) {
          expect(hashes.get(hash, bytes(name), 0, name.length, from)).toBe(model.has(name))
          if (model.has(name)) expect(hashes.value.text()).toBe(model.get(name))
          from = hashes.after
        }
        if (counted !== null) {
          const [name, number] = counted
          if (hashes.get(hash, bytes(name), 0, name.length)) {
            expect(hashes.setFoundInteger(hash, 0, name.length, number)).toBe(small !== 0)
            if (small !== 0) model.set(name, `${number}`)
          }
        }
        if (gone !== null) expect(hashes.delete(hash, bytes(gone), 0, gone.length)).toBe(model.delete(gone))
        const pack = hashes.pairsOf(hash)
        if (pack === 0) continue
        const u8 = heap.u8[pack >>> 16]!
        const base = (pack & 0xffff) << 4
        expect(lpValidate(u8, base, base + keyspace.listpacks.bytes(pack))).toBe(model.size * 2)
      }
      const found = new Map<string, string>()
      hashes.forEach(hash, () => {
        found.set(hashes.field.text(), hashes.value.text())
      })
      expect(found).toEqual(model)
      keyspace.release(hash)
      expect(heap.usedBytes).toBe(before)
    }),
    { numRuns: 300 },
  )
})

test('limits that are set anew count from the next field on', () => {
  const keyspace = newKeyspace(512)
  const { hashes } = keyspace
  const hash = hashes.create()
  const set = (name: string) => hashes.set(hash, bytes(name), 0, name.length, bytes('v'), 0, 1)
  set('a')
  set('b')
  keyspace.limit = (name) => (name.endsWith('-value') ? 64 : 2)
  set('b')
  expect(hashes.isSmall(hash)).toBe(true)
  set('c')
  expect(hashes.isSmall(hash)).toBe(false)
})
