/** `shoal decode-rdb`: an RDB file as text, one line an item. Exit code 1 when it cannot be read to its end. */

import type { Command } from 'commander'
import { RdbReader } from '../persistence/rdb/reader.js'
import { rdbLines, rdbProblemLine } from '../persistence/rdb/render.js'
import type { Io } from './cli/io.js'
import { LinePrinter, readPieces } from './decode/pieces.js'
import { complain, type Subcommand } from './shoal/subcommand.js'

export const subcommand: Subcommand = {
  summary: 'show what is in an RDB file',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .argument('<file>', 'for example dump.rdb')
      .action(async (file: string) => finish(await run(file, io)))
  },
}

async function run(file: string, io: Io): Promise<number> {
  const out = new LinePrinter(io)
  const reader = new RdbReader(
    rdbLines((line) => out.print(line)),
    { checksum: true },
  )
  try {
    await readPieces(file, async (buf, count) => {
      reader.feed(buf, 0, count)
      await out.caughtUp()
      return reader.state !== 'failed' && reader.state !== 'done'
    })
  } catch (error) {
    complain(io, `Cannot read ${file}: ${(error as Error).message}`)
    return 1
  }
  const problem = reader.end()
  if (problem !== undefined) out.print(rdbProblemLine(problem))
  await out.caughtUp()
  return problem === undefined ? 0 : 1
}
