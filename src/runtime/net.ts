/**
 * Stream sockets as the server uses them. Node gives every read a buffer of its own; here all plain sockets of a node
 * read into one buffer that their owner hands in, and their owner must have taken what it needs when its callback
 * returns. For that a socket has to be made around the accepted handle, which Node does through the option `handle`
 * of net.Socket; where that should ever fail, and for TLS, the ordinary events carry the same bytes. What is sent to such a socket
 * goes to the same handle (direct.ts).
 */

import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { DirectWriting, type StreamHandle, type WriteRequest } from './direct.js'

/** What the owner of a socket hears. */
export interface LinkEvents {
  /** `buf[start, end)` has arrived. The bytes are the owner's until it returns. */
  data(buf: Uint8Array, start: number, end: number): void
  /** After a `send` that could not be carried out at once: everything has gone to the system. */
  drained(): void
  /** The other side sends nothing more, though it may still read. Without this the link then ends by itself. */
  ended?(): void
  /** The other side is gone, or the socket broke; comes once, last. */
  closed(reason: string): void
}

const NOTHING = new Uint8Array(0)

/** A connected socket. */
export class Link {
  readonly socket: net.Socket
  remoteAddress: string
  remotePort: number
  localAddress: string
  localPort: number
  private alive = true
  private draining = false
  private readonly onDrained: () => void
  /** Where what is sent goes past the stream: how, whereto, the next write's request, and how many have not ended. */
  private readonly direct: DirectWriting | null
  private handle: StreamHandle | null
  private request: WriteRequest | null = null
  private underWay = 0
  /** Something has gone through the stream (sendBuffered). */
  private buffers = false
  private readonly onWritten: (status: number) => void

  /** `direct`: what is sent goes to the handle itself where that can be had. Nothing else may then write to the socket. */
  constructor(
    socket: net.Socket,
    events: LinkEvents,
    direct: DirectWriting | null = null,
    isConnected = true,
  ) {
    this.socket = socket
    this.direct = direct
    this.handle = direct === null || !isConnected ? null : direct.handleOf(socket)
    this.onWritten = (status) => {
      this.underWay--
      if (status < 0) this.failed(status)
      else if (this.underWay === 0 && this.open) events.drained()
    }
    this.onDrained = () => {
      this.draining = false
      if (!this.open) return
      if (socket.writableLength > 0) this.awaitDrain()
      else events.drained()
    }
    this.remoteAddress = plainAddress(socket.remoteAddress)
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = plainAddress(socket.localAddress)
    this.localPort = socket.localPort ?? 0
    let reason = 'Connection closed by peer'
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('end', () => {
      if (events.ended === undefined) socket.end()
      else if (this.alive) events.ended()
    })
    socket.on('close', () => {
      this.alive = false
      events.closed(reason)
    })
  }

  /** From now on writes to the socket's handle, where nothing waits in the stream already. */
  writeDirectly(): void {
    if (this.direct !== null && this.socket.writableLength === 0)
      this.handle = this.direct.handleOf(this.socket)
  }

  /** Whether `send` goes to the handle now, past nothing that waits in the stream. */
  get isDirect(): boolean {
    return this.handle !== null && this.socket.writableLength === 0
  }

  get open(): boolean {
    return this.alive && !this.socket.destroyed
  }

  /** Bytes handed to `send` that the system has not taken. */
  get pendingBytes(): number {
    if (this.handle === null) return this.socket.writableLength
    const direct = this.underWay === 0 ? 0 : (this.handle.writeQueueSize ?? 0)
    // What the stream has handed to the handle counts in both.
    return this.buffers ? Math.max(direct, this.socket.writableLength) : direct
  }

  /**
   * Sends `buf[start, end)`. True where the system took all of it at once: then the bytes may be reused. Otherwise they
   * must stay as they are until `drained`.
   */
  send(buf: Uint8Array, start: number, end: number): boolean {
    if (!this.alive) return true
    const bytes = start === 0 && end === buf.length ? buf : buf.subarray(start, end)
    if (this.handle !== null) return this.sendDirectly(this.handle, bytes)
    this.socket.write(bytes)
    if (this.socket.writableLength === 0) return true
    this.awaitDrain()
    return false
  }

  /**
   * Sends `bytes` through the stream, which may be corked. They must stay as they are until they are gone. `send` may follow
   * only where `isDirect` holds, or it would overtake them.
   */
  sendBuffered(bytes: Uint8Array): void {
    this.buffers = true
    if (this.alive) this.socket.write(bytes)
  }

