/**
 * Streams beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only file;
 * what is left is the same by DEBUG DIGEST-VALUE and by what XINFO tells; and what the one dumps, the other restores. Masked is what
 * 7.0, which the oracle is, has otherwise than 7.2: `inactive` and `active-time`, when a consumer that got nothing is made,
 * what XSETID refuses; and the number of nodes of the tree, which is of another kind.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOfValue } from '../../src/server/admin/digest.js'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { bytesOf, type Part } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand, integer, value } from './arbitrary.js'

const RUNS = Number(process.env['SHOAL_DIFFERENTIAL_RUNS'] ?? 40)
const KEYS = ['a', 'b', 'c', '\0\xff\r\n']

const key = fc.constantFrom<Part>('a', 'a', 'a', 'a', ...KEYS, 'string')
const oneOf = (...words: string[]) => fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))
const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0) =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])
const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

const MAX = '18446744073709551615'
const oddIds = fc.constantFrom(
  '0-0',
  '0',
  '-',
  '+',
  '$',
  '>',
  '*',
  '(1',
  '(-',
  '1-',
  '-1',
  '1--1',
  '1-*',
  ' 1',
  '01-02',
  '+1',
  ' -1-1',
  '1- -1',
  '',
  'x',
  '1-x',
  `${MAX}-${MAX}`,
  MAX,
  `${MAX}0`,
  `1-${MAX}`,
  '4294967296-4294967295',
  '9007199254740993-1',
  '1\0x',
  '\0',
  '(0-0',
  `(${MAX}-${MAX}`,
  '((1',
)
const smallId = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 3 }))
      .map(([ms, seq]) => `${ms}-${seq}`),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 30 }).map(String) },
)
const id: fc.Arbitrary<Part> = fc.oneof({ weight: 20, arbitrary: smallId }, { weight: 1, arbitrary: oddIds })
const newId = fc.oneof(
  { weight: 10, arbitrary: smallId },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 31 }).map((ms) => `${ms}-*`) },
  // What `*` makes is told by each side's clock.
  { weight: 1, arbitrary: oddIds.filter((one) => one !== '*') },
)
const bound = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('-', '+', '-', '+') },
  { weight: 6, arbitrary: smallId },
  { weight: 3, arbitrary: smallId.map((one) => `(${one}`) },
  { weight: 1, arbitrary: oddIds },
)
const field: fc.Arbitrary<Part> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('f', 'g', '1', '-70000') },
  { weight: 1, arbitrary: value },
)
const pairs = fc.oneof(
  { weight: 6, arbitrary: value.map((one): Part[] => ['f', one]) },
  { weight: 3, arbitrary: some(fc.tuple(field, value), 3, 1) },
  { weight: 1, arbitrary: some(field, 3) },
)
const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }).map(String) },
  { weight: 1, arbitrary: integer },
)
const trimming = fc
  .oneof(
    fc.tuple(
      oneOf('MAXLEN'),
      some(fc.constantFrom('~', '=', '~'), 1),
      count,
      some(fc.tuple(oneOf('LIMIT'), count), 1),
    ),
    fc.tuple(
      oneOf('MINID'),
      some(fc.constantFrom('~', '=', '~'), 1),
      id,
      some(fc.tuple(oneOf('LIMIT'), count), 1),
    ),
  )
  .map((all) => all.flat() as Part[])
const oddTrimming = some(
  fc.oneof(
    trimming,
    oneOf('NOMKSTREAM', 'bogus').map((word) => [word]),
  ),
  2,
)
const group = fc.constantFrom<Part>('g', 'g', 'g', 'h', '', 'no\0ne')
const consumer = fc.constantFrom<Part>('x', 'x', 'y', '', '\xff')
const idle = fc.oneof(
  { weight: 6, arbitrary: fc.constant('0') },
  fc.constantFrom('100000000', '-1', 'x', '9223372036854775807'),
)
const claimOption = fc.oneof(
  fc.tuple(
    oneOf('IDLE', 'TIME', 'RETRYCOUNT'),
    fc.constantFrom('0', '5', '1000', 'x', '-1', '9223372036854775807'),
  ),
  fc.tuple(oneOf('LASTID'), id),
  oneOf('FORCE', 'FORCE', 'JUSTID', 'bogus').map((word) => [word]),
)
const newEntries = fc.constantFrom<Part>('>', '>', '>', '>', '>', '>', '0', '$')

const adding = fc.oneof(
  { weight: 10, arbitrary: words('XADD', key, newId, pairs) },
  { weight: 2, arbitrary: words('XADD', key, trimming, newId, pairs) },
  words('XADD', key, oddTrimming, newId, pairs),
)
/** Not below what XDEL may have removed: that is refused since 7.2 only. */
const lastId = fc.constantFrom('31-0', '31-5', '40-1', '33', 'x', '', '-', '$', `${MAX}-${MAX}`)
const changing = fc.oneof(
  { weight: 4, arbitrary: words('XDEL', key, some(fc.oneof(smallId, fc.constantFrom('x', '-', '')), 4, 1)) },
  { weight: 2, arbitrary: words('XTRIM', key, trimming) },
  words('XTRIM', key, oddTrimming),
  words(
    'XSETID',
    key,
    lastId,
    some(fc.oneof(fc.tuple(oneOf('ENTRIESADDED'), integer), fc.tuple(oneOf('MAXDELETEDID'), id)), 2),
  ),
  words('SET', fc.constant('string'), value),
)
const grouped = fc.oneof(
  {
    weight: 3,
    arbitrary: words(
      'XGROUP',
      oneOf('CREATE'),
      key,
      group,
      fc.oneof(id, fc.constantFrom('0', '$', '0')),
      some(
        fc.oneof(
          oneOf('MKSTREAM').map((w) => [w]),
          fc.tuple(oneOf('ENTRIESREAD'), integer),
        ),
        2,
      ),
    ),
  },
  words(
    'XGROUP',
    oneOf('SETID'),
    key,
    group,
    fc.oneof(id, fc.constantFrom('0', '$', '0')),
    some(fc.tuple(oneOf('ENTRIESREAD'), integer), 1),
  ),
  words('XGROUP', oneOf('DESTROY'), key, group),
  words('XGROUP', oneOf('CREATECONSUMER', 'DELCONSUMER'), key, group, consumer),
  words('XGROUP', oneOf('CREATE', 'SETID', 'DESTROY', 'DELCONSUMER', 'HELP', 'bogus'), some(field, 4, 1)),
  {
    weight: 8,
    arbitrary: words(
      'XREADGROUP',
      oneOf('GROUP'),
      group,
      consumer,
      some(fc.tuple(oneOf('COUNT'), count), 1),
      some(oneOf('NOACK'), 1),
      oneOf('STREAMS'),
      key,
      newEntries,
    ),
  },
  words('XREADGROUP', oneOf('GROUP'), group, consumer, oneOf('STREAMS'), key, key, newEntries, id),
  words('XREADGROUP', oneOf('GROUP'), group, consumer, oneOf('COUNT'), count, oneOf('STREAMS'), key, id),
  { weight: 3, arbitrary: words('XACK', key, group, some(id, 4, 1)) },
  { weight: 4, arbitrary: words('XCLAIM', key, group, consumer, idle, some(id, 3, 1), some(claimOption, 3)) },
  {
    weight: 4,
    arbitrary: words(
      'XAUTOCLAIM',
      key,
      group,
      consumer,
      idle,
      bound,
      some(
        fc.oneof(
          fc.tuple(oneOf('COUNT'), count),
          oneOf('JUSTID').map((w) => [w]),
        ),
        2,
      ),
    ),
  },
)
const reading = fc.oneof(
  words('XLEN', key),
  {
    weight: 3,
    arbitrary: words(
      oneOf('XRANGE', 'XREVRANGE'),
      key,
      bound,
      bound,
      some(fc.tuple(oneOf('COUNT', 'COUNT', 'bogus'), count), 1),
    ),
  },
  {
    weight: 2,
    arbitrary: words('XREAD', some(fc.tuple(oneOf('COUNT'), count), 1), oneOf('STREAMS'), key, id),
  },
  words('XREAD', oneOf('STREAMS'), key, key, id, id),
  words('XREAD', some(fc.oneof(key, id, oneOf('STREAMS', 'GROUP', 'NOACK', 'COUNT')), 5, 3)),
  { weight: 2, arbitrary: words('XPENDING', key, group) },
  {
    weight: 2,
    arbitrary: words(
      'XPENDING',
      key,
      group,
      some(fc.tuple(oneOf('IDLE'), idle), 1),
      bound,
      bound,
      count,
      some(consumer, 1),
    ),
  },
  words('XPENDING', key, group, some(bound, 7)),
  words('XINFO', oneOf('STREAM'), key, some(fc.tuple(oneOf('FULL'), oneOf('COUNT'), count), 1)),
  words('XINFO', oneOf('STREAM'), key, some(oneOf('FULL', 'COUNT'), 2)),
  words('XINFO', oneOf('GROUPS'), key),
  words('XINFO', oneOf('CONSUMERS'), key, group),
  words(
    oneOf('XADD', 'XTRIM', 'XDEL', 'XRANGE', 'XPENDING', 'XCLAIM', 'XAUTOCLAIM', 'XREADGROUP', 'XSETID'),
    some(fc.oneof(field, id), 6),
  ),
)
const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore|object)$/i.test(String(name)),
)
const any = fc.oneof(
  { weight: 4, arbitrary: adding },
  { weight: 3, arbitrary: changing },
  { weight: 5, arbitrary: grouped },
  { weight: 4, arbitrary: reading },
)

