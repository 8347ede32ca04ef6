/** Hashes with fields that expire, in files: bytes of redis-server 7.4.1 and ours, and what is damaged. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1, Runner } from '../../../tests/support/runner.js'
import { expireSomeFields } from '../../keyspace/collections/field-expiry.js'
import { EXPIRE_IGNORE } from '../../keyspace/expiry.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { AofReader } from '../aof/reader.js'
import { KeyspaceLoader } from '../load.js'
import * as format from '../rdb/format.js'
import { RdbReader } from '../rdb/reader.js'
import { RdbWriter } from '../rdb/writer.js'
import { CommandTarget, Generations, RdbTarget, SnapshotWalk } from '../snapshot.js'
import { HASH_CODEC } from './hash.js'

const F2 = 2524600800123
const F3 = 2524600800000

/** DUMP of `f1 v1 f2 22 f3 300`, f2 and f3 to expire at the times above, by redis-server 7.4.1; `rdbcompression no`. */
const SMALL =
  '190013efcd4b0200003232000000090082663303c12c02f40013efcd4b02000009826632031601f47b13efcd4b0200000982' +
  '663103827631030001ff0c00d688893ce23d99a1'
/** The same with LZF; the time in front is that of a field that was set first. */
const COMPRESSED =
  '197b13efcd4b020000c32d321332000000090082663303c12c02f40013efcd4b02201107826632031601f47be0010f083103' +
  '827631030001ff0c0087c8cbfe0f0e51be'
const LARGE = '180013efcd4b02000003407c026632c0160002663102763101026633c12c010c00427f23613d363268'
/** Only `f1 v1`, large, to expire at F2. */
const ONE = '187b13efcd4b02000001010266310276310c008d4f661ab4a38bd4'
/** Small; its field's time was taken again. */
const PERSISTED = '19bb38e00aa20100001111000000030082663103827631030001ff0c002832175b7f6fe75e'

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

function setLimit(runner: Runner, most: number): void {
  const { limit } = runner.keyspace
  runner.keyspace.limit = (name) => (name === 'hash-max-listpack-entries' ? most : limit(name))
}

test('what redis-server 7.4.1 dumped is restored', () => {
  for (const dump of [SMALL, COMPRESSED, LARGE]) {
    for (const most of [512, 2]) {
      const runner = new Runner()
      setLimit(runner, most)
      expect(runner.run('RESTORE', 'h', 0, bytesOf(dump))).toBe('+OK\r\n')
      expect(runner.say('OBJECT ENCODING h')).toBe(most === 2 ? '$9 hashtable' : '$10 listpackex')
      expect(runner.say('HMGET h f1 f2 f3')).toBe('*3 $2 v1 $2 22 $3 300')
      expect(runner.say('HPEXPIRETIME h FIELDS 3 f1 f2 f3')).toBe(`*3 :-1 :${F2} :${F3}`)
      const { fieldTimes, databases } = runner.keyspace
      expect(fieldTimes.timeOf(fieldTimes.first(databases[0]!))).toBe(F3)
    }
  }
  const runner = new Runner()
  expect(runner.run('RESTORE', 'h', 0, bytesOf(PERSISTED))).toBe('+OK\r\n')
  expect(runner.say('HTTL h FIELDS 1 f1')).toBe('*1 :-1')
  expect(runner.keyspace.fieldTimes.size).toBe(0)
})

test('what we dump is what redis-server 7.4.1 dumps', () => {
  const dumped = (runner: Runner, key: string) => {
    const reply = runner.bytes('DUMP', key)
    return Buffer.from(reply.subarray(reply.indexOf(10) + 1, -2)).toString('hex')
  }
  const runner = new Runner()
  runner.say('HSET small f1 v1 f2 22 f3 300')
  runner.say(`HPEXPIREAT small ${F3} FIELDS 1 f3`)
  runner.say(`HPEXPIREAT small ${F2} FIELDS 1 f2`)
  expect(dumped(runner, 'small')).toBe(SMALL)
  setLimit(runner, 0)
  runner.say('HSET one f1 v1')
  runner.say(`HPEXPIREAT one ${F2} FIELDS 1 f1`)
  expect(dumped(runner, 'one')).toBe(ONE)
  // Without fields that expire a hash needs nothing that older versions do not know.
  runner.say('HPERSIST one FIELDS 1 f1')
  runner.say('HPERSIST small FIELDS 2 f2 f3')
  expect(dumped(runner, 'one').startsWith('04')).toBe(true)
  expect(dumped(runner, 'small').startsWith('04')).toBe(true)
  expect(dumped(runner, 'small').slice(-20, -16)).toBe('0900')
})

