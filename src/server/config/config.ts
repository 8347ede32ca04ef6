/**
 * The configuration of one node: a plain record of current values, and who wants to hear of changes.
 *
 * Anyone may read `config.values[name]`; only parse.ts (at the start) and set.ts (CONFIG SET) write, and
 * both through {@link setWords}, so that a value is always one that its directive allows.
 */

import {
  type Circumstances,
  type Outcome,
  type PlainValue,
  setBool,
  setNumber,
  setOneOf,
  setSomeOf,
  setText,
  showPlain,
} from './directive.js'
import { type ConfigValues, DIRECTIVE_NAMES, type DirectiveName, directiveOf } from './table.js'

/**
 * Puts a new value into effect: called after the values have been set. Returns undefined, or why it could
 * not (then all values of that CONFIG SET go back to what they were), perhaps after a while.
 */
export type Apply = () => string | undefined | Promise<string | undefined>

/** rename-command: the command `from` is called `to` on this node; an empty `to` takes it away. */
export interface RenamedCommand {
  readonly from: string
  readonly to: string
}

export interface SentinelLine {
  readonly words: readonly string[]
  readonly lineNumber: number
  readonly line: string
}

export interface Config {
  readonly values: ConfigValues
  /** Numbers that do not fit a double exactly, whole. */
  readonly exact: Map<DirectiveName, bigint>
  readonly renamedCommands: RenamedCommand[]
  /** Words of each `user` line after `user`: the name and its rules. */
  readonly users: (readonly string[])[]
  /** Words of each `loadmodule` line after `loadmodule`: the path and its arguments. */
  readonly modules: (readonly string[])[]
  /** Values given for directives of modules (`search.timeout 5`). */
  readonly moduleValues: Map<string, string>
  readonly sentinel: SentinelLine[]
  /** What reading it left to say in the log, at warning level. */
  readonly warnings: string[]
  /** Absolute path of the file it came from, which CONFIG REWRITE rewrites. */
  file: string | undefined
  readonly listeners: Map<DirectiveName, Apply[]>
  /** Calls `apply` after a CONFIG SET that changed one of the names; once, however many of them did. */
  onChange(names: DirectiveName | readonly DirectiveName[], apply: Apply): void
}

/** A configuration in which nothing has been set; `directory` is the absolute path it starts in. */
export function createConfig(directory: string): Config {
  const initial = Object.fromEntries(DIRECTIVE_NAMES.map((name) => [name, directiveOf(name).initial]))
  const listeners: Config['listeners'] = new Map()
  return {
    values: { ...initial, dir: directory } as ConfigValues,
    exact: new Map(),
    renamedCommands: [],
    users: [],
    modules: [],
    moduleValues: new Map(),
    sentinel: [],
    warnings: [],
    file: undefined,
    listeners,
    onChange(names, apply) {
      for (const name of typeof names === 'string' ? [names] : names) {
        listeners.set(name, [...(listeners.get(name) ?? []), apply])
      }
    },
  }
}

/** A number whole, where `values` may have had to round it. */
export function exactNumber(config: Config, name: DirectiveName): bigint {
  return config.exact.get(name) ?? BigInt(config.values[name] as number)
}

function store(config: Config, name: DirectiveName, value: unknown): void {
  ;(config.values as Record<DirectiveName, unknown>)[name] = value
}

function storeNumber(config: Config, name: DirectiveName, value: bigint): void {
  store(config, name, Number(value))
  if (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))) config.exact.delete(name)
  else config.exact.set(name, value)
}

/** The value as the functions of directive.ts take it. */
export function plainValue(config: Config, name: DirectiveName): PlainValue {
  if (directiveOf(name).kind === 'number') return exactNumber(config, name)
  return config.values[name] as PlainValue
}

/** The value as CONFIG GET shows it. */
export function showValue(config: Config, name: DirectiveName): string {
  const directive = directiveOf(name)
  if (directive.kind === 'special') return directive.show(config.values[name] as never)
  return showPlain(directive, plainValue(config, name))
}

function readPlain(name: DirectiveName, words: readonly string[]): { value: PlainValue } | { error: string } {
  const directive = directiveOf(name)
  switch (directive.kind) {
    case 'bool': {
      const value = setBool(directive, words)
      return typeof value === 'string' ? { error: value } : { value }
    }
    case 'number': {
      const value = setNumber(directive, words)
      return typeof value === 'string' ? { error: value } : { value }
    }
    case 'text':
      return setText(directive, words)
    case 'one-of':
      return setOneOf(directive, words)
    case 'some-of':
      return setSomeOf(directive, words)
    default:
      return { error: 'wrong number of arguments' }
  }
}

/** Sets a directive from its words. On an error nothing has changed. */
export function setWords(
  config: Config,
  name: DirectiveName,
  words: readonly string[],
  at: Circumstances,
): { changed: boolean } | { error: string } {
  const directive = directiveOf(name)
  if (directive.kind === 'special') {
    const outcome: Outcome<unknown> = directive.set(words, config.values[name] as never, at)
    if ('error' in outcome) return outcome
    store(config, name, outcome.value)
    return { changed: outcome.changed }
  }
  const before = showValue(config, name)
  const read = readPlain(name, words)
  if ('error' in read) return read
  if (typeof read.value === 'bigint') storeNumber(config, name, read.value)
  else store(config, name, read.value)
  return { changed: directive.flags.includes('volatile') || showValue(config, name) !== before }
}

/** The values of some directives, to be put back by {@link restoreValues}. */
export type Saved = readonly { name: DirectiveName; value: unknown; exact: bigint | undefined }[]

export function saveValues(config: Config, names: readonly DirectiveName[]): Saved {
  return names.map((name) => ({ name, value: config.values[name], exact: config.exact.get(name) }))
}

export function restoreValues(config: Config, saved: Saved): void {
  for (const { name, value, exact } of saved) {
    store(config, name, value)
    if (exact === undefined) config.exact.delete(name)
    else config.exact.set(name, exact)
  }
}

const HZ_MIN = 1
const HZ_MAX = 500

/** A smaller backlog is not worth having. */
const BACKLOG_BYTES_MIN = 16 * 1024

/** Values that are brought into a sensible range when they are set on a running node. */
export function clampRunning(config: Config, changed: readonly DirectiveName[]): void {
  clampHz(config)
  const { values } = config
  if (!changed.includes('repl-backlog-size')) return
  values['repl-backlog-size'] = Math.max(values['repl-backlog-size'], BACKLOG_BYTES_MIN)
}

/** hz is taken as a wish and brought into the range that makes sense. */
export function clampHz(config: Config): void {
  config.values.hz = Math.min(Math.max(config.values.hz, HZ_MIN), HZ_MAX)
}
