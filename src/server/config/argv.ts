/**
 * The command line as configuration: `redis.conf --port 7000 --save 60 1 -` becomes a file, the wish to
 * read standard input, and lines of configuration. How words become lines, down to the special place of
 * `--save` without a value, is as in Redis 7.2 (src/server.c, main).
 */

import { lower, quoted, splitWords } from './text.js'

export interface CommandLine {
  /** Asked for instead of a start: a text to print, or a check to make. */
  readonly instead?: 'version' | 'help' | 'test-memory' | 'check-system'
  /** As typed; may be relative. */
  readonly file?: string
  readonly stdin: boolean
  /** Lines of configuration; undefined when nothing at all was typed. */
  readonly options?: string
}

const INSTEAD: ReadonlyMap<string, NonNullable<CommandLine['instead']>> = new Map([
  ['-v', 'version'],
  ['--version', 'version'],
  ['-h', 'help'],
  ['--help', 'help'],
  ['--test-memory', 'test-memory'],
  ['--check-system', 'check-system'],
])

/** What follows the name of an option that stands alone in its word, when the next word is no value for it. */
function valueOfLoneOption(
  args: readonly string[],
  at: number,
): { value: string; complete: boolean } | undefined {
  const name = lower(args[at]!)
  const last = at === args.length - 1
  if (name !== '--save' && name !== '--sentinel') return undefined
  if (!last && !args[at + 1]!.startsWith('--')) return undefined
  return { value: name === '--save' ? '""' : '', complete: !last }
}

/** Reads what was typed behind the program's name. */
export function readCommandLine(args: readonly string[]): CommandLine {
  if (args.length === 0) return { stdin: false }
  const instead = INSTEAD.get(args[0]!)
  if (instead !== undefined) return { instead, stdin: false }
  const file = args[0]!.startsWith('-') ? undefined : args[0]
  let stdin = false
  let options = ''
  // An option's first value may itself begin with "--"; a further one would be the next option.
  let hasValue = true
  for (let i = file === undefined ? 0 : 1; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '-' && (i === 0 || i === args.length - 1)) stdin = true
    else if (hasValue && arg.startsWith('--')) {
      if (options !== '') options += '\n'
      options += `${arg.slice(2)} `
      hasValue = true
      if (splitWords(arg)?.length === 1) {
        const lone = valueOfLoneOption(args, i)
        options += lone?.value ?? ''
        hasValue = lone?.complete ?? false
      }
    } else {
      options += `${quoted(arg)} `
      hasValue = true
    }
  }
  return file === undefined ? { stdin, options } : { file, stdin, options }
}
