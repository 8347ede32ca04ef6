/** Large collections that are saved piece by piece while they change, go, and are given other names. */

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyEntry } from '../commands/types.js'
import { attach } from '../keyspace/collections/value.js'
import { HASH, LIST, NO_EXPIRY, SET, ZSET } from '../keyspace/entries.js'
import { Keyspace } from '../keyspace/keyspace.js'
import { AofReader } from './aof/reader.js'
import { KeyspaceLoader } from './load.js'
import { RdbReader } from './rdb/reader.js'
import { RdbWriter } from './rdb/writer.js'
import { CommandTarget, Generations, RdbTarget, SnapshotWalk } from './snapshot.js'

const KINDS = ['hash', 'set', 'zset', 'list'] as const
type Kind = (typeof KINDS)[number]
const TYPES: Readonly<Record<number, Kind>> = { [HASH]: 'hash', [SET]: 'set', [ZSET]: 'zset', [LIST]: 'list' }
const bytes = (text: string) => Buffer.from(text)

function newKeyspace(): Keyspace {
  let seed = 7
  const made = new Keyspace({
    databases: 2,
    cluster: false,
    random32: () => {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0
      return seed
    },
  })
  made.setTime(1_700_000_000_000)
  return made
}

function find(k: Keyspace, db: number, name: string): number {
  const key = bytes(name)
  const handle = k.databases[db]!.find(key, 0, key.length)
  if (handle !== 0) k.databases[db]!.willChange(handle)
  return handle
}

/** The entry of a key, made if need be. */
function made(k: Keyspace, db: number, name: string, kind: Kind): number {
  const key = bytes(name)
  const there = find(k, db, name)
  if (there !== 0) return there
  const bare = {
    hash: () => k.hashes.create(),
    set: () => k.sets.createListpack(),
    zset: () => k.zsets.create(0),
    list: () => k.lists.create(),
  }[kind]()
  return attach(k.databases[db]!, key, 0, key.length, bare, NO_EXPIRY)
}

function put(k: Keyspace, handle: number, name: string, value: string): void {
  const a = bytes(name)
  const b = bytes(value)
  const kind = TYPES[k.entries.type(handle)]
  if (kind === 'hash') k.hashes.set(handle, a, 0, a.length, b, 0, b.length)
  else if (kind === 'set') k.sets.add(handle, a, 0, a.length)
  else if (kind === 'zset') k.zsets.set(handle, a, 0, a.length, value.length * 1.5)
  else if (kind === 'list') {
    k.lists.makeRoom(handle, a.length, 1)
    k.lists.push(handle, value.length % 2 === 0, a, 0, a.length)
  }
}

function remove(k: Keyspace, handle: number, name: string, index: number): void {
  const a = bytes(name)
  const kind = TYPES[k.entries.type(handle)]
  if (kind === 'hash') k.hashes.delete(handle, a, 0, a.length)
  else if (kind === 'set') k.sets.remove(handle, a, 0, a.length)
  else if (kind === 'zset') k.zsets.remove(handle, a, 0, a.length)
  else if (k.lists.size(handle) > 1) k.lists.delete(handle, index % k.lists.size(handle), 1)
}

/** All keys with all that they hold, one line each, sorted. */
function contents(k: Keyspace): string[] {
  const all: string[] = []
  for (const db of k.databases) {
    db.forEach((handle) => {
      const items: string[] = []
      const { hashes, sets, zsets, lists } = k
      const kind = TYPES[k.entries.type(handle)]
      if (kind === 'hash')
        hashes.forEach(handle, () => items.push(`${hashes.field.text()}=${hashes.value.text()}`))
      if (kind === 'set') sets.forEach(handle, () => items.push(sets.member.text()))
      if (kind === 'zset') zsets.forEach(handle, () => items.push(`${zsets.score} ${zsets.member.text()}`))
      if (kind === 'list') lists.forEach(handle, () => items.push(lists.element.text()))
      if (kind !== 'list') items.sort()
      const value = kind === undefined ? String(Buffer.from(k.entries.value(handle))) : digest(items)
      all.push(
        `${db.index} ${Buffer.from(k.entries.key(handle))} ${kind} ${k.entries.expiry(handle)} ${value}`,
      )
    })
  }
  return all.sort()
}

