import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { DirectWriting } from './direct.js'
import { type Link, listen } from './net.js'

const BYTES = 8 * 1024 * 1024
const sockets: net.Socket[] = []
const servers: net.Server[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

interface Heard {
  pieces: Uint8Array[]
  drained: number
  reason: Promise<string>
}

/** A connection: its end at the server, what that end heard, and the client's end. */
async function connection(direct: DirectWriting): Promise<{ link: Link; heard: Heard; client: net.Socket }> {
  const heard: Heard = { pieces: [], drained: 0, reason: Promise.resolve('') }
  let taken: (link: Link) => void
  const accepted = new Promise<Link>((resolve) => {
    taken = resolve
  })
  const server = await listen(
    { host: '127.0.0.1', port: 0 },
    new Uint8Array(1024),
    (make) => {
      heard.reason = new Promise((closed) => {
        taken(
          make({
            data: (buf, start, end) => heard.pieces.push(buf.slice(start, end)),
            drained: () => heard.drained++,
            closed,
          }),
        )
      })
    },
    direct,
  )
  servers.push(server)
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  sockets.push(client)
  return { link: await accepted, heard, client }
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 12)) & 0xff)
}

async function read(client: net.Socket, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let at = 0
  for await (const piece of client.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    bytes.set(piece, at)
    at += piece.length
    if (at >= length) break
  }
  return bytes
}

it('finds what it needs in this Node', async () => {
  const { link } = await connection(new DirectWriting())
  expect(new DirectWriting().handleOf(link.socket)).not.toBeNull()
})

/** What was sent through one end, and arrived. */
function arrived(heard: Heard): Buffer {
  return Buffer.concat(heard.pieces)
}

describe.each([
  ['past the stream', () => new DirectWriting()],
  ['through the stream, where Node has no such handles', () => new DirectWriting(null)],
])('a link, %s', (_, make) => {
  it('takes little at once, in order', async () => {
    const { link, heard, client } = await connection(make())
    const bytes = pattern(1000)
    for (let i = 0; i < 1000; i += 100) expect(link.send(bytes, i, i + 100)).toBe(true)
    expect(link.pendingBytes).toBe(0)
    expect(await read(client, 1000)).toEqual(bytes)
    expect(heard.drained).toBe(0)
  })

  it('tells when much has gone that the other side did not read at once, also of what was sent behind it', async () => {
    const { link, heard, client } = await connection(make())
    client.pause()
    const bytes = pattern(BYTES)
    expect(link.send(bytes, 0, BYTES - 10)).toBe(false)
    expect(link.pendingBytes).toBeGreaterThan(0)
    expect(link.send(bytes, BYTES - 10, BYTES)).toBe(false)
    expect(heard.drained).toBe(0)
    expect(Buffer.compare(await read(client, BYTES), bytes)).toBe(0)
    await expect.poll(() => heard.drained).toBe(1)
    expect(link.pendingBytes).toBe(0)
    expect(link.send(bytes, 0, 10)).toBe(true)
  })

  it('sends what is pending before it ends', async () => {
    const { link, heard, client } = await connection(make())
    const bytes = pattern(BYTES)
    expect(link.send(bytes, 0, BYTES)).toBe(false)
    link.end()
    expect(Buffer.compare(await read(client, BYTES), bytes)).toBe(0)
    client.destroy()
    expect(await heard.reason).toBe('Connection closed by peer')
  })

  it('hears that the other side is gone, and then sends nothing more', async () => {
    const { link, heard, client } = await connection(make())
    const bytes = pattern(BYTES)
    link.send(bytes, 0, BYTES)
    client.resetAndDestroy()
    expect(await heard.reason).toMatch(/ECONNRESET|EPIPE/)
    expect(link.open).toBe(false)
    expect(link.send(bytes, 0, 10)).toBe(true)
    expect(link.pendingBytes).toBeTypeOf('number')
  })

  it('hears what comes, in order, also after a pause, and then the end', async () => {
    const { link, heard, client } = await connection(make())
    const bytes = pattern(100_000)
    client.write(bytes.subarray(0, 50_000))
    await expect.poll(() => arrived(heard).length).toBe(50_000)
    link.pause()
    client.write(bytes.subarray(50_000))
    client.end()
    link.resume()
    await heard.reason
    expect(Buffer.compare(arrived(heard), bytes)).toBe(0)
  })

  it('bears being used between destroying and hearing of it', async () => {
    const { link, heard } = await connection(make())
    link.destroy()
    expect(() => link.send(pattern(10), 0, 10)).not.toThrow()
    expect(await heard.reason).toBe('Connection closed by peer')
  })
})
