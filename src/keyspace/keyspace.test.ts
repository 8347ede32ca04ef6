import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii, uncappedText as text } from '../bytes/ascii.js'
import { keySlot } from '../bytes/crc16.js'
import type { Database } from './database.js'
import { NO_EXPIRY, RAW, STRING } from './entries.js'
import { EXPIRE_HIDE, EXPIRE_IGNORE } from './expiry.js'
import { Keyspace } from './keyspace.js'

function make(cluster = false) {
  let seed = 12345
  const random32 = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0
    return seed ^ (seed >>> 15)
  }
  const keyspace = new Keyspace({ databases: 2, cluster, random32 })
  keyspace.setTime(1000)
  return keyspace
}

type Step =
  | { op: 'set'; key: string; value: Uint8Array; expiry: number }
  | { op: 'delete'; key: string }
  | { op: 'persist'; key: string }
  | { op: 'expire'; key: string; at: number }
  | { op: 'append'; key: string; value: Uint8Array }
  | { op: 'time'; by: number }

const key = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 60 }).map((n) => `key:${n}`) },
  // Around the length from which on a key's length stands in a word of its own.
  { weight: 1, arbitrary: fc.integer({ min: 253, max: 258 }).map((length) => 'k'.repeat(length)) },
)
const value = fc.uint8Array({ maxLength: 200 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('set' as const),
      key,
      value,
      expiry: fc.constantFrom(-1, -1, 2000, 3000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ op: fc.constant('delete' as const), key }),
      fc.record({ op: fc.constant('persist' as const), key }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('expire' as const), key, at: fc.integer({ min: 1, max: 4000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('append' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('time' as const), by: fc.nat(300) }) },
)

test.each([false, true])('a database behaves as a Map with expiries (cluster: %s)', (cluster) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const keyspace = make(cluster)
      const db = keyspace.databases[0]!
      const model = new Map<string, { value: Buffer; expiry: number }>()
      for (const s of steps) {
        if (s.op === 'time') keyspace.setTime(keyspace.now_ms + s.by)
        for (const [k, v] of model) if (v.expiry >= 0 && v.expiry < keyspace.now_ms) model.delete(k)
        if (s.op === 'time') continue
        const k = ascii(s.key)
        const had = model.get(s.key)
        if (s.op === 'set') {
          db.setString(k, 0, k.length, s.value, 0, s.value.length, s.expiry)
          model.set(s.key, { value: Buffer.from(s.value), expiry: s.expiry })
          if (s.expiry >= 0 && s.expiry < keyspace.now_ms) model.delete(s.key)
        } else if (s.op === 'delete') {
          expect(db.delete(k, 0, k.length)).toBe(had !== undefined)
          model.delete(s.key)
        } else if (s.op === 'append') {
          const handle = db.write(k, 0, k.length)
          expect(handle !== 0).toBe(had !== undefined)
          if (handle === 0 || had === undefined) continue
          const before = db.entries.valueLength(handle)
          const grown = db.resizeValue(handle, before + s.value.length)
          db.entries.bytes(grown).set(s.value, db.entries.valueStart(grown) + before)
          had.value = Buffer.concat([had.value, s.value])
        } else {
          const handle = db.find(k, 0, k.length)
          if (handle === 0 || had === undefined) continue
          had.expiry = s.op === 'expire' ? s.at : NO_EXPIRY
          db.setExpiry(handle, had.expiry)
        }
      }
      for (const [k, v] of model) if (v.expiry >= 0 && v.expiry < keyspace.now_ms) model.delete(k)
      const seen = new Map<string, string>()
      db.forEach((handle) => {
        if (!db.hasExpired(handle))
          seen.set(text(db.entries.key(handle)), Buffer.from(db.entries.value(handle)).toString('hex'))
      })
      expect(seen).toEqual(new Map([...model].map(([k, v]) => [k, v.value.toString('hex')])))
      for (const [k, v] of model) {
        const handle = db.read(ascii(k), 0, k.length)
        expect(db.entries.expiry(handle)).toBe(v.expiry)
      }
      if (db.slots) {
        let counted = 0
        for (let slot = 0; slot < 16384; slot++) {
          if (db.slots.count(slot) === 0 && db.slots.first(slot) === 0) continue
          let listed = 0
          for (let h = db.slots.first(slot); h !== 0; h = db.entries.nextInSlot(h)) {
            const bytes = db.entries.key(h)
            expect(keySlot(bytes, 0, bytes.length)).toBe(slot)
            listed++
          }
          expect(listed).toBe(db.slots.count(slot))
          counted += listed
        }
        expect(counted).toBe(db.size)
      }
      keyspace.now_ms = 1e9
      while (db.expiring > 0) db.expireSome(16, { looked: 0, removed: 0 })
      db.flush(false)
      expect(db.size).toBe(0)
      expect(keyspace.heap.usedBytes).toBe(0)
    }),
    { numRuns: 60 },
  )
})

