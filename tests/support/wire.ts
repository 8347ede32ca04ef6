/**
 * A connection to a server that shows the replies' bytes as they come, for comparisons byte by byte. Commands may be
 * pipelined; `exchange` returns one reply for each.
 */

import { connect, type Socket } from 'node:net'
import { encodeCommand } from '../../src/resp/encode.js'
import { bytesOf, type Part } from './runner.js'

const CR = 0x0d
const LF = 0x0a

/** Where the reply that begins at `at` ends; -1 while it is not all there. */
export function replyEnd(buf: Buffer, at: number): number {
  const line = lineEnd(buf, at)
  if (line < 0) return -1
  const type = String.fromCharCode(buf[at]!)
  const length = Number(buf.toString('latin1', at + 1, line - 2))
  if ('$=!'.includes(type)) {
    if (length < 0) return line
    return line + length + 2 <= buf.length ? line + length + 2 : -1
  }
  if (!'*~>%|'.includes(type)) return line
  let end = line
  const elements = type === '%' || type === '|' ? length * 2 : length
  for (let i = 0; i < elements; i++) {
    end = replyEnd(buf, end)
    if (end < 0) return -1
  }
  return end
}

function lineEnd(buf: Buffer, at: number): number {
  for (let i = buf.indexOf(CR, at); i >= 0 && i + 1 < buf.length; i = buf.indexOf(CR, i + 1)) {
    if (buf[i + 1] === LF) return i + 2
  }
  return -1
}

export type Decoded = string | number | null | Decoded[]

/** A reply as values: statuses, errors (with their dash) and strings as strings, maps and sets as arrays. */
export function decode(reply: string): Decoded {
  return decodeAt(reply, 0)[0]
}

function decodeAt(reply: string, at: number): [Decoded, number] {
  const line = reply.indexOf('\r\n', at)
  const content = reply.slice(at + 1, line)
  const next = line + 2
  const type = reply[at]!
  if (type === ':') return [Number(content), next]
  if (type === '_' || content === '-1') return [null, next]
  if ('$=!'.includes(type)) return [reply.slice(next, next + Number(content)), next + Number(content) + 2]
  if (!'*~>%'.includes(type)) return [(type === '-' ? '-' : '') + content, next]
  const items: Decoded[] = []
  let end = next
  for (let left = Number(content) * (type === '%' ? 2 : 1); left > 0; left--) {
    const [item, after] = decodeAt(reply, end)
    items.push(item)
    end = after
  }
  return [items, end]
}

export class Wire {
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private chunks: Buffer[] = []
  private wake: () => void = () => {}
  private closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay()
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.wake()
    })
  }

  static open(port: number, host = '127.0.0.1'): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new Wire(socket)))
      socket.once('error', reject)
    })
  }

  send(...parts: readonly Part[]): void {
    this.socket.write(encodeCommand(parts.map(bytesOf)))
  }

  /** Sends all commands in one piece. */
  sendAll(commands: readonly (readonly Part[])[]): void {
    this.socket.cork()
    for (const command of commands) this.send(...command)
    this.socket.uncork()
  }

  /** The next reply, or message, as Latin-1 text. */
  async next(): Promise<string> {
    for (;;) {
      if (this.chunks.length > 0) {
        this.received = Buffer.concat([this.received, ...this.chunks])
        this.chunks = []
      }
      const end = this.received.length === 0 ? -1 : replyEnd(this.received, 0)
      if (end >= 0) {
        const reply = this.received.toString('latin1', 0, end)
        this.received = this.received.subarray(end)
        return reply
      }
      if (this.closed) throw new Error('the server has closed the connection')
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  /** Sends a command and returns its reply, as Latin-1 text. */
  async run(...parts: readonly Part[]): Promise<string> {
    this.send(...parts)
    return await this.next()
  }

  /** Sends all commands at once and returns their replies. */
  async exchange(commands: readonly (readonly Part[])[]): Promise<string[]> {
    this.sendAll(commands)
    const replies: string[] = []
    for (let i = 0; i < commands.length; i++) replies.push(await this.next())
    return replies
  }

  close(): void {
    this.socket.destroy()
  }
}
