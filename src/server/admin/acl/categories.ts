/** Categories of commands: what ACL rules like `+@read` mean. They follow from a command's group and flags. */

import { ADMIN, BLOCKING, FAST, type Group, PUBSUB, READONLY, WRITE } from '../../../commands/command.js'
import type { CommandTable, Entry } from '../../../commands/table.js'

/** All categories, in Redis's order. */
export const CATEGORIES: readonly string[] = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
]

const OF_GROUP: Partial<Readonly<Record<Group, string>>> = {
  string: 'string',
  list: 'list',
  set: 'set',
  'sorted-set': 'sortedset',
  hash: 'hash',
  hyperloglog: 'hyperloglog',
  geo: 'geo',
  stream: 'stream',
  bitmap: 'bitmap',
  scripting: 'scripting',
  connection: 'connection',
  transactions: 'transaction',
}

/** The categories of a command, in Redis's order. */
export function categoriesOf(entry: Entry): readonly string[] {
  const { command, flags } = entry
  const found = new Set(command.categories ?? [])
  const group = OF_GROUP[command.group]
  // A container does nothing itself: only its subcommands belong to a subject.
  if (group !== undefined && entry.subcommands.length === 0) found.add(group)
  if ((flags & WRITE) !== 0) found.add('write')
  if ((flags & READONLY) !== 0 && !found.has('scripting')) found.add('read')
  if ((flags & ADMIN) !== 0) found.add('admin').add('dangerous')
  if ((flags & PUBSUB) !== 0) found.add('pubsub')
  if ((flags & BLOCKING) !== 0) found.add('blocking')
  found.add((flags & FAST) !== 0 ? 'fast' : 'slow')
  return CATEGORIES.filter((category) => found.has(category))
}

/** All commands with their subcommands. */
export function* allEntries(table: CommandTable): Generator<Entry> {
  for (const entry of table.entries) {
    yield entry
    yield* entry.subcommands
  }
}
