/**
 * A selector: which commands, keys and channels are allowed together. A user has one for sure and may have
 * more; a command may run if one of them allows all of it. Rules and their errors are Redis's (src/acl.c).
 */

import { globMatch } from '../../../bytes/glob.js'
import type { CommandTable, Entry } from '../../../commands/table.js'
import { bytesOf, lower } from '../../config/text.js'
import { allEntries, CATEGORIES, categoriesOf } from './categories.js'

export const MAY_READ = 1
export const MAY_WRITE = 2

export interface KeyPattern {
  readonly pattern: string
  readonly bytes: Uint8Array
  /** MAY_READ, MAY_WRITE or both. */
  flags: number
}

export interface Selector {
  allKeys: boolean
  keys: KeyPattern[]
  allChannels: boolean
  channels: string[]
  /** 1 for every entry id that is allowed. */
  allowed: Uint8Array
  /** Nothing was ever taken away: no look at `allowed` is needed. */
  allCommands: boolean
  /** The rules began with +@all: commands that come with a later version are allowed too. */
  future: boolean
  /** The rules about commands since +@all or -@all, as ACL LIST shows them. */
  rules: string[]
  /** First arguments with which a command is allowed that is not allowed otherwise. */
  firstArguments: Map<number, string[]>
}

const UNKNOWN = 'Unknown command or category name in ACL'
const SYNTAX = 'Syntax error'
const AFTER_ALL_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. " +
  "Try 'resetkeys' to start with an empty list of patterns"
const AFTER_ALL_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. " +
  "Try 'resetchannels' to start with an empty list of channels"

export function createSelector(table: CommandTable, allChannels: boolean): Selector {
  let count = 0
  for (const _ of allEntries(table)) count++
  return {
    allKeys: false,
    keys: [],
    allChannels,
    channels: [],
    allowed: new Uint8Array(count),
    allCommands: false,
    future: false,
    rules: [],
    firstArguments: new Map(),
  }
}

export function copySelector(from: Selector): Selector {
  return {
    ...from,
    keys: from.keys.map((key) => ({ ...key })),
    channels: [...from.channels],
    allowed: from.allowed.slice(),
    rules: [...from.rules],
    firstArguments: new Map([...from.firstArguments].map(([id, words]) => [id, [...words]])),
  }
}

function setBit(selector: Selector, entry: Entry, allow: boolean): void {
  selector.allowed[entry.id] = allow ? 1 : 0
  if (!allow) selector.allCommands = false
}

function allowEntry(selector: Selector, entry: Entry, allow: boolean): void {
  setBit(selector, entry, allow)
  selector.firstArguments.delete(entry.id)
  for (const sub of entry.subcommands) setBit(selector, sub, allow)
}

/** Notes a rule, and forgets those that it makes pointless: about the same, or about its subcommands. */
function noteRule(selector: Selector, rule: string, allow: boolean): void {
  const name = lower(rule)
  selector.rules = selector.rules.filter((old) => {
    const known = old.slice(1)
    return known !== name && !known.startsWith(`${name}|`)
  })
  selector.rules.push(`${allow ? '+' : '-'}${name}`)
}

function allowAll(selector: Selector, allow: boolean): void {
  selector.allowed.fill(allow ? 1 : 0)
  selector.allCommands = allow
  selector.future = allow
  selector.rules = []
  selector.firstArguments.clear()
}

const hasSpaces = (text: string): boolean => /[\s\0]/.test(text)

function addKeyPattern(selector: Selector, rule: string): string | undefined {
  if (selector.allKeys) return AFTER_ALL_KEYS
  let flags = MAY_READ | MAY_WRITE
  let at = 1
  if (rule.startsWith('%')) {
    const match = /^%([rw]*)(~?)/i.exec(rule)!
    const letters = lower(match[1]!)
    const twice = /r.*r|w.*w/.test(letters)
    if (letters === '' || twice || (match[2] === '' && match[0].length < rule.length)) return SYNTAX
    flags = (letters.includes('r') ? MAY_READ : 0) | (letters.includes('w') ? MAY_WRITE : 0)
    at = match[0].length
  }
  const pattern = rule.slice(at)
  if (hasSpaces(pattern)) return SYNTAX
  const known = selector.keys.find((key) => key.pattern === pattern)
  if (known === undefined) selector.keys.push({ pattern, bytes: bytesOf(pattern), flags })
  else known.flags |= flags
  return undefined
}

function addChannel(selector: Selector, pattern: string): string | undefined {
  if (selector.allChannels) return AFTER_ALL_CHANNELS
  if (hasSpaces(pattern)) return SYNTAX
  if (!selector.channels.includes(pattern)) selector.channels.push(pattern)
  return undefined
}

