/**
 * Every type beside redis-server: the whole default list of redis-benchmark, and more of hashes, sorted sets, streams and SORT.
 * Each command is measured on both servers in turns, on the same processors, several times; medians count. Where a command
 * takes away what it finds, it is put back before every measurement, outside of it.
 *
 * redis-benchmark is one thread, and reading long replies takes it longer than making them takes a server: then both servers wait for it,
 * and throughput compares nothing. How busy each server was tells; what an operation costs in processor time holds in any case.
 */

import { ELEMENTS_A_COMMAND, many, pad, scattered, send } from './data.js'
import {
  ask,
  cpu_us,
  type Engine,
  find,
  median,
  output,
  type Server,
  start,
  stop,
  type Table,
} from './tools.js'

const DEPTHS = [16, 64]
const ENGINES = ['redis', 'shoal'] as const
const MILLION = 1_000_000
/**
 * Requests of one measurement of a command whose weight is 1, and before the first one that counts. Short ones, and many of them:
 * a machine that is shared changes its pace from one second to the next.
 */
const REQUESTS = 400_000
const WARMING = 500_000

interface Case {
  readonly name: string
  /** What redis-benchmark is told: a command, or one of its own tests with `-t`. */
  readonly args: readonly string[]
  /** Random numbers are below this. */
  readonly keys?: number
  /** How much longer one takes than a SET, so that all measurements take about as long. */
  readonly weight: number
  /** What is there before: once, or before every measurement where these take it away. */
  readonly fill?: (requests: number) => Iterable<readonly string[]>
  readonly again?: boolean
}

function* sortable(): Generator<readonly string[]> {
  for (let i = 0; i < 1000; i++)
    yield [
      'RPUSH',
      `numbers:${pad(i)}`,
      ...Array.from({ length: 20 }, (_, j) => `${scattered(i * 20 + j, 1000)}`),
    ]
  for (let i = 0; i < 1000; i++) {
    yield ['SET', `weight:${i}`, `${scattered(i, 1000)}`]
    yield ['SET', `data:${i}`, `value:${i}`]
  }
}

const list = (n: number) => many('RPUSH', 'mylist', n, () => ['xxx'])
const members = (n: number) => many('SADD', 'myset', n, (i) => [`element:${pad(i)}`])
const ranked = (n: number) => many('ZADD', 'myzset', n, (i) => [`${scattered(i, n)}`, `element:${pad(i)}`])
const range = (n: number): Case => ({
  name: `LRANGE_${n} (first ${n} elements)`,
  args: ['LRANGE', 'mylist', '0', String(n - 1)],
  weight: 3 + n / 30,
  fill: () => list(100_000),
})

