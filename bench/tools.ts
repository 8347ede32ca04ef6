/**
 * What all measurements share: finding programs, starting servers and ending them, and reading what a process used.
 * Every figure is a ratio to redis-server in the same run, since absolute times say more about the machine.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export const ROOT = process.cwd()
export const SHOAL_SERVER = join(ROOT, 'bin', 'shoal-server.js')
export const SHOAL = join(ROOT, 'bin', 'shoal.js')

/** The path of a program, or undefined where PATH has none. */
export function find(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program)
    if (existsSync(path)) return path
  }
  return undefined
}

const ports = { next: 30000 + (process.pid % 2000) * 5 }

/** A port that nobody listens on, and whose bus port (10000 higher) is free too. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = 20000 + (ports.next++ % 30000)
    if ((await isFree(port)) && (await isFree(port + 10000))) return port
  }
  throw new Error('no free port')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Conditions are looked at every few milliseconds; none may take longer than this. */
const PATIENCE_MS = 60_000

export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  every_ms = 5,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, every_ms))
  }
}

/** Sends one inline command on a connection of its own; the reply as text, or '' where nobody answers. */
export function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.setNoDelay(true)
    socket.on('connect', () => socket.write(`${command}\r\n`))
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const bulk = /^\$(\d+)\r\n/.exec(text)
      if (bulk === null ? text.endsWith('\r\n') : text.length >= bulk[0].length + Number(bulk[1]) + 2)
        socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

export interface Server {
  readonly name: 'shoal' | 'redis'
  readonly port: number
  readonly process: ChildProcess
  readonly folder: string
}

export type Engine = Server['name']

/** Starts a node on a free port and waits for its first PONG; how long that took. */
export function start(
  engine: Engine,
  ...options: string[]
): Promise<{ server: Server; firstPong_ms: number }> {
  return startUnder([], engine, ...options)
}

/** As `start`, by a command that runs what follows it as its arguments: a shell that sets limits. */
export function startUnder(
  runner: readonly string[],
  engine: Engine,
  ...options: string[]
): Promise<{ server: Server; firstPong_ms: number }> {
  const program = engine === 'redis' ? [find('redis-server')!] : [process.execPath, SHOAL_SERVER]
  const [first, ...rest] = [...runner, ...program]
  return startWith(engine, first!, rest, options)
}

/** As `start`, of a program with arguments in front of those of the server. */
export async function startWith(
  engine: Engine,
  program: string,
  before: readonly string[],
  options: readonly string[],
): Promise<{ server: Server; firstPong_ms: number }> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'shoal-bench-'))
  const args = [...before, '--port', String(port), '--dir', folder, ...options]
  const began = performance.now()
  const child = spawn(program, args, { stdio: 'ignore' })
  await until(`${engine} to answer`, async () => (await ask(port, 'PING')).startsWith('+PONG'), 1)
  return { server: { name: engine, port, process: child, folder }, firstPong_ms: performance.now() - began }
}

export async function stop(server: Server): Promise<void> {
  const gone = new Promise((resolve) => server.process.once('exit', resolve))
  server.process.kill('SIGKILL')
  await gone
  rmSync(server.folder, { recursive: true, force: true })
}

const TICKS_A_SECOND = Number(spawnSync('getconf', ['CLK_TCK']).stdout.toString()) || 100

/** User and system time that the process has used, in microseconds; all its threads. */
export function cpu_us(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_A_SECOND
}

export function rss_bytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Runs a program to its end; its output. */
export function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.on('data', (bytes) => {
      text += bytes
    })
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })
}

export interface Table {
  readonly title: string
  readonly note: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A document with the table in place of the section of its title, or at the end. */
export function withSection(document: string, table: Table): string {
  const made = markdown(table)
  const start = document.indexOf(`## ${table.title}\n`)
  if (start < 0) return `${document.trimEnd()}\n\n${made}`
  const next = document.indexOf('\n## ', start)
  return document.slice(0, start) + made + (next < 0 ? '' : document.slice(next))
}

export function markdown(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `## ${table.title}`,
    '',
    table.note,
    '',
    line(table.head),
    line(table.head.map(() => '---')),
    ...table.rows.map(line),
    '',
  ].join('\n')
}
