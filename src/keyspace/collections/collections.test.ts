/** Collections against plain models of them: whatever is done, what is read is the same, and nothing is left in the heap. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { NO_EXPIRY } from '../entries.js'
import { Keyspace } from '../keyspace.js'
import { intsetBytes, intsetValidate } from './intset.js'
import * as lp from './listpack.js'
import { ownedBytes } from './memory.js'
import { Piece } from './piece.js'
import { attach } from './value.js'

function newKeyspace(): Keyspace {
  let seed = 7
  const random32 = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0
    return seed ^ (seed >>> 13)
  }
  return new Keyspace({ databases: 1, cluster: false, random32 })
}

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'))
const element = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -5, max: 140 }).map(String) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(12, 15, 23, 31, 53, 63), fc.integer({ min: -1, max: 1 }), fc.boolean())
      .map(([bits, off, minus]) => ((minus ? -1n : 1n) * (2n ** BigInt(bits) + BigInt(off))).toString()),
  },
  { weight: 3, arbitrary: fc.constantFrom('', 'a', '007', '-0', '+1', '-', 'x'.repeat(63), 'y'.repeat(64)) },
  { weight: 1, arbitrary: fc.constantFrom('z'.repeat(4095), 'w'.repeat(4096), 'v'.repeat(17000)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 20 }).map((b) => Buffer.from(b).toString('latin1')) },
)

describe('listpack', () => {
  const all = (k: Keyspace, handle: number): string[] => {
    const u8 = k.heap.u8[chunkOf(handle)]!
    const base = byteOf(handle)
    const piece = new Piece()
    const found: string[] = []
    for (let at = lp.lpFirst(u8, base); at !== 0; at = lp.lpNext(u8, base, at)) {
      lp.lpRead(u8, base, at, piece)
      found.push(piece.text())
    }
    const back: string[] = []
    for (let at = lp.lpLast(u8, base); at !== 0; at = lp.lpPrevious(u8, base, at)) {
      lp.lpRead(u8, base, at, piece)
      back.unshift(piece.text())
    }
    expect(back).toEqual(found)
    expect(lp.lpValidate(u8, base, base + lp.lpBytes(u8, base))).toBe(found.length)
    expect(lp.lpCount(u8, base)).toBe(found.length)
    return found
  }

  test('is a sequence, whatever is put in, replaced and taken out', () => {
    const edit = fc.record({
      what: fc.constantFrom('append', 'prepend', 'insert', 'replace', 'delete', 'find'),
      where: fc.nat(40),
      value: element,
      count: fc.integer({ min: 1, max: 3 }),
    })
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 40, size: 'max' }), (edits) => {
        const k = newKeyspace()
        const before = k.heap.usedBytes
        const { listpacks } = k
        let handle = listpacks.create()
        const model: string[] = []
        for (const { what, where, value, count } of edits) {
          const b = bytes(value)
          const u8 = k.heap.u8[chunkOf(handle)]!
          const base = byteOf(handle)
          const index = model.length === 0 ? 0 : where % model.length
          const at = lp.lpSeek(u8, base, index)
          expect(at).toBe(lp.lpSeek(u8, base, index - model.length))
          if (what === 'append') {
            handle = listpacks.append(handle, b, 0, b.length)
            model.push(value)
          } else if (what === 'prepend') {
            handle = listpacks.prepend(handle, b, 0, b.length)
            model.unshift(value)
          } else if (what === 'find') {
            const found = listpacks.find(handle, lp.lpFirst(u8, base), 0, b, 0, b.length)
            const expected = model.indexOf(value)
            expect(found).toBe(expected < 0 ? 0 : lp.lpSeek(u8, base, expected))
          } else if (at === 0) {
            expect(model).toEqual([])
          } else if (what === 'insert') {
            handle = listpacks.insert(handle, at, b, 0, b.length)
            model.splice(index, 0, value)
          } else if (what === 'replace') {
            handle = listpacks.replace(handle, at, b, 0, b.length)
            model[index] = value
          } else {
            handle = listpacks.delete(handle, at, count)
            model.splice(index, count)
          }
        }
        expect(all(k, handle)).toEqual(model)
        k.heap.free(handle)
        expect(k.heap.usedBytes).toBe(before)
      }),
      { numRuns: 200 },
    )
  })

  test('damaged bytes are found or harmless', () => {
    fc.assert(
      fc.property(
        fc.array(element, { maxLength: 8 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (elements, where, change) => {
          const k = newKeyspace()
          let handle = k.listpacks.create()
          for (const e of elements) handle = k.listpacks.append(handle, bytes(e), 0, e.length)
          const base = byteOf(handle)
          const copy = k.heap.u8[chunkOf(handle)]!.slice(base, base + k.listpacks.bytes(handle))
          copy[where % copy.length]! ^= change
          const count = lp.lpValidate(copy, 0, copy.length)
          if (count < 0) return
          const piece = new Piece()
          let seen = 0
          for (let at = lp.lpFirst(copy, 0); at !== 0; at = lp.lpNext(copy, 0, at)) {
            lp.lpRead(copy, 0, at, piece)
            expect(piece.end).toBeLessThanOrEqual(piece.buf === copy ? copy.length : 20)
            seen++
          }
          expect(seen).toBe(count)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('more elements than it can tell', () => {
    const k = newKeyspace()
    let handle = k.listpacks.create()
    for (let i = 0; i < 66_000; i++) handle = k.listpacks.appendInteger(handle, i & 127)
    expect(k.listpacks.count(handle)).toBe(66_000)
    handle = k.listpacks.delete(handle, lp.LP_HEADER_BYTES, 65_990)
    expect(k.listpacks.count(handle)).toBe(10)
  })
})

const operations = fc.array(
  fc.record({ what: fc.constantFrom('set', 'set', 'delete', 'get'), field: element, value: element }),
  { maxLength: 60, size: 'max' },
)

/** Small limits, so that all forms are met. */
function limited(entries: number, value: number): Keyspace {
  const k = newKeyspace()
  k.limit = (name) => (name.endsWith('-value') ? value : entries)
  return k
}