const CASES: readonly Case[] = [
  { name: 'PING_INLINE', args: ['-t', 'ping_inline'], weight: 0.7 },
  { name: 'PING_MBULK', args: ['-t', 'ping_mbulk'], weight: 0.7 },
  { name: 'SET', args: ['SET', 'key:__rand_int__', 'xxx'], keys: MILLION, weight: 1 },
  { name: 'GET', args: ['GET', 'key:__rand_int__'], keys: MILLION, weight: 1, fill: keys },
  { name: 'INCR', args: ['INCR', 'counter:__rand_int__'], keys: MILLION, weight: 1 },
  { name: 'LPUSH', args: ['LPUSH', 'mylist', 'xxx'], weight: 1 },
  { name: 'RPUSH', args: ['RPUSH', 'mylist', 'xxx'], weight: 1 },
  { name: 'LPOP', args: ['LPOP', 'mylist'], weight: 1, fill: list, again: true },
  { name: 'RPOP', args: ['RPOP', 'mylist'], weight: 1, fill: list, again: true },
  { name: 'SADD', args: ['SADD', 'myset', 'element:__rand_int__'], keys: MILLION, weight: 1 },
  { name: 'HSET', args: ['HSET', 'myhash', 'element:__rand_int__', 'xxx'], keys: MILLION, weight: 1 },
  { name: 'SPOP', args: ['SPOP', 'myset'], weight: 1, fill: members, again: true },
  {
    name: 'ZADD',
    args: ['ZADD', 'myzset', '__rand_int__', 'element:__rand_int__'],
    keys: MILLION,
    weight: 3,
  },
  { name: 'ZPOPMIN', args: ['ZPOPMIN', 'myzset'], weight: 2, fill: ranked, again: true },
  ...[100, 300, 500, 600].map(range),
  {
    name: 'MSET (10 keys)',
    args: ['MSET', ...Array.from({ length: 10 }, () => ['key:__rand_int__', 'xxx']).flat()],
    keys: MILLION,
    weight: 6,
  },
  {
    name: 'HSET, 5 fields of small hashes',
    args: ['HSET', 'hash:__rand_int__', ...[1, 2, 3, 4, 5].flatMap((i) => [`field${i}`, `value${i}`])],
    keys: 100_000,
    weight: 2,
  },
  {
    name: 'ZADD, small sets',
    args: ['ZADD', 'zset:__rand_int__', '1', 'a', '2', 'b', '3', 'c'],
    keys: 100_000,
    weight: 2,
  },
  {
    name: 'ZRANGE, 100 by rank',
    args: ['ZRANGE', 'myzset', '5000', '5099'],
    weight: 4,
    fill: () => ranked(10_000),
  },
  {
    name: 'ZRANGE, 10 by score of 100,000',
    args: ['ZRANGE', 'myzset', '(__rand_int__', '+inf', 'BYSCORE', 'LIMIT', '0', '10', 'WITHSCORES'],
    keys: 100_000,
    weight: 4,
    fill: () => ranked(100_000),
  },
  { name: 'XADD', args: ['XADD', 'mystream', '*', 'field', 'value'], weight: 2 },
  { name: 'SORT, 20 numbers', args: ['SORT', 'numbers:__rand_int__'], keys: 1000, weight: 8, fill: sortable },
  {
    name: 'SORT, 20 BY and GET',
    args: ['SORT', 'numbers:__rand_int__', 'BY', 'weight:*', 'GET', 'data:*'],
    keys: 1000,
    weight: 20,
    fill: sortable,
  },
]

function* keys(): Generator<readonly string[]> {
  for (let i = 0; i < MILLION; i += ELEMENTS_A_COMMAND) {
    const parts = ['MSET']
    for (let j = i; j < i + ELEMENTS_A_COMMAND; j++) parts.push(`key:${pad(j)}`, 'xxx')
    yield parts
  }
}

/** How much of the time a server had to do. */
function busy(perSecond: number, cpu_us: number): string {
  return `${Math.min(100, (perSecond * cpu_us) / 1e4).toFixed(0)} %`
}

interface Measured {
  readonly perSecond: number
  readonly cpu: number
}

async function measure(server: Server, wanted: Case, depth: number, requests: number): Promise<Measured> {
  if (wanted.again === true) {
    await ask(server.port, 'FLUSHALL')
    await send(server.port, wanted.fill!(requests))
  }
  const before = cpu_us(server.process.pid!)
  const text = await output(find('redis-benchmark')!, [
    ...['-p', String(server.port), '-n', String(requests), '-P', String(depth), '-c', '50', '--csv'],
    ...(wanted.keys === undefined ? [] : ['-r', String(wanted.keys)]),
    ...wanted.args,
  ])
  const used = cpu_us(server.process.pid!) - before
  const perSecond = Number(text.trim().split('\n').at(-1)!.split('","')[1])
  if (!(perSecond > 0)) throw new Error(`redis-benchmark said: ${text}`)
  return { perSecond, cpu: used / requests }
}

/** Whether the server knows the command. */
async function knows(server: Server, wanted: Case): Promise<boolean> {
  if (wanted.args[0] === '-t') return true
  return !(await ask(server.port, `COMMAND INFO ${wanted.args[0]}`)).startsWith('*1\r\n*-1')
}

