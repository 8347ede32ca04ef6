/**
 * Hostile input beside redis-server: what becomes of it, how long a client that only sends PING waits at worst meanwhile, and
 * how much memory the server takes at most. Each input meets a fresh server and has a limited time.
 */

import { readFileSync } from 'node:fs'
import { Attacker } from './attacker.js'
import { type Longest, Probe } from './stalls.js'
import { type Engine, type Server, startUnder, stop, type Table } from './tools.js'

const MB = 1_000_000
/** How long one input may take; a server that has not finished with it then is said to be still at it. */
const INPUT_MS = 60_000
const ANSWER_MS = 10_000
const SETTLE_MS = 500
const SAMPLE_MS = 50
const SHOWN_CHARS = 60

/** One hostile input. */
interface Input {
  readonly name: string
  readonly options?: readonly string[]
  /** How many files the server may have open (`ulimit -n`). */
  readonly files?: number
  /** What the server must hold before; not measured. */
  prepare?(port: number): Promise<void>
  /** Plays it; returns what became of it. */
  play(port: number): Promise<string>
}

/** What a reply says, short enough for a table. */
export function shown(reply: string): string {
  if (reply === '') return 'no reply'
  const line = reply
    .split('\r\n')
    .filter((part) => part !== '')
    .join(' ')
  return line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line
}

/** `work`, or `late` after `ms`. */
export async function within<T>(work: Promise<T>, ms: number, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), ms)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}

/** The largest resident size so far, from the text of /proc/<pid>/status; undefined where it is none. */
export function peakBytes(status: string): number | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

