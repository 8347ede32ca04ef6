/** KEYS, SCAN, RANDOMKEY, DUMP and RESTORE beside redis-server: what may differ in order or form, but not in content. */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpRaw } from '../../src/persistence/rdb/dump.js'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { bytesOf, latin1, type Part, Runner } from '../support/runner.js'
import { type Decoded, decode, Wire } from '../support/wire.js'
import { integer, value } from './arbitrary.js'

const RUNS = runsOf(60)

const letters = fc.constantFrom('a', 'b', 'c', '\xff', '\0', '-', ']', '\\')
const name = fc.array(letters, { maxLength: 5 }).map((all) => all.join(''))
/** Without a free `-`: in a range Redis compares bytes above 127 as C's `char`, whose sign is the machine's. */
const pattern = fc
  .array(
    fc.oneof(
      letters.filter((letter) => letter !== '-'),
      fc.constantFrom(
        '*',
        '?',
        '[',
        '^',
        '[ab]',
        '[^a]',
        '[a-c]',
        '[c-a]',
        '[^a-b]',
        '[a-c',
        '[\\]]',
        '[',
        '\\*',
        '**',
      ),
    ),
    {
      maxLength: 6,
    },
  )
  .map((all) => all.join(''))

describe.skipIf(missing('redis-server'))('keys beside redis-server', DEEP, () => {
  let redis: RedisProcess
  let wire: Wire
  let runner: Runner

  beforeAll(async () => {
    redis = await startRedis()
    wire = await Wire.open(redis.port)
    runner = new Runner()
  })
  afterAll(async () => {
    wire?.close()
    await redis?.stop()
  })

  const both = async (...line: Part[]): Promise<[string, string]> => {
    runner.now_ms = Date.now()
    return [await wire.run(...line), runner.run(...line)]
  }
  const sorted = (reply: string): string[] => (decode(reply) as string[]).sort()

  test('KEYS finds what a pattern matches', async () => {
    await holds(
      fc.asyncProperty(
        fc.array(name, { minLength: 1, maxLength: 30 }),
        fc.array(pattern),
        async (names, patterns) => {
          await both('FLUSHALL')
          await both('MSET', ...names.flatMap((each) => [each, 'x']))
          for (const each of ['*', ...patterns]) {
            const [theirs, ours] = await both('KEYS', each)
            expect({ pattern: each, keys: sorted(ours) }).toEqual({ pattern: each, keys: sorted(theirs) })
          }
        },
      ),
      RUNS,
    )
  })

  test('SCAN walks over the same keys, and refuses the same', async () => {
    const walk = async (next: (cursor: string) => Promise<Decoded> | Decoded): Promise<string[]> => {
      const found = new Set<string>()
      let cursor = '0'
      do {
        const [after, batch] = (await next(cursor)) as [string, string[]]
        for (const each of batch) found.add(each)
        cursor = after
      } while (cursor !== '0')
      return [...found].sort()
    }
    await both('FLUSHALL')
    const many = Array.from({ length: 2000 }, (_, i) => [`key:${i}`, 'x']).flat()
    await both('MSET', ...many)
    for (const options of [[], ['COUNT', '500'], ['MATCH', 'key:1*'], ['TYPE', 'string'], ['TYPE', 'list']]) {
      const ours = await walk((cursor) => decode(runner.run('SCAN', cursor, ...options)))
      const theirs = await walk(async (cursor) => decode(await wire.run('SCAN', cursor, ...options)))
      expect(ours).toEqual(theirs)
    }
    await both('FLUSHALL')
    const cursors = [
      '0',
      '',
      '-1',
      '+5',
      ' 1',
      '1 ',
      'x',
      '-',
      '18446744073709551615',
      '18446744073709551616',
    ]
    for (const cursor of cursors) {
      const [theirs, ours] = await both('SCAN', cursor)
      expect({ cursor, reply: ours }).toEqual({ cursor, reply: theirs })
    }
    for (const options of [
      'COUNT',
      'COUNT 0',
      'COUNT -1',
      'COUNT x',
      'MATCH',
      'TYPE',
      'NOVALUES',
      'COUNT 5 TYPE x MATCH *',
    ]) {
      const [theirs, ours] = await both('SCAN', '0', ...options.split(' '))
      expect({ options, reply: ours }).toEqual({ options, reply: theirs })
    }
  })

  test('DUMP and RESTORE exchange strings in both directions', async () => {
    await holds(
      fc.asyncProperty(fc.oneof(value, integer), async (given) => {
        await both('FLUSHALL')
        await both('SET', 'a', given)
        const ours = decode(runner.run('DUMP', 'a')) as string
        const theirs = decode(await wire.run('DUMP', 'a')) as string
        expect(await wire.run('RESTORE', 'b', 0, ours)).toBe('+OK\r\n')
        expect(runner.run('RESTORE', 'b', 0, theirs)).toBe('+OK\r\n')
        const expected = `$${bytesOf(given).length}\r\n${latin1(bytesOf(given))}\r\n`
        expect(await both('GET', 'b')).toEqual([expected, expected])
        const [one, other] = await both('OBJECT', 'ENCODING', 'b')
        expect(other).toBe(one)
      }),
      RUNS,
    )
  })

  test('a damaged payload is refused in the same words', async () => {
    await both('FLUSHALL')
    await both('SET', 'a', 'some value')
    const payload = bytesOf(decode(await wire.run('DUMP', 'a')) as string)
    for (let at = 0; at < payload.length; at++) {
      const damaged = payload.slice()
      damaged[at]! ^= 1
      const [theirs, ours] = await both('RESTORE', 'b', 0, damaged)
      expect(ours).toBe(theirs)
      const [cut, ourCut] = await both('RESTORE', 'b', 0, payload.slice(0, at))
      expect(ourCut).toBe(cut)
    }
    expect(runner.run('EXISTS', 'b')).toBe(':0\r\n')
  })

  test('a value of a type that is not held is refused, and says which', () => {
    // A module's value without parts.
    const payload = dumpRaw(7, Uint8Array.of(1, 0), 0, 2)
    expect(runner.run('RESTORE', 'b', 0, payload)).toBe('-ERR Values of type module cannot be restored\r\n')
  })

  test('INCRBYFLOAT gives the digits of 80-bit numbers', async () => {
    const decimal = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map(String),
      fc
        .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.nat({ max: 24 }))
        .map(([digits, places]) => `${digits}e-${places}`),
      fc.tuple(fc.integer(), fc.integer({ min: -4960, max: 4960 })).map(([m, e]) => `${m}e${e}`),
      fc.integer({ min: -9999, max: 9999 }).map((cents) => String(cents / 100)),
      fc
        .tuple(
          fc.nat({ max: 2 ** 31 - 1 }).map((m) => m.toString(16)),
          fc.integer({ min: -80, max: 80 }),
        )
        .map(([m, e]) => `0x${m}p${e}`),
    )
    await holds(
      fc.asyncProperty(fc.array(decimal, { minLength: 1, maxLength: 10 }), async (amounts) => {
        await both('DEL', 'f')
        for (const amount of amounts) {
          const [theirs, ours] = await both('INCRBYFLOAT', 'f', amount)
          expect({ amount, reply: ours }).toEqual({ amount, reply: theirs })
        }
      }),
      RUNS * 3,
    )
  })
})
