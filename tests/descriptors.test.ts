/**
 * Few file descriptors: maxclients is fitted to the system's limit as redis-server does, in its words, and a node that has none
 * left goes on: it reports, saves and appends, takes nobody in, and does so again when there are some.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts, missing, onPath } from './oracle.js'
import { askText, eventually, serverCommand } from './processes.js'
import { Wire } from './support/wire.js'

let cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

interface Server {
  readonly port: number
  readonly child: ChildProcess
  readonly log: () => string
}

/** Starts an engine by a shell that first runs `before`: `ulimit -n 100`. */
async function start(engine: string, before: string, ...options: string[]): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-descriptors-'))
  const [port] = await freePorts(1, true)
  const command = [...serverCommand(engine), '--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
  const child = spawn('sh', ['-c', `${before}; exec "$@"`, 'sh', ...command, '--save', '', ...options])
  let log = ''
  for (const out of [child.stdout, child.stderr]) {
    out.on('data', (bytes: Buffer) => {
      log += bytes.toString()
    })
  }
  cleanups.push(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    }
    rmSync(dir, { recursive: true, force: true })
  })
  return { port: port!, child, log: () => log }
}

const ready = (server: Server): Promise<unknown> =>
  eventually('the server answers', async () =>
    (await askText(server.port, 'PING')) === 'PONG' ? true : undefined,
  )

/** What a new connection is told when it says PING; '' where it is closed without a word. */
function greeting(port: number): Promise<{ said: string; socket: Socket }> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'))
    cleanups.push(() => socket.destroy())
    socket.on('error', () => {})
    socket.once('data', (bytes: Buffer) => resolve({ said: bytes.toString(), socket }))
    socket.once('close', () => resolve({ said: '', socket }))
  })
}

/** The log's lines about the limit, without what stands in front of each. */
function limitLines(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => /max(imum)? (open files|file descriptors)|open file limit/.test(line))
    .map((line) => line.replace(/^.* # /, ''))
}

const ENGINES = missing('redis-server') || process.getuid?.() === 0 ? ['shoal'] : ['shoal', 'redis-server']

describe('ulimit -n 100', () => {
  test('leaves room for 68 clients, and says so', async () => {
    const seen: unknown[] = []
    for (const engine of ENGINES) {
      const server = await start(engine, 'ulimit -n 100')
      await ready(server)
      await eventually('no other client is left', async () => {
        const wire = await Wire.open(server.port)
        const [list] = await wire.exchange([['CLIENT', 'LIST']])
        wire.close()
        return list!.split('\n').filter((line) => line.includes('addr=')).length === 1 ? true : undefined
      })
      const said: Record<string, number> = {}
      const admin = await Wire.open(server.port)
      await admin.exchange([['PING']])
      for (let i = 1; i < 120; i++) {
        const { said: word } = await greeting(server.port)
        said[word] = (said[word] ?? 0) + 1
      }
      const replies = await admin.exchange([
        ['CONFIG', 'GET', 'maxclients'],
        ['CONFIG', 'SET', 'maxclients', '69'],
        ['CONFIG', 'SET', 'maxclients', '68'],
        ['CONFIG', 'GET', 'maxclients'],
      ])
      const reports = await admin.exchange([
        ['INFO', 'everything'],
        ['MEMORY', 'STATS'],
        ['CLIENT', 'LIST'],
        ['LATENCY', 'LATEST'],
      ])
      expect(reports.map((reply) => reply[0])).toEqual(['$', '*', '$', '*'])
      const [saved] = await admin.exchange([['BGSAVE']])
      expect(saved).toBe('+Background saving started\r\n')
      await eventually('it is saved', async () => {
        const [info] = await admin.exchange([['INFO', 'persistence']])
        return info!.includes('rdb_bgsave_in_progress:0') ? info : undefined
      }).then((info) => expect(info).toContain('rdb_last_bgsave_status:ok'))
      seen.push({ said, replies, lines: limitLines(server.log()) })
    }
    expect(seen[0]).toMatchObject({
      said: { '+PONG\r\n': 67, '-ERR max number of clients reached\r\n': 52 },
    })
    for (const other of seen.slice(1)) expect(seen[0]).toEqual(other)
  }, 120_000)

  test('which is too few for one client ends the start', async () => {
    const [server] = await Promise.all([start('shoal', 'ulimit -n 32')])
    const code = await new Promise((resolve) => server!.child.once('exit', resolve))
    expect(code).toBe(1)
    expect(limitLines(server!.log())).toEqual([
      "Your current 'ulimit -n' of 32 is not enough for the server to start. Please increase your open file limit " +
        'to at least 10032. Exiting.',
    ])
  }, 60_000)
})

/** The lowest number that a new descriptor of the process would have. */
function firstFree(pid: number): number {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let free = 0
  while (used.has(free)) free++
  return free
}

const limit = (pid: number, files: number) =>
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`])

describe.skipIf(onPath('prlimit') === undefined || process.platform !== 'linux')('no descriptor left', () => {
  test.each([
    [
      'a master',
      ['--appendonly', 'yes'],
      [
        ['SET', 'a', '1'],
        ['BGSAVE'],
        ['BGREWRITEAOF'],
        ['REPLICAOF', '127.0.0.1', '1'],
        ['REPLICAOF', 'NO', 'ONE'],
        ['SET', 'b', '2'],
      ],
    ],
    [
      'a cluster node',
      ['--cluster-enabled', 'yes'],
      [
        ['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'],
        ['CLUSTER', 'MEET', '127.0.0.1', '1'],
        ['CLUSTER', 'BUMPEPOCH'],
        ['CLUSTER', 'SAVECONFIG'],
      ],
    ],
  ] as const)(
    '%s goes on',
    async (_name, options, commands) => {
      const server = await start('shoal', ':', ...options)
      await ready(server)
      const wire = await Wire.open(server.port)
      cleanups.push(() => wire.close())
      await wire.exchange([['PING']])
      const pid = server.child.pid!
      const before = firstFree(pid) + 500
      limit(pid, firstFree(pid))
      for (const command of commands) {
        const [reply] = await wire.exchange([[...command]])
        expect([command.join(' '), reply![0]]).toEqual([command.join(' '), '+'])
      }
      const reports = await wire.exchange([
        ['INFO', 'everything'],
        ['MEMORY', 'STATS'],
        ['CLIENT', 'LIST'],
      ])
      expect(reports.map((reply) => reply[0])).toEqual(['$', '*', '$'])
      // A file that was under way when the limit was set may have given its descriptor back.
      await eventually('it takes nobody in', async () =>
        (await greeting(server.port)).said === '' ? true : undefined,
      )
      limit(pid, before)
      await eventually('it takes clients in again', async () =>
        (await greeting(server.port)).said === '+PONG\r\n' ? true : undefined,
      )
      expect(server.child.exitCode).toBe(null)
    },
    60_000,
  )
})
