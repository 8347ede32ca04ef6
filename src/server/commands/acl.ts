/** ACL: users and what they may do. */

import { resolve } from 'node:path'
import { NAME_BYTES_MAX, QUOTED_BYTES_MAX, VALUE_BYTES_MAX } from '../../bytes/text-limits.js'
import { ADMIN, type Command, container, LOADING, NOSCRIPT, SENTINEL, STALE } from '../../commands/command.js'
import { NOT_AN_INTEGER } from '../../commands/errors.js'
import { nearInteger } from '../../commands/int64.js'
import { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { randomHex } from '../../runtime/clock.js'
import { replaceFile } from '../../runtime/replace-file.js'
import { allEntries, CATEGORIES, categoriesOf } from '../admin/acl/categories.js'
import { checkUser, denialText } from '../admin/acl/check.js'
import {
  allowsChannel,
  describeChannels,
  describeCommands,
  describeKeys,
  type Selector,
} from '../admin/acl/selector.js'
import { describeUser, flagsOf, mergeParentheses, type User } from '../admin/acl/users.js'
import type { Admin } from '../admin/admin.js'
import { loadAclFile } from '../admin/index.js'
import type { Client } from '../client.js'
import { bytesOf, textOf, wholeTextOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import type { PubSub } from '../pubsub.js'
import { serverCommand } from '../server-command.js'
import { entryOf } from './command.js'
import { declare, helpCommand, wrongCount } from './declare.js'

const OPEN = NOSCRIPT | LOADING | STALE | SENTINEL
const CLOSED = OPEN | ADMIN
const ON_ALL = ['request_policy:all_nodes', 'response_policy:all_succeeded']
const NO_FILE =
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER ' +
  'command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store ' +
  'users in the Redis configuration.'
const GENPASS_BITS_MAX = 4096
const USERS = 'O(N). Where N is the number of configured users.'

type Handler = (admin: Admin, client: Client, args: Args, reply: Reply, node: ServerNode) => void

function sub(
  name: string,
  arity: number,
  flags: number,
  since: string,
  summary: string,
  handler: Handler,
  more: Parameters<typeof declare>[6] = {},
): Command {
  return serverCommand(
    declare('server', name, arity, flags, since, summary, more),
    (node, client, args, reply) => {
      if (node.admin === null) reply.error('ERR This instance has no users')
      else handler(node.admin, client, args, reply, node)
    },
  )
}

function bulk(reply: Reply, text: string): void {
  reply.bulk(bytesOf(text))
}

/** Whether a user may still hear all that it listens to. */
function mayListen(pubsub: PubSub, user: User, client: Client): boolean {
  const may = (channel: Uint8Array, isPattern: boolean): boolean =>
    user.selectors.some((selector) => allowsChannel(selector, channel, isPattern))
  return (
    pubsub.every('channels', client, (channel) => may(channel, false)) &&
    pubsub.every('shards', client, (channel) => may(channel, false)) &&
    pubsub.every('patterns', client, (pattern) => may(pattern, true))
  )
}

/** The user's name in argument `index`; one that is too long to be any user's is cut to another such. */
function nameIn(args: Args, index: number): string {
  return textOf(args.view(index), NAME_BYTES_MAX + 1)
}

const setUser: Handler = (admin, _client, args, reply, node) => {
  const name = wholeTextOf(args.view(2), NAME_BYTES_MAX)
  if (name === null) return reply.error(`ERR Usernames can't be longer than ${NAME_BYTES_MAX} bytes`)
  if (/[\s\0]/.test(name)) return reply.error("ERR Usernames can't contain spaces or null characters")
  const words: string[] = []
  for (let i = 3; i < args.count; i++) {
    const word = wholeTextOf(args.view(i), VALUE_BYTES_MAX)
    if (word === null) {
      return reply.error(
        `ERR Error in ACL SETUSER modifier '${args.shown(i)}': The rule is longer than ${VALUE_BYTES_MAX} bytes`,
      )
    }
    words.push(word)
  }
  const merged = mergeParentheses(words)
  if ('unmatched' in merged) {
    return reply.error(
      `ERR Unmatched parenthesis in acl selector starting at '${merged.unmatched.slice(0, QUOTED_BYTES_MAX)}'.`,
    )
  }
  const known = admin.users.get(name)
  const user = known === undefined ? admin.users.create(name) : admin.users.copy(known)
  for (const rule of merged.rules) {
    const reason = admin.users.apply(user, rule)
    if (reason !== undefined)
      return reply.error(`ERR Error in ACL SETUSER modifier '${rule.slice(0, QUOTED_BYTES_MAX)}': ${reason}`)
  }
  admin.users.put(user)
  for (const client of [...node.clients.all()]) {
    if (client.user === name && !mayListen(node.pubsub, user, client)) node.close(client)
  }
  admin.usersChanged()
  reply.ok()
}

const delUser: Handler = (admin, _client, args, reply) => {
  const names = Array.from({ length: args.count - 2 }, (_, i) => nameIn(args, i + 2))
  if (names.includes('default')) return reply.error("ERR The 'default' user cannot be removed")
  const deleted = names.filter((name) => admin.users.delete(name)).length
  if (deleted > 0) admin.usersChanged()
  reply.int(deleted)
}

function selectorFields(reply: Reply, selector: Selector): void {
  bulk(reply, 'commands')
  bulk(reply, describeCommands(selector))
  bulk(reply, 'keys')
  bulk(reply, describeKeys(selector))
  bulk(reply, 'channels')
  bulk(reply, describeChannels(selector))
}

const getUser: Handler = (admin, _client, args, reply) => {
  const user = admin.users.get(nameIn(args, 2))
  if (user === undefined) return reply.nil()
  const [own, ...others] = user.selectors
  reply.map(6)
  bulk(reply, 'flags')
  const flags = flagsOf(user)
  reply.set(flags.length)
  for (const flag of flags) bulk(reply, flag)
  bulk(reply, 'passwords')
  reply.array(user.passwords.length)
  for (const hash of user.passwords) bulk(reply, hash)
  selectorFields(reply, own)
  bulk(reply, 'selectors')
  reply.array(others.length)
  for (const selector of others) {
    reply.map(3)
    selectorFields(reply, selector)
  }
}

const cat: Handler = (_admin, _client, args, reply, node) => {
  if (args.count > 3) return reply.error(wrongCount(args))
  if (args.count === 2) {
    reply.array(CATEGORIES.length)
    for (const category of CATEGORIES) bulk(reply, category)
    return
  }
  const category = args.word(2)
  if (!CATEGORIES.includes(category)) return reply.error(`ERR Unknown category '${args.shown(2)}'`)
  const found = [...allEntries(node.table)].filter((entry) => categoriesOf(entry).includes(category))
  reply.array(found.length)
  for (const entry of found) bulk(reply, entry.fullName)
}

const genPass: Handler = (_admin, _client, args, reply) => {
  const bits = args.count >= 3 ? nearInteger(args, 2) : 256
  if (Number.isNaN(bits)) return reply.error(NOT_AN_INTEGER)
  if (args.count > 3) return reply.error(wrongCount(args))
  if (bits <= 0 || bits > GENPASS_BITS_MAX) {
    return reply.error(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ' +
        `${GENPASS_BITS_MAX}`,
    )
  }
  const digits = Math.floor((bits + 3) / 4)
  bulk(reply, randomHex(Math.ceil(digits / 2)).slice(0, digits))
}

const log: Handler = (admin, _client, args, reply, node) => {
  if (args.count > 3) return reply.error(wrongCount(args))
  if (args.count === 3 && args.is(2, 'reset')) {
    admin.aclLog.reset()
    return reply.ok()
  }
  const count = args.count === 3 ? nearInteger(args, 2) : 10
  if (Number.isNaN(count)) return reply.error(NOT_AN_INTEGER)
  const entries = admin.aclLog.newest(count)
  reply.array(entries.length)
  for (const entry of entries) {
    reply.map(10)
    bulk(reply, 'count')
    reply.int(entry.count)
    bulk(reply, 'reason')
    bulk(reply, entry.reason)
    bulk(reply, 'context')
    bulk(reply, entry.context)
    bulk(reply, 'object')
    bulk(reply, entry.object)
    bulk(reply, 'username')
    bulk(reply, entry.user)
    bulk(reply, 'age-seconds')
    reply.double((node.keyspace.now_ms - entry.updatedAt_ms) / 1000)
    bulk(reply, 'client-info')
    bulk(reply, entry.clientInfo)
    bulk(reply, 'entry-id')
    reply.int(entry.id)
    bulk(reply, 'timestamp-created')
    reply.int(entry.createdAt_ms)
    bulk(reply, 'timestamp-last-updated')
    reply.int(entry.updatedAt_ms)
  }
}

const dryRun: Handler = (admin, _client, args, reply, node) => {
  const name = nameIn(args, 2)
  const user = admin.users.get(name)
  if (user === undefined) return reply.error(`ERR User '${name.slice(0, QUOTED_BYTES_MAX)}' not found`)
  const rest = new Args()
  rest.buf = args.buf
  for (let i = 3; i < args.count; i++) rest.push(args.start(i), args.end(i))
  const entry = entryOf(node, rest)
  if (entry === undefined) return reply.error(`ERR Command '${rest.quoted(0)}' not found`)
  const { arity } = entry
  if (arity > 0 ? arity !== rest.count : rest.count < -arity) {
    return reply.error(`ERR wrong number of arguments for '${entry.fullName}' command`)
  }
  const denial = checkUser(user, entry, rest)
  if (denial === undefined) reply.ok()
  else bulk(reply, denialText(user, entry, rest, denial, true))
}

const load: Handler = (admin, _client, _args, reply, node) => {
  if (node.config.values.aclfile === '') return reply.error(NO_FILE)
  const error = loadAclFile(admin)
  if (error === undefined) reply.ok()
  else reply.error(`ERR ${error}`)
}

const save: Handler = (admin, _client, _args, reply, node) => {
  const { values } = node.config
  if (values.aclfile === '') return reply.error(NO_FILE)
  const path = resolve(values.dir, values.aclfile)
  const text = admin.users.all().map((user) => `user ${user.name} ${describeUser(user)}\n`)
  try {
    const temporary = `${path}.tmp-${process.pid}-${node.clock.now_ms()}`
    replaceFile(path, temporary, bytesOf(text.join('')), 0o644)
    reply.ok()
  } catch (error) {
    node.log('warning', `Saving ACL file: ${(error as Error).message}`)
    reply.error(
      'ERR There was an error trying to save the ACLs. Please check the server logs for more information',
    )
  }
}

const users = (lines: (admin: Admin) => readonly string[]): Handler => {
  return (admin, _client, _args, reply) => {
    const all = lines(admin)
    reply.array(all.length)
    for (const line of all) bulk(reply, line)
  }
}

export const aclCommand: Command = container(
  declare('server', 'ACL', -2, SENTINEL, '6.0.0', 'A container for commands about users.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    sub('CAT', -2, OPEN, '6.0.0', 'Lists categories, or the commands of one.', cat, {
      complexity: 'O(1) since the categories and commands are a fixed set.',
      syntax: '[category]',
    }),
    sub('DELUSER', -3, CLOSED, '6.0.0', 'Removes users and closes their connections.', delUser, {
      complexity: 'O(1) amortized time considering the typical user.',
      syntax: 'username [username ...]',
      tips: ON_ALL,
    }),
    sub('DRYRUN', -4, CLOSED, '7.0.0', 'Tells whether a user might run a command.', dryRun, {
      complexity: 'O(1).',
      syntax: 'username command [arg [arg ...]]',
    }),
    sub('GENPASS', -2, OPEN, '6.0.0', 'Makes a random password.', genPass, { syntax: '[bits]' }),
    sub('GETUSER', 3, CLOSED, '6.0.0', 'Describes a user.', getUser, {
      complexity: 'O(N). Where N is the number of password, command and pattern rules that the user has.',
      syntax: 'username',
    }),
    sub(
      'LIST',
      2,
      CLOSED,
      '6.0.0',
      'Lists users with their rules.',
      users((admin) => admin.users.describe().map((line) => `user ${line}`)),
      { complexity: USERS },
    ),
    sub('LOAD', 2, CLOSED, '6.0.0', 'Reads the ACL file anew.', load, { complexity: USERS }),
    sub('LOG', -2, CLOSED, '6.0.0', 'Lists what was denied lately.', log, {
      complexity: 'O(N) with N being the number of entries shown.',
      syntax: '[count | RESET]',
    }),
    sub('SAVE', 2, CLOSED, '6.0.0', 'Writes the ACL file.', save, { complexity: USERS, tips: ON_ALL }),
    sub('SETUSER', -3, CLOSED, '6.0.0', 'Makes or changes a user.', setUser, {
      complexity: 'O(N). Where N is the number of rules provided.',
      syntax: 'username [rule [rule ...]]',
      tips: ON_ALL,
    }),
    sub(
      'USERS',
      2,
      CLOSED,
      '6.0.0',
      'Lists the names of users.',
      users((admin) => admin.users.all().map((u) => u.name)),
      {
        complexity: USERS,
      },
    ),
    sub(
      'WHOAMI',
      2,
      OPEN,
      '6.0.0',
      "Returns the name of the connection's user.",
      (_a, client, _args, reply) => {
        bulk(reply, client.user)
      },
    ),
    helpCommand('server', 'ACL', '6.0.0', [
      'CAT [<category>]',
      '    List all commands that belong to <category>, or all command categories',
      '    when no category is specified.',
      'DELUSER <username> [<username> ...]',
      '    Delete a list of users.',
      'DRYRUN <username> <command> [<arg> ...]',
      '    Returns whether the user can execute the given command without executing the command.',
      'GETUSER <username>',
      "    Get the user's details.",
      'GENPASS [<bits>]',
      '    Generate a secure 256-bit user password. The optional `bits` argument can',
      '    be used to specify a different size.',
      'LIST',
      '    Show users details in config file format.',
      'LOAD',
      '    Reload users from the ACL file.',
      'LOG [<count> | RESET]',
      '    Show the ACL log entries.',
      'SAVE',
      '    Save the current config to the ACL file.',
      'SETUSER <username> <attribute> [<attribute> ...]',
      '    Create or modify a user with the specified attributes.',
      'USERS',
      '    List all the registered usernames.',
      'WHOAMI',
      '    Return the current connection username.',
    ]),
  ],
)
