/** Clusters of Shoal nodes in this process: three masters, and one replica of the first. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createConfig, setWords } from '../../src/server/config/config.js'
import type { DirectiveName } from '../../src/server/config/table.js'
import { startNode } from '../../src/server/start.js'
import { freePorts } from '../oracle.js'

export const NODE_TIMEOUT_MS = 1000
const WAIT_MS = 60_000
const LOOK_MS = 10

export interface Member {
  readonly port: number
  readonly dir: string
  readonly client: Redis
  readonly log: string[]
  /** Ends it without saving anything: to the others it looks as kill -9 does. */
  crash(): Promise<void>
}

export type CleanUp = (() => Promise<void> | void)[]

export function clientOf(port: number): Redis {
  const client = new Redis(port, '127.0.0.1', {
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  })
  client.on('error', () => undefined)
  return client
}

/** A node, begun anew or, with `before`, from what that one has left. */
export async function member(
  cleanUp: CleanUp,
  words: Record<string, string> = {},
  before?: Member,
): Promise<Member> {
  const dir = before?.dir ?? mkdtempSync(join(tmpdir(), 'shoal-shard-'))
  if (before === undefined) cleanUp.push(() => rmSync(dir, { recursive: true, force: true }))
  const port = before?.port ?? (await freePorts(1, true))[0]!
  const config = createConfig(dir)
  const at = { readingFile: false, saveSeen: false } as unknown as Parameters<typeof setWords>[3]
  const given: Record<string, string> = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    'repl-diskless-sync-delay': '0',
    'shutdown-timeout': '0',
    ...words,
    port: String(port),
    bind: '127.0.0.1',
  }
  for (const [name, value] of Object.entries(given)) {
    const set = setWords(config, name as DirectiveName, value.split(' '), at)
    if ('error' in set) throw new Error(`${name}: ${set.error}`)
  }
  if (words['save'] === undefined) config.values.save = []
  const log: string[] = []
  const running = await startNode({ config, log: (_level, line) => log.push(line) })
  const client = clientOf(port)
  let over = false
  const crash = async (): Promise<void> => {
    if (over) return
    over = true
    client.disconnect()
    await running.stop()
  }
  cleanUp.push(crash)
  return { port, dir, log, client, crash }
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end_ms = Date.now() + WAIT_MS
  while (Date.now() < end_ms) {
    try {
      if (await condition()) return
    } catch (error) {
      // A replica that gets its master's data answers nothing else meanwhile.
      if (!/^(LOADING|MASTERDOWN)/.test((error as Error).message)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  throw new Error(`waited in vain for: ${what}`)
}

export async function cluster(peer: Member, ...args: string[]): Promise<string> {
  return String(await peer.client.call('CLUSTER', ...args))
}

export async function roleOf(peer: Member): Promise<string> {
  return ((await peer.client.call('ROLE')) as string[])[0]!
}

export async function linkOf(peer: Member): Promise<string> {
  return ((await peer.client.call('ROLE')) as string[])[3] ?? ''
}

/** One field of INFO; '' where it is missing. */
export async function info(peer: Member, field: string): Promise<string> {
  const text = String(await peer.client.call('INFO', 'everything'))
  return new RegExp(`^${field}:(.*)\\r$`, 'm').exec(text)?.[1] ?? ''
}

/** Forms three masters with a third of the slots each (`bar` is in the first one's), and replicas of the first. */
export async function form(masters: Member[], replicas: Member[]): Promise<void> {
  const share = 16_384 / masters.length
  for (const [i, peer] of masters.entries()) {
    const [first, last] = [Math.round(i * share), Math.round((i + 1) * share) - 1]
    await cluster(peer, 'ADDSLOTSRANGE', String(first), String(last))
    await cluster(peer, 'SET-CONFIG-EPOCH', String(i + 1))
  }
  const all = [...masters, ...replicas]
  for (const peer of all.slice(1)) await cluster(all[0]!, 'MEET', '127.0.0.1', String(peer.port))
  for (const peer of all) {
    await until('all nodes known', async () => {
      const lines = (await cluster(peer, 'NODES')).trim().split('\n')
      return lines.length === all.length && !lines.some((line) => line.includes('handshake'))
    })
  }
  const id = await cluster(masters[0]!, 'MYID')
  for (const peer of replicas) await cluster(peer, 'REPLICATE', id)
  for (const peer of replicas)
    await until('a linked replica', async () => (await linkOf(peer)) === 'connected')
  for (const peer of all) {
    await until('the replicas known', async () => {
      const known = (await cluster(peer, 'NODES')).split(/[ ,]slave /).length - 1
      return known === replicas.length && (await isUp(peer))
    })
  }
}

export async function isUp(peer: Member): Promise<boolean> {
  return (await cluster(peer, 'INFO')).includes('cluster_state:ok')
}

/** Fills the first master's slots. */
export async function fill(peer: Member, count: number): Promise<void> {
  const pipeline = peer.client.pipeline()
  for (let i = 0; i < count; i++) pipeline.set(`{bar}:${i}`, `value ${i}`)
  await pipeline.exec()
}