/** Lines that a failed comparison can show. */
function digest(items: readonly string[]): string {
  return `${items.length} ${createHash('sha1').update(items.join(',')).digest('hex')}`
}

function fromRdb(data: Uint8Array): string[] {
  const k = newKeyspace()
  const loader = new KeyspaceLoader({
    keyspace: k,
    dropExpiredBefore_ms: Number.NEGATIVE_INFINITY,
    size_bytes: data.length,
    now_ms: 1_700_000_000_000,
    log: () => undefined,
  })
  const reader = new RdbReader(loader, { checksum: true })
  reader.feed(data, 0, data.length)
  expect(reader.end()).toBeUndefined()
  return contents(k)
}

/** What a rewritten file's commands make. */
function fromCommands(data: Uint8Array): string[] {
  const k = newKeyspace()
  let db = 0
  const apply = (words: string[]) => {
    const [name, key = '', ...rest] = words
    const kind = { HMSET: 'hash', SADD: 'set', ZADD: 'zset', RPUSH: 'list' }[name!] as Kind | undefined
    if (name === 'SELECT') db = Number(key)
    else if (name === 'SET') {
      k.databases[db]!.setString(bytes(key), 0, key.length, bytes(rest[0]!), 0, rest[0]!.length, NO_EXPIRY)
    } else if (name === 'PEXPIREAT') k.databases[db]!.setExpiry(find(k, db, key), Number(rest[0]))
    else {
      const handle = made(k, db, key, kind!)
      const step = kind === 'hash' || kind === 'zset' ? 2 : 1
      for (let i = 0; i < rest.length; i += step) {
        const [a, b] = [bytes(rest[i]!), bytes(rest[i + 1] ?? '')]
        if (kind === 'hash') k.hashes.set(handle, a, 0, a.length, b, 0, b.length)
        else if (kind === 'set') k.sets.add(handle, a, 0, a.length)
        else if (kind === 'zset') k.zsets.set(handle, b, 0, b.length, Number(rest[i]))
        else {
          k.lists.makeRoom(handle, a.length, 1)
          k.lists.push(handle, false, a, 0, a.length)
        }
      }
    }
  }
  const reader = new AofReader(
    {
      onCommand: (buf, count, ranges) => {
        apply(
          Array.from({ length: count }, (_, i) =>
            String(Buffer.from(buf.subarray(ranges[i * 2], ranges[i * 2 + 1]))),
          ),
        )
        return undefined
      },
    },
    'x',
  )
  reader.feed(data, 0, data.length)
  expect(reader.end()).toBeUndefined()
  return contents(k)
}

interface Op {
  readonly what: 'put' | 'remove' | 'delete' | 'string' | 'rename' | 'grow' | 'shrink' | 'expire' | 'dig'
  readonly db: number
  readonly kind: Kind
  readonly member: number
  readonly value: string
  readonly step: number
}

const op: fc.Arbitrary<Op> = fc.record({
  what: fc.constantFrom(
    'put',
    'put',
    'remove',
    'remove',
    'delete',
    'string',
    'rename',
    'grow',
    'shrink',
    'expire',
    'dig',
  ),
  db: fc.nat(1),
  kind: fc.constantFrom(...KINDS),
  member: fc.nat(2000),
  value: fc.nat(12).map((n) => 'v'.repeat(n)),
  step: fc.nat(12),
})

const SIZES = { hash: 1400, set: 1300, zset: 1500, list: 4000 }
const member = (n: number) => `member-of-a-collection:${n}`

