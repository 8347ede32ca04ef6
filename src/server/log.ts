/**
 * Log lines in Redis's form, which people's tools read:
 *
 *     1234:M 23 Nov 2026 20:15:58.123 * Ready to accept connections tcp
 *
 * The process, its role (M master, S replica, C not yet a node or a child, X sentinel), the local time to
 * the millisecond, a mark for the level (`.` debug, `-` verbose, `*` notice, `#` warning), the text.
 *
 * Clock, role and level are asked for each line, because they change; where lines go is a function. The
 * log file is opened anew for every line, as Redis does, so that it can be moved away or deleted under a
 * running node and appears again with the next line. syslog-enabled is accepted, but nothing is sent there.
 */

import { appendFileSync } from 'node:fs'
import { resolve } from 'node:path'

export type Level = 'debug' | 'verbose' | 'notice' | 'warning'
export type Role = 'M' | 'S' | 'C' | 'X'

const MARKS: Readonly<Record<Level, string>> = { debug: '.', verbose: '-', notice: '*', warning: '#' }
/** Levels in order; `loglevel nothing` lies above them all. */
const ORDER: readonly string[] = ['debug', 'verbose', 'notice', 'warning', 'nothing']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Longer texts are cut; what a client sent may be in them. */
export const LOG_TEXT_CHARS_MAX = 1023

/** Takes one line with its newline. Must not throw: a node does not stop because it cannot log. */
export type Sink = (line: string) => void

export interface LogSource {
  readonly pid: number
  role(): Role
  /** loglevel as configured; lines below it are dropped. */
  level(): string
  now_ms(): number
  readonly sink: Sink
}

export interface Log {
  debug(text: string): void
  verbose(text: string): void
  notice(text: string): void
  warning(text: string): void
  write(level: Level, text: string): void
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0')

/** The local time as in a log line: `23 Nov 2026 20:15:58.123`. */
export function logTime(now_ms: number): string {
  const at = new Date(now_ms)
  const day = `${digits(at.getDate(), 2)} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`
  const time = `${digits(at.getHours(), 2)}:${digits(at.getMinutes(), 2)}:${digits(at.getSeconds(), 2)}`
  return `${day} ${time}.${digits(at.getMilliseconds(), 3)}`
}

/** One line, with its newline. */
export function logLine(pid: number, role: Role, now_ms: number, level: Level, text: string): string {
  return `${pid}:${role} ${logTime(now_ms)} ${MARKS[level]} ${text.slice(0, LOG_TEXT_CHARS_MAX)}\n`
}

export function createLog(source: LogSource): Log {
  const write = (level: Level, text: string): void => {
    if (ORDER.indexOf(level) < ORDER.indexOf(source.level())) return
    source.sink(logLine(source.pid, source.role(), source.now_ms(), level, text))
  }
  return {
    debug: (text) => write('debug', text),
    verbose: (text) => write('verbose', text),
    notice: (text) => write('notice', text),
    warning: (text) => write('warning', text),
    write,
  }
}

/**
 * Where the lines of a node go: to its log file, which may be relative to its directory, or to standard
 * output when there is none. A file that cannot be written is passed over in silence, as in Redis.
 */
export function logSink(values: { readonly logfile: string; readonly dir: string }, stdout: Sink): Sink {
  return (line) => {
    if (values.logfile === '') return stdout(line)
    try {
      appendFileSync(resolve(values.dir, values.logfile), line)
    } catch {
      // Nobody could be told.
    }
  }
}

export interface StartFacts {
  readonly pid: number
  readonly shoalVersion: string
  /** The Redis that this node speaks like. */
  readonly redisVersion: string
  /** Anything was typed behind the program's name. */
  readonly configured: boolean
  readonly program: string
}

/** What a node says first. Tools look for `version=`, and `pid=`. */
export function startLines(facts: StartFacts): [Level, string][] {
  const { pid, shoalVersion, redisVersion } = facts
  return [
    ['notice', 'oO0OoO0OoO0Oo Shoal is starting oO0OoO0OoO0Oo'],
    [
      'notice',
      `Shoal version=${shoalVersion}, Redis version=${redisVersion}, bits=64, commit=00000000, modified=0, ` +
        `pid=${pid}, just started`,
    ],
    facts.configured
      ? ['notice', 'Configuration loaded']
      : [
          'warning',
          'Warning: no config file specified, using the default config. ' +
            `In order to specify a config file use ${facts.program} /path/to/redis.conf`,
        ],
  ]
}

/**
 * What a node says when it has its role and its port, in the place of Redis's picture. Tools that start a
 * server wait for the ` PID: ` in it, and then for `Server initialized` and `Ready to accept connections`.
 */
export function runningLine(mode: 'standalone' | 'cluster' | 'sentinel', port: number, pid: number): string {
  return `Running mode=${mode}, port=${port}. PID: ${pid}`
}
