/** `shoal down`: stops the nodes; with --delete their data goes too, after a question. */

import type { Command } from 'commander'
import { count, down, type Ending, knownCluster } from '../launch/index.js'
import { type Io, LineReader } from './cli/io.js'
import { complain, DEFAULT_DIR, engineWorld, type Subcommand, say } from './shoal/subcommand.js'

interface Options {
  readonly dir: string
  readonly delete?: boolean
  readonly yes?: boolean
}

export const subcommand: Subcommand = {
  summary: 'stop the cluster, keeping its data',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .option('--dir <folder>', 'where the nodes keep their data', DEFAULT_DIR)
      .option('--delete', 'remove the data as well')
      .option('--yes', 'do not ask before removing')
      .action(async (options: Options) => finish(await run(options, io)))
  },
}

const WORDS: Readonly<Record<Ending, string>> = {
  shutdown: 'stopped',
  terminated: 'stopped by SIGTERM',
  killed: 'did not stop and was killed',
  alive: 'could not be stopped',
}

async function run(options: Options, io: Io): Promise<number> {
  const world = engineWorld(io)
  if (options.delete === true && options.yes !== true) {
    const known = await knownCluster(options.dir, world)
    if (!known.ok) {
      complain(io, known.reason)
      return 1
    }
    const { topology, dir } = known.value
    if (!(await agreed(`Delete the data of ${count(topology.nodes, 'node')} in ${dir}?`, io))) {
      say(io, 'Nothing was stopped, nothing was deleted.')
      return 1
    }
  }
  const outcome = await down({
    dir: options.dir,
    world,
    delete: options.delete === true,
    onNode: (address, ending) => say(io, `${address} ${WORDS[ending]}`),
  })
  if (!outcome.ok) {
    complain(io, outcome.reason)
    return 1
  }
  const { ended, deleted, dir } = outcome.value
  const stopped = ended.length === 0 ? 'No node was running.' : `${count(ended.length, 'node')} stopped.`
  say(io, `${stopped} ${deleted ? `The data in ${dir} is deleted.` : `The data stays in ${dir}.`}`)
  return 0
}

async function agreed(question: string, io: Io): Promise<boolean> {
  io.stdout.write(`${question} (type 'yes' to delete): `)
  const lines = new LineReader(io)
  const answer = await lines.next()
  lines.close()
  if (io.stdin.isTTY !== true) io.stdout.write('\n')
  return answer !== undefined && Buffer.from(answer).toString().trim().toLowerCase() === 'yes'
}
