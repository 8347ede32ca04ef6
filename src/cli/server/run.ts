/** From a command line to a running node, and from a signal to its end. */

import { spawn } from 'node:child_process'
import { closeSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../server/config/config.js'
import { loadConfig } from '../../server/config/files.js'
import { createLog, type Log, logSink, runningLine, startLines } from '../../server/log.js'
import type { StopWish } from '../../server/parts.js'
import { LoadError, type RunningNode, startNode } from '../../server/start.js'
import { REDIS_VERSION, SHOAL_VERSION } from '../../server/version.js'
import { serverWorld } from '../../server/world.js'
import { configErrorText, HELP, versionLine } from './texts.js'

/** Set in the environment of the process that a daemonizing one starts: the descriptor on which it reports. */
const DAEMON_MARK = 'SHOAL_DAEMON_FD'

/** Runs a node until it is told to stop. Sets the exit code. */
export async function runServer(argv: readonly string[]): Promise<void> {
  const start = loadConfig(argv, serverWorld(process.cwd()), () => readFileSync(0))
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
  if (config.values.daemonize && reportTo === undefined) return daemonize(argv)
  const configured = argv.length > 0
  await serve(config, configured, reportTo === undefined ? undefined : Number(reportTo))
}

/** Starts the same command line as a process of its own, and waits until that one is up. */
function daemonize(argv: readonly string[]): Promise<void> {
  const program = process.argv[1] ?? fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [...process.execArgv, program, ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: { ...process.env, [DAEMON_MARK]: '3' },
  })
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
  const report = (text: string) => {
    if (reportTo === undefined) return
    try {
      writeSync(reportTo, text)
      closeSync(reportTo)
    } catch {
      // Whoever started this does not wait any more.
    }
  }
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
  process.title = processTitle(config)
  const pidFile = values.pidfile !== '' ? values.pidfile : values.daemonize ? '/var/run/redis.pid' : ''
  try {
    running = await startNode({ config, log: (level, text) => log.write(level, text) })
  } catch (error) {
    const text = (error as Error).message
    const failed = `Failed listening on port ${values.port} (tcp), aborting.`
    log.warning(error instanceof LoadError ? text : failed)
    report(text)
    process.exit(1)
  }
  if (pidFile !== '') writePidFile(pidFile)
  report('ok')
  endOnDemand(running, log, () => {
    if (pidFile !== '') rmSync(pidFile, { force: true })
  })
}

/** Ends the process when SHUTDOWN or a signal asks for it, unless something cannot be saved. */
function endOnDemand({ node, stop }: RunningNode, log: Log, beforeExit: () => void): void {
  let stopping = false
  const end = async (wish: StopWish) => {
    if (stopping) return
    stopping = true
    log.notice('User requested shutdown...')
    if (!(await stop(wish))) {
      stopping = false
      return
    }
    beforeExit()
    log.warning('Shoal is now ready to exit, bye bye...')
    process.exit(0)
  }
  node.requestStop = end
  const onSignal = async (signal: 'SIGTERM' | 'SIGINT') => {
    log.notice(`Received ${signal} scheduling shutdown...`)
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

/** What `ps` shows: `shoal-server *:7000 [cluster]`. */
export function processTitle(config: Config): string {
  const values = config.values
  const first = values.bind[0] ?? ''
  const host = first === '*' || first === '' || values.bind.includes('*') ? '*' : first.replace(/^-/, '')
  const mode = values['cluster-enabled'] ? ' [cluster]' : ''
  const where =
    values.port === 0 && values.unixsocket !== ''
      ? `unixsocket:${values.unixsocket}`
      : `${host}:${values.port}`
  return `shoal-server ${where}${mode}`
}
