/**
 * One sequence of commands for redis-server and for Shoal's commands in the test's process, and what of it must be equal:
 * the replies byte by byte, the keyspace notifications, and what goes to the append-only file. Both see the machine's
 * clock, the one at a slightly other time than the other, so what tells the time may differ by TIME_TOLERANCE_MS.
 */

import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type RedisProcess, startRedis } from '../oracle.js'
import { bytesOf, latin1, type Part, Runner } from './runner.js'
import { replyEnd, Wire } from './wire.js'

/** A busy machine may take so long between the two runs of one command. */
export const TIME_TOLERANCE_MS = 5000

export type Line = readonly Part[]

/** Commands whose integer reply tells the time, and the tolerance in its unit. */
const TIMES = new Map([
  ['ttl', TIME_TOLERANCE_MS / 1000],
  ['pttl', TIME_TOLERANCE_MS],
  ['expiretime', TIME_TOLERANCE_MS / 1000],
  ['pexpiretime', TIME_TOLERANCE_MS],
])

export interface Difference {
  readonly command: string
  readonly redis: string
  readonly shoal: string
}

/** A command as a person would write it. */
export function shown(line: Line): string {
  const words = line.map((part) => JSON.stringify(latin1(bytesOf(part))).replace(/^"([\w.+-]+)"$/, '$1'))
  const text = words.join(' ')
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}

function nearTimes(name: string, redis: string, shoal: string): boolean {
  const tolerance = TIMES.get(name)
  if (tolerance === undefined || redis[0] !== ':' || shoal[0] !== ':') return false
  const a = Number(redis.slice(1))
  const b = Number(shoal.slice(1))
  // The special answers -1 and -2 are no times.
  return a >= 0 && b >= 0 && Math.abs(a - b) <= tolerance
}

export class Comparison {
  readonly redis: RedisProcess
  readonly runner: Runner
  private readonly wire: Wire
  private readonly listener: Wire
  /** The append-only file, and how much of it has been read. */
  private file = -1
  private fileAt = 0

  private constructor(redis: RedisProcess, wire: Wire, listener: Wire) {
    this.redis = redis
    this.wire = wire
    this.listener = listener
    this.runner = new Runner()
    this.runner.listen()
  }

  /** Starts the oracle: with an append-only file that is written before replies leave, and with all notifications. */
  static async start(): Promise<Comparison> {
    const redis = await startRedis([
      '--appendonly',
      'yes',
      '--appendfsync',
      'no',
      '--notify-keyspace-events',
      'EA$gxenm',
      '--enable-debug-command',
      'yes',
      // What is appended is read from one file.
      '--auto-aof-rewrite-percentage',
      '0',
    ])
    const wire = await Wire.open(redis.port)
    await wire.run('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    const listener = await Wire.open(redis.port)
    await listener.run('PSUBSCRIBE', '__keyevent@*__:*', 'sync')
    await listener.next()
    return new Comparison(redis, wire, listener)
  }

  async stop(): Promise<void> {
    this.wire.close()
    this.listener.close()
    if (this.file >= 0) closeSync(this.file)
    await this.redis.stop()
  }

  /** Both begin with nothing, in database 0 and with the given protocol. */
  async reset(protocol = 2): Promise<void> {
    await this.wire.run('HELLO', protocol)
    await this.wire.run('SELECT', 0)
    await this.wire.run('FLUSHALL')
    await this.events()
    this.runner.caller.db = 0
    this.runner.caller.protocol = protocol
    this.runner.run('FLUSHALL')
    this.runner.host.events.length = 0
  }

  /**
   * Runs the commands on both sides; what differs. `alike`: whether two replies to a command that are not equal mean the same,
   * such as the members of a set in another order.
   */
  async differences(
    lines: readonly Line[],
    alike: (line: Line, redis: string, shoal: string) => boolean = () => false,
  ): Promise<Difference[]> {
    const replies = await this.wire.exchange(lines)
    const found: Difference[] = []
    for (const [i, line] of lines.entries()) {
      const shoal = this.run(line)
      const redis = replies[i]!
      const name = String(line[0]).toLowerCase()
      if (shoal !== redis && !nearTimes(name, redis, shoal) && !alike(line, redis, shoal)) {
        found.push({ command: shown(line), redis, shoal })
      }
    }
    const events = await this.events()
    const ours = this.runner.host.events.splice(0)
    if (events.join('\n') !== ours.join('\n')) {
      found.push({ command: 'notifications', redis: events.join('; '), shoal: ours.join('; ') })
    }
    return found
  }

  /** What went to the append-only file on each side, a command a line, without MULTI and EXEC around those of one command. */
  async propagated(lines: readonly Line[]): Promise<{ redis: string[]; shoal: string[] }> {
    this.appended()
    await this.wire.exchange(lines)
    const redis = commandsOf(this.appended())
    const shoal: string[] = []
    for (const line of lines) {
      this.run(line)
      shoal.push(...(this.runner.propagated ?? []))
    }
    await this.events()
    this.runner.host.events.length = 0
    return {
      redis: redis.filter((line) => !/^(SELECT |MULTI$|EXEC$)/.test(line)).map(withoutTime),
      shoal: shoal.map(withoutTime),
    }
  }

  /** SELECT is the server's; here it is told to the runner. */
  private run(line: Line): string {
    const { runner } = this
    runner.now_ms = Date.now()
    if (String(line[0]).toLowerCase() === 'select' && line.length === 2) {
      runner.caller.db = Number(line[1])
      runner.propagated = null
      return '+OK\r\n'
    }
    return runner.run(...line)
  }

  /** The notifications of Redis since the last call, as the runner writes them. */
  private async events(): Promise<string[]> {
    const told: string[] = []
    await this.wire.run('PUBLISH', 'sync', 'now')
    for (;;) {
      const message = await this.listener.next()
      const parts = /^\*4\r\n\$8\r\npmessage\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n([^\r]*)\r\n\$\d+\r\n/.exec(
        message,
      )
      if (parts === null) throw new Error(`no notification: ${message}`)
      const payload = message.slice(parts[0].length, -2)
      if (parts[1] === 'sync') return told
      const [, db, event] = /^__keyevent@(\d+)__:(.*)$/.exec(parts[1]!)!
      told.push(`${event} ${db} ${payload}`)
    }
  }

  /** What was appended since the last call. */
  private appended(): Buffer {
    if (this.file < 0) {
      const folder = join(this.redis.directory, 'appendonlydir')
      const names = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'))
      this.file = openSync(join(folder, names[0]!), 'r')
    }
    const more = Buffer.alloc(fstatSync(this.file).size - this.fileAt)
    this.fileAt += readSync(this.file, more, 0, more.length, this.fileAt)
    return more
  }
}

/** Times near now, or that were counted from now, differ in their last digits. What was no sum is compared in times.test.ts. */
function withoutTime(line: string): string {
  return line.replace(/\b1[6-9]\d{11}\b/g, '<ms>').replace(/\b(\d{10,13})\d{6}\b/g, '$1<ms>')
}

function commandsOf(file: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at < file.length; ) {
    const end = replyEnd(file, at)
    if (end < 0) throw new Error('the append-only file ends within a command')
    const words: string[] = []
    let word = file.indexOf('\r\n', at) + 2
    while (word < end) {
      const from = file.indexOf('\r\n', word) + 2
      const length = Number(file.toString('latin1', word + 1, from - 2))
      words.push(file.toString('latin1', from, from + length))
      word = from + length + 2
    }
    lines.push(words.join(' '))
    at = end
  }
  return lines
}
