/** CONFIG GET: which directives some patterns name, and how their values look. */

import { globMatch } from '../../bytes/glob.js'
import { type Config, showValue } from './config.js'
import { has } from './directive.js'
import { ALIASES, DIRECTIVE_NAMES, directiveOf, findDirective } from './table.js'
import { bytesOf, lower } from './text.js'

/** Every name that CONFIG GET can show, first names and older ones. */
const ALL_NAMES: readonly string[] = [...DIRECTIVE_NAMES, ...ALIASES.keys()]

/**
 * The names and values that the patterns name, each once. A pattern without `*`, `?` or `[` is a name: it
 * comes back as it was typed, and finds hidden directives too.
 */
export function configGet(config: Config, patterns: readonly string[]): [name: string, value: string][] {
  const found = new Map<string, [string, string]>()
  const add = (shown: string, name: string): void => {
    const directive = findDirective(name)
    if (directive === undefined || found.has(lower(shown))) return
    found.set(lower(shown), [shown, showValue(config, directive)])
  }
  for (const pattern of patterns) {
    if (!/[[*?]/.test(pattern)) {
      add(pattern, pattern)
      continue
    }
    const glob = bytesOf(pattern)
    for (const name of ALL_NAMES) {
      if (has(directiveOf(findDirective(name)!), 'hidden')) continue
      const bytes = bytesOf(name)
      if (globMatch(glob, 0, glob.length, bytes, 0, bytes.length, true)) add(name, name)
    }
  }
  return [...found.values()]
}

/** Whether the value given to a directive must not be shown in logs, MONITOR and the slow log. */
export function isSensitive(given: string): boolean {
  const name = findDirective(given)
  return name !== undefined && has(directiveOf(name), 'sensitive')
}

/** The lines of CONFIG HELP. */
export const CONFIG_HELP: readonly string[] = [
  'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <pattern>',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>',
  '    Set the configuration <directive> to <value>.',
  'RESETSTAT',
  '    Reset statistics reported by the INFO command.',
  'REWRITE',
  '    Rewrite the configuration file.',
  'HELP',
  '    Print this help.',
]
