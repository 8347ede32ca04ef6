/**
 * The oracle: the machine's own redis-server and redis-cli, found on the PATH. Tests that compare with it start
 * nodes here: on free ports, in a directory that goes away, ended by process id. Where the programs are missing
 * such tests skip and say so; under CI they fail instead.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePorts } from './ports.js'

export { freePorts }

/** The path of a program, or undefined. */
export function onPath(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return undefined
}

/** For `describe.skipIf(missing('redis-server'))`: true where the program is missing, and says so; throws under CI. */
export function missing(...programs: string[]): boolean {
  const gone = programs.filter((program) => onPath(program) === undefined)
  if (gone.length === 0) return false
  if (process.env['CI']) throw new Error(`${gone.join(', ')} must be installed where CI is set`)
  console.warn(`skipped: ${gone.join(', ')} is not on the PATH`)
  return true
}

export interface RedisProcess {
  readonly host: string
  readonly port: number
  readonly directory: string
  readonly process: ChildProcess
  /** Ends the process (SIGKILL) and removes its directory. */
  stop(): Promise<void>
}

/** Starts one redis-server and waits until it listens. `options` are its command line: `['--appendonly', 'yes']`. */
export async function startRedis(
  options: readonly string[] = [],
  given: { port?: number; host?: string } = {},
) {
  const host = given.host ?? '127.0.0.1'
  const port = given.port ?? (await freePorts(1))[0]!
  const directory = mkdtempSync(join(tmpdir(), 'shoal-oracle-'))
  const child = spawn(
    onPath('redis-server') ?? 'redis-server',
    ['--port', String(port), '--bind', host, '--dir', directory, '--save', '', ...options],
    { stdio: 'ignore' },
  )
  const started: RedisProcess = {
    host,
    port,
    directory,
    process: child,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await gone
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
  try {
    await listening(host, port, child)
  } catch (error) {
    await started.stop()
    throw error
  }
  return started
}

/** Starts `count` empty cluster nodes, not yet joined. */
export async function startRedisNodes(
  count: number,
  options: readonly string[] = [],
): Promise<RedisProcess[]> {
  const ports = await freePorts(count, true)
  return Promise.all(
    ports.map((port) => startRedis(['--cluster-enabled', 'yes', '--appendonly', 'no', ...options], { port })),
  )
}

async function listening(host: string, port: number, child: ChildProcess): Promise<void> {
  for (let waited_ms = 0; waited_ms < 30_000; waited_ms += 10) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host, () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`redis-server does not listen on ${host}:${port}`)
}