test('of keys that begin with the same bytes, only the one of the same length is found', () => {
  const { entries } = make()
  const lengths = [1, 128, 253, 254, 255, 256, 257, 511, 512, 65535, 65536]
  const longest = ascii('k'.repeat(65536))
  const found = lengths.map((of) => {
    const handle = entries.create(STRING, RAW, 0, longest, 0, of, 0)
    return lengths.filter((length) => entries.keyIs(handle, longest, 0, length))
  })
  expect(found).toEqual(lengths.map((length) => [length]))
})

test('a scan returns every key that stays, whatever grows or shrinks meanwhile', () => {
  const keyspace = make()
  const db = keyspace.databases[0]!
  const set = (k: string) => db.setString(ascii(k), 0, k.length, ascii('v'), 0, 1, NO_EXPIRY)
  for (const [start, change] of [
    [500, 4000],
    [20000, -19000],
  ] as const) {
    db.flush(false)
    for (let i = 0; i < Math.max(start, start + change); i++) if (i < start) set(`k${i}`)
    const stay = Math.min(start, start + change)
    const seen = new Set<string>()
    let cursor = 0
    let turn = 0
    const turns = 200
    do {
      cursor = db.scan(cursor, (handle) => seen.add(text(db.entries.key(handle))))
      const from = Math.floor((change * Math.min(turn, turns)) / turns)
      const to = Math.floor((change * Math.min(++turn, turns)) / turns)
      for (let i = from; i < to; i++) set(`k${start + i}`)
      for (let i = from; i > to; i--)
        expect(db.delete(ascii(`k${start + i - 1}`), 0, `k${start + i - 1}`.length)).toBe(true)
      expect(turn).toBeLessThan(100_000)
    } while (cursor !== 0)
    for (let i = 0; i < stay; i++) expect(seen.has(`k${i}`), `k${i}`).toBe(true)
  }
})

test('a replica hides what has expired and keeps it; the master stream sees it', () => {
  const keyspace = make()
  const db = keyspace.databases[0]!
  const k = ascii('k')
  db.setString(k, 0, 1, k, 0, 1, 500)
  keyspace.expiry = EXPIRE_HIDE
  expect(db.find(k, 0, 1)).toBe(0)
  expect(db.size).toBe(1)
  keyspace.expiry = EXPIRE_IGNORE
  expect(db.find(k, 0, 1)).not.toBe(0)
})

test('a snapshot hears of every old entry before it changes, once, and of no new one', () => {
  const keyspace = make()
  const db = keyspace.databases[0]!
  const set = (k: string, v: string) => db.setString(ascii(k), 0, k.length, ascii(v), 0, v.length, NO_EXPIRY)
  const saved: string[] = []
  keyspace.hooks = {
    expired() {},
    changed() {},
    beforeWrite: (_, handle) => saved.push(text(db.entries.value(handle))),
  }
  set('a', '1')
  set('b', '2')
  keyspace.beginSnapshot()
  set('a', '3')
  set('a', '4')
  set('c', '5')
  set('c', '6')
  db.delete(ascii('b'), 0, 1)
  expect(saved).toEqual(['1', '2'])
  keyspace.endSnapshot()
  keyspace.beginSnapshot()
  set('a', '7')
  expect(saved).toEqual(['1', '2', '4'])
})