  private sendDirectly(handle: StreamHandle, bytes: Uint8Array): boolean {
    const direct = this.direct!
    const request = this.request ?? direct.request()
    const status = handle.writeBuffer(request, bytes)
    if (status === 0 && direct.isUnderWay) {
      // The request keeps the bytes alive until they are gone; the next write needs another.
      request.buffer = bytes
      request.oncomplete = this.onWritten
      this.request = null
      this.underWay++
      return false
    }
    this.request = request
    if (status < 0) this.failed(status)
    return true
  }

  private failed(status: number): void {
    if (!this.socket.destroyed) this.socket.destroy(new Error(`write ${getSystemErrorName(status)}`))
  }

  /** Node tells of a drain only where more was pending than its mark; what follows the bytes tells it always. */
  private awaitDrain(): void {
    if (this.draining) return
    this.draining = true
    this.socket.write(NOTHING, this.onDrained)
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Sends what is pending, then closes. */
  end(): void {
    if (this.alive) this.socket.destroySoon()
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy()
  }
}

export interface ListenOptions {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly backlog?: number
  readonly ipv6Only?: boolean
  /** Probes after so many seconds of silence; 0 for none. Asked for each connection. */
  readonly keepAlive_s?: () => number
  /** Hears, once it listens, of connections that could not be taken in. */
  readonly failed?: (error: Error) => void
}

interface Handled {
  _handle: unknown
}

/**
 * Listens and hands each connection to `accept`, which says what is to hear of it (null: close it). `buffer` is where
 * plain sockets read into.
 */
export function listen(
  options: ListenOptions,
  buffer: Uint8Array,
  accept: (make: (events: LinkEvents) => Link, socket: net.Socket) => void,
  direct: DirectWriting = new DirectWriting(),
): Promise<net.Server> {
  const server = net.createServer(
    // Half open, so that replies under way still reach a peer that has sent all it had to send.
    { pauseOnConnect: true, noDelay: true, allowHalfOpen: true },
    (accepted) => {
      accept((events) => adopt(accepted, buffer, direct, events, options.keepAlive_s?.() ?? 0), accepted)
    },
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const { failed: _, keepAlive_s: __, ...where } = options
    server.listen({ ...where, backlog: options.backlog ?? 511, exclusive: true }, () => {
      server.off('error', reject)
      server.on('error', (error) => options.failed?.(error))
      resolve(server)
    })
  })
}

function adopt(
  accepted: net.Socket,
  buffer: Uint8Array,
  direct: DirectWriting,
  events: LinkEvents,
  keepAlive_s: number,
): Link {
  const handle = (accepted as unknown as Handled)._handle
  let socket = accepted
  if (handle !== null && typeof handle === 'object') {
    ;(accepted as unknown as Handled)._handle = null
    const options = {
      handle,
      readable: true,
      writable: true,
      allowHalfOpen: true,
      onread: readInto(buffer, events),
    }
    socket = new net.Socket(options as unknown as net.SocketConstructorOpts)
  } else {
    accepted.on('data', (bytes: Uint8Array) => events.data(bytes, 0, bytes.length))
  }
  if (keepAlive_s > 0) socket.setKeepAlive(true, keepAlive_s * 1000)
  const link = new Link(socket, events, direct)
  socket.resume()
  return link
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly localAddress?: string
  readonly timeout_ms?: number
  /** Where the socket reads into; without it each read has a buffer of its own. */
  readonly buffer?: Uint8Array
  /** What is sent goes to the handle itself once the connection is up. */
  readonly direct?: DirectWriting
}

function readInto(buffer: Uint8Array, events: LinkEvents): net.OnReadOpts {
  return {
    buffer,
    callback: (count, buf) => {
      events.data(buf, 0, count)
      return true
    },
  }
}

/** Connects; events as for accepted sockets, `connected` once before any of them. */
export function connect(options: ConnectOptions, connected: (link: Link) => void, events: LinkEvents): Link {
  const { buffer } = options
  const socket = net.connect({
    host: options.host,
    port: options.port,
    noDelay: true,
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    ...(buffer === undefined ? {} : { onread: readInto(buffer, events) }),
  })
  const link = new Link(socket, events, options.direct ?? null, false)
  if (buffer === undefined) socket.on('data', (bytes: Uint8Array) => events.data(bytes, 0, bytes.length))
  else socket.resume()
  if (options.timeout_ms !== undefined) {
    const timer = setTimeout(() => {
      if (socket.connecting) socket.destroy(new Error('Connection timed out'))
    }, options.timeout_ms)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => clearTimeout(timer))
  }
  socket.once('connect', () => {
    link.remoteAddress = plainAddress(socket.remoteAddress)
    link.remotePort = socket.remotePort ?? 0
    link.localAddress = plainAddress(socket.localAddress)
    link.localPort = socket.localPort ?? 0
    link.writeDirectly()
    connected(link)
  })
  return link
}

/** IPv4 addresses as such, also where the socket is an IPv6 one. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
