/** `shoal up`: options in, progress and the slot map out. What happens is in launch/up.ts. */

import { type Command, InvalidArgumentError } from 'commander'
import {
  describeTopology,
  summaryOf,
  type UpEvent,
  type UpResult,
  up,
  type Wanted,
} from '../../launch/index.js'
import type { Io } from '../cli/io.js'
import { coloursOf, complain, DEFAULT_DIR, engineWorld, type Subcommand, say } from '../shoal/subcommand.js'
import { createProgress } from './progress.js'
import { slotMapLines } from './slot-map.js'

interface Options {
  readonly nodes?: number
  readonly replicas?: number
  readonly port?: number
  readonly dir: string
  readonly host?: string[]
  readonly engine?: string[]
  readonly config?: string[]
  readonly wait?: boolean
}

export const subcommand: Subcommand = {
  summary: 'start a cluster on this machine, or what is missing of it',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .option('--nodes <n>', 'number of nodes (default: 6)', wholeNumber)
      .option('--replicas <n>', 'replicas of each master (default: 1)', wholeNumber)
      .option('--port <port>', "the first node's port, the others follow (default: 7000)", wholeNumber)
      .option('--dir <folder>', 'where the nodes keep their data', DEFAULT_DIR)
      .option('--host <a,b>', 'addresses of this machine, each standing for one (default: 127.0.0.1)', list)
      .option(
        '--engine <a,b>',
        'shoal, redis-server, valkey-server, a path, or several (default: shoal)',
        list,
      )
      .option('--config <line>', 'a line of redis.conf for every node; may be repeated', collect)
      .option('--wait', 'wait until every replica is linked to its master, too')
      .action(async (options: Options) => finish(await run(options, io)))
  },
}

async function run(options: Options, io: Io): Promise<number> {
  const wanted: Wanted = {
    nodes: options.nodes,
    replicas: options.replicas,
    port: options.port,
    hosts: options.host,
    engines: options.engine,
    config: options.config,
  }
  const progress = createProgress(io)
  const interruption = new AbortController()
  const release = io.onInterrupt(() => interruption.abort())
  try {
    const outcome = await up(wanted, {
      dir: options.dir,
      world: engineWorld(io),
      linked: options.wait === true,
      signal: interruption.signal,
      onEvent: (event: UpEvent) => progress.show(event),
    })
    progress.end()
    if (!outcome.ok) {
      complain(io, outcome.reason)
      return interruption.signal.aborted ? 130 : 1
    }
    conclude(outcome.value, options.dir, io)
    return 0
  } finally {
    progress.end()
    release()
  }
}

function conclude(result: UpResult, dir: string, io: Io): void {
  const colours = coloursOf(io)
  say(io, '')
  for (const line of slotMapLines(result.shards)) say(io, line)
  say(io, '')
  say(io, colours.green(summaryOf(result)))
  say(io, `Data: ${result.dir} (${describeTopology(result.topology)})`)
  const first = result.shards[0]?.master ?? ''
  const colon = first.lastIndexOf(':')
  const host = first.slice(0, colon)
  const where = `${host === '127.0.0.1' ? '' : ` -h ${host}`} -p ${first.slice(colon + 1)}`
  const folder = dir === DEFAULT_DIR ? '' : ` --dir ${dir}`
  // `npm start` has put nothing on the PATH.
  const me = io.env['npm_lifecycle_event'] === undefined ? 'shoal' : 'npx shoal'
  const hints = [
    `Use it:   ${me} cli -c${where}`,
    `See it:   ${me} status${folder}`,
    `Stop it:  ${me} down${folder}`,
  ]
  for (const hint of hints) say(io, colours.dim(hint))
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

function list(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}

function collect(line: string, before: string[] | undefined): string[] {
  return [...(before ?? []), line]
}
