/**
 * Measures commands beside redis-server: each on both servers in turns, on the same processors, several times. Where a command takes away
 * what it finds, it is put back before every measurement, outside of it.
 *
 * redis-benchmark is one thread, and reading long replies takes it longer than making them takes a server: then both servers wait for it,
 * and throughput compares nothing. How busy each server was tells; what an operation costs in processor time holds in any case.
 */

import { send } from './data.js'
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

const ENGINES = ['redis', 'shoal'] as const
/**
 * Requests of one measurement of a command whose weight is 1, and before the first one that counts. Short ones, and many of them:
 * a machine that is shared changes its pace from one second to the next.
 */
const REQUESTS = 400_000
const WARMING = 500_000
const REQUESTS_MIN = 200

export interface Case {
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

export interface Comparison {
  readonly cases: readonly Case[]
  readonly depths: readonly number[]
  /** How often each is measured, and how much of the usual number of requests. */
  readonly rounds: number
  readonly share: number
  /** Only commands whose name begins with one of these. */
  readonly names?: readonly string[] | undefined
  /** What all of them find. */
  readonly data?: () => Iterable<readonly string[]>
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

/** Makes the rows of the table that `columns` heads, and one with the geometric means for each depth. */
export async function compare(wanted: Comparison): Promise<string[][]> {
  const { cases, depths, names, data } = wanted
  const servers: Record<Engine, Server> = {
    redis: (await start('redis', '--save', '', '--appendonly', 'no')).server,
    shoal: (await start('shoal', '--save', '', '--appendonly', 'no')).server,
  }
  const rows: string[][] = []
  const ratios: Record<string, Ratios[]> = {}
  if (data !== undefined) for (const engine of ENGINES) await send(servers[engine].port, data())
  for (const one of cases) {
    if (names !== undefined && !names.some((name) => one.name.toLowerCase().startsWith(name))) continue
    for (const engine of ENGINES) {
      if (data === undefined) await ask(servers[engine].port, 'FLUSHALL')
      if (one.fill !== undefined && one.again !== true)
        await send(servers[engine].port, one.fill(requestsOf(one, REQUESTS, wanted.share)))
    }
    for (const depth of depths) {
      const { row, ratio } = await compareOne(servers, one, depth, wanted)
      ratios[depth] ??= []
      ratios[depth].push(ratio)
      rows.push(row)
      process.stderr.write(`${row.join('  ')}\n`)
    }
  }
  for (const engine of ENGINES) await stop(servers[engine])
  for (const depth of depths) {
    const mean = (what: keyof Ratios) =>
      `**${geometricMean((ratios[depth] ?? []).map((ratio) => ratio[what]))}**`
    rows.push(['**geometric mean**', String(depth), '', '', mean('throughput'), '', '', '', '', mean('cpu')])
    process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
  }
  return rows
}

function requestsOf(one: Case, requests: number, share: number): number {
  return Math.max(REQUESTS_MIN, Math.round((requests * share) / one.weight))
}

interface Ratios {
  readonly throughput: number
  readonly cpu: number
}

async function compareOne(
  servers: Record<Engine, Server>,
  one: Case,
  depth: number,
  { rounds, share }: Comparison,
): Promise<{ row: string[]; ratio: Ratios }> {
  const results: Record<Engine, Measured[]> = { redis: [], shoal: [] }
  // What is measured is a server that has been running: here the first requests make Shoal compile what they use.
  for (const engine of ENGINES) await measure(servers[engine], one, depth, requestsOf(one, WARMING, share))
  for (let round = 0; round < rounds; round++) {
    for (const engine of round % 2 === 0 ? ENGINES : ENGINES.toReversed())
      results[engine].push(await measure(servers[engine], one, depth, requestsOf(one, REQUESTS, share)))
  }
  const of = (engine: Engine, what: keyof Measured) => median(results[engine].map((r) => r[what]))
  const { redis, shoal } = results
  const ratio = {
    throughput: median(shoal.map((its, round) => its.perSecond / redis[round]!.perSecond)),
    cpu: median(shoal.map((its, round) => redis[round]!.cpu / its.cpu)),
  }
  const row = [
    one.name,
    String(depth),
    Math.round(of('redis', 'perSecond')).toString(),
    Math.round(of('shoal', 'perSecond')).toString(),
    ratio.throughput.toFixed(2),
    busy(of('redis', 'perSecond'), of('redis', 'cpu')),
    busy(of('shoal', 'perSecond'), of('shoal', 'cpu')),
    of('redis', 'cpu').toFixed(2),
    of('shoal', 'cpu').toFixed(2),
    ratio.cpu.toFixed(2),
  ]
  return { row, ratio }
}

function geometricMean(values: readonly number[]): string {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length).toFixed(2)
}

export const COLUMNS: Table['head'] = [
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
]
