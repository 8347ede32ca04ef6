/**
 * What data costs: a key alone and in a cluster, and what collections take, small ones and large ones. Resident memory of the
 * process before and after is what counts; what the node itself says, `used_memory`, stands beside it.
 */

import { many, pad, scattered, send } from './data.js'
import { ask, type Engine, median, rss_bytes, start, stop, type Table, until } from './tools.js'

const KEYS = 1_000_000
const WARMING = 10_000
const VALUE = 'x'.repeat(64)

interface Case {
  readonly name: string
  readonly options: readonly string[]
  readonly fill: () => Iterable<readonly string[]>
}

function* strings(): Generator<readonly string[]> {
  for (let i = 0; i < KEYS; i++) yield ['SET', `key:${pad(i)}`, VALUE]
}

function* hashes(): Generator<readonly string[]> {
  for (let i = 0; i < KEYS; i++) {
    const fields = ['name', `user ${i}`, 'mail', `user${i}@example.org`, 'age', `${i % 90}`]
    yield ['HSET', `user:${i}`, ...fields, 'city', 'Palermo', 'visits', `${scattered(i, 10_000)}`]
  }
}

/** Thirteen bytes. */
const member = (i: number) => `m${pad(i)}`

const CASES: readonly Case[] = [
  { name: 'a million keys, alone', options: [], fill: strings },
  { name: 'a million keys, in a cluster', options: ['--cluster-enabled', 'yes'], fill: strings },
  { name: 'a million hashes of 5 fields', options: [], fill: hashes },
  { name: 'a list of a million', options: [], fill: () => many('RPUSH', 'list', KEYS, (i) => [member(i)]) },
  { name: 'a set of a million', options: [], fill: () => many('SADD', 'set', KEYS, (i) => [member(i)]) },
  {
    name: 'a sorted set of a million',
    options: [],
    fill: () => many('ZADD', 'zset', KEYS, (i) => [`${scattered(i, KEYS)}`, member(i)]),
  },
]

interface Taken {
  readonly resident: number
  readonly told: number
}

function* warming(): Generator<readonly string[]> {
  for (let i = 0; i < WARMING; i++) yield ['EXISTS', ...Array.from({ length: 100 }, () => member(i))]
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
  // A server that has worked: what it needs to work at all is not what its data takes. No data, which would leave traces.
  await send(server.port, warming())
  await rested()
  const before = rss_bytes(server.process.pid!)
  const toldBefore = await told_bytes(server.port)
  await send(server.port, wanted.fill())
  await rested()
  const after: number[] = []
  for (let i = 0; i < 5; i++) {
    after.push(rss_bytes(server.process.pid!))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const taken = {
    resident: (median(after) - before) / KEYS,
    told: ((await told_bytes(server.port)) - toldBefore) / KEYS,
  }
  await stop(server)
  return taken
}

export async function memory(): Promise<Table> {
  const rows: string[][] = []
  for (const wanted of CASES) {
    const redis = await measure('redis', wanted)
    const shoal = await measure('shoal', wanted)
    rows.push([
      wanted.name,
      redis.resident.toFixed(0),
      shoal.resident.toFixed(0),
      (redis.resident / shoal.resident).toFixed(2),
      redis.told.toFixed(0),
      shoal.told.toFixed(0),
    ])
    process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
  }
  return {
    title: 'Memory',
    note:
      'Resident memory, less what the process had when it had worked a little and was empty, divided by the keys or elements: a million keys of 16 bytes with values of ' +
      '64 bytes, hashes of five short fields, lists and sets with members of 13 bytes. Above 1, Shoal takes less. On the right what ' +
      'the servers themselves say, as `used_memory`.',
    head: ['', 'redis-server, bytes', 'shoal, bytes', 'ratio', 'redis-server says', 'shoal says'],
    rows,
  }
}
