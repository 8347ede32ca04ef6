/** For tests that start real nodes: ports in a row, engines, and the end of whatever was started. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Argument, connect, errorOf, type Reply, textOf } from '../src/client/index.js'
import { type EngineWorld, type UpResult, up } from '../src/launch/index.js'
import { exited, isAlive } from '../src/launch/processes.js'
import { onPath } from './oracle.js'
import { freeRange } from './ports.js'

export { freeRange }

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A program of bin/, as one types it. */
export function program(name: 'shoal' | 'shoal-server' | 'shoal-cli' | 'shoal-trib'): string {
  return join(ROOT, 'bin', `${name}.js`)
}

/**
 * Servers that the process tests run on: Shoal's own. While one works on the tests themselves, SHOAL_TEST_ENGINES
 * may name others, to tell a wrong test from a wrong server.
 */
export const ENGINES = (process.env['SHOAL_TEST_ENGINES'] ?? 'shoal').split(',')

/** How an engine's server is started: program and first arguments. */
export function serverCommand(engine: string): [string, ...string[]] {
  return engine === 'shoal' ? [process.execPath, program('shoal-server')] : [onPath(engine) ?? engine]
}

/** Asks again and again until the answer is there; `what` is the error's text when it never is. */
export async function eventually<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
  limit_ms = 30_000,
): Promise<Value> {
  const deadline = performance.now() + limit_ms
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    await sleep(15)
  }
  throw new Error(`not within ${limit_ms} ms: ${what}${last === undefined ? '' : ` (${String(last)})`}`)
}

/** One command to one node; an error reply is thrown. */
export async function ask(port: number, ...args: Argument[]): Promise<Reply> {
  const connection = await connect({ port, connectTimeout_ms: 5000, replyTimeout_ms: 10_000 })
  try {
    const reply = await connection.call(...args)
    const error = errorOf(reply)
    if (error !== undefined) throw new Error(error)
    return reply
  } finally {
    connection.close()
  }
}

/** The same, for replies that are texts. */
export async function askText(port: number, ...args: Argument[]): Promise<string> {
  return textOf(await ask(port, ...args)) ?? ''
}

export function pidIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

/** Ends the process at once and waits until it is gone. */
export async function kill(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (pid === undefined || !isAlive(pid)) return
  process.kill(pid, signal)
  if (!(await exited(pid, 10_000))) throw new Error(`process ${pid} does not end`)
}

export function engineWorld(cwd: string): EngineWorld {
  const path = process.env['PATH'] ?? ''
  return { shoalServer: program('shoal-server'), node: process.execPath, path, cwd }
}

/** Six nodes on one engine: three masters with a replica each, on `port` and the five that follow. */
export interface TestCluster {
  readonly dir: string
  readonly port: number
  readonly ports: readonly number[]
  /** Starts what is missing, and waits until the cluster works and every replica is linked. */
  up(): Promise<UpResult>
  pidOf(port: number): number | undefined
  /** Ends all processes and removes the data. */
  end(): Promise<void>
}

export async function startCluster(engine: string, config: readonly string[]): Promise<TestCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-cluster-'))
  const port = await freeRange(6)
  const ports = Array.from({ length: 6 }, (_, i) => port + i)
  const pidOf = (one: number) => pidIn(join(dir, String(one), 'redis.pid'))
  const cluster: TestCluster = {
    dir,
    port,
    ports,
    pidOf,
    async up() {
      const wanted = { port, engines: engine.split('+'), config }
      const outcome = await up(wanted, { dir, world: engineWorld(dir), linked: true })
      if (!outcome.ok) throw new Error(outcome.reason)
      return outcome.value
    },
    async end() {
      await Promise.all(ports.map((one) => kill(pidOf(one))))
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
  try {
    await cluster.up()
  } catch (error) {
    await cluster.end()
    throw error
  }
  return cluster
}
