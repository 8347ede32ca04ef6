import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attach } from '../keyspace/collections/value.js'
import { NO_EXPIRY } from '../keyspace/entries.js'
import { Keyspace } from '../keyspace/keyspace.js'
import { AofReader } from './aof/reader.js'
import { KeyspaceLoader } from './load.js'
import { RdbReader } from './rdb/reader.js'
import { RdbWriter } from './rdb/writer.js'
import { CommandTarget, Generations, RdbTarget, SnapshotWalk } from './snapshot.js'

function keyspace(databases = 3): Keyspace {
  let seed = 7
  const made = new Keyspace({
    databases,
    cluster: false,
    random32: () => {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0
      return seed
    },
  })
  made.setTime(1_700_000_000_000)
  return made
}

const bytes = (text: string) => Buffer.from(text)
const set = (k: Keyspace, db: number, key: string, value: string, expiry = NO_EXPIRY) => {
  const [name, data] = [bytes(key), bytes(value)]
  k.databases[db]!.setString(name, 0, name.length, data, 0, data.length, expiry)
}

/** All keys as `db key value expiry`, sorted. */
function contents(k: Keyspace): string[] {
  const all: string[] = []
  for (const db of k.databases) {
    db.forEach((handle) => {
      const { entries } = k
      all.push(
        `${db.index} ${Buffer.from(entries.key(handle))} ${Buffer.from(entries.value(handle))} ${entries.expiry(handle)}`,
      )
    })
  }
  return all.sort()
}

function loadedFrom(data: Uint8Array): string[] {
  const k = keyspace()
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

type Op = { kind: number; db: number; key: number; value: string; step: number }

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.nat(7),
  db: fc.nat(2),
  key: fc.nat(60),
  value: fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
    .map((v) => v.replaceAll(' ', '_')),
  step: fc.nat(6),
})

function carryOut(k: Keyspace, { kind, db: index, key: number, value }: Op): void {
  const db = k.databases[index]!
  const key = bytes(`key:${number}`)
  if (kind <= 1) set(k, index, `key:${number}`, value)
  else if (kind === 2) set(k, index, `key:${number}`, value, 4_000_000_000_000 + number)
  else if (kind === 3) db.delete(key, 0, key.length)
  else if (kind === 4) {
    const handle = db.find(key, 0, key.length)
    if (handle !== 0)
      db.setExpiry(handle, k.entries.expiry(handle) === NO_EXPIRY ? 4_000_000_000_001 : NO_EXPIRY)
  } else if (kind === 5) {
    let handle = db.write(key, 0, key.length)
    if (handle === 0) return
    const before = k.entries.valueLength(handle)
    handle = db.resizeValue(handle, before + value.length)
    k.entries.value(handle).set(bytes(value), before)
  } else if (kind === 6) {
    // Grows and shrinks the tables, so that entries move while the walk goes on.
    for (let i = 0; i < 300; i++) set(k, index, `many:${i}`, value)
    db.resizeSome(5)
  } else {
    for (let i = 0; i < 300; i += 2) db.delete(bytes(`many:${i}`), 0, bytes(`many:${i}`).length)
    if (number % 5 === 0) k.swap(index, (index + 1) % 3)
  }
}

test('what is written is the moment of the beginning, whatever happens between the steps', () => {
  fc.assert(
    fc.property(
      fc.array(op, { maxLength: 60 }),
      fc.array(op, { minLength: 1, maxLength: 80 }),
      fc.nat(3),
      (before, during, abandoned) => {
        const k = keyspace()
        const generations = new Generations(k)
        let walk: SnapshotWalk | undefined
        k.hooks = {
          expired: () => {},
          changed: () => {},
          beforeWrite: (db, handle) => walk?.beforeWrite(db, handle),
        }
        for (const one of before) carryOut(k, one)
        for (let i = 0; i < abandoned; i++) {
          walk = new SnapshotWalk(k, generations, new RdbTarget(new RdbWriter(), 'none'))
          walk.step(7)
          walk.abort()
        }
        const blocks: Uint8Array[] = []
        const writer = new RdbWriter({ onBlock: (block) => blocks.push(block), checksum: true })
        writer.header({ redisVersion: '7.2.4', created_s: 1, usedMemory_bytes: 1, aofBase: false })
        const expected = contents(k)
        walk = new SnapshotWalk(k, generations, new RdbTarget(writer, 'none'))
        for (const one of during) {
          carryOut(k, one)
          if (one.step > 0) walk.step(one.step)
        }
        while (walk.step(10));
        expect(walk.saved).toBe(expected.length)
        expect(walk.total).toBe(expected.length)
        expect(loadedFrom(Buffer.concat(blocks))).toEqual(expected)
        expect(k.snapshot).toBe(0)
      },
    ),
    { numRuns: 60 },
  )
})

