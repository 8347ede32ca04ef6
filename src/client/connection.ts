/**
 * One connection to one server: bytes out in the order of the calls, replies in in the same order. What is
 * written within one turn of the event loop leaves in one piece (a pipeline), without Nagle's delay.
 *
 * Two layers in one object: `write` and `read` are the wire (the prompt uses them for MONITOR and SUBSCRIBE,
 * where one command has many replies), `call` is a write and the read that belongs to it. A server's error is a
 * reply like any other; a promise is rejected, with a ConnectionError, only when the connection fails.
 */

import { lookup } from 'node:dns'
import { connect as connectSocket, type LookupFunction, type Socket } from 'node:net'
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls'
import { type Argument, encodeCommand } from './command.js'
import { feed, nextReply, type ReplyReader, replyReader, takeRest } from './reader.js'
import { errorOf, type Reply } from './reply.js'

/** Reads that may wait for their replies at once. */
export const CONNECTION_WAITING_MAX = 1_000_000
/** Replies that nobody has asked for yet; beyond this the socket is not read, so the server waits. */
export const CONNECTION_INBOX_MAX = 10_000
export const CONNECT_TIMEOUT_MS = 10_000
const KEEPALIVE_MS = 15_000

export interface Address {
  readonly host: string
  readonly port: number
}

export interface OpenOptions {
  readonly host?: string
  readonly port?: number
  /** A unix socket, instead of host and port. */
  readonly path?: string
  /** Addresses of this family are tried first when a host name has several. */
  readonly prefers?: 4 | 6 | undefined
  /** TLS options of Node; `{}` for the defaults. */
  readonly tls?: TlsConnectionOptions | undefined
  readonly connectTimeout_ms?: number
  /** A reply that takes longer fails the connection. 0, the default, waits for ever. */
  readonly replyTimeout_ms?: number
  /** Takes RESP3 pushes; without it they come through `read` like any reply. */
  readonly onPush?: (push: Reply) => void
}

export interface ConnectOptions extends OpenOptions {
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly db?: number
  readonly protocol?: 2 | 3
  /** Shown in CLIENT LIST. */
  readonly name?: string
  /** Sends READONLY: a replica then answers reads of its master's slots. */
  readonly readonly?: boolean
}

/** Why a connection failed. `code` is the system's (ECONNREFUSED …), or EOF, PROTOCOL, TIMEOUT, BUSY, REPLY, CLOSED. */
export class ConnectionError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'ConnectionError'
    this.code = code
  }
}

interface Waiter {
  resolve(reply: Reply): void
  reject(error: ConnectionError): void
  timer: NodeJS.Timeout | undefined
}

export class Connection {
  readonly #socket: Socket
  readonly #reader: ReplyReader = replyReader()
  readonly #replyTimeout_ms: number
  /** Waiting reads, oldest at #firstWaiter: shifting a long array costs its length, an index costs nothing. */
  #waiters: Waiter[] = []
  #firstWaiter = 0
  #inbox: Reply[] = []
  #firstInbox = 0
  #corked = false
  #error: ConnectionError | undefined
  onPush: ((push: Reply) => void) | undefined
  /** Called once, when the connection is over for whatever reason. */
  onClose: ((error: ConnectionError) => void) | undefined

