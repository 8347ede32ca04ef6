/**
 * The same configuration to this code and to redis-server: servers that listen on a Unix socket in a directory of their
 * own, so that no port is used, and settings in a form in which they can be compared.
 *
 * The oracle is whatever 7.0 redis-server is on the PATH; where 7.2, which is meant, differs, it says so here.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll } from 'vitest'
import type { Config } from '../../src/server/config/config.js'
import { fileWorld, loadConfig } from '../../src/server/config/files.js'
import { configGet } from '../../src/server/config/get.js'
import { NEWER } from '../../src/server/config/newer.js'
import type { SetHooks } from '../../src/server/config/set.js'
import { DIRECTIVE_NAMES, type DirectiveName, directiveOf } from '../../src/server/config/table.js'

function oracleVersion(): string | undefined {
  const asked = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return /v=(7\.0\.[0-9]+)/.exec(asked.stdout ?? '')?.[1]
}

export const version = oracleVersion()
export const missing = version === undefined
if (missing && process.env['CI'] !== undefined)
  throw new Error('these tests need redis-server 7.0 on the PATH')
if (missing)
  console.warn('skipped: no redis-server 7.0 on the PATH, configuration is not compared with Redis')

const home = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-config-')))
const children: ChildProcess[] = []
let count = 0

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  rmSync(home, { recursive: true, force: true })
})

/** A directory with an empty `sub` and some files in it. */
export function freshDirectory(files: Record<string, string> = {}): string {
  const directory = join(home, `${++count}`)
  mkdirSync(join(directory, 'sub'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return directory
}

export interface Server {
  readonly client: Redis
  readonly directory: string
  stop(): Promise<void>
}

/** Starts redis-server with these arguments in a directory, listening only on `s` there. */
export async function startOracle(directory: string, args: string[], stdin = ''): Promise<Server> {
  const child = spawn('redis-server', args, { cwd: directory, stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
      if (said.includes('ready to accept connections') || said.includes('Ready to accept')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', () => reject(new Error(`redis-server ended: ${said}`)))
  })
  const client = new Redis({ path: join(directory, 's'), enableReadyCheck: false })
  return {
    client,
    directory,
    async stop() {
      client.disconnect()
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    },
  }
}

export const LISTEN = ['--port', '0', '--unixsocket', 's']

export function loadOurs(directory: string, args: string[], stdin = ''): Config {
  const start = loadConfig(args, fileWorld(directory), () => Buffer.from(stdin))
  if (!start.ok) throw new Error(JSON.stringify(start.error))
  if (start.instead !== undefined) throw new Error(start.instead)
  return start.config
}

/** All names and values as an object, hidden ones left out. */
export function ourSettings(config: Config): Record<string, string> {
  return Object.fromEntries(configGet(config, ['*']))
}

export async function oracleSettings(client: Redis): Promise<Record<string, string>> {
  const flat = (await client.call('CONFIG', 'GET', '*')) as string[]
  const settings: Record<string, string> = {}
  for (let i = 0; i < flat.length; i += 2) settings[flat[i]!] = flat[i + 1]!
  return settings
}

/** Directives that came with 7.2, and the one that 7.2 hides. */
export const NEW_IN_72 = [
  'cluster-announce-human-nodename',
  'locale-collate',
  'set-max-listpack-entries',
  'set-max-listpack-value',
]
/** All names but those that came after 7.2, which redis-server refuses. */
export const NAMES_OF_72: readonly DirectiveName[] = DIRECTIVE_NAMES.filter(
  (name) => !Object.hasOwn(NEWER, name),
)
export const HIDDEN_IN_72 = 'aof-disable-auto-gc'

/** Makes settings of 7.2 and 7.0 comparable. */
export function common(settings: Record<string, string>): Record<string, string> {
  const out = { ...settings }
  for (const name of [...NEW_IN_72, HIDDEN_IN_72]) delete out[name]
  // redis-server lowers it to what the process may open.
  delete out['maxclients']
  return out
}

export const hooks = (directory: string): SetHooks => ({
  loading: false,
  mayProtected: false,
  changeDirectory: fileWorld(directory).changeDirectory,
  warn: () => {},
})

/** Every directive once, at a value that is not its default, where a server may start with it. */
export function readExample(): string {
  const leave = new Set<DirectiveName>([
    'bind', 'port', 'unixsocket', 'daemonize', 'supervised', 'activedefrag', 'replicaof', 'cluster-enabled',
    'aclfile', 'logfile', 'dir', 'io-threads', 'databases', 'oom-score-adj', 'unixsocketperm', 'socket-mark-id',
    'cluster-ping-interval', 'requirepass', 'syslog-enabled', 'watchdog-period', 'key-load-delay',
    'rdb-key-save-delay', 'tls-port', 'tls-cluster', 'tls-replication', 'bind-source-addr', 'proc-title-template',
    'server_cpulist', 'bio_cpulist', 'aof_rewrite_cpulist', 'bgsave_cpulist', 'maxclients', 'hz',
    ...(NEW_IN_72 as DirectiveName[]),
  ]) // biome-ignore format: a list
  const lines: string[] = []
  for (const name of NAMES_OF_72) {
    const directive = directiveOf(name)
    const given = directive.alias ?? name
    if (leave.has(name)) continue
    if (directive.kind === 'bool') lines.push(`${given} ${directive.initial ? 'no' : 'yes'}`)
    if (directive.kind === 'text')
      lines.push(`${given} "odd ${name}"`.replace('"odd cluster-announce-hostname"', 'h'))
    if (directive.kind === 'one-of')
      lines.push(`${given} ${directive.choices.find((c) => c !== directive.initial)}`)
    if (directive.kind === 'some-of') lines.push(`${given} nosave now`)
    if (directive.kind === 'number') {
      const value =
        BigInt(directive.initial) === directive.max ? directive.min : BigInt(directive.initial) + 1n
      lines.push(`${given} ${value}`)
    }
  }
  lines.push(
    'notify-keyspace-events xKE',
    'oom-score-adj-values 1 2 3',
    'save 5 5',
    'client-output-buffer-limit pubsub 1 2 3',
  )
  return `${lines.join('\n')}\nlatency-tracking-info-percentiles 12.5 99.999\n`
}