/** `+get`, `-get`, `+config|get`, `+select|0`. */
function commandRule(table: CommandTable, selector: Selector, rule: string): string | undefined {
  const allow = rule.startsWith('+')
  const name = lower(rule.slice(1))
  const bar = name.lastIndexOf('|')
  if (bar < 0 || !allow) {
    const entry = findEntry(table, name)
    if (entry === undefined) return UNKNOWN
    allowEntry(selector, entry, allow)
    noteRule(selector, entry.fullName, allow)
    return undefined
  }
  const parent = findEntry(table, name.slice(0, bar))
  const word = name.slice(bar + 1)
  if (parent === undefined) return UNKNOWN
  if (parent.parent !== null) return 'Allowing first-arg of a subcommand is not supported'
  if (word === '') return SYNTAX
  if (parent.subcommands.length > 0) {
    const sub = findEntry(table, name)
    if (sub === undefined) return UNKNOWN
    allowEntry(selector, sub, true)
  } else {
    const words = selector.firstArguments.get(parent.id) ?? []
    selector.firstArguments.set(parent.id, [...words, word])
  }
  noteRule(selector, name, true)
  return undefined
}

/** By the name it was declared with: rename-command changes nothing about rules. */
function findEntry(table: CommandTable, fullName: string): Entry | undefined {
  for (const entry of allEntries(table)) if (entry.fullName === fullName) return entry
  return undefined
}

function categoryRule(table: CommandTable, selector: Selector, rule: string): string | undefined {
  const category = lower(rule.slice(2))
  const allow = rule.startsWith('+')
  const known = [...allEntries(table)].filter((entry) => categoriesOf(entry).includes(category))
  if (!CATEGORIES.includes(category)) return UNKNOWN
  noteRule(selector, `@${category}`, allow)
  for (const entry of known) allowEntry(selector, entry, allow)
  return undefined
}

/** Changes a selector by one rule; returns why the rule is wrong. */
export function applySelectorRule(table: CommandTable, selector: Selector, rule: string): string | undefined {
  switch (lower(rule)) {
    case 'allkeys':
    case '~*':
      selector.allKeys = true
      selector.keys = []
      return undefined
    case 'resetkeys':
      selector.allKeys = false
      selector.keys = []
      return undefined
    case 'allchannels':
    case '&*':
      selector.allChannels = true
      selector.channels = []
      return undefined
    case 'resetchannels':
      selector.allChannels = false
      selector.channels = []
      return undefined
    case 'allcommands':
    case '+@all':
      allowAll(selector, true)
      return undefined
    case 'nocommands':
    case '-@all':
      allowAll(selector, false)
      return undefined
    default:
  }
  if (/^[~%]/.test(rule)) return addKeyPattern(selector, rule)
  if (rule.startsWith('&')) return addChannel(selector, rule.slice(1))
  if (/^[+-]@/.test(rule)) return categoryRule(table, selector, rule)
  if (/^[+-]/.test(rule)) return commandRule(table, selector, rule)
  return SYNTAX
}

function describeKey({ pattern, flags }: KeyPattern): string {
  if (flags === (MAY_READ | MAY_WRITE)) return `~${pattern}`
  return flags === MAY_READ ? `%R~${pattern}` : `%W~${pattern}`
}

/** The key patterns as rules. */
export function describeKeys(selector: Selector): string {
  return selector.allKeys ? '~*' : selector.keys.map(describeKey).join(' ')
}

/** The channel patterns as rules. */
export function describeChannels(selector: Selector): string {
  return selector.allChannels ? '&*' : selector.channels.map((channel) => `&${channel}`).join(' ')
}

/** The rules about commands. */
export function describeCommands(selector: Selector): string {
  return [selector.future ? '+@all' : '-@all', ...selector.rules].join(' ')
}

/** The whole selector as rules that make it. */
export function describeSelector(selector: Selector): string {
  const keys = describeKeys(selector)
  const channels = describeChannels(selector)
  const reset = selector.allChannels ? '' : 'resetchannels'
  return [keys, reset, channels, describeCommands(selector)].filter((part) => part !== '').join(' ')
}

/** Whether a key may be used in a way (MAY_READ, MAY_WRITE, both or none of them). */
export function allowsKey(selector: Selector, key: Uint8Array, needs: number): boolean {
  return (
    selector.allKeys ||
    selector.keys.some(
      ({ bytes, flags }) =>
        (flags & needs) === needs && globMatch(bytes, 0, bytes.length, key, 0, key.length),
    )
  )
}

/** Whether a channel, or with `isPattern` the subscription to just this pattern, is allowed. */
export function allowsChannel(selector: Selector, channel: Uint8Array, isPattern: boolean): boolean {
  if (selector.allChannels) return true
  return selector.channels.some((allowed) => {
    const bytes = bytesOf(allowed)
    if (!isPattern) return globMatch(bytes, 0, bytes.length, channel, 0, channel.length)
    return bytes.length === channel.length && bytes.every((byte, i) => byte === channel[i])
  })
}
