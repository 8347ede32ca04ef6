/**
 * redis.conf to a {@link Config}, or the reason why not.
 *
 * One directive a line, words in quotes where needed (text.ts), `#` in front of comments, `include` with
 * glob patterns. What was typed behind the program's name comes as further lines (argv.ts). Nothing here
 * touches a disk: files are read through {@link World}. Error texts are those of Redis 7.2.
 */

import { type Config, clampHz, createConfig, setWords } from './config.js'
import { type Circumstances, has } from './directive.js'
import { idleNotice, moduleNotice } from './newer.js'
import { DEPRECATED, directiveOf, findDirective } from './table.js'
import { beforeNul, lower, splitWords, trimOf } from './text.js'

/** Files within files within files; Redis would go on until its stack is full. */
const INCLUDE_DEPTH_MAX = 64
/** Files read for one configuration, however they include each other. */
const INCLUDED_FILES_MAX = 10_000

/** What reading a configuration needs of the outer world. Paths may be relative to `from`. */
export interface World {
  /** The absolute path of the directory in which the node starts. */
  readonly directory: string
  readFile(path: string, from: string): { text: string } | { reason: string }
  /** Paths that match a pattern, sorted; none is no error. */
  glob(pattern: string, from: string): readonly string[]
  changeDirectory(from: string, to: string): { path: string } | { reason: string }
  /** Whether a log file can be opened for appending: the reason why not. */
  tryLogFile(path: string, from: string): string | undefined
  /** The command table, for rename-command; without it every name is taken as one. */
  hasCommand?(name: string): boolean
  /** The ACL's judgement of a user's rules: the wrong word and why. */
  checkUser?(words: readonly string[]): { word: string; reason: string } | undefined
  /** Reading a sentinel.conf. */
  readonly sentinelMode?: boolean
}

/**
 * line: a line is wrong (1-based number in its file). whole: the lines do not go together.
 * file: a file could not be opened.
 */
export type ConfigError =
  | {
      readonly kind: 'line'
      readonly lineNumber: number
      readonly line: string
      readonly reason: string
    }
  | { readonly kind: 'whole'; readonly reason: string }
  | { readonly kind: 'file'; readonly path: string; readonly reason: string }

export type ParseResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly error: ConfigError }

interface Reading {
  readonly config: Config
  readonly world: World
  readonly at: Circumstances
  readonly newNames: Set<string>
  readonly goneNames: Set<string>
  filesRead: number
}

/** The version that error texts and INFO name: the Redis that this node speaks like. */
export const REDIS_VERSION = '7.2.4'

/**
 * How an error is told. A file that cannot be opened is a line for the log (at warning level, on standard
 * output); everything else is a text for standard error. The exit code is 1 in both cases.
 */
export function describeError(error: ConfigError): { log: string } | { stderr: string } {
  if (error.kind === 'file')
    return { log: `Fatal error, can't open config file '${error.path}': ${error.reason}` }
  const place =
    error.kind === 'line'
      ? `Reading the configuration file, at line ${error.lineNumber}\n>>> '${error.line}'\n`
      : ''
  return { stderr: `\n*** FATAL CONFIG FILE ERROR (Redis ${REDIS_VERSION}) ***\n${place}${error.reason}\n` }
}

function setDirective(reading: Reading, words: readonly string[]): string | undefined {
  const name = findDirective(words[0]!)!
  const multi = has(directiveOf(name), 'multi-arg')
  if (!multi && words.length !== 2) return 'wrong number of arguments'
  // A single word of a directive that takes several may hold them all: save "60 1".
  const split = multi && words.length === 2 && words[1] !== ''
  const values = split ? (splitWords(words[1]!) ?? []) : words.slice(1)
  const outcome = setWords(reading.config, name, values, reading.at)
  if ('error' in outcome) return outcome.error
  notice(reading, idleNotice(name))
  return undefined
}

/** Keeps a line for the log, once. */
function notice({ config }: Reading, line: string | undefined): void {
  if (line !== undefined && !config.warnings.includes(line)) config.warnings.push(line)
}

function renameCommand(reading: Reading, from: string, to: string): string | undefined {
  const { world, newNames, goneNames } = reading
  const exists = (name: string): boolean =>
    newNames.has(name) || (!goneNames.has(name) && (world.hasCommand?.(name) ?? false))
  const [old, fresh] = [lower(from), lower(to)]
  if (world.hasCommand !== undefined && !exists(old)) return 'No such command in rename-command'
  if (!newNames.delete(old)) goneNames.add(old)
  if (fresh !== '') {
    if (exists(fresh)) return 'Target command name already exists'
    newNames.add(fresh)
  }
  reading.config.renamedCommands.push({ from, to })
  return undefined
}

const DUPLICATE_USER = 'Duplicate user found. A user can only be defined once in config files'

function addUser(reading: Reading, words: readonly string[]): string | undefined {
  const { config, world } = reading
  const known = config.users.some((user) => user[0] === words[0])
  const wrong = known ? { word: words[0]!, reason: DUPLICATE_USER } : world.checkUser?.(words)
  if (wrong !== undefined) return `Error in user declaration '${wrong.word}': ${wrong.reason}`
  config.users.push(words)
  return undefined
}

