/** A whole conversation over one raw socket: bytes in pieces there, all bytes back until the server closes. */

import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { latin1 } from './runner.js'

export interface RawOptions {
  /** Does not say that it has said all: waits for the server to close. */
  readonly stays?: boolean
  /** Begins to read only after so many milliseconds. */
  readonly readsAfter_ms?: number
}

/** Sends the pieces one after the other; returns what came back, as Latin-1. */
export function converse(
  port: number,
  pieces: readonly (Uint8Array | string)[],
  options: RawOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // A server that closes while we still send may reset the connection; what it said before counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(latin1(Buffer.concat(chunks))))
    socket.on('connect', async () => {
      if (options.readsAfter_ms !== undefined) {
        socket.pause()
        setTimeout(() => socket.resume(), options.readsAfter_ms)
      }
      for (const piece of pieces) {
        if (socket.destroyed || !socket.writable) return
        socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
        await setImmediate()
      }
      if (options.stays !== true) socket.end()
    })
  })
}

/** Cuts a text at the given places (any numbers; those beyond its end are ignored). */
export function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b)
  const pieces: string[] = []
  let from = 0
  for (const place of [...at, text.length]) {
    if (place > from) pieces.push(text.slice(from, place))
    from = place
  }
  return pieces
}
