/**
 * Commands of all types in one sequence, on the same few keys in two databases, so that each comes upon keys of every type: the
 * same replies and notifications beside redis-server, the same digest of everything in the end. Then all of it is dumped by each
 * and restored by the other. And the same with keys that expire in between.
 *
 * Left out is what would make the rest another sequence: distances as scores, which may differ in their last bit, sets that
 * are sorted by nothing, and ranges by bytes among different scores.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing } from '../oracle.js'
import { Comparison, type Difference, type Line } from '../support/compare.js'
import { DEEP, holds, runsOf } from '../support/deep.js'
import { digestOfDatasetIn70 } from '../support/redis70.js'
import { bytesOf, latin1, type Part } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { alikeAny, isAboutMisses, prepared } from './alike.js'
import { command, LIMITS, NAMES } from './arbitrary-mixed.js'

const RUNS = runsOf(40)
const DATABASES = Array.from({ length: 16 }, (_, i) => i)
/** Long enough for a command that is interrupted; the wait is longer. */
const EXPIRE_MS = 15
const WAIT_MS = 25

/** A result that is stored, and is nothing, removes what was there: Redis does not look whether that had expired. */
function isAboutExpiry({ command, redis, shoal }: Difference): boolean {
  const gone = (list: string) => list.replace(/\bexpired (?=\d)/g, 'del ')
  return command === 'notifications' && gone(redis) === gone(shoal)
}

/** What has expired is gone then. */
const TOUCH_ALL = DATABASES.flatMap((db): Line[] => [
  ['SELECT', db],
  ['EXISTS', ...NAMES],
])

describe.skipIf(missing('redis-server'))('all types together beside redis-server', DEEP, () => {
  let both: Comparison
  let redis: Wire

  beforeAll(async () => {
    both = await Comparison.start()
    redis = await Wire.open(both.redis.port)
    const settings: Part[] = [...LIMITS].flat()
    expect(await redis.run('CONFIG', 'SET', ...settings)).toBe('+OK\r\n')
    // Redis 7.0 knows no sets as listpacks.
    both.runner.keyspace.limit = (name) => LIMITS.get(name) ?? 0
  })
  afterAll(async () => {
    redis?.close()
    await both?.stop()
  })

  const sameData = async () => {
    expect(await redis.run('DEBUG', 'DIGEST')).toBe(`+${digestOfDatasetIn70(both.runner.keyspace)}\r\n`)
  }
  const differences = async (lines: readonly Line[]) =>
    (await both.differences(lines, alikeAny)).filter((one) => !isAboutMisses(one) && !isAboutExpiry(one))

  /** Everything that one side has, dumped there and restored on the other, which had nothing. */
  const exchange = async (
    from: (...line: Part[]) => Promise<string> | string,
    to: (...line: Part[]) => Promise<string> | string,
  ) => {
    const used = DATABASES.filter((db) => both.runner.keyspace.databases[db]!.size > 0)
    await to('FLUSHALL')
    for (const db of used) {
      await from('SELECT', db)
      await to('SELECT', db)
      for (const key of decode(await from('KEYS', '*')) as string[]) {
        const payload = decode(await from('DUMP', key)) as string
        const at = decode(await from('PEXPIRETIME', key)) as number
        expect(await to('RESTORE', key, Math.max(at, 0), payload, 'ABSTTL')).toBe('+OK\r\n')
      }
    }
    await sameData()
  }

  const shoal = (...line: Part[]): string => {
    const { runner } = both
    if (line[0] !== 'SELECT') return runner.run(...line)
    runner.caller.db = Number(line[1])
    return '+OK\r\n'
  }

  for (const protocol of [2, 3]) {
    test(`any commands, RESP${protocol}; what the one dumps, the other restores`, async () => {
      await holds(
        fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 80, size: 'max' }), async (lines) => {
          await both.reset(protocol)
          expect(await differences([...prepared(lines), ...TOUCH_ALL])).toEqual([])
          await sameData()
          both.runner.caller.protocol = 2
          await exchange(shoal, (...line) => redis.run(...line))
          await exchange((...line) => redis.run(...line), shoal)
        }),
        RUNS,
      )
    })
  }

  test('keys that expire in between', async () => {
    const batch = fc.tuple(
      fc.array(command, { minLength: 1, maxLength: 25, size: 'max' }),
      fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 5 }),
    )
    await holds(
      fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 4 }), async (batches) => {
        await both.reset()
        for (const [lines, soon] of batches) {
          // What expires does so after the last command of these, and before the first of the next.
          const expiring = soon.map((key): Line => ['PEXPIRE', key, EXPIRE_MS])
          expect(await differences([...prepared(lines), ...expiring])).toEqual([])
          await sleep(WAIT_MS)
        }
        const touch = DATABASES.flatMap((db): Line[] => [
          ['SELECT', db],
          ['EXISTS', ...NAMES],
        ])
        expect(await differences(touch)).toEqual([])
        await sameData()
      }),
      Math.ceil(RUNS / 3),
    )
  })

  test('what goes out', async () => {
    // Redis 7.0 writes a SET with PXAT anew, and tells nobody of a string that BITFIELD made longer in vain.
    const told = command.filter((line) => !line.some((word) => /^(fail|pxat)$/i.test(latin1(bytesOf(word)))))
    await holds(
      fc.asyncProperty(fc.array(told, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
        await both.reset()
        const went = await both.propagated(prepared(lines))
        expect(went.shoal).toEqual(went.redis)
      }),
      RUNS,
    )
  })
})
