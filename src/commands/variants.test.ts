/**
 * Random commands on keyspaces of different kinds: in a cluster (keys linked by slot), while a snapshot is walked,
 * with access clocks that count. What they reply must not depend on that, and what is kept besides must be true.
 */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { genericCommand, stringCommand } from '../../tests/differential/arbitrary.js'
import { hashCommand, setCommand } from '../../tests/differential/arbitrary-collections.js'
import { latin1, type Part, Runner } from '../../tests/support/runner.js'
import { keySlot } from '../bytes/crc16.js'
import { HASH, SET } from '../keyspace/entries.js'

const RUNS = 100
const lines = (command: fc.Arbitrary<Part[]>) => fc.array(command, { maxLength: 60, size: 'max' })
const all = fc.oneof(stringCommand, hashCommand, setCommand, genericCommand)
/** What a cluster refuses, since it has one database; flushes of one database and of all are the same there. */
const SEVERAL_DATABASES = /^(select|swapdb|move)$/i
const inCluster = all.filter((line) => {
  const [name, ...rest] = line.map(String)
  return !SEVERAL_DATABASES.test(name!) && !rest.some((word) => /^db$/i.test(word))
})

/** The value of an entry; the elements of a collection are sorted. */
function heldBy({ keyspace }: Runner, handle: number): string | string[] {
  const { entries, hashes, sets } = keyspace
  const type = entries.type(handle)
  const held: string[] = []
  if (type === HASH) {
    hashes.forEach(handle, () => {
      held.push(JSON.stringify([hashes.field.text(), hashes.value.text()]))
    })
  } else if (type === SET) {
    sets.forEach(handle, () => {
      held.push(sets.member.text())
    })
  } else return latin1(entries.value(handle))
  return held.sort()
}

/** All keys, values and expiries, sorted. */
function content(runner: Runner): string[] {
  const { entries } = runner.keyspace
  const found: string[] = []
  for (const db of runner.keyspace.databases) {
    db.forEach((handle) => {
      found.push(
        JSON.stringify([
          db.index,
          latin1(entries.key(handle)),
          heldBy(runner, handle),
          entries.expiry(handle),
        ]),
      )
    })
  }
  return found.sort()
}

function run(runner: Runner, line: readonly Part[]): string {
  if (String(line[0]).toLowerCase() !== 'select') return runner.run(...line)
  runner.caller.db = Number(line[1])
  return ''
}

describe('replies are the same', () => {
  test('in a cluster, and each key is in the list of its slot', () => {
    fc.assert(
      fc.property(lines(inCluster), (sequence) => {
        const plain = new Runner()
        const cluster = new Runner({ cluster: true })
        for (const line of sequence) expect(run(cluster, line)).toBe(run(plain, line))
        expect(content(cluster)).toEqual(content(plain))
        const db = cluster.keyspace.databases[0]!
        const counts = new Map<number, number>()
        db.forEach((handle) => {
          const key = db.entries.key(handle)
          const slot = keySlot(key, 0, key.length)
          counts.set(slot, (counts.get(slot) ?? 0) + 1)
        })
        for (const [slot, count] of counts) expect(db.slots!.count(slot)).toBe(count)
      }),
      { numRuns: RUNS },
    )
  })

  test('with access clocks that count', () => {
    fc.assert(
      fc.property(lines(all.filter(([name]) => !/^(object|restore)$/i.test(String(name)))), (sequence) => {
        const plain = new Runner()
        const lfu = new Runner()
        lfu.keyspace.lfu = true
        for (const line of sequence) expect(run(lfu, line)).toBe(run(plain, line))
        expect(content(lfu)).toEqual(content(plain))
      }),
      { numRuns: RUNS },
    )
  })

  test('while a snapshot is under way, which can save each entry as it was when it began', () => {
    const noFlush = all.filter(([name]) => !/^(flush.*|swapdb)$/i.test(String(name)))
    fc.assert(
      fc.property(lines(noFlush), lines(noFlush), (before, after) => {
        const plain = new Runner()
        const walked = new Runner()
        for (const line of before) expect(run(walked, line)).toBe(run(plain, line))
        const atStart = content(walked)
        const saved: string[] = []
        const { keyspace } = walked
        const { entries } = keyspace
        const save = (db: number, handle: number) =>
          saved.push(
            JSON.stringify([db, latin1(entries.key(handle)), heldBy(walked, handle), entries.expiry(handle)]),
          )
        const generation = keyspace.beginSnapshot()
        keyspace.hooks.beforeWrite = (db, handle) => save(db.index, handle)
        for (const line of after) expect(run(walked, line)).toBe(run(plain, line))
        // The walk itself comes last here: it finds what nobody has changed.
        for (const db of keyspace.databases) {
          db.forEach((handle) => {
            if (entries.generation(handle) !== generation) save(db.index, handle)
          })
        }
        expect(saved.sort()).toEqual(atStart)
        expect(content(walked)).toEqual(content(plain))
      }),
      { numRuns: RUNS },
    )
  })
})
