import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'
import { cut } from '../../tests/support/raw.js'
import { bytesOf, latin1 } from '../../tests/support/runner.js'
import type { Link, LinkEvents } from '../runtime/net.js'
import { PendingBuffers } from './input.js'

let running: RunningNode

beforeAll(async () => {
  running = await open()
})
afterAll(() => running.stop())

/** A connection without a socket: pieces go in through the node's one buffer, as a socket's do. */
class Connection {
  replies = ''
  private events!: LinkEvents

  constructor() {
    const link = {
      open: true,
      pendingBytes: 0,
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      localAddress: '127.0.0.1',
      localPort: 1,
      send: (buf: Uint8Array, start: number, end: number) => {
        this.replies += latin1(buf.subarray(start, end))
        return true
      },
      pause: () => {},
      resume: () => {},
    }
    running.node.clients.accept(
      (events) => {
        this.events = events
        return link as unknown as Link
      },
      (client) => running.node.newClient(client),
    )
  }

  hear(piece: string): void {
    const { node } = running
    const bytes = bytesOf(piece)
    node.readBuffer.set(bytes)
    this.events.data(node.readBuffer, 0, bytes.length)
    node.turn.end()
  }

  close(): void {
    this.events.closed('')
  }
}

const encode = (words: readonly string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

const commands = (id: number) => {
  const key = fc.nat(3).map((n) => `${id}:${n}`)
  const value = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => text.replace(/[^ -~]/g, '.')),
    fc
      .tuple(fc.integer({ min: 500, max: 9000 }), fc.constantFrom('a', 'b'))
      .map(([n, letter]) => letter.repeat(n)),
  )
  return fc.array(
    fc.oneof(
      fc.tuple(fc.constant('SET'), key, value),
      fc.tuple(fc.constant('GET'), key),
      fc.tuple(fc.constant('APPEND'), key, value),
      fc.tuple(fc.constant('RPUSH'), fc.constant(`${id}:list`), value, value),
      fc.tuple(fc.constant('LRANGE'), fc.constant(`${id}:list`), fc.constant('-3'), fc.constant('-1')),
      fc.constantFrom(['MULTI'], ['EXEC']),
    ),
    { minLength: 1, maxLength: 12 },
  )
}

const CLIENTS = 5
/** No piece is longer than the buffer that it is read into. */
const WHOLE = [50_000, 100_000, 150_000, 200_000]

test('clients whose commands come in pieces, in turns, are answered as if each came whole', () => {
  const cases = fc.tuple(
    ...Array.from({ length: CLIENTS }, (_, id) =>
      fc.tuple(commands(id), fc.array(fc.nat(60_000), { maxLength: 12 })),
    ),
  )
  fc.assert(
    fc.property(cases, fc.array(fc.nat(CLIENTS - 1), { maxLength: 80 }), (clients, order) => {
      const texts = clients.map(([lines]) => lines.map((line) => encode(line as string[])).join(''))
      const converse = (pieces: readonly string[][], turns: readonly number[]) => {
        running.node.keyspace.flushAll()
        const connections = pieces.map(() => new Connection())
        const left = pieces.map((all) => [...all])
        const step = (id: number) => {
          const piece = left[id]!.shift()
          if (piece !== undefined) connections[id]!.hear(piece)
        }
        for (const id of turns) step(id)
        for (const id of left.keys()) while (left[id]!.length > 0) step(id)
        for (const connection of connections) connection.close()
        return connections.map(({ replies }) => replies)
      }
      const whole = converse(
        texts.map((text) => cut(text, WHOLE)),
        [],
      )
      const inPieces = converse(
        texts.map((text, id) => cut(text, [...clients[id]![1], ...WHOLE])),
        order,
      )
      expect(inPieces).toEqual(whole)
    }),
    { numRuns: 300 },
  )
})

test('a buffer is lent to one client at a time, and only those of the common size come back', () => {
  const buffers = new PendingBuffers()
  const first = buffers.take(1024)
  const second = buffers.take(1024)
  expect(second).not.toBe(first)
  buffers.giveBack(first)
  expect(buffers.take(first.length)).toBe(first)
  const large = buffers.take(first.length + 1)
  buffers.giveBack(large)
  expect(buffers.take(large.length)).not.toBe(large)
})
