/**
 * One huge argument at each place of each command, from a client that has not authenticated and from one that may only PING:
 * the node lives, the reply is redis-server's, and other clients wait no longer than a bound. The commands come from the table, so
 * that a new one is tried too.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BLOCKING } from '../src/commands/command.js'
import { COMMANDS } from '../src/commands/index.js'
import { CommandTable, type Entry } from '../src/commands/table.js'
import { serverCommands } from '../src/server/commands/index.js'
import { freePorts, missing, startRedis } from './oracle.js'
import { eventually, serverCommand } from './processes.js'
import { replyEnd } from './support/wire.js'

/** One argument of the sweep. Large enough that a string of it, or a step for each of its bytes in slow code, shows. */
const SWEEP_BYTES = 2 * 1024 * 1024
/** What redis-server takes at most for one argument. */
const LARGEST_BYTES = 512 * 1024 * 1024
/** Longest wait of another client during the sweep: generous, since the machine may be busy; strings took seconds. */
const STALL_MS_MAX = 2500
const HUGE = Buffer.alloc(SWEEP_BYTES, 'a')
const CRLF = Buffer.from('\r\n')

/** Commands that would end or stop the servers, or do not end with a reply. */
const LEFT_OUT = new Set([
  'shutdown',
  'debug',
  'monitor',
  'sync',
  'psync',
  'quit',
  'replconf',
  'reset',
  'failover',
])

type Piece = string | Buffer

function encoded(words: readonly Piece[]): Buffer[] {
  const pieces: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF)
  }
  return pieces
}

