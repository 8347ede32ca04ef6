import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { DirectWriting } from './direct.js'
import { connect, type Link, listen } from './net.js'

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

describe('a connection opened here', () => {
  it('keeps the order of what is sent directly and through the stream, to a peer that reads late', async () => {
    const packets = 6000
    const packet_bytes = 1000
    const received: Uint8Array[] = []
    let late: net.Socket | null = null
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      late = socket
      sockets.push(socket)
      socket.on('data', (bytes) => received.push(bytes))
    })
    servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as net.AddressInfo
    const link = await new Promise<Link>((connected) => {
      const options = { host: '127.0.0.1', port, buffer: new Uint8Array(1024), direct: new DirectWriting() }
      connect(options, connected, { data: () => {}, drained: () => {}, closed: () => {} })
    })
    sockets.push(link.socket)
    let directly = 0
    for (let i = 0; i < packets; i++) {
      const bytes = new Uint8Array(packet_bytes).fill(i & 0xff)
      // As the bus does: the first of a turn directly, the next ones corked.
      if (i % 3 === 0) await new Promise<void>((next) => setImmediate(next))
      if (i % 3 === 0 && link.isDirect) {
        directly++
        link.send(bytes, 0, bytes.length)
      } else if (i % 3 === 2) {
        link.socket.cork()
        link.sendBuffered(bytes)
        link.socket.uncork()
      } else {
        link.sendBuffered(bytes)
      }
      if (i === packets - 500) late!.resume()
    }
    await expect
      .poll(() => received.reduce((sum, { length }) => sum + length, 0))
      .toBe(packets * packet_bytes)
    const all = Buffer.concat(received)
    expect(directly).toBeGreaterThan(0)
    const disorder = all.findIndex((byte, at) => byte !== (Math.floor(at / packet_bytes) & 0xff))
    expect(disorder).toBe(-1)
    await expect.poll(() => link.pendingBytes).toBe(0)
  })

  it('hears what the peer sends, in the buffer that it was given, and that the peer has gone', async () => {
    const server = net.createServer((socket) => socket.end(pattern(5000)))
    servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as net.AddressInfo
    const buffer = new Uint8Array(1024)
    const heard: Uint8Array[] = []
    await new Promise<void>((gone) => {
      const data = (buf: Uint8Array, start: number, end: number) => {
        expect(buf.buffer).toBe(buffer.buffer)
        heard.push(buf.slice(start, end))
      }
      connect({ host: '127.0.0.1', port, buffer }, () => {}, {
        data,
        drained: () => {},
        closed: () => gone(),
      })
    })
    expect(Buffer.concat(heard)).toEqual(Buffer.from(pattern(5000)))
  })
})
