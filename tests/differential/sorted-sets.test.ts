/**
 * Sorted sets beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only
 * file; what is left is the same by DEBUG DIGEST-VALUE; and what the one dumps, the other restores.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpRaw } from '../../src/persistence/rdb/dump.js'
import { RdbWriter } from '../../src/persistence/rdb/writer.js'
import { ZSET_CODEC } from '../../src/persistence/values/zset.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfValueIn70 } from '../support/redis70.js'
import { bytesOf, Runner } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { alikeSorted } from './alike.js'
import { genericCommand } from './arbitrary.js'
import { changing, KEYS, key, lexical, reading } from './arbitrary-sorted-sets.js'
import { words } from './grammar.js'

const RUNS = runsOf(40)
const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore)$/i.test(String(name)),
)
const withEncodings = words('OBJECT', fc.constant('ENCODING'), key)
const any = fc.oneof(changing, changing, reading)

describe.skipIf(missing('redis-server'))('sorted sets beside redis-server', DEEP, () => {
  let both: Comparison
  let redis: Wire

  beforeAll(async () => {
    both = await Comparison.start()
    redis = await Wire.open(both.redis.port)
  })
  afterAll(async () => {
    redis?.close()
    await both?.stop()
  })

  const limit = async (entries: number) => {
    expect(await redis.run('CONFIG', 'SET', 'zset-max-listpack-entries', entries)).toBe('+OK\r\n')
    both.runner.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : entries)
  }

  const sameDigests = async () => {
    for (const name of KEYS) {
      const ours = digestOfValueIn70(both.runner.keyspace.databases[0]!, bytesOf(name))
      expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
    }
  }

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await holds(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(128, 4, 0),
        async (lines, entries) => {
          await both.reset(protocol)
          await limit(entries)
          expect(await both.differences(lines, alikeSorted)).toEqual([])
          await sameDigests()
        },
      ),
      RUNS,
    )
  }

  for (const protocol of [2, 3]) {
    test(`by score and rank, RESP${protocol}`, () => same(fc.oneof(any, any, any, withEncodings), protocol))
    test(`by bytes, RESP${protocol}`, () => same(lexical, protocol))
  }
  test('among commands on keys', () => same(fc.oneof(changing, keyCommand, withEncodings), 2))

  test('the sign of zero is lost in the small form only', async () => {
    for (const entries of [128, 0]) {
      await both.reset()
      await limit(entries)
      const lines = ['ZADD a -0 m', 'ZSCORE a m', 'ZINCRBY a -0 n', 'ZUNION 1 a WEIGHTS -1 WITHSCORES']
      expect(await both.differences(lines.map((line) => line.split(' ')))).toEqual([])
      await sameDigests()
    }
  })

  test('what goes out', async () => {
    await limit(128)
    await holds(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const went = await both.propagated(lines)
        expect(went.shoal).toEqual(went.redis)
      }),
      RUNS,
    )
  })

  test('what the one dumps, the other restores', async () => {
    await holds(
      fc.asyncProperty(
        fc.array(changing, { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom(128, 4),
        async (lines, entries) => {
          await both.reset()
          await limit(entries)
          await both.differences(lines)
          const { runner } = both
          for (const name of KEYS) {
            const ours = runner.run('DUMP', name)
            const theirs = await redis.run('DUMP', name)
            if (ours === '$-1\r\n') {
              expect(theirs).toBe(ours)
              continue
            }
            const restored = `r:${name}`
            expect(await redis.run('RESTORE', restored, 0, decode(ours) as string, 'REPLACE')).toBe('+OK\r\n')
            expect(runner.run('RESTORE', restored, 0, decode(theirs) as string, 'REPLACE')).toBe('+OK\r\n')
            expect(await redis.run('DEBUG', 'DIGEST-VALUE', restored)).toBe(
              await redis.run('DEBUG', 'DIGEST-VALUE', name),
            )
            const db = runner.keyspace.databases[0]!
            expect(digestOfValueIn70(db, bytesOf(restored))).toBe(digestOfValueIn70(db, bytesOf(name)))
          }
        },
      ),
      RUNS,
    )
  })
})

test('damaged payloads are refused, or hold something whole', () => {
  const runner = new Runner()
  runner.run('ZADD', 'z', '1', 'a', '2.5', 'b', '-inf', '70000', '1e300', '')
  const payload = bytesOf(decode(runner.run('DUMP', 'z')) as string)
  const listpack = new RdbWriter({ version: 11 })
  ZSET_CODEC.write(listpack, runner.keyspace, runner.keyspace.databases[0]!.find(bytesOf('z'), 0, 1))
  const bodies = [payload.slice(1, payload.length - 10), listpack.sink.take()]
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
      fc.constantFrom(3, 5, 12, 17),
      (body, changes, type) => {
        const changed = body.slice()
        for (const [at, byte] of changes) changed[at % changed.length] = byte
        const before = runner.keyspace.heap.usedBytes
        const reply = runner.run('RESTORE', 'damaged', 0, dumpRaw(type, changed, 0, changed.length))
        if (reply === '+OK\r\n') {
          for (const line of ['ZRANGE damaged 0 -1', 'ZADD damaged 3 a', 'DUMP damaged']) runner.say(line)
          runner.say('DEL damaged')
        } else expect(reply).toBe('-ERR Bad data format\r\n')
        expect(runner.keyspace.heap.usedBytes).toBe(before)
      },
    ),
    { numRuns: 1500 },
  )
})

test('random members and whole scans', () => {
  for (const many of [5, 100, 400]) {
    const runner = new Runner()
    const members = Array.from({ length: many }, (_, i) => `m${i}`)
    runner.run('ZADD', 'z', ...members.flatMap((name, i) => [String(i / 2), name]))
    for (const count of [1, 3, many, many + 5, -7]) {
      const wanted = count < 0 ? -count : Math.min(count, many)
      const found = decode(runner.run('ZRANDMEMBER', 'z', count, 'WITHSCORES')) as string[]
      expect(found.length).toBe(wanted * 2)
      for (let i = 0; i < found.length; i += 2) expect(found[i]).toBe(`m${Number(found[i + 1]) * 2}`)
      if (count > 0) expect(new Set(found.filter((_, i) => i % 2 === 0)).size).toBe(wanted)
    }
    expect(members).toContain(decode(runner.run('ZRANDMEMBER', 'z')))
    const seen = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, page] = decode(runner.run('ZSCAN', 'z', cursor, 'COUNT', 7)) as [string, string[]]
      for (let i = 0; i < page.length; i += 2) seen.set(page[i]!, page[i + 1]!)
      cursor = next
    } while (cursor !== '0')
    expect(seen).toEqual(new Map(members.map((name, i) => [name, String(i / 2)])))
  }
})
