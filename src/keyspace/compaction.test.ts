import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CHUNK_BYTES } from '../bytes/heap.js'
import { attach } from './collections/value.js'
import { Compaction } from './compaction.js'
import type { Database } from './database.js'
import { NO_EXPIRY } from './entries.js'
import { Keyspace } from './keyspace.js'

const bytes = (text: string) => Buffer.from(text)
const KINDS = ['hash', 'set', 'zset', 'list'] as const

function newKeyspace(cluster: boolean): Keyspace {
  let seed = 11
  const keyspace = new Keyspace({
    databases: 1,
    cluster,
    random32: () => {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0
      return seed ^ (seed >>> 13)
    },
  })
  keyspace.setTime(1_700_000_000_000)
  return keyspace
}

/** A key of one of the four kinds with so many members. */
function collection(
  k: Keyspace,
  name: string,
  kind: (typeof KINDS)[number],
  from: number,
  members: number,
): void {
  const key = bytes(name)
  const bare = {
    hash: () => k.hashes.create(),
    set: () => k.sets.createListpack(),
    zset: () => k.zsets.create(0),
    list: () => k.lists.create(),
  }[kind]()
  for (let i = from; i < from + members; i++) {
    const m = bytes(`member:${i}:${'x'.repeat(i % 40)}`)
    if (kind === 'hash') k.hashes.set(bare, m, 0, m.length, m, 0, 7)
    else if (kind === 'set') k.sets.add(bare, m, 0, m.length)
    else if (kind === 'zset') k.zsets.set(bare, m, 0, m.length, (i * 7919) % 1000)
    else k.lists.push(bare, false, m, 0, m.length)
  }
  attach(k.databases[0]!, key, 0, key.length, bare, from % 3 === 0 ? 4_000_000_000_000 : NO_EXPIRY)
}

/** All keys with all that they hold. */
function contents(k: Keyspace): string[] {
  const { hashes, sets, zsets, lists, entries } = k
  const all: string[] = []
  k.databases[0]!.forEach((handle) => {
    const items: string[] = []
    const type = entries.type(handle)
    if (type === 4) hashes.forEach(handle, () => items.push(`${hashes.field.text()}=${hashes.value.text()}`))
    else if (type === 2) sets.forEach(handle, () => items.push(sets.member.text()))
    else if (type === 3)
      zsets.range(handle, 0, zsets.size(handle), false, () => items.push(zsets.member.text()))
    else if (type === 1) lists.forEach(handle, () => items.push(lists.element.text()))
    else items.push(String(Buffer.from(entries.value(handle))))
    if (type === 4 || type === 2) items.sort()
    all.push(`${Buffer.from(entries.key(handle))} ${entries.expiry(handle)} ${items.join()}`)
  })
  return all.sort()
}

const remove = (db: Database, name: string) => db.delete(bytes(name), 0, bytes(name).length)

for (const cluster of [false, true]) {
  test(`keys keep all that they hold while chunks are emptied, ${cluster ? 'linked by slot' : 'alone'}`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3000), { maxLength: 40 }),
        fc.integer({ min: 3, max: 12 }),
        (changes, keep) => {
          const k = newKeyspace(cluster)
          const db = k.databases[0]!
          const set = (i: number, length: number) => {
            const key = bytes(`key:${i}`)
            const value = bytes('v'.repeat(length))
            db.setString(
              key,
              0,
              key.length,
              value,
              0,
              value.length,
              i % 5 === 0 ? 4_000_000_000_000 + i : NO_EXPIRY,
            )
          }
          for (let i = 0; i < 9000; i++) set(i, 20 + ((i * 37) % 400))
          for (let i = 0; i < 400; i++) collection(k, `small:${i}`, KINDS[i % 4]!, i, 12)
          for (const [i, kind] of KINDS.entries()) {
            collection(k, `gone:${kind}`, kind, i, 3000)
            collection(k, `large:${kind}`, kind, i, 1500)
          }
          for (let i = 0; i < 9000; i++) if (i % keep !== 0) remove(db, `key:${i}`)
          for (let i = 0; i < 400; i++) if (i % 3 !== 0) remove(db, `small:${i}`)
          for (const kind of KINDS) remove(db, `gone:${kind}`)
          const before = k.heap.reservedBytes
          const expected = contents(k)
          const compaction = new Compaction(k)
          expect(compaction.begin()).toBe(true)
          while (compaction.step());
          expect(contents(k)).toEqual(expected)
          expect(compaction.hits).toBeGreaterThan(100)
          expect(k.heap.reservedBytes).toBeLessThan(before)
          // Half full at worst: pages of few classes in few chunks.
          expect(k.heap.reservedBytes).toBeLessThan(k.heap.usedBytes * 1.5 + 3 * CHUNK_BYTES)
          // A second time, with changes in between: what they leave is what is there.
          for (let i = 0; i < 9000; i += 2) remove(db, `key:${i}`)
          compaction.begin()
          for (const change of changes) {
            compaction.step()
            const kind = KINDS[change % 4]!
            if (change % 7 === 0) remove(db, `large:${kind}`)
            else if (change % 7 === 1) collection(k, `large:${kind}`, kind, change, 700)
            else set(change, change % 300)
          }
          const changed = contents(k)
          while (compaction.step());
          expect(contents(k)).toEqual(changed)
          db.flush(false)
          expect(k.heap.usedBytes).toBe(0)
        },
      ),
      { numRuns: 4 },
    )
  })
}
