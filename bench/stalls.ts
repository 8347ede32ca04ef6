/**
 * The longest stall: how long a client that does next to nothing must wait at worst while a node with ten million keys is
 * under load and does what takes long: saves, rewrites its file, expires a million keys of the same instant, loses
 * collections of a million elements, makes its tables larger, forgets everything. A second process pings, since this one
 * is busy itself; its longest wait is what is printed, beside redis-server's in the same phase.
 *
 * The load keeps all processors of a small machine busy, so part of a wait is the system's: server or client could run and had
 * no processor. Linux counts that for each thread, and so the longest wait is printed without it too. What the event loop waits
 * for while it could not run (a lock, the disk, helping threads) stays in.
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

/**
 * Pings once a millisecond; on a line of its input it says the longest wait since the last line, with and without what it or
 * the server's main thread waited for a processor, and begins anew. Where both waited, only the longer of the two counts
 * as the system's: they may have waited at the same time.
 */
const PROBE = `
const { openSync, readSync } = require('node:fs')
const room = Buffer.alloc(128)
const open = (path) => { try { return openSync(path, 'r') } catch { return -1 } }
const files = [open('/proc/self/schedstat'), open('/proc/' + process.argv[2] + '/schedstat')]
const waited = (fd) => fd < 0 ? 0 : Number(room.latin1Slice(0, readSync(fd, room, 0, 128, 0)).split(' ')[1]) / 1e6
const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1')
let sent = 0, waiting = false, before = [0, 0], longest = 0, undisturbed = 0
const ping = () => { waiting = true; before = files.map(waited); sent = performance.now(); socket.write('PING\\r\\n') }
const look = () => {
  const took = performance.now() - sent
  const disturbed = Math.max(...files.map((fd, i) => waited(fd) - before[i]))
  longest = Math.max(longest, took)
  undisturbed = Math.max(undisturbed, took - disturbed)
}
socket.setNoDelay(true)
socket.on('connect', ping)
socket.on('data', () => { look(); waiting = false; setTimeout(ping, 1) })
socket.on('error', () => process.exit())
process.stdin.on('data', () => {
  if (waiting) look()
  console.log(longest + ' ' + undisturbed)
  longest = undisturbed = 0
})
process.stdin.on('end', () => process.exit())
`

export interface Longest {
  readonly wait_ms: number
  /** Without what server or client waited for a processor. */
  readonly undisturbed_ms: number
}

export class Probe {
  private readonly child: ChildProcess

  constructor({ port, process: server }: Server) {
    this.child = spawn(process.execPath, ['-e', PROBE, String(port), String(server.pid)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
  }

  /** The longest waits since the last call. */
  longest(): Promise<Longest> {
    return new Promise((resolve) => {
      this.child.stdout!.once('data', (bytes) => {
        const [wait_ms, undisturbed_ms] = bytes.toString().split(' ').map(Number)
        resolve({ wait_ms: wait_ms!, undisturbed_ms: undisturbed_ms! })
      })
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
async function measure(engine: Engine, sizes: Sizes): Promise<Longest[]> {
  const { server } = await start(engine, '--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes')
  const probe = new Probe(server)
  try {
    await ask(server.port, `DEBUG POPULATE ${sizes.keys - sizes.lateKeys} key 12`)
    await collections(server.port, 'big', sizes.members)
    const longest: Longest[] = []
    for (const phase of phases(sizes)) {
      await phase.prepare?.(server)
      const load = new Load(server.port, sizes.keys - sizes.lateKeys)
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      await probe.longest()
      process.stderr.write(`${engine}, ${phase.name} …\n`)
      await phase.run(server)
      longest.push(await probe.longest())
      load.stop()
      const { wait_ms, undisturbed_ms } = longest.at(-1)!
      process.stderr.write(
        `${engine}, ${phase.name}: ${wait_ms.toFixed(1)} ms, ${undisturbed_ms.toFixed(1)} undisturbed\n`,
      )
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
  const rows = names.map((name, i) => ({ name, redis: redis[i]!, shoal: shoal[i]! }))
  const most = (values: readonly Longest[]): Longest => ({
    wait_ms: Math.max(...values.map((one) => one.wait_ms)),
    undisturbed_ms: Math.max(...values.map((one) => one.undisturbed_ms)),
  })
  rows.push({ name: 'all of it', redis: most(redis), shoal: most(shoal) })
  return {
    title: 'The longest stall',
    note:
      `How long the PING of a connection that does nothing else took at worst, with ${sizes.keys.toLocaleString('en')} keys and a hash, a ` +
      `set, a sorted set and a list of ${sizes.members.toLocaleString('en')} members resident, while redis-benchmark -P 16 (15 clients) sets keys ` +
      'and fields of the large hash, and what the first column says is going on. Undisturbed: without the time in which the server, ' +
      'or who pings, was ready to run and had no processor.',
    head: ['', 'redis-server', 'shoal', 'redis-server, undisturbed', 'shoal, undisturbed'],
    rows: rows.map(({ name, redis: theirs, shoal: ours }) => [
      name,
      ms(theirs.wait_ms),
      ms(ours.wait_ms),
      ms(theirs.undisturbed_ms),
      ms(ours.undisturbed_ms),
    ]),
  }
}
