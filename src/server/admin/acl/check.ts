/** Whether a user may run a command: the command itself, every key it names, every channel. */

import { QUOTED_BYTES_MAX, WORD_BYTES_MAX } from '../../../bytes/text-limits.js'
import {
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_NOT_KEY,
  KEY_UPDATE,
  NO_AUTH,
} from '../../../commands/command.js'
import type { Entry } from '../../../commands/table.js'
import type { Args } from '../../../resp/args.js'
import { lower, textOf } from '../../config/text.js'
import { findKeysUsed } from './key-flags.js'
import { allowsChannel, allowsKey, MAY_READ, MAY_WRITE, type Selector } from './selector.js'
import type { User } from './users.js'

/** What was denied; `index` is the argument that names the key or channel. Later kinds count as nearer misses. */
export type Denial = { readonly reason: 'command' | 'key' | 'channel'; readonly index: number }

const NEARNESS = ['command', 'key', 'channel']

/** Whether the first argument opens a command that is closed otherwise (`+select|0`). */
function openedByArgument(selector: Selector, entry: Entry, args: Args): boolean {
  const words = selector.firstArguments.get(entry.id)
  const index = entry.parent === null ? 1 : 2
  if (words === undefined || args.count <= index) return false
  return words.includes(lower(textOf(args.view(index), WORD_BYTES_MAX)))
}

function needsOf(flags: number): number {
  // A command that finds its keys by itself says nothing about what it does to them.
  if (flags === 0) return MAY_READ | MAY_WRITE
  const reads = (flags & KEY_ACCESS) !== 0 ? MAY_READ : 0
  return (flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) !== 0 ? reads | MAY_WRITE : reads
}

function deniedKey(selector: Selector, entry: Entry, args: Args): number {
  let denied = 0
  findKeysUsed(entry, args, (index, flags) => {
    if (denied !== 0 || (flags & KEY_NOT_KEY) !== 0) return
    if (!allowsKey(selector, args.view(index), needsOf(flags))) denied = index
  })
  return denied
}

function deniedChannel(selector: Selector, entry: Entry, args: Args): number {
  const name = entry.fullName
  const one = name === 'publish' || name === 'spublish'
  if (!one && name !== 'subscribe' && name !== 'ssubscribe' && name !== 'psubscribe') return 0
  const end = one ? 2 : args.count
  for (let i = 1; i < end; i++) {
    if (!allowsChannel(selector, args.view(i), name === 'psubscribe')) return i
  }
  return 0
}

function denialOf(selector: Selector, entry: Entry, args: Args): Denial | undefined {
  const free = selector.allCommands || (entry.flags & NO_AUTH) !== 0
  if (!free && selector.allowed[entry.id] !== 1 && !openedByArgument(selector, entry, args)) {
    return { reason: 'command', index: 0 }
  }
  const key = selector.allKeys ? 0 : deniedKey(selector, entry, args)
  if (key !== 0) return { reason: 'key', index: key }
  const channel = selector.allChannels ? 0 : deniedChannel(selector, entry, args)
  return channel !== 0 ? { reason: 'channel', index: channel } : undefined
}

/** Why the user may not run the command; undefined if it may. Of several selectors the nearest miss counts. */
export function checkUser(user: User, entry: Entry, args: Args): Denial | undefined {
  let nearest: Denial = { reason: 'command', index: 0 }
  for (const selector of user.selectors) {
    const denial = denialOf(selector, entry, args)
    if (denial === undefined) return undefined
    const further = NEARNESS.indexOf(denial.reason) - NEARNESS.indexOf(nearest.reason)
    if (further > 0 || (further === 0 && denial.index > nearest.index)) nearest = denial
  }
  return nearest
}

/** Whether the user may run the command, and with it read any key: also one that no argument names. */
export function mayReadAnyKey(user: User, entry: Entry): boolean {
  return user.selectors.some((selector) => {
    if (!selector.allCommands && selector.allowed[entry.id] !== 1) return false
    const everything = selector.keys.some(({ pattern, flags }) => pattern === '*' && (flags & MAY_READ) !== 0)
    return selector.allKeys || everything
  })
}

/** How a denial is told. `verbose` (ACL DRYRUN) names the key or channel. */
export function denialText(user: User, entry: Entry, args: Args, denial: Denial, verbose: boolean): string {
  if (denial.reason === 'command') {
    return `User ${user.name} has no permissions to run the '${entry.fullName}' command`
  }
  if (!verbose) return `No permissions to access a ${denial.reason}`
  const name = textOf(args.view(denial.index), QUOTED_BYTES_MAX)
  return `User ${user.name} has no permissions to access the '${name}' ${denial.reason}`
}
