/**
 * What a directive is: a name's type, range, starting value and flags, and the four things that can be
 * done with its value: read it from words, show it, compare it, write it into a file.
 *
 * There are five plain kinds (yes/no, text, one of, some of, number), which the table can declare in one
 * line each; what fits none of them is a special one and brings its own functions (special.ts). The error
 * texts are those of Redis 7.2 (src/config.c), which clients and tests compare.
 */

import { integerOf, octalOf, sizeOf, sizeText } from './numbers.js'
import { beforeNul, lower, quoted } from './text.js'

/**
 * immutable: only a file or the command line may set it. multi-arg: takes several words. hidden: CONFIG
 * GET shows it by its exact name only. sensitive: its value is kept out of logs. protected: CONFIG SET
 * needs enable-protected-configs. deny-loading: not while data is being loaded. volatile: setting the
 * same value again still counts as a change (files that are read anew). debug: part of crash reports.
 */
export type Flag =
  | 'immutable'
  | 'multi-arg'
  | 'hidden'
  | 'sensitive'
  | 'protected'
  | 'deny-loading'
  | 'volatile'
  | 'debug'

interface Common {
  readonly flags: readonly Flag[]
  /** An older name, which reads and sets the same value. */
  readonly alias?: string
}

export interface BoolDirective extends Common {
  readonly kind: 'bool'
  readonly initial: boolean
  readonly check?: (value: boolean) => string | undefined
}

export interface TextDirective extends Common {
  readonly kind: 'text'
  readonly initial: string
  /** An empty text means "not set": CONFIG REWRITE then writes no line for it. */
  readonly emptyIsUnset: boolean
  /** May hold NUL; other texts end there. */
  readonly binary: boolean
  readonly check?: (value: string) => string | undefined
}

export interface OneOfDirective<V extends string = string> extends Common {
  readonly kind: 'one-of'
  readonly initial: V
  readonly choices: readonly V[]
  /** Spellings that stand for another choice, listed in error texts after the choice they follow. */
  readonly synonyms?: Readonly<Record<string, V>>
}

export interface SomeOfDirective<V extends string = string> extends Common {
  readonly kind: 'some-of'
  /** Empty stands for the first choice, which means "none of the others". */
  readonly initial: readonly V[]
  readonly choices: readonly V[]
  check?(value: readonly V[]): string | undefined
}

/** plain: 123. size: bytes with units. size-or-percent: also 5%, kept as -5. octal: 755. */
export type NumberForm = 'plain' | 'size' | 'size-or-percent' | 'octal'

export interface NumberDirective extends Common {
  readonly kind: 'number'
  readonly initial: number
  readonly form: NumberForm
  readonly min: bigint
  readonly max: bigint
  /** Compared as unsigned 64-bit numbers, so that a negative one is huge. */
  readonly unsigned: boolean
}

/** One line that CONFIG REWRITE may write; it is left out when not forced and not in the file already. */
export interface RewriteLine {
  readonly text: string
  readonly force: boolean
}

/** What special directives may need of the circumstances in which they are set. */
export interface Circumstances {
  /** A file (or the command line) is being read; CONFIG SET otherwise. */
  readingFile: boolean
  /** A save line of this start has been seen already, so that the default points are gone. */
  saveSeen: boolean
  /** Resolves a change of directory: the absolute path reached from `from`, or the reason why not. */
  changeDirectory(from: string, to: string): { path: string } | { reason: string }
  /** A line for the log at warning level. */
  warn(text: string): void
}

export type Outcome<T> = { readonly value: T; readonly changed: boolean } | { readonly error: string }

export interface SpecialDirective<T> extends Common {
  readonly kind: 'special'
  readonly initial: T
  readonly set: (words: readonly string[], current: T, at: Circumstances) => Outcome<T>
  readonly show: (value: T) => string
  /** Lines of CONFIG REWRITE; none means that the option must not be in the file. */
  readonly rewrite: (name: string, value: T, clusterEnabled: boolean) => readonly RewriteLine[]
}

/** A special directive whose type of value is not known to the reader. */
export interface AnySpecial extends Common {
  readonly kind: 'special'
  readonly initial: unknown
  readonly set: (words: readonly string[], current: never, at: Circumstances) => Outcome<unknown>
  readonly show: (value: never) => string
  readonly rewrite: (name: string, value: never, clusterEnabled: boolean) => readonly RewriteLine[]
}

export type Directive =
  | BoolDirective
  | TextDirective
  | OneOfDirective
  | SomeOfDirective
  | NumberDirective
  | AnySpecial

/** The five plain kinds. */
export type Plain = Exclude<Directive, AnySpecial>

/** The type of a directive's value. Numbers beyond 2^53 are rounded here; `Config.exact` has them whole. */
export type ValueOf<D> = D extends { kind: 'bool' }
  ? boolean
  : D extends { kind: 'text' }
    ? string
    : D extends { kind: 'number' }
      ? number
      : D extends OneOfDirective<infer V>
        ? V
        : D extends SomeOfDirective<infer V>
          ? readonly V[]
          : D extends SpecialDirective<infer T>
            ? T
            : never

export type PlainValue = boolean | string | readonly string[] | bigint

