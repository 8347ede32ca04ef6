/**
 * One user's conversation with a server: the connection, what is known of its state (database, MULTI), commands
 * out, replies shown. Follows redirects in cluster mode by connecting to the other node, and connects again when
 * the connection is gone. What happens is redis-cli 7.2's, to the letter of its messages.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Connection,
  ConnectionError,
  errorOf,
  open,
  parseRedirect,
  type Reply,
} from '../../client/index.js'
import { Exit } from './exit.js'
import { type Delimiters, formatReply } from './format.js'
import type { Io } from './io.js'
import { hostText, type Options } from './options.js'
import { atoi, type Bytes, fromBytes, toBytes } from './text.js'

export class Session {
  readonly io: Io
  readonly options: Options
  connection: Connection | undefined
  /** Why the last one ended; shown once. */
  failure: ConnectionError | undefined
  interactive = false
  /** What to do when the user sends SYNC: the connection is a replica's from then on. */
  onSync: () => Promise<void> = async () => {}
  /** The database the connection has selected; options.db is the one that is wanted. */
  db = 0
  inMulti = false
  #dbBeforeMulti = 0
  /** Set by a redirect: the command goes out again, to another node. */
  #reissue = false
  #asking = false
  #shutdown = false
  /** MONITOR: replies come without being asked for, until interrupted. */
  #monitoring = false
  /** A channel has been subscribed to: messages come without being asked for, until RESET or an interrupt. */
  subscribed = false
  /** The protocol of the connection is RESP3. */
  #resp3 = false
  /** The command under way is confirmed by pushes, which therefore count as replies. */
  #confirmedByPushes = false
  #interrupted = false
  #last: Reply | undefined
  /** A read that was begun while the user might type, and is still to be taken. */
  #begun: Promise<Reply> | undefined

  constructor(io: Io, options: Options) {
    this.io = io
    this.options = options
  }

  get delimiters(): Delimiters {
    return { member: this.options.memberDelimiter, reply: this.options.replyDelimiter }
  }

  get prompt(): string {
    if (this.connection === undefined) return 'not connected> '
    const where = this.options.socket === undefined ? hostText(this.options) : `redis ${this.options.socket}`
    return `${where}${this.db === 0 ? '' : `[${this.db}]`}${this.inMulti ? '(TX)' : ''}${this.subscribed ? '(subscribed mode)' : ''}> `
  }

  print(text: Bytes): void {
    this.io.stdout.write(toBytes(text))
  }

  /** Waits while the reader of the output is slower than the server. */
  flushed(): Promise<void> {
    const { stdout } = this.io
    if (!stdout.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => stdout.once('drain', resolve))
  }

  complain(text: string): void {
    this.io.stderr.write(text)
  }

  /** Ctrl-C: ends MONITOR or the subscribed mode, and otherwise the program. True when it was for the former. */
  interrupt(): boolean {
    if (!this.#monitoring && !this.subscribed) return false
    this.#interrupted = true
    this.connection?.close()
    return true
  }

  /** Connects anew and introduces itself. A refused AUTH or SELECT is complained about and false, yet connected. */
  async connect(quiet = false): Promise<boolean> {
    this.connection?.close()
    this.connection = undefined
    this.db = 0
    this.inMulti = false
    this.subscribed = false
    this.#resp3 = false
    this.#begun = undefined
    const { options } = this
    const socket = this.#reissue && options.cluster ? undefined : options.socket
    const tls = options.tls.on ? (await import('./tls.js')).tlsOptions(options) : undefined
    if (typeof tls === 'string') {
      this.complain(`${tls}\n`)
      return false
    }
    try {
      this.connection = await open({
        host: options.host,
        port: options.port,
        ...(socket === undefined ? {} : { path: socket }),
        tls,
        prefers: options.prefers,
        connectTimeout_ms: 60_000,
      })
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      if (!quiet)
        this.complain(`Could not connect to Redis at ${socket ?? shownAddress(options)}: ${error.message}\n`)
      return false
    }
    return (await this.#authenticate()) && (await this.#select()) && (await this.#switchProtocol())
  }

  async #greet(...args: Bytes[]): Promise<string | undefined> {
    try {
      return errorOf(await this.connection!.call(...args.map(toBytes)))
    } catch {
      this.complain('\nI/O error\n')
      return 'I/O error'
    }
  }

  async #authenticate(): Promise<boolean> {
    const { user, password } = this.options
    if (password === undefined) return true
    const error = await this.#greet('AUTH', ...(user === undefined ? [] : [user]), password)
    if (error !== undefined && error !== 'I/O error') this.complain(`AUTH failed: ${error}\n`)
    return error === undefined
  }

  async #select(): Promise<boolean> {
    const { db } = this.options
    if (db === this.db) return true
    const error = await this.#greet('SELECT', String(db))
    if (error === undefined) this.db = db
    else if (error !== 'I/O error') this.complain(`SELECT ${db} failed: ${error}\n`)
    return error === undefined
  }

  async #switchProtocol(): Promise<boolean> {
    const { resp3, resp2 } = this.options
    if (resp3 === 'no' || resp2) return true
    const error = await this.#greet('HELLO', '3')
    this.#resp3 = error === undefined
    if (error !== undefined && error !== 'I/O error') this.complain(`HELLO 3 failed: ${error}\n`)
    return error === undefined || (resp3 === 'implied' && error !== 'I/O error')
  }

  /** Sends a command and shows its reply, as often as `repeat` says (for ever when negative). False: it could not be. */
  async issue(args: readonly Bytes[], repeat: number): Promise<boolean> {
    for (;;) {
      if (this.#reissue || this.connection === undefined) {
        if (!(await this.connect())) {
          this.#reissue = false
          return false
        }
      }
      this.#reissue = false
      if (this.#asking) {
        this.#asking = false
        const error = await this.#greet('ASKING')
        if (error !== undefined) {
          if (error !== 'I/O error') this.complain(`ASKING failed: ${error}\n`)
          return false
        }
      }
      if (!(await this.#send(args, repeat))) {
        this.complainOfConnection()
        this.connection?.close()
        this.connection = undefined
        return false
      }
      if (!(this.options.cluster && this.#reissue)) return true
    }
  }

  complainOfConnection(): void {
    if (this.connection !== undefined) this.complain(`Error: ${this.failure?.message ?? ''}\n`)
  }

  async #send(args: readonly Bytes[], repeat: number): Promise<boolean> {
    const words = args.map((arg) => arg.toLowerCase())
    const [command] = words
    const verbatim = isVerbatim(words)
    if (command === 'shutdown') this.#shutdown = true
    const bytes = args.map(toBytes)
    for (let left = repeat; left !== 0; left--) {
      this.connection!.write(bytes)
      if (command === 'monitor') return this.#monitor(verbatim)
      if (command === 'sync' || command === 'psync') {
        this.print('Entering replica output mode...  (press Ctrl-C to quit)\n')
        await this.onSync()
        return false
      }
      if (!(await this.#showReplies(words, verbatim))) return false
      await this.#track(words)
      if (this.#reissue) break
      if (this.options.interval_ms > 0) await sleep(this.options.interval_ms)
      if (this.connection === undefined) return true // SHUTDOWN
    }
    return true
  }

  /** Replies for as long as they come: until an error, or Ctrl-C, which connects anew. */
  async #monitor(verbatim: boolean): Promise<boolean> {
    this.#monitoring = true
    try {
      while (this.#monitoring) {
        if (!(await this.showReply(verbatim))) this.#giveUp()
        if (this.#last?.kind === 'error') this.#monitoring = false
        await this.flushed()
      }
    } finally {
      this.#monitoring = false
    }
    return true
  }

  /** Shows messages for as long as they come, or until Ctrl-C, which connects anew. */
  async showMessages(): Promise<void> {
    while (this.subscribed) await this.showMessage()
  }

  async showMessage(): Promise<void> {
    if (!(await this.showReply())) this.#giveUp()
    await this.flushed()
  }

  #giveUp(): never {
    this.complainOfConnection()
    throw new Exit(1)
  }

  /**
   * Shows what comes up to the reply of the command that was sent. (P|S)(UN)SUBSCRIBE is confirmed by one message a
   * channel, in RESP3 by pushes, and messages of channels subscribed to earlier may come in between.
   */
  async #showReplies(words: readonly string[], verbatim: boolean): Promise<boolean> {
    const command = words[0]!
    const subscribes = /^[ps]?subscribe$/.test(command)
    this.#confirmedByPushes = subscribes || /^[ps]?unsubscribe$/.test(command)
    let expected = this.#confirmedByPushes ? Math.max(1, words.length - 1) : 0
    try {
      for (;;) {
        if (!(await this.showReply(verbatim))) return false
        await this.flushed()
        if (!this.subscribed && expected === 0) return true
        const last = this.#last!
        if (!isMessage(last, this.#resp3)) {
          if (last.kind === 'push') continue
          return true
        }
        if (expected === 0 || nameOf(last) !== command) continue
        if (subscribes) this.subscribed = true
        if (--expected === 0) return true
      }
    } finally {
      this.#confirmedByPushes = false
    }
  }

  /** Resolves when there is something to show, or the connection has ended. */
  async arrival(): Promise<void> {
    this.#begun ??= this.connection!.read()
    await this.#begun.catch(() => {})
  }

  /** The next reply, or undefined when the connection failed (then `failure` is why). Pushes are shown on the way. */
  async readReply(): Promise<Reply | undefined> {
    try {
      for (;;) {
        const begun = this.#begun ?? this.connection!.read()
        this.#begun = undefined
        const reply = await begun
        if (reply.kind !== 'push' || this.subscribed || this.#confirmedByPushes) return reply
        if (this.options.pushes) this.#showPush(reply)
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.failure = error
      return undefined
    }
  }

  /** Reads a reply and shows it. False: the connection is lost (where that is not the end of the program). */
  async showReply(verbatim = false): Promise<boolean> {
    const { options } = this
    const reply = await this.readReply()
    if (reply === undefined) return this.#lost()
    this.#last = reply
    const error = errorOf(reply)
    if (error !== undefined && options.cluster && this.#redirect(error)) return true
    if (reply.kind === 'error' && !this.interactive && options.errorCode) {
      this.io.stderr.write(reply.bytes)
      this.complain('\n')
      throw new Exit(1)
    }
    this.print(formatReply(reply, options.output, this.delimiters, verbatim))
    return true
  }

  async #lost(): Promise<boolean> {
    if (this.#interrupted) {
      this.#interrupted = false
      this.#monitoring = false
      return this.connect()
    }
    if (this.#shutdown) {
      this.#shutdown = false
      this.connection = undefined
      return true
    }
    if (this.interactive && this.failure?.code !== 'PROTOCOL') return false
    this.complainOfConnection()
    throw new Exit(1)
  }

  #redirect(error: string): boolean {
    const redirect = parseRedirect(error)
    if (redirect === undefined) return false
    const { options } = this
    // An empty host means the node that answered.
    if (redirect.to.host !== '') options.host = redirect.to.host
    options.port = redirect.to.port
    if (this.interactive) {
      this.print(`-> Redirected to slot [${redirect.slot}] located at ${options.host}:${options.port}\n`)
    }
    this.#reissue = true
    if (redirect.kind === 'ASK') this.#asking = true
    return true
  }

  #showPush(reply: Reply & { kind: 'push' | 'array' | 'set' | 'map' }): void {
    const [what, keys] = reply.items
    const invalidated = what?.kind === 'bulk' && fromBytes(what.bytes).startsWith('invalidate')
    if (
      this.options.output === 'standard' &&
      invalidated &&
      reply.items.length === 2 &&
      keys?.kind === 'array'
    ) {
      const names = keys.items.map((key) => ('bytes' in key ? `'${fromBytes(key.bytes)}'` : ''))
      this.print(`-> invalidate: ${names.join(', ')}\n`)
    } else {
      this.print(formatReply(reply, this.options.output, this.delimiters))
    }
  }

  /** Some commands change what the prompt shows. */
  async #track(words: readonly string[]): Promise<void> {
    const [command] = words
    const kind = this.#last?.kind
    const refused = kind === 'error'
    const alone = words.length === 1
    const forget = () => {
      this.inMulti = false
      this.options.db = this.db = this.#dbBeforeMulti
    }
    if (command === 'select' && words.length === 2 && !refused) this.options.db = this.db = atoi(words[1]!)
    else if (command === 'auth' && (words.length === 2 || words.length === 3)) await this.#select()
    else if (command === 'multi' && alone && !refused) {
      this.inMulti = true
      this.#dbBeforeMulti = this.db
    } else if (command === 'exec' && alone && this.inMulti) {
      if (refused || kind === 'nil') forget()
      this.inMulti = false
    } else if (command === 'discard' && alone && !refused) forget()
    else if (command === 'reset' && alone && !refused) {
      this.inMulti = false
      this.options.db = this.db = 0
      this.options.resp3 = 'no'
      this.#resp3 = false
      this.subscribed = false
    } else if (command === 'hello') {
      if (kind === 'map') this.#resp3 = true
      else if (kind === 'array') this.#resp3 = false
    }
  }

  close(): void {
    this.connection?.close()
    this.connection = undefined
  }
}

function shownAddress(options: Options): string {
  return `${options.host}:${options.port}`
}

/** What a message says it is: `message`, `subscribe`, …; '' for what is none. */
function nameOf(reply: Reply): string {
  if (!('items' in reply)) return ''
  const first = reply.items[0]
  return first?.kind === 'bulk' ? fromBytes(first.bytes) : ''
}

/** Whether a reply is a published message, or confirms a subscription or its end. */
function isMessage(reply: Reply, resp3: boolean): boolean {
  if (reply.kind !== (resp3 ? 'push' : 'array') || reply.items.length < 3) return false
  return /(message|subscribe)$/.test(nameOf(reply))
}

/** Texts for people, which are shown as they are. */
function isVerbatim(words: readonly string[]): boolean {
  const [command, sub = ''] = words
  const count = words.length
  switch (command) {
    case 'info':
    case 'lolwut':
      return true
    case 'debug':
      return count >= 2 && ['htstats', 'htstats-key', 'client-eviction'].includes(sub)
    case 'memory':
      return count >= 2 && ['malloc-stats', 'doctor'].includes(sub)
    case 'cluster':
      return count === 2 && ['nodes', 'info'].includes(sub)
    case 'client':
      return count >= 2 && ['list', 'info'].includes(sub)
    case 'latency':
      return (count === 3 && sub === 'graph') || (count === 2 && sub === 'doctor')
    case 'proxy':
      return count >= 2 && sub === 'info'
    default:
      return false
  }
}
