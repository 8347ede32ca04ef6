/**
 * Nothing is left out of the comparisons: every command that redis-server has in a category of data must come out of the
 * generator of random commands for it, or stand below with the reason why not.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { bytesOf, latin1, type Part } from '../support/runner.js'
import { decode, Wire } from '../support/wire.js'
import { genericCommand, lcsCommand, stringCommand } from './arbitrary.js'
import { bitCommand, fieldCommand } from './arbitrary-bitmaps.js'
import { moveOne, readStream, waitFor } from './arbitrary-blocking.js'
import { hashCommand, setCommand } from './arbitrary-collections.js'
import { geoCommand } from './arbitrary-geo.js'
import { command as logCommand } from './arbitrary-hyperloglogs.js'
import { listCommand } from './arbitrary-lists.js'
import { sorting } from './arbitrary-sort.js'
import { changing as changingSorted, lexical, reading as readingSorted } from './arbitrary-sorted-sets.js'
import {
  adding,
  changing as changingStreams,
  grouped,
  reading as readingStreams,
} from './arbitrary-streams.js'
import { command as transactionCommand } from './arbitrary-transactions.js'

const SAMPLES = 4000
const SEED = 4

const blocking = waitFor(fc.constantFrom(['a'], ['a', 'b']))
const GENERATORS: Readonly<Record<string, readonly fc.Arbitrary<readonly Part[] | string>[]>> = {
  string: [stringCommand, lcsCommand],
  list: [listCommand, sorting, blocking, moveOne],
  hash: [hashCommand],
  set: [setCommand, sorting],
  sortedset: [changingSorted, readingSorted, lexical, sorting, blocking],
  stream: [adding, changingStreams, grouped, readingStreams, readStream],
  bitmap: [bitCommand, fieldCommand],
  hyperloglog: [logCommand],
  geo: [geoCommand],
  keyspace: [genericCommand],
  transaction: [transactionCommand],
}

const ELSEWHERE: Readonly<Record<string, string>> = {
  'xgroup|help': 'its text is ours',
  'xinfo|help': 'its text is ours',
  'object|help': 'its text is ours',
  pfselftest: 'has nothing to compare, and takes seconds',
  migrate: 'needs another server: src/server/migrate.test.ts',
  dump: 'its bytes are of another version: exchanged in every file here',
  keys: 'in another order: keys.test.ts',
  scan: 'with other cursors: keys.test.ts',
  randomkey: 'chance has a say',
  'restore-asking': 'strings.test.ts, among the nonsense',
  'object|idletime': 'tells the time: src/server/node.test.ts',
  'object|refcount': 'strings.test.ts',
}

/** `name` or `name|subcommand` of the commands that a generator gives. */
function namesIn(generator: fc.Arbitrary<readonly Part[] | string>): Set<string> {
  const names = new Set<string>()
  for (const line of fc.sample(generator, { numRuns: SAMPLES, seed: SEED })) {
    const words =
      typeof line === 'string' ? line.split(' ') : line.slice(0, 2).map((part) => latin1(bytesOf(part)))
    const [name, sub] = words.map((word) => word.toLowerCase())
    names.add(name!).add(`${name}|${sub}`)
  }
  return names
}

describe.skipIf(missing('redis-server'))('the generators of random commands', () => {
  let redis: RedisProcess
  let wire: Wire

  beforeAll(async () => {
    redis = await startRedis()
    wire = await Wire.open(redis.port)
  })
  afterAll(async () => {
    wire?.close()
    await redis?.stop()
  })

  test.each(Object.keys(GENERATORS))('have every command of @%s', async (category) => {
    const commands = decode(await wire.run('ACL', 'CAT', category)) as string[]
    expect(commands.length).toBeGreaterThan(3)
    const given = new Set(GENERATORS[category]!.flatMap((generator) => [...namesIn(generator)]))
    expect(commands.filter((name) => !given.has(name) && ELSEWHERE[name] === undefined)).toEqual([])
  })

  test('no reason is left over', async () => {
    const all = new Set<string>()
    for (const category of Object.keys(GENERATORS)) {
      for (const name of decode(await wire.run('ACL', 'CAT', category)) as string[]) all.add(name)
    }
    expect(Object.keys(ELSEWHERE).filter((name) => !all.has(name))).toEqual([])
  })
})
