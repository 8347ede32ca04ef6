/**
 * Shoal on each version of Node that it supports, beside redis-server: start, idle memory, and GET and SET. Versions that the machine
 * lacks come from the package registry (scripts/nodes.mjs), into a folder that is removed at the end.
 */

import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure } from './throughput.js'
import { median, ROOT, rss_bytes, type Server, start, startWith, stop, type Table } from './tools.js'

const MAJORS = ['20', '22', '24', '26']
const VALUE_BYTES = 3
const DEPTHS = [1, 16, 64]
/** Requests of one measurement, by depth. */
const REQUESTS: Readonly<Record<number, number>> = { 1: 200_000, 16: 1_000_000, 64: 2_000_000 }
const WARM_REQUESTS = 3_000_000
/** From the first PONG until an idle node is looked at. */
const IDLE_MS = 1000

/** A version of Node with a build of its own: the code cache in dist/ serves the version that made it alone. */
interface Version {
  readonly name: string
  readonly node: string
  readonly program: string
}

const own = process.versions.node.split('.', 1)[0]!

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}

function bring(folder: string): Version[] {
  const others = MAJORS.filter((major) => major !== own)
  const brought = run(process.execPath, [join(ROOT, 'scripts/nodes.mjs'), folder, ...others])
  const nodes = new Map([[own, process.execPath]])
  for (const line of brought.trim().split('\n')) {
    const at = line.indexOf(' ')
    nodes.set(line.slice(0, at), line.slice(at + 1))
  }
  return [...nodes]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([major, node]) => {
      const home = join(folder, `shoal-${major}`)
      mkdirSync(home)
      cpSync(join(ROOT, 'bin'), join(home, 'bin'), { recursive: true })
      copyFileSync(join(ROOT, 'package.json'), join(home, 'package.json'))
      run(node, [join(ROOT, 'scripts/build.mjs')], { OUT: join(home, 'dist') })
      const name = run(node, ['--version']).trim().slice(1)
      return { name, node, program: join(home, 'bin', 'shoal-server.js') }
    })
}

type Starter = () => Promise<{ server: Server; firstPong_ms: number }>

function startersOf(versions: readonly Version[]): Map<string, Starter> {
  const options = ['--save', '', '--appendonly', 'no']
  const starters = new Map<string, Starter>([['redis-server', () => start('redis', ...options)]])
  for (const { name, node, program } of versions) {
    starters.set(name, () => startWith('shoal', node, [program], options))
  }
  return starters
}

/** The columns of one starter: start and idle memory, then operations a second. */
type Column = Map<string, number[]>

function note(column: Column, row: string, value: number): void {
  column.set(row, [...(column.get(row) ?? []), value])
}

async function starting(starter: Starter, column: Column): Promise<void> {
  const { server, firstPong_ms } = await starter()
  note(column, 'exec to first PONG, ms', firstPong_ms)
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  note(column, 'idle, resident, MB', rss_bytes(server.process.pid!) / 1e6)
  await stop(server)
}

/** GET and SET of all versions in turns, so that what else the machine does falls on all alike. */
async function working(starters: Map<string, Starter>, columns: Map<string, Column>, given: Size) {
  const servers = new Map<string, Server>()
  try {
    for (const [name, starter] of starters) servers.set(name, (await starter()).server)
    for (const server of servers.values())
      await measure(server, 'set', 64, VALUE_BYTES, WARM_REQUESTS * given.share)
    for (const depth of DEPTHS) {
      for (const test of ['set', 'get'] as const) {
        for (let round = 0; round < given.rounds; round++) {
          for (const [name, server] of servers) {
            const requests = Math.round(REQUESTS[depth]! * given.share)
            const { perSecond } = await measure(server, test, depth, VALUE_BYTES, requests)
            note(columns.get(name)!, `${test.toUpperCase()}, pipeline ${depth}`, perSecond)
          }
        }
      }
    }
  } finally {
    for (const server of servers.values()) await stop(server)
  }
}

interface Size {
  readonly starts: number
  readonly rounds: number
  /** Of the requests of a measurement. */
  readonly share: number
}

function rowsOf(columns: readonly Column[]): string[][] {
  const [redis, ...others] = columns
  return [...redis!.keys()].map((row) => {
    const theirs = median(redis!.get(row)!)
    if (!row.includes('pipeline')) {
      return [row, ...columns.map((column) => median(column.get(row)!).toFixed(0))]
    }
    const ratios = others.map((column) =>
      median(column.get(row)!.map((value, i) => value / redis!.get(row)![i]!)),
    )
    return [row, `${Math.round(theirs / 1000)} k/s`, ...ratios.map((ratio) => ratio.toFixed(2))]
  })
}

export async function versions(quick: boolean): Promise<Table> {
  const size: Size = quick ? { starts: 3, rounds: 1, share: 0.05 } : { starts: 7, rounds: 5, share: 0.5 }
  const folder = mkdtempSync(join(tmpdir(), 'shoal-nodes-'))
  try {
    const starters = startersOf(bring(folder))
    const columns = new Map<string, Column>([...starters.keys()].map((name) => [name, new Map()]))
    for (let round = 0; round < size.starts; round++) {
      for (const [name, starter] of starters) await starting(starter, columns.get(name)!)
    }
    await working(starters, columns, size)
    return {
      title: 'Node versions',
      note:
        `Made by \`npm run bench -- --only node-versions --write\`. One build of Shoal for each version, the median of ${size.starts} starts of a single node and of ${size.rounds} rounds of redis-benchmark (50 clients, ` +
        `values of ${VALUE_BYTES} bytes), all in turns. What takes a pipeline is the throughput over redis-server's in the same round: above 1, Shoal is better.`,
      head: ['', 'redis-server', ...[...starters.keys()].slice(1).map((name) => `Node ${name}`)],
      rows: rowsOf([...columns.values()]),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
