import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii, uncappedText as text } from '../bytes/ascii.js'
import { attach, bareEntry } from './collections/value.js'
import type { Database } from './database.js'
import { LISTPACK, SET } from './entries.js'
import { EXPIRE_DELETE, EXPIRE_HIDE } from './expiry.js'
import { KeyBatch } from './key-batch.js'
import { Keyspace } from './keyspace.js'

const KEYS = 48
const BYTES = 300

const key = fc.oneof(
  { weight: 12, arbitrary: fc.nat(400).map((n) => `k${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a', 'abcd', 'abcde') },
  // Around the length from which on a key's length stands in a word of its own.
  { weight: 1, arbitrary: fc.integer({ min: 253, max: 258 }).map((length) => 'k'.repeat(length)) },
)
const entry = fc.record({
  key,
  value: fc.uint8Array({ maxLength: 30 }),
  type: fc.constantFrom('string', 'string', 'string', 'set'),
  // The time is 1000.
  expiry: fc.constantFrom(-1, -1, -1, 500, 2000),
})

interface Entry {
  readonly key: string
  readonly value: Uint8Array
  readonly type: string
  readonly expiry: number
}

/** A database with these entries, and what happens to it from now on. */
function make(entries: readonly Entry[], cluster: boolean, expiry: number) {
  let seed = 12345
  const random32 = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0
    return seed ^ (seed >>> 15)
  }
  const keyspace = new Keyspace({ databases: 1, cluster, random32 })
  keyspace.setTime(1000)
  const db = keyspace.databases[0]!
  for (const { key, value, type, expiry: at_ms } of entries) {
    const k = ascii(key)
    if (type === 'string') db.setString(k, 0, k.length, value, 0, value.length, at_ms)
    else attach(db, k, 0, k.length, bareEntry(db.entries, SET, LISTPACK, keyspace.listpacks.create(8)), at_ms)
  }
  const events: string[] = []
  keyspace.expiry = expiry
  keyspace.hooks = {
    expired: (_, handle) => events.push(`expired ${text(db.entries.key(handle))}`),
    changed() {},
    beforeWrite() {},
  }
  return { keyspace, db, events }
}

const shown = (db: Database, handle: number) =>
  handle === 0
    ? 'nothing'
    : `${db.entries.type(handle)} ${Buffer.from(db.entries.value(handle)).toString('hex')}`

/** As SORT reads them: plain strings many at a time, the rest one by one. */
function readTogether(db: Database, keys: readonly string[], events: string[]): void {
  const batch = new KeyBatch(KEYS, BYTES)
  batch.bytes.fill(0xa5)
  for (const [i, key] of keys.entries()) {
    batch.bytes.set(ascii(key), i * batch.slotBytes)
    batch.lengths[i] = key.length
  }
  db.foreseeBatch(batch, keys.length)
  for (let i = 0; i < keys.length; i++) {
    const read = db.readStrings(batch, i, keys.length)
    for (; i < read; i++) {
      const value = db.entries.heap.u8[batch.chunks[i]!]!.subarray(batch.starts[i], batch.ends[i])
      events.push(`0 ${Buffer.from(value).toString('hex')}`)
    }
    if (i === keys.length) return
    const start = i * batch.slotBytes
    events.push(shown(db, db.readHashed(batch.bytes, start, start + batch.lengths[i]!, batch.hashes[i]!)))
  }
}

test('keys that are read together are read as if they were read one after the other', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 500 }),
      fc.array(key, { maxLength: KEYS }),
      fc.boolean(),
      fc.constantFrom(EXPIRE_DELETE, EXPIRE_HIDE),
      fc.boolean(),
      (entries, keys, cluster, expiry, lfu) => {
        const together = make(entries, cluster, expiry)
        const alone = make(entries, cluster, expiry)
        for (const { keyspace } of [together, alone]) keyspace.lfu = lfu
        readTogether(together.db, keys, together.events)
        for (const name of keys) {
          const bytes = ascii(name)
          alone.events.push(shown(alone.db, alone.db.read(bytes, 0, bytes.length)))
        }
        expect(together.events).toEqual(alone.events)
        expect(together.db.size).toBe(alone.db.size)
        expect([together.keyspace.hits, together.keyspace.misses]).toEqual([
          alone.keyspace.hits,
          alone.keyspace.misses,
        ])
        expect(together.keyspace.heap.usedBytes).toBe(alone.keyspace.heap.usedBytes)
      },
    ),
    { numRuns: 150 },
  )
})

test('an entry that has expired is read no more, however often its key is named', () => {
  const entries = [
    { key: 'gone', value: ascii('1'), type: 'string', expiry: 500 },
    { key: 'here', value: ascii('2'), type: 'string', expiry: -1 },
  ] as const
  const { db, events } = make(entries, false, EXPIRE_DELETE)
  readTogether(db, ['here', 'gone', 'here', 'gone'], events)
  expect(events).toEqual(['0 32', 'expired gone', 'nothing', '0 32', 'nothing'])
})
