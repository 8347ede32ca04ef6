/** From a command line to a running node, and from a signal to its end. */

import { spawn } from 'node:child_process'
import { closeSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { collectWithoutHelpers } from '../../runtime/collector.js'
import type { Config } from '../../server/config/config.js'
import { loadConfig } from '../../server/config/files.js'
import { DescriptorError } from '../../server/descriptor-limit.js'
import { ListenError } from '../../server/listening.js'
import { createLog, type Log, logSink, runningLine, startLines } from '../../server/log.js'
import type { ServerNode } from '../../server/node.js'
import type { StopWish } from '../../server/parts.js'
import { LoadError, type RunningNode, startNode } from '../../server/start.js'
import { REDIS_VERSION, SHOAL_VERSION } from '../../server/version.js'
import { serverWorld } from '../../server/world.js'
import { configErrorText, HELP, versionLine } from './texts.js'

/** Set in the environment of the process that a daemonizing one starts: the descriptor on which it reports. */
const DAEMON_MARK = 'SHOAL_DAEMON_FD'
/** How often a stop that is held back looks whether it may go on. */
const PAUSED_MS = 10

/** Runs a node until it is told to stop. Sets the exit code. */
export async function runServer(argv: readonly string[]): Promise<void> {
  let input: Uint8Array | undefined
  const start = loadConfig(argv, serverWorld(process.cwd()), () => {
    input = readFileSync(0)
    return input
  })
  if (!start.ok) {
    process.stderr.write(configErrorText(start.error))
    process.exitCode = 1
    return
  }
  if (start.instead !== undefined) {
    if (start.instead === 'version') process.stdout.write(`${versionLine()}\n`)
    else process.stdout.write(HELP)
    return
  }
  const { config } = start
  const reportTo = process.env[DAEMON_MARK]
  delete process.env[DAEMON_MARK]
  if (config.values.daemonize && reportTo === undefined) return daemonize(argv, input)
  const configured = argv.length > 0
  await serve(config, configured, reportTo === undefined ? undefined : Number(reportTo))
}

/**
 * Starts the same command line as a process of its own, and waits until that one listens. `input`: what came from standard
 * input, which can be read only once.
 */
function daemonize(argv: readonly string[], input: Uint8Array | undefined): Promise<void> {
  const program = process.argv[1] ?? fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [...process.execArgv, program, ...argv], {
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore', 'pipe'],
    env: { ...process.env, [DAEMON_MARK]: '3' },
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return new Promise((resolve) => {
    let said = ''
    const finish = () => {
      if (said !== 'ok') {
        if (said !== '') process.stderr.write(`${said}\n`)
        process.exitCode = 1
      }
      child.unref()
      resolve()
    }
    const pipe = child.stdio[3]
    pipe?.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
    pipe?.on('end', finish)
    child.on('error', (error) => {
      said = error.message
      finish()
    })
  })
}

async function serve(config: Config, configured: boolean, reportTo: number | undefined): Promise<void> {
  const values = config.values
  collectWithoutHelpers()
  process.chdir(values.dir)
  let running: RunningNode | undefined
  const sink = logSink(values, (line) => process.stdout.write(line))
  const log = createLog({
    pid: process.pid,
    role: () => (running?.node.isReplica ? 'S' : 'M'),
    level: () => values.loglevel,
    now_ms: () => Date.now(),
    sink,
  })
  const report = reporter(reportTo)
  for (const [level, text] of startLines({
    program: 'shoal-server',
    pid: process.pid,
    shoalVersion: SHOAL_VERSION,
    redisVersion: REDIS_VERSION,
    configured,
  })) {
    log.write(level, text)
  }
  const mode = values['cluster-enabled'] ? 'cluster' : 'standalone'
  log.notice(runningLine(mode, values.port, process.pid))
  keepTitle(config)
  const pidFile = values.pidfile !== '' ? values.pidfile : values.daemonize ? '/var/run/redis.pid' : ''
  const beforeExit = () => {
    if (pidFile === '') return
    log.notice('Removing the pid file.')
    rmSync(pidFile, { force: true })
  }
  const whileLoading = () => {
    log.warning('Received shutdown signal during loading, scheduling shutdown.')
    beforeExit()
    log.warning('Redis is now ready to exit, bye bye...')
    process.exit(0)
  }
  lastResort(log, () => running?.node)
  process.on('SIGTERM', whileLoading)
  process.on('SIGINT', whileLoading)
  try {
    running = await startNode({
      config,
      log: (level, text) => log.write(level, text),
      listening: () => {
        if (pidFile !== '') writePidFile(pidFile)
        report('ok')
      },
      fatal: () => process.exit(1),
    })
  } catch (error) {
    const text = (error as Error).message
    const silent =
      error instanceof LoadError || error instanceof ListenError || error instanceof DescriptorError
    if (text !== '') log.warning(silent ? text : `Fatal error: ${text}`)
    report(text)
    process.exit(1)
  }
  process.off('SIGTERM', whileLoading)
  process.off('SIGINT', whileLoading)
  endOnDemand(running, log, beforeExit)
}

/** Tells the process that started this one how it went; once. */
function reporter(reportTo: number | undefined): (text: string) => void {
  return (text) => {
    if (reportTo === undefined) return
    try {
      writeSync(reportTo, text)
      closeSync(reportTo)
    } catch {
      // Whoever started this does not wait any more.
    }
  }
}

/** What `ps` shows follows the configuration. */
function keepTitle(config: Config): void {
  const setTitle = () => {
    if (config.values['set-proc-title']) process.title = processTitle(config)
    return undefined
  }
  setTitle()
  config.onChange(['proc-title-template', 'port', 'bind'], setTitle)
}

/** What no other place has caught ends the process, with a word in the log, before anything else can be acknowledged. */
function lastResort(log: Log, node: () => ServerNode | undefined): void {
  const end = (error: unknown) => {
    const running = node()
    if (running !== undefined && !running.failed) running.fail(error)
    else log.warning(error instanceof Error ? (error.stack ?? error.message) : String(error))
    process.exit(1)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
  // Somebody wants the process to crash: the log is to tell it from one that was killed.
  process.on('SIGABRT', () => {
    log.warning('=== SHOAL BUG REPORT START: Cut & paste starting from here ===')
    log.warning(`Shoal ${SHOAL_VERSION} crashed by signal: ${constants.signals.SIGABRT}`)
    process.removeAllListeners('SIGABRT')
    process.kill(process.pid, 'SIGABRT')
  })
  // Whoever started this may be gone, with the terminal and the pipe that the log went to.
  process.on('SIGHUP', () => {})
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
}

/** Ends the process when SHUTDOWN or a signal asks for it, unless something cannot be saved. */
function endOnDemand({ node, stop }: RunningNode, log: Log, beforeExit: () => void): void {
  let stopping: Promise<void> | null = null
  const tryToEnd = async (wish: StopWish) => {
    log.notice('User requested shutdown...')
    const over = await stop(wish)
    stopping = null
    if (!over) return
    beforeExit()
    log.warning('Redis is now ready to exit, bye bye...')
    process.exit(0)
  }
  // Who asks while an end is under way waits for its outcome.
  const end = (wish: StopWish): Promise<void> => {
    stopping ??= tryToEnd(wish)
    return stopping
  }
  let held = false
  /** DEBUG PAUSE-CRON holds a signal's stop back, as in Redis, whose cron looks at signals. False: it was aborted. */
  const released = async (): Promise<boolean> => {
    held = true
    while (held && node.cronPaused) await sleep(PAUSED_MS)
    const goesOn = held
    held = false
    return goesOn
  }
  node.stopper = {
    request: end,
    abort: () => {
      if (!held) return node.replication?.abortShutdown() ?? false
      held = false
      log.notice('Shutdown manually aborted.')
      return true
    },
  }
  const onSignal = async (signal: 'SIGTERM' | 'SIGINT') => {
    if (stopping !== null && signal === 'SIGINT') {
      log.warning('You insist... exiting now.')
      process.exit(1)
    }
    log.warning(`Received ${signal} scheduling shutdown...`)
    if (stopping !== null || (node.cronPaused && (held || !(await released())))) return
    await end(
      signalWish(node.config.values[signal === 'SIGTERM' ? 'shutdown-on-sigterm' : 'shutdown-on-sigint']),
    )
    log.warning(
      `${signal} received but errors trying to shut down the server, check the logs for more information`,
    )
  }
  process.on('SIGTERM', () => void onSignal('SIGTERM'))
  process.on('SIGINT', () => void onSignal('SIGINT'))
}

function signalWish(options: readonly string[]): StopWish {
  const save = options.includes('save') ? true : options.includes('nosave') ? false : undefined
  return { save, now: options.includes('now'), force: options.includes('force') }
}

function writePidFile(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`)
  } catch {
    // As Redis: a pid file that cannot be written keeps nobody from serving.
  }
}

/** What `ps` shows, as proc-title-template says it: `shoal-server *:7000 [cluster]`. */
export function processTitle(config: Config): string {
  const values = config.values
  const first = values.bind[0] ?? ''
  const host = first === '*' || first === '' || values.bind.includes('*') ? '*' : first.replace(/^-/, '')
  const unix = values.port === 0 && values.unixsocket !== ''
  const variables: Readonly<Record<string, string>> = {
    title: 'shoal-server',
    'listen-addr': unix ? `unixsocket:${values.unixsocket}` : `${host}:${values.port}`,
    'server-mode': values['cluster-enabled'] ? '[cluster]' : '',
    port: String(values.port),
    'tls-port': String(values['tls-port']),
    unixsocket: values.unixsocket,
    'config-file': config.file ?? '',
  }
  return values['proc-title-template']
    .replace(/\{\{|\{([a-z-]+)\}/g, (all, name?: string) =>
      name === undefined ? '{' : (variables[name] ?? all),
    )
    .trimEnd()
}
