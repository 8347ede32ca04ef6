/**
 * Sorted sets beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only
 * file; what is left is the same by DEBUG DIGEST-VALUE; and what the one dumps, the other restores. Scores are such that
 * Redis 7.0, which writes seventeen digits, and 7.2, which writes as few as needed, agree on them.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpRaw } from '../../src/persistence/rdb/dump.js'
import { RdbWriter } from '../../src/persistence/rdb/writer.js'
import { ZSET_CODEC } from '../../src/persistence/values/zset.js'
import { digestOfValue } from '../../src/server/admin/digest.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { bytesOf, type Part, Runner } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand, integer, value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 40)
const KEYS = ['a', 'b', 'c', '\0\xff\r\n']
const WRONG_SCORES = [
  'x',
  '',
  ' 1',
  '1 ',
  'nan',
  '-nan',
  '1e400',
  '-1e400',
  '1e-400',
  '--1',
  '1e',
  '(1',
  '1\0',
]

const key = fc.constantFrom<Part>(...KEYS, 'string', 'set')
const member: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 9 }).map(String) },
  { weight: 3, arbitrary: fc.constantFrom('f', 'g', '', 'x'.repeat(64), 'y'.repeat(65), '\0\r\n', '\xff') },
  { weight: 1, arbitrary: value },
)
const goodScore = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -6, max: 6 }).map(String) },
  { weight: 3, arbitrary: fc.integer({ min: -40, max: 40 }).map((eighths) => String(eighths / 8)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('inf', '-inf', '+inf', 'Infinity', '1e3', '0x10', '9007199254740991', '5.'),
  },
)
const score = fc.oneof(
  { weight: 9, arbitrary: goodScore },
  { weight: 1, arbitrary: fc.constantFrom(...WRONG_SCORES) },
)
const bound = fc.oneof(
  { weight: 6, arbitrary: goodScore },
  { weight: 4, arbitrary: goodScore.map((one) => `(${one}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '(', '((1', 'x', ' 1', '( 2', '1 ', 'nan', '1e400', '-1e400', '1\0x'),
  },
)
const lexBound: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('-', '+', '-', '+') },
  {
    weight: 4,
    arbitrary: fc.constantFrom('[', '(', '[a', '(a', '[3', '(3', '[m', '(m', '[\xff', '[x', '(\0'),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'a', '+a', '-a', '+\0a', ']a') },
)
const rank = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -12, max: 12 }).map(String) },
  { weight: 1, arbitrary: integer },
)
const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

const withScores = some(oneOf('WITHSCORES', 'WITHSCORES', 'bogus'), 1)
const limitOption = fc.tuple(oneOf('LIMIT'), rank, rank)
const rangeOption = fc.oneof(
  oneOf('REV', 'BYSCORE', 'BYLEX', 'WITHSCORES', 'LIMIT').map((word) => [word]),
  limitOption,
)
const pairs = some(fc.tuple(score, member), 5, 1)
const addOption = oneOf('NX', 'XX', 'GT', 'LT', 'CH', 'INCR')
const numberedKeys = fc
  .array(key, { minLength: 1, maxLength: 3 })
  .map((keys): Part[] => [String(keys.length), ...keys])
const combineOption = fc.oneof(
  fc.tuple(oneOf('AGGREGATE'), oneOf('SUM', 'MIN', 'MAX', 'bogus')),
  fc.tuple(oneOf('WEIGHTS'), score, score),
  fc.tuple(oneOf('WEIGHTS'), score),
  oneOf('WITHSCORES').map((word) => [word]),
)

const changing = fc.oneof(
  { weight: 6, arbitrary: words('ZADD', key, some(addOption, 1), pairs) },
  { weight: 2, arbitrary: words('ZADD', key, some(addOption, 3), score, member) },
  words('ZADD', key, some(member, 3, 2)),
  { weight: 2, arbitrary: words('ZINCRBY', key, score, member) },
  { weight: 2, arbitrary: words('ZREM', key, some(member, 4, 1)) },
  words('ZREMRANGEBYRANK', key, rank, rank),
  words('ZREMRANGEBYSCORE', key, bound, bound),
  words(oneOf('ZPOPMIN', 'ZPOPMAX'), key, some(fc.constantFrom('0', '1', '3', '-1', 'x'), 1)),
  words('ZMPOP', numberedKeys, oneOf('MIN', 'MAX'), some(fc.tuple(oneOf('COUNT'), rank), 1)),
  words('ZRANGESTORE', key, key, rank, rank),
  words('ZRANGESTORE', key, key, bound, bound, oneOf('BYSCORE'), some(rangeOption, 1)),
  words(oneOf('ZUNIONSTORE', 'ZINTERSTORE'), key, numberedKeys, some(combineOption, 2)),
  words('ZDIFFSTORE', key, numberedKeys),
  words('SET', fc.constant('string'), value),
  words('SADD', fc.constant('set'), some(member, 3, 1)),
)
const reading = fc.oneof(
  words('ZCARD', key),
  words('ZSCORE', key, member),
  words('ZMSCORE', key, some(member, 3, 1)),
  words(oneOf('ZRANK', 'ZREVRANK'), key, member),
  words('ZCOUNT', key, bound, bound),
  words('ZRANGE', key, rank, rank, some(rangeOption, 2)),
  words('ZRANGE', key, bound, bound, oneOf('BYSCORE'), some(rangeOption, 2)),
  words('ZREVRANGE', key, rank, rank, withScores),
  words(oneOf('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE'), key, bound, bound, withScores, some(limitOption, 1)),
  words(oneOf('ZUNION', 'ZINTER'), numberedKeys, some(combineOption, 2)),
  words('ZDIFF', numberedKeys, withScores),
  words('ZINTERCARD', numberedKeys, some(fc.tuple(oneOf('LIMIT'), rank), 1)),
  words('ZRANDMEMBER', key, fc.constantFrom('0', 'x', '-9223372036854775808')),
  words(
    oneOf('ZADD', 'ZREM', 'ZPOPMIN', 'ZMPOP', 'ZRANGE', 'ZUNION', 'ZINTERCARD', 'ZUNIONSTORE', 'ZDIFFSTORE'),
    some(fc.oneof(member, integer), 4),
  ),
)
/** By bytes, which means something only where all scores are equal. */
const lexical = fc.oneof(
  {
    weight: 5,
    arbitrary: words(
      'ZADD',
      key,
      some(
        member.map((one) => ['0', one]),
        6,
        1,
      ),
    ),
  },
  words('ZREM', key, some(member, 2, 1)),
  words('ZLEXCOUNT', key, lexBound, lexBound),
  words(oneOf('ZRANGEBYLEX', 'ZREVRANGEBYLEX'), key, lexBound, lexBound, some(limitOption, 1)),
  words('ZRANGE', key, lexBound, lexBound, oneOf('BYLEX'), some(rangeOption, 2)),
  words('ZRANGESTORE', key, key, lexBound, lexBound, oneOf('BYLEX'), some(rangeOption, 1)),
  words('ZREMRANGEBYLEX', key, lexBound, lexBound),
)
const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore)$/i.test(String(name)),
)
const withEncodings = words('OBJECT', fc.constant('ENCODING'), key)
const any = fc.oneof(changing, changing, reading)

/** Since 7.2 the arguments of ZADD and SADD count before they are looked at, and small sets are listpacks. */
function alike(line: Line, redis: string, shoal: string): boolean {
  if (!/^object$/i.test(String(line[0]))) return false
  return (/listpack/.test(redis) && /skiplist/.test(shoal)) || /hashtable|intset/.test(redis)
}

describe.skipIf(missing('redis-server'))('sorted sets beside redis-server', () => {
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
      const ours = digestOfValue(both.runner.keyspace.databases[0]!, bytesOf(name))
      expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
    }
  }

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.constantFrom(128, 4, 0),
        async (lines, entries) => {
          await both.reset(protocol)
          await limit(entries)
          expect(await both.differences(lines, alike)).toEqual([])
          await sameDigests()
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
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
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const went = await both.propagated(lines)
        expect(went.shoal).toEqual(went.redis)
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  })

  test('what the one dumps, the other restores', async () => {
    await fc.assert(
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
            expect(digestOfValue(db, bytesOf(restored))).toBe(digestOfValue(db, bytesOf(name)))
          }
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
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