  /** For `open`; the socket is connected already. */
  constructor(socket: Socket, options: OpenOptions) {
    this.#socket = socket
    this.#replyTimeout_ms = options.replyTimeout_ms ?? 0
    this.onPush = options.onPush
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk))
    socket.on('end', () => this.#fail(new ConnectionError('EOF', 'Server closed the connection')))
    socket.on('close', () => this.#fail(new ConnectionError('EOF', 'Server closed the connection')))
    socket.on('error', (error) => this.#fail(systemError(error)))
  }

  /** Why this connection is over, or undefined while it is not. */
  get error(): ConnectionError | undefined {
    return this.#error
  }

  /** The reads that still wait. */
  get waiting(): number {
    return this.#waiters.length - this.#firstWaiter
  }

  /** Sends a command; its reply is the caller's to read. */
  write(args: readonly Argument[]): void {
    this.writeRaw(encodeCommand(args))
  }

  /** Sends bytes as they are. False: the socket's buffer is full, wait for `drained`. */
  writeRaw(bytes: Uint8Array): boolean {
    if (this.#error !== undefined) return true
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    return this.#socket.write(bytes)
  }

  /** Resolves when the socket's buffer has room again (or the connection is over). */
  drained(): Promise<void> {
    if (this.#error !== undefined || !this.#socket.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('drain', done)
        this.#socket.off('close', done)
        resolve()
      }
      this.#socket.once('drain', done)
      this.#socket.once('close', done)
    })
  }

  /** The next reply. Rejected with a ConnectionError when the connection ends first. */
  read(): Promise<Reply> {
    if (this.#firstInbox < this.#inbox.length) {
      const reply = this.#inbox[this.#firstInbox++]!
      if (this.#firstInbox === this.#inbox.length) {
        this.#inbox = []
        this.#firstInbox = 0
        if (this.#socket.isPaused()) this.#socket.resume()
      }
      return Promise.resolve(reply)
    }
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.waiting >= CONNECTION_WAITING_MAX) {
      return Promise.reject(new ConnectionError('BUSY', 'Too many commands wait for their replies'))
    }
    return new Promise((resolve, reject) => {
      const limit = this.#replyTimeout_ms
      const timer = limit > 0 ? setTimeout(() => this.#timeOut(limit), limit) : undefined
      this.#waiters.push({ resolve, reject, timer })
    })
  }

  /** Sends a command and gives its reply. */
  call(...args: readonly Argument[]): Promise<Reply> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    this.write(args)
    return this.read()
  }

  /** Sends many commands in one piece; the replies in their order. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    return Promise.all(commands.map((args) => this.call(...args)))
  }

  /** Gives the socket away, with what had arrived and was not read yet. This object is over then. */
  takeOver(): { readonly socket: Socket; readonly rest: Uint8Array } {
    for (const event of ['data', 'end', 'close', 'error']) this.#socket.removeAllListeners(event)
    this.#socket.pause()
    this.#error = new ConnectionError('CLOSED', 'The connection was given away')
    return { socket: this.#socket, rest: takeRest(this.#reader) }
  }

  /** Ends the connection; what waits is rejected. */
  close(): void {
    this.#fail(new ConnectionError('CLOSED', 'The connection was closed'))
  }

  #receive(chunk: Uint8Array): void {
    feed(this.#reader, chunk)
    while (this.#error === undefined) {
      const read = nextReply(this.#reader)
      if (read.state === 'more') return
      if (read.state === 'broken') this.#fail(new ConnectionError('PROTOCOL', read.reason))
      else this.#deliver(read.reply)
    }
  }

  #deliver(reply: Reply): void {
    if (reply.kind === 'push' && this.onPush !== undefined) {
      this.onPush(reply)
      return
    }
    const waiter = this.#waiters[this.#firstWaiter]
    if (waiter === undefined) {
      this.#inbox.push(reply)
      if (this.#inbox.length - this.#firstInbox >= CONNECTION_INBOX_MAX) this.#socket.pause()
      return
    }
    if (++this.#firstWaiter === this.#waiters.length) {
      this.#waiters = []
      this.#firstWaiter = 0
    }
    clearTimeout(waiter.timer)
    waiter.resolve(reply)
  }

  #timeOut(limit_ms: number): void {
    this.#fail(new ConnectionError('TIMEOUT', `No reply within ${limit_ms} milliseconds`))
  }

  #fail(error: ConnectionError): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#socket.destroy()
    const waiters = this.#waiters.slice(this.#firstWaiter)
    this.#waiters = []
    this.#firstWaiter = 0
    for (const waiter of waiters) {
      clearTimeout(waiter.timer)
      waiter.reject(error)
    }
    this.onClose?.(error)
  }
}

/** Connects, and says nothing yet: no AUTH, no HELLO. Rejects with a ConnectionError. */
export async function open(options: OpenOptions): Promise<Connection> {
  const socket = await openSocket(options)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEPALIVE_MS)
  return new Connection(socket, options)
}

/** A look-up of host names that puts addresses of one family before the others. */
export function preferring(family: 4 | 6): LookupFunction {
  return (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      addresses.sort((a, b) => Number(b.family === family) - Number(a.family === family))
      if (options.all === true) return done(null, addresses)
      return done(null, addresses[0]!.address, addresses[0]!.family)
    })
  }
}

async function openSocket(options: OpenOptions): Promise<Socket> {
  const target =
    options.path === undefined
      ? {
          host: options.host ?? '127.0.0.1',
          port: options.port ?? 6379,
          ...(options.prefers === undefined ? {} : { lookup: preferring(options.prefers) }),
        }
      : { path: options.path }
  const tls = options.tls === undefined ? undefined : await import('node:tls')
  return new Promise((resolve, reject) => {
    let socket: Socket
    try {
      socket = tls === undefined ? connectSocket(target) : tls.connect({ ...target, ...options.tls })
    } catch (error) {
      return reject(systemError(error)) // a port out of range
    }
    const limit = options.connectTimeout_ms ?? CONNECT_TIMEOUT_MS
    const timer = setTimeout(() => fail(new ConnectionError('TIMEOUT', 'Connection timed out')), limit)
    const fail = (error: unknown) => {
      clearTimeout(timer)
      socket.destroy()
      reject(systemError(error))
    }
    socket.once('error', fail)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Connects and introduces itself: HELLO or AUTH, SELECT, name. A refusal rejects with code REPLY and the server's text. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const connection = await open(options)
  const greeting = greetingOf(options)
  if (greeting.length === 0) return connection
  const replies = await connection.pipeline(greeting)
  for (const reply of replies) {
    const error = errorOf(reply)
    if (error === undefined) continue
    connection.close()
    throw new ConnectionError('REPLY', error)
  }
  return connection
}

function greetingOf(options: ConnectOptions): Argument[][] {
  const { username, password, protocol, name, db } = options
  const out: Argument[][] = []
  if (password !== undefined)
    out.push(username === undefined ? ['AUTH', password] : ['AUTH', username, password])
  if (protocol === 3) out.push(['HELLO', 3])
  if (name !== undefined) out.push(['CLIENT', 'SETNAME', name])
  if (db !== undefined && db !== 0) out.push(['SELECT', db])
  if (options.readonly === true) out.push(['READONLY'])
  return out
}

/** The words of strerror(3) for what a connection meets; users know them from every other client. */
const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ENOTSOCK: 'Socket operation on non-socket',
  EMFILE: 'Too many open files',
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
  ERR_SOCKET_BAD_PORT: 'Servname not supported for ai_socktype',
}

function systemError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error
  const code = codeOf(error)
  const text = SYSTEM_TEXTS[code] ?? (error instanceof Error ? error.message : String(error))
  return new ConnectionError(code, text)
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}