async function send(port: number, ...commands: readonly string[]): Promise<void> {
  const client = await Attacker.open(port)
  for (const command of commands) await client.ask(command)
  client.end()
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const command = (...words: readonly string[]) => `*${words.length}\r\n${words.map(bulk).join('')}`
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** Sets a key to a value of the given length. */
async function setLong(port: number, key: string, bytes: number): Promise<void> {
  const client = await Attacker.open(port)
  await client.send(`*3\r\n$3\r\nSET\r\n${bulk(key)}$${bytes}\r\n`)
  await client.sendFill(bytes)
  await client.ask('')
  client.end()
}

const longArgument: Input = {
  name: 'a user with only `+ping` sends one argument of 512 MB',
  prepare: (port) => send(port, 'ACL SETUSER limited on nopass ~* &* -@all +ping'),
  play: async (port) => {
    const client = await Attacker.open(port)
    await client.ask('AUTH limited x')
    const bytes = 512 * 1024 * 1024
    client.tail = ''
    const from = client.heard
    await client.send(`*1\r\n$${bytes}\r\n`)
    await client.sendFill(bytes)
    void client.send('\r\n')
    await client.until(() => client.heard > from)
    const { tail } = client
    client.end()
    return shown(tail)
  },
}

const unknownCommand: Input = {
  name: 'a command of an unknown name of 30 MB',
  play: async (port) => {
    const client = await Attacker.open(port)
    await client.send(`*1\r\n$${30 * MB}\r\n`)
    await client.sendFill(30 * MB)
    void client.send('\r\n')
    await client.until(() => client.heard > 0)
    const { head } = client
    client.end()
    return shown(head)
  },
}

const VALUE_BYTES = 2000
const GET = command('GET', 'k')

const pipeline: Input = {
  name: '`GET` of 2,000 bytes, 3 million times: 60 MB without pause, while the replies are read',
  prepare: (port) => send(port, `SET k ${'x'.repeat(VALUE_BYTES)}`),
  play: async (port) => {
    const count = Math.floor((60 * MB) / GET.length)
    const whole = count * bulk('x'.repeat(VALUE_BYTES)).length
    const client = await Attacker.open(port)
    const began = performance.now()
    void client.send(GET.repeat(count))
    const read = client.until(() => client.heard >= whole).then(() => true)
    const done = await within(read, INPUT_MS / 2, false)
    const { heard } = client
    client.end()
    const part = `${(heard / 1e9).toFixed(1)} of ${(whole / 1e9).toFixed(1)} GB`
    return `${part} in ${seconds(performance.now() - began)}${done && heard < whole ? ', closed' : ''}`
  },
}

const neverReads: Input = {
  name: 'the same, 5 MB, and no reply is read for 5 s',
  prepare: (port) => send(port, `SET k ${'x'.repeat(VALUE_BYTES)}`),
  play: async (port) => {
    const client = await Attacker.open(port, false)
    const taken = client.send(GET.repeat(Math.floor((5 * MB) / GET.length))).then(() => 'all taken')
    const outcome = await within(taken, 5000, 'held back')
    await new Promise((resolve) => setTimeout(resolve, 5000))
    const { closed } = client
    client.end()
    return closed ? 'closed' : outcome
  },
}

const CONNECTIONS = 120

const descriptors: Input = {
  name: '`ulimit -n 100`, 120 connections, then INFO memory, MEMORY STATS',
  files: 100,
  play: async (port) => {
    const first = await Attacker.open(port)
    await first.ask('PING')
    const others: Attacker[] = []
    for (let i = 0; i < CONNECTIONS; i++) {
      const other = await within<Attacker | null>(Attacker.open(port), 1000, null)
      if (other !== null) others.push(other)
    }
    const pongs = await Promise.all(others.map((other) => within(other.ask('PING'), 2000, '')))
    const kept = pongs.filter((pong) => pong.startsWith('+PONG')).length
    const info = await within(first.ask('INFO memory', 10), ANSWER_MS, '')
    const stats = await within(first.ask('MEMORY STATS', 10), ANSWER_MS, '')
    for (const other of others) other.end()
    first.end()
    const answered = info !== '' && stats !== '' && !first.closed
    return `${kept} of ${CONNECTIONS} served, ${answered ? 'answered' : 'not answered'}`
  },
}

/** Sends `count` commands, some at a time, and waits for as many replies of one line. */
async function many(port: number, count: number, make: (i: number) => string): Promise<string> {
  const client = await Attacker.open(port)
  const began = performance.now()
  const batch = 1000
  for (let i = 0; i < count && !client.closed; i += batch) {
    const from = client.heard
    const commands = Array.from({ length: Math.min(batch, count - i) }, (_, j) => make(i + j))
    client.tail = ''
    void client.send(`${commands.join('')}${command('ECHO', 'done')}`)
    await client.until(() => client.heard > from && client.tail.endsWith('\r\ndone\r\n'))
  }
  const outcome = client.closed ? 'closed' : seconds(performance.now() - began)
  client.end()
  return outcome
}

const consumers: Input = {
  name: '200,000 consumers of one group',
  prepare: (port) => send(port, 'XGROUP CREATE s g $ MKSTREAM'),
  play: (port) =>
    many(port, 200_000, (i) => command('XGROUP', 'CREATECONSUMER', 's', 'g', `c${(i * 7919) % 200_000}`)),
}

const groups: Input = {
  name: '200,000 groups of one stream',
  prepare: (port) => send(port, 'XADD s * a b'),
  play: (port) =>
    many(port, 200_000, (i) => command('XGROUP', 'CREATE', 's', `g${(i * 7919) % 200_000}`, '$')),
}

/** One command under a limit of a client's output. */
function limited(limit: string, name: string, bytes: number, words: string): Input {
  return {
    name: `\`client-output-buffer-limit "normal ${limit}"\`, ${name}`,
    options: ['--client-output-buffer-limit', `normal ${limit}`],
    // Piece by piece: the connection that prepares has the limit as well.
    prepare: async (port) => {
      if (bytes > 0) await setLong(port, 'v', bytes)
    },
    play: async (port) => {
      const client = await Attacker.open(port)
      const whole = bytes > 0 ? `$${bytes}\r\n\r\n`.length + bytes : '+PONG\r\n'.length
      void client.send(`${words}\r\n`)
      await within(
        client.until(() => client.heard >= whole).then(() => true),
        ANSWER_MS,
        false,
      )
      const outcome = client.heard >= whole ? 'answered' : `${client.heard} bytes`
      const { closed } = client
      client.end()
      return closed ? `${outcome}, closed` : outcome
    },
  }
}

const longReply: Input = {
  name: 'MGET of a string of 200 MB, six times: a reply of 1.2 GB',
  prepare: (port) => setLong(port, 'big', 200 * MB),
  play: async (port) => {
    const whole = '*6\r\n'.length + 6 * (`$${200 * MB}\r\n\r\n`.length + 200 * MB)
    const client = await Attacker.open(port)
    void client.send(command('MGET', ...Array<string>(6).fill('big')))
    await within(
      client.until(() => client.heard >= whole).then(() => true),
      INPUT_MS / 2,
      false,
    )
    const { heard } = client
    client.end()
    return `${(heard / 1e9).toFixed(1)} of ${(whole / 1e9).toFixed(1)} GB`
  },
}

/** DUMP of a stream with one pending entry, delivered at -4722336896897925722 ms. */
const LONG_AGO =
  'EwEQAAAAAAAAAAEAAAAAAAAAAR0dAAAACgABAQABAQGBYQIAAQIBAAEAAYFiAgQB/wEBAQEBAAABAQFnAQEBAQAAAAAAAAABAAAAAAAAAAGmva2+' +
  'nON2vgEBAWMeHm8vogEAAAEAAAAAAAAAAQAAAAAAAAABCgBoqCVRCc/DVw=='

const bigIntegers: Input = {
  name: 'integers beyond 2^53: XPENDING of an entry delivered at −4722336896897925722, CLIENT KILL ID 2^63−1',
  play: async (port) => {
    const client = await Attacker.open(port)
    const payload = Buffer.from(LONG_AGO, 'base64')
    await client.send(`*4\r\n${bulk('RESTORE')}${bulk('s')}${bulk('0')}$${payload.length}\r\n`)
    await client.send(payload)
    await client.ask('')
    const pending = await client.ask('XPENDING s g - + 10', 8)
    const kill = await client.ask('CLIENT KILL ID 9223372036854775807')
    client.end()
    const isWhole = /\$1\r\nc\r\n:-?\d+\r\n:1\r\n$/.test(pending)
    return `${isWhole ? 'an integer' : shown(pending)}, ${shown(kill)}`
  },
}

const nothing: Input = {
  name: 'nothing',
  play: async () => {
    await new Promise((resolve) => setTimeout(resolve, 2000))
    return ''
  },
}

/** All inputs, in the order of the table. */
export const INPUTS: readonly Input[] = [
  nothing,
  longArgument,
  unknownCommand,
  pipeline,
  neverReads,
  descriptors,
  consumers,
  groups,
  limited('256kb 0 0', 'GET of 1,000,000 bytes', MB, 'GET v'),
  limited('1000 0 0', 'GET of 8,000 bytes', 8000, 'GET v'),
  limited('1 2 3', 'PING', 0, 'PING'),
  longReply,
  bigIntegers,
]

interface Measured {
  readonly outcome: string
  readonly longest: Longest | null
  readonly peak_bytes: number
}

async function measure(engine: Engine, input: Input): Promise<Measured> {
  const limits = input.files === undefined ? [] : ['sh', '-c', `ulimit -n ${input.files}; exec "$@"`, 'sh']
  const options = ['--save', '', '--appendonly', 'no', ...(input.options ?? [])]
  const { server } = await startUnder(limits, engine, ...options)
  let exit: string | null = null
  server.process.once('exit', (code, signal) => {
    exit = `the server ended (${code ?? signal})`
  })
  let peak_bytes = 0
  const look = () => {
    peak_bytes = Math.max(peak_bytes, peakOf(server))
  }
  const sampler = setInterval(look, SAMPLE_MS)
  let probe: Probe | undefined
  try {
    await input.prepare?.(server.port)
    probe = new Probe(server)
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    await within<Longest | null>(probe.longest(), ANSWER_MS, null)
    const played = await within(input.play(server.port), INPUT_MS, `still at it after ${seconds(INPUT_MS)}`)
    const longest = exit === null ? await within<Longest | null>(probe.longest(), ANSWER_MS, null) : null
    look()
    return { outcome: exit ?? played, longest, peak_bytes }
  } finally {
    clearInterval(sampler)
    probe?.stop()
    if (exit === null) await stop(server)
  }
}

function peakOf(server: Server): number {
  try {
    return peakBytes(readFileSync(`/proc/${server.process.pid}/status`, 'utf8')) ?? 0
  } catch {
    return 0
  }
}

/** Measures the inputs whose names contain one of `words`, all where there are none. */
export async function robustness(words: readonly string[] | undefined): Promise<Table> {
  const inputs = INPUTS.filter(({ name }) => words === undefined || words.some((word) => name.includes(word)))
  const rows: string[][] = []
  const ms = (longest: Longest | null) => (longest === null ? '—' : `${longest.wait_ms.toFixed(1)} ms`)
  const quiet = (longest: Longest | null) =>
    longest === null ? '—' : `${longest.undisturbed_ms.toFixed(1)} ms`
  const megabytes = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`
  for (const input of inputs) {
    process.stderr.write(`${input.name} …\n`)
    const redis = await measure('redis', input)
    const shoal = await measure('shoal', input)
    const row = [
      input.name,
      redis.outcome,
      shoal.outcome,
      ms(redis.longest),
      ms(shoal.longest),
      quiet(redis.longest),
      quiet(shoal.longest),
      megabytes(redis.peak_bytes),
      megabytes(shoal.peak_bytes),
    ]
    process.stderr.write(`  ${row.slice(1).join(' | ')}\n`)
    rows.push(row)
  }
  return {
    title: 'Hostile input',
    note:
      'Each input meets a fresh server. Longest stall: what the PING of a connection that does nothing else took at worst, sent every ' +
      'millisecond; undisturbed: without the time in which server or probe was ready to run and had no processor. Peak ' +
      'memory: VmHWM of the process. A reply is shown by its beginning.',
    head: [
      'input',
      'redis-server',
      'shoal',
      'longest stall, redis-server',
      'shoal',
      'undisturbed, redis-server',
      'shoal',
      'peak memory, redis-server',
      'shoal',
    ],
    rows,
  }
}