function carryOut(k: Keyspace, one: Op): void {
  const db = k.databases[one.db]!
  const key = bytes(one.kind)
  if (one.what === 'string') {
    db.setString(bytes(`s${10 + (one.member % 50)}`), 0, 3, bytes(one.value), 0, one.value.length, NO_EXPIRY)
    return
  }
  if (one.what === 'dig') {
    k.graveyard.dig(one.member)
    return
  }
  const handle = find(k, one.db, one.kind)
  if (handle === 0) {
    if (one.what === 'put') put(k, made(k, one.db, one.kind, one.kind), member(one.member), one.value)
    return
  }
  if (one.what === 'put') put(k, handle, member(one.member), one.value)
  else if (one.what === 'remove') remove(k, handle, member(one.member), one.member)
  else if (one.what === 'grow') for (let i = 0; i < 3000; i++) put(k, handle, member(10_000 + i), one.value)
  else if (one.what === 'shrink') for (let i = 0; i < 1200; i++) remove(k, handle, member(i), 0)
  else if (one.what === 'delete') db.delete(key, 0, key.length)
  else if (one.what === 'expire') db.setExpiry(handle, 4_000_000_000_000 + one.member)
  else if (one.what === 'rename') {
    const name = bytes(`renamed:${one.kind}`)
    copyEntry(db, handle, name, 0, name.length, true)
    db.delete(key, 0, key.length)
  }
}

for (const form of ['rdb 9', 'rdb 11', 'commands'] as const) {
  test(`a large collection is saved as it was, whatever happens between the pieces: ${form}`, () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 5, maxLength: 60 }), fc.nat(2), (during, abandoned) => {
        const k = newKeyspace()
        k.graveyard.wake = () => {}
        const generations = new Generations(k)
        let walk: SnapshotWalk | undefined
        k.hooks = {
          expired: () => {},
          changed: () => {},
          beforeWrite: (db, handle) => walk?.beforeWrite(db, handle),
        }
        for (const kind of KINDS) {
          const handle = made(k, 0, kind, kind)
          for (let i = 0; i < SIZES[kind]; i++) put(k, handle, member(i), 'value'.repeat(i % 3))
        }
        for (let i = 0; i < 30; i++)
          k.databases[1]!.setString(bytes(`s${10 + i}`), 0, 3, bytes('x'), 0, 1, NO_EXPIRY)
        for (let i = 0; i < abandoned; i++) {
          walk = new SnapshotWalk(k, generations, new RdbTarget(new RdbWriter(), 'none'))
          walk.step(70)
          for (const one of during.slice(0, 3)) carryOut(k, one)
          walk.abort()
        }
        const blocks: Uint8Array[] = []
        const blockBytes = 512
        const onBlock = (block: Uint8Array) => blocks.push(block)
        const writer = new RdbWriter({
          onBlock,
          checksum: true,
          version: form === 'rdb 11' ? 11 : 9,
          blockBytes,
        })
        const target =
          form === 'commands' ? new CommandTarget({ onBlock, blockBytes }) : new RdbTarget(writer, 'none')
        if (form !== 'commands')
          writer.header({ redisVersion: '7.2.4', created_s: 1, usedMemory_bytes: 1, aofBase: false })
        const expected = contents(k)
        walk = new SnapshotWalk(k, generations, target)
        for (const one of during) {
          carryOut(k, one)
          if (one.step > 0) walk.step(one.step * 5)
        }
        while (walk.step(10));
        expect(walk.saved).toBe(expected.length)
        const data = Buffer.concat(blocks)
        expect(form === 'commands' ? fromCommands(data) : fromRdb(data)).toEqual(expected)
        // Nothing is left of what was deleted meanwhile.
        for (const db of k.databases) db.flush(false)
        while (k.graveyard.dig(1000));
        expect(k.graveyard.pending).toBe(0)
        expect(k.heap.usedBytes).toBe(0)
        expect(k.large.bytes).toBe(0)
      }),
      { numRuns: Number(process.env['SHOAL_PIECES_RUNS'] ?? 6) },
    )
  })
}
