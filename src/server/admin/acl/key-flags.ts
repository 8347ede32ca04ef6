/**
 * What a command does to a key where that depends on its other arguments: SET reads only with GET, BITFIELD
 * writes only with something else than GET. Their key specifications say `variable_flags`.
 */

import {
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
} from '../../../commands/command.js'
import { type Entry, findKeys } from '../../../commands/table.js'
import type { Args } from '../../../resp/args.js'

function has(args: Args, from: number, word: string): boolean {
  for (let i = from; i < args.count; i++) if (args.is(i, word)) return true
  return false
}

function settled(entry: Entry, args: Args, flags: number): number {
  if ((flags & KEY_VARIABLE_FLAGS) === 0) return flags
  if (entry.fullName === 'set') {
    return has(args, 3, 'get') ? KEY_RW | KEY_ACCESS | KEY_UPDATE : KEY_OW | KEY_UPDATE
  }
  if (entry.fullName === 'bitfield') {
    const writes = has(args, 2, 'set') || has(args, 2, 'incrby')
    return writes ? KEY_RW | KEY_ACCESS | KEY_UPDATE : KEY_RO | KEY_ACCESS
  }
  return flags
}

/** As `findKeys`, with the flags of just these arguments. */
export function findKeysUsed(
  entry: Entry,
  args: Args,
  push: (index: number, flags: number) => void,
): boolean {
  return findKeys(entry.command, args, (index, flags) => push(index, settled(entry, args, flags)))
}
