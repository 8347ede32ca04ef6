/**
 * Streams beside redis-server: random sequences give the same replies, the same notifications and the same in the append-only file;
 * what is left is the same by DEBUG DIGEST-VALUE and by what XINFO tells; and what the one dumps, the other restores. Masked is what
 * 7.0, which the oracle is, has otherwise than 7.2: `inactive` and `active-time`, when a consumer that got nothing is made,
 * what XSETID refuses; and the number of nodes of the tree, which is of another kind.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfValueIn70 } from '../support/redis70.js'
import { bytesOf } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { alikeStreams, masked, prepared } from './alike.js'
import { genericCommand } from './arbitrary.js'
import { adding, changing, grouped, KEYS, reading } from './arbitrary-streams.js'

const RUNS = runsOf(40)

const keyCommand = genericCommand.filter(
  ([name]) => !/^(select|swapdb|move|flush.*|restore|object)$/i.test(String(name)),
)
const any = fc.oneof(
  { weight: 4, arbitrary: adding },
  { weight: 3, arbitrary: changing },
  { weight: 5, arbitrary: grouped },
  { weight: 4, arbitrary: reading },
)

describe.skipIf(missing('redis-server'))('streams beside redis-server', DEEP, () => {
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
      const ours = digestOfValueIn70(both.runner.keyspace.databases[0]!, bytesOf(name))
      expect(await redis.run('DEBUG', 'DIGEST-VALUE', name)).toBe(`*1\r\n+${ours}\r\n`)
    }
  }
  const limits = fc.constantFrom([100, 4096], [3, 4096], [0, 0], [0, 40], [5, 100]) as fc.Arbitrary<
    [number, number]
  >
  /** Many entries to begin with, or none: enough for a tree of several levels. */
  const begun = fc.constantFrom(0, 0, 300).map((count) =>
    Array.from({ length: count }, (_, i): Line => {
      const id = `${1 + Math.floor(i / 10)}-${i % 10}`
      return ['XADD', 'a', id, 'f', i]
    }),
  )
  const lookAtAll = KEYS.map((name): Line => ['XINFO', 'STREAM', name, 'FULL', 'COUNT', '0'])

  const same = async (command: fc.Arbitrary<Line>, protocol: number) => {
    await holds(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }),
        limits,
        begun,
        async (lines, [entries, bytes], first) => {
          await both.reset(protocol)
          await limit(entries, bytes)
          expect(await both.differences([...first, ...prepared(lines), ...lookAtAll], alikeStreams)).toEqual(
            [],
          )
          await sameDigests()
        },
      ),
      RUNS,
    )
  }

  for (const protocol of [2, 3]) {
    test(`all commands, RESP${protocol}`, () => same(any, protocol))
  }
  test('among commands on keys', () => same(fc.oneof(adding, grouped, keyCommand), 2))
  test('what goes out', async () => {
    await holds(
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
      RUNS,
    )
  })

  test('what the one dumps, the other restores, groups and all', async () => {
    await holds(
      fc.asyncProperty(
        fc.array(fc.oneof(adding, adding, changing, grouped, grouped), {
          minLength: 5,
          maxLength: 60,
          size: 'max',
        }),
        limits,
        begun,
        async (lines, given, first) => {
          await both.reset()
          await limit(...given)
          await both.differences([...first, ...prepared(lines)])
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
            expect(await both.differences([look], alikeStreams)).toEqual([])
            const same = (reply: string) => masked(look, reply)
            expect(same(runner.run(...look))).toBe(
              same(runner.run('XINFO', 'STREAM', name, 'FULL', 'COUNT', '0')),
            )
          }
        },
      ),
      RUNS,
    )
  })
})
