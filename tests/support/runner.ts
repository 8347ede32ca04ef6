/**
 * Commands without a server: a keyspace, a call, a reply and a host that only remembers. Time stands still until it is
 * told to move. For tests of commands, beside their code and against the oracle.
 */

import { Call, type Caller } from '../../src/commands/call.js'
import type { Command } from '../../src/commands/command.js'
import { type Host, type MigrateRequest, NOTIFY_EXPIRED } from '../../src/commands/host.js'
import { COMMANDS } from '../../src/commands/index.js'
import { CommandTable, type Entry } from '../../src/commands/table.js'
import type { Database } from '../../src/keyspace/database.js'
import { Keyspace } from '../../src/keyspace/keyspace.js'
import { Args } from '../../src/resp/args.js'
import { Reply } from '../../src/resp/reply.js'

export type Part = string | number | bigint | Uint8Array

/** Strings are Latin-1: one character a byte. */
export function bytesOf(part: Part): Uint8Array {
  return part instanceof Uint8Array ? part : Uint8Array.from(Buffer.from(String(part), 'latin1'))
}

/** The parts of a command in RESP. */
function partsOf(command: Uint8Array): Uint8Array[] {
  const text = latin1(command)
  const parts: Uint8Array[] = []
  for (let at = text.indexOf('\r\n') + 2; at < text.length; ) {
    const start = text.indexOf('\r\n', at) + 2
    const end = start + Number(text.slice(at + 1, start - 2))
    parts.push(command.subarray(start, end))
    at = end + 2
  }
  return parts
}

/** Bytes as a Latin-1 text. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

class TestHost implements Host {
  readonly config = new Map<string, number>([
    ['proto-max-bulk-len', 512 * 1024 * 1024],
    ['databases', 16],
  ])
  /** `kind event db key`. */
  readonly events: string[] = []
  readonly ready: string[] = []
  readonly lines: string[] = []
  readonly migrations: MigrateRequest[] = []
  private seed = 0x2545f491

  configNumber(name: string): number {
    return this.config.get(name) ?? 0
  }

  notify(_kind: number, event: string, db: Database, key: Uint8Array, start: number, end: number): void {
    this.events.push(`${event} ${db.index} ${latin1(key.subarray(start, end))}`)
  }

  keyReady(db: Database, key: Uint8Array, start: number, end: number): void {
    this.ready.push(`${db.index} ${latin1(key.subarray(start, end))}`)
  }

  random32(): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) | 0
    return this.seed
  }

  log(_level: string, message: string): void {
    this.lines.push(message)
  }

  migrate(request: MigrateRequest): void {
    this.migrations.push(request)
  }
}

export class Runner {
  readonly host = new TestHost()
  readonly keyspace: Keyspace
  readonly table: CommandTable
  readonly reply = new Reply()
  readonly caller: { -readonly [K in keyof Caller]: Caller[K] } = {
    id: 1,
    db: 0,
    protocol: 2,
    trusted: false,
    denyBlocking: false,
  }
  readonly call: Call
  /** What the last command sends to the append-only file and the replicas: null for nothing. */
  propagated: string[] | null = null
  /** The keys that watchers hear of, while `keyspace.watchers` is positive. */
  readonly changed: string[] = []
  private readonly expired: string[] = []
  private readonly args = new Args()

  constructor(given: { commands?: readonly Command[]; cluster?: boolean; now_ms?: number } = {}) {
    this.keyspace = new Keyspace({
      databases: 16,
      cluster: given.cluster ?? false,
      random32: () => this.host.random32(),
    })
    this.keyspace.setTime(given.now_ms ?? 1_700_000_000_000)
    this.keyspace.hooks = {
      expired: (db, handle) => {
        const key = db.entries.key(handle)
        const wanted = (this.call.notifyMask & NOTIFY_EXPIRED) !== 0
        if (wanted) this.host.notify(NOTIFY_EXPIRED, 'expired', db, key, 0, key.length)
        this.expired.push(`DEL ${latin1(key)}`)
      },
      changed: (_db, key, start, end) => this.changed.push(latin1(key.subarray(start, end))),
      beforeWrite: () => {},
      fieldExpired: (_db, key, field) => this.expired.push(`HDEL ${latin1(key)} ${latin1(field)}`),
    }
    this.call = new Call(this.host, this.keyspace, this.caller)
    this.table = new CommandTable(given.commands ?? COMMANDS)
  }

  get now_ms(): number {
    return this.keyspace.now_ms
  }

  set now_ms(now_ms: number) {
    this.keyspace.setTime(now_ms)
  }

  /** All keyspace notifications are wanted; they gather in `events`. */
  listen(): string[] {
    this.call.notifyMask = ~0
    return this.host.events
  }

  /** Runs one command and returns its reply's bytes. Its database is the caller's. */
  bytes(...parts: readonly Part[]): Uint8Array {
    const { args, call, reply } = this
    args.setAll(parts.map(bytesOf))
    reply.pos = 0
    reply.protocol = this.caller.protocol
    this.propagated = null
    this.expired.length = 0
    const entry = this.find(args)
    if (typeof entry === 'string') {
      reply.error(entry)
      return reply.buf.slice(0, reply.pos)
    }
    call.db = this.keyspace.databases[this.caller.db]!
    call.dirty = 0
    call.instead = null
    entry.handler(call, args, reply)
    if (call.instead !== null) {
      this.propagated = (call.instead as Uint8Array[][]).map((command) => command.map(latin1).join(' '))
    } else if (call.written.length > 0) {
      const parts = partsOf(call.written.buf.subarray(0, call.written.length))
      this.propagated = [parts.map(latin1).join(' ')]
      call.written.length = 0
    } else if (call.dirty > 0) {
      this.propagated = [parts.map((part) => latin1(bytesOf(part))).join(' ')]
    }
    if (this.expired.length > 0) this.propagated = [...this.expired, ...(this.propagated ?? [])]
    return reply.buf.slice(0, reply.pos)
  }

  /** As `bytes`, the reply as Latin-1 text. */
  run(...parts: readonly Part[]): string {
    return latin1(this.bytes(...parts))
  }

  /** As `run`, the command given as words with single blanks between them, the line ends of the reply as blanks. */
  say(line: string): string {
    return this.run(...line.split(' '))
      .replace(/\r\n/g, ' ')
      .trimEnd()
  }

  /** The command, or the error that a server's dispatcher would reply. */
  private find(args: Args): Entry | string {
    let entry = this.table.find(args.buf, args.start(0), args.end(0))
    if (entry === null) return `ERR unknown command '${args.shown(0)}'`
    if (entry.subcommands.length > 0 && args.count > 1) {
      const sub = this.table.findSubcommand(entry, args)
      if (sub === null) {
        return `ERR unknown subcommand '${args.shown(1)}'. Try ${entry.fullName.toUpperCase()} HELP.`
      }
      entry = sub
    }
    const arity = entry.arity
    if (arity > 0 ? args.count !== arity : args.count < -arity) {
      return `ERR wrong number of arguments for '${entry.fullName}' command`
    }
    return entry
  }
}
