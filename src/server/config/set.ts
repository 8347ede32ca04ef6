/**
 * CONFIG SET: some directives at once, or none of them.
 *
 * First all names are looked at, then all values are set, then everybody who asked is told; whoever cannot
 * follow (a port that is taken) has all values put back. Error texts are those of Redis 7.2.
 */

import {
  type Apply,
  type Config,
  clampRunning,
  restoreValues,
  type Saved,
  saveValues,
  setWords,
} from './config.js'
import { type Circumstances, has } from './directive.js'
import { idleNotice } from './newer.js'
import { type DirectiveName, directiveOf, findDirective } from './table.js'
import { beforeNul, lower } from './text.js'

export interface SetHooks {
  /** Data is being loaded. */
  readonly loading: boolean
  /** This client may set protected directives (enable-protected-configs). */
  readonly mayProtected: boolean
  changeDirectory(from: string, to: string): { path: string } | { reason: string }
  /** A line for the log at warning level. */
  warn(text: string): void
}

const LOADING_ERROR = 'LOADING Redis is loading the dataset in memory'

interface Pair {
  readonly name: DirectiveName
  /** The name it was given by, which may be the older one. */
  readonly shown: string
  readonly value: string
}

function failed(name: string, reason: string | undefined): string {
  const why = reason === undefined || reason === '' ? '' : ` - ${reason}`
  return `ERR CONFIG SET failed (possibly related to argument '${name}')${why}`
}

/** What a client sent, made fit for an error line. */
function inReply(text: string): string {
  return beforeNul(text).replaceAll(/[\r\n]/g, ' ')
}

/** The pairs by their directives, or the error reply of the first that may not be set. */
function checkNames(given: readonly (readonly [string, string])[], hooks: SetHooks): Pair[] | string {
  const pairs: Pair[] = []
  for (const [shown, value] of given) {
    const name = findDirective(shown)
    if (name === undefined)
      return `ERR Unknown option or number of arguments for CONFIG SET - '${inReply(shown)}'`
    const directive = directiveOf(name)
    if (has(directive, 'immutable')) return failed(inReply(shown), "can't set immutable config")
    if (has(directive, 'protected') && !hooks.mayProtected)
      return failed(inReply(shown), "can't set protected config")
    if (has(directive, 'deny-loading') && hooks.loading) return LOADING_ERROR
    // An older name and its newer one do not count as twice the same: the last one wins.
    if (pairs.some((pair) => pair.shown === lower(shown)))
      return failed(inReply(shown), 'duplicate parameter')
    pairs.push({ name, value, shown: lower(shown) })
  }
  return pairs
}

/** The words of a value: those of a directive that takes several are divided at every single blank. */
function wordsOf({ name, value }: Pair): readonly string[] {
  if (!has(directiveOf(name), 'multi-arg')) return [value]
  return value === '' ? [] : value.split(' ')
}

interface Step {
  readonly shown: string
  readonly apply: Apply
}

/** Whom to tell, each once, with the first changed directive that concerns it. */
function stepsFor(config: Config, changed: readonly Pair[]): Step[] {
  const steps: Step[] = []
  for (const { name, shown } of changed) {
    for (const apply of config.listeners.get(name) ?? []) {
      if (!steps.some((step) => step.apply === apply)) steps.push({ shown, apply })
    }
  }
  return steps
}

/** Tells everybody once more after the values went back; nothing can be done about what fails now. */
function undo(config: Config, saved: Saved, steps: readonly Step[], hooks: SetHooks, failing: Step): void {
  hooks.warn(
    `Failed applying new configuration. Possibly related to new ${failing.shown} setting. ` +
      'Restoring previous settings.',
  )
  restoreValues(config, saved)
  const say = (reason: string | undefined): void => {
    if (reason !== undefined) hooks.warn(`Failed applying restored failed CONFIG SET command: ${reason}`)
  }
  for (const { apply } of steps) {
    const outcome = apply()
    if (outcome instanceof Promise) outcome.then(say, (error: unknown) => say(String(error)))
    else say(outcome)
  }
}

/**
 * Sets directives to values, as CONFIG SET: null when all are set and in effect, else the error reply
 * (with its `ERR`), and then nothing has changed. It is a promise only when somebody who must follow the
 * change takes time for it.
 */
export function configSet(
  config: Config,
  given: readonly (readonly [name: string, value: string])[],
  hooks: SetHooks,
): string | null | Promise<string | null> {
  const pairs = checkNames(given, hooks)
  if (typeof pairs === 'string') return pairs
  const saved = saveValues(
    config,
    pairs.map((pair) => pair.name),
  )
  const at: Circumstances = {
    readingFile: false,
    saveSeen: true,
    changeDirectory: (from, to) => hooks.changeDirectory(from, to),
    warn: (text) => hooks.warn(text),
  }
  const changed: Pair[] = []
  for (const pair of pairs) {
    const outcome = setWords(config, pair.name, wordsOf(pair), at)
    if ('error' in outcome) {
      restoreValues(config, saved)
      return failed(pair.shown, outcome.error)
    }
    if (outcome.changed) changed.push(pair)
  }
  clampRunning(
    config,
    changed.map((pair) => pair.name),
  )
  const steps = stepsFor(config, changed)
  for (const { name } of changed) {
    const line = idleNotice(name)
    if (line !== undefined) hooks.warn(line)
  }
  const fail = (step: Step, reason: string): string => {
    undo(config, saved, steps, hooks, step)
    return failed(step.shown, reason)
  }
  const run = (from: number): string | null | Promise<string | null> => {
    for (let i = from; i < steps.length; i++) {
      const step = steps[i]!
      const outcome = step.apply()
      if (outcome instanceof Promise) {
        return outcome.then(
          (reason) => (reason === undefined ? run(i + 1) : fail(step, reason)),
          (error: unknown) => fail(step, String(error)),
        )
      }
      if (outcome !== undefined) return fail(step, outcome)
    }
    return null
  }
  return run(0)
}
