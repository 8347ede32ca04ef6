/** COMMAND: the table of commands, told to clients. */

import { globMatch } from '../../bytes/glob.js'
import {
  type Command,
  container,
  type Declaration,
  FLAG_NAMES,
  KEY_FLAG_NAMES,
  KEY_INCOMPLETE,
  KEY_NOT_KEY,
  type KeySpec,
  LOADING,
  MOVABLE_KEYS,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { SYNTAX } from '../../commands/errors.js'
import { type Argument, readSyntax } from '../../commands/syntax.js'
import type { Entry } from '../../commands/table.js'
import { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { allEntries, CATEGORIES, categoriesOf } from '../admin/acl/categories.js'
import { findKeysUsed } from '../admin/acl/key-flags.js'
import { bytesOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import { type ServerHandler, serverCommand } from '../server-command.js'
import { declare, helpCommand } from './declare.js'

const OPEN = LOADING | STALE | SENTINEL
/** Flags that the dispatcher needs and clients are not told. */
const HIDDEN_FLAGS = new Set(['may_replicate', 'touches_arbitrary_keys'])

interface Range {
  readonly first: number
  readonly last: number
  readonly step: number
  /** Keys stand where a range cannot say. */
  readonly movable: boolean
}

/** First key, last key and step as clients of old know them, from the key specifications. */
export function legacyRange(command: Command): Range {
  const specs = command.keys ?? []
  let movable = command.keyFinder !== undefined
  let first = 0
  let last = 0
  let step = 0
  let previous = 0
  for (const spec of specs) {
    if (!('index' in spec.begin) || !('last' in spec.find)) {
      movable = true
      continue
    }
    const { index } = spec.begin
    const { find } = spec
    const apart = specs.length > 1 && (find.step !== 1 || (previous !== 0 && previous !== index - 1))
    if (apart) {
      movable = true
      continue
    }
    if ((spec.flags & KEY_INCOMPLETE) !== 0) movable = true
    const end = find.last < 0 ? find.last : find.last + index
    if (first === 0 || index < first) first = index
    if (last === 0 || end < 0 || (last > 0 && end > last)) last = end
    step = find.step
    previous = last
  }
  return { first, last, step, movable }
}

function names(reply: Reply, list: readonly string[]): void {
  reply.set(list.length)
  for (const name of list) reply.simple(name)
}

/** The flags of a command by name, as clients are told them. */
export function flagNames(entry: Entry): readonly string[] {
  const movable = legacyRange(entry.command).movable ? MOVABLE_KEYS : 0
  const flags = entry.flags | movable
  return FLAG_NAMES.flatMap(([bit, name]) => ((flags & bit) !== 0 && !HIDDEN_FLAGS.has(name) ? [name] : []))
}

function field(reply: Reply, name: string, value: string | number): void {
  reply.bulkText(name)
  if (typeof value === 'number') reply.int(value)
  else reply.bulkText(value)
}

function specification(
  reply: Reply,
  type: string,
  fields: readonly (readonly [string, string | number])[],
): void {
  reply.map(2)
  field(reply, 'type', type)
  reply.bulkText('spec')
  reply.map(fields.length)
  for (const [name, value] of fields) field(reply, name, value)
}

function keyFlagNames(flags: number): string[] {
  return KEY_FLAG_NAMES.flatMap(([bit, name]) => ((flags & bit) !== 0 ? [name] : []))
}

function keySpec(reply: Reply, { flags, begin, find }: KeySpec): void {
  reply.map(3)
  reply.bulkText('flags')
  names(reply, keyFlagNames(flags))
  reply.bulkText('begin_search')
  if ('index' in begin) specification(reply, 'index', [['index', begin.index]])
  else if ('unknown' in begin) specification(reply, 'unknown', [])
  else {
    specification(reply, 'keyword', [
      ['keyword', begin.keyword],
      ['startfrom', begin.from],
    ])
  }
  reply.bulkText('find_keys')
  if ('last' in find) {
    specification(reply, 'range', [
      ['lastkey', find.last],
      ['keystep', find.step],
      ['limit', find.limit],
    ])
  } else if ('unknown' in find) specification(reply, 'unknown', [])
  else {
    specification(reply, 'keynum', [
      ['keynumidx', find.keyNumber],
      ['firstkey', find.firstKey],
      ['keystep', find.step],
    ])
  }
}

function describe(reply: Reply, entry: Entry | undefined): void {
  if (entry === undefined) {
    reply.nilArray()
    return
  }
  const { command } = entry
  const { first, last, step } = legacyRange(command)
  reply.array(10)
  reply.bulkText(entry.fullName)
  reply.int(entry.arity)
  names(reply, flagNames(entry))
  reply.int(first)
  reply.int(last)
  reply.int(step)
  names(
    reply,
    categoriesOf(entry).map((category) => `@${category}`),
  )
  const tips = command.tips ?? []
  reply.set(tips.length)
  for (const tip of tips) reply.bulkText(tip)
  const specs = command.keys ?? []
  reply.set(specs.length)
  for (const spec of specs) keySpec(reply, spec)
  reply.array(entry.subcommands.length)
  for (const sub of entry.subcommands) describe(reply, sub)
}

function argumentFlags(argument: Argument): string[] {
  return [
    ...(argument.optional === true ? ['optional'] : []),
    ...(argument.multiple === true ? ['multiple'] : []),
    ...(argument.multipleToken === true ? ['multiple_token'] : []),
  ]
}

function countKeys(list: readonly Argument[]): number {
  return list.reduce((sum, each) => sum + (each.type === 'key' ? 1 : countKeys(each.parts ?? [])), 0)
}

/**
 * Which specification of keys an argument belongs to. They come in the same order; some specifications have no argument (the
 * patterns of SORT), and the last argument has the last one.
 */
interface KeySpecs {
  next: number
  readonly keys: number
  readonly specs: number
}

function specOf(of: KeySpecs): number {
  const at = of.next++
  return at > 0 && at === of.keys - 1 ? of.specs - 1 : Math.min(at, of.specs - 1)
}

function argumentList(reply: Reply, list: readonly Argument[], of: KeySpecs): void {
  reply.array(list.length)
  for (const argument of list) {
    const flags = argumentFlags(argument)
    const compound = argument.parts !== undefined
    const isKey = argument.type === 'key' && of.specs > 0
    const fields = 2 + (compound ? 1 : 1) + (isKey ? 1 : 0) + (argument.token === undefined ? 0 : 1)
    reply.map(fields + (flags.length > 0 ? 1 : 0))
    field(reply, 'name', argument.name)
    field(reply, 'type', argument.type)
    if (!compound) field(reply, 'display_text', argument.name)
    if (isKey) field(reply, 'key_spec_index', specOf(of))
    if (argument.token !== undefined) field(reply, 'token', argument.token)
    if (flags.length > 0) {
      reply.bulkText('flags')
      names(reply, flags)
    }
    if (compound) {
      reply.bulkText('arguments')
      argumentList(reply, argument.parts!, of)
    }
  }
}

function docs(reply: Reply, entry: Entry): void {
  const declared: Declaration = entry.command
  const arguments_ = readSyntax(declared.syntax ?? '')
  const mark = reply.length
  let fields = 4
  field(reply, 'summary', declared.summary)
  field(reply, 'since', declared.since)
  field(reply, 'group', declared.group)
  field(reply, 'complexity', declared.complexity)
  if (declared.deprecated !== undefined) {
    fields += 3
    reply.bulkText('doc_flags')
    names(reply, ['deprecated'])
    field(reply, 'deprecated_since', declared.deprecated.since)
    field(reply, 'replaced_by', declared.deprecated.replacedBy)
  }
  if (declared.history !== undefined && declared.history.length > 0) {
    fields++
    reply.bulkText('history')
    reply.set(declared.history.length)
    for (const [since, change] of declared.history) {
      reply.array(2)
      reply.bulkText(since)
      reply.bulkText(change)
    }
  }
  if (arguments_.length > 0) {
    fields++
    reply.bulkText('arguments')
    const specs = (declared.keys ?? []).length
    argumentList(reply, arguments_, { next: 0, keys: countKeys(arguments_), specs })
  }
  if (entry.subcommands.length > 0) {
    fields++
    reply.bulkText('subcommands')
    reply.map(entry.subcommands.length)
    for (const sub of entry.subcommands) {
      reply.bulkText(sub.fullName)
      docs(reply, sub)
    }
  }
  reply.mapAt(mark, fields)
}

const asked = (node: ServerNode, name: string): Entry | undefined => node.table.get(name.toLowerCase())

const infoAll: ServerHandler = (node, _client, args, reply) => {
  if (args.count > 2) {
    reply.array(args.count - 2)
    for (let i = 2; i < args.count; i++) describe(reply, asked(node, args.word(i)))
    return
  }
  reply.array(node.table.entries.length)
  for (const entry of node.table.entries) describe(reply, entry)
}

const docsAll: ServerHandler = (node, _client, args, reply) => {
  const names_ = Array.from({ length: args.count - 2 }, (_, i) => args.word(i + 2))
  const found =
    args.count === 2
      ? node.table.entries
      : names_.flatMap((name) => {
          const entry = asked(node, name)
          return entry === undefined ? [] : [entry]
        })
  reply.map(found.length)
  for (const entry of found) {
    reply.bulkText(entry.fullName)
    docs(reply, entry)
  }
}

/** The rest of the arguments as a command of its own. */
function restOf(args: Args, from: number): Args {
  const rest = new Args()
  rest.buf = args.buf
  for (let i = from; i < args.count; i++) rest.push(args.start(i), args.end(i))
  return rest
}

/** The command that arguments name, its subcommand if it has any. */
export function entryOf(node: ServerNode, args: Args): Entry | undefined {
  const entry = node.table.find(args.buf, args.start(0), args.end(0))
  if (entry === null) return undefined
  if (entry.subcommands.length === 0 || args.count < 2) return entry
  return node.table.findSubcommand(entry, args) ?? undefined
}

function getKeys(withFlags: boolean): ServerHandler {
  return (node, _client, args, reply) => {
    const rest = restOf(args, 2)
    const entry = entryOf(node, rest)
    if (entry === undefined) return reply.error('ERR Invalid command specified')
    // Shard channels stand among the key specifications, and are no keys.
    const isKeySpec = (spec: KeySpec) => (spec.flags & KEY_NOT_KEY) === 0
    const keyed = entry.command.keyFinder !== undefined || (entry.command.keys ?? []).some(isKeySpec)
    if (!keyed) return reply.error('ERR The command has no key arguments')
    const { arity } = entry
    if (arity > 0 ? arity !== rest.count : rest.count < -arity) {
      return reply.error('ERR Invalid number of arguments specified for command')
    }
    const found: [number, number][] = []
    if (!findKeysUsed(entry, rest, (index, flags) => found.push([index, flags])) || found.length === 0) {
      return reply.error('ERR Invalid arguments specified for command')
    }
    reply.array(found.length)
    for (const [index, flags] of found) {
      if (withFlags) reply.array(2)
      reply.bulk(rest.view(index))
      if (withFlags) names(reply, keyFlagNames(flags))
    }
  }
}

const list: ServerHandler = (node, _client, args, reply) => {
  let keep: (entry: Entry) => boolean = () => true
  if (args.count > 2) {
    if (args.count !== 5 || !args.is(2, 'filterby')) return reply.error(SYNTAX)
    const value = args.word(4)
    if (args.is(3, 'module')) keep = () => false
    else if (args.is(3, 'aclcat')) {
      const category = value
      keep = (entry) => CATEGORIES.includes(category) && categoriesOf(entry).includes(category)
    } else if (args.is(3, 'pattern')) {
      const pattern = args.copy(4)
      keep = (entry) => {
        const name = bytesOf(entry.fullName)
        return globMatch(pattern, 0, pattern.length, name, 0, name.length, true)
      }
    } else return reply.error(SYNTAX)
  }
  const found = [...allEntries(node.table)].filter(keep)
  reply.array(found.length)
  for (const entry of found) reply.bulkText(entry.fullName)
}

const sub = (name: string, arity: number, since: string, summary: string, complexity: string, more = {}) =>
  declare('server', name, arity, OPEN, since, summary, { complexity, categories: ['connection'], ...more })

const UNORDERED = { tips: ['nondeterministic_output_order'] }
const PER_COMMAND = 'O(N) where N is the number of commands to look up'
const PER_ARGUMENT = 'O(N) where N is the number of arguments to the command'
const NAMES = { syntax: '[command-name [command-name ...]]', ...UNORDERED }
const WHOLE = { syntax: 'command [arg [arg ...]]' }

const subcommands: readonly Command[] = [
  serverCommand(sub('COUNT', 2, '2.8.13', 'Counts the commands.', 'O(1)'), (node, _c, _a, reply) => {
    reply.int(node.table.entries.length)
  }),
  serverCommand(sub('INFO', -2, '2.8.13', 'Describes commands to machines.', PER_COMMAND, NAMES), infoAll),
  serverCommand(sub('DOCS', -2, '7.0.0', 'Describes commands to people.', PER_COMMAND, NAMES), docsAll),
  serverCommand(
    sub(
      'LIST',
      -2,
      '7.0.0',
      'Lists the names of commands.',
      'O(N) where N is the total number of Redis commands',
      {
        syntax: '[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]',
        ...UNORDERED,
      },
    ),
    list,
  ),
  serverCommand(
    sub('GETKEYS', -3, '2.8.13', 'Finds the keys of a command.', PER_ARGUMENT, WHOLE),
    getKeys(false),
  ),
  serverCommand(
    sub('GETKEYSANDFLAGS', -3, '7.0.0', 'Finds the keys of a command, and their use.', PER_ARGUMENT, WHOLE),
    getKeys(true),
  ),
  helpCommand('server', 'COMMAND', '5.0.0', [
    '(no subcommand)',
    '    Return details about all Redis commands.',
    'COUNT',
    '    Return the total number of commands in this Redis server.',
    'LIST',
    '    Return a list of all commands in this Redis server.',
    'INFO [<command-name> ...]',
    '    Return details about multiple Redis commands.',
    '    If no command names are given, documentation details for all',
    '    commands are returned.',
    'DOCS [<command-name> ...]',
    '    Return documentation details about multiple Redis commands.',
    '    If no command names are given, documentation details for all',
    '    commands are returned.',
    'GETKEYS <full-command>',
    '    Return the keys from a full Redis command.',
    'GETKEYSANDFLAGS <full-command>',
    '    Return the keys and the access flags from a full Redis command.',
  ]),
]

const declared = declare('server', 'COMMAND', -1, OPEN, '2.8.13', 'Describes all commands to machines.', {
  complexity: 'O(N) where N is the total number of Redis commands',
  categories: ['connection'],
  ...UNORDERED,
})

/** COMMAND alone does what COMMAND INFO does: the dispatcher calls the container where no subcommand is named. */
export const commandCommand: Command = {
  ...container(declared, subcommands),
  handler: serverCommand(declared, infoAll).handler,
}
