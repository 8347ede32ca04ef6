/** Collections through files: what is written in any version is read, old forms are understood, damage is noticed. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1, type Part, Runner } from '../../../tests/support/runner.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { AofReader } from '../aof/reader.js'
import { KeyspaceLoader } from '../load.js'
import * as format from '../rdb/format.js'
import { RdbReader } from '../rdb/reader.js'
import { RdbWriter } from '../rdb/writer.js'
import { CommandTarget, Generations, RdbTarget, SnapshotWalk } from '../snapshot.js'
import { HASH_CODEC } from './hash.js'
import { readZiplist } from './ziplist.js'

const piece = fc.oneof(
  fc.integer({ min: -200, max: 200 }).map(String),
  fc.constantFrom('', 'f', '70000', '-9223372036854775808', '4294967296', '1048576', 'x'.repeat(70)),
  fc.uint8Array({ maxLength: 30 }).map(latin1),
)

/** Everything that a keyspace holds, sorted. */
function contents(k: Keyspace): string[] {
  const all: string[] = []
  const { hashes, sets, entries } = k
  for (const db of k.databases) {
    db.forEach((handle) => {
      const held: string[] = []
      const type = entries.type(handle)
      if (type === 4) {
        hashes.forEach(handle, () => {
          held.push(JSON.stringify([hashes.field.text(), hashes.value.text()]))
        })
      } else if (type === 2) {
        sets.forEach(handle, () => {
          held.push(JSON.stringify(sets.member.text()))
        })
      } else held.push(latin1(entries.value(handle)))
      const key = JSON.stringify([db.index, latin1(entries.key(handle)), type, entries.expiry(handle)])
      all.push(`${key} ${held.sort().join(' ')}`)
    })
  }
  return all.sort()
}

const filled = fc.array(
  fc.tuple(
    fc.constantFrom('HSET', 'SADD'),
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.array(piece, { minLength: 2 }),
  ),
  { maxLength: 12 },
)

function fill(runner: Runner, lines: readonly [string, string, string[]][]): void {
  for (const [name, key, pieces] of lines) {
    const even = pieces.slice(0, pieces.length - (pieces.length % 2))
    runner.run(name, `${name}:${key}`, ...even)
  }
  runner.run('PEXPIREAT', 'HSET:a', 4_000_000_000_000)
}

function loadInto(k: Keyspace, blocks: readonly Uint8Array[]): void {
  const loader = new KeyspaceLoader({
    keyspace: k,
    dropExpiredBefore_ms: Number.NEGATIVE_INFINITY,
    size_bytes: -1,
    now_ms: k.now_ms,
    log: () => undefined,
  })
  const reader = new RdbReader(loader, { checksum: true })
  for (const block of blocks) reader.feed(block, 0, block.length)
  expect(reader.end()).toBeUndefined()
}

