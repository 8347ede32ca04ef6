/** `shoal` with a subcommand of its own: finds it, lets commander read the options, gives the exit code. */

import { Command, CommanderError } from 'commander'
import { SHOAL_VERSION } from '../../server/version.js'
import type { Io } from '../cli/io.js'
import { PROGRAMS } from './programs.js'
import { complain, type Subcommand, say } from './subcommand.js'

/** One line a subcommand; its file is read only when it is asked for. */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<{ readonly subcommand: Subcommand }>>> = {
  up: () => import('../up/up.js'),
  down: () => import('../down.js'),
  status: () => import('../status.js'),
  'decode-bus': () => import('../decode-bus.js'),
  'decode-rdb': () => import('../decode-rdb.js'),
  'decode-aof': () => import('../decode-aof.js'),
}

/** Runs `shoal` with its arguments (without the program's name); gives the exit code. */
export async function runShoal(argv: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = argv
  if (word === undefined || word === '-h' || word === '--help' || (word === 'help' && rest.length === 0)) {
    say(io, await help())
    return word === undefined ? 1 : 0
  }
  if (word === '-V' || word === '-v' || word === '--version' || word === 'version') {
    say(io, `shoal ${SHOAL_VERSION}`)
    return 0
  }
  if (word === 'help') {
    const program = PROGRAMS[rest[0]!]
    if (program === undefined) return runSubcommand(rest[0]!, ['--help'], io)
    say(io, `shoal ${rest[0]} is ${program.bin}: ${program.summary}. Its own help: shoal ${rest[0]} --help`)
    return 0
  }
  return runSubcommand(word, rest, io)
}

async function runSubcommand(name: string, argv: readonly string[], io: Io): Promise<number> {
  const load = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined
  if (load === undefined) {
    complain(io, `shoal: there is no subcommand '${name}'. See: shoal help`)
    return 1
  }
  const { subcommand } = await load()
  let code = 0
  const command = new Command(`shoal ${name}`)
    .description(subcommand.summary)
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
  subcommand.define(command, io, (given) => {
    code = given
  })
  try {
    await command.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode
  }
  return code
}

async function help(): Promise<string> {
  const own = await Promise.all(
    Object.entries(SUBCOMMANDS).map(
      async ([name, load]) => [name, (await load()).subcommand.summary] as const,
    ),
  )
  const programs = Object.entries(PROGRAMS).map(([name, { summary }]) => [name, summary] as const)
  const lines = [...own, ...programs].map(([name, summary]) => `  ${name.padEnd(10)} ${summary}`)
  return [
    'Usage: shoal <subcommand> [options]',
    '',
    ...lines,
    '',
    '  help [subcommand], --version',
    '',
    'To begin with: shoal up',
  ].join('\n')
}