test('what is damaged is refused, as in Redis', () => {
  // Payloads of the suite of Redis 7.4 (integration/corrupt-dump): a time that is none, one that is too large, fields out of order.
  const damaged = [
    '172d2d00000009008161020101f4a69618b88f01000009826631038276310383666f6f0482663203827632030001ff0c00de40e537511c1256',
    '173333000000090000010001f401c589958f010000090101825f3103f4299497958f0100000902010201f4015eaf958f01330009ff0c007e4ff433e9c53e56',
    '17c33035143500000009008266320382763203f4807316d18f012012028266312011033103f47fe00111003320110433030001ff0c00f670295711689de5',
    '172d2d0000000900826631038276310300018266320382763203f4e0597a96000000000982663303827633030001ff0c004266d4be17c39672',
    '16028100010000000000000266310276318100010000000000000266320276320c00b93c652840945836',
  ]
  for (const hex of damaged) {
    const runner = new Runner()
    const before = runner.keyspace.heap.usedBytes
    expect(runner.run('RESTORE', 'h', 0, bytesOf(hex))).toBe('-ERR Bad data format\r\n')
    expect(runner.keyspace.heap.usedBytes).toBe(before)
  }
})

test('any damage is noticed or harmless', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(SMALL, COMPRESSED, LARGE, ONE),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(512, 1),
      fc.boolean(),
      (dump, changes, most, deep) => {
        const runner = new Runner()
        setLimit(runner, most)
        const { keyspace } = runner
        const before = keyspace.heap.usedBytes
        const value = bytesOf(dump).slice(0, -10)
        const type = value[0]!
        for (const [at, byte] of changes) value[1 + (at % (value.length - 1))] = byte
        const bare = HASH_CODEC.read(keyspace, type, value, 1, value.length, deep)
        if (bare > 0) {
          keyspace.hashes.forEach(bare, () => undefined)
          keyspace.release(bare)
        }
        expect(keyspace.heap.usedBytes).toBe(before)
      },
    ),
    { numRuns: 300 },
  )
})

/** Everything about the hashes of a keyspace, sorted. */
function contents(k: Keyspace): string[] {
  const all: string[] = []
  for (const db of k.databases) {
    db.forEach((handle) => {
      const { field, value } = k.hashes
      const key = latin1(k.entries.key(handle))
      k.hashes.forEach(handle, () => {
        all.push(JSON.stringify([db.index, key, field.text(), value.text(), k.hashes.expiry]))
      })
    })
    all.push(`${db.index} ${k.fieldTimes.count(db)}`)
  }
  return all.sort()
}

function load(into: Runner, blocks: readonly Uint8Array[]): void {
  const loader = new KeyspaceLoader({
    keyspace: into.keyspace,
    dropExpiredBefore_ms: Number.NEGATIVE_INFINITY,
    size_bytes: -1,
    now_ms: into.now_ms,
    log: () => undefined,
  })
  const reader = new RdbReader(loader, {})
  for (const block of blocks) reader.feed(block, 0, block.length)
  expect(reader.end()).toBeUndefined()
}

function replay(into: Runner, blocks: readonly Uint8Array[]): void {
  const onCommand = (buf: Uint8Array, count: number, ranges: Int32Array) => {
    const parts = Array.from({ length: count }, (_, i) => buf.slice(ranges[2 * i]!, ranges[2 * i + 1]!))
    // SELECT is the server's.
    if (latin1(parts[0]!) !== 'SELECT') expect(into.run(...parts).startsWith('-')).toBe(false)
    return undefined
  }
  const aof = new AofReader({ onCommand }, 'f')
  for (const block of blocks) expect(aof.feed(block, 0, block.length)).toBe(true)
}

const hash = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.dictionary(fc.string({ maxLength: 9 }), fc.tuple(fc.string({ maxLength: 70 }), fc.nat(2 ** 40))),
)

