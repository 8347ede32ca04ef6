/**
 * The longest stall: how long a client that does next to nothing must wait at worst while a node with ten million keys is
 * under load and does what takes long: saves, rewrites its file, expires a million keys of the same instant, loses
 * collections of a million elements, makes its tables larger, forgets everything. A second process pings, since this one
 * is busy itself; its longest wait is what is printed, beside redis-server's in the same phase.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import net from 'node:net'
import { cpus } from 'node:os'
import { ask, type Engine, find, type Server, start, stop, type Table, until } from './tools.js'

interface Sizes {
  readonly keys: number
  /** So many of the keys come while the table that holds them grows. */
  readonly lateKeys: number
  readonly members: number
  readonly expiring: number
}

const FULL: Sizes = { keys: 10_000_000, lateKeys: 1_700_000, members: 1_000_000, expiring: 1_000_000 }
const QUICK: Sizes = { keys: 1_000_000, lateKeys: 200_000, members: 100_000, expiring: 100_000 }
const BATCH = 64
/** Requests on their way while data is made: enough to keep the server busy, not so many that a ping waits for them. */
const IN_FLIGHT = 256
const SETTLE_MS = 500
const EXPIRY_IN_MS = 30_000
const TYPES = ['hash', 'set', 'zset', 'list'] as const

/** Pings once a millisecond; on a line of its input it says the longest wait since the last line, and begins anew. */
const PROBE = `
const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1')
let sent = 0, longest = 0
const ping = () => { sent = performance.now(); socket.write('PING\\r\\n') }
socket.setNoDelay(true)
socket.on('connect', ping)
socket.on('data', () => { longest = Math.max(longest, performance.now() - sent); setTimeout(ping, 1) })
socket.on('error', () => process.exit())
process.stdin.on('data', () => {
  console.log(Math.max(longest, performance.now() - sent))
  longest = 0
})
process.stdin.on('end', () => process.exit())
`

class Probe {
  private readonly child: ChildProcess

  constructor(port: number) {
    this.child = spawn(process.execPath, ['-e', PROBE, String(port)], { stdio: ['pipe', 'pipe', 'ignore'] })
  }

  /** The longest wait since the last call, in ms. */
  longest(): Promise<number> {
    return new Promise((resolve) => {
      this.child.stdout!.once('data', (bytes) => resolve(Number(bytes.toString())))
      this.child.stdin!.write('\n')
    })
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }
}

/**
 * Load from two processes: writes of small keys, and changes of the large hash, 16 commands at a time. Both on the last
 * processor, where the system has taskset: else they keep the server from its own, and what is measured is the system.
 */
class Load {
  private readonly children: ChildProcess[]

  constructor(port: number, keys: number) {
    const taskset = cpus().length > 1 ? find('taskset') : undefined
    const run = (...args: string[]) => {
      const words = [
        find('redis-benchmark')!,
        '-p',
        String(port),
        '-P',
        '16',
        '-n',
        '2000000000',
        '-q',
        ...args,
      ]
      if (taskset !== undefined) words.unshift(taskset, '-c', String(cpus().length - 1))
      return spawn(words[0]!, words.slice(1), { stdio: 'ignore' })
    }
    this.children = [
      run('-c', '10', '-r', String(keys), 'set', 'key:__rand_int__', 'value:__rand_int__'),
      run('-c', '5', '-r', '1000000', 'hset', 'big:hash', 'member:__rand_int__', 'value:__rand_int__'),
    ]
  }

  stop(): void {
    for (const child of this.children) child.kill('SIGKILL')
  }
}

/** Sends commands `count` times, some at a time; `command` gives each as its words. */
function feed(
  port: number,
  count: number,
  command: (i: number) => readonly (string | number)[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let sent = 0
    let answered = 0
    const more = () => {
      let text = ''
      for (; sent < count && sent - answered < IN_FLIGHT; sent++) {
        const words = command(sent)
        text += `*${words.length}\r\n`
        for (const word of words) text += `$${String(word).length}\r\n${word}\r\n`
      }
      if (text !== '') socket.write(text)
    }
    socket.on('error', reject)
    socket.on('connect', more)
    socket.on('data', (bytes) => {
      for (const byte of bytes) if (byte === 10) answered++
      if (answered < count) return more()
      socket.destroy()
      resolve()
    })
  })
}

/** Collections of so many members, one of each type, whose keys begin with `prefix`. */
async function collections(port: number, prefix: string, members: number): Promise<void> {
  const each = (make: (n: number) => (string | number)[]) => (i: number) =>
    Array.from({ length: BATCH }, (_, j) => make(i * BATCH + j)).flat()
  const count = Math.ceil(members / BATCH)
  const name = (n: number) => `member:${String(n).padStart(12, '0')}`
  const fields = each((n) => [name(n), n])
  const names = each((n) => [name(n)])
  const scores = each((n) => [(n * 7919) % members, name(n)])
  await feed(port, count, (i) => ['HSET', `${prefix}:hash`, ...fields(i)])
  await feed(port, count, (i) => ['SADD', `${prefix}:set`, ...names(i)])
  await feed(port, count, (i) => ['ZADD', `${prefix}:zset`, ...scores(i)])
  await feed(port, count, (i) => ['RPUSH', `${prefix}:list`, ...names(i)])
}

