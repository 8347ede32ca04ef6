/**
 * Nodes as processes: started so that they outlive whoever starts them, found again by their pid files, ended.
 *
 * A pid file is only a hint. Its process may be long gone and its number another program's, so that no process is
 * signalled before it has been recognised: by its command line and, where the system tells, by its folder.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, ConnectionError, connect, errorOf } from '../client/index.js'
import { engineArgs, isCommandOf, LOG_FILE, type NodePlan, PID_FILE } from './plan.js'

export interface Access {
  readonly password?: string
}

/** How long a node may take until it says a first word. Loading its data does not count: then it does answer. */
export const START_TIMEOUT_MS = 20_000
const START_POLL_MS = 5
const START_POLL_MAX_MS = 50
/** A node that was asked to stop may write all it holds to disk first. */
export const SHUTDOWN_LIMIT_MS = 15_000
/** A node that does not answer a PING for this long is not asked any further. */
const SILENCE_MS = 1_000
export const TERM_LIMIT_MS = 5_000
const KILL_LIMIT_MS = 5_000
const EXIT_POLL_MS = 10
const LOG_TAIL_BYTES = 4096
const LOG_TAIL_LINES = 8

export interface Started {
  readonly plan: NodePlan
  readonly pid: number
  /** Where this run's part of the log begins. */
  readonly logFrom_bytes: number
  readonly child: ChildProcess
}

/** Starts the node's program in its folder. The reason says why the program could not be executed. */
export function startProcess(plan: NodePlan): Promise<Started | string> {
  const log = join(plan.folder, LOG_FILE)
  const logFrom_bytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  // What the server says before it has read where to log, above all that its configuration is wrong.
  const out = openSync(log, 'a')
  return new Promise((resolve) => {
    const child = spawn(plan.engine.program, engineArgs(plan), {
      cwd: plan.folder,
      detached: true,
      stdio: ['ignore', out, out],
    })
    closeSync(out)
    child.once('error', (error) => resolve(`${plan.engine.name} cannot be started: ${error.message}`))
    child.once('spawn', () => {
      child.unref()
      resolve({ plan, pid: child.pid!, logFrom_bytes, child })
    })
  })
}

/** Waits until the node serves. Undefined when it does, else why it does not. */
export async function waitUntilServing(
  started: Started,
  access: Access,
  signal: AbortSignal | undefined,
  onLoading: () => void,
): Promise<string | undefined> {
  const { plan, child } = started
  const deadline = performance.now() + START_TIMEOUT_MS
  let answered = false
  let pause_ms = START_POLL_MS
  while (answered || performance.now() < deadline) {
    if (signal?.aborted) return 'interrupted'
    if (child.exitCode !== null || child.signalCode !== null) {
      return `it ended at once${saidIn(started)}`
    }
    const said = await firstWord(plan, access)
    if (said === 'PONG') return undefined
    if (said !== undefined) {
      if (!/^(LOADING|MASTERDOWN|BUSY) /.test(said)) return `it says: ${said}`
      answered = true
      onLoading()
    }
    await sleep(pause_ms)
    pause_ms = Math.min(pause_ms * 1.2, START_POLL_MAX_MS)
  }
  return `it did not answer within ${START_TIMEOUT_MS / 1000} seconds${saidIn(started)}`
}

/** PONG, an error's text, or undefined while nobody answers. */
async function firstWord(plan: NodePlan, access: Access): Promise<string | undefined> {
  let connection: Connection | undefined
  try {
    const { host, port } = plan
    connection = await connect({ host, port, ...access, connectTimeout_ms: 1000, replyTimeout_ms: 2000 })
    const reply = await connection.call('PING')
    return errorOf(reply) ?? 'PONG'
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    return error.code === 'REPLY' ? error.message : undefined
  } finally {
    connection?.close()
  }
}

/** The last lines that this run wrote into the log, to be put behind a reason. */
function saidIn({ plan, logFrom_bytes }: Started): string {
  let text: string
  const path = join(plan.folder, LOG_FILE)
  try {
    text = readFileSync(path).subarray(logFrom_bytes).subarray(-LOG_TAIL_BYTES).toString()
  } catch {
    return ''
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (lines.length === 0) return ' without a word'
  return `. The end of ${path}:\n${lines
    .slice(-LOG_TAIL_LINES)
    .map((line) => `    ${line}`)
    .join('\n')}`
}

/** The process that the node's pid file names, if it is alive and really the node's. */
export async function ownProcess(plan: NodePlan): Promise<number | undefined> {
  let text: string
  try {
    text = readFileSync(join(plan.folder, PID_FILE), 'utf8')
  } catch {
    return undefined
  }
  const pid = Number(text.trim())
  return (await isNode(plan, pid)) ? pid : undefined
}

/** Is `pid` alive and this node's process? */
export async function isNode(plan: NodePlan, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform === 'linux') {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`) !== realpathSync(plan.folder)) return false
      return isCommandOf(plan, readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim())
    } catch {
      return false // gone meanwhile, or another user's
    }
  }
  const line = await new Promise<string>((resolve) => {
    execFile('ps', ['-o', 'command=', '-p', String(pid)], (error, stdout) =>
      resolve(error ? '' : stdout.trim()),
    )
  })
  return isCommandOf(plan, line)
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return !isZombie(pid)
}

/** A process that has ended and whose parent has not asked for its exit code yet: dead for all that matters. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

/** Waits until the process is gone. False when it is still there after `limit_ms`. */
export async function exited(pid: number, limit_ms: number): Promise<boolean> {
  const deadline = performance.now() + limit_ms
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false
    await sleep(EXIT_POLL_MS)
  }
  return true
}

/** How a process ended: on request, by SIGTERM, by SIGKILL, or not at all. */
export type Ending = 'shutdown' | 'terminated' | 'killed' | 'alive'

/** Ends a node's process, recognised before: first as politely as `ask` does it, then less and less so. */
export async function endProcess(pid: number, ask: () => Promise<boolean>): Promise<Ending> {
  if ((await ask()) && (await exited(pid, SHUTDOWN_LIMIT_MS))) return 'shutdown'
  signal(pid, 'SIGTERM')
  if (await exited(pid, TERM_LIMIT_MS)) return 'terminated'
  signal(pid, 'SIGKILL')
  return (await exited(pid, KILL_LIMIT_MS)) ? 'killed' : 'alive'
}

/** Asks the node to save what must be saved and to end. False when it would not. */
export async function askToShutDown(plan: NodePlan, access: Access): Promise<boolean> {
  let connection: Connection | undefined
  try {
    const { host, port } = plan
    connection = await connect({ host, port, ...access, connectTimeout_ms: 1000 })
    const silent = await Promise.race([connection.call('PING').then(() => false), sleep(SILENCE_MS, true)])
    if (silent) return false
    // NOW (since 7.0): replicas that are going down too need not be waited for. An answer is a refusal.
    const refusal = errorOf(await connection.call('SHUTDOWN', 'NOW'))
    if (refusal?.includes('syntax error') === true) await connection.call('SHUTDOWN')
    return false
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    return ['EOF', 'ECONNRESET', 'EPIPE'].includes(error.code)
  } finally {
    connection?.close()
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself.
  }
}