test('flushing later frees step by step, and a whole flush leaves an empty heap', () => {
  const keyspace = make(true)
  const db = keyspace.databases[0]!
  for (let i = 0; i < 10_000; i++)
    db.setString(ascii(`k${i}`), 0, `k${i}`.length, ascii('v'), 0, 1, NO_EXPIRY)
  expect(db.flush(true)).toBe(10_000)
  expect(db.size).toBe(0)
  db.setString(ascii('x'), 0, 1, ascii('v'), 0, 1, NO_EXPIRY)
  let steps = 1
  while (keyspace.graveyard.dig(16)) steps++
  expect(steps).toBeGreaterThan(10)
  expect(keyspace.heap.usedBytes).toBe(32)
  expect(keyspace.flushAll()).toBe(1)
  expect(keyspace.heap.usedBytes).toBe(0)
  db.setString(ascii('y'), 0, 1, ascii('v'), 0, 1, NO_EXPIRY)
  expect(db.size).toBe(1)
})

test('random entries come from everywhere', () => {
  const keyspace = make()
  const db = keyspace.databases[0]!
  expect(db.randomEntry()).toBe(0)
  for (let i = 0; i < 100; i++) db.setString(ascii(`k${i}`), 0, `k${i}`.length, ascii('v'), 0, 1, NO_EXPIRY)
  const seen = new Set<string>()
  for (let i = 0; i < 3000; i++) seen.add(text(db.entries.key(db.randomEntry())))
  expect(seen.size).toBeGreaterThan(95)
})

test.each([0, 1, 2 ** 32 - 1, 2 ** 32, 1e12 + 1, 2 ** 53 - 1])('an expiry of %i ms is kept', (at_ms) => {
  const db = make(true).databases[0]!
  const k = ascii('k')
  const handle = db.setString(k, 0, 1, k, 0, 1, at_ms)
  expect(db.entries.expiry(handle)).toBe(at_ms)
  expect(text(db.entries.value(handle))).toBe('k')
})

test('databases beside the others take their place, are dropped, and outlive FLUSHALL', () => {
  const keyspace = make(true)
  const set = (db: Database, name: string): void => {
    db.setString(ascii(name), 0, name.length, ascii('value'), 0, 5, NO_EXPIRY)
  }
  const has = (db: Database, name: string): boolean => db.peek(ascii(name), 0, name.length) !== 0
  set(keyspace.databases[0]!, 'old')
  const [first] = keyspace.beginBeside()
  set(first!, 'new')
  expect(keyspace.flushAll()).toBe(1)
  set(keyspace.databases[0]!, 'old again')
  const pairs: [boolean, boolean][] = []
  keyspace.swapBeside((db, old) => pairs.push([has(db, 'new'), has(old, 'old again')]))
  expect(pairs).toEqual([
    [true, true],
    [false, false],
  ])
  expect(keyspace.size).toBe(1)
  expect(has(keyspace.databases[0]!, 'new')).toBe(true)
  expect(keyspace.databases.map((db) => db.index)).toEqual([0, 1])
  expect(keyspace.databases[0]!.slots!.count(keySlot(ascii('new'), 0, 3))).toBe(1)
  set(keyspace.beginBeside()[1]!, 'dropped')
  keyspace.dropBeside()
  expect(keyspace.beside).toBeNull()
  while (keyspace.graveyard.dig(100));
  // One entry is left: as many bytes as a keyspace with that alone has.
  const alone = make(true)
  set(alone.databases[0]!, 'new')
  expect(keyspace.heap.usedBytes).toBe(alone.heap.usedBytes)
})
