/** What COMMAND INFO tells of our commands, beside redis-server: arity, flags, key positions, categories, hints. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Command, KEY_FLAG_NAMES, type KeySpec } from '../../src/commands/command.js'
import { COMMANDS } from '../../src/commands/index.js'
import { CommandTable, type Entry } from '../../src/commands/table.js'
import { categoriesOf } from '../../src/server/admin/acl/categories.js'
import { flagNames, legacyRange } from '../../src/server/commands/command.js'
import { serverCommands } from '../../src/server/commands/index.js'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { open } from '../support/node.js'
import { type Decoded, decode, Wire } from '../support/wire.js'

/** Hints of Redis 7.2 that 7.0 gives in part only. */
const NEWER_TIPS = new Set([
  'nondeterministic_output',
  'request_policy:special',
  'response_policy:special',
  'request_policy:all_nodes',
  'response_policy:all_succeeded',
])

/** Commands that 7.2 gives no hints any more, or other ones. */
const OTHER_TIPS = new Map([
  ['msetnx', []],
  ['latency|reset', ['request_policy:all_nodes', 'response_policy:agg_sum']],
])

/** Commands that take an option since 7.2, where 7.0 takes none. */
const NEWER_ARITY = new Map([
  ['zrank', -3],
  ['zrevrank', -3],
  ['command|getkeys', -3],
  ['command|getkeysandflags', -3],
])

/** Commands that scripts may call since 7.2, where they do not wait. */
const IN_SCRIPTS_TOO = new Set([
  'blpop',
  'brpop',
  'blmove',
  'brpoplpush',
  'blmpop',
  'bzpopmin',
  'bzpopmax',
  'bzmpop',
  'wait',
])

/** Commands that are there while data is loaded since 7.2. */
const LOADING_TOO = new Set(['cluster|shards', 'cluster|slots'])

/** Commands that came with 7.2 or later: redis-server 7.0 knows nothing of them. */
function isNewer(entry: Entry): boolean {
  const [major, minor] = entry.command.since.split('.').map(Number)
  return major! > 7 || (major === 7 && minor! >= 2)
}

type Pairs = Record<string, Decoded>

function pairs(flat: Decoded): Pairs {
  const list = flat as Decoded[]
  const found: Pairs = {}
  for (let i = 0; i < list.length; i += 2) found[String(list[i])] = list[i + 1]!
  return found
}

const sorted = (names: Decoded): string[] => [...(names as string[])].sort()

function theirSpec(spec: Decoded): unknown {
  const { flags, begin_search, find_keys } = pairs(spec)
  const begin = pairs(begin_search!)
  const find = pairs(find_keys!)
  return {
    flags: sorted(flags!),
    begin: { type: begin['type'], ...pairs(begin['spec']!) },
    find: { type: find['type'], ...pairs(find['spec']!) },
  }
}

function ourSpec({ flags, begin, find }: KeySpec): unknown {
  return {
    flags: KEY_FLAG_NAMES.flatMap(([bit, name]) => ((flags & bit) !== 0 ? [name] : [])).sort(),
    begin:
      'index' in begin
        ? { type: 'index', index: begin.index }
        : 'unknown' in begin
          ? { type: 'unknown' }
          : { type: 'keyword', keyword: begin.keyword, startfrom: begin.from },
    find:
      'last' in find
        ? { type: 'range', lastkey: find.last, keystep: find.step, limit: find.limit }
        : 'unknown' in find
          ? { type: 'unknown' }
          : { type: 'keynum', keynumidx: find.keyNumber, firstkey: find.firstKey, keystep: find.step },
  }
}

function theirs(info: Decoded, tips: readonly string[]): unknown {
  const [name, arity, flags, first, last, step, categories, hints, specs, subcommands] = info as Decoded[]
  return {
    name,
    arity: NEWER_ARITY.get(String(name)) ?? arity,
    flags: sorted(flags!).filter((flag) => flag !== 'noscript' || !IN_SCRIPTS_TOO.has(String(name))),
    range: [first, last, step],
    categories: sorted(categories!),
    tips:
      OTHER_TIPS.get(String(name)) ??
      [...new Set([...sorted(hints!), ...tips.filter((tip) => NEWER_TIPS.has(tip))])].sort(),
    specs: (specs as Decoded[]).map(theirSpec),
    subcommands: (subcommands as Decoded[]).map((sub) => (sub as Decoded[])[0]).sort(),
  }
}

function ours(entry: Entry): unknown {
  const command: Command = entry.command
  const { first, last, step } = legacyRange(command)
  return {
    name: entry.fullName,
    arity: entry.arity,
    flags: [...flagNames(entry)]
      .filter((flag) => flag !== 'loading' || !LOADING_TOO.has(entry.fullName))
      .sort(),
    range: [first, last, step],
    categories: categoriesOf(entry)
      .map((name) => `@${name}`)
      .sort(),
    tips: [...(command.tips ?? [])].sort(),
    specs: (command.keys ?? []).map(ourSpec),
    subcommands: entry.subcommands
      .filter((sub) => !isNewer(sub))
      .map((sub) => sub.fullName)
      .sort(),
  }
}

describe.skipIf(missing('redis-server'))('COMMAND INFO beside redis-server', () => {
  let redis: RedisProcess
  let wire: Wire
  const entries = new CommandTable([...COMMANDS, ...serverCommands]).entries
    .flatMap((entry) => [entry, ...entry.subcommands])
    .filter((entry) => !isNewer(entry))

  beforeAll(async () => {
    redis = await startRedis()
    wire = await Wire.open(redis.port)
  })
  afterAll(async () => {
    wire?.close()
    await redis?.stop()
  })

  test.each(entries.map((entry) => [entry.fullName, entry] as const))('%s', async (name, entry) => {
    const [info] = decode(await wire.run('COMMAND', 'INFO', name)) as Decoded[]
    expect(ours(entry)).toEqual(theirs(info!, entry.command.tips ?? []))
  })

  test('every command of redis-server is there, but for scripts and modules', async () => {
    const theirs = decode(await wire.run('COMMAND', 'LIST')) as string[]
    const names = new Set(entries.map((entry) => entry.fullName))
    const missed = theirs.filter((name) => !names.has(name))
    expect(missed.filter((name) => !/^(eval|fcall|script|function|module)/.test(name))).toEqual([])
  })

  /** Of COMMAND DOCS, which specification of keys each argument belongs to: the rest is in our words. */
  test('arguments that are keys belong to the same specifications', async () => {
    const indexes = (list: Decoded | undefined): number[] =>
      ((list ?? []) as Decoded[]).flatMap((argument) => {
        const { type, key_spec_index, arguments: parts } = pairs(argument)
        return type === 'key' ? [key_spec_index as number] : indexes(parts)
      })
    const specsOf = (docs: Decoded) =>
      new Map(Object.entries(pairs(docs)).map(([name, doc]) => [name, indexes(pairs(doc)['arguments'])]))
    const theirs = specsOf(decode(await wire.run('COMMAND', 'DOCS')))
    const node = await open()
    const shoal = await Wire.open(Number(node.port))
    try {
      for (const [name, found] of specsOf(decode(await shoal.run('COMMAND', 'DOCS')))) {
        if (theirs.has(name)) expect([name, found]).toEqual([name, theirs.get(name)])
      }
    } finally {
      shoal.close()
      await node.stop()
    }
  })
})
