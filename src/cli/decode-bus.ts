/**
 * `shoal decode-bus`: what nodes told each other, as text. Reads one direction of a recorded bus connection, or a single
 * packet, from a file or from standard input (`-`). Exit code 1 when something in it is no packet.
 */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { renderStream } from '../cluster/decode.js'
import type { Io } from './cli/io.js'
import { complain, type Subcommand, say } from './shoal/subcommand.js'

export const subcommand: Subcommand = {
  summary: 'show packets of the cluster bus',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .argument('<file>', 'recorded bytes, - for standard input')
      .action((file: string) => finish(run(file, io)))
  },
}

function run(file: string, io: Io): number {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    complain(io, `Cannot read ${file}: ${(error as Error).message}`)
    return 1
  }
  const { text, ok } = renderStream(bytes)
  say(io, text)
  return ok ? 0 : 1
}