/** Carries out one line that is no directive of the table: a reason, an error of an included file, or nothing. */
function otherLine(
  reading: Reading,
  words: readonly string[],
  lineNumber: number,
  line: string,
  depth: number,
): string | ConfigError | undefined {
  const { config, world } = reading
  const [name, ...rest] = words as [string, ...string[]]
  if (DEPRECATED.includes(name) && rest.length === 1) return undefined
  const aboutModule = moduleNotice(name)
  if (aboutModule !== undefined && rest.length > 0) {
    notice(reading, aboutModule)
    return undefined
  }
  if (name === 'include' && rest.length === 1) return includeFile(reading, beforeNul(rest[0]!), depth + 1)
  if (name === 'rename-command' && rest.length === 2) return renameCommand(reading, rest[0]!, rest[1]!)
  if (name === 'user' && rest.length >= 1) return addUser(reading, rest)
  if (name === 'loadmodule' && rest.length >= 1) {
    config.modules.push(rest)
    return undefined
  }
  if (name.includes('.')) {
    if (rest.length === 0) return 'Module config specified without value'
    config.moduleValues.set(name, rest.join(' '))
    return undefined
  }
  if (name === 'sentinel') {
    if (rest.length === 0) return undefined
    if (world.sentinelMode !== true) return 'sentinel directive while not in sentinel mode'
    config.sentinel.push({ words: rest, lineNumber, line })
    return undefined
  }
  return 'Bad directive or wrong number of arguments'
}

/** What can only be judged, or put right, when all lines have been read. */
function finish({ config, world }: Reading): ConfigError | undefined {
  const { values } = config
  if (values.logfile !== '') {
    const reason = world.tryLogFile(values.logfile, values.dir)
    if (reason !== undefined) return { kind: 'whole', reason: `Can't open the log file: ${reason}` }
  }
  if (values['cluster-enabled'] && values.replicaof !== undefined) {
    return { kind: 'whole', reason: 'replicaof directive not allowed in cluster mode' }
  }
  if (values['cluster-enabled'] && values.databases > 1) {
    config.warnings.push(
      `WARNING: Changing databases number from ${values.databases} to 1 since we are in cluster mode`,
    )
    values.databases = 1
  }
  clampHz(config)
  return undefined
}

function readLines(reading: Reading, text: string, depth: number): ConfigError | undefined {
  reading.at.readingFile = true
  const lines = text === '' ? [] : text.split('\n')
  for (const [i, raw] of lines.entries()) {
    const line = trimOf(raw, ' \t\r\n')
    if (line === '' || line.startsWith('#')) continue
    const wrong = (reason: string): ConfigError => ({ kind: 'line', lineNumber: i + 1, line, reason })
    const words = splitWords(line)
    if (words === undefined) return wrong('Unbalanced quotes in configuration line')
    if (words.length === 0) continue
    words[0] = lower(words[0]!)
    const outcome =
      findDirective(words[0]) !== undefined
        ? setDirective(reading, words)
        : otherLine(reading, words, i + 1, line, depth)
    if (outcome !== undefined) return typeof outcome === 'string' ? wrong(outcome) : outcome
  }
  // Redis forgets, behind an include, that it is still reading a file: from there on each save line
  // replaces those before it instead of adding to them. Files rely on it (a common file that is included,
  // then one's own save line), so it is the same here.
  reading.at.readingFile = false
  return finish(reading)
}

/** The text of a file, or of all files that a pattern names, one behind the other. */
function readFiles(reading: Reading, path: string): { text: string } | ConfigError {
  const { world, config } = reading
  const paths = /[*?[]/.test(path) ? world.glob(path, config.values.dir) : [path]
  let text = ''
  for (const each of paths) {
    if (++reading.filesRead > INCLUDED_FILES_MAX) return { kind: 'whole', reason: 'Too many included files' }
    const read = world.readFile(each, config.values.dir)
    if ('reason' in read) return { kind: 'file', path: each, reason: read.reason }
    text += withoutNul(read.text)
  }
  return { text }
}

/** C reads a line up to its first NUL, and then misses its end too. */
function withoutNul(text: string): string {
  return text.replaceAll(/\0[^\n]*\n?/g, '')
}

function includeFile(reading: Reading, path: string, depth: number): ConfigError | undefined {
  if (depth > INCLUDE_DEPTH_MAX) return { kind: 'whole', reason: 'Files include each other too deeply' }
  const read = readFiles(reading, path)
  return 'kind' in read ? read : readLines(reading, read.text, depth)
}

/** Where the lines of a configuration come from, in the order in which they count. */
export interface Sources {
  /** A path or a pattern. */
  readonly file?: string | undefined
  /** What came on standard input. */
  readonly stdin?: string | undefined
  /** Lines made of the command line. */
  readonly options?: string | undefined
}

/**
 * Reads a file, then standard input, then options, as one text: later lines win. Never throws; the result
 * is a configuration, or the first error.
 */
export function readConfig(sources: Sources, world: World): ParseResult {
  const config = createConfig(world.directory)
  if (world.sentinelMode === true) {
    config.values.port = 26379
    config.values['protected-mode'] = false
  }
  const at: Circumstances = {
    readingFile: true,
    saveSeen: false,
    changeDirectory: (from, to) => world.changeDirectory(from, to),
    warn: (text) => config.warnings.push(text),
  }
  const reading: Reading = { config, world, at, newNames: new Set(), goneNames: new Set(), filesRead: 0 }
  let text = ''
  if (sources.file !== undefined) {
    const read = readFiles(reading, sources.file)
    if ('kind' in read) return { ok: false, error: read }
    text = read.text
  }
  if (sources.stdin !== undefined) text += withoutNul(sources.stdin)
  if (sources.options !== undefined) text += `\n${beforeNul(sources.options)}`
  const error = readLines(reading, text, 0)
  return error === undefined ? { ok: true, config } : { ok: false, error }
}

/** Reads the text of a redis.conf. */
export function parseConfig(text: string, world: World): ParseResult {
  return readConfig({ stdin: text }, world)
}