test('generations come round, and nothing that a walk given up long ago has touched is left out', () => {
  for (let gap = 250; gap < 260; gap++) {
    const k = keyspace(1)
    const generations = new Generations(k)
    const begin = () => new SnapshotWalk(k, generations, new RdbTarget(new RdbWriter(), 'none'))
    for (let i = 0; i < 100; i++) set(k, 0, `k${i}`, 'v')
    const first = begin()
    first.step(5)
    set(k, 0, 'during', 'v')
    first.abort()
    for (let i = 0; i < gap; i++) begin().abort()
    const whole = begin()
    while (whole.step(1000));
    expect([gap, whole.saved]).toEqual([gap, 101])
  }
})

test('commands instead of RDB', () => {
  const k = keyspace()
  set(k, 0, 'a', '1')
  set(k, 2, 'b', '2', 4_000_000_000_000)
  const blocks: Uint8Array[] = []
  const walk = new SnapshotWalk(
    k,
    new Generations(k),
    new CommandTarget({ onBlock: (block) => blocks.push(block) }),
  )
  while (walk.step(1));
  const data = Buffer.concat(blocks)
  const lines: string[] = []
  const reader = new AofReader(
    {
      onCommand: (buf, count, ranges) => {
        lines.push(
          Array.from({ length: count }, (_, i) =>
            Buffer.from(buf.subarray(ranges[i * 2], ranges[i * 2 + 1])),
          ).join(' '),
        )
        return undefined
      },
    },
    'x',
  )
  reader.feed(data, 0, data.length)
  expect(reader.end()).toBeUndefined()
  expect(lines).toEqual(['SELECT 0', 'SET a 1', 'SELECT 2', 'SET b 2', 'PEXPIREAT b 4000000000000'])
})

/** RDB data given as numbers and texts, after a header. */
function load(parts: (number | string)[], drop = Number.NEGATIVE_INFINITY) {
  const k = keyspace()
  const log: string[] = []
  const loader = new KeyspaceLoader({
    keyspace: k,
    dropExpiredBefore_ms: drop,
    size_bytes: 1000,
    now_ms: 1_700_000_100_000,
    log: (level, line) => log.push(`${level}: ${line}`),
  })
  const data = Buffer.concat([
    Buffer.from('REDIS0011'),
    ...parts.map((part) =>
      typeof part === 'number'
        ? Buffer.of(part)
        : Buffer.from(`${String.fromCharCode(part.length)}${part}`, 'latin1'),
    ),
    Buffer.from('ff0000000000000000', 'hex'),
  ])
  const reader = new RdbReader(loader)
  reader.feed(data, 0, data.length)
  return { k, log, loader, problem: reader.end()?.text }
}

test('what a loader says and leaves out', () => {
  const aux = load([
    250,
    'redis-ver',
    '7.0.15',
    250,
    'ctime',
    '1700000000',
    250,
    'used-mem',
    '1048576',
    250,
    '%x',
    'y',
  ])
  expect(aux.log).toEqual([
    'notice: Loading RDB produced by version 7.0.15',
    'notice: RDB age 100 seconds',
    'notice: RDB memory usage when created 1.00 Mb',
    "notice: RDB '%x': y",
  ])
  const repl = load([250, 'repl-id', 'a'.repeat(40), 250, 'repl-offset', '77', 250, 'repl-stream-db', '2'])
  expect(repl.loader.replication).toEqual({ id: 'a'.repeat(40), offset: 77, db: 2 })
  const expired = [252, 1, 0, 0, 0, 0, 0, 0, 0, 0, 'old', 'v', 0, 'k', 'v']
  expect(contents(load(expired).k)).toEqual(['0 k v -1', '0 old v 1'])
  const dropped = load(expired, 1000)
  expect(contents(dropped.k)).toEqual(['0 k v -1'])
  expect(dropped.loader.summary()).toBe('Done loading RDB, keys loaded: 1, keys expired: 1.')
  const empty = load([2, 'nothing', 0])
  expect(empty.problem).toBeUndefined()
  expect(empty.loader.summary()).toContain('empty keys skipped: 1')
})

