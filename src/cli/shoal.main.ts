/**
 * The program `shoal`: one command for everything. `shoal server`, `shoal cli` and `shoal trib` are the programs of
 * those names, which read their own arguments; the other subcommands are loaded when they are asked for.
 */

import { load, PROGRAMS, programPath } from './shoal/programs.js'

const word = process.argv[2] ?? ''
const program = Object.hasOwn(PROGRAMS, word) ? PROGRAMS[word] : undefined
if (program !== undefined) {
  // To the program it looks as if it had been called by its own name: it may have to start itself again.
  process.argv.splice(1, 2, programPath(program.bin))
  load(program)
} else {
  void main()
}

async function main(): Promise<void> {
  const [{ runShoal }, { processIo }] = await Promise.all([import('./shoal/run.js'), import('./cli/io.js')])
  process.exitCode = await runShoal(process.argv.slice(2), processIo())
}