/** A reply without what 7.0 has otherwise, and without times. */
function masked(line: Line, reply: string): string {
  const name = String(line[0]).toLowerCase()
  if (name === 'xinfo') {
    return reply
      .replace(/\$16\r\nradix-tree-nodes\r\n:\d+\r\n/, '')
      .replace(/\$8\r\ninactive\r\n:-?\d+\r\n/g, '')
      .replace(/\$11\r\nactive-time\r\n:-?\d+\r\n/g, '')
      .replace(/(\$9\r\nseen-time\r\n|\$4\r\nidle\r\n):\d+/g, '$1:<ms>')
      .replace(/:1[6-9]\d{11}\r/g, ':<ms>\r')
      .replace(/[*%]\d+\r\n(?=\$4\r\nname)/g, '')
      .replace(/\*0\r\n$/, '')
  }
  // When an entry was given to its consumer: a few milliseconds ago, or long ago where XCLAIM said so.
  if (name === 'xpending') return reply.replace(/(\r\n):\d+(\r\n:\d+\r\n)(?=\*4|$)/g, '$1:<ms>$2')
  // Since 7.2 the text names the command.
  if (name.startsWith('xread')) return reply.replace(/^-ERR Unbalanced .*/, '-ERR Unbalanced')
  return reply
}