test('what a loader refuses', () => {
  expect(load([0, 'k', 'v', 0, 'k', 'w']).problem).toBe("RDB has duplicated key 'k' in DB 0")
  expect(load([254, 3, 0, 'k', 'v']).problem).toContain(
    'FATAL: Data file was created with a Redis server configured',
  )
  expect(load([7, 'm', 5, 0]).problem).toBe('Values of type module (module) are not supported yet: key "m"')
  expect(load([4, 'h', 1, 'f', 'v']).problem).toBeUndefined()
  expect(load([16, 'h', 'no listpack']).problem).toContain('damaged hash (listpack): key "h"')
  expect(load([245, 'code']).problem).toContain('Function libraries are not supported yet')
})

test('a hint of 2^40 keys makes no such table', () => {
  const huge = [0x81, 0, 0, 1, 0, 0, 0, 0, 0]
  const { k, problem } = load([251, ...huge, ...huge, 0, 'k', 'v'])
  expect(problem).toBeUndefined()
  expect(k.databases[0]!.tableBytes).toBeLessThan(1_000_000)
})

test('idle time comes back', () => {
  const { k } = load([248, 10, 0, 'k', 'v'])
  const handle = k.databases[0]!.peek(bytes('k'), 0, 1)
  expect((k.lruClock - k.entries.access(handle)) & 0xffffff).toBe(10)
})

test('blocks go round: a walk makes no more of them than are under way at once', () => {
  const k = keyspace(1)
  const [db] = k.databases
  for (let i = 0; i < 40; i++) {
    const key = bytes(`hash:${i}`)
    const handle = k.hashes.create()
    for (let field = 0; field < 600; field++) {
      const name = bytes(`field:${field}`)
      k.hashes.set(handle, name, 0, name.length, name, 0, name.length)
    }
    attach(db!, key, 0, key.length, handle, NO_EXPIRY)
  }
  for (let i = 0; i < 3000; i++) set(k, 0, `key:${i}`, 'a value of some length')
  const out: Buffer[] = []
  const writer = new RdbWriter({
    blockBytes: 8192,
    checksum: true,
    onBlock: (block) => {
      out.push(Buffer.from(block))
      writer.sink.recycle(block)
    },
  })
  writer.header({ redisVersion: '7.2.4', created_s: 0, usedMemory_bytes: 0, aofBase: false })
  const walk = new SnapshotWalk(k, new Generations(k), new RdbTarget(writer, 'none'))
  k.hooks = { expired() {}, changed() {}, beforeWrite: (db, handle) => walk.beforeWrite(db, handle) }
  let i = 0
  // What changes while a hash is being written goes aside, and comes back.
  while (walk.step(8)) if (i < 3000) set(k, 0, `key:${i++}`, 'changed')
  expect(i).toBeGreaterThan(500)
  expect(loadedFrom(Buffer.concat(out)).length).toBe(3040)
  expect(Buffer.concat(out).length).toBeGreaterThan(40 * 8192)
  expect(writer.sink.pool!.made).toBeLessThan(8)
})

test('a step does about as much as it was asked for, whatever the entries are', () => {
  const k = keyspace(1)
  for (let i = 0; i < 5000; i++) set(k, 0, `key:${i}`, i % 50 === 0 ? 'x'.repeat(4096) : 'short')
  const lengths: number[] = []
  let total = 0
  const writer = new RdbWriter({
    onBlock: (block) => {
      total += block.length
    },
  })
  const walk = new SnapshotWalk(k, new Generations(k), new RdbTarget(writer, 'none'))
  let before = 0
  for (let more = true; more; ) {
    const saved = walk.saved
    more = walk.step(32)
    // A bucket is visited as a whole: a dozen entries, and what overflowed.
    expect(walk.saved - saved).toBeLessThan(32 + 36)
    lengths.push(writer.sink.total - before)
    before = writer.sink.total
  }
  expect(walk.saved).toBe(5000)
  expect(total).toBeGreaterThan(100 * 4096)
  expect(Math.max(...lengths)).toBeLessThan(64 * 1024)
})
