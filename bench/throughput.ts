/** SET and GET beside redis-server: requests a second, and what each costs the server's processor. */

import { cpu_us, type Engine, find, median, output, type Server, start, stop, type Table } from './tools.js'

const KEYS = 1_000_000
const DEPTHS = [1, 16, 64]
const SIZES = [3, 1024]
/** Requests of one measurement, by depth: about as long each. */
const REQUESTS: Readonly<Record<number, number>> = { 1: 200_000, 16: 1_000_000, 64: 2_000_000 }

/**
 * Without a pipeline the client is what limits both servers, so they differ by less than one measurement from the next:
 * there it takes so many times as many rounds until a median says something.
 */
const MORE_ROUNDS_ALONE = 3

interface Measured {
  readonly perSecond: number
  readonly cpu: number
}

export async function measure(
  server: Server,
  test: 'set' | 'get',
  depth: number,
  size: number,
  requests: number,
): Promise<Measured> {
  const before = cpu_us(server.process.pid!)
  const text = await output(find('redis-benchmark')!, [
    ...['-p', String(server.port), '-t', test, '-n', String(requests), '-r', String(KEYS)],
    ...['-d', String(size), '-P', String(depth), '-c', '50', '--csv'],
  ])
  const used = cpu_us(server.process.pid!) - before
  const row = text.split('\n').find((line) => line.toLowerCase().startsWith(`"${test}"`))
  if (row === undefined) throw new Error(`redis-benchmark said: ${text}`)
  return { perSecond: Number(row.split('","')[1]), cpu: used / requests }
}

/** Measures in turns, so that what else the machine does falls on both alike. */
export async function throughput(rounds: number, share: number): Promise<Table> {
  const rows: string[][] = []
  for (const size of SIZES) {
    const servers: Record<Engine, Server> = {
      redis: (await start('redis', '--save', '', '--appendonly', 'no')).server,
      shoal: (await start('shoal', '--save', '', '--appendonly', 'no')).server,
    }
    for (const engine of ['redis', 'shoal'] as const)
      await measure(servers[engine], 'set', 64, size, KEYS * 3)
    for (const depth of DEPTHS) {
      for (const test of ['set', 'get'] as const) {
        const requests = Math.round((REQUESTS[depth]! * share) / (size > 100 ? 2 : 1))
        const results: Record<Engine, Measured[]> = { redis: [], shoal: [] }
        const times = depth === 1 ? rounds * MORE_ROUNDS_ALONE : rounds
        for (let round = 0; round < times; round++) {
          for (const engine of round % 2 === 0
            ? (['redis', 'shoal'] as const)
            : (['shoal', 'redis'] as const)) {
            results[engine].push(await measure(servers[engine], test, depth, size, requests))
          }
        }
        rows.push(row(test, size, depth, results))
        process.stderr.write(`${rows.at(-1)!.join('  ')}\n`)
      }
    }
    await stop(servers.redis)
    await stop(servers.shoal)
  }
  return {
    title: 'Throughput and processor time',
    note:
      `redis-benchmark, 50 clients, ${KEYS.toLocaleString('en')} keys, the median of ${rounds} rounds in turns (${rounds * MORE_ROUNDS_ALONE} without a pipeline). The ratios are ` +
      "Shoal's throughput over redis-server's, and redis-server's processor time an operation over Shoal's, each the median of the rounds' ratios: above 1, Shoal is better.",
    head: [
      'command',
      'bytes',
      'pipeline',
      'redis/s',
      'shoal/s',
      'throughput ratio',
      'redis µs/op',
      'shoal µs/op',
      'CPU ratio',
    ],
    rows,
  }
}

function row(test: string, size: number, depth: number, results: Record<Engine, Measured[]>): string[] {
  const perSecond = (engine: Engine) => median(results[engine].map((r) => r.perSecond))
  const cpu = (engine: Engine) => median(results[engine].map((r) => r.cpu))
  return [
    test.toUpperCase(),
    String(size),
    String(depth),
    Math.round(perSecond('redis')).toString(),
    Math.round(perSecond('shoal')).toString(),
    median(results.shoal.map((its, i) => its.perSecond / results.redis[i]!.perSecond)).toFixed(2),
    cpu('redis').toFixed(2),
    cpu('shoal').toFixed(2),
    median(results.shoal.map((its, i) => results.redis[i]!.cpu / its.cpu)).toFixed(2),
  ]
}