const info = async (port: number, section: string, field: string): Promise<string> =>
  new RegExp(`^${field}:(.*)\\r$`, 'm').exec(await ask(port, `INFO ${section}`))?.[1] ?? ''

interface Phase {
  readonly name: string
  /** Before the load goes on; nobody measures. */
  prepare?(server: Server): Promise<unknown>
  run(server: Server): Promise<unknown>
}

/** A phase's work may take minutes where the machine is slow; `until` alone is not so patient. */
async function whenever(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}

function phases(sizes: Sizes): Phase[] {
  const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const settled = async ({ port }: Server) => {
    await whenever(async () => (await info(port, 'memory', 'lazyfree_pending_objects')) === '0')
    await rest(SETTLE_MS)
  }
  let at_ms = 0
  const late = sizes.keys - sizes.lateKeys
  return [
    { name: 'nothing but the load', run: () => rest(5000) },
    {
      name: 'the table of keys grows',
      run: ({ port }) => feed(port, sizes.lateKeys, (i) => ['SET', `key:${late + i}`, `value:${late + i}`]),
    },
    {
      name: 'BGSAVE',
      run: async ({ port }) => {
        await ask(port, 'BGSAVE')
        await whenever(async () => (await info(port, 'persistence', 'rdb_bgsave_in_progress')) === '0')
      },
    },
    {
      name: 'BGREWRITEAOF',
      run: async ({ port }) => {
        await ask(port, 'BGREWRITEAOF')
        await whenever(async () => (await info(port, 'persistence', 'aof_rewrite_in_progress')) === '0')
      },
    },
    {
      name: `${sizes.expiring.toLocaleString('en')} keys expire at the same instant`,
      prepare: ({ port }) => {
        at_ms = Date.now() + EXPIRY_IN_MS
        return feed(port, sizes.expiring, (i) => ['SET', `brief:${i}`, 'x', 'PXAT', at_ms])
      },
      run: async ({ port }) => {
        await rest(Math.max(0, at_ms - Date.now()))
        await whenever(async () => !/,expires=[1-9]/.test(await ask(port, 'INFO keyspace')))
      },
    },
    ...(['UNLINK', 'DEL'] as const).map((command) => ({
      name: `${command} of a hash, a set, a sorted set and a list of ${sizes.members.toLocaleString('en')} members`,
      prepare: ({ port }: Server) => collections(port, 'other', sizes.members),
      run: async (server: Server) => {
        for (const type of TYPES) {
          await ask(server.port, `${command} other:${type}`)
          await settled(server)
        }
      },
    })),
    {
      name: 'FLUSHALL ASYNC',
      run: async (server) => settled(await ask(server.port, 'FLUSHALL ASYNC').then(() => server)),
    },
  ]
}

/** The longest waits of one engine, by phase. */
async function measure(engine: Engine, sizes: Sizes): Promise<number[]> {
  const { server } = await start(engine, '--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes')
  const probe = new Probe(server.port)
  try {
    await ask(server.port, `DEBUG POPULATE ${sizes.keys - sizes.lateKeys} key 12`)
    await collections(server.port, 'big', sizes.members)
    const longest: number[] = []
    for (const phase of phases(sizes)) {
      await phase.prepare?.(server)
      const load = new Load(server.port, sizes.keys - sizes.lateKeys)
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      await probe.longest()
      process.stderr.write(`${engine}, ${phase.name} …\n`)
      await phase.run(server)
      longest.push(await probe.longest())
      load.stop()
      process.stderr.write(`${engine}, ${phase.name}: ${longest.at(-1)!.toFixed(1)} ms\n`)
      await until(
        'the load to be gone',
        async () => (await info(server.port, 'clients', 'connected_clients')) === '2',
      )
    }
    return longest
  } finally {
    probe.stop()
    await stop(server)
  }
}

export async function stalls(quick: boolean): Promise<Table> {
  const sizes = quick ? QUICK : FULL
  const redis = await measure('redis', sizes)
  const shoal = await measure('shoal', sizes)
  const names = phases(sizes).map((phase) => phase.name)
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const total = (values: readonly number[]) => ms(Math.max(...values))
  return {
    title: 'The longest stall',
    note:
      `How long the PING of a connection that does nothing else took at worst, with ${sizes.keys.toLocaleString('en')} keys and a hash, a ` +
      `set, a sorted set and a list of ${sizes.members.toLocaleString('en')} members resident, while redis-benchmark -P 16 (15 clients) sets keys ` +
      'and fields of the large hash, and what the first column says is going on.',
    head: ['', 'redis-server', 'shoal'],
    rows: [
      ...names.map((name, i) => [name, ms(redis[i]!), ms(shoal[i]!)]),
      ['all of it', total(redis), total(shoal)],
    ],
  }
}
