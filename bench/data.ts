/** Data that measurements need: commands as a generator makes them, sent on one connection. */

import net from 'node:net'

export const ELEMENTS_A_COMMAND = 100
const BATCH_BYTES = 64 * 1024

/** The digits that redis-benchmark puts in the place of `__rand_int__`. */
export const pad = (i: number) => String(i).padStart(12, '0')

/** A number below `below` that looks like any, but is the same in every run. */
export const scattered = (i: number, below: number) => (Math.imul(i + 1, 0x9e3779b1) >>> 0) % below

/** Commands that put `count` elements into one key, many a command. */
export function* many(
  command: string,
  key: string,
  count: number,
  element: (i: number) => readonly string[],
  atOnce = ELEMENTS_A_COMMAND,
): Generator<readonly string[]> {
  for (let i = 0; i < count; i += atOnce) {
    const parts = [command, key]
    for (let j = i; j < Math.min(count, i + atOnce); j++) parts.push(...element(j))
    yield parts
  }
}

const LINE_END = 0x0a
const DOLLAR = 0x24

/** Sends all commands and waits for as many replies, each of one line or a bulk string without line ends. */
export function send(port: number, commands: Iterable<readonly string[]>): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    const rest = commands[Symbol.iterator]()
    let due = 0
    let done = false
    /** The first byte of the line that is being read, 0 at its beginning. */
    let first = 0
    const more = () => {
      let batch = ''
      while (batch.length < BATCH_BYTES) {
        const { value, done: over } = rest.next()
        if (over === true) {
          done = true
          break
        }
        due++
        batch += `*${value.length}\r\n${value.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`
      }
      if (batch !== '') socket.write(batch)
    }
    socket.on('error', reject)
    socket.on('connect', more)
    socket.on('data', (bytes) => {
      if (bytes[0] === 0x2d) reject(new Error(bytes.toString('latin1')))
      for (const byte of bytes) {
        if (first === 0) first = byte
        if (byte !== LINE_END) continue
        // The string itself is still to come.
        if (first !== DOLLAR) due--
        first = 0
      }
      if (due > 0) return
      if (!done) more()
      if (due > 0) return
      socket.destroy()
      resolve()
    })
  })
}