test('a hash is a map', () => {
  fc.assert(
    fc.property(
      operations,
      fc.constantFrom(4, 30, 512),
      fc.constantFrom(64, 20_000),
      (all, entries, longest) => {
        const k = limited(entries, longest)
        const { hashes } = k
        const before = k.heap.usedBytes
        const handle = hashes.create()
        const model = new Map<string, string>()
        for (const { what, field, value } of all) {
          const f = bytes(field)
          const v = bytes(value)
          if (what === 'set') {
            expect(hashes.set(handle, f, 0, f.length, v, 0, v.length)).toBe(!model.has(field))
            model.set(field, value)
          } else if (what === 'delete') {
            expect(hashes.delete(handle, f, 0, f.length)).toBe(model.delete(field))
          } else {
            expect(hashes.get(handle, f, 0, f.length)).toBe(model.has(field))
            if (model.has(field)) expect(hashes.value.text()).toBe(model.get(field))
          }
          expect(hashes.size(handle)).toBe(model.size)
        }
        const copy = hashes.create()
        const empty = k.entries.value(copy).slice()
        k.heap.free(new DataView(empty.buffer).getUint32(0, true))
        k.entries.setEncoding(copy, k.entries.encoding(handle))
        hashes.copyOwned(handle, copy)
        k.release(handle)
        const found = new Map<string, string>()
        hashes.forEach(copy, () => {
          found.set(hashes.field.text(), hashes.value.text())
        })
        expect(found).toEqual(model)
        k.release(copy)
        expect(k.heap.usedBytes).toBe(before)
        expect(k.large.size).toBe(0)
        expect(k.large.bytes).toBe(0)
      },
    ),
    { numRuns: 200 },
  )
})