/** A connection that takes one reply for each command. */
class Speaker {
  private heard: Buffer = Buffer.alloc(0)
  private gone = false
  private wake: (() => void) | null = null
  readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.heard = Buffer.concat([this.heard, bytes])
      this.wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.gone = true
      this.wake?.()
    })
  }

  static open(port: number): Promise<Speaker> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new Speaker(socket)))
    })
  }

  /** The reply, or 'closed'. */
  async ask(...words: readonly Piece[]): Promise<string> {
    for (const piece of encoded(words)) this.socket.write(piece)
    for (;;) {
      const end = this.heard.length === 0 ? -1 : replyEnd(this.heard, 0)
      if (end >= 0) {
        const reply = this.heard.toString('latin1', 0, end)
        this.heard = this.heard.subarray(end)
        return reply
      }
      if (this.gone) return 'closed'
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

/** What another client of the node waits for its PING at worst, until `stop`. */
function watchStalls(port: number): { stop(): Promise<number> } {
  let worst_ms = 0
  let stopped = false
  const run = async () => {
    const speaker = await Speaker.open(port)
    await speaker.ask('AUTH', 'secret')
    while (!stopped) {
      const began_ms = performance.now()
      if ((await speaker.ask('PING')) !== '+PONG\r\n') throw new Error('the node does not answer')
      worst_ms = Math.max(worst_ms, performance.now() - began_ms)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    speaker.close()
    return worst_ms
  }
  const outcome = run()
  return {
    stop: () => {
      stopped = true
      return outcome
    },
  }
}

/** Each command with a huge argument at each place that it may have one, subcommands included. */
function* attacks(): Generator<readonly [string, readonly Piece[]]> {
  yield ['unknown command', [HUGE]]
  yield ['unknown command, its argument', ['nosuch', HUGE]]
  yield ['unknown command, the second argument', ['nosuch', 'a', HUGE]]
  const table = new CommandTable([...COMMANDS, ...serverCommands], new Map())
  const entries = table.entries.flatMap((entry): Entry[] => [entry, ...entry.subcommands])
  for (const entry of entries) {
    const front = entry.fullName.split('|')
    if (LEFT_OUT.has(front[0]!)) continue
    const least = Math.abs(entry.arity)
    const count = entry.arity > 0 ? least : least + 2
    const filler = (entry.flags & BLOCKING) !== 0 ? '0.01' : '1'
    if (entry.subcommands.length > 0) yield [`${entry.fullName}: subcommand`, [...front, HUGE]]
    for (let huge = front.length; huge < count; huge++) {
      const words: Piece[] = Array.from({ length: count }, (_, i) => front[i] ?? (i === huge ? HUGE : filler))
      yield [`${entry.fullName}: argument ${huge} of ${count}`, words]
    }
  }
}

interface Node {
  readonly port: number
  readonly child: ChildProcess
  readonly dir: string
}

async function startShoal(...options: string[]): Promise<Node> {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-hostile-'))
  const [port] = await freePorts(1)
  const [program, ...first] = serverCommand('shoal')
  const all = [
    ...first,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--save',
    '',
    ...options,
  ]
  const child = spawn(program, all, { stdio: 'ignore' })
  await eventually('the node listens', async () => {
    const speaker = await Speaker.open(port!)
    speaker.close()
    return true
  })
  return { port: port!, child, dir }
}

async function stop(node: Node): Promise<void> {
  if (node.child.exitCode === null && node.child.signalCode === null) {
    const gone = new Promise((resolve) => node.child.once('exit', resolve))
    node.child.kill('SIGKILL')
    await gone
  }
  rmSync(node.dir, { recursive: true, force: true })
}

const PASSWORD = ['--requirepass', 'secret']
const PINGING = ['--user', 'pinging', 'on', '>p', '+ping']

describe.skipIf(missing('redis-server'))('a huge argument', () => {
  let shoal: Node
  let redis: Awaited<ReturnType<typeof startRedis>>

  beforeAll(async () => {
    shoal = await startShoal(...PASSWORD)
    redis = await startRedis(PASSWORD)
    for (const port of [shoal.port, redis.port]) {
      const admin = await Speaker.open(port)
      expect(await admin.ask('AUTH', 'secret')).toBe('+OK\r\n')
      expect(await admin.ask('ACL', 'SETUSER', ...PINGING.slice(1))).toBe('+OK\r\n')
      admin.close()
    }
  })
  afterAll(async () => {
    await stop(shoal)
    await redis.stop()
  })

  test('is quoted in the errors about unknown commands as redis-server quotes it', async () => {
    const speakers = [await Speaker.open(shoal.port), await Speaker.open(redis.port)] as const
    for (const speaker of speakers) await speaker.ask('AUTH', 'secret')
    for (const words of [
      [HUGE],
      ['nosuch', HUGE],
      ['nosuch', 'a', HUGE],
      ['CONFIG', HUGE],
      ['OBJECT', HUGE, '1'],
    ]) {
      const [ours, theirs] = await Promise.all(speakers.map((speaker) => speaker.ask(...words)))
      expect(ours).toBe(theirs)
    }
    for (const speaker of speakers) speaker.close()
  }, 120_000)

  test('of the largest size, as the name of a command, leaves the node alive', async () => {
    const speaker = await Speaker.open(shoal.port)
    await speaker.ask('AUTH', 'pinging', 'p')
    const reply = await speaker.ask(Buffer.alloc(LARGEST_BYTES, 'a'))
    expect(reply).toBe(`-ERR unknown command '${'a'.repeat(128)}', with args beginning with: \r\n`)
    expect(await speaker.ask('PING')).toBe('+PONG\r\n')
    speaker.close()
  }, 240_000)

  test.each([
    ['without authentication', [], /^(closed|-ERR Protocol error: unauthenticated bulk length\r\n)$/],
    ['with the permission to PING alone', ['AUTH', 'pinging', 'p'], /^-/],
    ['with all permissions', ['AUTH', 'secret'], /^[^c]/],
  ] as const)(
    'at each place of each command, %s',
    async (_name, login, expected) => {
      const watch = watchStalls(shoal.port)
      let speaker: Speaker | null = null
      const odd: string[] = []
      for (const [what, words] of attacks()) {
        if (speaker === null) {
          speaker = await Speaker.open(shoal.port)
          if (login.length > 0) expect(await speaker.ask(...login)).toBe('+OK\r\n')
        }
        const reply = await speaker.ask(...words)
        if (!expected.test(reply)) odd.push(`${what}: ${reply.slice(0, 100)}`)
        // What says that the connection is to change is followed by another one.
        if (!reply.startsWith('-') || reply.includes('rotocol')) {
          speaker.close()
          speaker = null
        }
      }
      speaker?.close()
      expect(await watch.stop()).toBeLessThan(STALL_MS_MAX)
      expect(odd).toEqual([])
      expect(shoal.child.exitCode).toBe(null)
    },
    240_000,
  )
})
