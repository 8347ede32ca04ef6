/** From exec to the first PONG, and what an idle node keeps. */

import { type Engine, median, rss_bytes, start, stop, type Table } from './tools.js'

export async function starting(rounds: number): Promise<Table> {
  const pong: Record<Engine, number[]> = { redis: [], shoal: [] }
  const idle: Record<Engine, number[]> = { redis: [], shoal: [] }
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['redis', 'shoal'] as const) {
      const { server, firstPong_ms } = await start(engine, '--save', '', '--appendonly', 'no')
      pong[engine].push(firstPong_ms)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      idle[engine].push(rss_bytes(server.process.pid!) / 1e6)
      await stop(server)
    }
  }
  const both = (name: string, of: Record<Engine, number[]>, unit: string) => [
    name,
    `${median(of.redis).toFixed(0)} ${unit}`,
    `${median(of.shoal).toFixed(0)} ${unit}`,
  ]
  return {
    title: 'Start',
    note: `The median of ${rounds} starts of a single node without data.`,
    head: ['', 'redis-server', 'shoal'],
    rows: [both('exec to first PONG', pong, 'ms'), both('idle, resident', idle, 'MB')],
  }
}
