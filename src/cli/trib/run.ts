/**
 * `shoal-trib`: the cluster manager with the command line and the words of redis-trib.rb 3.0.6. Reads arguments,
 * prints, gives the exit code; what happens to a cluster is in trib/.
 *
 * Two things differ on purpose: `create` reads the nodes anew before its last check (redis-trib prints what it
 * remembers, where replicas are still masters), and `check` ends with code 1 when something is wrong.
 */

import { parseAddress, type Reply, textOf } from '../../client/index.js'
import { callLoaded, checkLoaded, infoLoaded } from '../../trib/check.js'
import { create } from '../../trib/create.js'
import { type Access, type Context, closeAll, type LoadedCluster, loadCluster } from '../../trib/session.js'
import { reasons } from '../../trib/words.js'
import { type Io, LineReader } from '../cli/io.js'
import { painter } from '../cli/paint.js'

interface Command {
  /** As redis-trib counts: the command itself included, negative for at least. */
  readonly arity: number
  readonly args: string
  /** Options and whether they take a value. */
  readonly options: Readonly<Record<string, boolean>>
  run(args: string[], options: Map<string, string>, context: Context, io: Io): Promise<number>
}

const COMMANDS: Readonly<Record<string, Command>> = {
  create: {
    arity: -2,
    args: 'host1:port1 ... hostN:portN',
    options: { replicas: true },
    run: async (args, options, context, io) => {
      const replicas = Number.parseInt(options.get('replicas') ?? '0', 10) || 0
      let refused = false
      const outcome = await create(args, {
        ...context,
        replicas,
        confirm: async (question) => {
          refused = !(await confirm(question, io))
          if (refused) context.say('*** Aborting...\n', 'warn')
          return !refused
        },
      })
      if (!outcome.ok || refused) return 1
      return outcome.value.report?.ok === true ? 0 : 1
    },
  },
  check: {
    arity: 2,
    args: 'host:port',
    options: {},
    run: (args, _options, context) =>
      withCluster(args[0]!, context, async ({ nodes }) => ((await checkLoaded(nodes, context)).ok ? 0 : 1)),
  },
  info: {
    arity: 2,
    args: 'host:port',
    options: {},
    run: (args, _options, context) =>
      withCluster(args[0]!, context, async ({ nodes }) => ((await infoLoaded(nodes, context)).ok ? 0 : 1)),
  },
  call: {
    arity: -3,
    args: 'host:port command arg arg .. arg',
    options: {},
    run: (args, _options, context) =>
      withCluster(args[0]!, context, async ({ nodes }) => {
        const answers = await callLoaded(nodes, args.slice(1), context, rubyText)
        return answers.some((answer) => answer.reply === undefined) ? 1 : 0
      }),
  },
  help: {
    arity: 1,
    args: '(show this help)',
    options: {},
    run: async (_args, _options, { say }) => {
      say(help())
      return 0
    },
  },
}

/** Subcommands of redis-trib.rb that this manager does not have yet: said so, instead of «unknown». */
const NOT_YET = ['fix', 'reshard', 'rebalance', 'add-node', 'del-node', 'set-timeout', 'import']

/** Runs `shoal-trib` with its arguments (without the program's name); gives the exit code. */
export async function runTrib(argv: readonly string[], io: Io): Promise<number> {
  const say = painter(io, 'trib')
  const [word, ...rest] = argv
  if (word === undefined) {
    say(help())
    return 1
  }
  const name = word.toLowerCase()
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    if (NOT_YET.includes(name)) say(`[ERR] shoal-trib does not have '${name}' yet\n`, 'error')
    else say(`Unknown redis-trib subcommand '${word}'\n`)
    return 1
  }
  const parsed = parseOptions(name, command, rest)
  if (typeof parsed === 'string') {
    say(parsed)
    return 1
  }
  const count = parsed.args.length + 1
  if (command.arity > 0 ? count !== command.arity : count < -command.arity) {
    say('[ERR] Wrong number of arguments for specified sub command\n', 'error')
    return 1
  }
  const password = parsed.options.get('password') ?? io.env['REDISCLI_AUTH']
  const access: Access = password === undefined ? {} : { password }
  return command.run(parsed.args, parsed.options, { style: 'trib', say, access }, io)
}

function parseOptions(
  name: string,
  command: Command,
  words: readonly string[],
): { options: Map<string, string>; args: string[] } | string {
  const options = new Map<string, string>()
  let i = 0
  for (; i < words.length && words[i]!.startsWith('--'); i++) {
    const option = words[i]!.slice(2)
    if (option === 'verbose') continue
    // redis-trib 3.0.6 knows no passwords; its later versions took --password.
    const valued =
      option === 'password' || (Object.hasOwn(command.options, option) ? command.options[option] : undefined)
    if (valued === undefined) return `Unknown option '${option}' for command '${name}'\n`
    options.set(option, valued ? (words[++i] ?? '') : 'true')
  }
  return { options, args: words.slice(i) }
}

async function withCluster(
  address: string,
  context: Context,
  act: (cluster: LoadedCluster) => Promise<number>,
): Promise<number> {
  const where = parseAddress(address)
  if (where === undefined) {
    context.say(reasons.badAddress(address, 'trib'))
    return 1
  }
  const loaded = await loadCluster(where.host, where.port, context)
  if (!loaded.ok) return 1
  try {
    return await act(loaded.value)
  } finally {
    closeAll(loaded.value.nodes)
  }
}

async function confirm(question: string, io: Io): Promise<boolean> {
  io.stdout.write(`${question} (type 'yes' to accept): `)
  const lines = new LineReader(io)
  const answer = await lines.next()
  lines.close()
  return answer !== undefined && Buffer.from(answer).toString().trim().toLowerCase() === 'yes'
}

function help(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { args, options }]) => [
    `  ${name.padEnd(15)} ${args}`,
    ...Object.entries(options).map(
      ([option, valued]) => `${' '.repeat(18)}--${option}${valued ? ' <arg>' : ''}`,
    ),
  ])
  return (
    `Usage: shoal-trib <command> <options> <arguments ...>\n\n${lines.join('\n')}\n` +
    '\nFor check, info and call you can specify the host and port of any working node in the cluster.\n'
  )
}

/** A reply as Ruby prints it between other text: strings as they are, lists as `["a", 1, nil]`. */
function rubyText(reply: Reply): string {
  return reply.kind === 'nil'
    ? ''
    : 'items' in reply
      ? inspect(reply)
      : (textOf(reply) ?? String(inspect(reply)))
}

function inspect(reply: Reply): string {
  if (reply.kind === 'nil') return 'nil'
  if (reply.kind === 'bool') return String(reply.value)
  if ('items' in reply) return `[${reply.items.map(inspect).join(', ')}]`
  const text = textOf(reply) ?? ''
  return reply.kind === 'integer' || reply.kind === 'double' ? text : JSON.stringify(text)
}
