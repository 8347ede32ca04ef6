/** What a key costs: resident memory of the process before and after a million keys with values of 64 bytes. */

import net from 'node:net'
import { ask, median, rss_bytes, start, stop, type Table, until } from './tools.js'

const KEYS = 1_000_000
const VALUE = 'x'.repeat(64)
const BATCH = 1000

/** Sets all keys through one connection. */
function fill(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let sent = 0
    let answered = 0
    const more = () => {
      let batch = ''
      for (let i = 0; i < BATCH; i++) {
        const key = `key:${String(sent++).padStart(12, '0')}`
        batch += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${VALUE.length}\r\n${VALUE}\r\n`
      }
      socket.write(batch)
    }
    socket.on('error', reject)
    socket.on('connect', more)
    socket.on('data', (bytes) => {
      answered += bytes.length
      if (answered >= KEYS * 5) {
        socket.destroy()
        resolve()
      } else if (answered >= sent * 5) more()
    })
  })
}

export async function memory(): Promise<Table> {
  const rows: string[][] = []
  for (const cluster of ['no', 'yes']) {
    const bytes: Record<string, number> = {}
    for (const engine of ['redis', 'shoal'] as const) {
      const { server } = await start(engine, '--save', '', '--appendonly', 'no', '--cluster-enabled', cluster)
      if (cluster === 'yes') {
        await ask(server.port, 'CLUSTER ADDSLOTSRANGE 0 16383')
        await until('the slots to be served', async () =>
          (await ask(server.port, 'CLUSTER INFO')).includes('cluster_state:ok'),
        )
      }
      const before = rss_bytes(server.process.pid!)
      await fill(server.port)
      const after: number[] = []
      for (let i = 0; i < 5; i++) {
        after.push(rss_bytes(server.process.pid!))
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      bytes[engine] = (median(after) - before) / KEYS
      await stop(server)
    }
    rows.push([
      cluster === 'yes' ? 'in a cluster' : 'alone',
      bytes['redis']!.toFixed(0),
      bytes['shoal']!.toFixed(0),
      (bytes['redis']! / bytes['shoal']!).toFixed(2),
    ])
  }
  return {
    title: 'Memory a key',
    note: 'Resident memory for a million keys of 16 bytes with values of 64 bytes, less what the empty process had, divided by the keys.',
    head: ['node', 'redis-server, bytes', 'shoal, bytes', 'ratio'],
    rows,
  }
}