/** `names`: only commands whose name contains one of these. */
export async function types(rounds: number, share: number, names?: readonly string[]): Promise<Table> {
  const servers: Record<Engine, Server> = {
    redis: (await start('redis', '--save', '', '--appendonly', 'no')).server,
    shoal: (await start('shoal', '--save', '', '--appendonly', 'no')).server,
  }
  const rows: string[][] = []
  const ratios: Record<string, { throughput: number; cpu: number }[]> = {}
  const missing: string[] = []
  for (const wanted of CASES) {
    if (names !== undefined && !names.some((name) => wanted.name.toLowerCase().startsWith(name))) continue
    if (!(await knows(servers.shoal, wanted))) {
      missing.push(wanted.name)
      continue
    }
    const requests = Math.round((REQUESTS * share) / wanted.weight)
    for (const engine of ENGINES) {
      await ask(servers[engine].port, 'FLUSHALL')
      if (wanted.fill !== undefined && wanted.again !== true)
        await send(servers[engine].port, wanted.fill(requests))
    }
    for (const depth of DEPTHS) {
      const results: Record<Engine, Measured[]> = { redis: [], shoal: [] }
      // What is measured is a server that has been running: here the first requests make Shoal compile what they use.
      for (const engine of ENGINES)
        await measure(servers[engine], wanted, depth, Math.round((WARMING * share) / wanted.weight))
      for (let round = 0; round < rounds; round++) {
        for (const engine of round % 2 === 0 ? ENGINES : ENGINES.toReversed())
          results[engine].push(await measure(servers[engine], wanted, depth, requests))
      }
      const of = (engine: Engine, what: keyof Measured) => median(results[engine].map((r) => r[what]))
      const { redis, shoal } = results
      const throughput = median(shoal.map((its, round) => its.perSecond / redis[round]!.perSecond))
      const cpu = median(shoal.map((its, round) => redis[round]!.cpu / its.cpu))
      ratios[depth] ??= []
      ratios[depth].push({ throughput, cpu })
      rows.push([
        wanted.name,
        String(depth),
        Math.round(of('redis', 'perSecond')).toString(),
        Math.round(of('shoal', 'perSecond')).toString(),
        throughput.toFixed(2),
        busy(of('redis', 'perSecond'), of('redis', 'cpu')),
        busy(of('shoal', 'perSecond'), of('shoal', 'cpu')),
        of('redis', 'cpu').toFixed(2),
        of('shoal', 'cpu').toFixed(2),
        cpu.toFixed(2),
      ])
      process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
    }
  }
  for (const engine of ENGINES) await stop(servers[engine])
  for (const depth of DEPTHS) {
    const all = ratios[depth] ?? []
    const mean = (what: 'throughput' | 'cpu') =>
      Math.exp(all.reduce((sum, ratio) => sum + Math.log(ratio[what]), 0) / all.length).toFixed(2)
    rows.push([
      '**geometric mean**',
      String(depth),
      '',
      '',
      `**${mean('throughput')}**`,
      '',
      '',
      '',
      '',
      `**${mean('cpu')}**`,
    ])
    process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
  }
  return {
    title: 'Every type',
    note:
      `redis-benchmark, 50 clients, values of 3 bytes, numbers below a million where they are random, the median of ${rounds} ` +
      `rounds in turns, after one that does not count; the ratios, which mean what they mean above, are medians of the rounds' ratios. Where a server was not busy, it waited for redis-benchmark.${missing.length === 0 ? '' : ` Not there yet: ${missing.join('; ')}.`}`,
    head: [
      'command',
      'pipeline',
      'redis/s',
      'shoal/s',
      'throughput ratio',
      'redis busy',
      'shoal busy',
      'redis µs/op',
      'shoal µs/op',
      'CPU ratio',
    ],
    rows,
  }
}