export function has(directive: Directive, flag: Flag): boolean {
  return directive.flags.includes(flag)
}

/** The wording of an integer that is out of its range, and of a percentage that is. */
function rangeError(directive: NumberDirective, value: bigint): string | undefined {
  const { min, max, unsigned } = directive
  if (directive.form === 'size-or-percent' && value < 0n) {
    return value < min ? `percentage argument must be less or equal to ${-min}` : undefined
  }
  const compared = unsigned ? BigInt.asUintN(64, value) : value
  if (compared >= min && compared <= max) return undefined
  const base = directive.form === 'octal' ? 8 : 10
  return `argument must be between ${min.toString(base)} and ${max.toString(base)} inclusive`
}

function readNumber(directive: NumberDirective, text: string): bigint | string {
  const { form } = directive
  if (form === 'size' || form === 'size-or-percent') {
    const size = sizeOf(beforeNul(text))
    if (size !== undefined) return BigInt.asIntN(64, size)
    if (form === 'size') return 'argument must be a memory value'
    const percent = text.endsWith('%') ? integerOf(text.slice(0, -1)) : undefined
    return percent !== undefined && percent >= 0n ? -percent : 'argument must be a memory or percent value'
  }
  if (form === 'octal') {
    return octalOf(beforeNul(text)) ?? "argument couldn't be parsed as an octal number"
  }
  return integerOf(text) ?? "argument couldn't be parsed into an integer"
}

/** Reads a number of this directive: the exact value (unsigned where the type is), or the error text. */
export function setNumber(directive: NumberDirective, words: readonly string[]): bigint | string {
  const value = readNumber(directive, words[0]!)
  if (typeof value === 'string') return value
  return rangeError(directive, value) ?? (directive.unsigned ? BigInt.asUintN(64, value) : value)
}

/** How an error text lists the choices of an enumeration. */
function oneOfError(names: readonly string[]): string {
  return `argument(s) must be one of the following: ${names.join(', ')}`
}

export function setBool(directive: BoolDirective, words: readonly string[]): boolean | string {
  const word = lower(words[0]!)
  if (word !== 'yes' && word !== 'no') return "argument must be 'yes' or 'no'"
  return directive.check?.(word === 'yes') ?? word === 'yes'
}

export function setText(
  directive: TextDirective,
  words: readonly string[],
): { value: string } | { error: string } {
  const value = directive.binary ? words[0]! : beforeNul(words[0]!)
  const error = directive.check?.(value)
  return error === undefined ? { value } : { error }
}

export function setOneOf(
  directive: OneOfDirective,
  words: readonly string[],
): { value: string } | { error: string } {
  const word = words.length === 1 ? lower(beforeNul(words[0]!)) : undefined
  const meant = word === undefined ? undefined : (directive.synonyms?.[word] ?? word)
  const value = directive.choices.find((choice) => choice === meant)
  if (value !== undefined) return { value }
  const names = directive.choices.flatMap((choice) => [
    choice,
    ...Object.entries(directive.synonyms ?? {}).flatMap(([name, of]) => (of === choice ? [name] : [])),
  ])
  return { error: oneOfError(names) }
}

export function setSomeOf(
  directive: SomeOfDirective,
  words: readonly string[],
): { value: readonly string[] } | { error: string } {
  const given = words.map((word) => lower(beforeNul(word)))
  const { choices } = directive
  if (given.length === 0 || given.some((word) => !choices.includes(word)))
    return { error: oneOfError(choices) }
  const value = choices.slice(1).filter((choice) => given.includes(choice))
  const error = directive.check?.(value)
  return error === undefined ? { value } : { error }
}

/** A number as CONFIG GET shows it. */
export function showNumber(directive: NumberDirective, value: bigint): string {
  if (directive.form === 'size-or-percent' && value < 0n) return `${-value}%`
  return directive.form === 'octal' ? value.toString(8) : `${value}`
}

/** A value of a plain kind as CONFIG GET shows it. */
export function showPlain(directive: Plain, value: PlainValue): string {
  switch (directive.kind) {
    case 'bool':
      return value === true ? 'yes' : 'no'
    case 'some-of': {
      const names = value as readonly string[]
      return names.length === 0 ? directive.choices[0]! : names.join(' ')
    }
    case 'number':
      return showNumber(directive, value as bigint)
    default:
      return value as string
  }
}

/** The line that CONFIG REWRITE writes for a value of a plain kind; undefined when there must be none. */
export function rewritePlain(name: string, directive: Plain, value: PlainValue): RewriteLine | undefined {
  const shown = showPlain(directive, value)
  switch (directive.kind) {
    case 'text':
      if (shown === '' && directive.emptyIsUnset) return undefined
      return {
        text: `${name} ${quoted(shown)}`,
        force: directive.emptyIsUnset || shown !== directive.initial,
      }
    case 'number': {
      const size =
        (directive.form === 'size' || directive.form === 'size-or-percent') && (value as bigint) >= 0n
      const text = size ? sizeText(value as bigint) : shown
      return { text: `${name} ${text}`, force: value !== BigInt(directive.initial) }
    }
    default:
      return { text: `${name} ${shown}`, force: shown !== showPlain(directive, directive.initial) }
  }
}