function alike(line: Line, redis: string, shoal: string): boolean {
  return masked(line, redis) === masked(line, shoal)
}

/**
 * Since 7.2 a consumer is made even if XCLAIM finds nothing for it, or XREADGROUP nothing new. Here each is made before such a
 * command, so that both have it.
 */
function prepared(lines: readonly Line[]): Line[] {
  return lines.flatMap((line) => {
    const [name, ...rest] = line
    if (/^xclaim$|^xautoclaim$/i.test(String(name))) {
      return [['XGROUP', 'CREATECONSUMER', ...rest.slice(0, 3)], line]
    }
    if (!/^xreadgroup$/i.test(String(name))) return [line]
    const keys = line.slice(line.findIndex((part) => /^streams$/i.test(String(part))) + 1)
    const makers = keys
      .slice(0, keys.length / 2)
      .map((one): Line => ['XGROUP', 'CREATECONSUMER', one, line[2] ?? '', line[3] ?? ''])
    return [...makers, line]
  })
}

describe.skipIf(missing('redis-server'))('streams beside redis-server', () => {
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

  const limit = async (entries: number, bytes: number) => {
    expect(
      await redis.run('CONFIG', 'SET', 'stream-node-max-entries', entries, 'stream-node-max-bytes', bytes),
    ).toBe('+OK\r\n')
    both.runner.keyspace.limit = (name) => (name === 'stream-node-max-bytes' ? bytes : entries)
  }

  const sameDigests = async () => {
    for (const name of KEYS) {
      const ours = digestOfValue(both.runner.keyspace.databases[0]!, bytesOf(name))
      expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
    }
  }
  const limits = fc.constantFrom([100, 4096], [3, 4096], [0, 0], [0, 40], [5, 100]) as fc.Arbitrary<
    [number, number]
  >
  const lookAtAll = KEYS.map((name): Line => ['XINFO', 'STREAM', name, 'FULL', 'COUNT', '0'])

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        limits,
        async (lines, [entries, bytes]) => {
          await both.reset(protocol)
          await limit(entries, bytes)
          expect(await both.differences([...prepared(lines), ...lookAtAll], alike)).toEqual([])
          await sameDigests()
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
    )
  }

  for (const protocol of [2, 3]) {
    test(`all commands, RESP${protocol}`, () => same(any, protocol))
  }
  test('among commands on keys', () => same(fc.oneof(adding, grouped, keyCommand), 2))
  test('what goes out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(any, { minLength: 1, maxLength: 40, size: 'max' }),
        limits,
        async (lines, given) => {
          await both.reset()
          await limit(...given)
          const went = await both.propagated(prepared(lines))
          expect(went.shoal).toEqual(went.redis)
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
    )
  })

  test('what the one dumps, the other restores, groups and all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(adding, adding, changing, grouped, grouped), {
          minLength: 5,
          maxLength: 60,
          size: 'max',
        }),
        limits,
        async (lines, given) => {
          await both.reset()
          await limit(...given)
          await both.differences(prepared(lines))
          const { runner } = both
          for (const name of KEYS) {
            const ours = runner.run('DUMP', name)
            const theirs = await redis.run('DUMP', name)
            if (ours === '$-1\r\n') {
              expect(theirs).toBe(ours)
              continue
            }
            const look: Line = ['XINFO', 'STREAM', `r:${name}`, 'FULL', 'COUNT', '0']
            expect(await redis.run('RESTORE', `r:${name}`, 0, decode(ours) as string, 'REPLACE')).toBe(
              '+OK\r\n',
            )
            expect(runner.run('RESTORE', `r:${name}`, 0, decode(theirs) as string, 'REPLACE')).toBe('+OK\r\n')
            expect(await both.differences([look], alike)).toEqual([])
            const same = (reply: string) => masked(look, reply)
            expect(same(runner.run(...look))).toBe(
              same(runner.run('XINFO', 'STREAM', name, 'FULL', 'COUNT', '0')),
            )
          }
        },
      ),
      { numRuns: RUNS, endOnFailure: false },
    )
  })
})
