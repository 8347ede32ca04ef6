/**
 * Help, completion and hints, from what the server says of its commands (COMMAND DOCS; of an older server
 * COMMAND, which knows names and arities alone). So they fit the server that one is connected to.
 */

import { ConnectionError, fieldOf, itemsOf, numberOf, type Reply, textOf } from '../../client/index.js'
import { type Argument, hintAfter, readArguments } from './argument-hints.js'
import type { Session } from './session.js'
import { type Bytes, splitArgs } from './text.js'
import { VERSION } from './version.js'

export interface CommandHint {
  /** Upper case; a subcommand has its container's name before it. */
  readonly name: string
  readonly summary: string
  /** The arguments alone, as text. */
  readonly syntax: string
  /** Undefined for a server that does not describe them. */
  readonly arguments: readonly Argument[] | undefined
  /** Undefined where the server does not say. */
  readonly since: string | undefined
  readonly group: string
}

export interface Help {
  readonly hints: readonly CommandHint[]
  /** Whole lines that the line so far can become. */
  complete(line: Bytes): Bytes[]
  /** What may follow the line so far. */
  hint(line: Bytes): Bytes | undefined
}

export async function loadHelp(session: Session): Promise<Help> {
  return helpOf(await loadHints(session))
}

export function helpOf(hints: readonly CommandHint[]): Help {
  const groups = [...new Set(hints.map((hint) => `@${hint.group}`))].sort()
  return {
    hints,
    complete(line) {
      const asked = /^help\s+/i.exec(line)
      const start = asked === null ? 0 : asked[0].length
      const begun = line.slice(start).toLowerCase()
      const names = hints.map((hint) => hint.name)
      const topics = asked === null ? names : [...groups, ...names].sort()
      return topics
        .filter((name) => name.toLowerCase().startsWith(begun))
        .map((name) => line.slice(0, start) + name)
    },
    hint: (line) => hintFor(hints, line),
  }
}

function hintFor(hints: readonly CommandHint[], line: Bytes): Bytes | undefined {
  const args = splitArgs(line)
  if (args === undefined || args.length === 0) return undefined
  const typed = args.map((arg) => arg.toUpperCase())
  let best: CommandHint | undefined
  let bestLength = 0
  for (const hint of hints) {
    const words = hint.name.split(' ')
    if (words.length <= bestLength || words.length > typed.length) continue
    if (!words.every((word, i) => word === typed[i])) continue
    best = hint
    bestLength = words.length
  }
  if (best === undefined) return undefined
  // The last word counts when a space stands behind it: until then it may become another one.
  const isLastOver = /\s$/.test(line)
  const words = args.slice(bestLength, isLastOver ? undefined : -1)
  const rest =
    best.arguments === undefined ? (words.length === 0 ? best.syntax : '') : hintAfter(best.arguments, words)
  return isLastOver ? rest : ` ${rest}`
}

/** `help`, `help <command>`, `help @<group>`. */
export async function showHelp(session: Session, args: readonly Bytes[]): Promise<void> {
  if (args.length === 0) {
    session.print(generalHelp())
    return
  }
  const hints = await loadHints(session)
  const [first] = args
  const group = first!.startsWith('@') ? first!.slice(1).toLowerCase() : undefined
  const asked = args.map((arg) => arg.toUpperCase())
  for (const hint of hints) {
    const words = hint.name.split(' ')
    const fits =
      group === undefined
        ? asked.length <= words.length && asked.every((word, i) => word === words[i])
        : hint.group.toLowerCase() === group
    if (fits) session.print(helpText(hint, group === undefined))
  }
  session.print('\r\n')
}

function helpText(hint: CommandHint, withGroup: boolean): string {
  const field = (name: string, value: string) => `  \x1b[33m${name}:\x1b[0m ${value}\r\n`
  return (
    `\r\n  \x1b[1m${hint.name}\x1b[0m \x1b[90m${hint.syntax}\x1b[0m\r\n` +
    field('summary', hint.summary) +
    (hint.since === undefined ? '' : field('since', hint.since)) +
    (withGroup ? field('group', hint.group) : '')
  )
}

function generalHelp(): string {
  return (
    `shoal-cli ${VERSION}\n` +
    'help <command>      what a command does and takes (help <tab> lists them)\n' +
    'help @<group>       the commands of a group, such as @string\n' +
    '<n> <command>       runs a command n times\n' +
    'connect <host> <port>, clear, quit\n' +
    ':set hints, :set nohints    grey hints on or off; kept in ~/.shoalclirc\n'
  )
}

async function loadHints(session: Session): Promise<CommandHint[]> {
  if (session.connection === undefined && !(await session.connect(true))) return []
  try {
    const docs = await session.connection!.call('COMMAND', 'DOCS')
    const hints = docs.kind === 'array' || docs.kind === 'map' ? hintsOfDocs(docs) : []
    if (hints.length > 0) return hints
    return hintsOfCommands(await session.connection!.call('COMMAND'))
  } catch (error) {
    if (error instanceof ConnectionError) return []
    throw error
  }
}

/** Reads the reply of COMMAND DOCS. Sorted by name. */
export function hintsOfDocs(docs: Reply): CommandHint[] {
  const hints: CommandHint[] = []
  const add = (name: string, specs: Reply) => {
    const arguments_ = readArguments(itemsOf(fieldOf(specs, 'arguments')))
    hints.push({
      name,
      summary: textOf(fieldOf(specs, 'summary')) ?? '',
      since: textOf(fieldOf(specs, 'since')),
      group: textOf(fieldOf(specs, 'group')) ?? 'generic',
      syntax: hintAfter(arguments_, []),
      arguments: arguments_,
    })
    const subs = itemsOf(fieldOf(specs, 'subcommands'))
    for (let i = 0; i + 1 < subs.length; i += 2) {
      const sub = textOf(subs[i]) ?? ''
      add(`${name} ${sub.slice(sub.indexOf('|') + 1).toUpperCase()}`, subs[i + 1]!)
    }
  }
  const items = itemsOf(docs)
  for (let i = 0; i + 1 < items.length; i += 2) add((textOf(items[i]) ?? '').toUpperCase(), items[i + 1]!)
  return hints.sort(byName)
}

const byName = (a: CommandHint, b: CommandHint) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

function hintsOfCommands(commands: Reply): CommandHint[] {
  const hints = itemsOf(commands).map((entry): CommandHint => {
    const [name, arity, , firstKey] = itemsOf(entry)
    const count = numberOf(arity) ?? 0
    const keyed = numberOf(firstKey) === 1
    const plain = Math.max(0, Math.abs(count) - 1 - (keyed ? 1 : 0))
    const words = [
      ...(keyed ? ['key'] : []),
      ...Array(plain).fill('arg'),
      ...(count < 0 ? ['...options...'] : []),
    ]
    return {
      name: (textOf(name) ?? '').toUpperCase(),
      syntax: words.join(' '),
      arguments: undefined,
      summary: 'Help not available',
      since: 'Not known',
      group: 'generic',
    }
  })
  return hints.sort(byName)
}
