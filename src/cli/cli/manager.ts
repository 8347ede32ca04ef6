/** `--cluster`: the cluster manager in the words of redis-cli 7.0. What happens to a cluster is in trib/. */

import { parseAddress } from '../../client/index.js'
import { callLoaded, checkLoaded, infoLoaded } from '../../trib/check.js'
import { create } from '../../trib/create.js'
import { type Access, type Context, closeAll, type LoadedCluster, loadCluster } from '../../trib/session.js'
import { formatRaw } from './format.js'
import { LineReader, readAll } from './io.js'
import { painter } from './paint.js'
import type { Session } from './session.js'
import { atoi, fromBytes, toWord } from './text.js'

interface Command {
  readonly name: string
  /** Arguments without the command; negative for at least. */
  readonly arity: number
  readonly args: string
  readonly options: readonly string[]
  /** Undefined: not here yet. Gives whether it went well. */
  readonly run?: (args: string[], context: Context, session: Session) => Promise<boolean>
}

const ANY_NODE = '<host:port> or <host> <port> - separated by either colon or space'
const MOVING = ['timeout <arg>', 'pipeline <arg>']

const COMMANDS: readonly Command[] = [
  {
    name: 'create',
    arity: -2,
    args: 'host1:port1 ... hostN:portN',
    options: ['replicas <arg>'],
    run: async (args, context, session) => {
      const { yes, replicas } = session.options.manager
      const confirm = (question: string) => (yes ? Promise.resolve(true) : ask(question, session))
      return (await create(args, { ...context, replicas, confirm })).ok
    },
  },
  {
    name: 'check',
    arity: -1,
    args: ANY_NODE,
    options: ['search-multiple-owners'],
    run: (args, context, session) =>
      withCluster(args, context, session, async ({ nodes }) => {
        await infoLoaded(nodes, context)
        const { searchOwners } = session.options.manager
        return (await checkLoaded(nodes, context, { searchOwners })).ok
      }),
  },
  {
    name: 'info',
    arity: -1,
    args: ANY_NODE,
    options: [],
    run: (args, context, session) =>
      withCluster(args, context, session, async ({ nodes }) => {
        await infoLoaded(nodes, context)
        return true
      }),
  },
  {
    name: 'fix',
    arity: -1,
    args: ANY_NODE,
    options: ['search-multiple-owners', 'fix-with-unreachable-masters'],
  },
  {
    name: 'reshard',
    arity: -1,
    args: ANY_NODE,
    options: ['from <arg>', 'to <arg>', 'slots <arg>', 'yes', ...MOVING, 'replace'],
  },
  {
    name: 'rebalance',
    arity: -1,
    args: ANY_NODE,
    options: [
      ...['weight <node1=w1...nodeN=wN>', 'use-empty-masters', 'timeout <arg>', 'simulate'],
      ...['pipeline <arg>', 'threshold <arg>', 'replace'],
    ],
  },
  {
    name: 'add-node',
    arity: 2,
    args: 'new_host:new_port existing_host:existing_port',
    options: ['slave', 'master-id <arg>'],
  },
  { name: 'del-node', arity: 2, args: 'host:port node_id', options: [] },
  {
    name: 'call',
    arity: -2,
    args: 'host:port command arg arg .. arg',
    options: ['only-masters', 'only-replicas'],
    run: (args, context, session) =>
      withCluster(args.slice(0, 1), context, session, async ({ nodes }) => {
        const { onlyMasters, onlyReplicas } = session.options.manager
        const format = (reply: Parameters<typeof formatRaw>[0]) =>
          toWord(formatRaw(reply, session.options.memberDelimiter))
        await callLoaded(nodes, args.slice(1), context, format, {
          masters: onlyMasters,
          replicas: onlyReplicas,
        })
        return true
      }),
  },
  { name: 'set-timeout', arity: 2, args: 'host:port milliseconds', options: [] },
  {
    name: 'import',
    arity: 1,
    args: 'host:port',
    options: ['from <arg>', 'from-user <arg>', 'from-pass <arg>', 'from-askpass', 'copy', 'replace'],
  },
  { name: 'backup', arity: 2, args: 'host:port backup_directory', options: [] },
  {
    name: 'help',
    arity: 0,
    args: '',
    options: [],
    run: async (_args, { say }) => {
      say(help())
      return false // redis-cli ends with code 1 here
    },
  },
]

/** Runs what `--cluster` asks for; gives the exit code. */
export async function runManager(session: Session): Promise<number> {
  const { options } = session
  const { manager } = options
  const command = COMMANDS.find((one) => one.name === manager.command)
  const args = [...manager.args]
  if (options.stdinLast || options.stdinTag !== undefined) {
    const given = toWord(fromBytes(await readAll(session.io)))
    const place = options.stdinTag === undefined ? args.length : args.indexOf(toWord(options.stdinTag))
    if (place === -1) {
      session.complain('Using -X option but stdin tag not match.\n')
      return 1
    }
    args[place] = given
  }
  if (command === undefined) {
    session.complain('Unknown --cluster subcommand\n')
    return 1
  }
  // An arity of 0 is not looked at.
  if (command.arity > 0 ? args.length !== command.arity : args.length < -command.arity) {
    session.complain('[ERR] Wrong number of arguments for specified --cluster sub command\n')
    return 1
  }
  if (command.run === undefined) {
    session.complain(`[ERR] shoal-cli --cluster does not have '${command.name}' yet\n`)
    return 1
  }
  const tls = options.tls.on ? (await import('./tls.js')).tlsOptions(options) : undefined
  if (typeof tls === 'string') {
    session.complain(`${tls}\n`)
    return 1
  }
  const access: Access = {
    ...(options.user === undefined ? {} : { username: toWord(options.user) }),
    ...(options.password === undefined ? {} : { password: toWord(options.password) }),
    ...(tls === undefined ? {} : { tls }),
  }
  const context: Context = { style: 'cli', say: painter(session.io, 'cli'), access }
  return (await command.run(args, context, session)) ? 0 : 1
}

async function withCluster(
  args: readonly string[],
  context: Context,
  session: Session,
  act: (cluster: LoadedCluster) => Promise<boolean>,
): Promise<boolean> {
  const where = args.length === 1 ? parseAddress(args[0]!) : { host: args[0]!, port: atoi(args[1]!) }
  if (where === undefined || where.host === '' || where.port === 0) {
    session.complain(
      '[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) ' +
        'or space separated IP and port (ie. 120.0.0.1 7000)\n',
    )
    return false
  }
  const loaded = await loadCluster(where.host, where.port, context)
  if (!loaded.ok) return false
  try {
    return await act(loaded.value)
  } finally {
    closeAll(loaded.value.nodes)
  }
}

async function ask(question: string, session: Session): Promise<boolean> {
  session.print(`${question} (type 'yes' to accept): `)
  const lines = new LineReader(session.io)
  const answer = await lines.next()
  lines.close()
  return answer !== undefined && fromBytes(answer).startsWith('yes')
}

function help(): string {
  const indent = ' '.repeat(17)
  const commands = COMMANDS.map(
    ({ name, args, options }) =>
      `  ${name.padEnd(15)}${args}\n${options.map((option) => `${indent}--cluster-${option}\n`).join('')}`,
  )
  return (
    `Cluster Manager Commands:\n${commands.join('')}` +
    '\nFor check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify ' +
    'the host and port of any working node in the cluster.\n' +
    '\nCluster Manager Options:\n' +
    '  --cluster-yes  Automatic yes to cluster commands prompts\n\n'
  )
}