test('a set is a set, an intset sorted', () => {
  fc.assert(
    fc.property(
      operations,
      fc.constantFrom(4, 30, 512),
      fc.constantFrom(64, 20_000),
      (all, entries, longest) => {
        const k = limited(entries, longest)
        const { sets } = k
        const before = k.heap.usedBytes
        const first = bytes(all[0]?.field ?? '1')
        const handle = sets.create(first, 0, first.length, 1)
        const model = new Set<string>()
        for (const { what, field } of all) {
          const f = bytes(field)
          if (what === 'set') {
            expect(sets.add(handle, f, 0, f.length)).toBe(!model.has(field))
            model.add(field)
          } else if (what === 'delete') {
            expect(sets.remove(handle, f, 0, f.length)).toBe(model.delete(field))
          } else {
            expect(sets.has(handle, f, 0, f.length)).toBe(model.has(field))
          }
          expect(sets.size(handle)).toBe(model.size)
        }
        const found: string[] = []
        sets.forEach(handle, () => {
          found.push(sets.member.text())
        })
        expect(new Set(found)).toEqual(model)
        expect(found.length).toBe(model.size)
        if (k.entries.encoding(handle) === 6) {
          expect(found).toEqual([...model].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)))
          const ref = new DataView(k.entries.value(handle).slice().buffer).getUint32(0, true)
          const u8 = k.heap.u8[chunkOf(ref)]!
          const at = byteOf(ref)
          expect(intsetValidate(u8, at, at + intsetBytes(u8, at))).toBe(model.size)
        }
        k.release(handle)
        expect(k.heap.usedBytes).toBe(before)
      },
    ),
    { numRuns: 200 },
  )
})

test('a large hash is scanned whole while it grows and shrinks, and is released with its key', () => {
  const k = newKeyspace()
  const db = k.databases[0]!
  const before = k.heap.usedBytes
  const key = bytes('key')
  const handle = attach(db, key, 0, 3, k.hashes.create(), NO_EXPIRY)
  const put = (i: number) => {
    const f = bytes(`field:${i}`)
    k.hashes.set(handle, f, 0, f.length, f, 0, f.length)
  }
  for (let i = 0; i < 5000; i++) put(i)
  const seen = new Set<string>()
  let cursor = 0
  let step = 0
  do {
    cursor = k.hashes.scan(handle, cursor, () => seen.add(k.hashes.field.text()))
    for (let i = 0; i < 20; i++) put(10_000 + step * 20 + i)
    if (step % 3 === 0) {
      const gone = bytes(`field:${1000 + step}`)
      k.hashes.delete(handle, gone, 0, gone.length)
    }
    step++
  } while (cursor !== 0)
  for (let i = 0; i < 1000; i++) expect(seen.has(`field:${i}`)).toBe(true)
  expect(k.large.bytes).toBeGreaterThan(0)
  const inHeap = k.heap.usedBytes - before - k.heap.sizeOf(handle)
  expect(ownedBytes(k, handle, 0)).toBe(inHeap + k.large.bytes)
  expect(ownedBytes(k, handle, 5) / (inHeap + k.large.bytes)).toBeCloseTo(1, 0)
  db.delete(key, 0, 3)
  expect(k.heap.usedBytes).toBe(before)
  expect(k.large.bytes).toBe(0)
})

test('every member of a large set is as likely as any other', () => {
  const k = newKeyspace()
  const set = k.sets.createListpack()
  for (let i = 0; i < 200; i++) k.sets.add(set, bytes(`member:${i}`), 0, bytes(`member:${i}`).length)
  const seen = new Map<string, number>()
  const draws = 40_000
  for (let i = 0; i < draws; i++) {
    k.sets.random(set)
    seen.set(k.sets.member.text(), (seen.get(k.sets.member.text()) ?? 0) + 1)
  }
  let chiSquare = 0
  for (const count of seen.values()) chiSquare += (count - draws / 200) ** 2 / (draws / 200)
  expect(seen.size).toBe(200)
  // 199 degrees of freedom: one in a thousand is above 267.
  expect(chiSquare).toBeLessThan(267)
})
