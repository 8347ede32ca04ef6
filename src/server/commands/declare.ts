/** Shorthand for commands with many subcommands: most of what is declared of them is the same. */

import { type Command, type Declaration, type Group, LOADING, STALE } from '../../commands/command.js'
import type { Args } from '../../resp/args.js'
import { serverCommand } from '../server-command.js'

/** A declaration in one line; `more` for what is not everyday. */
export function declare(
  group: Group,
  name: string,
  arity: number,
  flags: number,
  since: string,
  summary: string,
  more: Partial<Declaration> = {},
): Declaration {
  return { name, arity, flags, since, group, summary, complexity: 'O(1)', ...more }
}

/** The HELP subcommand of a container: its first and last lines are the same everywhere. */
export function helpCommand(
  group: Group,
  container: string,
  since: string,
  lines: readonly string[],
): Command {
  const all = [
    `${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...lines,
    'HELP',
    '    Print this help.',
  ]
  return serverCommand(
    declare(group, 'HELP', 2, LOADING | STALE, since, 'Tells the subcommands.', {
      ...(container === 'COMMAND' ? { categories: ['connection'] } : {}),
    }),
    (_node, _client, _args, reply) => {
      reply.array(all.length)
      for (const line of all) reply.simple(line)
    },
  )
}

/** The error of a subcommand that takes fewer arguments; the dispatcher knows only how many it takes at least. */
export function wrongCount(args: Args): string {
  const [container, name] = [args.word(0).toUpperCase(), args.shown(1)]
  return `ERR unknown subcommand or wrong number of arguments for '${name}'. Try ${container} HELP.`
}
