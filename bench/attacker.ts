/** A raw connection for hostile input: sends any bytes, and knows what came back without keeping more than its ends. */

import net from 'node:net'

const KEPT_BYTES = 4096
const PIECE_BYTES = 1024 * 1024

export class Attacker {
  /** Bytes that came back. */
  heard = 0
  /** The first of them, as Latin-1. */
  head = ''
  /** The last of them. */
  tail = ''
  closed = false
  private readonly socket: net.Socket
  private wake: () => void = () => {}
  private sent: () => void = () => {}

  /** `reads`: whether it reads what comes back. */
  private constructor(socket: net.Socket, reads: boolean) {
    this.socket = socket
    if (reads) socket.on('data', (bytes: Buffer) => this.hear(bytes))
    else socket.pause()
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.wake()
      this.sent()
    })
  }

  static open(port: number, reads = true): Promise<Attacker> {
    return new Promise((resolve) => {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
      const attacker = new Attacker(socket, reads)
      socket.once('connect', () => resolve(attacker))
      socket.once('close', () => resolve(attacker))
    })
  }

  private hear(bytes: Buffer): void {
    this.heard += bytes.length
    if (this.head.length < KEPT_BYTES)
      this.head += bytes.subarray(0, KEPT_BYTES - this.head.length).toString('latin1')
    this.tail = (this.tail + bytes.subarray(-KEPT_BYTES).toString('latin1')).slice(-KEPT_BYTES)
    this.wake()
  }

  /** Sends bytes; resolves when the system has taken them, or the connection is closed. Only the last call is waited for. */
  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed) {
        resolve()
        return
      }
      this.sent = resolve
      this.socket.write(bytes, () => resolve())
    })
  }

  /** Sends `count` bytes, all `x`, in pieces. */
  async sendFill(count: number): Promise<void> {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, count), 'x')
    for (let left = count; left > 0 && !this.closed; left -= piece.length) {
      await this.send(left >= piece.length ? piece : piece.subarray(0, left))
    }
  }

  /** Until `condition` is true of what came back, or the connection is closed. */
  async until(condition: () => boolean): Promise<void> {
    while (!this.closed && !condition()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  /** Sends a command and waits for the end of `lines` lines of reply; returns what came back since. */
  async ask(command: string, lines = 1): Promise<string> {
    const from = this.heard
    this.tail = ''
    void this.send(`${command}\r\n`)
    await this.until(() => this.heard > from && this.tail.split('\r\n').length > lines)
    return this.tail
  }

  end(): void {
    this.socket.destroy()
  }
}
