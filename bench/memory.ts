/**
 * What data costs: a key alone and in a cluster, and what collections take, small ones and large ones. Resident memory of the
 * process is what counts; what the node itself says, `used_memory`, stands beside it.
 *
 * A million of each is there already, and measured is what some more millions take: what a process needs to work at all (code that
 * is compiled while it works, room for requests) is not what its data takes, and shows elsewhere, as what an idle node has.
 * Since collectors and allocators come and go as they please, each is measured in several processes, and the median counts.
 */

import { ELEMENTS_A_COMMAND, many, pad, scattered, send } from './data.js'
import { ask, type Engine, median, rss_bytes, start, stop, type Table, until } from './tools.js'

const MILLION = 1_000_000
/** How many millions are measured, after the first: elements of which a command brings many are sent sooner. */
const MORE_KEYS = 3
const MORE_ELEMENTS = 9
const FIRST_ELEMENTS_A_COMMAND = 10
const VALUE = 'x'.repeat(64)

interface Case {
  readonly name: string
  readonly options: readonly string[]
  readonly more: number
  /** One of several millions of keys or elements. */
  readonly fill: (million: number) => Iterable<readonly string[]>
}

function* strings(million: number): Generator<readonly string[]> {
  for (let i = million * MILLION; i < (million + 1) * MILLION; i++) yield ['SET', `key:${pad(i)}`, VALUE]
}

function* hashes(million: number): Generator<readonly string[]> {
  for (let i = million * MILLION; i < (million + 1) * MILLION; i++) {
    const fields = ['name', `user ${i}`, 'mail', `user${i}@example.org`, 'age', `${i % 90}`]
    yield ['HSET', `user:${i}`, ...fields, 'city', 'Palermo', 'visits', `${scattered(i, 10_000)}`]
  }
}

/** The first million comes in many short commands: then what they make V8 compile has been compiled before anything is measured. */
const elements = (command: string, key: string, million: number, element: (i: number) => readonly string[]) =>
  many(command, key, MILLION, element, million === 0 ? FIRST_ELEMENTS_A_COMMAND : ELEMENTS_A_COMMAND)

/** Thirteen bytes. */
const member = (i: number) => `m${pad(i)}`

const CASES: readonly Case[] = [
  { name: 'a million keys, alone', options: [], more: MORE_KEYS, fill: strings },
  {
    name: 'a million keys, in a cluster',
    options: ['--cluster-enabled', 'yes'],
    more: MORE_KEYS,
    fill: strings,
  },
  { name: 'a million hashes of 5 fields', options: [], more: MORE_KEYS, fill: hashes },
  {
    name: 'a list of a million',
    options: [],
    more: MORE_ELEMENTS,
    fill: (n) => elements('RPUSH', `list:${n}`, n, (i) => [member(i)]),
  },
  {
    name: 'a set of a million',
    options: [],
    more: MORE_ELEMENTS,
    fill: (n) => elements('SADD', `set:${n}`, n, (i) => [member(i)]),
  },
  {
    name: 'a sorted set of a million',
    options: [],
    more: MORE_ELEMENTS,
    fill: (n) => elements('ZADD', `zset:${n}`, n, (i) => [`${scattered(i, MILLION)}`, member(i)]),
  },
]

interface Taken {
  readonly resident: number
  readonly told: number
}

const rested = () => new Promise((resolve) => setTimeout(resolve, 500))

async function told_bytes(port: number): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await ask(port, 'INFO memory'))![1])
}

async function measure(engine: Engine, wanted: Case): Promise<Taken> {
  const { server } = await start(engine, '--save', '', '--appendonly', 'no', ...wanted.options)
  if (wanted.options.length > 0) {
    await ask(server.port, 'CLUSTER ADDSLOTSRANGE 0 16383')
    await until('the slots to be served', async () =>
      (await ask(server.port, 'CLUSTER INFO')).includes('cluster_state:ok'),
    )
  }
  await send(server.port, wanted.fill(0))
  await rested()
  const before = rss_bytes(server.process.pid!)
  const toldBefore = await told_bytes(server.port)
  for (let n = 1; n <= wanted.more; n++) await send(server.port, wanted.fill(n))
  await rested()
  const after: number[] = []
  for (let i = 0; i < 5; i++) {
    after.push(rss_bytes(server.process.pid!))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const taken = {
    resident: (median(after) - before) / (wanted.more * MILLION),
    told: ((await told_bytes(server.port)) - toldBefore) / (wanted.more * MILLION),
  }
  await stop(server)
  return taken
}

/** The median of some processes. */
async function typical(engine: Engine, wanted: Case, rounds: number): Promise<Taken> {
  const all: Taken[] = []
  for (let i = 0; i < rounds; i++) all.push(await measure(engine, wanted))
  return { resident: median(all.map((one) => one.resident)), told: median(all.map((one) => one.told)) }
}

export async function memory(rounds: number): Promise<Table> {
  const rows: string[][] = []
  for (const wanted of CASES) {
    const redis = await typical('redis', wanted, rounds)
    const shoal = await typical('shoal', wanted, rounds)
    rows.push([
      wanted.name,
      redis.resident.toFixed(1),
      shoal.resident.toFixed(1),
      (redis.resident / shoal.resident).toFixed(2),
      redis.told.toFixed(1),
      shoal.told.toFixed(1),
    ])
    process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
  }
  return {
    title: 'Memory',
    note:
      `The resident memory that ${MORE_KEYS} more millions of keys, or ${MORE_ELEMENTS} more collections of a million elements, take where one is there already, divided by the keys or elements; the median of ` +
      `${rounds} processes. A million keys of 16 bytes with values of ` +
      '64 bytes, hashes of five short fields, lists and sets with members of 13 bytes. Above 1, Shoal takes less. On the right what ' +
      'the servers themselves say, as `used_memory`.',
    head: ['', 'redis-server, bytes', 'shoal, bytes', 'ratio', 'redis-server says', 'shoal says'],
    rows,
  }
}
