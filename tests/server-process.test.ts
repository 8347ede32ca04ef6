/** shoal-server as a process: how it starts, what it says when it cannot, how it ends. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from './oracle.js'
import { eventually, program } from './processes.js'
import { converse } from './support/raw.js'
import { Wire } from './support/wire.js'

let cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-process-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly output: string
}

class Server {
  readonly child: ChildProcess
  output = ''
  readonly ended: Promise<Ended>

  constructor(dir: string, args: readonly string[], input?: string) {
    const child = spawn(process.execPath, [program('shoal-server'), ...args], { cwd: dir })
    this.child = child
    const hear = (bytes: Buffer) => {
      this.output += bytes.toString()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.stdin.end(input)
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, output: this.output }))
    })
    cleanups.push(() => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    })
  }

  said(text: string): Promise<unknown> {
    return eventually(`"${text}" in the log`, () => (this.output.includes(text) ? true : undefined))
  }
}

/** The texts of log lines, without process, time and mark. */
function texts(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\d+:[MSCX] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [-.*#] /, ''))
}

test('a port that is taken', async () => {
  const other = createServer()
  cleanups.push(() => other.close())
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
  const { code, output } = await new Server(folder(), args).ended
  expect(code).toBe(1)
  expect(texts(output).slice(-2)).toEqual([
    `Warning: Could not create server TCP listening socket 127.0.0.1:${port}: bind: Address already in use`,
    `Failed listening on port ${port} (tcp), aborting.`,
  ])
  const daemon = await new Server(folder(), [...args, '--daemonize', 'yes']).ended
  expect(daemon).toEqual({
    code: 1,
    signal: null,
    output: `Failed listening on port ${port} (tcp), aborting.\n`,
  })
})

test('nowhere to listen', async () => {
  const { code, output } = await new Server(folder(), ['--port', '0']).ended
  expect(code).toBe(1)
  expect(texts(output).at(-1)).toBe('Configured to not listen anywhere, exiting.')
})

test('daemonized: the first process ends when the node listens; pid file, title, log', async () => {
  const dir = folder()
  const [port] = await freePorts(1)
  const conf = [
    `port ${port}`,
    'bind 127.0.0.1',
    'daemonize yes',
    'save ""',
    `pidfile ${dir}/node.pid`,
    'logfile node.log',
    'cluster-enabled yes',
  ].join('\n')
  // From standard input, which only the first of the two processes can read.
  const { code, output } = await new Server(dir, ['-'], conf).ended
  expect({ code, output }).toEqual({ code: 0, output: '' })
  const wire = await Wire.open(port!)
  cleanups.push(() => wire.close())
  expect(await wire.run('PING')).toBe('+PONG\r\n')
  const pid = Number(readFileSync(join(dir, 'node.pid'), 'utf8'))
  cleanups.push(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL')
  })
  const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', '')
  expect(title).toBe(`shoal-server 127.0.0.1:${port} [cluster]`)
  process.kill(pid, 'SIGHUP')
  expect(await wire.run('PING')).toBe('+PONG\r\n')
  process.kill(pid, 'SIGTERM')
  await eventually('the end of the node', () => (existsSync(`/proc/${pid}`) ? undefined : true))
  expect(existsSync(join(dir, 'node.pid'))).toBe(false)
  const log = texts(readFileSync(join(dir, 'node.log'), 'utf8'))
  expect(log).toContain('Ready to accept connections tcp')
  expect(log.at(-1)).toBe('Redis is now ready to exit, bye bye...')
  const end = log.filter((line) => /shutdown|pid file/.test(line))
  expect(end).toEqual([
    'Received SIGTERM scheduling shutdown...',
    'User requested shutdown...',
    'Removing the pid file.',
  ])
})

test('SHUTDOWN ABORT cancels a SIGTERM that a paused cron holds back', async () => {
  const [port] = await freePorts(1)
  const debug = ['--enable-debug-command', 'yes']
  const server = new Server(folder(), ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...debug])
  await server.said('Ready to accept connections tcp')
  const wire = await Wire.open(port!)
  cleanups.push(() => wire.close())
  expect(await wire.run('SHUTDOWN', 'ABORT')).toBe('-ERR No shutdown in progress.\r\n')
  expect(await wire.run('DEBUG', 'PAUSE-CRON', '1')).toBe('+OK\r\n')
  server.child.kill('SIGTERM')
  await server.said('Received SIGTERM scheduling shutdown...')
  expect(await wire.run('SHUTDOWN', 'ABORT')).toBe('+OK\r\n')
  await server.said('Shutdown manually aborted.')
  expect(await wire.run('DEBUG', 'PAUSE-CRON', '0')).toBe('+OK\r\n')
  expect(await wire.run('PING')).toBe('+PONG\r\n')
  server.child.kill('SIGTERM')
  expect((await server.ended).code).toBe(0)
})

test('SIGINT saves what the save points ask for; the next start has it', async () => {
  const dir = folder()
  const [port] = await freePorts(1)
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '3600 1']
  const first = new Server(dir, args)
  await first.said('Ready to accept connections tcp')
  expect(await converse(port!, ['SET a 1\r\n'])).toBe('+OK\r\n')
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(0)
  const second = new Server(dir, args)
  await second.said('Ready to accept connections tcp')
  expect(await converse(port!, ['GET a\r\n'])).toBe('$1\r\n1\r\n')
  second.child.kill('SIGTERM')
  expect((await second.ended).code).toBe(0)
})

test('nobody reads its log any more: it serves on', async () => {
  const [port] = await freePorts(1)
  const server = new Server(folder(), [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--loglevel',
    'debug',
  ])
  await server.said('Ready to accept connections tcp')
  server.child.stdout!.destroy()
  server.child.stderr!.destroy()
  for (let i = 0; i < 5; i++) expect(await converse(port!, ['PING\r\n'])).toBe('+PONG\r\n')
})

test.skipIf(!existsSync('/proc/self/oom_score_adj'))('oom-score-adj, by role and back', async () => {
  const [port] = await freePorts(1)
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--oom-score-adj', 'yes']
  const server = new Server(folder(), [...args, '--oom-score-adj-values', '10 20 30'])
  await server.said('Ready to accept connections tcp')
  const base = Number(readFileSync('/proc/self/oom_score_adj', 'latin1'))
  const score = () => Number(readFileSync(`/proc/${server.child.pid}/oom_score_adj`, 'latin1'))
  expect(score()).toBe(base + 10)
  expect(await converse(port!, [`REPLICAOF 127.0.0.1 ${port! + 1}\r\n`])).toBe('+OK\r\n')
  expect(score()).toBe(base + 20)
  expect(await converse(port!, ['CONFIG SET oom-score-adj absolute oom-score-adj-values "5 7 9"\r\n'])).toBe(
    '+OK\r\n',
  )
  expect(score()).toBe(7)
  expect(await converse(port!, ['CONFIG SET oom-score-adj no\r\n'])).toBe('+OK\r\n')
  expect(score()).toBe(base)
})