test('fields keep their times through files', () => {
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 8 }), fc.constantFrom(512, 3), (all, most) => {
      const runner = new Runner()
      setLimit(runner, most)
      for (const [key, fields] of all) {
        for (const [field, [value, time]] of Object.entries(fields)) {
          runner.run('HSET', key, Buffer.from(field), Buffer.from(value))
          // Some fields do not expire.
          if (time % 3 > 0)
            runner.run('HPEXPIREAT', key, runner.now_ms + time, 'FIELDS', 1, Buffer.from(field))
        }
      }
      const expected = contents(runner.keyspace)
      const blocks: Uint8Array[] = []
      const writer = new RdbWriter({ version: 12, onBlock: (block) => blocks.push(block.slice()) })
      writer.header({ redisVersion: '7.2.4', created_s: 0, usedMemory_bytes: 0, aofBase: false })
      const walk = new SnapshotWalk(
        runner.keyspace,
        new Generations(runner.keyspace),
        new RdbTarget(writer, 'none'),
      )
      while (walk.step(3));
      const loaded = new Runner()
      setLimit(loaded, most === 3 ? 512 : 3)
      load(loaded, blocks)
      expect(contents(loaded.keyspace)).toEqual(expected)

      const rewritten: Uint8Array[] = []
      const target = new CommandTarget({ onBlock: (block) => rewritten.push(block.slice()) })
      const again = new SnapshotWalk(runner.keyspace, new Generations(runner.keyspace), target)
      while (again.step(3));
      const replayed = new Runner()
      replay(replayed, rewritten)
      expect(contents(replayed.keyspace)).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})

test('a large hash is saved as it was, whatever happens to its fields meanwhile', () => {
  const change = fc.record({
    what: fc.constantFrom('HPEXPIREAT', 'HPERSIST', 'HSET', 'HDEL', 'HINCRBY', 'wait', 'DEL'),
    field: fc.nat(1999),
    time: fc.integer({ min: 1, max: 90_000 }),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300, size: 'max' }), fc.boolean(), (changes, asCommands) => {
      const runner = new Runner()
      const { keyspace } = runner
      for (let i = 0; i < 1500; i++) runner.run('HSET', 'h', `f${i}`, i)
      for (let i = 0; i < 1500; i += 2)
        runner.run('HPEXPIRE', 'h', 10_000 + ((i * 7919) % 60_000), 'FIELDS', 1, `f${i}`)
      const expected = contents(keyspace)
      const blocks: Uint8Array[] = []
      const onBlock = (block: Uint8Array) => blocks.push(block.slice())
      const writer = new RdbWriter({ version: 12, blockBytes: 512, onBlock })
      writer.header({ redisVersion: '7.2.4', created_s: 0, usedMemory_bytes: 0, aofBase: false })
      const target = asCommands ? new CommandTarget({ onBlock }) : new RdbTarget(writer, 'none')
      const walk = new SnapshotWalk(keyspace, new Generations(keyspace), target)
      keyspace.hooks = { ...keyspace.hooks, beforeWrite: (db, handle) => walk.beforeWrite(db, handle) }
      for (const { what, field, time } of changes) {
        walk.step(1)
        if (what === 'wait') {
          runner.now_ms += time
          expireSomeFields(keyspace.databases[0]!, 100, () => undefined)
        } else if (what === 'HPEXPIREAT')
          runner.run(what, 'h', runner.now_ms + time, 'FIELDS', 1, `f${field}`)
        else if (what === 'HPERSIST') runner.run(what, 'h', 'FIELDS', 1, `f${field}`)
        else if (what === 'HDEL') runner.run(what, 'h', `f${field}`)
        else if (what === 'DEL') runner.run(what, time < 3000 ? 'h' : 'nothing')
        else runner.run(what, 'h', `f${field}`, 1)
      }
      while (walk.step(50));
      const loaded = new Runner()
      loaded.now_ms = runner.now_ms
      loaded.keyspace.expiry = EXPIRE_IGNORE
      if (asCommands) replay(loaded, blocks)
      else load(loaded, blocks)
      expect(contents(loaded.keyspace)).toEqual(expected)
    }),
    { numRuns: 6 },
  )
})

test('a hash with fields that expire asks for version 12', () => {
  const runner = new Runner()
  runner.say('HSET h f v')
  const { keyspace } = runner
  const handle = () => keyspace.databases[0]!.find(Uint8Array.of(0x68), 0, 1)
  expect(HASH_CODEC.rdbType(keyspace, handle(), 9)).toBe(format.TYPE_HASH)
  runner.say('HEXPIRE h 10 FIELDS 1 f')
  for (const version of [9, 12]) {
    expect(HASH_CODEC.rdbType(keyspace, handle(), version)).toBe(format.TYPE_HASH_LISTPACK_EX)
  }
  expect(format.oldestRdbVersion([format.TYPE_HASH_LISTPACK_EX], false)).toBe(12)
})