test('every version holds all of it', () => {
  fc.assert(
    fc.property(
      filled,
      fc.constantFrom(9, 10, 11),
      fc.boolean(),
      fc.constantFrom(2, 128),
      fc.constantFrom(2, 128),
      (lines, version, compress, entries, after) => {
        const from = new Runner()
        from.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : entries)
        fill(from, lines)
        const blocks: Uint8Array[] = []
        const onBlock = (block: Uint8Array) => blocks.push(block)
        const writer = new RdbWriter({ version, compress, checksum: true, blockBytes: 512, onBlock })
        writer.header({ redisVersion: '7.2.4', created_s: 1, usedMemory_bytes: 1, aofBase: false })
        const target = new RdbTarget(writer, 'none')
        const walk = new SnapshotWalk(from.keyspace, new Generations(from.keyspace), target)
        while (walk.step(2));
        const to = new Runner()
        to.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : after)
        loadInto(to.keyspace, blocks)
        expect(contents(to.keyspace)).toEqual(contents(from.keyspace))
        if (entries === after) {
          for (const key of ['HSET:a', 'SADD:a']) {
            const encoding = to.run('OBJECT', 'ENCODING', key)
            // What was once large may have shrunk, and comes back small.
            if (!from.run('OBJECT', 'ENCODING', key).includes('hashtable')) {
              expect(encoding).toBe(from.run('OBJECT', 'ENCODING', key))
            }
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

test('what changes while a snapshot is walked is written as it was', () => {
  fc.assert(
    fc.property(filled, filled, fc.nat(6), (before, after, steps) => {
      const from = new Runner()
      from.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : 5)
      fill(from, before)
      const atStart = contents(from.keyspace)
      const blocks: Uint8Array[] = []
      const writer = new RdbWriter({ checksum: true, onBlock: (block) => blocks.push(block) })
      writer.header({ redisVersion: '7.2.4', created_s: 1, usedMemory_bytes: 1, aofBase: false })
      const walk = new SnapshotWalk(
        from.keyspace,
        new Generations(from.keyspace),
        new RdbTarget(writer, 'none'),
      )
      from.keyspace.hooks = {
        ...from.keyspace.hooks,
        beforeWrite: (db, handle) => walk.beforeWrite(db, handle),
      }
      for (let i = 0; i < steps; i++) walk.step(1)
      for (const [name, key, pieces] of after) {
        from.run(name === 'HSET' ? 'HDEL' : 'SREM', `${name}:${key}`, ...pieces)
        from.run('SUNIONSTORE', 'SADD:a', 'SADD:b', 'SADD:c')
        from.run('RENAME', 'HSET:b', 'HSET:c')
        from.run('HINCRBY', 'HSET:d', 'n', 1)
        from.run('SMOVE', 'SADD:b', 'SADD:d', pieces[0]!)
        from.run('SPOP', 'SADD:c')
      }
      fill(from, after)
      while (walk.step(1));
      const to = new Runner()
      loadInto(to.keyspace, blocks)
      expect(contents(to.keyspace)).toEqual(atStart)
    }),
    { numRuns: 150 },
  )
})

test('as commands they come back too', () => {
  const from = new Runner()
  const many = Array.from({ length: 200 }, (_, i) => `m${i}`)
  from.run('HSET', 'h', ...many)
  from.run('SADD', 's', ...many)
  from.run('SADD', 'i', 3, 1, 2)
  from.run('PEXPIREAT', 's', 4_000_000_000_000)
  const blocks: Uint8Array[] = []
  const target = new CommandTarget({ onBlock: (block) => blocks.push(block) })
  const walk = new SnapshotWalk(from.keyspace, new Generations(from.keyspace), target)
  while (walk.step(1));
  const to = new Runner()
  const counts: number[] = []
  const onCommand = (buf: Uint8Array, count: number, ranges: Int32Array) => {
    counts.push(count)
    const parts: Part[] = Array.from({ length: count }, (_, i) => buf.slice(ranges[i * 2], ranges[i * 2 + 1]))
    if (latin1(parts[0] as Uint8Array) !== 'SELECT') to.run(...parts)
    return undefined
  }
  const reader = new AofReader({ onCommand }, 'x')
  for (const block of blocks) reader.feed(block, 0, block.length)
  expect(reader.end()).toBeUndefined()
  expect(contents(to.keyspace)).toEqual(contents(from.keyspace))
  expect(Math.max(...counts)).toBe(2 + 64 * 2)
})

/** A ziplist as Redis before 7 wrote it. */
function ziplist(elements: readonly string[]): Buffer {
  const parts: Buffer[] = []
  let before = 0
  let tail = 10
  let at = 10
  for (const element of elements) {
    const data = Buffer.from(element, 'latin1')
    const previous = before < 254 ? Buffer.of(before) : Buffer.of(254, ...le(before, 4))
    const value = /^(0|-?[1-9]\d{0,17})$/.test(element) ? BigInt(element) : null
    let body: Buffer
    if (value === null) {
      const n = data.length
      const head = n < 64 ? [n] : n < 16384 ? [0x40 | (n >> 8), n & 255] : [0x80, 0, 0, n >> 8, n & 255]
      body = Buffer.concat([Buffer.from(head), data])
    } else if (value >= 0n && value <= 12n) body = Buffer.of(0xf1 + Number(value))
    else {
      const [bits, code] = (
        [
          [8, 0xfe],
          [16, 0xc0],
          [24, 0xf0],
          [32, 0xd0],
          [64, 0xe0],
        ] as const
      ).find(([bits]) => BigInt.asIntN(bits, value) === value)!
      body = Buffer.concat([Buffer.of(code), Buffer.from(le(BigInt.asUintN(bits, value), bits / 8))])
    }
    const whole = Buffer.concat([previous, body])
    tail = at
    at += whole.length
    before = whole.length
    parts.push(whole)
  }
  const head = [...le(at + 1, 4), ...le(tail, 4), ...le(elements.length, 2)]
  return Buffer.concat([Buffer.from(head), ...parts, Buffer.of(255)])
}

function le(value: number | bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))
}

function zipmap(pairs: readonly (readonly [string, string])[]): Buffer {
  const length = (n: number) => (n < 254 ? [n] : [254, ...le(n, 4)])
  const parts = pairs.map(([field, value]) =>
    Buffer.concat([
      Buffer.from(length(field.length)),
      Buffer.from(field, 'latin1'),
      Buffer.from([...length(value.length), 2]),
      Buffer.from(value, 'latin1'),
      Buffer.from('??'),
    ]),
  )
  return Buffer.concat([Buffer.of(Math.min(pairs.length, 254)), ...parts, Buffer.of(255)])
}

const pairs = fc
  .array(
    fc.tuple(fc.oneof(piece, fc.constant('l'.repeat(300))), fc.oneof(piece, fc.constant('v'.repeat(20_000)))),
    {
      maxLength: 12,
    },
  )
  .map((all) => [...new Map(all)])

/** Reads a value that is one string; what the hash then holds, or the number that says why there is none. */
function readHash(type: number, body: Uint8Array, deep: boolean): [string, string][] | number {
  const { keyspace } = new Runner()
  const before = keyspace.heap.usedBytes
  const writer = new RdbWriter()
  writer.string(body, 0, body.length)
  const value = writer.sink.take()
  const bare = HASH_CODEC.read(keyspace, type, value, 0, value.length, deep)
  if (bare <= 0) {
    expect(keyspace.heap.usedBytes).toBe(before)
    return bare
  }
  const { hashes } = keyspace
  const found: [string, string][] = []
  hashes.forEach(bare, () => found.push([hashes.field.text(), hashes.value.text()]))
  keyspace.release(bare)
  expect(keyspace.heap.usedBytes).toBe(before)
  return found
}

test('hashes of before Redis 7', () => {
  fc.assert(
    fc.property(pairs, fc.boolean(), (all, deep) => {
      const sorted = [...all].sort()
      for (const [type, body] of [
        [format.TYPE_HASH_ZIPMAP, zipmap(all)],
        [format.TYPE_HASH_ZIPLIST, ziplist(all.flat())],
      ] as const) {
        const read = readHash(type, body, deep)
        if (all.length === 0) expect(read).toBe(0)
        else expect(typeof read === 'number' ? read : read.sort()).toEqual(sorted)
      }
    }),
    { numRuns: 150 },
  )
  expect(readHash(format.TYPE_HASH_ZIPLIST, ziplist(['a', '1', 'a', '2']), true)).toBe(-1)
  expect(readHash(format.TYPE_HASH_ZIPLIST, ziplist(['a', '1', 'b']), false)).toBe(-1)
})

test('damaged ziplists and zipmaps', () => {
  fc.assert(
    fc.property(pairs, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, where, change) => {
      for (const [type, body] of [
        [format.TYPE_HASH_ZIPMAP, zipmap(all)],
        [format.TYPE_HASH_ZIPLIST, ziplist(all.flat())],
      ] as const) {
        body[where % body.length]! ^= change
        readHash(type, body, true)
        readHash(type, body.subarray(0, where % body.length), true)
      }
    }),
    { numRuns: 500 },
  )
  expect(readZiplist(Buffer.alloc(11, 255), 0, 11, () => undefined)).toBe(-1)
})
