/** What every subcommand of `shoal` is given, and the few things that they share. */

import type { Command } from 'commander'
import pc from 'picocolors'
import type { EngineWorld } from '../../launch/engines.js'
import type { Io } from '../cli/io.js'
import { programPath } from './programs.js'

/**
 * A subcommand: one file in src/cli/ that exports `subcommand`, and one line in the list of run.ts. `define` declares
 * options and arguments on `command` (commander's) and calls `command.action` with a function that gives the exit code
 * to `finish`.
 */
export interface Subcommand {
  readonly summary: string
  define(command: Command, io: Io, finish: (code: number) => void): void
}

export const DEFAULT_DIR = 'shoal-data'

/** Colours where somebody looks, none in a file or a pipe. */
export function coloursOf(io: Io): ReturnType<typeof pc.createColors> {
  return pc.createColors(
    io.stdout.isTTY === true && io.env['NO_COLOR'] === undefined && io.env['TERM'] !== 'dumb',
  )
}

export function say(io: Io, line: string): void {
  io.stdout.write(`${line}\n`)
}

/** An error, on stderr. */
export function complain(io: Io, reason: string): void {
  const colours = coloursOf(io)
  const [first, ...rest] = reason.trimEnd().split('\n')
  io.stderr.write(`${[colours.red(first!), ...rest].join('\n')}\n`)
}

/** Where engines and folders are looked for. */
export function engineWorld(io: Io): EngineWorld {
  return {
    shoalServer: programPath('shoal-server'),
    node: process.execPath,
    path: io.env['PATH'] ?? process.env['PATH'] ?? '',
    cwd: process.cwd(),
  }
}
