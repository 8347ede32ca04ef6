/**
 * Hashes and sets beside redis-server: random sequences give the same replies (the members of a hash table in any order), the
 * same notifications and the same in the append-only file; what is left is the same by DEBUG DIGEST-VALUE; and what the one
 * dumps, the other restores.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfValueIn70 } from '../support/redis70.js'
import { bytesOf, latin1 } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { alikeCollections } from './alike.js'
import { genericCommand } from './arbitrary.js'
import { hashCommand, KEYS, key, setCommand } from './arbitrary-collections.js'
import { words } from './grammar.js'

const RUNS = runsOf(60)
const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore)$/i.test(String(name)),
)
const withEncodings = words('OBJECT', fc.constant('ENCODING'), key)

describe.skipIf(missing('redis-server'))('hashes and sets beside redis-server', DEEP, () => {
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

  /** The same limits on both sides. Redis 7.0 knows no sets as listpacks. */
  const limit = async (entries: number, longest: number) => {
    for (const name of ['hash-max-listpack-entries', 'set-max-intset-entries']) {
      expect(await redis.run('CONFIG', 'SET', name, entries)).toBe('+OK\r\n')
    }
    await redis.run('CONFIG', 'SET', 'hash-max-listpack-value', longest)
    both.runner.keyspace.limit = (name) => {
      if (name === 'hash-max-listpack-value') return longest
      return name.startsWith('set-max-listpack') ? 0 : entries
    }
  }

  const sameDigests = async () => {
    for (const name of [...KEYS, 'string']) {
      const ours = digestOfValueIn70(both.runner.keyspace.databases[0]!, bytesOf(name))
      expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
    }
  }

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await holds(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom<[number, number]>([512, 64], [3, 64], [0, 0]),
        async (lines, [entries, longest]) => {
          await both.reset(protocol)
          await limit(entries, longest)
          const different = await both.differences(lines, alikeCollections)
          expect(different).toEqual([])
          await sameDigests()
        },
      ),
      RUNS,
    )
  }

  for (const protocol of [2, 3]) {
    test(`hashes, RESP${protocol}`, () => same(fc.oneof(hashCommand, hashCommand, withEncodings), protocol))
    test(`sets, RESP${protocol}`, () => same(fc.oneof(setCommand, setCommand, withEncodings), protocol))
  }
  test('among commands on keys', () => same(fc.oneof(hashCommand, setCommand, keyCommand, withEncodings), 2))

  test('what goes out', async () => {
    await limit(512, 64)
    const command = fc.oneof(hashCommand, setCommand)
    await holds(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
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
        fc.array(fc.oneof(hashCommand, setCommand), { minLength: 5, maxLength: 40, size: 'max' }),
        fc.constantFrom<[number, number]>([512, 64], [3, 64]),
        async (lines, [entries, longest]) => {
          await both.reset()
          await limit(entries, longest)
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
            const [command, there] = [
              ['DEBUG', 'DIGEST-VALUE', name],
              ['DEBUG', 'DIGEST-VALUE', restored],
            ] as const
            expect(await redis.run(...there)).toBe(await redis.run(...command))
            const db = runner.keyspace.databases[0]!
            expect(digestOfValueIn70(db, bytesOf(restored))).toBe(digestOfValueIn70(db, bytesOf(name)))
            expect(runner.run('OBJECT', 'ENCODING', restored)).toBe(
              await redis.run('OBJECT', 'ENCODING', restored),
            )
          }
        },
      ),
      RUNS,
    )
  })

  test('damaged payloads are refused, or hold something whole', async () => {
    await limit(512, 64)
    const { runner } = both
    await both.reset()
    runner.run('HSET', 'h', 'f', '1', 'g', 'two', '3', '70000')
    runner.run('SADD', 'i', 1, 70000, -5)
    runner.run('SADD', 's', 'a', 'b', 'c')
    const { readDump, dumpRaw } = await import('../../src/persistence/rdb/dump.js')
    const payloads = [
      ...['h', 'i', 's'].map((name) => decode(runner.run('DUMP', name)) as string),
      ...['h', 'i', 's'].map(() => ''),
    ]
    await redis.run('HSET', 'h', 'f', '1', 'g', 'two', '3', '70000')
    payloads[3] = decode(await redis.run('DUMP', 'h')) as string
    fc.assert(
      fc.property(
        fc.constantFrom(...payloads.filter((one) => one !== '')),
        fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 2, 4, 9, 11, 13, 16, 20),
        fc.boolean(),
        (payload, changes, otherType, retype) => {
          const whole = bytesOf(payload)
          const read = readDump(whole, 0, whole.length)
          if (!read.ok) throw new Error(read.error)
          const body = whole.slice(1, whole.length - 10)
          for (const [at, byte] of changes) body[at % body.length] = byte
          const made = dumpRaw(retype ? otherType : read.type, body, 0, body.length)
          const before = runner.keyspace.heap.usedBytes
          const reply = runner.run('RESTORE', 'damaged', 0, made)
          if (reply === '+OK\r\n') {
            for (const line of ['HGETALL damaged', 'SMEMBERS damaged', 'DUMP damaged']) runner.say(line)
            runner.say('DEL damaged')
          } else expect(reply).toBe('-ERR Bad data format\r\n')
          expect(runner.keyspace.heap.usedBytes).toBe(before)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

test('random members and fields are there, as many as asked for, and different', async () => {
  const { Runner } = await import('../support/runner.js')
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: -30, max: 70 }),
      fc.constantFrom(0, 512),
      fc.boolean(),
      (numbers, count, entries, plain) => {
        const runner = new Runner()
        runner.keyspace.limit = (name) => (name.endsWith('-value') ? 64 : entries)
        const members = numbers.map((n) => (plain ? String(n) : `m${n}`))
        runner.run('SADD', 's', ...members)
        runner.run('HSET', 'h', ...members.flatMap((member) => [member, `v${member}`]))
        const wanted = count < 0 ? -count : Math.min(count, members.length)
        for (const line of [`SRANDMEMBER s ${count}`, `HRANDFIELD h ${count}`]) {
          const found = decode(runner.run(...line.split(' '))) as string[]
          expect(found.length).toBe(wanted)
          if (count > 0) expect(new Set(found).size).toBe(wanted)
          for (const one of found) expect(members).toContain(one)
        }
        const pairs = decode(runner.run('HRANDFIELD', 'h', count, 'WITHVALUES')) as string[]
        for (let i = 0; i < pairs.length; i += 2) expect(pairs[i + 1]).toBe(`v${pairs[i]}`)
        if (count < 0) return
        const popped = decode(runner.run('SPOP', 's', count)) as string[]
        expect(new Set(popped).size).toBe(wanted)
        const sent = runner.propagated
        if (wanted === 0) expect(sent).toBeNull()
        else if (wanted === members.length) expect(sent).toEqual(['DEL s'])
        else
          expect(
            sent
              ?.join(' ')
              .split(' ')
              .filter((word) => members.includes(word)),
          ).toEqual(popped)
        expect(runner.say('SCARD s')).toBe(`:${members.length - wanted}`)
        for (const member of popped) expect(runner.run('SISMEMBER', 's', member)).toBe(':0\r\n')
        expect(latin1(runner.bytes('EXISTS', 's'))).toBe(wanted === members.length ? ':0\r\n' : ':1\r\n')
      },
    ),
    { numRuns: 200 },
  )
})
